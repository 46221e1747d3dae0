/** Small helpers for the models' generated code. */
import type { FunctionBuilder } from '#base/wasm/function.ts';
import type { FunctionRef, ModuleBuilder } from '#base/wasm/module.ts';
import { add, k32, load, type Val } from '#base/wasm/ops.ts';
import { EV } from '../retire.ts';
import { COUNTS, WORD } from './memory.ts';

export interface Builder {
  readonly module: ModuleBuilder;
  readonly define: (body: FunctionBuilder) => FunctionRef;
}

export const word = (at: number): Val => load('i32', 4, k32(at));
export const word64 = (at: number): Val => load('i64', 8, k32(at));
export const setWord = (f: FunctionBuilder, at: number, v: Val): void => f.store(4, k32(at), v);

/** Address of a base event's count. */
export const countOf = (event: number): number => COUNTS + 4 * (event - EV.L1D_REPLACEMENT);
export function bump(f: FunctionBuilder, event: number): void {
  setWord(f, countOf(event), add(word(countOf(event)), k32(1)));
}
/** Misses take time where the costs are not zero. */
export function charge(f: FunctionBuilder, cost: number): void {
  setWord(f, WORD.PENALTY, add(word(WORD.PENALTY), word(cost)));
}
