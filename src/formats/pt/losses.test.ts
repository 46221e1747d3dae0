/** `inspect` over a recording with a Processor Trace: what its packets lost is found with amount, place and thread. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { makeAttr } from '../perf-data/attr.ts';
import { inspectText, summarize } from '../perf-data/inspect.ts';
import { openPerfDataSync } from '../perf-data/read.ts';
import { memorySource } from '../perf-data/source.ts';
import { writePerfData, type WriteRecord } from '../perf-data/write.ts';
import { PtCollector } from './collect.ts';
import { parseItrace } from './itrace-options.ts';
import { PtLosses } from './losses.ts';
import { PtWriter } from './packet-writer.ts';
import type { CodeProvider } from './world.ts';

const PT_PMU = 8;
const at = { pid: 7, tid: 7, time: 5n, cpu: 1 };

/** A recording of one thread's trace, without time packets, in AUX pieces at these offsets. */
function recording(pieces: readonly (readonly [bigint, Uint8Array])[]): Uint8Array {
  const attr = makeAttr({
    type: PT_PMU,
    config: 0x2000n, // BranchEn, no TSC
    sample_type: PERF_SAMPLE.IP | PERF_SAMPLE.TID | PERF_SAMPLE.TIME | PERF_SAMPLE.CPU,
    sample_period: 1n,
    flags: { sample_id_all: true },
  });
  const priv = [BigInt(PT_PMU), 0n, 1n, 0n, 0n, 0x400n, 0x800n, 0n, 0n, 1n];
  const records: WriteRecord[] = [
    { user: { type: 'AUXTRACE_INFO', auxType: 1, priv } },
    { kernel: { type: 'COMM', pid: 7, tid: 7, comm: 'traced' }, sampleId: at },
    {
      kernel: {
        type: 'MMAP2',
        pid: 7,
        tid: 7,
        addr: 0x401000n,
        len: 0x1000n,
        pgoff: 0n,
        maj: 0,
        min: 0,
        ino: 0n,
        inoGeneration: 0n,
        prot: 5,
        flags: 2,
        filename: '/bin/traced',
      },
      misc: 2,
      sampleId: at,
    },
    { kernel: { type: 'ITRACE_START', pid: 7, tid: 7 }, sampleId: at },
    ...pieces.map(
      ([offset, data]): WriteRecord => ({
        user: { type: 'AUXTRACE', size: data.length, offset, reference: 0n, idx: 0, tid: 7, cpu: 0xffff_ffff },
        payload: data,
      }),
    ),
  ];
  return writePerfData({ events: [{ attr, name: 'intel_pt//' }] }, records);
}

function findings(bytes: Uint8Array, itrace: string, code: CodeProvider): string[] {
  const data = openPerfDataSync(memorySource(bytes));
  const collector = new PtCollector(data.recording);
  const end = data.scan({ record: (c) => collector.record(c), auxData: (piece, offset) => collector.auxData(piece, offset) });
  assert.equal(end.damage, undefined);
  const input = collector.finish(parseItrace(itrace), code);
  assert.ok(input !== undefined, collector.problem);
  const losses = [...new PtLosses(input).losses()];
  const text = inspectText('x', losses, summarize(losses));
  for (const l of losses) assert.ok(text.includes(l.kind), `${l.kind} is in the text:\n${text}`);
  return losses.map((l) => `${l.kind} ${l.amount ?? '?'} ${l.unit} ${l.comm}/${l.tid}: ${l.note}`);
}

const none: CodeProvider = () => [];
const nop: CodeProvider = ({ addr }) => [{ start: addr, bytes: Uint8Array.of(0x90, 0x75, 0xfd, 0xc3), name: 'traced' }]; // nop; jnz -3; ret
const start = (): PtWriter => new PtWriter().psb().modeExec(64).fup(0x401000n).psbend();

test('nothing is found in a trace that holds together', () => {
  const trace = start().tnt('TTN').pgd().toBytes();
  assert.deepEqual(findings(recording([[0n, trace]]), 'qqe', none), []);
  assert.deepEqual(findings(recording([[0n, trace]]), 'e', nop), []);
});

test('bytes before the first PSB, and AUX bytes that are not in the recording, by number', () => {
  const trace = start().tnt('TTN').pgd().toBytes();
  const bytes = recording([
    [0n, Uint8Array.of(0x02, 0x23, 0, 0, 0, 0, 0, 0)],
    [0x1008n, trace],
  ]);
  const found = findings(bytes, 'qqe', none);
  assert.equal(found.length, 2);
  assert.match(found[0] ?? '', /^PT_GAP 8 bytes traced\/7: trace offset 0x0: bytes before a PSB/);
  assert.match(found[1] ?? '', /^PT_GAP 4096 bytes traced\/7: .*not in the recording/);
});

test('an overflow packet is found, without a made-up amount', () => {
  const trace = start().tnt('T').ovf().fup(0x401000n).tnt('N').pgd().toBytes();
  const found = findings(recording([[0n, trace]]), 'qqe', none);
  assert.equal(found.length, 1);
  assert.match(found[0] ?? '', /^PT_OVERFLOW \? spans traced\/7: trace offset 0x[0-9a-f]+: overflow packet/);
});

test('with the code walked: flow into code that is not there is an error with its address', () => {
  const trace = start().tnt('TTN').pgd().toBytes();
  const found = findings(recording([[0n, trace]]), 'e', none);
  assert.ok(
    found.some((f) => f.startsWith('PT_UNDECODED 1 errors traced/7: ')),
    found.join('\n'),
  );
});
