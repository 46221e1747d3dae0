/** Small recordings made by our writer: one for each feature and each kind of loss. */
import { PERF_SAMPLE, PERF_FORMAT } from '#abi/perf-event/sample.ts';
import { PERF_SAMPLE_BRANCH } from '#abi/perf-event/branch.ts';
import { PERF_AUX_FLAG, PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
import { makeAttr, type PerfEventAttr } from '#formats/perf-data/attr.ts';
import type { Features } from '#formats/perf-data/features.ts';
import type { SampleId } from '#formats/perf-data/read.ts';
import type { Sample } from '#formats/perf-data/sample.ts';
import { type WriteRecord, type WriterOptions, writePerfData } from '#formats/perf-data/write.ts';

const S = PERF_SAMPLE;
export const BASIC = S.IP | S.TID | S.TIME | S.PERIOD | S.CPU;
const FLAGS = {
  sample_id_all: true,
  mmap: true,
  mmap2: true,
  comm: true,
  comm_exec: true,
  task: true,
  exclude_guest: true,
  freq: true,
  disabled: true,
  inherit: true,
} as const;
const { USER, KERNEL } = PERF_RECORD_MISC;
const PROT = 5; // r-x

export const basicAttr = (values: Partial<PerfEventAttr> = {}, flags: Record<string, boolean | number> = {}): PerfEventAttr =>
  makeAttr({ sample_type: BASIC, sample_period: 4000n, ...values, flags: { ...FLAGS, ...flags } });

export const FEATURES: Features = {
  hostname: 'model',
  osRelease: '6.1.0-modelled',
  version: '6.1.187',
  arch: 'x86_64',
  nrCpus: { available: 2, online: 2 },
  cpuDesc: 'Modelled Processor',
  cpuId: 'GenuineIntel,6,94,3',
  totalMem: 1048576n,
  cmdline: ['perfglass', 'record', './prog'],
};

const id = (time: number, cpu = 0): SampleId => ({ pid: 100, tid: 100, time: BigInt(time), cpu });

const mapped = (filename: string, addr: bigint, len: bigint, pgoff: bigint, ino: bigint, sampleId: SampleId): WriteRecord => ({
  kernel: { type: 'MMAP2', pid: 100, tid: 100, addr, len, pgoff, maj: 8, min: 1, ino, inoGeneration: 0n, prot: PROT, flags: 2, filename },
  misc: USER,
  sampleId,
});
const programMap = (sampleId: SampleId): WriteRecord => mapped('/opt/prog', 0x400000n, 0x1000n, 0n, 7n, sampleId);
const libraryMap = (sampleId: SampleId): WriteRecord => mapped('/opt/lib.so', 0x7f0000000000n, 0x2000n, 0x1000n, 8n, sampleId);

/** A process that starts, maps its program and a library, and is sampled. */
export function prologue(event = 0): WriteRecord[] {
  return [
    {
      kernel: {
        type: 'MMAP',
        pid: -1,
        tid: 0,
        addr: 0xffffffff81000000n,
        len: 0x1000000n,
        pgoff: 0xffffffff81000000n,
        filename: '[kernel.kallsyms]_text',
      },
      misc: KERNEL,
      event,
    },
    { kernel: { type: 'COMM', pid: 100, tid: 100, comm: 'prog' }, misc: PERF_RECORD_MISC.COMM_EXEC, event, sampleId: id(1_000_000_000) },
    { ...programMap(id(1_000_001_000)), event },
    { ...libraryMap(id(1_000_002_000)), event },
  ];
}

export const sampleAt = (time: number, ip: bigint, extra: Partial<Sample> = {}): Sample => ({
  ip,
  pid: 100,
  tid: 100,
  time: BigInt(time),
  cpu: 0,
  period: 1000n,
  ...extra,
});

const user = (time: number, ip: bigint, extra: Partial<Sample> = {}, event = 0): WriteRecord => ({
  sample: sampleAt(time, ip, extra),
  misc: USER,
  event,
});
const kernel = (time: number, ip: bigint, extra: Partial<Sample> = {}, event = 0): WriteRecord => ({
  sample: sampleAt(time, ip, extra),
  misc: KERNEL,
  event,
});

export function epilogue(time = 2_000_000_000): WriteRecord[] {
  return [
    { kernel: { type: 'EXIT', pid: 100, tid: 100, ppid: 1, ptid: 1, time: BigInt(time) }, sampleId: id(time) },
    { user: { type: 'FINISHED_ROUND' } },
  ];
}

const plain: WriteRecord[] = [
  user(1_100_000_000, 0x400123n),
  kernel(1_100_001_000, 0xffffffff81000777n),
  user(1_100_002_000, 0x7f0000000010n),
  user(1_100_003_000, 0x5555n),
];

export interface Case {
  readonly name: string;
  readonly options: WriterOptions;
  readonly records: readonly WriteRecord[];
  /** What perf says on standard error, which it must say: the loss that the file holds. */
  readonly loss?: RegExp;
  /** Files of Intel PT have their own text in perf: only the loss is compared. */
  readonly pt?: true;
}

const events = (attr: PerfEventAttr, name = 'cycles'): WriterOptions['events'] => [{ attr, name }];
const one = (
  name: string,
  attr: PerfEventAttr,
  middle: readonly WriteRecord[],
  options: Partial<WriterOptions> = {},
  extra: Partial<Case> = {},
): Case => ({
  name,
  options: { events: events(attr), features: FEATURES, ...options },
  records: [...prologue(), ...middle, ...epilogue()],
  ...extra,
});

const fill = (n: number, seed: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => (i * 7 + seed) & 0xff);

const auxAttr = makeAttr({
  type: 8,
  config: 0x300e601n & ~0x400n,
  sample_period: 1n,
  sample_type: S.IP | S.TID | S.IDENTIFIER,
  flags: { sample_id_all: true, disabled: true, mmap: true, mmap2: true, comm: true, task: true, exclude_kernel: true, exclude_hv: true },
});
/** PSB, TSC-less: PSB PSBEND, then padding. */
const PSB = Uint8Array.of(...[0, 1, 2, 3, 4, 5, 6, 7].flatMap(() => [0x02, 0x82]), 0x02, 0x23, 0, 0, 0, 0, 0, 0);

function ptCase(name: string, flags: number, loss: RegExp | undefined): Case {
  const tail: SampleId = { pid: 100, tid: 100 };
  return {
    name,
    options: {
      events: [{ attr: auxAttr, name: 'intel_pt//u', ids: [5n] }],
      features: { ...FEATURES, pmuMappings: [{ type: 8, name: 'intel_pt' }] },
    },
    records: [
      { user: { type: 'AUXTRACE_INFO', auxType: 1, priv: [8n, 0n, 0n, 0n, 0n, 0n, 0x800n, 0n, 0n, 0n] } },
      { kernel: { type: 'COMM', pid: 100, tid: 100, comm: 'prog' }, sampleId: tail },
      programMap(tail),
      { kernel: { type: 'ITRACE_START', pid: 100, tid: 100 }, sampleId: tail },
      { kernel: { type: 'AUX', auxOffset: 0n, auxSize: BigInt(PSB.byteLength), flags: BigInt(flags) }, sampleId: tail },
      { user: { type: 'AUXTRACE', size: PSB.byteLength, offset: 0n, reference: 1n, idx: 0, tid: 100, cpu: 0xffff_ffff }, payload: PSB },
    ],
    pt: true,
    ...(loss === undefined ? {} : { loss }),
  };
}

const two = basicAttr({ sample_type: BASIC | S.IDENTIFIER, read_format: PERF_FORMAT.ID });
const branchFlags = (cycles: number, mispred: boolean): bigint => (BigInt(cycles) << 4n) | (mispred ? 1n : 2n);

export const CASES: readonly Case[] = [
  one('plain', basicAttr(), plain),
  one('plain-no-features', basicAttr(), plain, { features: {}, omitEventDesc: true }),
  ...[64, 72, 80, 96, 104, 112, 120].map((attrSize) => one(`attr-size-${attrSize}`, basicAttr(), plain, { attrSize })),
  one('pipe', basicAttr(), plain, { mode: 'pipe' }),
  one(
    'lost',
    basicAttr(),
    [...plain, { kernel: { type: 'LOST', id: 1n, lost: 77n }, sampleId: id(1_100_005_000) }],
    {},
    { loss: /lost 1 chunks|lost \d+ events|LOST/i },
  ),
  one(
    'lost-samples',
    basicAttr(),
    [...plain, { kernel: { type: 'LOST_SAMPLES', lost: 9n }, sampleId: id(1_100_005_000) }],
    {},
    { loss: /lost 70?\.?\d*%? ?samples|lost .*samples/i },
  ),
  one('throttle', basicAttr(), [
    ...plain,
    { kernel: { type: 'THROTTLE', time: 1_100_005_000n, id: 1n, streamId: 1n }, sampleId: id(1_100_005_000) },
    { kernel: { type: 'UNTHROTTLE', time: 1_100_905_000n, id: 1n, streamId: 1n }, sampleId: id(1_100_905_000) },
    user(1_100_906_000, 0x400200n),
  ]),
  // a frame-pointer walk stores any word it finds: what lies in the range of the context markers and is none
  one('callchain-corrupt', basicAttr({ sample_type: BASIC | S.CALLCHAIN }), [
    user(1_100_000_000, 0x400123n, { callchain: [0xfffffffffffffe00n, 0x400123n, 0x7f0000000020n, 0xffffffffffffffffn] }),
    user(1_150_000_000, 0x400123n, {
      callchain: [0xffffffffffffff80n, 0xffffffff81000777n, 0xfffffffffffffe00n, 0xfffffffffffff800n, 0x1n],
    }),
    user(1_170_000_000, 0x400123n, { callchain: [0xffffffffffffffe0n, 0x400123n, 0x7f0000000020n] }),
    user(1_180_000_000, 0x400123n, {
      callchain: [0xfffffffffffffe00n, ...Array.from({ length: 130 }, (_, i) => 0x400123n + BigInt(i)), 0xfffffffffffffffen],
    }),
    user(1_190_000_000, 0x400456n, { callchain: [0xfffffffffffffe00n, 0x400456n, 0x400123n] }),
  ]),
  one('callchain', basicAttr({ sample_type: BASIC | S.CALLCHAIN }), [
    user(1_100_000_000, 0x400123n, { callchain: [0xfffffffffffffe00n, 0x400123n, 0x7f0000000020n, 0x1234n] }),
    kernel(1_100_001_000, 0xffffffff81000777n, {
      callchain: [0xffffffffffffff80n, 0xffffffff81000777n, 0xffffffff81000888n, 0xfffffffffffffe00n, 0x400456n],
    }),
  ]),
  one(
    'branch-stack',
    basicAttr({ sample_type: BASIC | S.BRANCH_STACK, branch_sample_type: BigInt(PERF_SAMPLE_BRANCH.ANY | PERF_SAMPLE_BRANCH.USER) }),
    [
      user(1_100_000_000, 0x400123n, {
        branchStack: {
          entries: [
            { from: 0x400120n, to: 0x400100n, flags: branchFlags(7, false) },
            { from: 0x7f0000000040n, to: 0x400110n, flags: branchFlags(0, true) },
          ],
        },
      }),
    ],
    { features: { ...FEATURES, branchStack: true } },
  ),
  one('registers', basicAttr({ sample_type: BASIC | S.REGS_USER | S.REGS_INTR, sample_regs_user: 0x1c1n, sample_regs_intr: 0x101n }), [
    user(1_100_000_000, 0x400123n, { regsUser: { abi: 2n, values: [1n, 2n, 3n, 4n] }, regsIntr: { abi: 2n, values: [9n, 0x400123n] } }),
  ]),
  one(
    'memory',
    basicAttr({
      type: 4,
      config: 0x1cdn,
      sample_type: BASIC | S.ADDR | S.WEIGHT | S.DATA_SRC | S.PHYS_ADDR | S.TRANSACTION | S.DATA_PAGE_SIZE | S.CODE_PAGE_SIZE,
    }),
    [
      user(1_100_000_000, 0x400123n, {
        addr: 0x7ffd0010n,
        weight: 31n,
        dataSrc: 0x68100142n,
        physAddr: 0x12345000n,
        transaction: 0n,
        dataPageSize: 4096n,
        codePageSize: 0x200000n,
      }),
    ],
  ),
  one(
    'read-group',
    basicAttr({ sample_type: BASIC | S.READ | S.ID, read_format: PERF_FORMAT.GROUP | PERF_FORMAT.ID | PERF_FORMAT.TOTAL_TIME_ENABLED }),
    [user(1_100_000_000, 0x400123n, { read: { timeEnabled: 50n, values: [{ value: 1000n, id: 1n }] } })],
  ),
  one('raw-stack-user', basicAttr({ sample_type: BASIC | S.STACK_USER, sample_stack_user: 64 }), [
    user(1_100_000_000, 0x400123n, { stackUser: { data: fill(64, 3), dynSize: 64n } }),
  ]),
  one('fork-threads', basicAttr(), [
    { kernel: { type: 'FORK', pid: 100, tid: 101, ppid: 100, ptid: 100, time: 1_050_000_000n }, sampleId: id(1_050_000_000) },
    { kernel: { type: 'FORK', pid: 200, tid: 200, ppid: 100, ptid: 100, time: 1_050_001_000n }, sampleId: id(1_050_001_000) },
    { kernel: { type: 'COMM', pid: 100, tid: 101, comm: 'worker' }, sampleId: id(1_050_002_000) },
    user(1_100_000_000, 0x400123n, { tid: 101 }),
    user(1_100_001_000, 0x7f0000000010n, { pid: 200, tid: 200 }),
    { kernel: { type: 'COMM', pid: 200, tid: 200, comm: 'other' }, misc: PERF_RECORD_MISC.COMM_EXEC, sampleId: id(1_100_001_500) },
    user(1_100_002_000, 0x7f0000000010n, { pid: 200, tid: 200 }),
    user(1_100_003_000, 0x400321n, { pid: 300, tid: 301 }),
    {
      kernel: {
        type: 'MMAP2',
        pid: 100,
        tid: 100,
        addr: 0x400800n,
        len: 0x100n,
        pgoff: 0n,
        maj: 0,
        min: 0,
        ino: 0n,
        inoGeneration: 0n,
        prot: 4,
        flags: 2,
        filename: '//anon',
      },
      misc: USER,
      sampleId: id(1_100_004_000),
    },
    user(1_100_005_000, 0x400810n),
    user(1_100_006_000, 0x400910n),
    user(1_100_007_000, 0x400710n),
  ]),
  {
    name: 'two-events-rounds',
    options: {
      events: [
        { attr: two, name: 'cycles', ids: [11n, 12n] },
        { attr: { ...two, config: 1n }, name: 'instructions:u', ids: [21n, 22n] },
      ],
      features: FEATURES,
    },
    records: [
      ...prologue(),
      user(1_100_000_000, 0x400100n, { cpu: 0 }),
      user(1_100_004_000, 0x400104n, { cpu: 0 }, 1),
      user(1_100_001_000, 0x400101n, { cpu: 1 }),
      user(1_100_005_000, 0x400105n, { cpu: 1, period: 99999999999n }, 1),
      { user: { type: 'FINISHED_ROUND' } },
      user(1_100_006_000, 0x400106n, { cpu: 0 }),
      user(1_100_005_500, 0x400107n, { cpu: 1 }, 1),
      ...epilogue(),
    ],
  },
  one('switch-namespaces-cgroup', basicAttr({}, { context_switch: true, namespaces: true }), [
    ...plain,
    { kernel: { type: 'SWITCH' }, misc: PERF_RECORD_MISC.SWITCH_OUT | PERF_RECORD_MISC.SWITCH_OUT_PREEMPT, sampleId: id(1_200_000_000) },
    { kernel: { type: 'SWITCH' }, sampleId: id(1_200_000_500) },
    { kernel: { type: 'SWITCH_CPU_WIDE', nextPrevPid: 5, nextPrevTid: 6 }, misc: PERF_RECORD_MISC.SWITCH_OUT, sampleId: id(1_200_001_000) },
    {
      kernel: {
        type: 'NAMESPACES',
        pid: 100,
        tid: 100,
        links: Array.from({ length: 7 }, (_, i) => ({ dev: 4n, ino: BigInt(0xf0000000 + i) })),
      },
      sampleId: id(1_200_002_000),
    },
    { kernel: { type: 'CGROUP', id: 33n, path: '/user.slice' }, sampleId: id(1_200_003_000) },
  ]),
  one('ksymbol-bpf-textpoke', basicAttr({}, { ksymbol: true, bpf_event: true }), [
    {
      kernel: { type: 'KSYMBOL', addr: 0xffffffffc0001000n, len: 0x80, ksymType: 1, flags: 0, name: 'bpf_prog_0123456789abcdef_x' },
      misc: KERNEL,
      sampleId: id(1_050_000_000),
    },
    { kernel: { type: 'BPF_EVENT', bpfType: 1, flags: 0, id: 4, tag: fill(8, 1) }, misc: KERNEL, sampleId: id(1_050_000_100) },
    kernel(1_100_000_000, 0xffffffffc0001010n),
    {
      kernel: { type: 'KSYMBOL', addr: 0xffffffffc0001000n, len: 0x80, ksymType: 1, flags: 1, name: 'bpf_prog_0123456789abcdef_x' },
      misc: KERNEL,
      sampleId: id(1_150_000_000),
    },
    kernel(1_200_000_000, 0xffffffffc0001010n),
    {
      kernel: { type: 'TEXT_POKE', addr: 0xffffffff81000100n, oldLen: 2, newLen: 2, bytes: Uint8Array.of(0x90, 0x90, 0xeb, 0x10) },
      misc: KERNEL,
      sampleId: id(1_250_000_000),
    },
  ]),
  one('tool-records', basicAttr({ sample_type: BASIC | S.IDENTIFIER }), [
    {
      user: {
        type: 'TIME_CONV',
        timeShift: 31n,
        timeMult: 1789569706n,
        timeZero: 5n,
        timeCycles: 0n,
        timeMask: 0n,
        capZero: 1,
        capShort: 0,
      },
    },
    { user: { type: 'ID_INDEX', entries: [{ id: 1n, idx: 0n, cpu: 0n, tid: 100n }] } },
    {
      user: {
        type: 'THREAD_MAP',
        threads: [
          { tid: 100n, comm: 'prog' },
          { tid: 101n, comm: 'prog' },
        ],
      },
    },
    { user: { type: 'CPU_MAP', cpus: [0, 1, 2, 5], anyCpu: false } },
    { user: { type: 'FINISHED_INIT' } },
    ...plain,
  ]),
  ptCase('aux', 0, undefined),
  ptCase('aux-truncated', PERF_AUX_FLAG.TRUNCATED, /AUX data lost 1 times/),
  ptCase('aux-partial', PERF_AUX_FLAG.PARTIAL, /AUX data had gaps|gaps/),
  ptCase('aux-overwrite', PERF_AUX_FLAG.OVERWRITE, undefined),
];

export const bytesOf = (c: Case): Uint8Array => writePerfData(c.options, c.records);
