/** One logical processor: the run loop between engine, PMU, APIC and the kernel. Implements port/cpu.ts. */
import type { Rng } from '#base/rng.ts';
import type { CpuidResult } from '#arch/cpuid-result.ts';
import {
  AVX_STATE_FEATURES,
  type Feature,
  type FeatureWords,
  features,
  featureWords,
  hasFeature,
  withoutFeatures,
} from '#arch/cpuid-features.ts';
import { CR4, DR6, RFLAGS, VECTOR } from '#arch/registers.ts';
import type { Cpu, CpuContext } from '#port/cpu.ts';
import type { Exit } from '#port/exit.ts';
import type { DebugPort } from '#port/debug.ts';
import type { Msrs } from '#port/msrs.ts';
import type { LocalApic } from '../apic/local-apic.ts';
import type { MachineClock } from '../clock.ts';
import type { Engine } from '../engine/engine.ts';
import { CONTEXT_BYTES, REG, REGS } from '../engine/layout.ts';
import { SYSTEM_OP } from '../engine/system-ops.ts';
import { Horizon } from '../horizon.ts';
import type { Lbr } from '../lbr/lbr.ts';
import type { MsrFile } from '../msr-file.ts';
import type { Pmu } from '../pmu/pmu.ts';
import { EV, MODE, type Mode, type Retire } from '../retire.ts';
import { readRflags, writeRflags } from './flags.ts';
import { fxImage, loadFxImage, resetFpu } from './fxsave.ts';
import { type DescriptorTables, deliver } from './interrupts.ts';
import { systemOperation } from './system.ts';
import type { CoreRegisters } from './system-registers.ts';
import type { DebugUnit } from './debug.ts';
import type { XState } from './xsave.ts';

/** What a system operation did; a fault leaves RIP to the core. */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'fault'; readonly vector: number; readonly error: number }
  | { readonly kind: 'interrupt'; readonly vector: number }
  /** INT1: a debug exception for none of DR6's reasons; RIP is behind the instruction, which retired. */
  | { readonly kind: 'debug trap' }
  | { readonly kind: 'gate'; readonly gate: number }
  | { readonly kind: 'halt' };

export interface CoreParts {
  readonly engine: Engine;
  readonly retire: Retire;
  readonly pmu: Pmu;
  readonly apic: LocalApic;
  readonly clock: MachineClock;
  readonly msrs: MsrFile;
  readonly lbr?: Lbr;
  readonly registers: CoreRegisters;
  /** What misses can cost one iteration of a REP; 0: nothing. */
  readonly missSlotsPerIteration?: number;
  readonly debug: DebugUnit;
  readonly xstate: XState;
  /** What CPUID can tell of. */
  readonly features: FeatureWords;
  readonly cpuid: (leaf: number, subleaf: number) => CpuidResult;
  /** What RDRAND and RDSEED draw from. */
  readonly random: Rng;
}

/** #UD while CR4.OSXSAVE is clear. */
const XSAVE_FEATURES = features('XSAVE XSAVEOPT XSAVEC XSAVES');

const NO_LIMIT = Number.MAX_SAFE_INTEGER;

export class CpuCore implements Cpu {
  readonly index: number;
  readonly gpr: BigUint64Array;
  readonly xmm: Uint8Array;
  readonly parts: CoreParts;
  cr0 = 0x8005_0033n;
  private cr4Now = 0x6a0n;
  private readonly horizon = new Horizon();
  /** Where the horizon ends, in totals of Retire; 0 instructions: it must be asked for. */
  private endInstructions = 0;
  private endSlots = 0;
  private seenChanges = 0;
  private readonly tables: DescriptorTables = { idtBase: 0n, idtLimit: 0, tssBase: 0n };
  private overheadDepth = 0;
  /** NMIs and sample timer interrupts that were delivered and have not returned: perf's own work. */
  private perfInterrupts = 0;
  /** Vector of the sample timer. */
  private sampleVector = -1;
  /** The sample timer interrupted HLT, which goes on when its handler returns. */
  private haltGoesOn = false;
  private undefinedText = '';
  /** MOV SS was the last instruction: interrupts and debug exceptions wait for the end of the next one. SDM Vol. 3A §6.8.3. */
  private shadow = false;
  /** Breakpoints that it met itself: bits of DR6. */
  private held = 0;

  constructor(index: number, parts: CoreParts) {
    this.index = index;
    this.parts = parts;
    this.horizon.missSlotsPerIteration = parts.missSlotsPerIteration ?? 0;
    this.gpr = parts.engine.gpr;
    this.xmm = parts.engine.bytes.subarray(REGS + REG.XMM, REGS + REG.XMM + 256);
    parts.engine.setRegister64(REG.RFLAGS, BigInt(RFLAGS.FIXED1));
    parts.engine.setRegister32(REG.CS, 0x10);
    parts.engine.setRegister32(REG.SS, 0x18);
    resetFpu(parts.engine);
    this.decodeByState();
  }

  // ---- registers

  get rip(): bigint {
    return this.parts.engine.rip;
  }
  set rip(v: bigint) {
    this.parts.engine.rip = v;
  }
  get rflags(): bigint {
    return readRflags(this.parts.engine);
  }
  set rflags(v: bigint) {
    writeRflags(this.parts.engine, v);
  }
  get cpl(): 0 | 3 {
    return this.parts.engine.cpl;
  }
  set cpl(v: 0 | 3) {
    this.parts.engine.setCpl(v);
  }
  get fsBase(): bigint {
    return this.parts.engine.register64(REG.FS_BASE);
  }
  set fsBase(v: bigint) {
    this.parts.engine.setRegister64(REG.FS_BASE, v);
  }
  get gsBase(): bigint {
    return this.parts.engine.register64(REG.GS_BASE);
  }
  set gsBase(v: bigint) {
    this.parts.engine.setRegister64(REG.GS_BASE, v);
  }
  get kernelGsBase(): bigint {
    return this.parts.engine.register64(REG.KERNEL_GS_BASE);
  }
  set kernelGsBase(v: bigint) {
    this.parts.engine.setRegister64(REG.KERNEL_GS_BASE, v);
  }
  get cr2(): bigint {
    return this.parts.engine.register64(REG.CR2);
  }
  set cr2(v: bigint) {
    this.parts.engine.setRegister64(REG.CR2, v);
  }
  get cr3(): bigint {
    return this.parts.engine.register64(REG.CR3);
  }
  set cr3(v: bigint) {
    this.parts.engine.setRegister64(REG.CR3, v);
    this.parts.engine.flushTlb();
  }
  get mxcsr(): number {
    return this.parts.engine.register32(REG.MXCSR);
  }
  set mxcsr(v: number) {
    this.parts.engine.setRegister32(REG.MXCSR, v);
  }
  get userRdpmc(): boolean {
    return (this.cr4 & CR4.PCE) !== 0n;
  }
  set userRdpmc(v: boolean) {
    this.cr4 = v ? this.cr4 | CR4.PCE : this.cr4 & ~CR4.PCE;
  }
  get msrs(): Msrs {
    return this.parts.msrs;
  }

  get debug(): DebugPort {
    return this.parts.debug;
  }

  has(feature: Feature): boolean {
    return hasFeature(this.parts.features, feature);
  }
  cpuid(leaf: number, subleaf: number): CpuidResult {
    return this.parts.cpuid(leaf, subleaf);
  }
  get cr4(): bigint {
    return this.cr4Now;
  }
  set cr4(v: bigint) {
    const changes = ((v ^ this.cr4Now) & CR4.OSXSAVE) !== 0n;
    this.cr4Now = v;
    if (changes) this.decodeByState();
  }
  mayHaveCr4(v: bigint): boolean {
    return (v & CR4.OSXSAVE) === 0n || this.has('XSAVE');
  }
  get osXsave(): boolean {
    return (this.cr4Now & CR4.OSXSAVE) !== 0n;
  }
  get xcr0(): number {
    return this.parts.xstate.xcr0;
  }
  setXcr0(value: bigint): boolean {
    if (!this.osXsave || !this.parts.xstate.setXcr0(value)) return false;
    this.decodeByState();
    return true;
  }
  /** Instructions whose state the system has not turned on are undefined: they are decoded so. SDM Vol. 1 §13.5. */
  private decodeByState(): void {
    const off = this.osXsave ? ((this.xcr0 & 6) === 6 ? [] : AVX_STATE_FEATURES) : [...AVX_STATE_FEATURES, ...XSAVE_FEATURES];
    this.parts.engine.setFeatures(withoutFeatures(this.parts.features, featureWords(off)));
  }

  fpuImage(): Uint8Array {
    return this.osXsave ? this.parts.xstate.image() : fxImage(this.parts.engine);
  }
  loadFpuImage(image: Uint8Array, components: number): boolean {
    return this.osXsave ? this.parts.xstate.loadImage(image, components) : loadFxImage(this.parts.engine, image);
  }
  resetFpu(): void {
    resetFpu(this.parts.engine);
  }
  newContext(): CpuContext {
    return { bytes: new Uint8Array(CONTEXT_BYTES) };
  }
  saveContext(into: CpuContext): void {
    this.parts.engine.pin();
    into.bytes.set(this.parts.engine.context);
  }
  /** CR2 and CR3 belong to the processor and the address space, not to the context. */
  loadContext(from: CpuContext): void {
    const e = this.parts.engine;
    const [cpl, cr2, cr3] = [e.cpl, e.register64(REG.CR2), e.register64(REG.CR3)];
    e.pin();
    e.context.set(from.bytes);
    const newCpl = e.cpl;
    e.setRegister32(REG.CPL, cpl);
    e.setRegister64(REG.CR2, cr2);
    e.setRegister64(REG.CR3, cr3);
    e.setCpl(newCpl);
  }
  setDescriptorTables(idtBase: bigint, idtLimit: number, tssBase: bigint): void {
    Object.assign(this.tables, { idtBase, idtLimit, tssBase });
  }
  invlpg(va: bigint): void {
    this.parts.engine.invlpg(va);
  }
  flushTlb(): void {
    this.parts.engine.flushTlb();
  }
  enterOverhead(): void {
    this.overheadDepth++;
  }
  leaveOverhead(): void {
    this.overheadDepth--;
  }
  setSampleTimer(tsc: number | undefined, vector: number): void {
    this.sampleVector = vector;
    this.parts.apic.setSampleTimer(tsc === undefined ? undefined : { tsc, vector });
  }
  undefinedInstruction(): string {
    return this.undefinedText;
  }
  setUndefined(text: string): void {
    this.undefinedText = text;
  }

  // ---- execution

  private mode(): Mode {
    if (this.overheadDepth > 0 || this.perfInterrupts > 0) return MODE.OVERHEAD;
    return this.cpl === 3 ? MODE.USER : MODE.KERNEL;
  }

  run(maxInstructions = NO_LIMIT): Exit {
    const { engine, retire, apic, lbr } = this.parts;
    const end = retire.sum(EV.INSTRUCTIONS) + maxInstructions;
    for (;;) {
      const interrupt = this.shadow ? undefined : apic.pending((engine.register32(REG.RFLAGS) & RFLAGS.IF) !== 0);
      if (interrupt !== undefined) {
        const failed = this.take(interrupt.vector, interrupt);
        if (failed !== undefined) return failed;
      }
      const before = retire.sum(EV.INSTRUCTIONS);
      if (before >= end) return { kind: 'budget' };
      this.look();
      const flags = engine.register32(REG.RFLAGS);
      const stepping = (flags & RFLAGS.TF) !== 0;
      const resume = (flags & RFLAGS.RF) !== 0;
      // RF holds for one instruction, which may be an IRET that loads it anew.
      if (resume) engine.setRegister32(REG.RFLAGS, flags & ~RFLAGS.RF);
      const { shadow } = this;
      this.shadow = false;
      const cpl = engine.cpl;
      const mode = this.mode();
      lbr?.arm(cpl);
      const instructions = stepping || resume || shadow ? 1 : Math.min(this.endInstructions - before, end - before);
      const iterations = stepping ? 1 : this.horizon.repIterations;
      const why = engine.slice(instructions, this.endSlots - retire.sum(EV.SLOTS), iterations, mode, resume || shadow);
      // What comes between iterations goes back into the instruction, past a breakpoint at it: SDM Vol. 3B §18.3.1.1.
      if (why === 'rep' && (resume || engine.repBegun)) this.setResume();
      let exit: Exit | undefined;
      if (why === 'system') exit = this.serveSystem(mode);
      const retired = retire.sum(EV.INSTRUCTIONS);
      const reached = retired >= this.endInstructions || retire.sum(EV.SLOTS) >= this.endSlots;
      if (reached || why !== 'system' || !isLight(engine.systemOp) || engine.repeated || engine.observing) this.attend();
      if (why === 'fault' || exit !== undefined) this.held = 0;
      if (why === 'fault') exit = this.fault(engine.faultVector, engine.faultError);
      else if (why === 'break') exit = this.debugException(this.parts.debug.breaksAt(engine.rip), engine.rip, mode);
      else if (exit === undefined) {
        // Not behind SYSCALL (FMASK) or INT n (delivery): both clear TF before the trap would be taken.
        const step = stepping && this.cpl >= cpl && (retired > before || (why === 'rep' && engine.repBegun)) ? DR6.BS : 0;
        const causes = engine.watchpoints.take() | step | this.held;
        this.held = 0;
        if (this.shadow) this.held = causes & DR6.TRAPS;
        else if (causes !== 0) exit = this.debugException(causes, engine.rip, mode);
      }
      if (exit !== undefined) return exit;
    }
  }

  /**
   * Sets the horizon up to which nobody needs to look. It holds through the instructions of every system call, as long as no block changed what
   * it says. All else that ends a slice may do more than the horizon allows an instruction (accesses of IRET or a fault), so it makes it void.
   */
  private look(): void {
    const { retire, pmu, apic } = this.parts;
    const changes = pmu.changes + apic.changes;
    if (this.endInstructions > 0 && changes === this.seenChanges) return;
    if (this.endInstructions > 0) this.attend();
    const h = this.horizon;
    h.reset();
    pmu.bound(h);
    apic.bound(h);
    this.seenChanges = pmu.changes + apic.changes;
    this.endInstructions = retire.sum(EV.INSTRUCTIONS) + h.instructions;
    this.endSlots = retire.sum(EV.SLOTS) + h.slots;
  }
  private attend(): void {
    this.parts.pmu.attend();
    this.parts.apic.attend();
    this.endInstructions = 0;
  }

  /** The image of RF that is pushed for a fault is 1. SDM Vol. 3B §18.3.1.1. */
  private fault(vector: number, error: number): Exit | undefined {
    this.setResume();
    return this.raise(vector, error, this.parts.engine.instructionRip);
  }
  private setResume(): void {
    const { engine } = this.parts;
    engine.setRegister32(REG.RFLAGS, engine.register32(REG.RFLAGS) | RFLAGS.RF);
  }
  /** `causes`: bits of DR6; `mode`: of the instruction. */
  private debugException(causes: number, rip: bigint, mode: Mode): Exit | undefined {
    this.held = 0;
    if (this.parts.debug.raised(causes, mode)) this.perfInterrupts++;
    const failed = this.raise(VECTOR.DB, 0, rip);
    this.parts.engine.watchpoints.take(); // what its delivery touched would raise it for ever
    return failed;
  }
  private raise(vector: number, error: number, rip: bigint, software = false): Exit | undefined {
    const { engine, lbr } = this.parts;
    if (!software) lbr?.exception();
    const failed = deliver(engine, this.tables, vector, error, rip, software);
    engine.retireAccesses(this.mode());
    if (vector === VECTOR.DB) lbr?.debugException();
    else if (failed === undefined) lbr?.far(software ? engine.instructionRip : rip, engine.rip, engine.cpl);
    if (this.mode() !== MODE.OVERHEAD) engine.tracePath(engine.rip);
    return failed === undefined ? undefined : { kind: 'shutdown', what: failed };
  }
  private take(vector: number, interrupt: { readonly kind: 'nmi' | 'fixed'; readonly vector: number }): Exit | undefined {
    const { apic, engine } = this.parts;
    const rip = engine.rip;
    engine.instructionRip = rip;
    apic.accept(interrupt);
    if (interrupt.kind === 'nmi' || interrupt.vector === this.sampleVector) this.perfInterrupts++;
    return this.raise(vector, 0, rip);
  }

  private serveSystem(mode: Mode): Exit | undefined {
    const { engine, apic, clock } = this.parts;
    const operation = engine.systemOp;
    const next = engine.traces || operation === SYSTEM_OP.INT ? engine.rip : 0n;
    const outcome = systemOperation(this);
    if (outcome.kind === 'fault') {
      engine.watchpoints.take();
      this.held = 0;
      if (outcome.vector === VECTOR.DB) return this.debugException(outcome.error, engine.instructionRip, mode);
      return this.fault(outcome.vector, outcome.error);
    }
    engine.retireSystem(mode);
    if (this.parts.lbr?.enabled === true && isFarTransfer(operation)) this.parts.lbr.far(engine.instructionRip, engine.rip, engine.cpl);
    if (engine.traces && mode !== MODE.OVERHEAD && engine.rip !== next) engine.tracePath(engine.rip);
    switch (outcome.kind) {
      case 'debug trap':
        return this.debugException(0, engine.rip, mode);
      case 'interrupt':
        return this.raise(outcome.vector, 0, next, true);
      case 'gate':
        return { kind: 'gate', gate: outcome.gate };
      case 'halt':
        return this.halt(apic, clock);
      default:
        if (!this.haltGoesOn || this.perfInterrupts > 0) return undefined;
        this.haltGoesOn = false;
        return this.halt(apic, clock);
    }
  }
  private halt(apic: LocalApic, clock: MachineClock): Exit | undefined {
    const enabled = (this.parts.engine.register32(REG.RFLAGS) & RFLAGS.IF) !== 0;
    apic.halted();
    apic.attend();
    if (apic.pending(enabled) !== undefined) return undefined;
    const slots = enabled ? apic.nextTimerSlots() : undefined;
    if (slots === undefined) return { kind: 'halt' };
    const sample = apic.nextSampleSlots();
    this.haltGoesOn = sample !== undefined && sample < slots;
    clock.idle(this.haltGoesOn ? (sample as number) : slots);
    this.attend();
    return undefined;
  }

  /** MOV to SS or POP SS retires. */
  loadedStackSegment(): void {
    this.shadow = true;
  }
  /** IRET retired: NMIs are open again, and a PMI's handler is over. */
  interruptReturned(): void {
    this.parts.apic.iret();
    if (this.perfInterrupts > 0) this.perfInterrupts--;
  }
  /** A far transfer retired in `mode` (engine/system). */
  countFar(mode: Mode): void {
    this.parts.retire.add(mode, EV.FAR, 1);
  }
  currentMode(): Mode {
    return this.mode();
  }
}

const isLight = (operation: number): boolean =>
  operation === SYSTEM_OP.SYSCALL || operation === SYSTEM_OP.SYSRET || operation === SYSTEM_OP.GATE || operation === SYSTEM_OP.STI;

/** INT n is recorded when it enters its handler. */
const isFarTransfer = (operation: number): boolean =>
  operation === SYSTEM_OP.SYSCALL ||
  operation === SYSTEM_OP.SYSRET ||
  operation === SYSTEM_OP.IRET ||
  (operation >= SYSTEM_OP.RETF && operation <= SYSTEM_OP.CALL_FAR8);
