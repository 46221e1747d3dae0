/**
 * The cache, TLB and predictor models: equal to a plain reference fed by single steps and iced-x86, over everything that user and kernel code do;
 * equal to cachegrind on programs that hardly meet the kernel; the counts that theory gives; and the same whatever is measured.
 */
import { findCpuModel } from '../../src/arch/cpu-models/index-of-models.ts';
import type { CpuModel } from '../../src/arch/cpu-models/model.ts';
import { NodeHost } from '../../src/cli/host-node.ts';
import { makeAttr } from '../../src/kernel/perf/attr.ts';
import { defaultHandler } from '../../src/kernel/perf/intel/pmi/handlers.ts';
import { isRefusal } from '../../src/kernel/perf/open.ts';
import type { CacheGeometry, CacheName } from '../../src/machine/models/geometry.ts';
import { EV, MODE } from '../../src/machine/retire.ts';
import { Session, type SessionOptions } from '../../src/system/session.ts';
import { PROGRAMS } from '../lib/perfglass.ts';
import { run, which } from '../lib/run.ts';
import { Suite } from '../lib/suite.ts';
import { follow } from '../models/follow.ts';
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
const LIMIT = 120_000;
const SMALL: Caches = { L1D: { bytes: 4096, ways: 2 }, L1I: { bytes: 2048, ways: 4 }, L2: { bytes: 16384, ways: 4 }, LLC: { bytes: 98304, ways: 3 } };
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
  while (session.machine.retire.sum(EV.INSTRUCTIONS) < at) if (session.step(Math.min(at - session.machine.retire.sum(EV.INSTRUCTIONS), 5000)) !== undefined) break;
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
  suite.judge(`${name}${own === undefined ? '' : ', small caches'}: ${command.join(' ')}`, complaints, `${at - before} instructions, ${total} counts`);
}

/** The models start where the stepped machine's reference does: behind boot and loading. */
function observedFromHere(model: CpuModel, command: readonly string[], own: Caches | undefined): Session {
  const session = start(model, command, own === undefined ? {} : { caches: own });
  session.machine.core.msrs.write(0x186, 0xc5n); // IA32_PERFEVTSEL0: branch misses, not enabled
  if (!session.machine.observing) throw new Error('the models are not on');
  return session;
}
suite.end();
