/**
 * The engine: owns the linear memory, the generated interpreter and the translated blocks, and runs slices of execution. It knows no
 * interrupts, no PMU and no system instructions: it says why it stopped, and what retired.
 */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { visibleFeatures } from '#arch/cpuid.ts';
import { ENGINE_FEATURES, type FeatureWords } from '#arch/cpuid-features.ts';
import { EV, MODE, type Mode, type Retire } from '../retire.ts';
import { Blocks, type FetchTranslate } from './decode/blocks.ts';
import { loadsOf, storesOf } from './decode/records.ts';
import * as L from './layout.ts';
import { softFloat } from './soft/soft.ts';
import type { Generated, Manifest } from './tier0/generate.ts';
import type { Models } from '../models/models.ts';
import { moduleOf, sameNumbers } from './module.ts';
import { type WatchedFunction, Watchpoints } from './watchpoints.ts';

/**
 * Why a slice ended. For 'fault' the vector and error are in `faultVector`, `faultError`, `faultAddress`; for 'system' see `systemOp`. 'watch': behind
 * an instruction that accessed watched bytes; 'break': before one at a break address.
 */
export type SliceEnd = 'budget' | 'fault' | 'system' | 'rep' | 'smc' | 'watch' | 'break';

const JUMP_PAGE_MASK = 0x3fff;
/** More than `true` needs (0.2 million), less than any shell. */
const COLD_INSTRUCTIONS = 500_000;

export class Engine {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly blocks: Blocks;
  readonly gpr: BigUint64Array;
  /** RIP of the instruction that ended a slice with 'system' or 'fault', in halves. */
  private instructionLow = 0;
  private instructionHigh = 0;
  private readonly i32: Int32Array;
  private readonly u64: BigUint64Array;
  private readonly i64: BigInt64Array;
  private go: (middle: number) => number;
  private readonly plainGo: (middle: number) => number;
  private recordingGo: ((middle: number) => number) | undefined;
  private readonly recorder: (() => Generated) | undefined;
  private observingGo: ((middle: number) => number) | undefined;
  /** What looks at the observer's log; undefined: the plain code runs, and there is no log. */
  private models: Models | undefined;
  private readonly manifest: Manifest;
  private readonly imports: Record<string, Record<string, unknown>>;
  /** By the low bits of the page number: may the jump cache hold an address of such a page? */
  private readonly jumpPages = new Uint8Array(JUMP_PAGE_MASK + 1);
  private recording = false;
  private cold = true;
  private readonly walkFunction: (va: bigint, access: number) => number;
  readonly watchpoints: Watchpoints;
  private readonly retire: Retire;
  private readonly fetch: FetchTranslate;
  /** (REC, BLK) say where execution stands; else RIP in the register file does. */
  private located = false;
  private epoch = 0;
  private repLimit = 0;
  private systemClass = 0;
  private readonly repCost: number;
  /** The plain module is one that hashes the path. */
  readonly traces: boolean;

  /** `recorder`: gives the trace variant when branches are recorded for the first time; needless where `generated` traces itself. */
  constructor(model: CpuModel, generated: Generated, memoryBytes: number, retire: Retire, recorder?: () => Generated) {
    this.memory = new WebAssembly.Memory({ initial: Math.ceil((L.PHYSICAL + memoryBytes) / 65536) });
    const buffer = this.memory.buffer;
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.i32 = new Int32Array(buffer, 0, L.PHYSICAL / 4);
    this.u64 = new BigUint64Array(buffer, 0, L.PHYSICAL / 8);
    this.i64 = new BigInt64Array(buffer, 0, L.PHYSICAL / 8);
    this.gpr = new BigUint64Array(buffer, L.REGS + L.REG.GPR, 16);
    this.retire = retire;
    this.repCost = model.costs.repIteration;
    this.imports = { env: { memory: this.memory, soft: softFloat(this.view) } };
    const instance = this.instantiate(generated);
    this.plainGo = instance.exports['go'] as (middle: number) => number;
    this.go = this.plainGo;
    this.recordingGo = generated.traces ? this.plainGo : undefined;
    this.recorder = recorder;
    this.manifest = generated.manifest;
    this.traces = generated.traces;
    this.walkFunction = instance.exports['walk'] as (va: bigint, access: number) => number;
    this.watchpoints = new Watchpoints(this.memory.buffer, instance.exports['watched'] as WatchedFunction, (va) => this.dropRights(va));
    this.fetch = instance.exports['fetch'] as FetchTranslate;
    this.blocks = new Blocks(this.bytes, this.view, generated.manifest, model.costs, visibleFeatures(model, ENGINE_FEATURES));
    this.blocks.onCodePage = () => this.dropWriteRights();
    this.blocks.onFlush = () => this.models?.settle();
    this.setI32(L.BOX.JUMP_CACHE, L.JUMP_CACHE_KERNEL);
    this.i64[L.BOX.MEMORY_BYTES / 8] = BigInt(memoryBytes);
    this.setI32(L.BOX.REP_COST, this.repCost);
    this.setI32(L.BOX.COLD, 1);
    this.view.setUint16(L.TRAMPOLINE + L.RECORD.HOT, generated.manifest.enterHot, true);
    this.view.setUint16(L.TRAMPOLINE + L.RECORD.FUNCTION, generated.manifest.fallFunction, true);
    this.emptyTlb();
    this.bytes.fill(0xff, L.JUMP_CACHE_USER, L.JUMP_CACHE_USER + 2 * L.JUMP_CACHE_BYTES);
    this.guardEmptyJumps();
  }

  private instantiate(generated: Generated): WebAssembly.Instance {
    return new WebAssembly.Instance(moduleOf(generated), this.imports);
  }
  /** Can branches be recorded? */
  get records(): boolean {
    return this.recordingGo !== undefined || this.recorder !== undefined;
  }
  /**
   * Which near branches the next slices take into the last branch records (layout.ts LBR_CAPTURE); 0 = none: then the plain code runs. Both
   * variants share memory, and all that is kept between slices is there.
   */
  captureBranches(capture: number): void {
    if (capture === 0 && !this.recording) return;
    this.setI32(L.LBR.CAPTURE, capture);
    this.recording = capture !== 0;
    this.choose();
  }
  private choose(): void {
    if (this.observingGo !== undefined) {
      this.go = this.observingGo; // its drain records branches, too
      return;
    }
    if (this.recording) this.recordingGo ??= this.makeRecording();
    this.go = this.recording ? (this.recordingGo as (middle: number) => number) : this.plainGo;
  }
  /** From the next slice on the observing variant runs: what retires goes through the models. */
  observe(generated: Generated, models: Models): void {
    if (!sameNumbers(generated.manifest, this.manifest)) throw new Error('engine: the observing variant numbers its forms otherwise');
    const { exports } = this.instantiate(generated);
    this.observingGo = exports['go'] as (middle: number) => number;
    this.models = models;
    models.start(exports['drain'] as (observe: number) => number);
    this.choose();
  }
  /** Do the models look at what retires? */
  get observing(): boolean {
    return this.models !== undefined;
  }
  /** What TypeScript accessed to deliver an interrupt belongs to the handler. */
  retireAccesses(mode: Mode): void {
    if (this.models !== undefined) this.retire.add(mode, EV.SLOTS, this.models.drain(mode));
  }
  /** An access that TypeScript made for an instruction or an exception, within a page; after its rights were checked. */
  observeAccess(va: bigint, host: number, bytes: number, write: boolean): void {
    this.models?.access(va, host, bytes, write);
  }
  /** Linear addresses before whose instructions a slice ends. */
  setBreaks(addresses: readonly bigint[]): void {
    this.pin();
    this.blocks.setBreaks(addresses);
    this.settleEpoch();
  }
  private makeRecording(): (middle: number) => number {
    if (this.recorder === undefined) throw new Error('engine: made without the variant that records branches');
    const generated = this.recorder();
    // Records hold case and function numbers: they mean the same in both.
    if (!sameNumbers(generated.manifest, this.manifest)) throw new Error('engine: the recording variant numbers its forms otherwise');
    return this.instantiate(generated).exports['go'] as (middle: number) => number;
  }

  private getI32(at: number): number {
    return this.i32[at >> 2] as number;
  }
  private setI32(at: number, v: number): void {
    this.i32[at >> 2] = v;
  }

  // ---- registers

  get rip(): bigint {
    if (!this.located) return this.u64[(L.REGS + L.REG.RIP) >> 3] as bigint;
    return this.recordRip(this.getI32(L.BOX.REC), this.getI32(L.BOX.BLK));
  }
  set rip(v: bigint) {
    this.u64[(L.REGS + L.REG.RIP) >> 3] = v;
    this.located = false;
  }
  get instructionRip(): bigint {
    return (BigInt(this.instructionHigh >>> 0) << 32n) | BigInt(this.instructionLow >>> 0);
  }
  set instructionRip(v: bigint) {
    this.instructionLow = Number(BigInt.asIntN(32, v));
    this.instructionHigh = Number(BigInt.asIntN(32, v >> 32n));
  }
  private recordRip(rec: number, blk: number): bigint {
    return BigInt.asUintN(64, (this.u64[(blk + L.BLOCK.RIP) >> 3] as bigint) + BigInt(this.view.getUint16(rec + L.RECORD.OFFSET, true)));
  }
  register64(reg: number): bigint {
    return this.u64[(L.REGS + reg) >> 3] as bigint;
  }
  setRegister64(reg: number, v: bigint): void {
    this.u64[(L.REGS + reg) >> 3] = v;
  }
  register32(reg: number): number {
    return this.i32[(L.REGS + reg) >> 2] as number;
  }
  setRegister32(reg: number, v: number): void {
    this.i32[(L.REGS + reg) >> 2] = v;
  }
  get cpl(): 0 | 3 {
    return this.register32(L.REG.CPL) as 0 | 3;
  }
  /** RIP := what is in the register; both in halves, without a BigInt. */
  ripFrom(reg: number): void {
    this.setI32(L.REGS + L.REG.RIP, this.register32(reg));
    this.setI32(L.REGS + L.REG.RIP + 4, this.register32(reg + 4));
    this.located = false;
  }
  setCpl(cpl: 0 | 3): void {
    if (cpl === this.cpl) return;
    this.pin();
    this.setRegister32(L.REG.CPL, cpl);
    this.setI32(L.BOX.JUMP_CACHE, cpl === 0 ? L.JUMP_CACHE_KERNEL : L.JUMP_CACHE_USER);
    if (cpl === 3) this.dropKernelTranslations();
  }
  /** Makes RIP in the register file the truth. */
  pin(): void {
    if (!this.located) return;
    const now = this.rip;
    this.rip = now;
  }
  /** What decoding takes for there: when that changes, all code is decoded anew. */
  setFeatures(words: FeatureWords): void {
    this.pin();
    this.blocks.setFeatures(words);
    this.settleEpoch();
  }
  get context(): Uint8Array {
    return this.bytes.subarray(L.REGS, L.REGS + L.CONTEXT_BYTES);
  }

  // ---- translation

  /** Host address of a linear address for access 0 read, 1 write, 2 execute at the current CPL; 0: the fault is in the mailbox. */
  translate(va: bigint, access: 0 | 1 | 2): number {
    return this.walkFunction(BigInt.asIntN(64, va), access);
  }
  get faultVector(): number {
    return this.getI32(L.BOX.FAULT_VECTOR);
  }
  get faultError(): number {
    return this.getI32(L.BOX.FAULT_ERROR);
  }
  get faultAddress(): bigint {
    return this.u64[L.BOX.FAULT_ADDRESS >> 3] as bigint;
  }

  private emptyTlb(): void {
    this.bytes.fill(0xff, L.TLB_READ, L.TLB_READ + 2 * L.TLB_BYTES);
    this.setI32(L.BOX.FILLS, 0);
    this.setI32(L.BOX.KERNEL_FILLS, 0);
  }
  private dropList(countAt: number, list: number, max: number): boolean {
    const n = this.getI32(countAt);
    if (n > max) return false;
    // Half a tag that cannot be (pages) or is given to nobody (guardEmptyJumps) will do.
    for (let k = 0; k < n; k++) this.setI32(this.getI32(list + k * 4), -1);
    this.setI32(countAt, 0);
    return true;
  }
  private dropKernelTranslations(): void {
    if (this.getI32(L.BOX.KERNEL_FILLS) > L.KERNEL_FILL_MAX) this.emptyTlb();
    else this.dropList(L.BOX.KERNEL_FILLS, L.KERNEL_FILL_LIST, L.KERNEL_FILL_MAX);
  }
  private dropWriteRights(): void {
    this.bytes.fill(0xff, L.TLB_WRITE, L.TLB_WRITE + L.TLB_BYTES);
  }
  private dropJumps(): void {
    if (this.getI32(L.BOX.JUMP_FILLS) > 0) this.jumpPages.fill(0);
    if (!this.dropList(L.BOX.JUMP_FILLS, L.JUMP_FILL_LIST, L.JUMP_FILL_MAX)) {
      this.bytes.fill(0xff, L.JUMP_CACHE_USER, L.JUMP_CACHE_USER + 2 * L.JUMP_CACHE_BYTES);
      this.setI32(L.BOX.JUMP_FILLS, 0);
    }
    this.guardEmptyJumps();
  }
  /** An empty entry's tag is -1, a RIP that a program may jump to; it would be found in slot 0, where 1 (of slot 1) stands instead. */
  private guardEmptyJumps(): void {
    this.i64[L.JUMP_CACHE_USER >> 3] = 1n;
    this.i64[L.JUMP_CACHE_KERNEL >> 3] = 1n;
  }
  flushTlb(): void {
    this.pin();
    this.models?.flushTlbs();
    if (!this.dropList(L.BOX.FILLS, L.FILL_LIST, L.FILL_MAX)) this.emptyTlb();
    this.setI32(L.BOX.KERNEL_FILLS, 0);
    this.dropJumps();
  }
  invlpg(va: bigint): void {
    this.pin();
    this.models?.invalidatePage(va);
    this.dropRights(va);
    // Most pages hold no code that was jumped to.
    if (this.jumpPages[Number((va >> 12n) & BigInt(JUMP_PAGE_MASK))] !== 0) this.dropJumps();
  }
  private dropRights(va: bigint): void {
    const slot = Number((va >> 8n) & 0xfff0n);
    this.i64[(L.TLB_READ + slot) >> 3] = -1n;
    this.i64[(L.TLB_WRITE + slot) >> 3] = -1n;
  }
  /** Memory at a guest-physical range changed behind the engine's back. */
  written(address: number, length: number): void {
    for (let page = address >>> 12; page <= (address + length - 1) >>> 12; page++) if (this.blocks.isCode(page)) this.invalidate(page);
  }
  private invalidate(page: number): void {
    this.pin();
    this.blocks.invalidatePage(page);
    this.settleEpoch();
  }
  private settleEpoch(): void {
    if (this.blocks.epoch === this.epoch) return;
    this.epoch = this.blocks.epoch;
    this.dropJumps();
  }

  // ---- execution

  /** In halves: this runs at every transfer that leaves generated code, and a BigInt costs more than all the rest. */
  private blockAt(low: number, high: number): number {
    const slot = (((low ^ (low >>> 14)) & 0x3fff) << 4) + this.getI32(L.BOX.JUMP_CACHE);
    if (this.getI32(slot) === low && this.getI32(slot + 4) === high) return this.getI32(slot + 8);
    const block = this.blocks.at(low, high, this.fetch);
    this.settleEpoch();
    // A break address is looked up each time, so that it is met here.
    if (block === 0 || this.blocks.isBreak(low, high)) return block;
    this.setI32(slot, low);
    this.setI32(slot + 4, high);
    this.setI32(slot + 8, block);
    const n = this.getI32(L.BOX.JUMP_FILLS);
    if (n < L.JUMP_FILL_MAX) this.setI32(L.JUMP_FILL_LIST + n * 4, slot);
    this.setI32(L.BOX.JUMP_FILLS, n + 1);
    this.jumpPages[(low >>> 12) & JUMP_PAGE_MASK] = 1;
    if (this.blocks.crosses(block)) this.jumpPages[((low >>> 12) + 1) & JUMP_PAGE_MASK] = 1;
    return block;
  }
  private enter(block: number): void {
    this.setI32(L.BOX.BLK, block);
    this.setI32(L.BOX.REC, block + L.BLOCK.BYTES);
    this.located = true;
  }

  /**
   * Runs at most `instructions` instructions, and stops behind the first one with which `slots` slots are used (exactly).
   * What retired is added to Retire under `mode`; the privilege level does not change within a slice. `resume`: the first instruction is executed
   * whatever stops before it.
   */
  slice(instructions: number, slots: number, repIterations: number, mode: Mode, resume = false): SliceEnd {
    this.setI32(L.BOX.INSTRUCTIONS, instructions);
    this.setI32(L.BOX.SLOTS, slots);
    this.repLimit = Math.max(1, Math.min(repIterations, Math.ceil(slots / this.repCost)));
    this.setI32(L.BOX.REP_LIMIT, this.repLimit);
    for (let box = L.BOX.EVA; box < L.BOX.EVC + 8; box += 4) this.setI32(box, 0);
    this.setI32(L.BOX.REP_LOADS, 0);
    this.setI32(L.BOX.REP_STORES, 0);
    if (this.recording) this.i64[L.LBR.BASE >> 3] = BigInt(this.retire.sum(EV.SLOTS) + slots);
    const path = this.traces ? this.pathHash : 0n;
    if (this.models !== undefined) this.setI32(L.BOX.OBSERVE, mode === MODE.OVERHEAD ? 0 : 1);
    const end = !resume && this.blocks.breaks.length > 0 && this.blocks.breaks.includes(this.rip) ? 'break' : this.execute();
    if (this.models !== undefined) this.drain(mode);
    // perf's own work is no part of the path.
    if (this.traces && mode === MODE.OVERHEAD) this.u64[L.BOX.PATH >> 3] = path;
    this.account(instructions, slots, mode);
    return end;
  }

  /**
   * V8 compiles `hot` twice, the second time for a quarter of a second on another thread: too much for a program that ends before. So the
   * first instructions are stepped, each by its own small function; what happens is the same.
   */
  private warmUp(): void {
    if (this.cold && this.retire.sum(EV.INSTRUCTIONS) > COLD_INSTRUCTIONS) {
      this.cold = false;
      this.setI32(L.BOX.COLD, 0);
    }
  }

  /** For 'rep': has the instruction done an iteration in this slice? */
  get repBegun(): boolean {
    return this.getI32(L.BOX.REP_BEGUN) !== 0;
  }
  /** Did the last slice repeat anything (REP)? */
  get repeated(): boolean {
    return this.getI32(L.BOX.REP_LIMIT) !== this.repLimit;
  }

  private execute(): SliceEnd {
    this.warmUp();
    if (!this.located) {
      const [low, high] = [this.getI32(L.REGS + L.REG.RIP), this.getI32(L.REGS + L.REG.RIP + 4)];
      const block = this.blockAt(low, high);
      if (block === 0) return this.fetchFault(low, high);
      this.enter(block);
    }
    for (;;) {
      const rec = this.getI32(L.BOX.REC);
      const middle = rec === this.getI32(L.BOX.BLK) + L.BLOCK.BYTES ? 0 : 1;
      let result = this.go(middle);
      if (result === L.RESULT.SMC) {
        result = this.storeToCode();
        if (result === L.RESULT.BUDGET) return 'smc';
      }
      if (result === L.RESULT.WATCH) {
        result = this.accessWatched();
        if (result === L.RESULT.BUDGET) return 'watch';
      }
      switch (result) {
        case L.RESULT.RESOLVE: {
          const low = this.getI32(L.BOX.TARGET);
          const high = this.getI32(L.BOX.TARGET + 4);
          const from = this.getI32(L.BOX.BLK);
          const branch = this.getI32(L.BOX.REC);
          this.located = false;
          if (this.blocks.isBreak(low, high)) {
            this.setI32(L.REGS + L.REG.RIP, low);
            this.setI32(L.REGS + L.REG.RIP + 4, high);
            return 'break';
          }
          const epoch = this.epoch;
          const block = this.blockAt(low, high);
          if (block === 0) return this.fetchFault(low, high);
          if (epoch === this.epoch) this.link(from, branch, block, low, high);
          this.enter(block);
          break;
        }
        case L.RESULT.BUDGET:
          return 'budget';
        case L.RESULT.FAULT:
          this.watchpoints.take();
          this.takeBack();
          return 'fault';
        case L.RESULT.REP_MORE:
          this.takeBack();
          return 'rep';
        case L.RESULT.SYSTEM:
          this.takeBack();
          this.models?.step(this.getI32(L.BOX.BLK), this.getI32(L.BOX.REC));
          this.systemClass = this.view.getUint16(this.getI32(L.BOX.REC) + L.RECORD.CLASS, true);
          this.setI32(L.REGS + L.REG.RIP, this.getI32(L.BOX.TARGET));
          this.setI32(L.REGS + L.REG.RIP + 4, this.getI32(L.BOX.TARGET + 4));
          this.located = false;
          return 'system';
        default:
          throw new Error(`engine: unexpected result ${result}`);
      }
    }
  }
  /**
   * A store met a page with translated code: the page's blocks die, and the instruction runs once more from its old record, which is still
   * there. It may lie in that very page, so translating it anew first would never get anywhere. What follows is looked up afresh.
   */
  private storeToCode(): number {
    for (;;) {
      this.takeBack();
      this.blocks.invalidatePage(this.getI32(L.BOX.SMC_PAGE));
      this.settleEpoch();
      const left = this.getI32(L.BOX.INSTRUCTIONS);
      this.setI32(L.BOX.INSTRUCTIONS, 1);
      const result = this.go(1);
      this.setI32(L.BOX.INSTRUCTIONS, this.getI32(L.BOX.INSTRUCTIONS) + left - 1);
      if (result === L.RESULT.SMC) continue;
      if (result === L.RESULT.BUDGET) this.rip = this.recordRip(this.getI32(L.BOX.REC), this.getI32(L.BOX.BLK));
      return result;
    }
  }
  /**
   * The instruction is about to access watched bytes: it runs again, alone (of a REP one iteration), and what it touches is noted. RESULT.BUDGET: it
   * has retired.
   */
  private accessWatched(): number {
    const repLimit = this.getI32(L.BOX.REP_LIMIT);
    for (;;) {
      this.takeBack();
      this.setI32(L.BOX.WATCH_HITS, 0);
      this.setI32(L.BOX.WATCH_NOTES, 1);
      const left = this.getI32(L.BOX.INSTRUCTIONS);
      this.setI32(L.BOX.INSTRUCTIONS, 1);
      this.setI32(L.BOX.REP_LIMIT, 1);
      let result = this.go(1);
      this.setI32(L.BOX.WATCH_NOTES, 0);
      this.setI32(L.BOX.INSTRUCTIONS, this.getI32(L.BOX.INSTRUCTIONS) + left - 1);
      this.setI32(L.BOX.REP_LIMIT, repLimit - 1 + this.getI32(L.BOX.REP_LIMIT));
      if (result === L.RESULT.SMC) {
        this.blocks.invalidatePage(this.getI32(L.BOX.SMC_PAGE));
        this.settleEpoch();
        continue;
      }
      if (result === L.RESULT.BUDGET) this.rip = this.recordRip(this.getI32(L.BOX.REC), this.getI32(L.BOX.BLK));
      else if (result === L.RESULT.RESOLVE) {
        this.rip = this.u64[L.BOX.TARGET >> 3] as bigint;
        result = L.RESULT.BUDGET;
      }
      return result;
    }
  }
  private fetchFault(low: number, high: number): SliceEnd {
    this.setI32(L.REGS + L.REG.RIP, low);
    this.setI32(L.REGS + L.REG.RIP + 4, high);
    this.located = false;
    this.instructionLow = low;
    this.instructionHigh = high;
    return 'fault';
  }

  /** A branch may point straight at its target only inside one page, and never at a page-crossing block. */
  private link(from: number, branch: number, to: number, low: number, high: number): void {
    const rip = this.getI32(from + L.BLOCK.RIP);
    if (rip >>> 12 !== low >>> 12 || this.getI32(from + L.BLOCK.RIP + 4) !== high || this.blocks.crosses(to)) return;
    const kind = this.blocks.linkKind(this.view.getUint16(branch + L.RECORD.FUNCTION, true));
    if (kind === 'none') return;
    const next = (rip + this.view.getUint16(branch + L.RECORD.OFFSET, true) + this.view.getUint8(branch + L.RECORD.LENGTH)) | 0;
    if (next === low && kind !== 'taken') this.setI32(branch + L.RECORD.FALL, to);
    else if (kind !== 'fall') this.setI32(branch + L.RECORD.TAKEN, to);
  }

  /** The block was paid for as a whole: gives back what did not retire, from the record on at which it stopped. */
  private takeBack(): void {
    const rec = this.getI32(L.BOX.REC);
    const blk = this.getI32(L.BOX.BLK);
    // A block lies within a page: no carry.
    this.instructionLow = (this.getI32(blk + L.BLOCK.RIP) + this.view.getUint16(rec + L.RECORD.OFFSET, true)) | 0;
    this.instructionHigh = this.getI32(blk + L.BLOCK.RIP + 4);
    const stepping = this.getI32(L.BOX.STEPPING) === 1;
    const undone = this.models?.cut(rec) === true;
    const records = this.getI32(blk + L.BLOCK.COST + 4);
    const last = stepping ? rec : blk + L.BLOCK.BYTES + (records - 1) * L.RECORD.BYTES;
    for (let r = rec; r <= last; r += L.RECORD.BYTES) this.giveBack(r, undone);
  }
  private giveBack(record: number, undone: boolean): void {
    const row = L.CLASSES + this.view.getUint16(record + L.RECORD.CLASS, true) * L.CLASS_BYTES;
    this.setI32(L.BOX.SLOTS, this.getI32(L.BOX.SLOTS) + this.getI32(row));
    this.setI32(L.BOX.INSTRUCTIONS, this.getI32(L.BOX.INSTRUCTIONS) + this.getI32(row + 4));
    this.subtract64(L.BOX.EVA, row + 8);
    this.subtract64(L.BOX.EVB, row + 16);
    if (undone) this.models?.undoArithmetic(row + L.CLASS_ARITHMETIC);
  }
  /** The 64-bit word at `from` less the one at `by`, in halves: this runs at every system call, and a BigInt costs more than all the rest. */
  private subtract64(from: number, by: number): void {
    const [low, less] = [this.getI32(from), this.getI32(by)];
    const borrow = low >>> 0 < less >>> 0 ? 1 : 0;
    this.setI32(from, low - less);
    this.setI32(from + 4, this.getI32(from + 4) - this.getI32(by + 4) - borrow);
  }

  /** Sends the log through the models; what misses cost is part of the slice. */
  private drain(mode: Mode): void {
    const cost = (this.models as Models).drain(mode);
    if (cost !== 0) this.setI32(L.BOX.SLOTS, this.getI32(L.BOX.SLOTS) - cost);
  }

  private account(instructions: number, slots: number, mode: Mode): void {
    const r = this.retire;
    r.add(mode, EV.INSTRUCTIONS, instructions - this.getI32(L.BOX.INSTRUCTIONS));
    r.add(mode, EV.SLOTS, slots - this.getI32(L.BOX.SLOTS));
    const evaLow = this.getI32(L.BOX.EVA);
    const evaHigh = this.getI32(L.BOX.EVA + 4);
    r.add(mode, EV.LOADS, loadsOf(evaLow) + this.getI32(L.BOX.REP_LOADS));
    r.add(mode, EV.STORES, storesOf(evaLow, evaHigh) + this.getI32(L.BOX.REP_STORES));
    r.add(mode, EV.RET, evaHigh >>> 8);
    const low = this.getI32(L.BOX.EVB);
    const high = this.getI32(L.BOX.EVB + 4);
    r.add(mode, EV.COND, low & 0xffff);
    r.add(mode, EV.JMP, low >>> 16);
    r.add(mode, EV.JMP_INDIRECT, high & 0xffff);
    r.add(mode, EV.CALL, high >>> 16);
    r.add(mode, EV.COND_TAKEN, this.getI32(L.BOX.EVC));
    r.add(mode, EV.CALL_INDIRECT, this.getI32(L.BOX.EVC + 4));
  }

  /** For 'system': the instruction did not fault, it retires. */
  retireSystem(mode: Mode): void {
    const row = L.CLASSES + this.systemClass * L.CLASS_BYTES;
    this.retire.add(mode, EV.INSTRUCTIONS, 1);
    this.retire.add(mode, EV.SLOTS, this.getI32(row) + (this.models?.drain(mode) ?? 0));
    const [low, high] = [this.getI32(row + 8), this.getI32(row + 12)];
    this.retire.add(mode, EV.LOADS, loadsOf(low));
    this.retire.add(mode, EV.STORES, storesOf(low, high));
  }
  /** Hash of the taken transfers of user and kernel code since power-on; only the trace variant keeps it. */
  get pathHash(): bigint {
    return this.u64[L.BOX.PATH >> 3] as bigint;
  }
  /** A transfer that TypeScript made: system instructions, exceptions, interrupts. */
  tracePath(target: bigint): void {
    if (!this.traces) return;
    this.u64[L.BOX.PATH >> 3] = BigInt.asUintN(64, (this.pathHash ^ target) * L.PATH_PRIME);
  }
  /** For 'system': the operation and its argument. */
  get systemOp(): number {
    return this.getI32(L.BOX.SYSTEM_OP);
  }
  /** Its low half. */
  get systemArgumentLow(): number {
    return this.getI32(L.BOX.SYSTEM_ARG);
  }
  get systemArgument(): bigint {
    return this.u64[L.BOX.SYSTEM_ARG >> 3] as bigint;
  }
}
