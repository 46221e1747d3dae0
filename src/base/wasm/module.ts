/** A WebAssembly module with an imported memory: functions, one table filled with them, exports. */
import { Bytes } from './encode.ts';
import { type FunctionBuilder, type FunctionType } from './function.ts';
import { TY_CODE, type Ty, type Val } from './ops.ts';

export interface FunctionRef {
  readonly index: number;
  readonly type: FunctionType;
}

export class ModuleBuilder {
  private readonly types: FunctionType[] = [];
  private readonly bodies: (FunctionBuilder | undefined)[] = [];
  private readonly refs: FunctionRef[] = [];
  private readonly exports: { name: string; index: number }[] = [];
  private readonly imports: string[] = [];
  private tableFunctions: number[] = [];
  private readonly memoryPages: number;

  /** `memoryPages`: the least size in 64 KiB pages that the imported memory `env.memory` must have. */
  constructor(memoryPages: number) {
    this.memoryPages = memoryPages;
  }

  typeIndex(t: FunctionType): number {
    const key = `${t.params.join()}>${t.results.join()}`;
    const i = this.types.findIndex((x) => `${x.params.join()}>${x.results.join()}` === key);
    if (i >= 0) return i;
    this.types.push(t);
    return this.types.length - 1;
  }
  /** A function that the embedder gives as `env.name`. All imports come before the first declaration. */
  importFunction(name: string, params: readonly Ty[], results: readonly Ty[]): FunctionRef {
    if (this.imports.length !== this.refs.length) throw new Error(`import ${name} behind a declaration`);
    this.imports.push(name);
    return this.declare(params, results);
  }
  /** Declares a function, so that others can call it before its body is there. */
  declare(params: readonly Ty[], results: readonly Ty[]): FunctionRef {
    const ref = { index: this.refs.length, type: { params, results } };
    this.typeIndex(ref.type);
    this.refs.push(ref);
    this.bodies.push(undefined);
    return ref;
  }
  define(ref: FunctionRef, body: FunctionBuilder): void {
    this.bodies[ref.index] = body;
  }
  add(body: FunctionBuilder): FunctionRef {
    const ref = this.declare(body.type.params, body.type.results);
    this.define(ref, body);
    return ref;
  }
  export(name: string, ref: FunctionRef): void {
    this.exports.push({ name, index: ref.index });
  }
  /** The function table: position = index for `callIndirect`. */
  setTable(functions: readonly FunctionRef[]): void {
    this.tableFunctions = functions.map((f) => f.index);
  }
  callIndirect(type: FunctionType, index: Val, ...args: Val[]): Val {
    const t = this.typeIndex(type);
    return {
      ty: type.results[0] ?? 'i32',
      emit(out) {
        for (const a of args) a.emit(out);
        index.emit(out);
        out.u8(0x11);
        out.u32(t);
        out.u8(0);
      },
    };
  }

  finish(): Uint8Array {
    const out = new Bytes();
    out.raw([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const section = (id: number, fill: (b: Bytes) => void): void => {
      const body = new Bytes();
      fill(body);
      out.u8(id);
      out.sized(body);
    };
    section(1, (b) => {
      b.u32(this.types.length);
      for (const t of this.types) {
        b.u8(0x60);
        for (const list of [t.params, t.results]) {
          b.u32(list.length);
          for (const ty of list) b.u8(TY_CODE[ty]);
        }
      }
    });
    section(2, (b) => {
      b.u32(1 + this.imports.length);
      b.name('env');
      b.name('memory');
      b.u8(2);
      b.u8(0);
      b.u32(this.memoryPages);
      for (const [i, name] of this.imports.entries()) {
        b.name('env');
        b.name(name);
        b.u8(0);
        b.u32(this.typeIndex((this.refs[i] as FunctionRef).type));
      }
    });
    section(3, (b) => {
      const own = this.refs.slice(this.imports.length);
      b.u32(own.length);
      for (const r of own) b.u32(this.typeIndex(r.type));
    });
    section(4, (b) => {
      b.u32(1);
      b.u8(0x70);
      b.u8(0);
      b.u32(this.tableFunctions.length);
    });
    section(7, (b) => {
      b.u32(this.exports.length);
      for (const e of this.exports) {
        b.name(e.name);
        b.u8(0);
        b.u32(e.index);
      }
    });
    section(9, (b) => {
      b.u32(1);
      b.u32(0);
      b.raw([0x41, 0, 0x0b]);
      b.u32(this.tableFunctions.length);
      for (const f of this.tableFunctions) b.u32(f);
    });
    section(10, (b) => {
      const own = this.bodies.slice(this.imports.length);
      b.u32(own.length);
      for (const body of own) {
        if (body === undefined) throw new Error('a declared function has no body');
        b.sized(body.finish());
      }
    });
    return out.view();
  }
}

/** A call as an expression; `results` must be one value (use FunctionBuilder.drop for its effect alone). */
export function call(f: FunctionRef, ...args: Val[]): Val {
  return {
    ty: f.type.results[0] ?? 'i32',
    emit(out) {
      for (const a of args) a.emit(out);
      out.u8(0x10);
      out.u32(f.index);
    },
  };
}
