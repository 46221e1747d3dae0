/**
 * The models as the engine sees them: set up, drained at the end of each slice, flushed with the engine's TLB. They count and charge nothing unless
 * misses are to take time. docs/machine/models.md.
 */
import type { MissCosts, Ways } from '#arch/cpu-models/observed.ts';
import { ARITHMETIC_FIELDS } from '../engine/decode/arithmetic.ts';
import { BOX, OBSERVED } from '../engine/layout.ts';
import { EV, EV_COUNT, MODE, type Mode, type Retire } from '../retire.ts';
import { type CacheGeometry, type Geometry, LINE_BYTES } from './geometry.ts';
import { countOf } from './build.ts';
import * as M from './memory.ts';

const { WORD } = M;

export class Models {
  readonly geometry: Geometry;
  private readonly i32: Int32Array;
  private readonly u8: Uint8Array;
  private readonly i64: BigInt64Array;
  private readonly retire: Retire;
  private drainLog: (observe: number) => number = () => 0;
  /** Misses take time. */
  private readonly charges: boolean;
  private owed = 0;

  constructor(buffer: ArrayBufferLike, retire: Retire, geometry: Geometry) {
    this.i32 = new Int32Array(buffer);
    this.u8 = new Uint8Array(buffer);
    this.i64 = new BigInt64Array(buffer);
    this.retire = retire;
    this.geometry = geometry;
    this.charges = Object.values(geometry.costs).some((c) => c !== 0);
    this.reset();
  }

  /** Everything empty. */
  private reset(): void {
    const { caches, predictor, inclusive, costs } = this.geometry;
    const cache = (table: number, sets: number, ways: number, c: CacheGeometry | undefined, mask: boolean): void => {
      const lines = (c?.bytes ?? 0) / LINE_BYTES;
      this.set(sets, c === undefined ? 0 : lines / c.ways - (mask ? 1 : 0));
      this.set(ways, c?.ways ?? 0);
      this.i32.fill(-1, table >> 2, (table >> 2) + lines);
    };
    cache(M.L1D, WORD.L1D_MASK, WORD.L1D_WAYS, caches.L1D, true);
    cache(M.L1I, WORD.L1I_MASK, WORD.L1I_WAYS, caches.L1I, true);
    cache(M.L2, WORD.L2_SETS, WORD.L2_WAYS, caches.L2, false);
    cache(M.LLC, WORD.LLC_SETS, WORD.LLC_WAYS, caches.LLC, false);
    this.set(WORD.INCLUSIVE, inclusive ? 1 : 0);
    for (const [table, mask, ways, t] of this.tlbs()) {
      this.set(mask, t === undefined ? 0 : t.entries / t.ways - 1);
      this.set(ways, t?.ways ?? 0);
      this.i64.fill(M.NO_PAGE, table >> 3, (table >> 3) + (t?.entries ?? 0));
    }
    this.set(WORD.BIMODAL_MASK, 2 ** predictor.bimodalBits - 1);
    this.set(WORD.GSHARE_MASK, 2 ** predictor.gshareBits - 1);
    this.set(WORD.HISTORY_MASK, 2 ** predictor.historyBits - 1);
    this.set(WORD.BTB_MASK, 2 ** predictor.btbBits - 1);
    this.set(WORD.PATH_MASK, 2 ** predictor.pathBits - 1);
    this.set(WORD.RETURN_MASK, predictor.returns - 1);
    // Weakly not taken, weakly for the counter of the address alone.
    for (const [table, bits] of [
      [M.BIMODAL, predictor.bimodalBits],
      [M.CHOOSER, predictor.bimodalBits],
      [M.GSHARE, predictor.gshareBits],
    ] as const)
      this.u8.fill(1, table, table + 2 ** bits);
    const cost: Record<keyof MissCosts, number> = {
      l2: WORD.COST_L2,
      llc: WORD.COST_LLC,
      memory: WORD.COST_MEMORY,
      stlb: WORD.COST_STLB,
      walk: WORD.COST_WALK,
      mispredict: WORD.COST_MISPREDICT,
    };
    for (const [k, v] of Object.entries(costs)) this.set(cost[k as keyof MissCosts], v);
    this.set(WORD.CODE_LINE, -1);
    this.set(WORD.DATA_LINE, -1);
    this.forgetPages();
    this.set(BOX.LOG, M.LOG);
    // Time that misses take is known before the next block begins; else the log may fill.
    this.set(BOX.LOG_LIMIT, this.charges ? M.LOG : M.LOG_FULL);
    this.set(BOX.PENALTY, this.charges ? mostPerInstruction(costs) : 0);
  }
  private tlbs(): readonly (readonly [table: number, mask: number, ways: number, t: Ways | undefined])[] {
    const { data, code, second } = this.geometry.tlb;
    return [
      [M.DTLB, WORD.DTLB_MASK, WORD.DTLB_WAYS, data],
      [M.ITLB, WORD.ITLB_MASK, WORD.ITLB_WAYS, code],
      [M.STLB, WORD.STLB_MASK, WORD.STLB_WAYS, second],
    ];
  }
  private set(at: number, v: number): void {
    this.i32[at >> 2] = v;
  }
  private get(at: number): number {
    return this.i32[at >> 2] as number;
  }

  start(drain: (observe: number) => number): void {
    this.drainLog = drain;
  }
  /** Most slots that one iteration of a REP can cost. */
  get slotsPerIteration(): number {
    return this.charges ? mostPerInstruction(this.geometry.costs) : 0;
  }

  // ---- the log

  private append(code: number, value: bigint, first: number, second: number): void {
    const at = this.get(BOX.LOG);
    this.i64[at >> 3] = (value << 8n) | BigInt(code);
    this.i32[(at >> 2) + 2] = first;
    this.i32[(at >> 2) + 3] = second;
    this.set(BOX.LOG, at + OBSERVED.BYTES);
  }
  /** By TypeScript, so no load or store instruction's own: caches and TLBs see it, counts of instructions that missed do not. */
  access(va: bigint, host: number, bytes: number, write: boolean): void {
    this.append(((bytes - 1) << 3) | (write ? OBSERVED.STORE : OBSERVED.LOAD), BigInt.asIntN(56, va), host, 0);
  }
  /** A record that TypeScript executes. */
  step(block: number, record: number): void {
    this.append(OBSERVED.STEP, 0n, block, record);
  }
  /** The block stops before `record`, which did not retire. true: what the log has of the block counts it, and what follows, as retired. */
  cut(record: number): boolean {
    // A step that came to nothing leaves no trace.
    const last = this.get(BOX.LOG) - OBSERVED.BYTES;
    if (last >= M.LOG && this.get(last) === OBSERVED.STEP && this.get(last + 12) === record) {
      this.set(BOX.LOG, last);
      return false;
    }
    this.append(OBSERVED.OTHER, 0n, 0, record);
    return true;
  }
  /** Takes the sums of a class at `sums`, of a record that was logged and did not retire, out of the counts. */
  undoArithmetic(sums: number): void {
    if (this.get(BOX.OBSERVE) === 0) return;
    for (let field = 0; field < ARITHMETIC_FIELDS; field++) {
      const at = countOf(EV.FP_SCALAR_DOUBLE + field);
      this.set(at, this.get(at) - (this.u8[sums + field] as number));
    }
  }

  /** Sends the log through the models and their counts to Retire; returns slots that misses cost. */
  drain(mode: Mode): number {
    let cost = this.owed;
    this.owed = 0;
    if (this.get(BOX.LOG) !== M.LOG) cost += this.drainLog(mode === MODE.OVERHEAD ? 0 : 1);
    for (let ev = EV.L1D_REPLACEMENT as number; ev < EV_COUNT; ev++) {
      const at = countOf(ev);
      const n = this.get(at);
      if (n === 0) continue;
      this.retire.add(mode, ev, n);
      this.set(at, 0);
    }
    return cost;
  }
  /** The records that the log points to are about to go. */
  settle(): void {
    this.owed += this.drainLog(this.get(BOX.OBSERVE));
  }

  // ---- TLB maintenance

  private forgetPages(): void {
    this.i64[WORD.CODE_PAGE >> 3] = M.NO_PAGE;
    this.i64[WORD.DATA_PAGE >> 3] = M.NO_PAGE;
    this.i64[WORD.CODE_LINEAR >> 3] = M.NO_ADDRESS;
    this.i64[WORD.DATA_LINEAR >> 3] = M.NO_ADDRESS;
  }
  /** CR3 was written: all but the supervisor half, whose pages are global. */
  flushTlbs(): void {
    for (const [table, , , t] of this.tlbs()) {
      if (t === undefined) continue;
      for (let n = 0; n < t.entries; n += t.ways) this.keep(table + 8 * n, t.ways, (_, high) => high < 0 && high !== EMPTY_HIGH);
    }
    this.forgetPages();
  }
  invalidatePage(va: bigint): void {
    const page = BigInt.asIntN(64, va) >> 12n;
    const [goneLow, goneHigh] = [Number(BigInt.asIntN(32, page)), Number(BigInt.asIntN(32, page >> 32n))];
    for (const [table, , , t] of this.tlbs()) {
      if (t === undefined) continue;
      const index = goneLow & (t.entries / t.ways - 1);
      this.keep(table + 8 * index * t.ways, t.ways, (low, high) => low !== goneLow || high !== goneHigh);
    }
    this.forgetPages();
  }
  /** The pages of a set that stay move together, newest first. In halves: a context switch looks at all entries. */
  private keep(at: number, ways: number, stays: (low: number, high: number) => boolean): void {
    let to = at >> 2;
    const end = to + 2 * ways;
    for (let from = to; from < end; from += 2) {
      const [low, high] = [this.i32[from] as number, this.i32[from + 1] as number];
      if (!stays(low, high)) continue;
      this.i32[to] = low;
      this.i32[to + 1] = high;
      to += 2;
    }
    for (; to < end; to += 2) {
      this.i32[to] = 0;
      this.i32[to + 1] = EMPTY_HIGH;
    }
  }
}

const EMPTY_HIGH = Number(M.NO_PAGE >> 32n);

/** Two loads and two stores across pages, a fetch across pages, a wrong prediction: all from memory. */
function mostPerInstruction(c: MissCosts): number {
  const line = Math.max(c.l2, c.llc, c.memory) + Math.max(c.stlb, c.walk);
  return 10 * line + c.mispredict;
}
