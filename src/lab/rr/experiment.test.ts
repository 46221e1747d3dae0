/** lab rr's numbers: with Linux's handler two runs agree at every stop; with the freezing one they differ by what the ledger says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { NEHALEM } from '#arch/cpu-models/nehalem.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { YONAH } from '#arch/cpu-models/yonah.ts';
import { CHECK_BRANCHES, DEFAULT_RR_SKID, DEFAULT_SLICE, rrExperiment } from './experiment.ts';
import { guestProgram } from './guest.ts';

const options = { slice: DEFAULT_SLICE, skids: [DEFAULT_RR_SKID, DEFAULT_RR_SKID], seeds: [1, 2] } as const;

test('rr: equal totals and stops with stop-in-handler, less by exactly the frozen loss with freeze-on-overflow', () => {
  for (const model of [SKYLAKE, NEHALEM]) {
    const result = rrExperiment({ ...options, model });
    const pair = (name: string): (typeof result.pairs)[number] => {
      const found = result.pairs.find((p) => p.handler === name);
      assert.ok(found);
      return found;
    };
    for (const name of ['stop-in-handler', 'freeze-on-delivery']) {
      const { recording, replay, divergence } = pair(name);
      for (const run of [recording, replay]) {
        assert.deepEqual(run.stops, result.truth);
        assert.deepEqual([run.missing, run.frozen], [0, 0]);
        assert.ok(run.interrupts > 30);
      }
      assert.equal(divergence, undefined);
    }
    const { recording, replay, divergence } = pair('freeze-on-overflow');
    assert.equal(divergence, 0);
    for (const run of [recording, replay]) {
      assert.ok(run.missing > 0);
      assert.equal(run.missing, run.frozen);
    }
    assert.notEqual(recording.missing, replay.missing);
    // What the debugger's start-up looks at is fine with every handler: enough are counted, and not too many.
    for (const p of result.pairs) {
      assert.ok(p.checksPass);
      assert.equal(p.recording.checks.counts, CHECK_BRANCHES);
      assert.equal(p.recording.hash, p.replay.hash);
    }
  }
});

test('rr: a model without the event says so', () => {
  assert.throws(() => rrExperiment({ ...options, model: YONAH }), /yonah has no event for retired conditional branches/);
});

test('the guest is programs/bin/rr', () => {
  assert.deepEqual(Buffer.from(guestProgram()), readFileSync('programs/bin/rr'));
});
