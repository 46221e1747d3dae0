/**
 * The performance monitoring unit of one logical processor, versions 1 to 5. SDM Vol. 3B, Performance Monitoring; spec §1.
 * Counters are views on the retire point's totals, so counting costs nothing; overflow falls on the exact instruction because `bound`
 * limits every slice to it and `attend` looks when it ended.
 */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { MSR } from '#arch/msr.ts';
import { DEBUGCTL, debugctlReserved } from '#arch/pmu/debugctl.ts';
import { eventMeaning, fixedEvent, isTime } from '#arch/pmu/event-select.ts';
import { type EventRow, needsObserver } from '#arch/pmu/events.ts';
import { FIXED_OS, FIXED_PMI, FIXED_USR, fixedControl, fixedCtrCtrlReserved } from '#arch/pmu/fixed-ctr.ts';
import { CTR_FRZ, counterBits, fixedBit, globalCtrlReset, gpBit, LBR_FRZ, PMI_INUSE, statusBits, statusSetBits } from '#arch/pmu/global.ts';
import { offcoreIndex } from '#arch/pmu/offcore.ts';
import { perfCapabilities } from '#arch/pmu/perf-capabilities.ts';
import { PERFEVTSEL_EDGE, PERFEVTSEL_EN, PERFEVTSEL_INT, PERFEVTSEL_OS, PERFEVTSEL_USR, perfevtselReserved } from '#arch/pmu/perfevtsel.ts';
import type { Msrs } from '#port/msrs.ts';
import type { CounterOverhead, RingTotals, Truth } from '#port/truth.ts';
import type { Attentive, Horizon } from '../horizon.ts';
import { MODE, type Mode, type Retire } from '../retire.ts';
import { CycleCondition } from './condition.ts';
import { Counter, type Programme } from './counter.ts';
import { Counts, type Formula, formulaOf } from './events.ts';
import { FrozenWindows } from './frozen.ts';

export interface PmuOptions {
  /**
   * `freeze-on-delivery`: the hypothetical processor of spec A5, where FREEZE_PERFMON_ON_PMI takes effect when the PMI is delivered.
   * Real ones, and the default, freeze at the overflow.
   */
  readonly freezeOnDelivery?: boolean;
  /** Is there an LBR block? Decides the LBR format that IA32_PERF_CAPABILITIES tells. */
  readonly lbr?: boolean;
  /** Caches, TLBs and predictor; undefined: there are none. */
  readonly models?: { readonly on: boolean; start(): void };
}

const LBR = DEBUGCTL.mask('LBR');
const FREEZE_LBRS = DEBUGCTL.mask('FREEZE_LBRS_ON_PMI');
const FREEZE_PERFMON = DEBUGCTL.mask('FREEZE_PERFMON_ON_PMI');

export class Pmu implements Attentive, Msrs, Truth {
  readonly #model: CpuModel;
  readonly #counts: Counts;
  readonly #requestPmi: () => void;
  readonly #freezeOnDelivery: boolean;
  readonly #perfCapabilities: bigint;
  readonly #frozen: FrozenWindows;
  readonly #gp: readonly Counter[];
  readonly #fixed: readonly Counter[];
  readonly #evtsel: bigint[];
  /** MSR_OFFCORE_RSP_x. */
  readonly #offcore: bigint[];
  #fixedCtrl = 0n;
  #globalCtrl: bigint;
  #status = 0n;
  #debugctl = 0n;
  readonly #ownLbrEnable: boolean;
  #lbrEnabled = false;
  #lbrFrozen = false;
  readonly #models: PmuOptions['models'];
  readonly #refused = new Map<bigint, string>();
  #changes = 0;

  /**
   * `retire`: this processor's totals. They must hold all that retired before the accessing instruction whenever `read`, `write`,
   * `rdpmc` or `attend` is called, and not that instruction itself. `requestPmi`: a counter with INT overflowed, now.
   */
  constructor(model: CpuModel, retire: Retire, requestPmi: () => void, options: PmuOptions = {}) {
    this.#model = model;
    this.#counts = new Counts(model, retire);
    this.#requestPmi = requestPmi;
    this.#freezeOnDelivery = options.freezeOnDelivery ?? false;
    this.#models = options.models;
    // With architectural LBR, IA32_LBR_CTL enables; DEBUGCTL.LBR reads 0 and takes no write.
    this.#ownLbrEnable = options.lbr !== true || model.lbr?.format !== 'arch';
    this.#perfCapabilities = perfCapabilities(model, options.lbr ?? false);
    this.#frozen = new FrozenWindows(this.#counts);
    this.#gp = Array.from({ length: model.pmu.gpCounters }, () => new Counter(this.#counts, model.pmu.gpWidth));
    this.#fixed = Array.from({ length: model.pmu.fixedCounters }, () => new Counter(this.#counts, model.pmu.fixedWidth));
    this.#evtsel = this.#gp.map(() => 0n);
    this.#offcore = (model.offcore?.events ?? []).map(() => 0n);
    this.#globalCtrl = globalCtrlReset(model);
  }

  // ---- time

  get changes(): number {
    return this.#changes;
  }
  bound(horizon: Horizon): void {
    for (const c of this.#gp) c.bound(horizon);
    for (const c of this.#fixed) c.bound(horizon);
  }

  /** Looks at every counter: overflows, freezing, PMI request. Calling it more often than needed changes nothing. */
  attend(): void {
    let pmi = false;
    // Plain loops: this runs after every slice.
    for (let i = 0; i < this.#gp.length; i++) {
      if (!(this.#gp[i] as Counter).takeOverflow()) continue;
      this.#status |= gpBit(i);
      if (((this.#evtsel[i] as bigint) & BigInt(PERFEVTSEL_INT)) !== 0n) pmi = true;
    }
    for (let i = 0; i < this.#fixed.length; i++) {
      if (!(this.#fixed[i] as Counter).takeOverflow()) continue;
      this.#status |= fixedBit(i);
      if ((fixedControl(this.#fixedCtrl, i) & FIXED_PMI) !== 0) pmi = true;
    }
    if (!pmi) return;
    // Both freezes are decided at the overflow of a counter that signals, whatever their names say (spec §1.11).
    if ((this.#debugctl & FREEZE_LBRS) !== 0n) this.#freezeLbrs();
    if ((this.#debugctl & FREEZE_PERFMON) !== 0n && !this.#freezeOnDelivery) {
      this.#freezeCounters();
      this.#frozen.open();
    }
    this.#requestPmi();
  }

  /** The PMI has reached the processor. */
  pmiDelivered(): void {
    this.attend();
    this.#frozen.close();
    if (this.#freezeOnDelivery && (this.#debugctl & FREEZE_PERFMON) !== 0n) this.#freezeCounters();
  }

  /** Legacy freezing takes the enables away, streamlined freezing sets a status bit that stands above them. */
  #freezeCounters(): void {
    if (this.#model.pmu.version >= 4) this.#status |= CTR_FRZ;
    else this.#globalCtrl = 0n;
    this.#refresh();
  }
  #freezeLbrs(): void {
    if (this.#model.pmu.version >= 4) this.#status |= LBR_FRZ;
    else this.#debugctl &= ~LBR;
    this.#noteLbr();
  }
  #noteLbr(): void {
    this.#lbrEnabled = (this.#debugctl & LBR) !== 0n;
    this.#lbrFrozen = (this.#status & LBR_FRZ) !== 0n;
  }

  // ---- what the LBR block asks

  /** DEBUGCTL.LBR. */
  get lbrEnabled(): boolean {
    return this.#lbrEnabled;
  }
  /** GLOBAL_STATUS.LBR_FRZ. */
  get lbrFrozen(): boolean {
    return this.#lbrFrozen;
  }
  /** A debug exception turns recording off. SDM Vol. 3B, Monitoring Branches, Exceptions, and Interrupts. */
  disableLbr(): void {
    this.#debugctl &= ~LBR;
    this.#noteLbr();
  }

  // ---- registers

  read(address: number): bigint | undefined {
    this.attend();
    const { version, fullWidthWrite } = this.#model.pmu;
    const n = this.#gp.length;
    if (inArray(address, MSR.IA32_PMC0, n)) return counterValue(this.#gp[address - MSR.IA32_PMC0]);
    if (fullWidthWrite && inArray(address, MSR.IA32_A_PMC0, n)) return counterValue(this.#gp[address - MSR.IA32_A_PMC0]);
    if (inArray(address, MSR.IA32_PERFEVTSEL0, n)) return this.#evtsel[address - MSR.IA32_PERFEVTSEL0];
    if (inArray(address, MSR.MSR_OFFCORE_RSP_0, this.#offcore.length)) return this.#offcore[address - MSR.MSR_OFFCORE_RSP_0];
    if (address === MSR.IA32_DEBUGCTL) return this.#debugctl;
    if (version < 2) return undefined;
    if (inArray(address, MSR.IA32_FIXED_CTR0, this.#fixed.length)) return counterValue(this.#fixed[address - MSR.IA32_FIXED_CTR0]);
    switch (address) {
      case MSR.IA32_PERF_CAPABILITIES:
        return this.#perfCapabilities;
      case MSR.IA32_FIXED_CTR_CTRL:
        return this.#fixedCtrl;
      case MSR.IA32_PERF_GLOBAL_STATUS:
        return this.#status;
      case MSR.IA32_PERF_GLOBAL_CTRL:
        return this.#globalCtrl;
      case MSR.IA32_PERF_GLOBAL_OVF_CTRL:
        return 0n;
      case MSR.IA32_PERF_GLOBAL_STATUS_SET:
        return version >= 4 ? 0n : undefined;
      case MSR.IA32_PERF_GLOBAL_INUSE:
        return version >= 4 ? this.#inUse() : undefined;
      default:
        return undefined;
    }
  }

  write(address: number, value: bigint): boolean {
    this.#changes++;
    this.attend();
    const { version, fullWidthWrite, gpWidth } = this.#model.pmu;
    const n = this.#gp.length;
    if (inArray(address, MSR.IA32_PMC0, n)) {
      // Without the full-width alias only the low 32 bits are taken, sign-extended to the counter's width.
      const extended = BigInt.asUintN(gpWidth, BigInt.asIntN(32, value));
      return setCounter(this.#gp[address - MSR.IA32_PMC0], extended);
    }
    if (fullWidthWrite && inArray(address, MSR.IA32_A_PMC0, n)) return setCounter(this.#gp[address - MSR.IA32_A_PMC0], value);
    if (inArray(address, MSR.IA32_PERFEVTSEL0, n)) return this.#writeEvtsel(address - MSR.IA32_PERFEVTSEL0, value);
    if (inArray(address, MSR.MSR_OFFCORE_RSP_0, this.#offcore.length)) return this.#writeOffcore(address - MSR.MSR_OFFCORE_RSP_0, value);
    if (address === MSR.IA32_DEBUGCTL) {
      if ((value & debugctlReserved(this.#model)) !== 0n) return false;
      this.#debugctl = this.#ownLbrEnable ? value : value & ~LBR;
      this.#noteLbr();
      return true;
    }
    if (version < 2) return false;
    if (inArray(address, MSR.IA32_FIXED_CTR0, this.#fixed.length)) {
      return setCounter(this.#fixed[address - MSR.IA32_FIXED_CTR0], value);
    }
    return this.#writeGlobal(address, value, version);
  }

  #writeGlobal(address: number, value: bigint, version: number): boolean {
    const refuse = (reserved: bigint): boolean => (value & reserved) !== 0n;
    switch (address) {
      case MSR.IA32_FIXED_CTR_CTRL:
        if (refuse(fixedCtrCtrlReserved(version, this.#fixed.length))) return false;
        this.#fixedCtrl = value;
        for (const [i, c] of this.#fixed.entries()) c.program(this.#fixedProgramme(i));
        break;
      case MSR.IA32_PERF_GLOBAL_CTRL:
        if (refuse(~counterBits(this.#model))) return false;
        this.#globalCtrl = value;
        break;
      case MSR.IA32_PERF_GLOBAL_OVF_CTRL:
        if (refuse(~statusBits(this.#model))) return false;
        this.#status &= ~value; // clearing CTR_FRZ lets the counters go at once
        break;
      case MSR.IA32_PERF_GLOBAL_STATUS_SET:
        if (version < 4 || refuse(~statusSetBits(this.#model))) return false;
        this.#status |= value;
        break;
      default:
        return false; // IA32_PERF_GLOBAL_STATUS, IA32_PERF_CAPABILITIES, INUSE are read-only
    }
    this.#refresh();
    this.#noteLbr();
    if (!this.#isFrozen()) this.#frozen.close();
    return true;
  }

  #writeEvtsel(i: number, value: bigint): boolean {
    if ((value & perfevtselReserved(this.#model.pmu.version)) !== 0n) return false;
    this.#evtsel[i] = value;
    (this.#gp[i] as Counter).program(this.#gpProgramme(value));
    this.#refresh();
    return true;
  }

  /** Counters of the register's event count by the new word from now on. */
  #writeOffcore(i: number, value: bigint): boolean {
    if ((value & ~(this.#model.offcore?.valid[i] ?? 0n)) !== 0n) return false;
    this.#offcore[i] = value;
    for (const [k, select] of this.#evtsel.entries()) {
      if (offcoreIndex(this.#model.offcore, select) === i) (this.#gp[k] as Counter).program(this.#gpProgramme(select));
    }
    this.#refresh();
    return true;
  }

  /** RDPMC. `undefined` = #GP(0): CPL > 0 without CR4.PCE, no such counter. ECX[31:16] is the type: 0 general-purpose, 4000H fixed. */
  rdpmc(ecx: number, cpl: number, cr4pce: boolean): bigint | undefined {
    if (cpl > 0 && !cr4pce) return undefined;
    this.attend();
    const index = ecx & 0xffff;
    // Bit 31, the "fast" read, is for processors without architectural monitoring; 2000H, PERF_METRICS, is not modelled.
    switch (ecx >>> 16) {
      case 0:
        return counterValue(this.#gp[index]);
      case 0x4000:
        return counterValue(this.#fixed[index]);
      default:
        return undefined;
    }
  }

  /** SDM Vol. 3B, IA32_PERF_GLOBAL_INUSE. */
  #inUse(): bigint {
    let word = 0n;
    let pmi = false;
    for (const [i, sel] of this.#evtsel.entries()) {
      if ((sel & 0xffn) !== 0n) word |= gpBit(i);
      if ((sel & BigInt(PERFEVTSEL_INT)) !== 0n) pmi = true;
    }
    for (let i = 0; i < this.#fixed.length; i++) {
      const nibble = fixedControl(this.#fixedCtrl, i);
      if ((nibble & (FIXED_OS | FIXED_USR)) !== 0) word |= fixedBit(i);
      if ((nibble & FIXED_PMI) !== 0) pmi = true;
    }
    return pmi ? word | PMI_INUSE : word;
  }

  // ---- what counts

  #gpProgramme(select: bigint): Programme | undefined {
    const low = Number(BigInt.asUintN(32, select));
    const meaning = (low & 255) === 0 ? ({ kind: 'unknown' } as const) : eventMeaning(this.#model, this.#withRequest(select));
    if (meaning.kind === 'not modelled') this.#refused.set(BigInt(low & 0xffff), `${meaning.row.name}: ${meaning.reason}`);
    if (meaning.kind !== 'counts') return undefined;
    if (needsObserver(meaning.row.quantity)) {
      if (this.#models === undefined) {
        this.#refused.set(BigInt(low & 0xffff), `${meaning.row.name}: this machine was made without cache and predictor models`);
        return undefined;
      }
      this.#models.start();
    }
    const modes = modesOf((low & PERFEVTSEL_USR) !== 0, (low & PERFEVTSEL_OS) !== 0);
    const formula = this.#formula(meaning.row);
    const perCycle = low >>> 24 !== 0 || (low & PERFEVTSEL_EDGE) !== 0;
    return {
      formula,
      modes,
      condition: perCycle && !isTime(meaning.row) ? new CycleCondition(this.#counts, formula, low, modes) : undefined,
    };
  }

  /** An off-core response event with its register's word, as arch/pmu/event-select.ts takes it. */
  #withRequest(select: bigint): bigint {
    const i = offcoreIndex(this.#model.offcore, select);
    return i < 0 ? select : select | ((this.#offcore[i] ?? 0n) << 32n);
  }

  #fixedProgramme(i: number): Programme | undefined {
    const nibble = fixedControl(this.#fixedCtrl, i);
    const modes = modesOf((nibble & FIXED_USR) !== 0, (nibble & FIXED_OS) !== 0);
    return { formula: this.#formula(fixedEvent(i)), modes, condition: undefined };
  }

  #formula(row: EventRow): Formula {
    return formulaOf(row.quantity, this.#counts);
  }

  /** The counting predicates of spec §1.8. */
  #refresh(): void {
    this.#changes++;
    const global = this.#model.pmu.version >= 2;
    const held = (this.#status & CTR_FRZ) !== 0n;
    for (const [i, c] of this.#gp.entries()) {
      const enabled = ((this.#evtsel[i] as bigint) & BigInt(PERFEVTSEL_EN)) !== 0n;
      c.run(enabled && !held && (!global || (this.#globalCtrl & gpBit(i)) !== 0n));
    }
    for (const [i, c] of this.#fixed.entries()) {
      const enabled = (fixedControl(this.#fixedCtrl, i) & (FIXED_OS | FIXED_USR)) !== 0;
      c.run(enabled && !held && (this.#globalCtrl & fixedBit(i)) !== 0n);
    }
  }

  #isFrozen(): boolean {
    return (this.#status & CTR_FRZ) !== 0n || (this.#model.pmu.version < 4 && this.#globalCtrl === 0n);
  }

  /** Events that were programmed and cannot be counted (their counters stand still), with the reason; key: event | umask << 8. */
  refused(): ReadonlyMap<bigint, string> {
    return this.#refused;
  }

  // ---- truth

  total(eventSelect: bigint): RingTotals | undefined {
    const formula = this.#truthFormula(eventSelect);
    return formula && ringTotals((mode) => this.#counts.count(formula, mode));
  }

  frozen(eventSelect: bigint): RingTotals | undefined {
    const formula = this.#truthFormula(eventSelect);
    return formula && ringTotals((mode) => this.#frozen.count(formula, mode));
  }

  counterOverhead(index: number): CounterOverhead {
    const counter = index >= 32 ? this.#fixed[index - 32] : this.#gp[index];
    return counter?.overhead ?? { now: 0, atRead: 0, atWrite: 0 };
  }

  get predicts(): boolean {
    return this.#models?.on ?? false;
  }

  /** A condition per cycle (CMASK, EDGE) has no total: it is known only while a counter looks at each cycle. */
  #truthFormula(eventSelect: bigint): Formula | undefined {
    const low = Number(BigInt.asUintN(32, eventSelect));
    if (low >>> 24 !== 0 || (low & PERFEVTSEL_EDGE) !== 0) return undefined;
    const meaning = eventMeaning(this.#model, eventSelect);
    if (meaning.kind !== 'counts' || (needsObserver(meaning.row.quantity) && this.#models === undefined)) return undefined;
    return this.#formula(meaning.row);
  }
}

const inArray = (address: number, first: number, count: number): boolean => address >= first && address < first + count;

function counterValue(c: Counter | undefined): bigint | undefined {
  if (c === undefined) return undefined;
  c.noteRead();
  return BigInt(c.value);
}

/** A full-width write; bits above the width raise #GP. */
function setCounter(c: Counter | undefined, value: bigint): boolean {
  if (c === undefined || value >= BigInt(c.limit)) return false;
  c.noteWrite();
  c.value = Number(value);
  return true;
}

/** USR counts CPL 3; OS counts CPL 0, perf's own work too, as hardware does. */
function modesOf(usr: boolean, os: boolean): readonly Mode[] {
  return [...(usr ? [MODE.USER] : []), ...(os ? [MODE.KERNEL, MODE.OVERHEAD] : [])];
}

const ringTotals = (of: (mode: Mode) => number): RingTotals => ({
  user: of(MODE.USER),
  kernel: of(MODE.KERNEL),
  overhead: of(MODE.OVERHEAD),
});
