/** The LBR of one CPU as Linux drives it: on with its users, frozen at the PMI, read there before the acknowledgement. intel/lbr.c; spec §2.7. */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { type LbrLayout, LBR_CTL, LBR_INFO, lbrLayout } from '#arch/lbr.ts';
import { MSR } from '#arch/msr.ts';
import { DEBUGCTL } from '#arch/pmu/debugctl.ts';
import type { PerfEvent } from '../event.ts';
import type { BranchSelect } from './branch-select.ts';
import type { PmuRegisters } from './registers.ts';

/** One record, newest first in a list. */
export interface RecordedBranch {
  readonly from: bigint;
  readonly to: bigint;
  readonly cycles: bigint;
  /** The branch was mispredicted; undefined: nobody knows. */
  readonly mispred: boolean | undefined;
}

const ADDRESS_BITS = 48;

export class LbrDriver {
  /** What the last PMI read. */
  branches: readonly RecordedBranch[] = [];
  /** Top of stack at that time; -1: the model has none. */
  hwIndex = -1n;
  private readonly registers: PmuRegisters;
  private readonly predicts: () => boolean;
  private readonly layout: LbrLayout | undefined;
  /** Unfreezing is the status acknowledgement's. */
  private readonly streamlined: boolean;
  /** FREEZE_LBRS_ON_PMI, as Linux has it; off only for the experiment that shows why. */
  private readonly freeze: boolean;
  /** Call stacks of tasks that are not running. */
  private readonly saved = new WeakMap<object, readonly (readonly [number, bigint])[]>();
  private readonly users = new Set<PerfEvent>();
  private select: BranchSelect | undefined;

  /** `predicts`: does a clear MISPRED mean a right prediction, or is there no predictor? */
  constructor(model: CpuModel, registers: PmuRegisters, predicts: () => boolean, freeze = true) {
    this.freeze = freeze;
    this.predicts = predicts;
    this.registers = registers;
    this.layout = model.lbr === undefined ? undefined : lbrLayout(model.lbr);
    this.streamlined = model.pmu.version >= 4;
  }

  /** A new user; the first finds no branch of anybody before it. */
  add(event: PerfEvent): void {
    if (event.hw.branch === undefined) return;
    if (this.users.size === 0) this.reset();
    this.users.add(event);
    this.select = event.hw.branch;
  }
  remove(event: PerfEvent): void {
    this.users.delete(event);
  }

  enableAll(pmi: boolean): void {
    const { layout, select } = this;
    if (this.users.size === 0 || layout === undefined || select === undefined || (pmi && this.streamlined)) return;
    const arch = layout.kind === 'architectural';
    if (!arch && layout.hasSelect && !pmi) this.registers.writeRegister(MSR.MSR_LBR_SELECT, select.control);
    let debugctl = this.registers.readRegister(MSR.IA32_DEBUGCTL);
    if (!arch) debugctl |= DEBUGCTL.mask('LBR');
    // A stack that freezes would miss the calls and returns of the skid, and be wrong from there on.
    if (!select.callStack && this.freeze) debugctl |= DEBUGCTL.mask('FREEZE_LBRS_ON_PMI');
    this.registers.writeDebugControl(debugctl);
    if (arch) this.registers.writeRegister(MSR.IA32_LBR_CTL, select.control | LBR_CTL.mask('LBREn'));
  }

  disableAll(): void {
    if (this.users.size === 0 || this.layout === undefined) return;
    if (this.layout.kind === 'architectural') {
      this.registers.writeRegister(MSR.IA32_LBR_CTL, 0n);
      return;
    }
    const debugctl = this.registers.readRegister(MSR.IA32_DEBUGCTL);
    this.registers.writeDebugControl(debugctl & ~(DEBUGCTL.mask('LBR') | DEBUGCTL.mask('FREEZE_LBRS_ON_PMI')));
  }

  /** In the PMI, while frozen. Records before the first branch are zero. */
  read(): void {
    const { layout } = this;
    if (this.users.size === 0 || layout === undefined) return;
    const arch = layout.kind === 'architectural';
    const tos = arch ? 0 : Number(this.registers.readRegister(MSR.MSR_LASTBRANCH_TOS));
    this.hwIndex = arch ? -1n : BigInt(tos);
    const out: RecordedBranch[] = [];
    for (let i = 0; i < layout.depth; i++) {
      const record = this.record(layout, arch ? i : (tos - i) & (layout.depth - 1));
      if (record.from === 0n && record.to === 0n) break;
      out.push(record);
    }
    this.branches = out;
  }

  private record(layout: LbrLayout, index: number): RecordedBranch {
    const from = this.registers.readRegister(layout.from + index);
    if (layout.to === undefined) return { from: from & 0xffff_ffffn, to: from >> 32n, cycles: 0n, mispred: undefined };
    const to = this.registers.readRegister(layout.to + index);
    const info = layout.info === undefined ? 0n : this.registers.readRegister(layout.info + index);
    const cycles = layout.toFlags === 'cycles' ? to >> 48n : LBR_INFO.get(info, 'CYC_CNT');
    const holdsMispred = layout.info !== undefined || layout.fromFlags !== 'none';
    const word = layout.info === undefined ? from : info;
    const mispred = holdsMispred && this.predicts() ? LBR_INFO.get(word, 'MISPRED') === 1n : undefined;
    return { from: address(from), to: address(to), cycles, mispred };
  }

  // ---- task switches: intel_pmu_lbr_sched_task

  /** `owner` leaves: a call stack is kept for it. While the LBR is off. */
  save(owner: object): void {
    const { layout } = this;
    if (layout === undefined || this.users.size === 0 || this.select?.callStack !== true) return;
    const words = this.addresses(layout).map((a): [number, bigint] => [a, this.registers.readRegister(a)]);
    if (layout.kind !== 'architectural') words.push([MSR.MSR_LASTBRANCH_TOS, this.registers.readRegister(MSR.MSR_LASTBRANCH_TOS)]);
    this.saved.set(owner, words);
  }
  /** `owner` comes: its call stack is put back; of other records none is left over from another task. While the LBR is off. */
  restore(owner: object | undefined): void {
    if (this.layout === undefined || this.users.size === 0) return;
    const words = owner === undefined || this.select?.callStack !== true ? undefined : this.saved.get(owner);
    if (words === undefined) return this.reset();
    for (const [address, value] of words) this.registers.writeRegister(address, value);
  }
  private addresses(layout: LbrLayout): number[] {
    const banks = [layout.from, layout.to, layout.info].filter((b) => b !== undefined);
    return banks.flatMap((first) => Array.from({ length: layout.depth }, (_, i) => first + i));
  }

  /** The last task's branches are none of the next one's. */
  private reset(): void {
    const { layout } = this;
    if (layout === undefined) return;
    if (layout.kind === 'architectural') {
      this.registers.writeRegister(MSR.IA32_LBR_DEPTH, BigInt(layout.depth));
      return;
    }
    for (const a of this.addresses(layout)) this.registers.writeRegister(a, 0n);
  }
}

/** Without the flags that some formats keep above it. */
const address = (value: bigint): bigint => BigInt.asUintN(64, BigInt.asIntN(ADDRESS_BITS, value));
