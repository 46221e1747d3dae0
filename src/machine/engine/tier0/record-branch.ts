/**
 * Generated code of the trace variant, and of the observer's drain: a taken near branch enters the last branch records (machine/lbr), if they take
 * its kind in.
 */
import { BRANCH } from '#arch/lbr.ts';
import type { FunctionBuilder } from '#base/wasm/function.ts';
import { add, and, eqz, extS, extU, k32, k64, load, ne, or, shl, sub, type Val } from '#base/wasm/ops.ts';
import * as L from '../layout.ts';
import type { BranchKind } from '../machine.ts';

const KIND: Record<BranchKind, number> = {
  cond: BRANCH.COND,
  jmp: BRANCH.JMP,
  jmpInd: BRANCH.JMP_INDIRECT,
  call: BRANCH.CALL,
  callInd: BRANCH.CALL_INDIRECT,
  ret: BRANCH.RET,
};

export interface TakenBranch {
  readonly kind: BranchKind;
  /** Linear address of the branch instruction. */
  readonly from: Val;
  readonly to: Val;
  /** i32: of the slice, the branch itself paid for. */
  readonly slotsLeft: Val;
  /** i32: of a direct branch. */
  readonly distance: Val;
  /** i32 1: the predictor was wrong; without one nobody knows. */
  readonly mispredicted?: Val;
}

export function recordBranch(f: FunctionBuilder, b: TakenBranch): void {
  const i32 = (at: number): Val => load('i32', 4, k32(at));
  const i64 = (at: number): Val => load('i64', 8, k32(at));
  const now = (): Val => f.let(sub(i64(L.LBR.BASE), extS(b.slotsLeft)));
  const record = (index: Val): Val => f.let(shl(index, k32(Math.log2(L.LBR_RECORD.BYTES))));
  const set = (at: Val, field: number, v: Val): void => f.store(8, at, v, L.LBR.RECORDS + field);
  const kind = KIND[b.kind];
  const capture = f.let(i32(L.LBR.CAPTURE));
  f.if(and(capture, k32(1 << kind)), () => {
    f.block((not) => {
      if (b.kind === 'call') f.brIf(not, and(ne(and(capture, k32(L.LBR_CAPTURE.NO_ZERO_CALLS)), k32(0)), eqz(b.distance)));
      const t = now();
      const index = f.let(and(add(i32(L.LBR.TOS), k32(1)), i32(L.LBR.MASK)));
      const at = record(index);
      set(at, L.LBR_RECORD.FROM, b.from);
      set(at, L.LBR_RECORD.TO, b.to);
      const known = b.mispredicted === undefined ? k64(0) : shl(extU(b.mispredicted), k64(Math.log2(L.LBR_MISPREDICTED)));
      set(at, L.LBR_RECORD.META, or(or(shl(t, k64(8)), k64(L.LBR_META | kind)), known));
      set(at, L.LBR_RECORD.VALUE, i64(L.LBR.LAST));
      f.store(8, k32(L.LBR.LAST), t);
      f.store(4, k32(L.LBR.TOS), index);
    });
  });
  if (b.kind !== 'ret') return;
  f.if(and(capture, k32(L.LBR_CAPTURE.POP)), () => {
    const t = now();
    const index = f.let(i32(L.LBR.TOS));
    const at = record(index);
    for (const field of [L.LBR_RECORD.FROM, L.LBR_RECORD.TO, L.LBR_RECORD.META, L.LBR_RECORD.VALUE]) set(at, field, k64(0));
    f.store(8, k32(L.LBR.LAST), t);
    f.store(4, k32(L.LBR.TOS), and(sub(index, k32(1)), i32(L.LBR.MASK)));
  });
}
