/**
 * The request words of off-core response events: one register each for two events, shared by all counters. Linux: struct extra_reg, intel_shared_regs
 * (__intel_shared_reg_get_constraints, intel_try_alt_er, intel_fixup_er).
 */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { MSR } from '#arch/msr.ts';
import { ensure } from '#base/assert.ts';
import type { PerfEvent } from '../event.ts';
import type { PmuRegisters } from './registers.ts';

export class OffcoreRegisters {
  private readonly codes: readonly number[];
  private readonly registers: PmuRegisters;
  /** By register: the word that the events on the PMU want in it, and what was written last. */
  private words: (bigint | undefined)[];
  private readonly written: bigint[];

  constructor(model: CpuModel, registers: PmuRegisters) {
    this.codes = model.offcore?.events ?? [];
    this.registers = registers;
    this.words = this.codes.map(() => undefined);
    this.written = this.codes.map(() => 0n);
  }

  /** A register for each word that `events` want; a word keeps its own. false: there are too few. */
  assign(events: readonly PerfEvent[]): boolean {
    const wanted = new Set(events.flatMap((e) => (e.hw.offcore === undefined ? [] : [e.hw.offcore])));
    const words = this.words.map((w) => (w !== undefined && wanted.has(w) ? w : undefined));
    for (const word of wanted) {
      if (words.includes(word)) continue;
      const free = words.indexOf(undefined);
      if (free < 0) return false;
      words[free] = word;
    }
    this.words = words;
    return true;
  }

  /** The event select with the code of the word's register, which holds the word then. */
  selectOf(event: PerfEvent): bigint {
    const word = ensure(event.hw.offcore, 'request word');
    const i = this.words.indexOf(word);
    const code = ensure(this.codes[i], 'off-core register');
    if (this.written[i] !== word) {
      this.written[i] = word;
      this.registers.writeRegister(MSR.MSR_OFFCORE_RSP_0 + i, word);
    }
    return (event.hw.config & ~0xffffn) | BigInt(code);
  }
}
