/**
 * What each countable quantity is in terms of the retire point's base events: a sum with integer coefficients over the count vector
 * (the base events, and two clocks made from SLOTS). docs/cycles.md says why cycles are counted per ring.
 */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { fpArithMask, type Quantity } from '#arch/pmu/events.ts';
import { EV, EV_COUNT, MODE, type Mode, type Retire } from '../retire.ts';

/** Entries of the count vector behind the base events. */
export const CYCLES = EV_COUNT;
export const XCLK = EV_COUNT + 1;
export const COUNT_LENGTH = EV_COUNT + 2;

export const MODES: readonly Mode[] = [MODE.USER, MODE.KERNEL, MODE.OVERHEAD];

/** Most loads, and most stores, of one instruction or one REP iteration; an instruction with more (FXRSTOR, IRET) ends its slice. */
export const MAX_ACCESSES = 2;

export interface Formula {
  readonly terms: readonly { readonly index: number; readonly factor: number }[];
  /** At most this many per instruction, or per iteration of a REP; 0: a clock, bounded in slots. */
  readonly perInstruction: number;
  /** A REP instruction adds for each iteration. */
  readonly perIteration: boolean;
  /** Slots for one count, of a clock. */
  readonly slotsEach: number;
}

const sum = (...indexes: number[]): Formula => ({
  terms: indexes.map((index) => ({ index, factor: 1 })),
  perInstruction: 1,
  perIteration: false,
  slotsEach: 0,
});
const memory = (...indexes: number[]): Formula => ({
  ...sum(...indexes),
  perInstruction: MAX_ACCESSES * indexes.length,
  perIteration: true,
});
const clock = (index: number, slotsEach: number): Formula => ({ ...sum(index), perInstruction: 0, slotsEach });

/** The formula of a quantity. */
export function formulaOf(quantity: Quantity, clocks: { readonly slotsPerCycle: number; readonly slotsPerXclk: number }): Formula {
  switch (quantity) {
    case 'instructions':
      return sum(EV.INSTRUCTIONS);
    case 'cycles':
    case 'ref-tsc':
      return clock(CYCLES, clocks.slotsPerCycle);
    case 'ref-xclk':
      return clock(XCLK, clocks.slotsPerXclk);
    case 'slots':
      return clock(EV.SLOTS, 1);
    case 'branches':
      return sum(EV.COND, EV.JMP, EV.JMP_INDIRECT, EV.CALL, EV.CALL_INDIRECT, EV.RET, EV.FAR);
    case 'branches-taken':
      return sum(EV.COND_TAKEN, EV.JMP, EV.JMP_INDIRECT, EV.CALL, EV.CALL_INDIRECT, EV.RET, EV.FAR);
    case 'branches-near-taken':
      return sum(EV.COND_TAKEN, EV.JMP, EV.JMP_INDIRECT, EV.CALL, EV.CALL_INDIRECT, EV.RET);
    case 'conditional':
      return sum(EV.COND);
    case 'conditional-taken':
      return sum(EV.COND_TAKEN);
    case 'conditional-not-taken':
      return {
        ...sum(EV.COND),
        terms: [
          { index: EV.COND, factor: 1 },
          { index: EV.COND_TAKEN, factor: -1 },
        ],
      };
    case 'near-call':
      return sum(EV.CALL, EV.CALL_INDIRECT);
    case 'near-call-direct':
      return sum(EV.CALL);
    case 'near-call-indirect':
      return sum(EV.CALL_INDIRECT);
    case 'near-return':
      return sum(EV.RET);
    case 'far':
      return sum(EV.FAR);
    // Intel's INDIRECT of Ice Lake on: "near indirect branch instructions retired (excluding returns)", as NON_RETURN_IND of Goldmont.
    case 'indirect':
    case 'indirect-jump-call':
      return sum(EV.JMP_INDIRECT, EV.CALL_INDIRECT);
    case 'indirect-jump':
      return sum(EV.JMP_INDIRECT);
    case 'jump-direct':
      return sum(EV.JMP);
    case 'branches-near-jumps':
      return sum(EV.COND, EV.JMP, EV.JMP_INDIRECT);
    case 'loads':
      return memory(EV.LOADS);
    case 'stores':
      return memory(EV.STORES);
    case 'loads-stores':
      return memory(EV.LOADS, EV.STORES);
    case 'split-loads':
      return memory(EV.SPLIT_LOAD);
    case 'split-stores':
      return memory(EV.SPLIT_STORE);
    case 'splits':
      return memory(EV.SPLIT_LOAD, EV.SPLIT_STORE);
    case 'nops':
      return sum(EV.NOP);
    default: {
      const mask = fpArithMask(quantity);
      return mask === undefined ? modelled(quantity) : arithmetic(mask);
    }
  }
}

/** FP_ARITH_INST_RETIRED; DPP and FMA count twice. No 512-bit instruction retires. */
const arithmetic = (mask: number): Formula => ({
  ...sum(...[0, 1, 2, 3, 4, 5].filter((bit) => ((mask >> bit) & 1) !== 0).map((bit) => EV.FP_SCALAR_DOUBLE + bit)),
  perInstruction: 2,
});

/** One access can touch two lines and two pages. */
const lines = (...indexes: number[]): Formula => ({ ...memory(...indexes), perInstruction: 4 * MAX_ACCESSES + 2 });
const less = (of: Formula, ...indexes: number[]): Formula => ({
  ...of,
  terms: [...of.terms, ...indexes.map((index) => ({ index, factor: -1 }))],
});
/** What the models count (machine/models). */
function modelled(quantity: Quantity): Formula {
  switch (quantity) {
    case 'branch-misses':
      return sum(EV.MISPREDICTED_TAKEN, EV.MISPREDICTED_NOT_TAKEN, EV.MISPREDICTED_JMP, EV.MISPREDICTED_CALL, EV.MISPREDICTED_RET);
    case 'conditional-misses':
      return sum(EV.MISPREDICTED_TAKEN, EV.MISPREDICTED_NOT_TAKEN);
    case 'conditional-taken-misses':
      return sum(EV.MISPREDICTED_TAKEN);
    case 'conditional-not-taken-misses':
      return sum(EV.MISPREDICTED_NOT_TAKEN);
    case 'taken-misses':
      return sum(EV.MISPREDICTED_TAKEN, EV.MISPREDICTED_JMP, EV.MISPREDICTED_CALL, EV.MISPREDICTED_RET);
    case 'indirect-call-misses':
      return sum(EV.MISPREDICTED_CALL);
    case 'indirect-misses':
      return sum(EV.MISPREDICTED_JMP, EV.MISPREDICTED_CALL);
    case 'indirect-jump-misses':
      return sum(EV.MISPREDICTED_JMP);
    case 'return-misses':
      return sum(EV.MISPREDICTED_RET);
    case 'l1d-replacement':
      return lines(EV.L1D_REPLACEMENT);
    case 'load-l1-misses':
      return memory(EV.LOAD_L1_MISS);
    case 'load-l1-hits':
      return less(memory(EV.LOADS), EV.LOAD_L1_MISS);
    case 'load-l2-misses':
      return memory(EV.LOAD_L2_MISS);
    case 'load-l2-hits':
      return less(memory(EV.LOAD_L1_MISS), EV.LOAD_L2_MISS);
    case 'load-llc-misses':
      return memory(EV.LOAD_LLC_MISS);
    case 'load-llc-hits':
      return less(memory(EV.LOAD_L2_MISS), EV.LOAD_LLC_MISS);
    case 'store-l1-misses':
      return memory(EV.STORE_L1_MISS);
    case 'l1i-misses':
      return lines(EV.L1I_MISS);
    case 'llc-references':
      return lines(EV.LLC_LOAD, EV.LLC_STORE, EV.LLC_CODE);
    case 'llc-misses':
      return lines(EV.LLC_LOAD_MISS, EV.LLC_STORE_MISS, EV.LLC_CODE_MISS);
    case 'llc-loads':
      return lines(EV.LLC_LOAD);
    case 'llc-load-misses':
      return lines(EV.LLC_LOAD_MISS);
    case 'llc-stores':
      return lines(EV.LLC_STORE);
    case 'llc-store-misses':
      return lines(EV.LLC_STORE_MISS);
    case 'llc-code':
      return lines(EV.LLC_CODE);
    case 'llc-code-misses':
      return lines(EV.LLC_CODE_MISS);
    case 'dtlb-load-stlb-hits':
      return lines(EV.DTLB_LOAD_STLB_HIT);
    case 'dtlb-load-walks':
      return lines(EV.DTLB_LOAD_WALK);
    case 'dtlb-store-stlb-hits':
      return lines(EV.DTLB_STORE_STLB_HIT);
    case 'dtlb-store-walks':
      return lines(EV.DTLB_STORE_WALK);
    case 'itlb-stlb-hits':
      return lines(EV.ITLB_STLB_HIT);
    case 'itlb-walks':
      return lines(EV.ITLB_WALK);
    case 'stlb-miss-loads':
      return memory(EV.LOAD_STLB_MISS);
    case 'stlb-miss-stores':
      return memory(EV.STORE_STLB_MISS);
    case 'stlb-misses':
      return memory(EV.LOAD_STLB_MISS, EV.STORE_STLB_MISS);
    // Of a second level below which there is a third: what it has not goes to the last one.
    case 'l2-data-reads':
      return less(lines(EV.L1D_REPLACEMENT), EV.L1D_RFO);
    case 'l2-data-read-hits':
      return less(lines(EV.L1D_REPLACEMENT), EV.L1D_RFO, EV.LLC_LOAD);
    case 'l2-rfos':
      return lines(EV.L1D_RFO);
    case 'l2-rfo-hits':
      return less(lines(EV.L1D_RFO), EV.LLC_STORE);
    case 'l2-code-read-hits':
      return less(lines(EV.L1I_MISS), EV.LLC_CODE);
    case 'l2-references':
      return lines(EV.L1D_REPLACEMENT, EV.L1I_MISS);
    default:
      throw new Error(`no formula for ${quantity}`);
  }
}

/** The count vector: Retire's base events and the clocks made of their slots, each ring having cycles of its own. */
export class Counts {
  readonly slotsPerCycle: number;
  readonly slotsPerXclk: number;
  /** Of one REP iteration. */
  readonly slotsPerIteration: number;
  readonly #retire: Retire;

  constructor(model: CpuModel, retire: Retire) {
    this.#retire = retire;
    this.slotsPerCycle = model.costs.slotsPerCycle;
    this.slotsPerIteration = model.costs.repIteration;
    this.slotsPerXclk = model.costs.slotsPerCycle * (model.tscHz / model.busHz);
  }

  get(mode: Mode, index: number): number {
    if (index === CYCLES) return Math.floor(this.#retire.total(mode, EV.SLOTS) / this.slotsPerCycle);
    if (index === XCLK) return Math.floor(this.#retire.total(mode, EV.SLOTS) / this.slotsPerXclk);
    return this.#retire.total(mode, index);
  }

  /** A quantity since power-on in one ring. */
  count(formula: Formula, mode: Mode): number {
    let n = 0;
    for (const t of formula.terms) n += t.factor * this.get(mode, t.index);
    return n;
  }

  /** Copies the whole vector, [mode * COUNT_LENGTH + index]. */
  snapshot(into: Float64Array): void {
    for (const mode of MODES) for (let i = 0; i < COUNT_LENGTH; i++) into[mode * COUNT_LENGTH + i] = this.get(mode, i);
  }

  /** Slots of one ring that lie in its open unit of `slotsEach`. */
  openSlots(mode: Mode, slotsEach: number): number {
    return this.#retire.total(mode, EV.SLOTS) % slotsEach;
  }
  slots(mode: Mode): number {
    return this.#retire.total(mode, EV.SLOTS);
  }
}
