/** A WebAssembly function body: locals, statements and structured control. */
import { Bytes } from './encode.ts';
import { emitStore, TY_CODE, type Ty, type Val } from './ops.ts';

export interface Local {
  readonly ty: Ty;
  readonly index: number;
}

/** A branch target: the nesting depth at which it was opened. */
export interface Label {
  readonly depth: number;
}

export interface FunctionType {
  readonly params: readonly Ty[];
  readonly results: readonly Ty[];
}

export class FunctionBuilder {
  readonly type: FunctionType;
  readonly code = new Bytes();
  private readonly locals: Ty[] = [];
  private free: Local[] = [];
  private scoped: Local[] = [];
  private depth = 0;

  constructor(params: readonly Ty[], results: readonly Ty[]) {
    this.type = { params, results };
  }

  param(i: number): Val {
    return this.get({ ty: this.type.params[i] as Ty, index: i });
  }
  /** A local that lives as long as the function. */
  local(ty: Ty): Local {
    this.locals.push(ty);
    return { ty, index: this.type.params.length + this.locals.length - 1 };
  }
  private temporary(ty: Ty): Local {
    const i = this.free.findIndex((l) => l.ty === ty);
    const l = i >= 0 ? (this.free.splice(i, 1)[0] as Local) : this.local(ty);
    this.scoped.push(l);
    return l;
  }
  /** Temporaries made by `let` inside `body` are reused afterwards: one switch case after another shares them. */
  scope(body: () => void): void {
    const outer = this.scoped;
    this.scoped = [];
    body();
    this.free.push(...this.scoped);
    this.scoped = outer;
  }

  get(l: Local): Val {
    return {
      ty: l.ty,
      emit(out) {
        out.u8(0x20);
        out.u32(l.index);
      },
    };
  }
  /** A name for the value of `v` now. Constants and already pinned values pass through. */
  let(v: Val): Val {
    if (v.pinned === true) return v;
    const l = this.temporary(v.ty);
    this.set(l, v);
    return { ...this.get(l), pinned: true };
  }
  /** A scoped variable: like `let`, but it can be set again. */
  variable(init: Val): Local {
    const l = this.temporary(init.ty);
    this.set(l, init);
    return l;
  }

  set(l: Local, v: Val): void {
    if (v.ty !== l.ty) throw new Error(`local is ${l.ty}, value is ${v.ty}`);
    v.emit(this.code);
    this.code.u8(0x21);
    this.code.u32(l.index);
  }
  store(bytes: number, address: Val, value: Val, offset = 0): void {
    emitStore(this.code, bytes, address, value, offset);
  }
  drop(v: Val): void {
    v.emit(this.code);
    this.code.u8(0x1a);
  }
  /** memory.copy: may overlap. */
  memoryCopy(to: Val, from: Val, bytes: Val): void {
    for (const v of [to, from, bytes]) v.emit(this.code);
    this.code.raw([0xfc, 10, 0, 0]);
  }
  memoryFill(to: Val, byte: Val, bytes: Val): void {
    for (const v of [to, byte, bytes]) v.emit(this.code);
    this.code.raw([0xfc, 11, 0]);
  }

  private open(opcode: number): Label {
    this.code.u8(opcode);
    this.code.u8(0x40);
    return { depth: ++this.depth };
  }
  private close(): void {
    this.depth--;
    this.code.u8(0x0b);
  }
  /** `br` to the label leaves the block. */
  block(body: (out: Label) => void): void {
    const l = this.open(0x02);
    body(l);
    this.close();
  }
  /** `br` to the label starts the loop again; falling off its end leaves it. */
  loop(body: (again: Label) => void): void {
    const l = this.open(0x03);
    body(l);
    this.close();
  }
  if(condition: Val, then: () => void, otherwise?: () => void): void {
    condition.emit(this.code);
    this.open(0x04);
    then();
    if (otherwise) {
      this.code.u8(0x05);
      otherwise();
    }
    this.close();
  }
  br(to: Label): void {
    this.code.u8(0x0c);
    this.code.u32(this.depth - to.depth);
  }
  brIf(to: Label, condition: Val): void {
    condition.emit(this.code);
    this.code.u8(0x0d);
    this.code.u32(this.depth - to.depth);
  }
  brTable(index: Val, targets: readonly Label[], otherwise: Label): void {
    index.emit(this.code);
    this.code.u8(0x0e);
    this.code.u32(targets.length);
    for (const t of targets) this.code.u32(this.depth - t.depth);
    this.code.u32(this.depth - otherwise.depth);
  }
  return(v?: Val): void {
    v?.emit(this.code);
    this.code.u8(0x0f);
  }
  unreachable(): void {
    this.code.u8(0x00);
  }

  /** The encoded code entry: locals, body, end. */
  finish(): Bytes {
    const out = new Bytes();
    const groups: { ty: Ty; n: number }[] = [];
    for (const ty of this.locals) {
      const last = groups.at(-1);
      if (last !== undefined && last.ty === ty) last.n++;
      else groups.push({ ty, n: 1 });
    }
    out.u32(groups.length);
    for (const g of groups) {
      out.u32(g.n);
      out.u8(TY_CODE[g.ty]);
    }
    out.append(this.code);
    out.u8(0x0b);
    return out;
  }
}
