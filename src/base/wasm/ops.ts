/** Expression nodes over WebAssembly operators. Knows no x86. A node is emitted where a statement of `FunctionBuilder` uses it. */
import type { Bytes } from './encode.ts';

export type Ty = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

export interface Val {
  readonly ty: Ty;
  /** The value, when it is a constant. */
  readonly constant?: bigint;
  /** True when emitting it twice gives the same value and costs nothing (constants and pinned locals). */
  readonly pinned?: boolean;
  emit(out: Bytes): void;
}

export const TY_CODE: Record<Ty, number> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

export const k32 = (n: number): Val => ({
  ty: 'i32',
  constant: BigInt(n | 0),
  pinned: true,
  emit(out) {
    out.u8(0x41);
    out.s32(n | 0);
  },
});
export const k64 = (n: bigint | number): Val => {
  const value = BigInt.asIntN(64, BigInt(n));
  return {
    ty: 'i64',
    constant: value,
    pinned: true,
    emit(out) {
      out.u8(0x42);
      out.s64(value);
    },
  };
};
/** 16 bytes, little endian. */
export const kv128 = (lo: bigint, hi: bigint): Val => ({
  ty: 'v128',
  pinned: true,
  emit(out) {
    out.u8(0xfd);
    out.u32(12);
    for (const half of [lo, hi]) for (let i = 0n; i < 8n; i++) out.u8(Number((half >> (8n * i)) & 255n));
  },
});

/** An operator with one opcode byte. */
export function op(ty: Ty, opcode: number, ...args: Val[]): Val {
  return {
    ty,
    emit(out) {
      for (const a of args) a.emit(out);
      out.u8(opcode);
    },
  };
}
/** An operator with a prefix byte (0xfc saturating truncation, 0xfd SIMD), and lane or byte immediates. */
export function opx(ty: Ty, prefix: number, opcode: number, immediates: readonly number[], ...args: Val[]): Val {
  return {
    ty,
    emit(out) {
      for (const a of args) a.emit(out);
      out.u8(prefix);
      out.u32(opcode);
      out.raw(immediates);
    },
  };
}
export const simd = (ty: Ty, opcode: number, ...args: Val[]): Val => opx(ty, 0xfd, opcode, [], ...args);
export const simdLane = (ty: Ty, opcode: number, lane: number, ...args: Val[]): Val => opx(ty, 0xfd, opcode, [lane], ...args);

const is = (v: Val, n: bigint): boolean => v.constant !== undefined && v.constant === n;
const pick = (v: Val, i32: number, i64: number): number => (v.ty === 'i64' ? i64 : i32);
function fold(a: Val, b: Val, f: (x: bigint, y: bigint) => bigint): Val | undefined {
  if (a.constant === undefined || b.constant === undefined) return undefined;
  const n = f(a.constant, b.constant);
  return a.ty === 'i64' ? k64(n) : k32(Number(BigInt.asIntN(32, n)));
}
const same = (a: Val, b: Val): void => {
  if (a.ty !== b.ty) throw new Error(`operand types differ: ${a.ty} and ${b.ty}`);
};
function bin(i32: number, i64: number, a: Val, b: Val, f: (x: bigint, y: bigint) => bigint): Val {
  same(a, b);
  return fold(a, b, f) ?? op(a.ty, pick(a, i32, i64), a, b);
}

export const add = (a: Val, b: Val): Val => (is(b, 0n) ? a : is(a, 0n) ? b : bin(0x6a, 0x7c, a, b, (x, y) => x + y));
export const sub = (a: Val, b: Val): Val => (is(b, 0n) ? a : bin(0x6b, 0x7d, a, b, (x, y) => x - y));
export const mul = (a: Val, b: Val): Val => bin(0x6c, 0x7e, a, b, (x, y) => x * y);
export const and = (a: Val, b: Val): Val => (is(b, -1n) ? a : bin(0x71, 0x83, a, b, (x, y) => x & y));
export const or = (a: Val, b: Val): Val => (is(b, 0n) ? a : is(a, 0n) ? b : bin(0x72, 0x84, a, b, (x, y) => x | y));
export const xor = (a: Val, b: Val): Val => (is(b, 0n) ? a : bin(0x73, 0x85, a, b, (x, y) => x ^ y));
export const shl = (a: Val, b: Val): Val => (same(a, b), is(b, 0n) ? a : op(a.ty, pick(a, 0x74, 0x86), a, b));
export const shrS = (a: Val, b: Val): Val => (same(a, b), is(b, 0n) ? a : op(a.ty, pick(a, 0x75, 0x87), a, b));
export const shrU = (a: Val, b: Val): Val => (same(a, b), is(b, 0n) ? a : op(a.ty, pick(a, 0x76, 0x88), a, b));
export const rotl = (a: Val, b: Val): Val => (same(a, b), op(a.ty, pick(a, 0x77, 0x89), a, b));
export const rotr = (a: Val, b: Val): Val => (same(a, b), op(a.ty, pick(a, 0x78, 0x8a), a, b));
/** These trap: only behind a guard that makes the trap impossible. */
export const divU = (a: Val, b: Val): Val => (same(a, b), op(a.ty, pick(a, 0x6e, 0x80), a, b));
export const divS = (a: Val, b: Val): Val => (same(a, b), op(a.ty, pick(a, 0x6d, 0x7f), a, b));
export const remU = (a: Val, b: Val): Val => (same(a, b), op(a.ty, pick(a, 0x70, 0x82), a, b));
export const remS = (a: Val, b: Val): Val => (same(a, b), op(a.ty, pick(a, 0x6f, 0x81), a, b));
export const clz = (a: Val): Val => op(a.ty, pick(a, 0x67, 0x79), a);
export const ctz = (a: Val): Val => op(a.ty, pick(a, 0x68, 0x7a), a);
export const popcnt = (a: Val): Val => op(a.ty, pick(a, 0x69, 0x7b), a);

const compare =
  (i32: number, i64: number) =>
  (a: Val, b: Val): Val => (same(a, b), op('i32', pick(a, i32, i64), a, b));
export const eqz = (a: Val): Val => op('i32', pick(a, 0x45, 0x50), a);
export const eq = compare(0x46, 0x51);
export const ne = compare(0x47, 0x52);
export const ltS = compare(0x48, 0x53);
export const ltU = compare(0x49, 0x54);
export const gtS = compare(0x4a, 0x55);
export const gtU = compare(0x4b, 0x56);
export const leS = compare(0x4c, 0x57);
export const leU = compare(0x4d, 0x58);
export const geS = compare(0x4e, 0x59);
export const geU = compare(0x4f, 0x5a);

/** i64 → i32. */
export const wrap = (a: Val): Val =>
  a.ty === 'i32' ? a : a.constant !== undefined ? k32(Number(BigInt.asIntN(32, a.constant))) : op('i32', 0xa7, a);
/** i32 → i64, zero-extended; an i64 stays. */
export const extU = (a: Val): Val =>
  a.ty === 'i64' ? a : a.constant !== undefined ? k64(BigInt.asUintN(32, a.constant)) : op('i64', 0xad, a);
export const extS = (a: Val): Val => (a.ty === 'i64' ? a : op('i64', 0xac, a));
/** Sign extension of the low `bytes` bytes of an i64. */
export const sext = (a: Val, bytes: number): Val => (bytes === 8 ? a : op('i64', bytes === 1 ? 0xc2 : bytes === 2 ? 0xc3 : 0xc4, a));

export const select = (c: Val, a: Val, b: Val): Val => {
  same(a, b);
  return {
    ty: a.ty,
    emit(out) {
      a.emit(out);
      b.emit(out);
      c.emit(out);
      if (a.ty !== 'v128') out.u8(0x1b);
      else out.raw([0x1c, 1, TY_CODE.v128]);
    },
  };
};

const LOAD: Record<string, number> = {
  i32: 0x28,
  i64: 0x29,
  f32: 0x2a,
  f64: 0x2b,
  i32u1: 0x2d,
  i32u2: 0x2f,
  i64u1: 0x31,
  i64u2: 0x33,
  i64u4: 0x35,
  i32s1: 0x2c,
  i32s2: 0x2e,
  i64s1: 0x30,
  i64s2: 0x32,
  i64s4: 0x34,
};
const FULL: Record<Ty, number> = { i32: 4, i64: 8, f32: 4, f64: 8, v128: 16 };

function memArg(out: Bytes, offset: number): void {
  out.u8(0); // alignment hint: none
  out.u32(offset);
}
/** Loads `bytes` bytes at `address` (i32) + offset, zero-extended (or sign-extended) to `ty`. */
export function load(ty: Ty, bytes: number, address: Val, offset = 0, signed = false): Val {
  return {
    ty,
    emit(out) {
      address.emit(out);
      if (ty === 'v128') out.raw([0xfd, 0]);
      else out.u8(LOAD[bytes === FULL[ty] ? ty : `${ty}${signed ? 's' : 'u'}${bytes}`] as number);
      memArg(out, offset);
    },
  };
}
/** v128.load32_zero / load64_zero. */
export function loadZero(bytes: 4 | 8, address: Val, offset = 0): Val {
  return {
    ty: 'v128',
    emit(out) {
      address.emit(out);
      out.raw([0xfd, bytes === 4 ? 92 : 93]);
      memArg(out, offset);
    },
  };
}
const STORE: Record<string, number> = {
  i32: 0x36,
  i64: 0x37,
  f32: 0x38,
  f64: 0x39,
  i321: 0x3a,
  i322: 0x3b,
  i641: 0x3c,
  i642: 0x3d,
  i644: 0x3e,
};
export function emitStore(out: Bytes, bytes: number, address: Val, value: Val, offset: number): void {
  address.emit(out);
  value.emit(out);
  if (value.ty === 'v128') out.raw([0xfd, 11]);
  else out.u8(STORE[bytes === FULL[value.ty] ? value.ty : `${value.ty}${bytes}`] as number);
  memArg(out, offset);
}
