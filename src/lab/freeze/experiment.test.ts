import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NEHALEM } from '#arch/cpu-models/nehalem.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { LOST_CAUSES } from '#kernel/perf/ledger.ts';
import { freezeExperiment } from './experiment.ts';
import { builtInWorkload } from './workload.ts';

for (const model of [SKYLAKE, NEHALEM]) {
  test(`lab freeze on ${model.name}: books close, and what is lost is what the retire stream says`, () => {
    const result = freezeExperiment({ model, workload: builtInWorkload(), period: 1009, skids: ['0i', '20i', '30..200c'], seed: 1 });
    assert.equal(result.runs.length, 9);
    for (const run of result.runs) {
      const where = `${run.handler}, skid ${run.skid}`;
      assert.ok(run.samples.delivered > 50, where);
      for (const e of run.events) {
        const lost = LOST_CAUSES.reduce((sum, c) => sum + e.lost[c], 0);
        assert.equal(e.true + e.over, e.counted + lost, `${where}: ${e.role}`);
        assert.equal(e.lost.frozen, e.independent, `${where}: ${e.role}`);
        if (run.handler === 'freeze-on-overflow' && run.skid !== '0i') assert.ok(e.lost.frozen > 0, `${where}: ${e.role}`);
      }
      if (run.handler === 'freeze-on-overflow') assert.deepEqual(run.coherence, { mean: 0, greatest: 0 }, where);
      else if (run.skid === '20i') assert.ok((run.coherence?.greatest ?? 0) > 0, where);
    }
  });
}
