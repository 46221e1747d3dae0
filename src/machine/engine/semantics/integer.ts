/** Data movement and arithmetic on general registers. SDM Vol. 2. */
import { add, and, eq, eqz, extU, k32, k64, ne, or, select, sext, shl, shrU, sub, type Val, wrap, xor } from '#base/wasm/ops.ts';
import { VECTOR } from '#arch/registers.ts';
import type { Cc, Machine, Place, Width } from '../machine.ts';
import {
  carry,
  condition,
  flagsAdd,
  flagsCarry,
  flagsKeepCarry,
  flagsLogic,
  flagsSub,
  setCarry,
  setStatusFlags,
  signBit,
  statusFlags,
  trunc,
} from './flags.ts';
import { aluShapes, CONDITIONS, type FormTable, loadShapes, type Semantics, unaryShapes } from './registry.ts';

type Flagger = (m: Machine, w: Width, a: Val, b: Val, r: Val) => void;

const alu =
  (op: (a: Val, b: Val) => Val, flags: Flagger, store: boolean): Semantics =>
  (m, d, s) => {
    const [p, q] = [d as Place, s as Place];
    const b = q.get();
    const a = p.get();
    const r = m.let(trunc(p.w, op(a, b)));
    if (store) p.set(r);
    flags(m, p.w, a, b, r);
  };
const logic: Flagger = (m, w, _a, _b, r) => flagsLogic(m, w, r);

/** ADC: the carry out of w bits; for 8 bytes from the majority of the top bits. */
const adc: Semantics = (m, d, s) => {
  const [p, q] = [d as Place, s as Place];
  const b = q.get();
  const a = p.get();
  const c = m.let(extU(carry(m)));
  const total = m.let(add(add(a, b), c));
  const r = m.let(trunc(p.w, total));
  const cf = p.w === 8 ? shrU(or(and(a, b), and(or(a, b), xor(r, k64(-1)))), k64(63)) : shrU(total, k64(p.w * 8));
  const out = m.let(wrap(cf));
  p.set(r);
  flagsCarry(m, p.w, a, b, r, out);
};
const sbb: Semantics = (m, d, s) => {
  const [p, q] = [d as Place, s as Place];
  const b = q.get();
  const a = p.get();
  const c = m.let(extU(carry(m)));
  const total = m.let(sub(sub(a, b), c));
  const r = m.let(trunc(p.w, total));
  const na = xor(a, k64(-1));
  const cf = p.w === 8 ? shrU(or(and(na, b), and(or(na, b), r)), k64(63)) : shrU(total, k64(63));
  const out = m.let(wrap(cf));
  p.set(r);
  flagsCarry(m, p.w, a, b, r, out);
};

const incdec =
  (by: 1 | -1): Semantics =>
  (m, d) => {
    const p = d as Place;
    const a = p.get();
    const r = m.let(trunc(p.w, add(a, k64(by))));
    p.set(r);
    flagsKeepCarry(m, p.w, a, r, by === 1 ? eqz(r) : eqz(a));
  };

const mov: Semantics = (_m, d, s) => (d as Place).set((s as Place).get());

const cmpxchg: Semantics = (m, d, s) => {
  const [p, q] = [d as Place, s as Place];
  const acc = m.gpr(0, p.w);
  const a = acc.get();
  const old = p.get();
  const b = q.get();
  const r = m.let(trunc(p.w, sub(a, old)));
  const same = m.let(eq(a, old));
  // A register destination is not touched at all when the comparison fails (no zero extension); memory gets its write either way.
  if (p.kind === 'm') p.set(select(same, b, old));
  else m.if(same, () => p.set(b));
  m.if(eqz(same), () => acc.set(old));
  flagsSub(m, p.w, a, old, r);
};
const xadd: Semantics = (m, d, s) => {
  const [p, q] = [d as Place, s as Place];
  const b = q.get();
  const a = p.get();
  const r = m.let(trunc(p.w, add(a, b)));
  if (p.kind === 'r') {
    q.set(a);
    p.set(r);
  } else {
    p.set(r);
    q.set(a);
  }
  flagsAdd(m, p.w, a, b, r);
};

/** CMPXCHG8B / CMPXCHG16B: RDX:RAX against memory; ZF alone changes. */
const cmpxchgPair =
  (half: 4 | 8): Semantics =>
  (m, d) => {
    const ea = m.let((d as Place).ea());
    if (half === 8) m.if(ne(and(ea, k64(15)), k64(0)), () => m.fault(13, 0));
    const low = m.memory(ea, half, 'rw');
    const high = m.memory(m.let(add(ea, k64(half))), half, 'rw');
    const [l, h] = [low.get(), high.get()];
    const [ax, dx] = [m.gpr(0, half), m.gpr(2, half)];
    const same = m.let(and(eq(ax.get(), l), eq(dx.get(), h)));
    const [nl, nh] = [m.let(select(same, m.gpr(3, half).get(), l)), m.let(select(same, m.gpr(1, half).get(), h))];
    low.set(nl);
    high.set(nh);
    m.if(eqz(same), () => {
      ax.set(l);
      dx.set(h);
    });
    const others = m.let(and(statusFlags(m), k64(~0x40)));
    setStatusFlags(m, m.let(or(others, shl(extU(same), k64(6)))));
  };

function bswap(w: Width, v: Val): Val {
  const byte = (i: number): Val => shl(and(shrU(v, k64(8 * i)), k64(255)), k64(8 * (w - 1 - i)));
  let r = byte(0);
  for (let i = 1; i < w; i++) r = or(r, byte(i));
  return r;
}

export function defineInteger(t: FormTable): void {
  t.def(
    'mov',
    [...aluShapes(), 'r8,i'].filter((s, i, all) => all.indexOf(s) === i),
    'w,r',
    mov,
  );
  t.def('add', aluShapes(), 'rw,r', alu(add, flagsAdd, true));
  t.def('sub', aluShapes(), 'rw,r', alu(sub, flagsSub, true));
  t.def('cmp', aluShapes(), 'r,r', alu(sub, flagsSub, false));
  t.def('and', aluShapes(), 'rw,r', alu(and, logic, true));
  t.def('or', aluShapes(), 'rw,r', alu(or, logic, true));
  t.def('xor', aluShapes(), 'rw,r', alu(xor, logic, true));
  t.def('test', aluShapes(), 'r,r', alu(and, logic, false));
  t.def('adc', aluShapes(), 'rw,r', adc);
  t.def('sbb', aluShapes(), 'rw,r', sbb);
  t.def('inc', unaryShapes(), 'rw', incdec(1));
  t.def('dec', unaryShapes(), 'rw', incdec(-1));
  t.def('not', unaryShapes(), 'rw', (m, d) => {
    const p = d as Place;
    p.set(m.let(trunc(p.w, xor(p.get(), k64(-1)))));
  });
  t.def('neg', unaryShapes(), 'rw', (m, d) => {
    const p = d as Place;
    const a = p.get();
    const r = m.let(trunc(p.w, sub(k64(0), a)));
    p.set(r);
    flagsSub(m, p.w, k64(0), a, r);
  });
  t.def('lea', ['r2,m8', 'r4,m8', 'r8,m8'], 'w,a', (m, d, s) => {
    const p = d as Place;
    p.set(m.let(trunc(p.w, (s as Place).ea())));
  });
  t.def(
    'xchg',
    [1, 2, 4, 8].flatMap((w) => [`r${w},r${w}`, `m${w},r${w}`, `r${w},m${w}`]),
    'rw,rw',
    (_m, d, s) => {
      const [p, q] = [d as Place, s as Place];
      const [mem, reg] = p.kind === 'm' ? [p, q] : [q, p];
      const a = mem.get();
      const b = reg.get();
      mem.set(b);
      reg.set(a);
    },
  );
  t.def(
    'cmpxchg',
    [1, 2, 4, 8].flatMap((w) => [`r${w},r${w}`, `m${w},r${w}`]),
    'rw,r',
    cmpxchg,
    { cost: 'locked' },
  );
  t.def(
    'xadd',
    [1, 2, 4, 8].flatMap((w) => [`r${w},r${w}`, `m${w},r${w}`]),
    'rw,rw',
    xadd,
    { cost: 'locked' },
  );
  t.def('cmpxchg8b', ['m8'], 'a', cmpxchgPair(4), { cost: 'locked' });
  t.def('cmpxchg16b', ['m16'], 'a', cmpxchgPair(8), { cost: 'locked' });
  for (const from of [1, 2] as const) {
    for (const to of [2, 4, 8] as const) {
      if (from > to) continue;
      const shapes = [`r${to},r${from}`, `r${to},m${from}`];
      t.def('movzx', shapes, 'w,r', mov);
      t.def('movsx', shapes, 'w,r', (m, d, s) => (d as Place).set(m.let(trunc(to, sext((s as Place).get(), from)))));
    }
  }
  t.def('movsxd', ['r8,r4', 'r8,m4'], 'w,r', (m, d, s) => (d as Place).set(m.let(sext((s as Place).get(), 4))));
  // Without REX.W nothing is extended.
  t.def('movsxd', ['r4,r4', 'r4,m4', 'r2,r2', 'r2,m2'], 'w,r', mov);
  // The result of BSWAP r16 is undefined; processors give 0.
  t.def('bswap', ['r2'], 'rw', (_m, d) => (d as Place).set(k64(0)));
  t.def('mov', ['r2,s2', 'r4,s2', 'r8,s2', 'm2,s2'], 'w,r', mov);
  for (const [i, name] of CONDITIONS.entries()) {
    t.def(`set${name}`, ['r1', 'm1'], 'w', (m, d) => (d as Place).set(m.let(extU(condition(m, i as Cc)))));
    t.def(`cmov${name}`, loadShapes(), 'rw,r', (m, d, s) => {
      const b = (s as Place).get();
      const a = (d as Place).get();
      (d as Place).set(m.let(select(condition(m, i as Cc), b, a)));
    });
  }
  t.def('bswap', ['r4', 'r8'], 'rw', (m, d) => {
    const p = d as Place;
    p.set(m.let(bswap(p.w, p.get())));
  });
  t.def('movbe', ['r2,m2', 'r4,m4', 'r8,m8', 'm2,r2', 'm4,r4', 'm8,r8'], 'w,r', (m, d, s) => {
    const p = d as Place;
    p.set(m.let(bswap(p.w, (s as Place).get())));
  });
  defineConversions(t);
  defineDirect(t);
  defineHints(t);
  t.def('clc', [''], '', (m) => setCarry(m, k32(0)));
  t.def('stc', [''], '', (m) => setCarry(m, k32(1)));
  t.def('cmc', [''], '', (m) => setCarry(m, xor(carry(m), k32(1))));
  t.def('cld', [''], '', (m) => m.setRflags(and(m.rflags, k64(~(1 << 10)))));
  t.def('std', [''], '', (m) => m.setRflags(or(m.rflags, k64(1 << 10))));
  t.def('lahf', [''], '', (m) => {
    const ax = m.gpr(0, 2);
    const a = ax.get();
    ax.set(m.let(or(and(a, k64(0xff)), shl(or(and(statusFlags(m), k64(0xd5)), k64(2)), k64(8)))));
  });
  t.def('sahf', [''], '', (m) => {
    const ah = m.let(and(shrU(m.gpr(0, 2).get(), k64(8)), k64(0xd5)));
    const of = m.let(and(statusFlags(m), k64(1 << 11)));
    setStatusFlags(m, m.let(or(ah, of)));
  });
  for (const [name, a] of [
    ['xlatb', 8],
    ['a32 xlatb', 4],
  ] as const)
    t.def(name, [''], '', (m) => {
      const offset = trunc(a, add(m.gpr(3, a).get(), m.gpr(0, 1).get()));
      m.gpr(0, 1).set(m.let(m.load(1, m.let(add(offset, m.segment())))));
    });
  // imm = an absolute address.
  for (const w of [1, 2, 4, 8] as const) {
    t.def(`mov-from-moffs${w}`, [''], '', (m) => m.gpr(0, w).set(m.let(m.load(w, m.let(add(m.imm(), m.segment()))))));
    t.def(`mov-to-moffs${w}`, [''], '', (m) => m.store(w, m.let(add(m.imm(), m.segment())), m.gpr(0, w).get()));
  }
}

/** What changes nothing that a program can see: there is no cache, no prefetching, no weak order, and serializing is what every instruction does. */
function defineHints(t: FormTable): void {
  const none: Semantics = () => {};
  const shapes = ['r2,r2', 'r4,r4', 'r8,r8', 'm2,r2', 'm4,r4', 'm8,r8'];
  t.def('nop', ['', 'r2', 'r4', 'r8', 'm2', 'm4', 'm8', ...shapes], 'a,a', none);
  t.def('reservednop', shapes, 'a,a', none);
  for (const name of ['pause', 'endbr64', 'endbr32', 'lfence', 'mfence', 'sfence', 'serialize']) t.def(name, [''], '', none);
  for (const name of [
    'prefetcht0',
    'prefetcht1',
    'prefetcht2',
    'prefetchnta',
    'prefetchw',
    'prefetchwt1',
    'prefetch',
    'prefetchit0',
    'prefetchit1',
    'cldemote',
  ])
    t.def(name, ['m1'], 'a', none);
  for (const name of ['clflush', 'clflushopt', 'clwb']) t.def(name, ['m1'], 'r', (_m, d) => void (d as Place).get());
  // Without CET they are NOPs (SDM Vol. 2, RDSSP).
  t.def('rdsspd', ['r4'], 'a', none);
  t.def('rdsspq', ['r8'], 'a', none);
  // WAITPKG: a wait may end at any time for reasons of the processor's own; here it does at once, before the deadline (CF = 0).
  t.def('umonitor', ['r4', 'r8'], 'r', (m, s) => void m.load(1, (s as Place).get()));
  for (const name of ['umwait', 'tpause'])
    t.def(name, ['r4', 'r8'], 'r', (m, s) => {
      m.if(ne(and((s as Place).get(), k64(0xffff_fffe)), k64(0)), () => m.fault(VECTOR.GP));
      setStatusFlags(m, k64(0));
    });
}

/** MOVDIRI, MOVDIR64B: plain stores, since there is no other order. The target is a multiple of 64, so it lies in one page. */
function defineDirect(t: FormTable): void {
  t.def('movdiri', ['m4,r4', 'm8,r8'], 'w,r', mov);
  t.def('movdir64b', ['r4,m64', 'r8,m64'], 'r,a', (m, d, s) => {
    const to = (d as Place).get();
    const from = m.let((s as Place).ea());
    m.if(ne(and(to, k64(63)), k64(0)), () => m.fault(VECTOR.GP));
    const parts = [0, 16, 32, 48].map((at) => m.let(m.load(16, m.let(add(from, k64(at))))));
    for (const [i, part] of parts.entries()) m.store(16, m.let(add(to, k64(i * 16))), part);
  });
}

function defineConversions(t: FormTable): void {
  const widen = (name: string, from: Width, to: Width): void =>
    t.def(name, [''], '', (m) => {
      const a = m.gpr(0, from).get();
      m.gpr(0, to).set(m.let(trunc(to, sext(a, from))));
    });
  widen('cbw', 1, 2);
  widen('cwde', 2, 4);
  widen('cdqe', 4, 8);
  const spread = (name: string, w: Width): void =>
    t.def(name, [''], '', (m) => {
      const a = m.gpr(0, w).get();
      m.gpr(2, w).set(m.let(trunc(w, sub(k64(0), signBit(w, a)))));
    });
  spread('cwd', 2);
  spread('cdq', 4);
  spread('cqo', 8);
}
