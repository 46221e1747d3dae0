/** The columns of Debian's perf 6.1: the expected lines were printed by it, numbers and all, where the host has the event. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { makeAttr } from '#kernel/perf/attr.ts';
import { isModelledEvent } from '#system/events/modelled.ts';
import { parseEvents } from '#system/events/parse.ts';
import type { Counted } from './events.ts';
import type { RunOutcome } from './measure.ts';
import { printCsv, printJson } from './print-machine.ts';
import { printText } from './print-text.ts';
import { average, statLines } from './statistics.ts';

function outcome(
  events: readonly (readonly [name: string, value: number | string, enabledNs?: number, runningNs?: number])[],
  elapsedNs: number,
): RunOutcome {
  return {
    events: events.map(([name, value, enabledNs = 546_414, runningNs = enabledNs]): Counted => {
      const spec = parseEvents(name, SKYLAKE)[0]?.events[0];
      assert.ok(spec !== undefined);
      const refusal = typeof value === 'string' ? { errno: 2, reason: value } : undefined;
      const attr = makeAttr({ type: spec.type, config: spec.config, flags: spec.flags });
      return {
        spec,
        attr,
        refusal,
        value: typeof value === 'number' ? value : 0,
        enabledNs,
        runningNs,
        account: undefined,
        modelled: isModelledEvent(spec, SKYLAKE),
      };
    }),
    elapsedNs,
    userNs: 1_379_000,
    systemNs: 0,
    result: { kind: 'ended', status: 0 },
    messages: [],
    missing: new Map(),
    pmis: { served: 0, spurious: 0 },
    observed: undefined,
  };
}

const PERF = outcome(
  [
    ['instructions:u', 'no PMU'],
    ['task-clock', 546_414],
    ['page-faults', 49],
    ['context-switches', 0],
  ],
  1_006_287,
);

test('-x,: perf’s fields', () => {
  assert.equal(
    printCsv(statLines([PERF]), ',', false),
    '<not supported>,,instructions:u,0,100.00,,\n' +
      '0.55,msec,task-clock,546414,100.00,0.543,CPUs utilized\n' +
      '49,,page-faults,546414,100.00,89.676,K/sec\n' +
      '0,,context-switches,546414,100.00,0.000,/sec\n',
  );
  assert.equal(printCsv(statLines([PERF, PERF]), ';', true).split('\n')[2], '49;;page-faults;0.00%;546414;100.00;89.676;K/sec');
});

test('-j: perf’s spacing', () => {
  assert.equal(
    printJson(statLines([PERF]), false).split('\n')[0],
    '{"counter-value" : "<not supported>", "unit" : "", "event" : "instructions:u", "event-runtime" : 0, "pcnt-running" : 100.00, "metric-value" : 0.000000, "metric-unit" : ""}',
  );
  assert.equal(
    printJson(statLines([PERF, PERF]), true).split('\n')[3],
    '{"counter-value" : "0.000000", "unit" : "", "event" : "context-switches", "variance" : 0.00, "event-runtime" : 546414, "pcnt-running" : 100.00, "metric-value" : 0.000000, "metric-unit" : "/sec"}',
  );
});

const text = (runs: readonly RunOutcome[]): string[] =>
  printText(statLines(runs), {
    title: "'true'",
    runs: runs.length,
    repeat: runs.length > 1,
    bigNumbers: true,
    elapsedNs: average(runs.map((r) => r.elapsedNs)),
    used: runs.length > 1 ? undefined : { userNs: 1_379_000, systemNs: 0 },
  }).split('\n');

test('text: perf’s columns, blank for blank', () => {
  assert.deepEqual(text([PERF]).slice(0, 14), [
    '',
    " Performance counter stats for 'true':",
    '',
    '   <not supported>      instructions:u                                                     ',
    '              0.55 msec task-clock                       #    0.543 CPUs utilized          ',
    '                49      page-faults                      #   89.676 K/sec                  ',
    '                 0      context-switches                 #    0.000 /sec                   ',
    '',
    '       0.001006287 seconds time elapsed (modelled)',
    '',
    '       0.001379000 seconds user',
    '       0.000000000 seconds sys',
    '',
    '',
  ]);
  assert.equal(text([PERF]).at(-2), ' modelled, see docs/model.md: all times');
});

test('text: insn per cycle, GHz, misses, multiplexing, thousands', () => {
  const run = outcome(
    [
      ['task-clock', 922_539],
      ['cycles', 2_933_482, 922_539, 692_000],
      ['instructions', 3_071_384],
      ['alignment-faults', 'alignment-faults is not modelled yet'],
      ['instructions:u', 1000],
      ['branches', 0, 922_539, 0],
    ],
    1_300_000,
  );
  const lines = text([run]);
  assert.equal(lines[4], '         3,910,768      cycles                           #    4.239 GHz                      (75.01%)');
  assert.equal(lines[5], '         3,071,384      instructions                     #    0.79  insn per cycle         ');
  assert.equal(lines[6], '<not modelled yet>      alignment-faults                                                   ');
  assert.equal(lines[8], `     <not counted>      ${'branches'.padEnd(67)}  (0.00%)`);
  assert.equal(printCsv(statLines([run]), ',', false).split('\n')[5], '<not counted>,,branches,0,0.00,,');
  assert.equal(lines[7]?.trimEnd(), '             1,000      instructions:u', 'no cycles of the same ring to compare with');
});

test('-r: mean and error; of what does not vary perf says nothing', () => {
  const lines = text([PERF, PERF, PERF]);
  assert.equal(lines[1], " Performance counter stats for 'true' (3 runs):");
  assert.equal(lines[5], '                49      page-faults                      #   89.676 K/sec                  ');
  assert.equal(lines[8], '       0.001006287 +- 0.000000000 seconds time elapsed (modelled)');
  assert.equal(average([10, 20]).errorPercent.toFixed(2), '33.33');
});
