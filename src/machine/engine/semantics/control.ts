/** Transfers and the stack. SDM Vol. 1 ch. 6, Vol. 2. */
import { RFLAGS } from '#arch/registers.ts';
import { add, and, eq, eqz, k64, ne, or, shrU, sub, type Val, wrap, xor } from '#base/wasm/ops.ts';
import type { Cc, Machine, Place, Width } from '../machine.ts';
import { SYSTEM_OP } from '../system-ops.ts';
import { condition, setStatusFlags, statusFlags, trunc } from './flags.ts';
import { CONDITIONS, type FormTable } from './registry.ts';

const RSP = 4;
const RBP = 5;

/** The store may fault: it comes before RSP. */
function push(m: Machine, w: Width, v: Val): void {
  const sp = m.gpr(RSP, 8);
  const to = m.let(sub(sp.get(), k64(w)));
  m.store(w, to, v);
  sp.set(to);
}

export function defineControl(t: FormTable): void {
  for (const [i, name] of CONDITIONS.entries()) {
    t.def(`j${name}`, [''], '', (m) => m.branch(condition(m, i as Cc)), { cost: 'branch', branch: 'cond' });
  }
  t.def('jmp', [''], '', (m) => m.jump('jmp'), { cost: 'branch', branch: 'jmp' });
  t.def('jmp', ['r8', 'm8'], 'r', (m, s) => m.jumpIndirect((s as Place).get(), 'jmpInd'), { cost: 'branch', branch: 'jmpInd' });
  t.def(
    'call',
    [''],
    '',
    (m) => {
      push(m, 8, m.nextRip());
      m.jump('call');
    },
    { cost: 'branch', branch: 'call' },
  );
  t.def(
    'call',
    ['r8', 'm8'],
    'r',
    (m, s) => {
      const target = (s as Place).get();
      push(m, 8, m.nextRip());
      m.jumpIndirect(target, 'callInd');
    },
    { cost: 'branch', branch: 'callInd' },
  );
  const ret = (m: Machine, extra: Val | undefined): void => {
    const sp = m.gpr(RSP, 8);
    const at = sp.get();
    const target = m.let(m.load(8, at));
    const up = add(at, k64(8));
    sp.set(m.let(extra === undefined ? up : add(up, and(extra, k64(0xffff)))));
    m.jumpIndirect(target, 'ret');
  };
  t.def('ret', [''], '', (m) => ret(m, undefined), { cost: 'branch', branch: 'ret' });
  t.def('ret', ['i'], 'r', (m, s) => ret(m, (s as Place).get()), { cost: 'branch', branch: 'ret' });

  t.def('push', ['r2', 'r8', 'm2', 'm8', 'i'], 'r', (m, s) => push(m, (s as Place).w, (s as Place).get()));
  t.def('pop', ['r2', 'r8'], 'w', (m, d) => {
    const p = d as Place;
    const sp = m.gpr(RSP, 8);
    const at = sp.get();
    const v = m.let(m.load(p.w, at));
    sp.set(m.let(add(at, k64(p.w))));
    p.set(v);
  });
  // The effective address of POP m uses RSP as already incremented; a fault on the store leaves RSP as it was.
  t.def('pop', ['m2', 'm8'], 'a', (m, d) => {
    const p = d as Place;
    const sp = m.gpr(RSP, 8);
    const at = sp.get();
    const v = m.let(m.load(p.w, at));
    m.store(p.w, m.let(p.ea()), v);
    sp.set(m.let(add(at, k64(p.w))));
  });
  // RF and VM read as zero.
  t.def('pushfq', [''], '', (m) => push(m, 8, m.let(or(and(m.rflags, k64(~0x1_0000n & ~0x2_0000n)), statusFlags(m)))));
  t.def('popfq', [''], '', (m) => popf(m, 8), { ends: true });
  t.def('pushf', [''], '', (m) => push(m, 2, m.let(and(or(m.rflags, statusFlags(m)), k64(0xffff)))));
  t.def('popf', [''], '', (m) => popf(m, 2), { ends: true });
  t.def('push', ['i2', 's2'], 'r', (m, s) => push(m, (s as Place).kind === 'i' ? 2 : 8, (s as Place).get()));
  t.def('pushw', ['s2'], 'r', (m, s) => push(m, 2, (s as Place).get()));
  t.def('enter', [''], '', (m) => enter(m, 8));
  t.def('enterw', [''], '', (m) => enter(m, 2));
  for (const [name, w] of [
    ['leave', 8],
    ['leavew', 2],
  ] as const)
    t.def(name, [''], '', (m) => {
      const at = m.gpr(RBP, 8).get();
      const v = m.let(m.load(w, at));
      m.gpr(RSP, 8).set(m.let(add(at, k64(w))));
      m.gpr(RBP, w).set(v);
    });
  for (const [prefix, w] of [
    ['', 8],
    ['a32 ', 4],
  ] as const) {
    t.def(`${prefix}loop`, [''], '', (m) => loop(m, w, undefined), { cost: 'branch', branch: 'cond' });
    t.def(`${prefix}loope`, [''], '', (m) => loop(m, w, 4), { cost: 'branch', branch: 'cond' });
    t.def(`${prefix}loopne`, [''], '', (m) => loop(m, w, 5), { cost: 'branch', branch: 'cond' });
  }
  t.def('jrcxz', [''], '', (m) => m.branch(eq(m.gpr(1, 8).get(), k64(0))), { cost: 'branch', branch: 'cond' });
  t.def('jecxz', [''], '', (m) => m.branch(eq(m.gpr(1, 4).get(), k64(0))), { cost: 'branch', branch: 'cond' });
}

/** At CPL 3 IF, IOPL and the reserved bits stay; setting TF, and CPL 0, are for core/system.ts. */
function popf(m: Machine, w: 2 | 8): void {
  const sp = m.gpr(RSP, 8);
  const at = sp.get();
  const v = m.let(m.load(w, at));
  m.if(or(eqz(m.user), wrap(and(v, k64(RFLAGS.TF)))), () => m.system(SYSTEM_OP.POPF));
  const may = k64(w === 2 ? RFLAGS.DF | RFLAGS.NT : RFLAGS.DF | RFLAGS.NT | RFLAGS.AC | RFLAGS.ID);
  const old = m.let(m.rflags);
  m.setRflags(or(and(old, xor(or(may, k64(RFLAGS.RF | RFLAGS.TF)), k64(-1))), and(v, may))); // a set TF left above
  setStatusFlags(m, v);
  sp.set(m.let(add(at, k64(w))));
}

/** imm = size | level << 16. A level copies the pointers of the frames around, and adds this one's. A fault on the way leaves RSP and RBP alone. */
function enter(m: Machine, w: 2 | 8): void {
  const outer = m.gpr(RBP, 8).get();
  const frame = m.let(sub(m.gpr(RSP, 8).get(), k64(w)));
  m.store(w, frame, outer);
  const level = m.let(and(shrU(m.imm(), k64(16)), k64(31)));
  const top = m.variable(frame);
  m.if(ne(level, k64(0)), () => {
    const rest = m.variable(level);
    const from = m.variable(outer);
    const add1 = (v: Val): void => {
      const at = m.let(sub(top.get(), k64(w)));
      m.store(w, at, v);
      top.set(at);
    };
    m.loop((again) => {
      m.if(ne(rest.get(), k64(1)), () => {
        const source = m.let(sub(from.get(), k64(w)));
        add1(m.let(m.load(w, source)));
        from.set(source);
        rest.set(sub(rest.get(), k64(1)));
        again();
      });
    });
    add1(frame);
  });
  m.gpr(RBP, w).set(frame);
  m.gpr(RSP, 8).set(m.let(sub(top.get(), and(m.imm(), k64(0xffff)))));
}

function loop(m: Machine, w: 4 | 8, cc: Cc | undefined): void {
  const cx = m.gpr(1, w);
  const n = m.let(trunc(w, sub(cx.get(), k64(1))));
  cx.set(n);
  const more = ne(n, k64(0));
  m.branch(cc === undefined ? more : and(more, condition(m, cc)));
}
