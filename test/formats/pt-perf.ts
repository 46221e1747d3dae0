/** Recordings made to order: Debian's perf and we decode the same instructions and branches from them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DiskCode } from '#cli/code-provider.ts';
import { makeAttr } from '#formats/perf-data/attr.ts';
import { openPerfDataSync, type SampleId } from '#formats/perf-data/read.ts';
import { memorySource } from '#formats/perf-data/source.ts';
import { type WriteRecord, writePerfData } from '#formats/perf-data/write.ts';
import { PtCollector } from '#formats/pt/collect.ts';
import { parseItrace } from '#formats/pt/itrace-options.ts';
import { PtWriter } from '#formats/pt/packet-writer.ts';
import { decodeSession } from '#formats/pt/session.ts';
import type { SynthEvent } from '#formats/pt/synth.ts';

const noPerf = spawnSync('perf', ['--version']).status === 0 ? false : 'no perf here';
const PT_PMU = 8;
const BASE = 0x401000n;

/** The program's code, mapped by process `pid`. */
const mapOf = (filename: string, pid: number, sampleId: SampleId): WriteRecord => ({
  kernel: {
    type: 'MMAP2',
    pid,
    tid: pid,
    addr: BASE,
    len: 0x1000n,
    pgoff: 0x1000n,
    maj: 8,
    min: 1,
    ino: 1n,
    inoGeneration: 0n,
    prot: 5,
    flags: 2,
    filename,
  },
  misc: 2,
  sampleId,
});

/** A static ELF with its code at 0x401000, file offset 0x1000. */
function program(code: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(0x1000 + code.length);
  const v = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  v.setUint16(16, 2, true);
  v.setUint16(18, 62, true);
  v.setUint32(20, 1, true);
  v.setBigUint64(24, BASE, true);
  v.setBigUint64(32, 64n, true);
  v.setUint16(52, 64, true);
  v.setUint16(54, 56, true);
  v.setUint16(56, 1, true);
  v.setUint32(64, 1, true);
  v.setUint32(68, 5, true);
  [0x1000n, BASE, BASE, BigInt(code.length), BigInt(code.length), 0x1000n].forEach((x, i) => v.setBigUint64(72 + 8 * i, x, true));
  bytes.set(code, 0x1000);
  return bytes;
}

interface Made {
  readonly file: string;
  readonly bytes: Uint8Array;
}

function make(code: readonly number[], trace: Uint8Array): Made {
  const dir = mkdtempSync(join(tmpdir(), 'perfglass-pt-'));
  const exe = join(dir, 'program');
  writeFileSync(exe, program(code));
  const padded = new Uint8Array(Math.ceil(trace.length / 8) * 8);
  padded.set(trace);
  const SAMPLE_TYPE = 1 | 2 | 0x10000; // IP, TID, IDENTIFIER
  const attr = makeAttr({
    type: PT_PMU,
    config: 0x2001n, // pt, branch
    sample_period: 1n,
    sample_type: SAMPLE_TYPE,
    flags: { disabled: true, exclude_kernel: true, exclude_hv: true, sample_id_all: true },
  });
  const id = { pid: 100, tid: 100, id: 1n };
  const records: WriteRecord[] = [
    {
      user: {
        type: 'AUXTRACE_INFO',
        auxType: 1,
        priv: [PT_PMU, 0, 0, 0, 0, 0x400, 0x800, 0, 0, 0, 0x200, 0x3c000, 0, 0, 2, 0, 0].map(BigInt),
      },
    },
    { kernel: { type: 'COMM', pid: 100, tid: 100, comm: 'prog' }, sampleId: id },
    mapOf(exe, 100, id),
    { kernel: { type: 'ITRACE_START', pid: 100, tid: 100 }, sampleId: id },
    { user: { type: 'AUXTRACE', size: padded.length, offset: 0n, reference: 0n, idx: 0, tid: 100, cpu: 0xffff_ffff }, payload: padded },
    { kernel: { type: 'EXIT', pid: 100, tid: 100, ppid: 100, ptid: 100, time: 0n }, sampleId: id },
  ];
  const bytes = writePerfData({ events: [{ attr, ids: [1n], name: 'intel_pt//u' }] }, records);
  const file = join(dir, 'perf.data');
  writeFileSync(file, bytes);
  return { file, bytes };
}

function ours({ bytes }: Made, itrace: string): SynthEvent[] {
  const data = openPerfDataSync(memorySource(bytes));
  const collector = new PtCollector(data.recording);
  const end = data.scan(collector);
  assert.equal(end.damage, undefined);
  const input = collector.finish(parseItrace(itrace), new DiskCode().provide);
  assert.ok(input !== undefined, collector.problem);
  return [...decodeSession(input)];
}

function perfs({ file }: Made, itrace: string, fields: string): string[] {
  const r = spawnSync('perf', ['script', '-i', file, `--itrace=${itrace}`, '-F', fields], { encoding: 'utf8' });
  return `${r.stdout}`
    .split('\n')
    .map((l) => l.trim().replace(/\s+/g, ' '))
    .filter((l) => l !== '');
}

const CODE = [
  0xe8,
  0x0b,
  0x00,
  0x00,
  0x00, // 401000 call 401010
  0x74,
  0x01, // 401005 jz 401008
  0x90, // 401007 nop
  0xe8,
  0x03,
  0x00,
  0x00,
  0x00, // 401008 call 401010
  0xeb,
  0x00, // 40100d jmp 40100f
  0x90, // 40100f nop, falls into 401010
  0x90, // 401010 nop
  0xc3, // 401011 ret
];

const TRACE = new PtWriter()
  .psb()
  .modeExec(64)
  .psbend()
  .modeExec(64)
  .pge(0x401000n)
  .tnt('TN') // compressed return, jz not taken
  .tip(0x40100dn) // uncompressed return
  .fup(0x40100fn)
  .pgd()
  .pge(0x401005n)
  .tnt('T')
  .tnt('T') // jz taken, return
  .fup(0x401010n)
  .pgd()
  .toBytes();

test('instructions: perf script --itrace=i1i', { skip: noPerf }, () => {
  const made = make(CODE, TRACE);
  const mine = ours(made, 'i1i').map((e) => e.ip.toString(16));
  const theirs = perfs(made, 'i1i', 'ip').map((l) => l.split(' ')[0]);
  assert.ok(mine.length > 10, `${mine.length} instructions`);
  assert.deepEqual(mine, theirs);
});

test('branches: perf script --itrace=b, from, to and flags', { skip: noPerf }, () => {
  const made = make(CODE, TRACE);
  const mine = ours(made, 'b').map((e) => `${e.flags} ${e.ip.toString(16)} => ${(e.addr ?? 0n).toString(16)}`.replace(/\s+/g, ' '));
  const theirs = perfs(made, 'b', 'ip,addr,flags');
  assert.ok(mine.length >= 10, `${mine.length} branches`);
  assert.deepEqual(mine, theirs);
});

test('two threads on one CPU, with times: instructions of each, perf and we', { skip: noPerf }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'perfglass-pt-'));
  const exe = join(dir, 'program');
  writeFileSync(exe, program(CODE));
  const trace = new PtWriter();
  trace.psb().tsc(1000n).psbend().modeExec(64).pge(0x401000n).tnt('TN').tip(0x40100dn).fup(0x40100fn).pgd();
  trace.tsc(3000n).modeExec(64).pge(0x401005n).tnt('TT').fup(0x401010n).pgd().pad(8);
  const bytes = trace.toBytes();
  const padded = bytes.subarray(0, bytes.length - (bytes.length % 8));
  const SAMPLE_TYPE = 1 | 2 | 4 | 0x80 | 0x10000; // IP, TID, TIME, CPU, IDENTIFIER
  const attr = makeAttr({
    type: PT_PMU,
    config: 0x2401n, // pt, branch, tsc
    sample_period: 1n,
    sample_type: SAMPLE_TYPE,
    flags: { disabled: true, exclude_kernel: true, exclude_hv: true, sample_id_all: true, context_switch: true },
  });
  const id = (pid: number, time: bigint): { pid: number; tid: number; time: bigint; cpu: number; id: bigint } => ({
    pid,
    tid: pid,
    time,
    cpu: 0,
    id: 1n,
  });
  const records: WriteRecord[] = [
    // shift 0, mult 1, zero 0: TSC is ns; CPU-wide context switches, per-CPU buffers
    {
      user: {
        type: 'AUXTRACE_INFO',
        auxType: 1,
        priv: [PT_PMU, 0, 1, 0, 1, 0x400, 0x800, 3, 0, 1, 0x200, 0x3c000, 0, 0, 2, 0, 0].map(BigInt),
      },
    },
    ...[100, 200].flatMap((pid): WriteRecord[] => [
      { kernel: { type: 'COMM', pid, tid: pid, comm: `prog${pid}` }, sampleId: id(pid, 1n) },
      mapOf(exe, pid, id(pid, 1n)),
    ]),
    { kernel: { type: 'ITRACE_START', pid: 100, tid: 100 }, sampleId: id(100, 900n) },
    { user: { type: 'AUXTRACE', size: padded.length, offset: 0n, reference: 900n, idx: 0, tid: -1, cpu: 0 }, payload: padded },
    { kernel: { type: 'SWITCH_CPU_WIDE', nextPrevPid: 200, nextPrevTid: 200 }, misc: 0x2000, sampleId: id(100, 2000n) },
    { kernel: { type: 'SWITCH_CPU_WIDE', nextPrevPid: 100, nextPrevTid: 100 }, misc: 0, sampleId: id(200, 2001n) },
    { kernel: { type: 'EXIT', pid: 200, tid: 200, ppid: 200, ptid: 200, time: 5000n }, sampleId: id(200, 5000n) },
  ];
  const made = { file: join(dir, 'perf.data'), bytes: writePerfData({ events: [{ attr, ids: [1n], name: 'intel_pt//u' }] }, records) };
  writeFileSync(made.file, made.bytes);
  const mine = ours(made, 'i1i').map((e) => `${e.comm} ${e.tid} ${e.ip.toString(16)}`);
  const theirs = perfs(made, 'i1i', 'comm,tid,ip');
  assert.equal(mine.length, 9 + 6);
  assert.deepEqual(mine, theirs);
});
