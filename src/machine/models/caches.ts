/**
 * Caches as generated code: sets in order of use (LRU), allocation on reads and writes, no prefetch, no write-backs. docs/machine/models.md.
 * L1D and L1I, an L2 for both where the model has three levels, and the last level.
 */
import { FunctionBuilder } from '#base/wasm/function.ts';
import { call, type FunctionRef, type ModuleBuilder } from '#base/wasm/module.ts';
import { add, and, eq, geU, gtU, k32, load, ltU, mul, ne, remU, shl, simd, simdLane, sub, type Val } from '#base/wasm/ops.ts';
import { shuffle } from '#base/wasm/simd.ts';
import { EV } from '../retire.ts';
import { bump, charge, setWord, word } from './build.ts';
import { L1D, L1I, L2, LLC, WORD } from './memory.ts';

/** What brings a line in. */
export const CAUSE = { LOAD: 0, STORE: 1, CODE: 2 } as const;

export interface CacheFunctions {
  /** (set i32, ways i32, line i32) → 1 found (and now the newest), 0 brought in. */
  readonly lookup: FunctionRef;
  /** (line i32, cause i32) → level that had it: 2, 3, or 4 for memory. The line missed the first level. */
  readonly beyond: FunctionRef;
}

/**
 * Newest first: walks along the set and moves each entry one place back until the wanted one, or the oldest, falls out. `bytes`: 4 or 8 a tag. Four
 * tags of 4 bytes that do not hold the wanted one move at once.
 */
export function buildLookup(bytes: 4 | 8): FunctionBuilder {
  const ty = bytes === 4 ? 'i32' : 'i64';
  const f = new FunctionBuilder(['i32', 'i32', ty], ['i32']);
  const [set, ways, tag] = [f.param(0), f.param(1), f.param(2)];
  f.if(eq(load(ty, bytes, set), tag), () => f.return(k32(1)));
  const at = f.variable(set);
  const end = f.let(add(set, shl(ways, k32(Math.log2(bytes)))));
  const previous = f.variable(tag);
  if (bytes === 4) {
    const wanted = f.let(splat32(tag));
    f.block((single) => {
      f.loop((again) => {
        f.brIf(single, gtU(add(f.get(at), k32(16)), end));
        const here = f.let(load('v128', 16, f.get(at)));
        f.brIf(single, anyTrue(equal32(here, wanted)));
        f.store(16, f.get(at), shuffle(splat32(f.get(previous)), here, [0, 1, 2, 3, ...Array.from({ length: 12 }, (_, k) => 16 + k)]));
        f.set(previous, lane32(here, 3));
        f.set(at, add(f.get(at), k32(16)));
        f.br(again);
      });
    });
  }
  f.block((out) => {
    f.loop((again) => {
      f.brIf(out, geU(f.get(at), end));
      const here = f.let(load(ty, bytes, f.get(at)));
      f.store(bytes, f.get(at), f.get(previous));
      f.if(eq(here, tag), () => f.return(k32(1)));
      f.set(previous, here);
      f.set(at, add(f.get(at), k32(bytes)));
      f.br(again);
    });
  });
  if (bytes === 4) setWord(f, WORD.EVICTED, f.get(previous));
  f.return(k32(0));
  f.unreachable();
  return f;
}

const splat32 = (v: Val): Val => simd('v128', 17, v);
const equal32 = (a: Val, b: Val): Val => simd('v128', 55, a, b);
const anyTrue = (v: Val): Val => simd('i32', 83, v);
const lane32 = (v: Val, n: number): Val => simdLane('i32', 27, n, v);

/** (set, ways, line): the line is there no more; the last place is empty then. */
function buildDrop(): FunctionBuilder {
  const f = new FunctionBuilder(['i32', 'i32', 'i32'], ['i32']);
  const [set, ways, line] = [f.param(0), f.param(1), f.param(2)];
  const last = f.let(add(set, shl(sub(ways, k32(1)), k32(2))));
  const at = f.variable(set);
  const found = f.variable(k32(0));
  f.loop((again) => {
    f.if(eq(load('i32', 4, f.get(at)), line), () => f.set(found, k32(1)));
    f.if(f.get(found), () => {
      f.if(ltU(f.get(at), last), () => f.store(4, f.get(at), load('i32', 4, f.get(at), 4)));
    });
    f.set(at, add(f.get(at), k32(4)));
    f.brIf(again, ltU(f.get(at), add(last, k32(4))));
  });
  f.if(f.get(found), () => f.store(4, last, k32(-1)));
  f.return(f.get(found));
  f.unreachable();
  return f;
}

const setAt = (table: number, index: Val, ways: number): Val => add(k32(table), shl(mul(index, word(ways)), k32(2)));
export const l1dSet = (line: Val): Val => setAt(L1D, and(line, word(WORD.L1D_MASK)), WORD.L1D_WAYS);
export const l1iSet = (line: Val): Val => setAt(L1I, and(line, word(WORD.L1I_MASK)), WORD.L1I_WAYS);
const l2Set = (line: Val): Val => setAt(L2, remU(line, word(WORD.L2_SETS)), WORD.L2_WAYS);
const llcSet = (line: Val): Val => setAt(LLC, remU(line, word(WORD.LLC_SETS)), WORD.LLC_WAYS);

/** An inclusive last level threw a line out: nobody above may keep it. */
function buildInclusion(drop: FunctionRef): FunctionBuilder {
  const f = new FunctionBuilder(['i32'], ['i32']);
  const line = f.param(0);
  f.drop(call(drop, l1dSet(line), word(WORD.L1D_WAYS), line));
  f.drop(call(drop, l1iSet(line), word(WORD.L1I_WAYS), line));
  f.if(word(WORD.L2_WAYS), () => f.drop(call(drop, l2Set(line), word(WORD.L2_WAYS), line)));
  f.if(eq(word(WORD.CODE_LINE), line), () => setWord(f, WORD.CODE_LINE, k32(-1)));
  f.if(eq(word(WORD.DATA_LINE), line), () => setWord(f, WORD.DATA_LINE, k32(-1)));
  f.return(k32(0));
  f.unreachable();
  return f;
}

function buildBeyond(lookup: FunctionRef, inclusion: FunctionRef): FunctionBuilder {
  const f = new FunctionBuilder(['i32', 'i32'], ['i32']);
  const [line, cause] = [f.param(0), f.param(1)];
  const byCause = (load: number, store: number, code: number): void =>
    f.if(
      eq(cause, k32(CAUSE.LOAD)),
      () => bump(f, load),
      () =>
        f.if(
          eq(cause, k32(CAUSE.STORE)),
          () => bump(f, store),
          () => bump(f, code),
        ),
    );
  f.if(word(WORD.L2_WAYS), () => {
    f.if(call(lookup, l2Set(line), word(WORD.L2_WAYS), line), () => {
      charge(f, WORD.COST_L2);
      f.return(k32(2));
    });
  });
  byCause(EV.LLC_LOAD, EV.LLC_STORE, EV.LLC_CODE);
  f.if(call(lookup, llcSet(line), word(WORD.LLC_WAYS), line), () => {
    charge(f, WORD.COST_LLC);
    f.return(k32(3));
  });
  byCause(EV.LLC_LOAD_MISS, EV.LLC_STORE_MISS, EV.LLC_CODE_MISS);
  charge(f, WORD.COST_MEMORY);
  f.if(and(word(WORD.INCLUSIVE), ne(word(WORD.EVICTED), k32(-1))), () => f.drop(call(inclusion, word(WORD.EVICTED))));
  f.return(k32(4));
  f.unreachable();
  return f;
}

export function buildCaches(m: ModuleBuilder): CacheFunctions {
  const lookup = m.add(buildLookup(4));
  const inclusion = m.add(buildInclusion(m.add(buildDrop())));
  return { lookup, beyond: m.add(buildBeyond(lookup, inclusion)) };
}
