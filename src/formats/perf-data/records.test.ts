import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { ByteReader, ByteWriter } from '#base/bytes.ts';
import { makeAttr } from './attr.ts';
import { FEATURE_CODECS } from './feature-codecs.ts';
import type { Features } from './features.ts';
import { readPerfData } from './read.ts';
import { decodeKernelRecord, type KernelRecord, writeKernelRecordBody } from './records.ts';
import type { Sample } from './sample.ts';
import type { UserRecord } from './user-records.ts';
import { type WriteRecord, writePerfData } from './write.ts';

const ALL = (1 << 25) - 1 - PERF_SAMPLE.WEIGHT_STRUCT;
const ATTR = makeAttr({
  sample_type: ALL,
  read_format: 31,
  branch_sample_type: BigInt((1 << 3) | (1 << 17)),
  sample_regs_user: 0x3n,
  sample_regs_intr: 0x100n,
  flags: { sample_id_all: true },
});

const FULL: Sample = {
  identifier: 4n,
  ip: 0xffffffff81000000n,
  pid: 10,
  tid: 11,
  time: 123456789012345n,
  addr: 0x7fffn,
  id: 4n,
  streamId: 5n,
  cpu: 3,
  period: 99n,
  read: {
    timeEnabled: 1n,
    timeRunning: 2n,
    values: [
      { value: 7n, id: 4n, lost: 1n },
      { value: 8n, id: 5n, lost: 0n },
    ],
  },
  callchain: [0xffffffffffffff80n, 0xffffffff81000000n],
  raw: Uint8Array.of(1, 2, 3, 4),
  branchStack: { hwIdx: 6n, entries: [{ from: 1n, to: 2n, flags: 0x12n }] },
  regsUser: { abi: 2n, values: [1n, 2n] },
  stackUser: { data: new Uint8Array(16).fill(7), dynSize: 8n },
  weight: 40n,
  dataSrc: 0x68100142n,
  transaction: 3n,
  regsIntr: { abi: 2n, values: [0x1234n] },
  physAddr: 0x5000n,
  cgroup: 77n,
  dataPageSize: 4096n,
  codePageSize: 4096n,
  aux: Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9),
};

test('sample: all fields go out and come back', () => {
  const { records, damage } = readPerfData(writePerfData({ events: [{ attr: ATTR, ids: [4n] }] }, [{ sample: FULL }]));
  assert.equal(damage, undefined);
  const got = records[0]?.sample;
  delete got?.stackUser?.offset;
  assert.deepEqual(JSON.parse(text(got)), JSON.parse(text(FULL)));
});

const text = (v: unknown): string =>
  JSON.stringify(v, (_, x: unknown) => (typeof x === 'bigint' ? `${x}n` : x instanceof Uint8Array ? [...x] : x));

const KERNEL: KernelRecord[] = [
  { type: 'MMAP', pid: -1, tid: 0, addr: 0xffffffff81000000n, len: 5n, pgoff: 6n, filename: '[kernel.kallsyms]_text' },
  { type: 'LOST', id: 1n, lost: 2n },
  { type: 'COMM', pid: 1, tid: 2, comm: 'café' },
  { type: 'EXIT', pid: 1, tid: 2, ppid: 3, ptid: 4, time: 5n },
  { type: 'FORK', pid: 1, tid: 2, ppid: 3, ptid: 4, time: 5n },
  { type: 'THROTTLE', time: 1n, id: 2n, streamId: 3n },
  { type: 'UNTHROTTLE', time: 1n, id: 2n, streamId: 3n },
  { type: 'READ', pid: 1, tid: 2, read: { timeEnabled: 1n, timeRunning: 2n, values: [{ value: 3n, id: 4n, lost: 5n }] } },
  {
    type: 'MMAP2',
    pid: 1,
    tid: 2,
    addr: 3n,
    len: 4n,
    pgoff: 5n,
    maj: 6,
    min: 7,
    ino: 8n,
    inoGeneration: 9n,
    prot: 5,
    flags: 2,
    filename: '/bin/true',
  },
  { type: 'AUX', auxOffset: 1n, auxSize: 2n, flags: 4n },
  { type: 'ITRACE_START', pid: 1, tid: 2 },
  { type: 'LOST_SAMPLES', lost: 3n },
  { type: 'SWITCH' },
  { type: 'SWITCH_CPU_WIDE', nextPrevPid: 1, nextPrevTid: 2 },
  { type: 'NAMESPACES', pid: 1, tid: 2, links: [{ dev: 3n, ino: 4n }] },
  { type: 'KSYMBOL', addr: 1n, len: 2, ksymType: 1, flags: 0, name: 'bpf_prog_x' },
  { type: 'BPF_EVENT', bpfType: 1, flags: 0, id: 3, tag: new Uint8Array(8).fill(4) },
  { type: 'CGROUP', id: 1n, path: '/a' },
  { type: 'TEXT_POKE', addr: 1n, oldLen: 1, newLen: 2, bytes: Uint8Array.of(1, 2, 3) },
  { type: 'AUX_OUTPUT_HW_ID', hwId: 9n },
];

test('kernel records: each goes out and comes back, with its sample_id', () => {
  const sampleId = { pid: 1, tid: 2, time: 3n, id: 4n, streamId: 5n, cpu: 6 };
  const list: WriteRecord[] = KERNEL.map((kernel) => ({ kernel, sampleId }));
  const { records, damage } = readPerfData(writePerfData({ events: [{ attr: { ...ATTR, read_format: 23 }, ids: [4n] }] }, list));
  assert.equal(damage, undefined);
  for (const [i, r] of records.entries()) {
    assert.deepEqual(r.kernel, KERNEL[i]);
    assert.deepEqual(r.sampleId, sampleId);
  }
});

test('MMAP2 with a build id in place of device and inode', () => {
  const buildId = Uint8Array.from({ length: 20 }, (_, i) => i);
  const record: KernelRecord = {
    type: 'MMAP2',
    pid: 1,
    tid: 2,
    addr: 3n,
    len: 4n,
    pgoff: 5n,
    maj: 0,
    min: 0,
    ino: 0n,
    inoGeneration: 0n,
    buildId,
    prot: 5,
    flags: 2,
    filename: 'x',
  };
  const w = new ByteWriter();
  writeKernelRecordBody(w, record, 0);
  assert.deepEqual(decodeKernelRecord(10, 1 << 14, new ByteReader(w.bytes), 0), record);
});

const USER: UserRecord[] = [
  { type: 'FINISHED_ROUND' },
  { type: 'ID_INDEX', entries: [{ id: 1n, idx: 2n, cpu: 3n, tid: 4n, machinePid: 5n, vcpu: 6n }] },
  { type: 'AUXTRACE_INFO', auxType: 1, priv: [1n, 2n, 3n] },
  { type: 'AUXTRACE_ERROR', errorType: 1, code: 5, cpu: 1, pid: 2, tid: 3, fmt: 1, ip: 4n, time: 5n, msg: 'Lost trace data' },
  { type: 'THREAD_MAP', threads: [{ tid: 1n, comm: 'a' }] },
  { type: 'CPU_MAP', cpus: [0, 1, 5], anyCpu: true },
  { type: 'STAT_CONFIG', entries: [{ tag: 1n, value: 2n }] },
  { type: 'STAT', id: 1n, cpu: 2, thread: 3, value: 4n, enabled: 5n, running: 6n },
  { type: 'STAT_ROUND', round: 1n, time: 2n },
  { type: 'TIME_CONV', timeShift: 1n, timeMult: 2n, timeZero: 3n, timeCycles: 4n, timeMask: 5n, capZero: 1, capShort: 0 },
  { type: 'FINISHED_INIT' },
];

test('records of the tool: each goes out and comes back', () => {
  const { records, damage } = readPerfData(
    writePerfData(
      { events: [{ attr: ATTR }] },
      USER.map((user) => ({ user })),
    ),
  );
  assert.equal(damage, undefined);
  for (const [i, r] of records.entries()) assert.deepEqual(r.user, USER[i]);
});

const FEATURES: Features = {
  tracingData: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), // records of a pipe are padded to 8
  buildIds: [{ pid: -1, misc: 1, buildId: '00112233445566778899aabbccddeeff00112233', filename: '[kernel.kallsyms]' }],
  hostname: 'host',
  osRelease: '6.1',
  version: '6.1.0',
  arch: 'x86_64',
  nrCpus: { available: 2, online: 1 },
  cpuDesc: 'cpu',
  cpuId: 'GenuineIntel,6,94,3',
  totalMem: 5n,
  cmdline: ['perf', 'record'],
  eventDesc: [{ attr: makeAttr({ size: 128 }), name: 'cycles', ids: [1n, 2n] }],
  cpuTopology: {
    coreSiblings: ['0-1'],
    threadSiblings: ['0', '1'],
    cpus: [
      { coreId: 0, socketId: 0, dieId: 0 },
      { coreId: 1, socketId: 0, dieId: 0 },
    ],
    dieSiblings: ['0-1'],
  },
  numaTopology: [{ node: 0, memTotal: 1n, memFree: 2n, cpus: '0-1' }],
  branchStack: true,
  pmuMappings: [{ type: 4, name: 'cpu' }],
  groupDesc: [{ name: '{anon_group}', leader: 0, members: 2 }],
  auxtrace: [{ fileOffset: 1n, size: 48n }],
  stat: true,
  cache: [{ level: 1, lineSize: 64, sets: 64, ways: 8, type: 'Data', size: '32K', map: '0' }],
  sampleTime: { first: 1n, last: 2n },
  memTopology: { version: 1n, blockSizeBytes: 0x8000000n, nodes: [{ node: 0n, size: 64n, words: [0xffn] }] },
  clockId: 1n,
  dirFormat: 1n,
  bpfProgInfo: new Uint8Array(8),
  bpfBtf: [{ id: 1, data: Uint8Array.of(1, 2, 3) }],
  compressed: { version: 1, type: 1, level: 3, ratio: 2, mmapLen: 0x81000 },
  cpuPmuCaps: [{ name: 'branches', value: '32' }],
  clockData: { version: 1, clockId: 1, wallClockNs: 2n, clockIdTimeNs: 3n },
  hybridTopology: [{ pmu: 'cpu_core', cpus: '0-7' }],
  pmuCaps: [{ pmu: 'cpu', caps: [{ name: 'a', value: 'b' }] }],
};

test('features: all of them go out and come back, in file and in pipe mode', () => {
  assert.equal(Object.keys(FEATURES).length, Object.keys(FEATURE_CODECS).length);
  const { recording } = readPerfData(writePerfData({ events: [{ attr: makeAttr() }], features: FEATURES }, []));
  assert.deepEqual(recording.issues, []);
  assert.deepEqual(recording.features, FEATURES);
  const pipe = readPerfData(writePerfData({ events: [{ attr: makeAttr() }], features: FEATURES, mode: 'pipe' }, []));
  const { buildIds: _, auxtrace: __, ...rest } = FEATURES; // records of their own, and nothing to index
  assert.deepEqual(pipe.recording.features, rest);
});

test('features: a damaged one is told with its offset, the others are read', () => {
  const bytes = writePerfData({ events: [{ attr: makeAttr() }], features: { hostname: 'host', cmdline: ['a'], arch: 'x86_64' } }, []);
  const at = bytes.findLastIndex((b, i) => b === 1 && bytes[i + 4] === 64);
  bytes[at] = 200; // 200 arguments
  const { recording } = readPerfData(bytes);
  assert.equal(recording.features.hostname, 'host');
  assert.equal(recording.features.arch, 'x86_64');
  assert.equal(recording.features.cmdline, undefined);
  assert.deepEqual(
    recording.issues.map((i) => [i.offset, i.what]),
    [[at, 'feature CMDLINE: 200 arguments do not fit in 72 bytes']],
  );
});
