/**
 * The cache, TLB and predictor models: equal to a plain reference fed by single steps and iced-x86, over everything that user and kernel code do;
 * equal to cachegrind on programs that hardly meet the kernel; the counts that theory gives; and the same whatever is measured.
 */
import { findCpuModel } from '../../src/arch/cpu-models/index-of-models.ts';
import type { CpuModel } from '../../src/arch/cpu-models/model.ts';
import { LBR_CTL, LBR_INFO, LBR_SELECT } from '../../src/arch/lbr.ts';
import { MSR } from '../../src/arch/msr.ts';
import { NodeHost } from '../../src/cli/host-node.ts';
import { makeAttr } from '../../src/kernel/perf/attr.ts';
import { defaultHandler } from '../../src/kernel/perf/intel/pmi/handlers.ts';
import { isRefusal } from '../../src/kernel/perf/attr-checks.ts';
import type { CacheGeometry, CacheName } from '../../src/machine/models/geometry.ts';
import { EV, MODE } from '../../src/machine/retire.ts';
import { Session, type SessionOptions } from '../../src/system/session.ts';
import { PROGRAMS } from '../lib/perfglass.ts';
import { run, which } from '../lib/run.ts';
import { Suite } from '../lib/suite.ts';
import { follow, type Taken } from '../models/follow.ts';
import { Reference, type Sizes } from '../models/reference.ts';

class QuietHost extends NodeHost {
  override write(fd: number, from: Uint8Array, position: number): number {
    return fd === 1 || fd === 2 ? from.length : super.write(fd, from, position);
  }
}
type Caches = Partial<Record<CacheName, CacheGeometry | null>>;

const modelOf = (name: string): CpuModel => {
  const found = findCpuModel(name);
  if (found.kind !== 'found') throw new Error(name);
  return found.model;
};
function start(model: CpuModel, command: readonly string[], options: Partial<SessionOptions> = {}): Session {
  const session = new Session({ model, handler: defaultHandler(model), host: new QuietHost(), memoryBytes: 128 << 20, ...options });
  const path = `${PROGRAMS}${command[0]}`;
  const failure = session.start({ path, argv: [path, ...command.slice(1)], envp: [], cwd: '/' });
  if (failure !== undefined) throw new Error(failure);
  return session;
}

const NAMES = Object.entries(EV).filter(([, ev]) => ev >= EV.L1D_REPLACEMENT);
const count = (s: Session, ring: 'user' | 'kernel', name: keyof typeof EV): number =>
  s.machine.retire.total(ring === 'user' ? MODE.USER : MODE.KERNEL, EV[name]);
/** All the models' counts in a line; perf's own work must have none. */
function fingerprint(s: Session): string {
  const of = (mode: 0 | 1 | 2): string => NAMES.map(([, ev]) => s.machine.retire.total(mode, ev)).join(' ');
  return [MODE.USER, MODE.KERNEL, MODE.OVERHEAD].map(of).join(' | ');
}

// ---- the reference

function sizesOf(model: CpuModel, own: Caches = {}): Sizes {
  const cache = (name: CacheName, level: number, type: string): [number, number] | undefined => {
    const mine = own[name];
    if (mine === null) return undefined;
    if (mine !== undefined) return [mine.bytes / 64 / mine.ways, mine.ways];
    const c = model.caches.find((x) => x.level === level && x.type === type);
    return c && [(c.sizeKib * 16) / c.ways, c.ways];
  };
  const [l2, l3] = [cache('L2', 2, 'unified'), cache('LLC', 3, 'unified')];
  const [l1d, l1i, llc] = [cache('L1D', 1, 'data'), cache('L1I', 1, 'instruction'), l3 ?? l2];
  if (l1d === undefined || l1i === undefined || llc === undefined) throw new Error('caches');
  const { tlb, predictor: p, inclusive } = model.observed;
  const table = (t: { entries: number; ways: number }): [number, number] => [t.entries / t.ways, t.ways];
  return {
    l1d,
    l1i,
    l2: l3 === undefined ? undefined : l2,
    llc,
    inclusive,
    dtlb: table(tlb.data),
    itlb: table(tlb.code),
    stlb: tlb.second && table(tlb.second),
    bimodal: 2 ** p.bimodalBits,
    gshare: 2 ** p.gshareBits,
    history: 2 ** p.historyBits,
    btb: 2 ** p.btbBits,
    path: 2 ** p.pathBits,
    returns: p.returns,
  };
}

const suite = new Suite('models');
const LIMIT = 60_000;
const SMALL: Caches = {
  L1D: { bytes: 4096, ways: 2 },
  L1I: { bytes: 2048, ways: 4 },
  L2: { bytes: 16384, ways: 4 },
  LLC: { bytes: 98304, ways: 3 },
};
const REFERENCE: readonly (readonly [model: string, command: readonly string[], own?: Caches])[] = [
  ['skylake', ['flow', '60']],
  ['skylake', ['walk', '1', '262144', '64', '3']],
  ['skylake', ['interp', '20'], SMALL],
  ['skylake', ['strings'], SMALL],
  ['skylake', ['repcount']],
  ['skylake', ['forkpipe'], SMALL],
  ['skylake', ['hash', '2000'], SMALL],
  ['core2', ['recurse', '14'], { L1D: { bytes: 4096, ways: 2 }, LLC: { bytes: 49152, ways: 3 } }],
  ['sapphirerapids', ['syscalls', '8'], SMALL],
  ['skylake', ['fparith', '40', 'avx'], SMALL],
  ['nehalem', ['fparith', '60']],
];
for (const [name, command, own] of REFERENCE) {
  const model = modelOf(name);
  const reference = new Reference(sizesOf(model, own));
  const stepped = start(model, command);
  // What ran before the program, the boot, is seen by neither.
  follow(stepped, reference, LIMIT);
  const at = stepped.machine.retire.sum(EV.INSTRUCTIONS);
  const session = observedFromHere(model, command, own);
  const before = session.machine.retire.sum(EV.INSTRUCTIONS);
  while (session.machine.retire.sum(EV.INSTRUCTIONS) < at)
    if (session.step(Math.min(at - session.machine.retire.sum(EV.INSTRUCTIONS), 5000)) !== undefined) break;
  const complaints: string[] = [];
  if (session.machine.retire.sum(EV.INSTRUCTIONS) !== at)
    complaints.push(`${session.machine.retire.sum(EV.INSTRUCTIONS)} instructions, stepped: ${at}`);
  let total = 0;
  for (const ring of ['user', 'kernel'] as const) {
    for (const [ev] of NAMES) {
      const got = count(session, ring, ev as keyof typeof EV);
      const want = reference.counts.get(`${ring} ${ev}`) ?? 0;
      total += got;
      if (got !== want) complaints.push(`${ring} ${ev}: ${got}, reference: ${want}`);
    }
  }
  suite.judge(
    `${name}${own === undefined ? '' : ', small caches'}: ${command.join(' ')}`,
    complaints,
    `${at - before} instructions, ${total} counts`,
  );
}

/** The models start where the stepped machine's reference does: behind boot and loading. */
function observedFromHere(model: CpuModel, command: readonly string[], own: Caches | undefined): Session {
  const session = start(model, command, own === undefined ? {} : { caches: own });
  session.machine.core.msrs.write(0x186, 0xc5n); // IA32_PERFEVTSEL0: branch misses, not enabled
  if (!session.machine.observing) throw new Error('the models are not on');
  return session;
}

// ---- MISPRED of last branch records

for (const [name, command] of [
  ['skylake', ['flow', '60']],
  ['sapphirerapids', ['interp', '3']],
] as const) {
  const model = modelOf(name);
  const list: Taken[] = [];
  follow(start(model, command), new Reference(sizesOf(model)), 30_000, (b) => list.push(b));
  const session = observedFromHere(model, command, undefined);
  const { msrs } = session.machine.core;
  const arch = model.lbr?.format === 'arch';
  const kinds = { JCC: 1, NEAR_REL_JMP: 1, NEAR_IND_JMP: 1, NEAR_REL_CALL: 1, NEAR_IND_CALL: 1, NEAR_RET: 1 };
  if (arch) msrs.write(MSR.IA32_LBR_CTL, LBR_CTL.pack({ LBREn: 1, USR: 1, ...kinds }));
  else {
    msrs.write(MSR.MSR_LBR_SELECT, LBR_SELECT.pack({ CPL_EQ_0: 1, FAR_BRANCH: 1 }));
    msrs.write(MSR.IA32_DEBUGCTL, 1n);
  }
  const complaints: string[] = [];
  let [looked, wrong] = [0, 0];
  while (session.machine.retire.sum(EV.INSTRUCTIONS) < 29_000 && complaints.length < 3) {
    const over = session.step(211) !== undefined;
    const n = list.findLastIndex((t) => t.at <= session.machine.retire.sum(EV.INSTRUCTIONS)) + 1;
    const tos = arch ? 0 : Number(msrs.read(MSR.MSR_LASTBRANCH_TOS));
    for (let k = 0; k < 32 && k < n; k++) {
      const i = arch ? k : (tos - k + 32) % 32;
      const t = list[n - 1 - k] as Taken;
      const from = msrs.read((arch ? MSR.IA32_LBR_0_FROM_IP : MSR.MSR_LASTBRANCH_0_FROM_IP) + i) ?? 0n;
      const info = msrs.read((arch ? MSR.IA32_LBR_0_INFO : MSR.MSR_LBR_INFO_0) + i) ?? 0n;
      const mispredicted = LBR_INFO.get(info, 'MISPRED') === 1n;
      looked++;
      if (mispredicted) wrong++;
      if (from !== t.from || mispredicted !== t.mispredicted)
        complaints.push(`record ${k}: 0x${from.toString(16)} ${mispredicted}; expected 0x${t.from.toString(16)} ${t.mispredicted}`);
    }
    if (over) break;
  }
  suite.judge(`${name}: MISPRED of last branch records, ${command.join(' ')}`, complaints, `${looked} records, ${wrong} mispredicted`);
}

// ---- what theory says: LRU, whole lines, an 8 MiB program area on pages of its own

/** Counts of the walk alone: those of a walk with more passes less those of one with fewer. */
function passes(mode: string, bytes: number, stride: number, own: Caches | undefined): Map<string, number> {
  const counts = [2, 6].map((n) => {
    const s = start(modelOf('skylake'), ['walk', mode, `${bytes}`, `${stride}`, `${n}`], {
      models: true,
      ...(own === undefined ? {} : { caches: own }),
    });
    s.run();
    return NAMES.map(([ev]) => count(s, 'user', ev as keyof typeof EV));
  });
  return new Map(NAMES.map(([ev], i) => [ev, ((counts[1]?.[i] ?? 0) - (counts[0]?.[i] ?? 0)) / 4]));
}
const KIB = 1024;
interface Theory {
  readonly what: string;
  readonly walk: readonly [mode: string, bytes: number, stride: number];
  /** Of one pass. */
  readonly want: Readonly<Record<string, number>>;
  /** Misses that the loop's own few lines and pages, and the kernel's ticks, may add or take, of one pass. */
  readonly slack?: number;
}
const lines = (bytes: number): number => bytes / 64;
const THEORY: readonly Theory[] = [
  { what: 'fits the first level', walk: ['0', 16 * KIB, 64], want: { LOAD_L1_MISS: 0, DTLB_LOAD_WALK: 0 }, slack: 1 },
  {
    what: 'twice the first level: every line misses it, the second has all',
    walk: ['0', 64 * KIB, 64],
    want: { LOAD_L1_MISS: lines(64 * KIB), LLC_LOAD: 0 },
    slack: 8,
  },
  { what: 'eight words a line: one of eight misses', walk: ['0', 64 * KIB, 8], want: { LOAD_L1_MISS: lines(64 * KIB) }, slack: 8 },
  {
    what: 'four times the second level',
    walk: ['0', 1024 * KIB, 64],
    want: { LOAD_L1_MISS: lines(1024 * KIB), LOAD_L2_MISS: lines(1024 * KIB) },
    slack: 16,
  },
  {
    what: 'beyond the last level',
    walk: ['0', 8192 * KIB, 64],
    want: { LOAD_LLC_MISS: lines(8192 * KIB), LLC_LOAD_MISS: lines(8192 * KIB) },
    slack: 64,
  },
  { what: 'pointers in scattered order', walk: ['1', 128 * KIB, 64], want: { LOAD_L1_MISS: lines(128 * KIB) }, slack: 8 },
  {
    what: 'writes allocate',
    walk: ['2', 64 * KIB, 64],
    want: { STORE_L1_MISS: lines(64 * KIB), L1D_REPLACEMENT: lines(64 * KIB) },
    slack: 8,
  },
  {
    what: '128 pages: the second TLB has what 64 entries cannot',
    walk: ['0', 512 * KIB, 4096],
    want: { DTLB_LOAD_STLB_HIT: 128, DTLB_LOAD_WALK: 0 },
    slack: 2,
  },
  { what: '2048 pages: all walk', walk: ['0', 8192 * KIB, 4096], want: { DTLB_LOAD_WALK: 2048 }, slack: 8 },
];
for (const { what, walk, want, slack = 0 } of THEORY) {
  const got = passes(...walk, undefined);
  const complaints = Object.entries(want).flatMap(([ev, n]) => {
    const g = got.get(ev) ?? -1;
    return Math.abs(g - n) <= slack ? [] : [`${ev}: ${g} a pass, theory: ${n} ± ${slack}`];
  });
  suite.judge(
    what,
    complaints,
    Object.keys(want)
      .map((ev) => `${ev} ${got.get(ev)}`)
      .join(', '),
  );
}

// ---- arithmetic: what Intel's descriptions say of fparith's instructions, a round; so also sampled to pieces

for (const [name, command, want] of [
  ['nehalem', [], { FP_SCALAR_DOUBLE: 7, FP_SCALAR_SINGLE: 5, FP_128_DOUBLE: 3, FP_128_SINGLE: 4, NOP: 3, SPLIT_LOAD: 4, SPLIT_STORE: 2 }],
  [
    'skylake',
    ['avx'],
    {
      FP_SCALAR_DOUBLE: 10,
      FP_SCALAR_SINGLE: 7,
      FP_128_DOUBLE: 8,
      FP_128_SINGLE: 7,
      FP_256_DOUBLE: 4,
      FP_256_SINGLE: 4,
      NOP: 3,
      SPLIT_LOAD: 5,
      SPLIT_STORE: 3,
    },
  ],
] as const) {
  for (const slices of [undefined, 7]) {
    const rounds = [100, 350].map((n) => {
      const s = start(modelOf(name), ['fparith', `${n}`, ...command], { models: true });
      if (slices === undefined) s.run();
      else while (s.step(slices) === undefined);
      return Object.keys(want).map((ev) => count(s, 'user', ev as keyof typeof EV));
    });
    const got = Object.keys(want).map((_, i) => ((rounds[1]?.[i] ?? 0) - (rounds[0]?.[i] ?? 0)) / 250);
    suite.judge(
      `${name}: arithmetic of fparith${slices === undefined ? '' : `, ${slices} instructions at a time`}`,
      Object.entries(want).flatMap(([ev, n], i) => (got[i] === n ? [] : [`${ev}: ${got[i]} a round, by hand: ${n}`])),
      Object.keys(want)
        .map((ev, i) => `${ev} ${got[i]}`)
        .join(', '),
    );
  }
}

// Long enough for the hot code, where a fault gives back what its block was counted for.
{
  const s = start(modelOf('nehalem'), ['fparith', '20000'], { models: true });
  s.run();
  const want = { FP_SCALAR_DOUBLE: 140_002, FP_SCALAR_SINGLE: 100_002, FP_128_DOUBLE: 60_004, FP_128_SINGLE: 80_002 } as const;
  suite.judge(
    'arithmetic that faults in the middle of a block',
    Object.entries(want).flatMap(([ev, n]) => {
      const got = count(s, 'user', ev as keyof typeof EV);
      return got === n ? [] : [`${ev}: ${got}, by hand: ${n}`];
    }),
    Object.values(want).join(', '),
  );
}

// ---- cachegrind: a two-level LRU hierarchy of the same geometry. Programs without REP: valgrind sees fewer accesses of those (492,818 loads of 550,026
// in `strings`), where the reference above, by iced-x86, has all.

const valgrind = which('valgrind');
const GRIND: Caches = { L1D: { bytes: 8192, ways: 2 }, L1I: { bytes: 4096, ways: 1 }, L2: null, LLC: { bytes: 65536, ways: 8 } };
for (const command of [['sieve'], ['hash', '8'], ['interp', '20'], ['recurse', '16'], ['walk', '1', '131072', '64', '8']] as const) {
  const what = `cachegrind: ${command.join(' ')}`;
  if (valgrind === undefined) {
    suite.skip(what, 'no valgrind here');
    continue;
  }
  const flags = [
    '--tool=cachegrind',
    '--cache-sim=yes',
    '--branch-sim=no',
    '--cachegrind-out-file=/dev/null',
    '--D1=8192,2,64',
    '--I1=4096,1,64',
    '--LL=65536,8,64',
  ];
  const grind = run([valgrind, ...flags, `${PROGRAMS}${command[0]}`, ...command.slice(1)], { limit: 60, env: { PATH: '/usr/bin' } });
  const text = grind.stderr.toString();
  const figures = (label: RegExp): number[] =>
    (label.exec(text)?.[1] ?? '').match(/[\d,]+/g)?.map((n) => Number(n.replaceAll(',', ''))) ?? [];
  const [, readMisses = -1, writeMisses = -1] = figures(/D1 {2}misses: (.*)/);
  const [fetchMisses = -1] = figures(/I1 {2}misses: (.*)/);
  // Cachegrind's last level is not inclusive, nor is Ice Lake's.
  const s = start(modelOf('icelake'), command, { models: true, caches: GRIND });
  s.run();
  // The kernel's instructions push the program's lines out now and then: each of their misses can cost the program one.
  const noise = count(s, 'kernel', 'L1D_REPLACEMENT');
  const rows = [
    ['D1 read misses', count(s, 'user', 'LOAD_L1_MISS'), readMisses, noise],
    ['D1 write misses', count(s, 'user', 'STORE_L1_MISS'), writeMisses, noise],
    ['I1 misses', count(s, 'user', 'L1I_MISS'), fetchMisses, count(s, 'kernel', 'L1I_MISS')],
  ] as const;
  suite.judge(
    what,
    rows.flatMap(([name, got, want, slack]) =>
      Math.abs(got - want) <= slack ? [] : [`${name}: ${got}, cachegrind: ${want} (± ${slack})`],
    ),
    rows.map(([name, got, want]) => `${name} ${got} (${want})`).join(', '),
  );
}

// ---- measuring leaves the models alone

/** Detailed cycles are the static ones and what each miss costs. */
function costComplaints(plain: Session, detailed: Session): string[] {
  const { costs } = modelOf('skylake').observed;
  return (['user', 'kernel'] as const).flatMap((ring) => {
    const n = (...names: (keyof typeof EV)[]): number => names.reduce((sum, name) => sum + count(detailed, ring, name), 0);
    const lines = n('L1D_REPLACEMENT', 'L1I_MISS');
    const asked = n('LLC_LOAD', 'LLC_STORE', 'LLC_CODE');
    const missed = n('LLC_LOAD_MISS', 'LLC_STORE_MISS', 'LLC_CODE_MISS');
    const cycles =
      (lines - asked) * costs.l2 +
      (asked - missed) * costs.llc +
      missed * costs.memory +
      n('DTLB_LOAD_STLB_HIT', 'DTLB_STORE_STLB_HIT', 'ITLB_STLB_HIT') * costs.stlb +
      n('DTLB_LOAD_WALK', 'DTLB_STORE_WALK', 'ITLB_WALK') * costs.walk +
      n('MISPREDICTED_TAKEN', 'MISPREDICTED_NOT_TAKEN', 'MISPREDICTED_JMP', 'MISPREDICTED_CALL', 'MISPREDICTED_RET') * costs.mispredict;
    const added = (count(detailed, ring, 'SLOTS') - count(plain, ring, 'SLOTS')) / 4;
    return added === cycles ? [] : [`${ring}: ${added} cycles more than static ones, misses cost ${cycles}`];
  });
}

const EVENTS = [0xc5n, 0x151n, 0x412en];
/** FP_ARITH_INST_RETIRED.VECTOR, INST_RETIRED.NOP, MEM_INST_RETIRED.SPLIT_STORES. */
const OBSERVED_EVENTS = [0xfcc7n, 0x2c0n, 0x42d0n];
for (const command of [['hash', '3'], ['flow', '100'], ['repcount'], ['forkpipe'], ['fparith', '300', 'avx']] as const) {
  for (const detailedCycles of [false, true]) {
    const quiet = start(modelOf('skylake'), command, { models: true, detailedCycles, pathHash: true });
    quiet.run();
    const complaints: string[] = [];
    const plain = start(modelOf('skylake'), command, { pathHash: true });
    plain.run();
    if (!detailedCycles && (plain.machine.pathHash() !== quiet.machine.pathHash() || plain.nowNs() !== quiet.nowNs()))
      complaints.push('the models change path or time');
    if (detailedCycles && plain.machine.pathHash() === quiet.machine.pathHash()) complaints.push(...costComplaints(plain, quiet));
    const want = `${fingerprint(quiet)} ${quiet.machine.pathHash()} ${quiet.nowNs()}`;
    let sampled = 0;
    for (const [k, config] of (command[0] === 'fparith' ? OBSERVED_EVENTS : EVENTS).entries()) {
      const s = start(modelOf('skylake'), command, { models: true, detailedCycles, pathHash: true });
      const attrs = [
        makeAttr({ type: 4, config, sample_period: BigInt(37 + 200 * k), flags: { inherit: true } }),
        makeAttr({ type: 0, config: 0n, sample_period: 20_011n, flags: { inherit: true } }),
        makeAttr({ type: 0, config: 1n, flags: { inherit: true } }),
      ];
      const events = attrs.map((attr) => s.open(attr));
      if (events.some(isRefusal)) throw new Error('refused');
      s.run();
      sampled += s.perf.pmis.served;
      const got = `${fingerprint(s)} ${s.machine.pathHash()} ${s.nowNs()}`;
      if (got !== want) complaints.push(`sampling 0x${config.toString(16)}: ${got}; unmeasured: ${want}`);
      for (const e of events)
        if (!isRefusal(e) && s.account(e).imbalance !== 0) complaints.push(`the books are off by ${s.account(e).imbalance}`);
    }
    suite.judge(
      `measured or not${detailedCycles ? ', detailed cycles' : ''}: ${command.join(' ')}`,
      complaints,
      `${sampled} PMIs, hash ${quiet.machine.pathHash()}`,
    );
  }
}
suite.end();
