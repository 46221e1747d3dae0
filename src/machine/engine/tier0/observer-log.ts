/**
 * Generated code of the observing variant: what an instruction accesses, and where it branches, enters the observer's log (layout.ts OBSERVED).
 * It writes behind the log's end and moves the end only when the instruction cannot leave any more: one that faults or is executed again by its
 * own function is logged once.
 */
import { BRANCH } from '#arch/lbr.ts';
import type { FunctionBuilder, Local } from '#base/wasm/function.ts';
import { add, k32, k64, load, ltU, or, shl, type Val, wrap } from '#base/wasm/ops.ts';
import * as L from '../layout.ts';
import type { BranchKind } from '../machine.ts';
import type { Mode } from './emitter.ts';

const KIND: Record<BranchKind, number> = {
  cond: BRANCH.COND,
  jmp: BRANCH.JMP,
  jmpInd: BRANCH.JMP_INDIRECT,
  call: BRANCH.CALL,
  callInd: BRANCH.CALL_INDIRECT,
  ret: BRANCH.RET,
};

/** Iterations of a REP within one page each. */
export interface Bulk {
  readonly moves: boolean;
  readonly width: number;
  /** Linear and host addresses. */
  readonly from: Val;
  readonly source: Val;
  readonly to: Val;
  readonly target: Val;
  readonly n: Val;
}

export class ObserverLog {
  private readonly f: FunctionBuilder;
  private readonly mode: Mode;
  private readonly pending: Local;
  private wrote = false;

  constructor(f: FunctionBuilder, mode: Mode) {
    this.f = f;
    this.mode = mode;
    if (mode.kind === 'hot') {
      this.pending = mode.frame.pending;
      f.set(this.pending, f.get(mode.frame.log));
    } else {
      this.pending = f.local('i32');
      f.set(this.pending, load('i32', 4, k32(L.BOX.LOG)));
    }
  }

  private get record(): Val {
    return this.mode.kind === 'hot' ? this.f.get(this.mode.frame.rec) : this.f.param(0);
  }
  private entry(value: Val, code: number | Val, first: Val, second: Val, at = 0): void {
    const f = this.f;
    const p = f.get(this.pending);
    f.store(8, p, or(shl(value, k64(8)), typeof code === 'number' ? k64(code) : code), at);
    f.store(4, p, first, at + 8);
    f.store(4, p, second, at + 12);
  }
  private advance(bytes: number): void {
    this.f.set(this.pending, add(this.f.get(this.pending), k32(bytes)));
    this.wrote = true;
  }

  access(va: Val, host: Val, bytes: number, write: boolean): void {
    const f = this.f;
    const size = (bytes - 1) << 3;
    const plain = (): void => {
      this.entry(va, size | (write ? L.OBSERVED.STORE : L.OBSERVED.LOAD), host, this.record);
      this.advance(L.OBSERVED.BYTES);
    };
    if (this.mode.kind === 'hot') return plain();
    // Below guest memory there is the buffer of a page-crossing operand.
    const crossing = (): void => {
      const i32 = (box: number): Val => load('i32', 4, k32(box));
      this.entry(va, size | (write ? L.OBSERVED.CROSS_STORE : L.OBSERVED.CROSS_LOAD), i32(L.BOX.CROSS_FIRST), this.record);
      f.store(4, f.get(this.pending), i32(L.BOX.CROSS_SECOND), L.OBSERVED.BYTES + 8);
      this.advance(2 * L.OBSERVED.BYTES);
    };
    f.if(ltU(host, k32(L.PHYSICAL)), crossing, plain);
  }

  /** A transfer: the instruction is done. */
  branch(kind: BranchKind, taken: boolean, target: Val = k64(0)): void {
    const f = this.f;
    const slots = this.mode.kind === 'hot' ? wrap(f.get(this.mode.frame.budget)) : load('i32', 4, k32(L.BOX.SLOTS));
    this.entry(target, (((KIND[kind] << 1) | (taken ? 1 : 0)) << 3) | L.OBSERVED.BRANCH, slots, this.record);
    f.set(this.end(), add(f.get(this.pending), k32(L.OBSERVED.BYTES)));
    this.store();
  }

  bulk(b: Bulk): void {
    const f = this.f;
    const detail = 1 | (Math.log2(b.width) << 1) | (b.moves ? 8 : 0);
    this.entry(b.from, (detail << 3) | L.OBSERVED.OTHER, b.source, this.record);
    f.store(8, f.get(this.pending), b.to, L.OBSERVED.BYTES);
    f.store(4, f.get(this.pending), b.target, L.OBSERVED.BYTES + 8);
    f.store(4, f.get(this.pending), b.n, L.OBSERVED.BYTES + 12);
    this.advance(2 * L.OBSERVED.BYTES);
    this.commit();
  }

  /** What was written stands. */
  commit(): void {
    if (!this.wrote) return;
    this.f.set(this.end(), this.f.get(this.pending));
    this.store();
  }

  private end(): Local {
    return this.mode.kind === 'hot' ? this.mode.frame.log : this.pending;
  }
  private store(): void {
    if (this.mode.kind === 'function') this.f.store(4, k32(L.BOX.LOG), this.f.get(this.pending));
  }
}
