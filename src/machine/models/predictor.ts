/**
 * The branch predictor as generated code. Conditional branches: McFarling's combining predictor (DEC WRL TN-36, 1993), two-bit counters by address
 * and by address ^ global history, and a third table that chooses. Indirect ones: the last target on this path, else the last target. Returns: a
 * ring of return addresses. Direct jumps and calls are never mispredicted (a front-end resteer is none). docs/machine/models.md.
 */
import { BRANCH } from '#arch/lbr.ts';
import { FunctionBuilder } from '#base/wasm/function.ts';
import type { FunctionRef, ModuleBuilder } from '#base/wasm/module.ts';
import { add, and, eq, eqz, geU, k32, load, ltU, ne, or, select, shl, shrU, sub, type Val, wrap, xor } from '#base/wasm/ops.ts';
import { EV } from '../retire.ts';
import { bump, charge, setWord, word } from './build.ts';
import { BIMODAL, BTB, CHOOSER, GSHARE, PATHS, RETURNS, WORD } from './memory.ts';

/** A two-bit counter goes up or down. */
function count(f: FunctionBuilder, at: Val, value: Val, up: Val): void {
  const higher = select(ltU(value, k32(3)), add(value, k32(1)), value);
  const lower = select(value, sub(value, k32(1)), value);
  f.store(1, at, select(up, higher, lower));
}

/** → 1 mispredicted; counted and charged. */
export function conditional(f: FunctionBuilder, rip: Val, taken: Val): Val {
  const wrong = conditionalWrong(f, f.let(wrap(rip)), taken);
  f.if(wrong, () => {
    f.if(
      taken,
      () => bump(f, EV.MISPREDICTED_TAKEN),
      () => bump(f, EV.MISPREDICTED_NOT_TAKEN),
    );
    charge(f, WORD.COST_MISPREDICT);
  });
  return wrong;
}
function conditionalWrong(f: FunctionBuilder, pc: Val, taken: Val): Val {
  const place = f.let(and(xor(pc, shrU(pc, k32(13))), word(WORD.BIMODAL_MASK)));
  const history = f.let(word(WORD.HISTORY));
  const global = f.let(add(and(xor(pc, history), word(WORD.GSHARE_MASK)), k32(GSHARE)));
  const local = f.let(add(place, k32(BIMODAL)));
  const chooser = f.let(add(place, k32(CHOOSER)));
  const [b, g, c] = [local, global, chooser].map((at) => f.let(load('i32', 1, at))) as [Val, Val, Val];
  const byLocal = f.let(geU(b, k32(2)));
  const byGlobal = f.let(geU(g, k32(2)));
  const wrong = f.let(ne(select(geU(c, k32(2)), byGlobal, byLocal), taken));
  count(f, local, b, taken);
  count(f, global, g, taken);
  f.if(ne(byLocal, byGlobal), () => count(f, chooser, c, eq(byGlobal, taken)));
  setWord(f, WORD.HISTORY, and(or(shl(history, k32(1)), taken), word(WORD.HISTORY_MASK)));
  return wrong;
}

function indirect(f: FunctionBuilder, rip: Val, pc: Val, target: Val): Val {
  const path = f.let(word(WORD.PATH));
  const byPath = f.let(add(shl(and(xor(xor(pc, shrU(pc, k32(11))), path), word(WORD.PATH_MASK)), k32(4)), k32(PATHS)));
  const last = f.let(add(shl(and(xor(pc, shrU(pc, k32(12))), word(WORD.BTB_MASK)), k32(4)), k32(BTB)));
  const knows = (at: Val): Val => eq(load('i64', 8, at), rip);
  const says = (at: Val): Val => eq(load('i64', 8, at, 8), target);
  const right = f.let(select(knows(byPath), says(byPath), and(knows(last), says(last))));
  for (const at of [byPath, last]) {
    f.store(8, at, rip);
    f.store(8, at, target, 8);
  }
  // 15 bits of path: three of each of the last five targets.
  const low = and(xor(wrap(target), shrU(wrap(target), k32(4))), k32(7));
  setWord(f, WORD.PATH, and(or(shl(path, k32(3)), low), k32(0x7fff)));
  return eqz(right);
}

function pushReturn(f: FunctionBuilder, next: Val): void {
  const top = f.let(and(add(word(WORD.RETURN_TOP), k32(1)), word(WORD.RETURN_MASK)));
  setWord(f, WORD.RETURN_TOP, top);
  f.store(8, shl(top, k32(3)), next, RETURNS);
  const n = f.let(word(WORD.RETURNS));
  setWord(f, WORD.RETURNS, select(ltU(n, word(WORD.RETURN_MASK)), add(n, k32(1)), add(word(WORD.RETURN_MASK), k32(1))));
}

function popReturn(f: FunctionBuilder, target: Val): Val {
  const n = f.let(word(WORD.RETURNS));
  const wrong = f.variable(k32(1));
  f.if(n, () => {
    const top = f.let(word(WORD.RETURN_TOP));
    f.set(wrong, ne(load('i64', 8, shl(top, k32(3)), RETURNS), target));
    setWord(f, WORD.RETURN_TOP, and(sub(top, k32(1)), word(WORD.RETURN_MASK)));
    setWord(f, WORD.RETURNS, sub(n, k32(1)));
  });
  return f.get(wrong);
}

/** All but conditional ones. (kind i32, RIP i64, next RIP i64, target i64) → 1 mispredicted. */
export function buildPredictor(m: ModuleBuilder): FunctionRef {
  const f = new FunctionBuilder(['i32', 'i64', 'i64', 'i64'], ['i32']);
  const [kind, rip, next, target] = [f.param(0), f.param(1), f.param(2), f.param(3)];
  const pc = f.let(wrap(rip));
  const decide = (wrong: Val, count: () => void): void => {
    const w = f.let(wrong);
    f.if(w, () => {
      count();
      charge(f, WORD.COST_MISPREDICT);
    });
    f.return(w);
  };
  f.if(eq(kind, k32(BRANCH.CALL)), () => pushReturn(f, next));
  f.if(eq(kind, k32(BRANCH.RET)), () => decide(popReturn(f, target), () => bump(f, EV.MISPREDICTED_RET)));
  f.if(eq(kind, k32(BRANCH.JMP_INDIRECT)), () => decide(indirect(f, rip, pc, target), () => bump(f, EV.MISPREDICTED_JMP)));
  f.if(eq(kind, k32(BRANCH.CALL_INDIRECT)), () => {
    pushReturn(f, next);
    decide(indirect(f, rip, pc, target), () => bump(f, EV.MISPREDICTED_CALL));
  });
  f.return(k32(0));
  f.unreachable();
  return m.add(f);
}
