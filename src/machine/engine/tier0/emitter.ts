/**
 * Tier 0's `Machine`: operands come from 32-byte records. Two modes share everything but these: in `hot` a case of the one hot function
 * (flags in locals, memory through the inline TLB check; whatever is not simple leaves to the instruction's own function), in `function` the
 * instruction's own function (flags in memory, memory through `probe`, everything is possible).
 */
import type { FunctionBuilder, Label, Local } from '#base/wasm/function.ts';
import { call } from '#base/wasm/module.ts';
import {
  add,
  and,
  eq,
  eqz,
  extS,
  extU,
  gtS,
  k32,
  k64,
  kv128,
  load,
  loadZero,
  ltU,
  mul,
  ne,
  select,
  shl,
  shrU,
  sub,
  type Val,
  wrap,
  xor,
} from '#base/wasm/ops.ts';
import { lane64, withLane64 } from '#base/wasm/simd.ts';
import { VECTOR } from '#arch/registers.ts';
import * as L from '../layout.ts';
import type { BranchKind, Machine, Place, Width } from '../machine.ts';
import { SOFT_LATER, SOFT_SETTLE } from '../soft/operations.ts';
import type { Operand } from '../semantics/registry.ts';
import { IMMEDIATE } from './immediate.ts';
import { ObserverLog } from './observer-log.ts';
import { recordBranch } from './record-branch.ts';
import { repBulk } from './rep-bulk.ts';
import type { Runtime } from './runtime.ts';

/** Memory operand shapes: base+disp, general, block-relative (RIP), and everything (functions only). */
export type MemoryShape = 'b' | 'x' | 'a' | 'g';

/** What the hot function offers its cases. */
export interface HotFrame {
  readonly rec: Local;
  readonly blk: Local;
  readonly target: Local;
  readonly fr: Local;
  readonly fx: Local;
  readonly fc: Local;
  readonly evc: Local;
  readonly path: Local;
  /** End of the observer's log, and where the instruction under way writes. */
  readonly log: Local;
  readonly pending: Local;
  /** instructions << 32 | slots left, the current block already paid for. */
  readonly budget: Local;
  /** Executes the record by its function. */
  readonly leave: Label;
  /** `blk` is the next block. */
  readonly enter: Label;
  /** `target` is the next RIP. */
  readonly lookup: Label;
}

/** What a variant of the interpreter does besides running. */
export interface Variant {
  /** Hashes the path and keeps the last branch records. */
  readonly trace: boolean;
  /** Writes the observer's log. */
  readonly observe: boolean;
}
export const PLAIN: Variant = { trace: false, observe: false };

export type Mode = { readonly kind: 'hot'; readonly frame: HotFrame } | { readonly kind: 'function' };

const SCALAR_BYTES = { f32: 4, f64: 8, i32: 4, i64: 8 } as const;
const REG_TYPE = (w: Width): 'i64' | 'v128' => (w === 16 || w === 10 || w === 32 ? 'v128' : 'i64');

export class Emitter implements Machine {
  /** Memory accesses of the instruction, as counted when its semantics ran. */
  loads = 0;
  stores = 0;
  /** Control has left: nothing may follow. */
  ended = false;
  private readonly f: FunctionBuilder;
  private readonly mode: Mode;
  private readonly runtime: Runtime;
  private readonly shape: MemoryShape;
  private depth = 0;
  /** Inside `together`: 1 at run time once a soft float ran; is there one at all? */
  private gathered: { get(): Val; set(v: Val): void } | undefined;
  private gathers = false;
  /** REP_LIMIT before the bulk part. */
  private repLimitAtEntry: Val | undefined;
  private readonly trace: boolean;
  private readonly observer: ObserverLog | undefined;

  constructor(f: FunctionBuilder, mode: Mode, runtime: Runtime, shape: MemoryShape, variant: Variant) {
    this.trace = variant.trace;
    this.observer = variant.observe ? new ObserverLog(f, mode) : undefined;
    this.f = f;
    this.mode = mode;
    this.runtime = runtime;
    this.shape = shape;
  }

  private get rec(): Val {
    return this.mode.kind === 'hot' ? this.f.get(this.mode.frame.rec) : this.f.param(0);
  }
  private get blk(): Val {
    return this.mode.kind === 'hot' ? this.f.get(this.mode.frame.blk) : this.f.param(1);
  }
  private recordU16(field: number): Val {
    return load('i32', 2, this.rec, field);
  }

  let(v: Val): Val {
    return this.f.let(v);
  }
  variable(init: Val): { get(): Val; set(v: Val): void } {
    const l = this.f.variable(init);
    return { get: () => this.f.get(l), set: (v) => this.f.set(l, v) };
  }
  if(condition: Val, then: () => void, otherwise?: () => void): void {
    // A transfer inside an `if` does not end the instruction.
    const nested =
      (body: () => void): (() => void) =>
      () => {
        this.depth++;
        body();
        this.depth--;
      };
    this.f.if(condition, nested(then), otherwise && nested(otherwise));
  }
  loop(body: (again: () => void) => void): void {
    this.depth++;
    this.f.loop((l) => body(() => this.f.br(l)));
    this.depth--;
  }

  // ---- operands

  private register(address: Val, offset: number, w: Width, isXmm: boolean): Place {
    const f = this.f;
    return {
      w,
      kind: isXmm ? 'x' : 'r',
      get: () => f.let(load(REG_TYPE(w), w, address, offset)),
      getVector: () => f.let(load('v128', 16, address, offset)),
      set: (v) => {
        f.store(w === 4 ? 8 : w, address, v, offset);
        // An MMX register is the significand of an x87 register, whose sign and exponent become ones.
        if (isXmm && w === 8) f.store(2, address, k32(0xffff), offset + 8);
      },
      setLow: (v, bytes) => f.store(bytes, address, v, offset),
      scalar: (ty) => f.let(load(ty, SCALAR_BYTES[ty], address, offset)),
      check: () => {},
      ea: () => {
        throw new Error('a register has no address');
      },
      part: (at) => this.register(address, at < 16 ? offset + at : offset + L.UPPER + at - 16, 16, true),
      setVector: (low, high) => {
        f.store(16, address, low, offset);
        f.store(16, address, high, offset + L.UPPER);
      },
    };
  }
  gpr(n: number, w: Width): Place {
    return this.register(k32(0), L.REGS + L.REG.GPR + n * 8, w, false);
  }
  base(name: 'fs' | 'gs' | 'kernelGs'): Place {
    const at = { fs: L.REG.FS_BASE, gs: L.REG.GS_BASE, kernelGs: L.REG.KERNEL_GS_BASE }[name];
    return this.register(k32(0), L.REGS + at, 8, false);
  }
  xmm(n: number): Place {
    return this.register(k32(0), L.REGS + L.REG.XMM + n * 16, 16, true);
  }
  segment(): Val {
    return this.slot(L.RECORD.SEGMENT);
  }
  imm(): Val {
    return load('i64', 8, this.rec, L.RECORD.IMM);
  }
  /** A register operand of a form; `field` of the record holds its offset into the register file. */
  registerOperand(o: Operand, field: number): Place {
    return this.register(this.recordU16(field), L.REGS, o.w, o.kind === 'x');
  }
  /** A memory or immediate operand of a form. */
  operand(o: Operand): Place {
    if (o.kind === 'm') return this.memoryPlace((index) => this.recordEa(index), o.w, o.access === 'a' ? 'r' : o.access, o.aligned);
    const v = this.imm();
    return { ...IMMEDIATE, w: o.w, get: () => this.f.let(v), getVector: () => v };
  }
  private slot(field: number): Val {
    return load('i64', 8, this.recordU16(field), L.REGS);
  }
  vectorIndex(half: 0 | 1): Val {
    return this.f.let(load('v128', 16, this.recordU16(L.RECORD.INDEX), L.REGS + half * L.UPPER));
  }
  private recordEa(vectorIndex?: Val): Val {
    const disp = extS(load('i32', 4, this.rec, L.RECORD.DISP));
    const base = this.slot(L.RECORD.BASE);
    const scale = load('i32', 1, this.rec, L.RECORD.SCALE);
    const blockRip = load('i64', 8, this.blk, L.BLOCK.RIP);
    switch (this.shape) {
      case 'b':
        return add(base, disp);
      case 'a':
        return add(blockRip, disp);
      case 'x':
        return add(add(add(base, shl(this.slot(L.RECORD.INDEX), extU(scale))), disp), this.slot(L.RECORD.SEGMENT));
      default: {
        const flags = this.f.let(scale);
        const rip = select(and(flags, k32(L.SCALE_RIP)), blockRip, k64(0));
        const index = vectorIndex ?? this.slot(L.RECORD.INDEX);
        const off = this.f.let(add(add(add(base, shl(index, extU(and(flags, k32(3))))), disp), rip));
        return add(select(and(flags, k32(L.SCALE_ADDR32)), and(off, k64(0xffff_ffffn)), off), this.slot(L.RECORD.SEGMENT));
      }
    }
  }
  memory(ea: Val, w: Width, access: 'r' | 'w' | 'rw'): Place {
    return this.memoryPlace(() => ea, w, access);
  }
  private memoryPlace(ea: (index?: Val) => Val, w: Width, access: 'r' | 'w' | 'rw', aligned = false): Place {
    const f = this.f;
    let [host, va]: [Val | undefined, Val] = [undefined, k64(0)];
    const probe = (): Val => {
      if (host !== undefined) return host;
      va = f.let(ea());
      host = this.probe(va, w, access !== 'r', aligned);
      return host;
    };
    const loaded = (h: Val, n: number): void => {
      this.loads++;
      this.observer?.access(va, h, n, false);
    };
    const stored = (h: Val, n: number): void => {
      this.stores++;
      this.observer?.access(va, h, n, true);
    };
    let isLoaded = false; // however many parts are read, it is one access, of the whole
    const place = (at: number, bytes: Width, isPart: boolean): Place => {
      const read = (n: number): Val => {
        const h = probe();
        if (!isPart || !isLoaded) loaded(h, isPart ? w : n);
        isLoaded ||= isPart;
        return h;
      };
      const write = (n: number): Val => {
        if (isPart) throw new Error('a part of memory is not written by itself');
        const h = probe();
        stored(h, n);
        return h;
      };
      return {
        w: bytes,
        kind: 'm',
        get: () => {
          const h = read(bytes);
          if (bytes === 10) return f.let(withLane64(loadZero(8, h), 1, load('i64', 2, h, 8)));
          return f.let(load(REG_TYPE(bytes), bytes, h, at));
        },
        getVector: () => {
          const h = read(bytes);
          return f.let(bytes === 4 || bytes === 8 ? loadZero(bytes, h, at) : load('v128', 16, h, at));
        },
        set: (v) => {
          const h = write(bytes);
          if (bytes === 10) {
            f.store(2, h, lane64(v, 1), 8);
            this.storeAt(h, 8, lane64(v, 0), 10);
          } else this.storeAt(h, bytes, v);
        },
        setLow: (v, n) => this.storeAt(write(n), n, v),
        setVector: (low, high) => {
          const h = write(bytes);
          f.store(16, h, high, 16);
          this.storeAt(h, 16, low, 32);
        },
        scalar: (ty) => f.let(load(ty, SCALAR_BYTES[ty], read(SCALAR_BYTES[ty]), at)),
        check: () => void probe(),
        ea,
        part: (from, width) => place(at + from, width, true),
      };
    };
    return place(0, w, false);
  }
  load(w: Width, ea: Val): Val {
    return this.memory(ea, w, 'r').get();
  }
  store(w: Width, ea: Val, v: Val): void {
    this.memory(ea, w, 'w').set(v);
  }

  /** Host address of `w` bytes at `va` (pinned); leaves the instruction when they are not to be had. */
  private probe(va: Val, w: number, write: boolean, aligned = false): Val {
    const f = this.f;
    if (this.mode.kind === 'function') {
      if (aligned) this.if(and(wrap(va), k32(w - 1)), () => this.fault(VECTOR.GP));
      const host = f.let(call(write ? this.runtime.probeWrite : this.runtime.probeRead, va, k32(w)));
      f.if(eqz(host), () => f.return(load('i32', 4, k32(L.BOX.PROBE_RESULT))));
      return host;
    }
    const tlb = write ? L.TLB_WRITE : L.TLB_READ;
    const slot = f.let(and(wrap(shrU(va, k64(8))), k32(0xfff0)));
    // The tag's low bits are zero: those of an odd address that must be even leave too.
    const last = w === 1 || aligned ? va : add(va, k64(w - 1));
    const mask = aligned ? k64(-4096 | (w - 1)) : k64(-4096);
    f.brIf(this.mode.frame.leave, ne(load('i64', 8, slot, tlb), and(last, mask)));
    return f.let(add(wrap(va), load('i32', 4, slot, tlb + 8)));
  }
  /** `whole`: the size of the operand, of which this is the last part to be written. */
  private storeAt(host: Val, bytes: number, v: Val, whole = bytes): void {
    this.f.store(bytes, host, v);
    if (this.mode.kind === 'function') this.f.if(ltU(host, k32(L.PHYSICAL)), () => this.f.drop(call(this.runtime.commitCross, k32(whole))));
  }

  // ---- flags

  private flag(name: 'fr' | 'fx' | 'fc'): Val {
    if (this.mode.kind === 'hot') return this.f.get(this.mode.frame[name]);
    if (name === 'fc') return load('i32', 4, k32(L.REGS + L.REG.FC));
    return load('i64', 8, k32(L.REGS + (name === 'fr' ? L.REG.FR : L.REG.FX)));
  }
  get fr(): Val {
    return this.flag('fr');
  }
  get fx(): Val {
    return this.flag('fx');
  }
  get fc(): Val {
    return this.flag('fc');
  }
  setFlags(fr: Val, fx: Val, fc: Val): void {
    const f = this.f;
    const [r, x, c] = [f.let(fr), f.let(fx), f.let(fc)];
    if (this.mode.kind === 'hot') {
      f.set(this.mode.frame.fr, r);
      f.set(this.mode.frame.fx, x);
      f.set(this.mode.frame.fc, c);
      return;
    }
    f.store(8, k32(L.REGS + L.REG.FR), r);
    f.store(8, k32(L.REGS + L.REG.FX), x);
    f.store(4, k32(L.REGS + L.REG.FC), c);
  }
  get rflags(): Val {
    return load('i64', 8, k32(L.REGS + L.REG.RFLAGS));
  }
  setRflags(v: Val): void {
    this.f.store(8, k32(L.REGS + L.REG.RFLAGS), v);
  }
  get user(): Val {
    return eq(load('i32', 4, k32(L.REGS + L.REG.CPL)), k32(3));
  }
  get mxcsr(): Val {
    return load('i64', 4, k32(L.REGS + L.REG.MXCSR));
  }
  setMxcsr(v: Val): void {
    this.f.store(4, k32(L.REGS + L.REG.MXCSR), v);
  }

  // ---- transfers

  nextRip(): Val {
    const behind = add(this.recordU16(L.RECORD.OFFSET), load('i32', 1, this.rec, L.RECORD.LENGTH));
    return this.f.let(add(load('i64', 8, this.blk, L.BLOCK.RIP), extU(behind)));
  }
  private distance(): Val {
    return extS(load('i32', 4, this.rec, L.RECORD.DISP));
  }
  /** The trace variant sees every taken transfer: it enters the path hash, and (unless the observer's drain does it) the last branch records. */
  private traceTaken(kind: BranchKind, target: Val): void {
    if (!this.trace) return;
    const f = this.f;
    if (this.observer === undefined) {
      const rip = add(load('i64', 8, this.blk, L.BLOCK.RIP), extU(this.recordU16(L.RECORD.OFFSET)));
      const slots = this.mode.kind === 'hot' ? wrap(f.get(this.mode.frame.budget)) : load('i32', 4, k32(L.BOX.SLOTS));
      recordBranch(f, { kind, from: rip, to: target, slotsLeft: slots, distance: load('i32', 4, this.rec, L.RECORD.DISP) });
    }
    const mix = (h: Val): Val => mul(xor(h, target), k64(L.PATH_PRIME));
    if (this.mode.kind === 'hot') f.set(this.mode.frame.path, mix(f.get(this.mode.frame.path)));
    else f.store(8, k32(L.BOX.PATH), mix(load('i64', 8, k32(L.BOX.PATH))));
  }
  /** Follows the link at `field`, else looks `target` up. */
  private follow(field: number, target: () => Val): void {
    const f = this.f;
    if (this.mode.kind === 'function') {
      f.store(8, k32(L.BOX.TARGET), target());
      f.return(k32(L.RESULT.JUMP));
      return;
    }
    const frame = this.mode.frame;
    const link = f.let(load('i32', 4, this.rec, field));
    f.if(link, () => {
      f.set(frame.blk, link);
      f.br(frame.enter);
    });
    f.set(frame.target, target());
    f.br(frame.lookup);
  }
  private bumpEvc(amount: bigint): void {
    const f = this.f;
    if (this.mode.kind === 'hot') f.set(this.mode.frame.evc, add(f.get(this.mode.frame.evc), k64(amount)));
    else f.store(8, k32(L.BOX.EVC), add(load('i64', 8, k32(L.BOX.EVC)), k64(amount)));
  }
  private end(): void {
    if (this.depth === 0) this.ended = true;
  }
  branch(condition: Val): void {
    this.f.if(condition, () => {
      this.bumpEvc(1n);
      this.followTaken('cond');
    });
    this.observer?.branch('cond', false);
    this.follow(L.RECORD.FALL, () => this.nextRip());
    this.end();
  }
  private followTaken(kind: BranchKind): void {
    this.observer?.branch(kind, true);
    if (this.trace) this.traceTaken(kind, this.f.let(add(this.nextRip(), this.distance())));
    this.follow(L.RECORD.TAKEN, () => add(this.nextRip(), this.distance()));
  }
  jump(kind: 'jmp' | 'call'): void {
    this.followTaken(kind);
    this.end();
  }
  /** The trampoline: enters a block, no instruction. */
  enterBlock(): void {
    this.follow(L.RECORD.TAKEN, () => this.nextRip());
    this.end();
  }
  /** The record that closes a block without a transfer. */
  fallThrough(): void {
    this.follow(L.RECORD.FALL, () => this.nextRip());
    this.end();
  }
  jumpIndirect(target: Val, kind: BranchKind): void {
    const f = this.f;
    if (kind === 'callInd') this.bumpEvc(1n << 32n);
    this.observer?.branch(kind, true, target);
    this.traceTaken(kind, target);
    if (this.mode.kind === 'hot') {
      f.set(this.mode.frame.target, target);
      f.br(this.mode.frame.lookup);
    } else {
      f.store(8, k32(L.BOX.TARGET), target);
      f.return(k32(L.RESULT.JUMP));
    }
    this.end();
  }
  fault(vector: number, error = 0): void {
    const f = this.f;
    if (this.mode.kind === 'hot') {
      f.br(this.mode.frame.leave);
    } else {
      f.store(4, k32(L.BOX.FAULT_VECTOR), k32(vector));
      f.store(4, k32(L.BOX.FAULT_ERROR), k32(error));
      f.return(k32(L.RESULT.FAULT));
    }
    this.end();
  }
  system(operation: number, argument?: Val): void {
    const f = this.f;
    if (this.mode.kind === 'hot') {
      f.br(this.mode.frame.leave);
    } else {
      f.store(4, k32(L.BOX.SYSTEM_OP), k32(operation));
      if (argument !== undefined) f.store(8, k32(L.BOX.SYSTEM_ARG), argument);
      f.store(8, k32(L.BOX.TARGET), this.nextRip());
      this.observer?.commit();
      f.return(k32(L.RESULT.SYSTEM));
    }
    this.end();
  }

  /** The instruction is done and goes on to the next record. */
  retire(): void {
    this.observer?.commit();
  }

  rare(body: () => void): void {
    if (this.mode.kind === 'hot') this.f.br(this.mode.frame.leave);
    else body();
  }
  soft(operation: number, immediate: Val, a: Val, b: Val, c?: Val): Val {
    const f = this.f;
    f.store(16, k32(L.SOFT.A), a);
    f.store(16, k32(L.SOFT.B), b);
    if (c !== undefined) f.store(16, k32(L.SOFT.C), c);
    if (this.gathered === undefined) this.callSoft(k32(operation), wrap(immediate));
    else {
      f.drop(call(this.runtime.soft, k32(operation | SOFT_LATER), wrap(immediate)));
      this.gathered.set(k32(1));
      this.gathers = true;
    }
    return f.let(load('v128', 16, k32(L.SOFT.RESULT)));
  }
  private callSoft(operation: Val, immediate: Val): void {
    const f = this.f;
    const vector = f.let(call(this.runtime.soft, operation, immediate));
    f.if(vector, () => {
      f.store(4, k32(L.BOX.FAULT_VECTOR), vector);
      f.store(4, k32(L.BOX.FAULT_ERROR), k32(0));
      f.return(k32(L.RESULT.FAULT));
    });
  }
  /** In a hot case nothing soft runs, so nothing is left to be weighed. */
  together(body: () => void): void {
    if (this.mode.kind === 'hot') return body();
    const gathered = this.variable(k32(0));
    [this.gathered, this.gathers] = [gathered, false];
    body();
    this.gathered = undefined;
    if (this.gathers) this.f.if(gathered.get(), () => this.callSoft(k32(SOFT_SETTLE), k32(0)));
  }
  asOneAccess(body: () => void): void {
    const [l, s] = [this.loads, this.stores];
    body();
    [this.loads, this.stores] = [Math.min(this.loads, l + 1), Math.min(this.stores, s + 1)];
  }
  zeroVectors(which: 'upper' | 'all'): void {
    for (let i = 0; i < 16; i++) {
      this.f.store(16, k32(0), kv128(0n, 0n), L.REGS + L.YMM_HIGH + i * 16);
      if (which === 'all') this.f.store(16, k32(0), kv128(0n, 0n), L.REGS + L.REG.XMM + i * 16);
    }
  }

  enterMmx(): void {
    const f = this.f;
    const status = f.let(load('i32', 2, k32(L.REGS + L.FPU.FSW)));
    this.if(and(status, k32(0x80)), () => this.fault(VECTOR.MF));
    f.store(2, k32(L.REGS + L.FPU.FSW), and(status, k32(~0x3800)));
    f.store(1, k32(L.REGS + L.FPU.FTW), k32(255));
  }

  // ---- REP

  /** Iterations done: registers and the slice's counts. */
  private countIterations(n: Val, loads: number, stores: number): void {
    const f = this.f;
    const bump = (box: number, by: Val): void => f.store(4, k32(box), add(load('i32', 4, k32(box)), by));
    if (loads > 0) bump(L.BOX.REP_LOADS, mul(n, k32(loads)));
    if (stores > 0) bump(L.BOX.REP_STORES, mul(n, k32(stores)));
    bump(L.BOX.SLOTS, sub(k32(0), mul(n, load('i32', 4, k32(L.BOX.REP_COST)))));
    bump(L.BOX.REP_LIMIT, sub(k32(0), n));
  }
  rep(loads: number, stores: number, counter: 4 | 8, body: () => Val | undefined): void {
    const f = this.f;
    if (this.mode.kind === 'hot') return this.fault(0);
    const [l0, s0] = [this.loads, this.stores];
    const cx = this.gpr(1, counter);
    this.depth++;
    const limit = (): Val => load('i32', 4, k32(L.BOX.REP_LIMIT));
    const begun = this.repLimitAtEntry ?? f.let(limit());
    f.block((done) => {
      f.loop((again) => {
        const n = cx.get();
        f.brIf(done, eqz(n));
        f.if(eqz(gtS(limit(), k32(0))), () => {
          f.store(4, k32(L.BOX.REP_BEGUN), ne(limit(), begun));
          f.return(k32(L.RESULT.REP_MORE));
        });
        const more = body();
        const keep = more === undefined ? undefined : f.let(more);
        cx.set(f.let(sub(n, k64(1))));
        this.observer?.commit();
        this.countIterations(k32(1), loads, stores);
        if (keep === undefined) f.br(again);
        else f.brIf(again, keep);
      });
    });
    this.depth--;
    [this.loads, this.stores] = [l0, s0];
  }
  repBulk(kind: 'movs' | 'stos', w: Width): void {
    if (this.mode.kind === 'hot') return;
    this.repLimitAtEntry = this.f.let(load('i32', 4, k32(L.BOX.REP_LIMIT)));
    repBulk(this.f, this, kind, w, {
      probe: (va, write) => this.probe(va, 1, write),
      done: (bulk) => {
        this.observer?.bulk(bulk);
        this.countIterations(bulk.n, bulk.moves ? 1 : 0, 1);
      },
    });
  }
}
