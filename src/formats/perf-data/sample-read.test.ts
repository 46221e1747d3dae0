import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERF_FORMAT, PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { makeAttr } from './attr.ts';
import { openPerfDataSync } from './read.ts';
import { Reporter } from './report.ts';
import { eventReportText } from './report-text.ts';
import { Session } from './session.ts';
import { memorySource } from './source.ts';
import { writePerfData } from './write.ts';

test('a sample with counters stands for each counter that moved, by how much; a group is one table', () => {
  const attr = makeAttr({
    sample_type: PERF_SAMPLE.IP | PERF_SAMPLE.TID | PERF_SAMPLE.READ | PERF_SAMPLE.IDENTIFIER,
    read_format: PERF_FORMAT.GROUP | PERF_FORMAT.ID,
    sample_period: 100n,
  });
  const sample = (ip: bigint, a: bigint, b: bigint) => ({
    sample: {
      identifier: 1n,
      ip,
      pid: 1,
      tid: 1,
      read: {
        values: [
          { value: a, id: 1n },
          { value: b, id: 2n },
          { value: 9n, id: 77n },
        ],
      },
    },
  });
  const bytes = writePerfData(
    {
      events: [
        { attr, name: 'cycles', ids: [1n] },
        { attr, name: 'misses', ids: [2n] },
      ],
    },
    [sample(0x10n, 110n, 0n), sample(0x20n, 200n, 7n), sample(0x20n, 200n, 28n)],
  );
  const data = openPerfDataSync(memorySource(bytes));
  const reporter = new Reporter(data.recording, new Session(data.recording), {
    sort: ['sym'],
    children: false,
    callGraph: 'none',
    branch: false,
  });
  assert.equal(data.scan(reporter).damage, undefined);
  const events = reporter.finish();
  assert.deepEqual(
    events.map((e) => [e.event.name, e.samples, e.period]),
    [
      ['cycles', 2, 200],
      ['misses', 2, 28],
    ],
  );
  assert.equal(data.recording.unknownIds, 3); // id 77 is no event's
  const text = eventReportText(
    events,
    { sort: ['sym'], showSamples: false, children: false, callGraph: 'none', percentLimit: 0 },
    'anon group { cycles, misses }',
  );
  assert.equal(
    text,
    `# Samples: 4  of events 'anon group { cycles, misses }'
# Event count (approx.): 228
#
#         Overhead  Symbol                
# ................  ......................
#
    55.00%   0.00%  [.] 0x0000000000000010
    45.00% 100.00%  [.] 0x0000000000000020
`,
  );
});
