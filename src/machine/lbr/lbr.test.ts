/** The last branch records from the pins: WRMSR, a program, RDMSR; and against a list kept by single steps. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BROADWELL } from '#arch/cpu-models/broadwell.ts';
import { CORE2 } from '#arch/cpu-models/core2.ts';
import { GOLDMONT } from '#arch/cpu-models/goldmont.ts';
import { CPU_MODELS } from '#arch/cpu-models/index-of-models.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { NEHALEM } from '#arch/cpu-models/nehalem.ts';
import { SAPPHIRERAPIDS } from '#arch/cpu-models/sapphirerapids.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { YONAH } from '#arch/cpu-models/yonah.ts';
import { BRANCH, LBR_CTL, LBR_INFO, LBR_SELECT, lbrLayout } from '#arch/lbr.ts';
import { MSR } from '#arch/msr.ts';
import { DEBUGCTL } from '#arch/pmu/debugctl.ts';
import { GLOBAL_STATUS } from '#arch/pmu/global.ts';
import { PERFEVTSEL } from '#arch/pmu/perfevtsel.ts';
import { BRANCHY, type Taken, takenBySteps } from '../testing/branchy.ts';
import { Pins, plainInterpreter, tracingInterpreter } from '../testing/pins.ts';

interface Entry {
  readonly from: bigint;
  readonly to: bigint;
  readonly cycles?: bigint;
  readonly type?: bigint;
}

const LBR = DEBUGCTL.mask('LBR');
const FREEZE = DEBUGCTL.mask('FREEZE_LBRS_ON_PMI');
const ALL_KINDS = LBR_CTL.pack({
  JCC: 1,
  NEAR_REL_JMP: 1,
  NEAR_IND_JMP: 1,
  NEAR_REL_CALL: 1,
  NEAR_IND_CALL: 1,
  NEAR_RET: 1,
  OTHER_BRANCH: 1,
});
const EVERYTHING = ALL_KINDS | LBR_CTL.pack({ LBREn: 1, OS: 1, USR: 1 });
const extend = (v: bigint): bigint => BigInt.asUintN(64, BigInt.asIntN(48, v));

/** All records, newest first, as software reads them. */
function read(p: Pins, model: CpuModel): Entry[] {
  const l = lbrLayout(model.lbr ?? { depth: 0, format: 0 });
  const depth = l.kind === 'legacy' ? l.depth : Number(p.rdmsr(MSR.IA32_LBR_DEPTH));
  const tos = l.kind === 'legacy' ? Number(p.rdmsr(MSR.MSR_LASTBRANCH_TOS)) : 0;
  const out: Entry[] = [];
  for (let k = 0; k < depth; k++) {
    const i = l.kind === 'legacy' ? (tos - k + depth) % depth : k;
    const from = p.rdmsr(l.from + i);
    if (l.to === undefined) {
      out.push({ from: from & 0xffff_ffffn, to: from >> 32n });
      continue;
    }
    const to = p.rdmsr(l.to + i);
    const info = l.info === undefined ? undefined : p.rdmsr(l.info + i);
    const cycles = info === undefined ? (l.toFlags === 'cycles' ? to >> 48n : undefined) : LBR_INFO.get(info, 'CYC_CNT');
    out.push({
      from: extend(from),
      to: extend(to),
      ...(cycles === undefined ? {} : { cycles }),
      ...(l.kind === 'architectural' && info !== undefined ? { type: LBR_INFO.get(info, 'BR_TYPE') } : {}),
    });
  }
  return out;
}

interface Wanted {
  readonly kinds: (t: Taken) => boolean;
  readonly callStack?: boolean;
}
/** What `read` must give: an array used as a stack, no ring. */
function expected(model: CpuModel, list: readonly Taken[], wanted: Wanted, depth = model.lbr?.depth ?? 0): Entry[] {
  const l = lbrLayout(model.lbr ?? { depth: 0, format: 0 });
  const spc = BigInt(model.costs.slotsPerCycle);
  const out: Entry[] = [];
  let last = 0n;
  for (const t of list) {
    if (!wanted.kinds(t)) continue;
    const now = BigInt(t.slots) / spc;
    if (wanted.callStack === true && t.zeroLength) continue;
    const cycles = now - last > 0xffffn ? 0xffffn : now - last;
    last = now;
    if (wanted.callStack === true && t.kind === BRANCH.RET) {
      out.shift();
      continue;
    }
    const half = (a: bigint): bigint => (l.to === undefined ? a & 0xffff_ffffn : a);
    out.unshift({
      from: half(t.from),
      to: half(t.to),
      ...(l.info !== undefined || l.toFlags === 'cycles' ? { cycles } : {}),
      ...(l.kind === 'architectural' ? { type: BigInt(t.kind) } : {}),
    });
    if (out.length > depth) out.pop();
  }
  const empty: Entry = {
    from: 0n,
    to: 0n,
    ...(l.info !== undefined || l.toFlags === 'cycles' ? { cycles: 0n } : {}),
    ...(l.kind === 'architectural' ? { type: 0n } : {}),
  };
  while (out.length < depth) out.push(empty);
  return out;
}

function enable(p: Pins, model: CpuModel, control?: bigint): void {
  if (model.lbr?.format === 'arch') p.wrmsr(MSR.IA32_LBR_CTL, control ?? EVERYTHING);
  else {
    if (control !== undefined) p.wrmsr(MSR.MSR_LBR_SELECT, control);
    p.wrmsr(MSR.IA32_DEBUGCTL, LBR);
  }
}

const lists = new Map<CpuModel, Taken[]>();
function listOf(model: CpuModel): Taken[] {
  let list = lists.get(model);
  if (list === undefined) {
    list = takenBySteps(new Pins(model, BRANCHY), 600);
    lists.set(model, list);
  }
  return list;
}
/** What a machine has taken that stands where `p` does. */
function upTo(p: Pins, model: CpuModel): Taken[] {
  return listOf(model).filter((t) => t.instructions <= p.instructions);
}

test('the list itself: every kind, both rings', () => {
  const list = listOf(SKYLAKE);
  assert.deepEqual([...new Set(list.map((t) => t.kind))].sort(), [0, 1, 2, 3, 4, 5, 8]);
  assert.ok(list.some((t) => t.kind === BRANCH.OTHER && t.cpl === 3) && list.some((t) => t.kind === BRANCH.JMP && t.cpl === 0));
  assert.ok(list.some((t) => t.zeroLength));
});

for (const model of CPU_MODELS) {
  test(`${model.name}: the records are the last branches of the list, at every length, in one run`, () => {
    const p = new Pins(model, BRANCHY);
    enable(p, model);
    for (let n = 0; n < 60; n++) {
      p.run(n % 9 === 0 ? 1 : n % 13);
      assert.deepEqual(read(p, model), expected(model, upTo(p, model), { kinds: () => true }), `${p.instructions} instructions`);
    }
  });
}

test('the same through the tracing interpreter alone, and without a hot set', () => {
  const p = new Pins(SKYLAKE, BRANCHY, { interpreter: tracingInterpreter() });
  enable(p, SKYLAKE);
  p.run(500);
  assert.deepEqual(read(p, SKYLAKE), expected(SKYLAKE, upTo(p, SKYLAKE), { kinds: () => true }));
  const q = new Pins(SKYLAKE, BRANCHY);
  enable(q, SKYLAKE);
  for (let n = 0; n < 500; n++) q.run(1); // single steps go through each instruction's own function
  assert.deepEqual(read(q, SKYLAKE), read(p, SKYLAKE));
});

test('the plain interpreter may come from a file: its numbers are compared, and a recorder with others is refused', () => {
  const { bytes, manifest } = plainInterpreter();
  const fromFile = { bytes, manifest: JSON.parse(JSON.stringify(manifest)) as typeof manifest, traces: false, observes: false };
  const p = new Pins(SKYLAKE, BRANCHY, { interpreter: fromFile });
  enable(p, SKYLAKE);
  p.run(100);
  assert.deepEqual(read(p, SKYLAKE), expected(SKYLAKE, upTo(p, SKYLAKE), { kinds: () => true }));
  const traced = tracingInterpreter();
  const other = { ...traced, manifest: { ...traced.manifest, enterHot: traced.manifest.enterHot + 1 } };
  const q = new Pins(SKYLAKE, BRANCHY, { recorder: () => other });
  enable(q, SKYLAKE);
  assert.throws(() => q.run(1), /numbers its forms otherwise/);
});

const SELECT_OF: readonly (readonly [keyof typeof LBR_SELECT.fields, (t: Taken) => boolean])[] = [
  ['CPL_EQ_0', (t) => t.cpl === 0],
  ['CPL_NEQ_0', (t) => t.cpl === 3],
  ['JCC', (t) => t.kind === BRANCH.COND],
  ['NEAR_REL_CALL', (t) => t.kind === BRANCH.CALL],
  ['NEAR_IND_CALL', (t) => t.kind === BRANCH.CALL_INDIRECT],
  ['NEAR_RET', (t) => t.kind === BRANCH.RET],
  ['NEAR_IND_JMP', (t) => t.kind === BRANCH.JMP_INDIRECT],
  ['NEAR_REL_JMP', (t) => t.kind === BRANCH.JMP],
  ['FAR_BRANCH', (t) => t.kind === BRANCH.OTHER],
];
test('LBR_SELECT: each bit suppresses its branches, and each alone lets the others be seen', () => {
  const all = LBR_SELECT.pack(Object.fromEntries(SELECT_OF.map(([bit]) => [bit, bit.startsWith('CPL') ? 0 : 1])));
  for (const [bit, matches] of SELECT_OF) {
    const p = new Pins(SKYLAKE, BRANCHY);
    enable(p, SKYLAKE, LBR_SELECT.pack({ [bit]: 1 }));
    p.run(450);
    assert.deepEqual(read(p, SKYLAKE), expected(SKYLAKE, upTo(p, SKYLAKE), { kinds: (t) => !matches(t) }), bit);
    if (bit.startsWith('CPL')) continue;
    const q = new Pins(SKYLAKE, BRANCHY);
    enable(q, SKYLAKE, LBR_SELECT.set(all, bit, 0));
    q.run(450);
    const only = read(q, SKYLAKE);
    assert.deepEqual(only, expected(SKYLAKE, upTo(q, SKYLAKE), { kinds: matches }), `only ${bit}`);
    assert.notEqual(only[0]?.from, 0n, bit);
  }
});

test('IA32_LBR_CTL: each bit captures its branches, each ring by its own', () => {
  for (const [bit, matches] of SELECT_OF.slice(2)) {
    const name = bit === 'FAR_BRANCH' ? 'OTHER_BRANCH' : bit;
    const p = new Pins(SAPPHIRERAPIDS, BRANCHY);
    enable(p, SAPPHIRERAPIDS, LBR_CTL.pack({ LBREn: 1, OS: 1, USR: 1, [name]: 1 }));
    p.run(450);
    assert.deepEqual(read(p, SAPPHIRERAPIDS), expected(SAPPHIRERAPIDS, upTo(p, SAPPHIRERAPIDS), { kinds: matches }), bit);
  }
  for (const [ring, cpl] of [
    ['OS', 0],
    ['USR', 3],
  ] as const) {
    const p = new Pins(SAPPHIRERAPIDS, BRANCHY);
    enable(p, SAPPHIRERAPIDS, ALL_KINDS | LBR_CTL.pack({ LBREn: 1, [ring]: 1 }));
    p.run(450);
    assert.deepEqual(read(p, SAPPHIRERAPIDS), expected(SAPPHIRERAPIDS, upTo(p, SAPPHIRERAPIDS), { kinds: (t) => t.cpl === cpl }), ring);
  }
});

const CALLS: readonly number[] = [BRANCH.CALL, BRANCH.CALL_INDIRECT, BRANCH.RET];
test('call-stack mode: calls push, returns pop, zero-length calls do neither; user mode only', () => {
  const select = LBR_SELECT.pack({ CPL_EQ_0: 1, JCC: 1, NEAR_IND_JMP: 1, NEAR_REL_JMP: 1, FAR_BRANCH: 1, EN_CALLSTACK: 1 });
  const ctl = LBR_CTL.pack({ LBREn: 1, USR: 1, CALL_STACK: 1, NEAR_REL_CALL: 1, NEAR_IND_CALL: 1, NEAR_RET: 1 });
  for (const [model, control] of [
    [BROADWELL, select],
    [SKYLAKE, select],
    [GOLDMONT, select],
    [SAPPHIRERAPIDS, ctl],
  ] as const) {
    const p = new Pins(model, BRANCHY);
    enable(p, model, control);
    let deepest = 0;
    for (let n = 0; n < 120; n++) {
      p.run(1 + (n % 5));
      const wanted = { kinds: (t: Taken): boolean => t.cpl === 3 && CALLS.includes(t.kind), callStack: true };
      const records = read(p, model);
      assert.deepEqual(records, expected(model, upTo(p, model), wanted), `${model.name} at ${p.instructions}`);
      deepest = Math.max(deepest, records.filter((e) => e.from !== 0n).length);
    }
    assert.equal(deepest, 5, model.name);
  }
});

test('TOS wraps at the depth and counts on from what is written', () => {
  for (const [model, depth] of [
    [CORE2, 4],
    [YONAH, 8],
    [NEHALEM, 16],
    [SKYLAKE, 32],
  ] as const) {
    const p = new Pins(model, BRANCHY);
    enable(p, model);
    p.run(300);
    assert.equal(Number(p.rdmsr(MSR.MSR_LASTBRANCH_TOS)), upTo(p, model).length % depth, model.name);
    assert.equal(p.tryWrmsr(MSR.MSR_LASTBRANCH_TOS, BigInt(depth)), false);
    p.wrmsr(MSR.MSR_LASTBRANCH_TOS, 2n);
    assert.equal(p.rdmsr(MSR.MSR_LASTBRANCH_TOS), 2n);
  }
});

test('turning recording off keeps the records, on continues; nothing is recorded while it is off', () => {
  const p = new Pins(SKYLAKE, BRANCHY);
  enable(p, SKYLAKE);
  p.run(100);
  const before = read(p, SKYLAKE);
  p.wrmsr(MSR.IA32_DEBUGCTL, 0n);
  p.run(100);
  assert.deepEqual(read(p, SKYLAKE), before);
  p.wrmsr(MSR.IA32_DEBUGCTL, LBR);
  const from = p.instructions;
  p.run(6);
  const fresh = upTo(p, SKYLAKE).filter((t) => t.instructions > from).length;
  assert.ok(fresh > 0);
  assert.deepEqual(
    read(p, SKYLAKE)
      .slice(fresh)
      .map((e) => e.from),
    before.slice(0, 32 - fresh).map((e) => e.from),
  );
});

// ---- freezing (spec A13, A14)

/** PMC0 counts branches of user mode and overflows at the n-th; the PMI arrives `latency` instructions later. */
function sampled(model: CpuModel, debugctl: bigint, n: number, latency: number, control?: bigint): Pins {
  const p = new Pins(model, BRANCHY, { pmiLatency: { unit: 'instructions', min: latency, max: latency } });
  p.wrmsr(MSR.IA32_PERFEVTSEL0, PERFEVTSEL.pack({ event: 0xc4, usr: true, int: true, en: true }));
  p.wrmsr(MSR.IA32_PMC0, BigInt.asUintN(32, BigInt(-n)));
  if (model.pmu.version >= 2) p.wrmsr(MSR.IA32_PERF_GLOBAL_CTRL, 1n);
  enable(p, model, control);
  p.wrmsr(MSR.IA32_DEBUGCTL, p.rdmsr(MSR.IA32_DEBUGCTL) | debugctl);
  return p;
}
const branchCounts = new Map<CpuModel, number[]>();
/** How many instructions there are up to and with the n-th branch instruction of user mode: SYSCALL and INT are among them, a fault is none. */
function instructionsTo(model: CpuModel, n: number): number {
  let counts = branchCounts.get(model);
  if (counts === undefined) {
    counts = [];
    const p = new Pins(model, BRANCHY);
    for (let i = 0; i < 400; i++) {
      counts[p.instructions] = Number(p.machine.truth.total(0xc4n)?.user);
      p.run(1);
    }
    branchCounts.set(model, counts);
  }
  return counts.indexOf(n);
}
const before = (model: CpuModel, instructions: number): Taken[] => listOf(model).filter((t) => t.instructions <= instructions);

for (const model of [NEHALEM, BROADWELL, SKYLAKE, SAPPHIRERAPIDS]) {
  test(`A13, ${model.name}: frozen, the newest record is the last branch up to the overflow; not frozen, skid and handler follow`, () => {
    for (const n of [3, 22]) {
      const stop = instructionsTo(model, n);
      const overflow = expected(model, before(model, stop), { kinds: () => true });
      const frozen = sampled(model, FREEZE, n, 20);
      frozen.runToGate();
      assert.deepEqual(read(frozen, model), overflow, `period ${n}`);
      const status = frozen.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS);
      if (model.pmu.version >= 4) {
        assert.equal(GLOBAL_STATUS.get(status, 'LbrFrz'), 1n);
        if (model.lbr?.format !== 'arch') assert.equal(frozen.rdmsr(MSR.IA32_DEBUGCTL), LBR | FREEZE, 'DEBUGCTL is untouched');
        else assert.equal(frozen.rdmsr(MSR.IA32_LBR_CTL), EVERYTHING);
        frozen.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, 1n);
        frozen.run(3);
        assert.deepEqual(read(frozen, model), overflow, 'the acknowledgement of the counter alone leaves it frozen');
        frozen.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, status);
      } else {
        assert.equal(frozen.rdmsr(MSR.IA32_DEBUGCTL), FREEZE, 'DEBUGCTL.LBR is cleared');
        frozen.run(3);
        assert.deepEqual(read(frozen, model), overflow, 'until software sets it again');
        frozen.wrmsr(MSR.IA32_DEBUGCTL, LBR | FREEZE);
      }
      frozen.run(12);
      assert.notDeepEqual(read(frozen, model), overflow, 'it records again');

      const free = sampled(model, 0n, n, 20);
      free.runToGate();
      const records = read(free, model);
      const nmi = free.kernel.addressOf('nmi');
      const at = records.findIndex((e) => e.to === nmi);
      assert.equal(at, 3, 'NMI, call, jump, return of the handler');
      const skid = before(model, stop + 20);
      assert.ok(skid.length > before(model, stop).length, 'branches in the skid');
      assert.deepEqual(records.slice(at + 1), expected(model, skid, { kinds: () => true }).slice(0, records.length - at - 1));
    }
  });
}

test('A13: a counter that overflows without INT freezes nothing', () => {
  const p = sampled(SKYLAKE, FREEZE, 5, 20);
  p.wrmsr(MSR.IA32_PERFEVTSEL0, PERFEVTSEL.pack({ event: 0xc4, usr: true, en: true }));
  p.run(200);
  assert.equal(GLOBAL_STATUS.get(p.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS), 'LbrFrz'), 0n);
  assert.deepEqual(read(p, SKYLAKE), expected(SKYLAKE, upTo(p, SKYLAKE), { kinds: () => true }));
});

test('A14: in call-stack mode freezing loses the calls and returns of the skid, so that the stack is wrong afterwards', () => {
  const select = LBR_SELECT.pack({ CPL_EQ_0: 1, JCC: 1, NEAR_IND_JMP: 1, NEAR_REL_JMP: 1, FAR_BRANCH: 1, EN_CALLSTACK: 1 });
  const wanted = { kinds: (t: Taken): boolean => t.cpl === 3 && CALLS.includes(t.kind), callStack: true };
  let wrong = 0;
  for (let n = 4; n < 24; n += 3) {
    for (const debugctl of [0n, FREEZE]) {
      const p = sampled(SKYLAKE, debugctl, n, 6, select);
      p.runToGate();
      p.wrmsr(MSR.IA32_PERF_GLOBAL_OVF_CTRL, p.rdmsr(MSR.IA32_PERF_GLOBAL_STATUS));
      p.wrmsr(MSR.IA32_PERFEVTSEL0, 0n);
      p.run(60);
      // The handler moved the clock: compare the addresses.
      const user = Number(p.machine.truth.total(0xc4n)?.user);
      const want = expected(SKYLAKE, before(SKYLAKE, instructionsTo(SKYLAKE, user)), wanted).map((e) => e.from);
      const got = read(p, SKYLAKE).map((e) => e.from);
      if (debugctl === 0n) assert.deepEqual(got, want, `period ${n}`);
      else if (got.some((v, i) => v !== want[i])) wrong++;
    }
  }
  assert.ok(wrong > 0);
});

test('a debug exception is not recorded and ends recording', () => {
  for (const model of [SKYLAKE, SAPPHIRERAPIDS]) {
    const p = new Pins(model, BRANCHY);
    enable(p, model);
    p.run(20);
    p.machine.core.rflags |= 0x100n;
    p.runToGate();
    const enabled = model === SKYLAKE ? p.rdmsr(MSR.IA32_DEBUGCTL) & LBR : p.rdmsr(MSR.IA32_LBR_CTL) & 1n;
    assert.equal(enabled, 0n);
    assert.ok(read(p, model).every((e) => e.to !== p.kernel.addressOf('db')));
  }
});

test('the last exception registers hold the branch before the last exception or interrupt', () => {
  const p = new Pins(SKYLAKE, BRANCHY);
  enable(p, SKYLAKE);
  const list = listOf(SKYLAKE);
  const fault = list.findIndex((t) => t.to === p.kernel.addressOf('ud'));
  while (read(p, SKYLAKE)[0]?.to !== p.kernel.addressOf('ud')) p.run(1);
  assert.equal(p.rdmsr(MSR.MSR_LER_FROM_LIP), list[fault - 1]?.from);
  assert.equal(p.rdmsr(MSR.MSR_LER_TO_LIP), list[fault - 1]?.to);
  assert.equal(p.tryWrmsr(MSR.MSR_LER_FROM_LIP, 0n), false);
});
