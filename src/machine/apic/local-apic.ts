/**
 * The local APIC of one processor, in x2APIC mode: LVT entries for performance counters and timer, TSC deadline, self interrupts, NMI
 * latching and blocking. SDM Vol. 3A, Advanced Programmable Interrupt Controller; spec §1.9.
 */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { MSR } from '#arch/msr.ts';
import { VECTOR } from '#arch/registers.ts';
import { Rng } from '#base/rng.ts';
import type { Msrs } from '#port/msrs.ts';
import type { MachineClock } from '../clock.ts';
import type { Attentive, Horizon } from '../horizon.ts';
import { EV, type Retire } from '../retire.ts';
import { VectorSet } from './pending-set.ts';
import { drawLatency, type PmiLatency } from './pmi-latency.ts';

export interface Interrupt {
  readonly kind: 'nmi' | 'fixed';
  readonly vector: number;
}

export interface ApicOptions {
  readonly apicId?: number;
  /** Default: the model's. */
  readonly pmiLatency?: PmiLatency;
  /** For a latency MIN..MAX. */
  readonly seed?: number;
}

const LVT_MASK = 1n << 16n;
const LVT_VECTOR = 0xffn;
const LVT_DELIVERY = 7n << 8n;
const DELIVERY_FIXED = 0n;
const DELIVERY_NMI = 4n << 8n;
const TIMER_MODE = 3n << 17n;
const TIMER_DEADLINE = 2n << 17n;
const ESR_RECEIVED_ILLEGAL_VECTOR = 1n << 6n;
const VERSION = 0x0006_0015n;

export class LocalApic implements Attentive, Msrs {
  readonly #id: bigint;
  readonly #clock: MachineClock;
  readonly #retire: Retire;
  readonly #slotsPerCycle: number;
  readonly #slotsPerIteration: number;
  readonly #latency: PmiLatency;
  readonly #rng: Rng;
  readonly #onPmiDelivered: () => void;
  readonly #irr = new VectorSet();
  readonly #isr = new VectorSet();
  readonly #lvt = new Map<number, bigint>([
    [MSR.IA32_X2APIC_LVT_TIMER, LVT_MASK],
    [MSR.IA32_X2APIC_LVT_THERMAL, LVT_MASK],
    [MSR.IA32_X2APIC_LVT_PMI, LVT_MASK],
    [MSR.IA32_X2APIC_LVT_LINT0, LVT_MASK],
    [MSR.IA32_X2APIC_LVT_LINT1, LVT_MASK],
    [MSR.IA32_X2APIC_LVT_ERROR, LVT_MASK],
  ]);
  #tpr = 0n;
  #svr = 0x1ffn;
  #esr = 0n;
  #esrPending = 0n;
  #icr = 0n;
  #deadline = 0n;
  /** Software's second deadline, for interrupts that are perf's own work. */
  #sampleTimer: { readonly tsc: number; readonly vector: number } | undefined;
  /** The moment at which the PMI under way reaches the APIC, in the latency's unit of `#now`. */
  #pmiDue: number | undefined;
  #nmiLatched = false;
  /** The latched NMI, or the pending vector, is a PMI's. */
  #pmiVector: number | undefined;
  #nmiBlocked = false;
  #changes = 0;
  #droppedPmis = 0;
  #mergedPmis = 0;

  /** `onPmiDelivered`: a PMI was accepted by the processor (the PMU ends its frozen window there). */
  constructor(model: CpuModel, retire: Retire, clock: MachineClock, onPmiDelivered: () => void, options: ApicOptions = {}) {
    this.#id = BigInt(options.apicId ?? 0);
    this.#clock = clock;
    this.#retire = retire;
    this.#slotsPerCycle = model.costs.slotsPerCycle;
    this.#slotsPerIteration = model.costs.repIteration;
    this.#latency = options.pmiLatency ?? model.pmiLatency;
    this.#rng = new Rng(options.seed ?? 0);
    this.#onPmiDelivered = onPmiDelivered;
  }

  // ---- the performance monitoring interrupt

  /** A counter signals. One request is under way at most: another before it arrives joins it, GLOBAL_STATUS telling both. */
  requestPmi(): void {
    if (this.#pmiDue !== undefined) {
      this.#mergedPmis++;
      return;
    }
    this.#changes++;
    this.#pmiDue = this.#now() + drawLatency(this.#latency, this.#rng) * this.#unit();
    this.#arrive();
  }

  /** PMIs that found LVTPC masked and are gone, and requests that joined one under way. */
  pmiStatistics(): { readonly dropped: number; readonly merged: number } {
    return { dropped: this.#droppedPmis, merged: this.#mergedPmis };
  }

  /** Instructions, or slots, since power-on: everything that retired. */
  #now(): number {
    return this.#retire.sum(this.#latency.unit === 'instructions' ? EV.INSTRUCTIONS : EV.SLOTS);
  }
  #unit(): number {
    return this.#latency.unit === 'instructions' ? 1 : this.#slotsPerCycle;
  }

  /** The request reaches the APIC when it is due: dropped if LVTPC is masked, else delivered and LVTPC masked. SDM: LVT performance counter. */
  #arrive(): void {
    if (this.#pmiDue === undefined || this.#now() < this.#pmiDue) return;
    this.#pmiDue = undefined;
    const lvt = this.#lvt.get(MSR.IA32_X2APIC_LVT_PMI) as bigint;
    if ((lvt & LVT_MASK) !== 0n || !this.#enabled()) {
      this.#droppedPmis++;
      return;
    }
    this.#lvt.set(MSR.IA32_X2APIC_LVT_PMI, lvt | LVT_MASK);
    if ((lvt & LVT_DELIVERY) === DELIVERY_NMI) {
      this.#nmiLatched = true; // at most one is held while NMIs are blocked
      this.#pmiVector = VECTOR.NMI;
    } else if (this.#post(Number(lvt & LVT_VECTOR))) {
      this.#pmiVector = Number(lvt & LVT_VECTOR);
    }
  }

  // ---- the processor's side

  /** What is to be delivered now. `interruptsEnabled`: RFLAGS.IF; NMIs do not ask. The caller delivers it and calls `accept`. */
  pending(interruptsEnabled: boolean): Interrupt | undefined {
    if (this.#nmiLatched && !this.#nmiBlocked) return { kind: 'nmi', vector: VECTOR.NMI };
    if (!interruptsEnabled) return undefined;
    const vector = this.#irr.highest();
    if (vector < 0) return undefined;
    return vector >> 4 > this.#processorPriority() >> 4 ? { kind: 'fixed', vector } : undefined;
  }

  /** The processor took it through the IDT. NMIs are blocked from here to the next IRET. */
  accept(interrupt: Interrupt): void {
    if (interrupt.kind === 'nmi') {
      this.#nmiLatched = false;
      this.#nmiBlocked = true;
    } else {
      this.#irr.delete(interrupt.vector);
      this.#isr.add(interrupt.vector);
    }
    if (this.#pmiVector === interrupt.vector) {
      this.#pmiVector = undefined;
      this.#onPmiDelivered();
    }
  }

  /** IRET retired. */
  iret(): void {
    this.#nmiBlocked = false;
  }

  /** HLT retired: a PMI under way arrives, for nothing else will retire before it (docs/model.md). */
  halted(): void {
    if (this.#pmiDue === undefined) return;
    this.#changes++;
    this.#pmiDue = this.#now();
    this.#arrive();
  }

  /** For HLT: slots of time until the timer fires; undefined: it is not armed, or masked, and will wake nobody. */
  nextTimerSlots(): number | undefined {
    const lvt = this.#lvt.get(MSR.IA32_X2APIC_LVT_TIMER) as bigint;
    if (this.#deadline === 0n || (lvt & LVT_MASK) !== 0n) return undefined;
    return this.#clock.slotsUntil(Number(this.#deadline));
  }

  /**
   * Posts `vector` when the TSC reads `tsc`; undefined: never. Real processors have one deadline for all; that perf's own has a register to
   * itself keeps sampling from moving the kernel's timer interrupts (docs/model.md).
   */
  setSampleTimer(timer: { readonly tsc: number; readonly vector: number } | undefined): void {
    this.#changes++;
    this.#sampleTimer = timer;
    this.attend();
  }
  /** As nextTimerSlots, for the second deadline. */
  nextSampleSlots(): number | undefined {
    return this.#sampleTimer === undefined ? undefined : this.#clock.slotsUntil(this.#sampleTimer.tsc);
  }

  // ---- time

  get changes(): number {
    return this.#changes;
  }
  bound(horizon: Horizon): void {
    if (this.#pmiDue !== undefined) {
      const left = Math.max(this.#pmiDue - this.#now(), 1);
      if (this.#latency.unit === 'instructions') horizon.boundInstructions(left);
      else horizon.boundClock(left, this.#slotsPerIteration);
    }
    if (this.#deadline !== 0n) this.#boundTsc(horizon, Number(this.#deadline));
    if (this.#sampleTimer !== undefined) this.#boundTsc(horizon, this.#sampleTimer.tsc);
  }
  #boundTsc(horizon: Horizon, tsc: number): void {
    horizon.boundClock(Math.max(this.#clock.slotsUntil(tsc), 1), this.#slotsPerIteration);
  }

  /** After the PMU's `attend`. */
  attend(): void {
    this.#arrive();
    if (this.#sampleTimer !== undefined && this.#clock.tsc() >= this.#sampleTimer.tsc) {
      const { vector } = this.#sampleTimer;
      this.#sampleTimer = undefined;
      this.#post(vector);
    }
    if (this.#deadline === 0n || this.#clock.tsc() < Number(this.#deadline)) return;
    this.#deadline = 0n;
    const lvt = this.#lvt.get(MSR.IA32_X2APIC_LVT_TIMER) as bigint;
    if ((lvt & LVT_MASK) === 0n && this.#enabled()) this.#post(Number(lvt & LVT_VECTOR));
  }

  // ---- registers

  read(address: number): bigint | undefined {
    this.attend();
    const lvt = this.#lvt.get(address);
    if (lvt !== undefined) return lvt;
    if (address >= MSR.IA32_X2APIC_ISR0 && address < MSR.IA32_X2APIC_ISR0 + 8) return BigInt(this.#isr.word(address & 7));
    if (address >= MSR.IA32_X2APIC_TMR0 && address < MSR.IA32_X2APIC_TMR0 + 8) return 0n;
    if (address >= MSR.IA32_X2APIC_IRR0 && address < MSR.IA32_X2APIC_IRR0 + 8) return BigInt(this.#irr.word(address & 7));
    switch (address) {
      case MSR.IA32_TSC_DEADLINE:
        return this.#deadline;
      case MSR.IA32_X2APIC_APICID:
        return this.#id;
      case MSR.IA32_X2APIC_VERSION:
        return VERSION;
      case MSR.IA32_X2APIC_TPR:
        return this.#tpr;
      case MSR.IA32_X2APIC_PPR:
        return BigInt(this.#processorPriority());
      case MSR.IA32_X2APIC_LDR:
        return ((this.#id >> 4n) << 16n) | (1n << (this.#id & 15n));
      case MSR.IA32_X2APIC_SIVR:
        return this.#svr;
      case MSR.IA32_X2APIC_ESR:
        return this.#esr;
      case MSR.IA32_X2APIC_ICR:
        return this.#icr;
      default:
        return undefined; // EOI and SELF_IPI are write-only, the count registers are not modelled
    }
  }

  write(address: number, value: bigint): boolean {
    this.#changes++;
    this.attend();
    if (this.#lvt.has(address)) return this.#writeLvt(address, value);
    switch (address) {
      case MSR.IA32_TSC_DEADLINE:
        // Outside TSC-deadline mode writes are dropped (SDM: TSC-Deadline Mode).
        if (((this.#lvt.get(MSR.IA32_X2APIC_LVT_TIMER) as bigint) & TIMER_MODE) === TIMER_DEADLINE) this.#deadline = value;
        return true;
      case MSR.IA32_X2APIC_TPR:
        if (value > 0xffn) return false;
        this.#tpr = value;
        return true;
      case MSR.IA32_X2APIC_EOI:
        if (value !== 0n) return false;
        if (this.#isr.highest() >= 0) this.#isr.delete(this.#isr.highest());
        return true;
      case MSR.IA32_X2APIC_SIVR:
        if ((value & ~0x1ffn) !== 0n) return false;
        this.#svr = value;
        if (!this.#enabled()) for (const [a, v] of this.#lvt) this.#lvt.set(a, v | LVT_MASK);
        return true;
      case MSR.IA32_X2APIC_ESR:
        if (value !== 0n) return false;
        this.#esr = this.#esrPending;
        this.#esrPending = 0n;
        return true;
      case MSR.IA32_X2APIC_SELF_IPI:
        if (value > 0xffn) return false;
        this.#post(Number(value));
        return true;
      case MSR.IA32_X2APIC_ICR:
        return this.#writeIcr(value);
      default:
        return false;
    }
  }

  /** Vector, delivery mode (not the timer and error), mask, and the timer's mode. Refused where the model cannot do what is asked. */
  #writeLvt(address: number, value: bigint): boolean {
    const timer = address === MSR.IA32_X2APIC_LVT_TIMER;
    const vectorOnly = timer || address === MSR.IA32_X2APIC_LVT_ERROR;
    const allowed = LVT_VECTOR | LVT_MASK | (timer ? TIMER_MODE : 0n) | (vectorOnly ? 0n : LVT_DELIVERY);
    const lint = address === MSR.IA32_X2APIC_LVT_LINT0 || address === MSR.IA32_X2APIC_LVT_LINT1;
    if ((value & ~(allowed | (lint ? 0xa000n : 0n))) !== 0n) return false;
    const masked = (value & LVT_MASK) !== 0n;
    const delivery = value & LVT_DELIVERY;
    if (timer && (value & TIMER_MODE) !== TIMER_DEADLINE && !masked) return false; // one-shot and periodic counts are not modelled
    if (!vectorOnly && !lint && !masked && delivery !== DELIVERY_FIXED && delivery !== DELIVERY_NMI) return false;
    if (timer && (value & TIMER_MODE) !== TIMER_DEADLINE) this.#deadline = 0n;
    this.#lvt.set(address, this.#enabled() ? value : value | LVT_MASK);
    return true;
  }

  /** Fixed interrupts and NMIs to oneself. Others wait for more than one processor. */
  #writeIcr(value: bigint): boolean {
    const shorthand = (value >> 18n) & 3n;
    const self = shorthand === 1n || (shorthand === 0n && value >> 32n === this.#id);
    const delivery = value & LVT_DELIVERY;
    if (!self || (delivery !== DELIVERY_FIXED && delivery !== DELIVERY_NMI)) return false;
    this.#icr = value;
    if (delivery === DELIVERY_NMI) this.#nmiLatched = true;
    else this.#post(Number(value & LVT_VECTOR));
    return true;
  }

  #enabled(): boolean {
    return (this.#svr & 0x100n) !== 0n;
  }

  #post(vector: number): boolean {
    if (vector < 16) {
      this.#esrPending |= ESR_RECEIVED_ILLEGAL_VECTOR;
      return false;
    }
    this.#irr.add(vector);
    return true;
  }

  #processorPriority(): number {
    const serving = this.#isr.highest();
    const tpr = Number(this.#tpr);
    return serving < 0 || tpr >> 4 >= serving >> 4 ? tpr : serving & 0xf0;
  }
}
