/**
 * The last branch records of one logical processor, model-specific or architectural. SDM Vol. 3B, Last Branch, Interrupt and Exception Recording,
 * and Last Branch Records; spec §1.14, §1.15; docs/machine/lbr.md.
 * The records are in the engine's memory: near branches are written by generated code (engine/tier0/record-branch.ts), far ones by `far`.
 * DEBUGCTL and the freezing are the PMU's.
 */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { type AddressFlags, BRANCH, LBR_CTL, LBR_INFO, LBR_SELECT, type LbrLayout, lbrDepths, lbrLayout } from '#arch/lbr.ts';
import { MSR } from '#arch/msr.ts';
import { ensure } from '#base/assert.ts';
import type { Msrs } from '#port/msrs.ts';
import type { Engine } from '../engine/engine.ts';
import type { Pmu } from '../pmu/pmu.ts';
import { EV, type Retire } from '../retire.ts';
import { LbrMemory, type LbrRecord } from './memory.ts';

type Kind = keyof typeof BRANCH;

/** The filter bit of each kind. */
const SELECT_BIT: Record<Kind, keyof typeof LBR_SELECT.fields> = {
  COND: 'JCC',
  JMP_INDIRECT: 'NEAR_IND_JMP',
  JMP: 'NEAR_REL_JMP',
  CALL_INDIRECT: 'NEAR_IND_CALL',
  CALL: 'NEAR_REL_CALL',
  RET: 'NEAR_RET',
  OTHER: 'FAR_BRANCH',
};
const CTL_BIT: Record<Kind, keyof typeof LBR_CTL.fields> = { ...SELECT_BIT, OTHER: 'OTHER_BRANCH' } as Record<
  Kind,
  keyof typeof LBR_CTL.fields
>;
const KINDS = Object.keys(BRANCH) as Kind[];
const OTHER = 1 << BRANCH.OTHER;

const EMPTY: LbrRecord = { from: 0n, to: 0n, info: 0n };
/** Bits of IA32_LBR_x_INFO that keep what is written; the undefined ones, 55:16, take anything and read 0. */
const ARCH_INFO = ~LBR_INFO.reserved;
const ARCH_INFO_IGNORED = 0x00ff_ffff_ffff_0000n;
/** MSR_LBR_INFO: architectural LBR's fields are reserved. */
const LEGACY_INFO = ARCH_INFO & ~(LBR_INFO.mask('BR_TYPE') | LBR_INFO.mask('CYC_CNT_VALID'));
const FROM_FLAGS = LBR_INFO.mask('MISPRED') | LBR_INFO.mask('IN_TSX') | LBR_INFO.mask('TSX_ABORT');
const ADDRESS = 0xffff_ffff_ffffn;

export class Lbr implements Msrs {
  readonly layout: LbrLayout;
  readonly #engine: Engine;
  readonly #retire: Retire;
  readonly #pmu: Pmu;
  readonly #memory: LbrMemory;
  readonly #owned = new Set<number>();
  readonly #architectural: boolean;
  #depth: number;
  /** MSR_LBR_SELECT or IA32_LBR_CTL. */
  #control = 0n;
  /** What the control word and a ring take in, by CPL 0 and 3. */
  #captureKernel = 0;
  #captureUser = 0;
  #lastException: LbrRecord = EMPTY;

  constructor(model: CpuModel, engine: Engine, retire: Retire, pmu: Pmu) {
    this.layout = lbrLayout(ensure(model.lbr, `LBR of ${model.name}`));
    this.#engine = engine;
    this.#retire = retire;
    this.#pmu = pmu;
    this.#architectural = this.layout.kind === 'architectural';
    this.#depth = this.layout.depth;
    this.#memory = new LbrMemory(engine.memory.buffer, model.costs.slotsPerCycle);
    this.#memory.setDepth(this.#depth);
    const { from, to, info, depth, hasSelect } = this.layout;
    const own = (first: number | undefined, n = 1): void => {
      for (let i = 0; first !== undefined && i < n; i++) this.#owned.add(first + i);
    };
    for (const first of [from, to, info]) own(first, depth);
    own(MSR.MSR_LER_FROM_LIP);
    own(MSR.MSR_LER_TO_LIP);
    if (this.#architectural) for (const a of [MSR.IA32_LBR_CTL, MSR.IA32_LBR_DEPTH, MSR.IA32_LER_INFO]) own(a);
    else own(MSR.MSR_LASTBRANCH_TOS);
    if (hasSelect) own(MSR.MSR_LBR_SELECT);
    this.#chooseKinds();
  }

  // ---- recording

  /** Before a slice at `cpl`: tells the engine what to take in. */
  arm(cpl: 0 | 3): void {
    this.#engine.captureBranches(this.enabled ? (cpl === 0 ? this.#captureKernel : this.#captureUser) : 0);
  }

  /**
   * A transfer that TypeScript made: far branches, exceptions and interrupts ("other" branches), `from` an instruction's address. `cpl`: behind
   * it. All that retired before and the transfer itself must be in Retire.
   */
  far(from: bigint, to: bigint, cpl: 0 | 3): void {
    if (!this.enabled || ((cpl === 0 ? this.#captureKernel : this.#captureUser) & OTHER) === 0) return;
    this.#memory.push(from, to, BRANCH.OTHER, this.#retire.sum(EV.SLOTS));
  }

  /** An exception or interrupt (not a software interrupt) enters its handler: the newest record is the last branch before it. */
  exception(): void {
    if (this.enabled) this.#lastException = this.#memory.read(0, this.#architectural);
  }

  /** A debug exception is not recorded and ends recording, before its handler runs. SDM Vol. 3B, Monitoring Branches, Exceptions, and Interrupts. */
  debugException(): void {
    if (this.#architectural) this.#control &= ~LBR_CTL.mask('LBREn');
    else this.#pmu.disableLbr();
  }

  /** Recording is on; the rings are for the kinds to say. */
  get enabled(): boolean {
    if (this.#pmu.lbrFrozen) return false;
    return this.#architectural ? (this.#control & LBR_CTL.mask('LBREn')) !== 0n : this.#pmu.lbrEnabled;
  }

  #chooseKinds(): void {
    this.#captureKernel = this.#kinds('CPL_EQ_0', 'OS');
    this.#captureUser = this.#kinds('CPL_NEQ_0', 'USR');
  }
  #kinds(suppressRing: keyof typeof LBR_SELECT.fields, captureRing: keyof typeof LBR_CTL.fields): number {
    const c = this.#control;
    const arch = this.#architectural;
    const wanted = (kind: Kind): boolean => (arch ? LBR_CTL.get(c, CTL_BIT[kind]) === 1n : LBR_SELECT.get(c, SELECT_BIT[kind]) === 0n);
    const ring = arch ? LBR_CTL.get(c, captureRing) === 1n : LBR_SELECT.get(c, suppressRing) === 0n;
    if (!ring) return 0;
    let word = 0;
    for (const kind of KINDS) if (wanted(kind)) word |= 1 << BRANCH[kind];
    const stack = arch ? LBR_CTL.get(c, 'CALL_STACK') === 1n : LBR_SELECT.get(c, 'EN_CALLSTACK') === 1n;
    return stack ? this.#memory.callStack(word) : word;
  }

  // ---- registers

  owns(address: number): boolean {
    return this.#owned.has(address);
  }

  read(address: number): bigint | undefined {
    const arch = this.#architectural;
    switch (address) {
      case MSR.MSR_LBR_SELECT:
      case MSR.IA32_LBR_CTL:
        return this.#control;
      case MSR.MSR_LASTBRANCH_TOS:
        return BigInt(this.#memory.tos);
      case MSR.IA32_LBR_DEPTH:
        return BigInt(this.#depth);
      case MSR.MSR_LER_FROM_LIP:
        return this.#lastException.from;
      case MSR.MSR_LER_TO_LIP:
        return this.#lastException.to;
      case MSR.IA32_LER_INFO:
        return this.#lastException.info;
    }
    const place = this.#place(address);
    if (place === undefined) return undefined;
    if (place.index >= this.#depth) return 0n;
    const r = this.#memory.read(arch ? place.index : this.#memory.tos - place.index, arch);
    const { to, fromFlags, toFlags } = this.layout;
    if (to === undefined) return (r.from & 0xffff_ffffn) | ((r.to & 0xffff_ffffn) << 32n);
    if (place.field === 'info') return r.info;
    return place.field === 'from' ? withFlags(r.from, fromFlags, r.info) : withFlags(r.to, toFlags, r.info);
  }

  write(address: number, value: bigint): boolean {
    switch (address) {
      case MSR.MSR_LBR_SELECT: {
        const known = ~LBR_SELECT.reserved & ~(this.layout.hasCallStack ? 0n : LBR_SELECT.mask('EN_CALLSTACK'));
        return this.#writeControl(value, known);
      }
      case MSR.IA32_LBR_CTL:
        return this.#writeControl(value, ~LBR_CTL.reserved);
      case MSR.MSR_LASTBRANCH_TOS:
        if (value >= BigInt(this.#depth)) return false;
        this.#memory.tos = Number(value);
        return true;
      case MSR.IA32_LBR_DEPTH:
        return this.#writeDepth(value);
      case MSR.MSR_LER_FROM_LIP:
      case MSR.MSR_LER_TO_LIP:
      case MSR.IA32_LER_INFO:
        return this.#writeLastException(address, value);
    }
    const place = this.#place(address);
    if (place === undefined) return false;
    return this.#writeRecord(place.index, place.field, value);
  }

  #writeControl(value: bigint, known: bigint): boolean {
    if ((value & ~known) !== 0n) return false;
    this.#control = value;
    this.#chooseKinds();
    return true;
  }

  #writeDepth(value: bigint): boolean {
    const n = Number(value);
    if (value > BigInt(this.layout.depth) || n % 8 !== 0 || n === 0) return false;
    if (((lbrDepths(this.layout.depth) >> (n / 8 - 1)) & 1) === 0) return false;
    this.#depth = n;
    this.#memory.setDepth(n);
    return true;
  }

  #writeRecord(index: number, field: 'from' | 'to' | 'info', value: bigint): boolean {
    const arch = this.#architectural;
    const { to, fromFlags, toFlags } = this.layout;
    const behind = arch ? index : this.#memory.tos - index;
    const flags = field === 'from' ? fromFlags : toFlags;
    if (field === 'info') {
      if (!arch && (value & ~LEGACY_INFO) !== 0n) return false;
      if (arch && (value & ~(ARCH_INFO | ARCH_INFO_IGNORED)) !== 0n) return false;
    } else if (to !== undefined && !isAddress(value, flags)) return false;
    if (index >= this.#depth) return true; // beyond DEPTH: no register to keep it
    const old = this.#memory.read(behind, arch);
    let record: LbrRecord;
    if (to === undefined) record = { from: value & 0xffff_ffffn, to: value >> 32n, info: 0n };
    else if (field === 'info') record = { ...old, info: value & ARCH_INFO };
    else record = { ...old, [field]: extend(value), info: mergeFlags(old.info, flags, value) };
    this.#memory.write(behind, record);
    return true;
  }

  #writeLastException(address: number, value: bigint): boolean {
    if (!this.#architectural) return false;
    if (address !== MSR.IA32_LER_INFO && !isAddress(value, 'none')) return false;
    if (address === MSR.IA32_LER_INFO && (value & ~(ARCH_INFO | ARCH_INFO_IGNORED)) !== 0n) return false;
    const name = address === MSR.MSR_LER_FROM_LIP ? 'from' : address === MSR.MSR_LER_TO_LIP ? 'to' : 'info';
    this.#lastException = { ...this.#lastException, [name]: name === 'info' ? value & ARCH_INFO : value };
    return true;
  }

  #place(address: number): { readonly field: 'from' | 'to' | 'info'; readonly index: number } | undefined {
    const { from, to, info, depth } = this.layout;
    for (const [field, first] of [
      ['from', from],
      ['to', to],
      ['info', info],
    ] as const) {
      if (first !== undefined && address >= first && address < first + depth) return { field, index: address - first };
    }
    return undefined;
  }
}

/** Sign-extended from bit 47. */
const extend = (v: bigint): bigint => BigInt.asUintN(64, BigInt.asIntN(48, v));

/** What the register reads: the address, with the flags that the format keeps in its upper bits. */
function withFlags(address: bigint, flags: AddressFlags, info: bigint): bigint {
  switch (flags) {
    case 'none':
      return address;
    case 'mispred':
      return (address & ~(1n << 63n)) | (info & LBR_INFO.mask('MISPRED'));
    case 'mispred-tsx':
      return (address & ~FROM_FLAGS) | (info & FROM_FLAGS);
    case 'cycles':
      return (address & ADDRESS) | (LBR_INFO.get(info, 'CYC_CNT') << 48n);
  }
}
/** The flags that a write of the address register brings. */
function mergeFlags(info: bigint, flags: AddressFlags, value: bigint): bigint {
  switch (flags) {
    case 'none':
      return info;
    case 'mispred':
      return (info & ~LBR_INFO.mask('MISPRED')) | (value & LBR_INFO.mask('MISPRED'));
    case 'mispred-tsx':
      return (info & ~FROM_FLAGS) | (value & FROM_FLAGS);
    case 'cycles':
      return LBR_INFO.set(info, 'CYC_CNT', value >> 48n);
  }
}
/**
 * May it be written? A non-canonical address raises #GP. Format 4 without TSX: bits 62:61 belong to the sign for a WRMSR, though the processor itself
 * records them as 0 (Linux: lbr_from_signext_quirk).
 */
function isAddress(value: bigint, flags: AddressFlags): boolean {
  if (flags === 'cycles') return true;
  if (flags === 'none') return extend(value) === value;
  const low63 = (1n << 63n) - 1n;
  return (extend(value) & low63) === (value & low63);
}
