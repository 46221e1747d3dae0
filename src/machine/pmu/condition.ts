/**
 * CMASK, INV and EDGE: a condition for each cycle. The retirement model (docs/cycles.md): an instruction that brings its ring's slots from
 * a to b retires, with all its events, in cycle floor((b-1)/slotsPerCycle); a cycle is judged when its last slot is used.
 */
import { isInverted } from '#arch/pmu/event-select.ts';
import { PERFEVTSEL_EDGE } from '#arch/pmu/perfevtsel.ts';
import type { Mode } from '../retire.ts';
import type { Counts, Formula } from './events.ts';

interface Stream {
  readonly mode: Mode;
  slots: number;
  events: number;
  /** Events that retired in the open cycle. */
  inCycle: number;
  /** Was the condition true in the last closed cycle? */
  held: boolean;
}

export class CycleCondition {
  readonly #counts: Counts;
  readonly #formula: Formula;
  readonly #cmask: number;
  readonly #invert: boolean;
  readonly #edge: boolean;
  readonly #streams: readonly Stream[];

  /** `select`: low half of an event select with CMASK or EDGE set. EDGE alone means CMASK 1. */
  constructor(counts: Counts, formula: Formula, select: number, modes: readonly Mode[]) {
    this.#counts = counts;
    this.#formula = formula;
    this.#cmask = Math.max(select >>> 24, 1);
    this.#invert = isInverted(select);
    this.#edge = (select & PERFEVTSEL_EDGE) !== 0;
    this.#streams = modes.map((mode) => ({ mode, slots: 0, events: 0, inCycle: 0, held: false }));
    this.start();
  }

  /** Begins with what retires from now on; the open cycle counts from here. */
  start(): void {
    for (const s of this.#streams) {
      s.slots = this.#counts.slots(s.mode);
      s.events = this.#counts.count(this.#formula, s.mode);
      s.inCycle = 0;
      s.held = false;
    }
  }

  /** How often the condition counted since the last call. Exact when at most one instruction retired since. */
  step(): number {
    let n = 0;
    for (const s of this.#streams) {
      const slots = this.#counts.slots(s.mode);
      const events = this.#counts.count(this.#formula, s.mode);
      if (slots !== s.slots) n += this.#advance(s, slots, events - s.events);
      else s.inCycle += events - s.events;
      s.slots = slots;
      s.events = events;
    }
    return n;
  }

  #advance(s: Stream, slots: number, events: number): number {
    const width = this.#counts.slotsPerCycle;
    const first = Math.floor(s.slots / width);
    const last = Math.floor((slots - 1) / width);
    let n = 0;
    if (last > first) {
      n += this.#close(s, 1);
      n += this.#close(s, last - first - 1);
    }
    s.inCycle += events;
    if (slots % width === 0) n += this.#close(s, 1);
    return n;
  }

  /** Closes the open cycle, and `cycles` - 1 like it; what follows the first has no events. */
  #close(s: Stream, cycles: number): number {
    if (cycles <= 0) return 0;
    const holds = s.inCycle >= this.#cmask !== this.#invert;
    s.inCycle = 0;
    const rising = holds && !s.held ? 1 : 0;
    s.held = holds;
    return this.#edge ? rising : holds ? cycles : 0;
  }
}
