import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { handlersFor } from '#kernel/perf/intel/pmi/handlers.ts';
import { freezeFigure } from './figure.ts';
import { traceFreeze } from './trace.ts';
import { builtInWorkload } from './workload.ts';

const options = { model: SKYLAKE, workload: builtInWorkload(), period: 1009, skids: [], seed: 0 };

test('A4, A5, A23 in one window: who stands still when, in user and in kernel mode', () => {
  for (const ring of ['user', 'kernel'] as const) {
    for (const handler of handlersFor(SKYLAKE)) {
      const t = traceFreeze(options, handler, ring, '40i');
      const where = `${handler.name}, ${ring}`;
      const at = (x: number) => t.points.findLast((p) => p.x <= x);
      const [overflow, delivery, end] = [at(0), at(t.delivery), at(t.end)];
      assert.ok(overflow !== undefined && delivery !== undefined && end !== undefined, where);
      assert.equal(t.delivery, 40, where);
      assert.deepEqual(overflow.counted, [0, 0, 0], where);
      // Nobody misses anything before the PMI, or everybody everything.
      if (handler.name === 'freeze-on-overflow') assert.deepEqual(delivery.counted, overflow.counted, where);
      else assert.deepEqual(delivery.counted, delivery.truth, where);
      // perf's own work is true for nobody; a kernel counter sees some of it.
      assert.deepEqual(end.truth, delivery.truth, where);
      const seen = (end.counted[0] ?? 0) - (delivery.counted[0] ?? 0);
      if (ring === 'user') assert.equal(seen, 0, where);
      else assert.ok(seen > 0, where);
    }
  }
});

test('the figure is well-formed, self-contained and tells its numbers to those who cannot see it', () => {
  const traces = handlersFor(SKYLAKE).map((h) => traceFreeze(options, h, 'user', '40i'));
  const svg = freezeFigure([traces], { model: 'skylake', workload: 'a <b> & "c"' });
  assert.ok(svg.startsWith('<svg xmlns=') && svg.trimEnd().endsWith('</svg>'));
  assert.match(svg, /freeze-on-overflow, overflow in user mode: instructions lost 40/);
  assert.match(svg, /a &lt;b&gt; &amp; &quot;c&quot;/);
  assert.doesNotMatch(svg, /NaN|undefined|Infinity|https?:\/\/(?!www\.w3\.org)/);
  assert.equal(svg.split('<g ').length, svg.split('</g>').length);
  assert.match(svg, /prefers-color-scheme: dark/);
});
