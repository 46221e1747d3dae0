/** The records as they stand in the engine's memory (engine/layout.ts LBR). */
import { type Branch, BRANCH, LBR_INFO } from '#arch/lbr.ts';
import { LBR, LBR_CAPTURE, LBR_META, LBR_MISPREDICTED, LBR_RECORD, LBR_WRITTEN } from '../engine/layout.ts';

export interface LbrRecord {
  /** Linear addresses. */
  readonly from: bigint;
  readonly to: bigint;
  /** As IA32_LBR_x_INFO; without its architectural fields on other models. */
  readonly info: bigint;
}

const CYCLES_MAX = 0xffffn;
const KIND_BITS = 15n;

export class LbrMemory {
  readonly #i32: Int32Array;
  readonly #u64: BigUint64Array;
  readonly #slotsPerCycle: bigint;

  constructor(buffer: ArrayBufferLike, slotsPerCycle: number) {
    this.#i32 = new Int32Array(buffer, 0, (LBR.RECORDS + 32 * LBR_RECORD.BYTES) / 4);
    this.#u64 = new BigUint64Array(buffer, 0, (LBR.RECORDS + 32 * LBR_RECORD.BYTES) / 8);
    this.#slotsPerCycle = BigInt(slotsPerCycle);
  }

  get tos(): number {
    return this.#i32[LBR.TOS >> 2] as number;
  }
  set tos(v: number) {
    this.#i32[LBR.TOS >> 2] = v;
  }
  get #mask(): number {
    return this.#i32[LBR.MASK >> 2] as number;
  }
  /** A power of two, at most 32. Clears all records. */
  setDepth(n: number): void {
    this.#i32[LBR.MASK >> 2] = n - 1;
    this.tos = 0;
    this.#u64.fill(0n, LBR.RECORDS >> 3, (LBR.RECORDS + 32 * LBR_RECORD.BYTES) >> 3);
  }

  /** Capture bits of call-stack mode: returns take a record away instead of making one. */
  callStack(kinds: number): number {
    const word = kinds | LBR_CAPTURE.NO_ZERO_CALLS;
    const ret = 1 << BRANCH.RET;
    return (word & ret) === 0 ? word : (word & ~ret) | LBR_CAPTURE.POP;
  }

  push(from: bigint, to: bigint, kind: Branch, now: number): void {
    this.tos = (this.tos + 1) & this.#mask;
    const at = this.#at(0);
    this.#u64[at + (LBR_RECORD.FROM >> 3)] = from;
    this.#u64[at + (LBR_RECORD.TO >> 3)] = to;
    this.#u64[at + (LBR_RECORD.META >> 3)] = (BigInt(now) << 8n) | BigInt(LBR_META | kind);
    this.#u64[at + (LBR_RECORD.VALUE >> 3)] = this.#u64[LBR.LAST >> 3] as bigint;
    this.#u64[LBR.LAST >> 3] = BigInt(now);
  }

  /** `behind` 0: the newest. `architectural`: with BR_TYPE and CYC_CNT_VALID. */
  read(behind: number, architectural: boolean): LbrRecord {
    const at = this.#at(behind);
    const word = (field: number): bigint => this.#u64[at + (field >> 3)] as bigint;
    const meta = word(LBR_RECORD.META);
    const value = word(LBR_RECORD.VALUE);
    return { from: word(LBR_RECORD.FROM), to: word(LBR_RECORD.TO), info: this.#info(meta, value, architectural) };
  }
  write(behind: number, r: LbrRecord): void {
    const at = this.#at(behind);
    this.#u64[at + (LBR_RECORD.FROM >> 3)] = r.from;
    this.#u64[at + (LBR_RECORD.TO >> 3)] = r.to;
    this.#u64[at + (LBR_RECORD.META >> 3)] = BigInt(LBR_WRITTEN);
    this.#u64[at + (LBR_RECORD.VALUE >> 3)] = r.info;
  }

  /** Cycles: the difference of the clock's readings, which is made of whole cycles since power-on. */
  #info(meta: bigint, value: bigint, architectural: boolean): bigint {
    if ((meta & BigInt(LBR_WRITTEN)) !== 0n) return value;
    if ((meta & BigInt(LBR_META)) === 0n) return 0n;
    const cycles = (meta >> 8n) / this.#slotsPerCycle - value / this.#slotsPerCycle;
    const CYC_CNT = cycles < CYCLES_MAX ? cycles : CYCLES_MAX;
    const MISPRED = (meta & BigInt(LBR_MISPREDICTED)) !== 0n;
    return LBR_INFO.pack(architectural ? { CYC_CNT, CYC_CNT_VALID: true, BR_TYPE: meta & KIND_BITS, MISPRED } : { CYC_CNT, MISPRED });
  }

  #at(behind: number): number {
    return (LBR.RECORDS + ((this.tos - behind) & this.#mask) * LBR_RECORD.BYTES) >> 3;
  }
}
