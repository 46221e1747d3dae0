/** Vector and floating-point operators by their WebAssembly names. WebAssembly Core Specification 2.0, §5.4.6 and §5.4.8. */
import { op, simd, simdLane, type Val } from './ops.ts';

/** Opcodes behind the 0xfd prefix: v128 operators that take and give v128. */
export const V = {
  swizzle: 0x0e,
  i8eq: 0x23,
  i8gtS: 0x27,
  i16eq: 0x2d,
  i16gtS: 0x31,
  i32eq: 0x37,
  i32gtS: 0x3b,
  f32eq: 0x41,
  f32ne: 0x42,
  f32lt: 0x43,
  f32le: 0x45,
  f32ge: 0x46,
  f64eq: 0x47,
  f64ne: 0x48,
  f64lt: 0x49,
  f64le: 0x4b,
  f64ge: 0x4c,
  not: 0x4d,
  and: 0x4e,
  andnot: 0x4f,
  or: 0x50,
  xor: 0x51,
  bitselect: 0x52,
  f32demote: 0x5e,
  f64promote: 0x5f,
  i8abs: 0x60,
  i8neg: 0x61,
  i8popcnt: 0x62,
  i8narrowS: 0x65,
  i8narrowU: 0x66,
  f32ceil: 0x67,
  f32floor: 0x68,
  f32trunc: 0x69,
  f32nearest: 0x6a,
  i8add: 0x6e,
  i8addSatS: 0x6f,
  i8addSatU: 0x70,
  i8sub: 0x71,
  i8subSatS: 0x72,
  i8subSatU: 0x73,
  f64ceil: 0x74,
  f64floor: 0x75,
  i8minS: 0x76,
  i8minU: 0x77,
  i8maxS: 0x78,
  i8maxU: 0x79,
  f64trunc: 0x7a,
  i8avgrU: 0x7b,
  i16pairS: 0x7c,
  i16pairU: 0x7d,
  i32pairS: 0x7e,
  i32pairU: 0x7f,
  i16abs: 0x80,
  i16neg: 0x81,
  i16q15mul: 0x82,
  i16narrowS: 0x85,
  i16narrowU: 0x86,
  i16extLowS: 0x87,
  i16extHighS: 0x88,
  i16extLowU: 0x89,
  i16extHighU: 0x8a,
  i16add: 0x8e,
  i16addSatS: 0x8f,
  i16addSatU: 0x90,
  i16sub: 0x91,
  i16subSatS: 0x92,
  i16subSatU: 0x93,
  f64nearest: 0x94,
  i16mul: 0x95,
  i16minS: 0x96,
  i16minU: 0x97,
  i16maxS: 0x98,
  i16maxU: 0x99,
  i16avgrU: 0x9b,
  i32abs: 0xa0,
  i32neg: 0xa1,
  i32extLowS: 0xa7,
  i32extHighS: 0xa8,
  i32extLowU: 0xa9,
  i32add: 0xae,
  i32sub: 0xb1,
  i32mul: 0xb5,
  i32minS: 0xb6,
  i32minU: 0xb7,
  i32maxS: 0xb8,
  i32maxU: 0xb9,
  i32dot: 0xba,
  i32extmulLowS: 0xbc,
  i32extmulHighS: 0xbd,
  i32extmulLowU: 0xbe,
  i32extmulHighU: 0xbf,
  i64extLowS: 0xc7,
  i64extLowU: 0xc9,
  i64add: 0xce,
  i64sub: 0xd1,
  i64mul: 0xd5,
  i64eq: 0xd6,
  i64gtS: 0xd9,
  i64extmulLowS: 0xdc,
  i64extmulLowU: 0xde,
  f32abs: 0xe0,
  f32sqrt: 0xe3,
  f32add: 0xe4,
  f32sub: 0xe5,
  f32mul: 0xe6,
  f32div: 0xe7,
  f32pmin: 0xea,
  f32pmax: 0xeb,
  f64abs: 0xec,
  f64sqrt: 0xef,
  f64add: 0xf0,
  f64sub: 0xf1,
  f64mul: 0xf2,
  f64div: 0xf3,
  f64pmin: 0xf6,
  f64pmax: 0xf7,
  i32truncF32: 0xf8,
  f32convertI32: 0xfa,
  i32truncF64: 0xfc,
  f64convertI32: 0xfe,
} as const;
export const v = (opcode: number, ...args: Val[]): Val => simd('v128', opcode, ...args);

/** Shifts: v128 by i32, whose count wasm takes modulo the lane width. */
export const VSHIFT = {
  8: { shl: 0x6b, shrS: 0x6c, shrU: 0x6d },
  16: { shl: 0x8b, shrS: 0x8c, shrU: 0x8d },
  32: { shl: 0xab, shrS: 0xac, shrU: 0xad },
  64: { shl: 0xcb, shrS: 0xcc, shrU: 0xcd },
} as const;

export const splat8 = (a: Val): Val => simd('v128', 0x0f, a);
export const splat16 = (a: Val): Val => simd('v128', 0x10, a);
export const splat32 = (a: Val): Val => simd('v128', 0x11, a);
export const splat64 = (a: Val): Val => simd('v128', 0x12, a);
export const splatF32 = (a: Val): Val => simd('v128', 0x13, a);
export const splatF64 = (a: Val): Val => simd('v128', 0x14, a);

export const lane16 = (a: Val, i: number): Val => simdLane('i32', 0x19, i, a);
export const lane32 = (a: Val, i: number): Val => simdLane('i32', 0x1b, i, a);
export const lane64 = (a: Val, i: number): Val => simdLane('i64', 0x1d, i, a);
export const laneF32 = (a: Val, i: number): Val => simdLane('f32', 0x1f, i, a);
export const laneF64 = (a: Val, i: number): Val => simdLane('f64', 0x21, i, a);
export const withLane32 = (a: Val, i: number, x: Val): Val => simdLane('v128', 0x1c, i, a, x);
export const withLane64 = (a: Val, i: number, x: Val): Val => simdLane('v128', 0x1e, i, a, x);
export const withLaneF32 = (a: Val, i: number, x: Val): Val => simdLane('v128', 0x20, i, a, x);
export const withLaneF64 = (a: Val, i: number, x: Val): Val => simdLane('v128', 0x22, i, a, x);

/** Bytes of a (0..15) and b (16..31) by constant position. */
export const shuffle = (a: Val, b: Val, lanes: readonly number[]): Val => ({
  ty: 'v128',
  emit(out) {
    a.emit(out);
    b.emit(out);
    out.raw([0xfd, 0x0d, ...lanes]);
  },
});
/** `shuffle` by wider lanes: numbers of `width`-byte lanes, those of b behind those of a. */
export const shuffleLanes = (width: number, a: Val, b: Val, lanes: readonly number[]): Val =>
  shuffle(
    a,
    b,
    lanes.flatMap((l) => Array.from({ length: width }, (_, i) => l * width + i)),
  );

export const anyTrue = (a: Val): Val => simd('i32', 0x53, a);
export const allTrue32 = (a: Val): Val => simd('i32', 0xa3, a);
export const allTrue64 = (a: Val): Val => simd('i32', 0xc3, a);
export const bitmask8 = (a: Val): Val => simd('i32', 0x64, a);
export const bitmask32 = (a: Val): Val => simd('i32', 0xa4, a);
export const bitmask64 = (a: Val): Val => simd('i32', 0xc4, a);

const F32 = { abs: 0x8b, nearest: 0x90, sqrt: 0x91, add: 0x92, sub: 0x93, mul: 0x94, div: 0x95 } as const;
const F64 = { abs: 0x99, nearest: 0x9e, sqrt: 0x9f, add: 0xa0, sub: 0xa1, mul: 0xa2, div: 0xa3 } as const;
const F32_COMPARE = { eq: 0x5b, ne: 0x5c, lt: 0x5d, gt: 0x5e, le: 0x5f, ge: 0x60 } as const;
const F64_COMPARE = { eq: 0x61, ne: 0x62, lt: 0x63, gt: 0x64, le: 0x65, ge: 0x66 } as const;
/** Scalar float operators; the type is the operands'. */
export const fop = (name: keyof typeof F64, a: Val, ...rest: Val[]): Val => op(a.ty, (a.ty === 'f32' ? F32 : F64)[name], a, ...rest);
export const fcmp = (name: keyof typeof F64_COMPARE, a: Val, b: Val): Val =>
  op('i32', (a.ty === 'f32' ? F32_COMPARE : F64_COMPARE)[name], a, b);

/** Bit patterns. */
export const bitsOfF = (a: Val): Val => (a.ty === 'f32' ? op('i32', 0xbc, a) : op('i64', 0xbd, a));
export const asFloat = (a: Val): Val => (a.ty === 'i32' ? op('f32', 0xbe, a) : op('f64', 0xbf, a));
export const demote = (a: Val): Val => op('f32', 0xb6, a);
export const promote = (a: Val): Val => op('f64', 0xbb, a);
/** Signed integer → float, rounded to nearest. */
export const convert = (ty: 'f32' | 'f64', a: Val): Val => op(ty, (ty === 'f32' ? 0xb2 : 0xb7) + (a.ty === 'i64' ? 2 : 0), a);
/** Float → signed integer, truncated and saturated; NaN gives 0. */
export const truncSat = (ty: 'i32' | 'i64', a: Val): Val => ({
  ty,
  emit(out) {
    a.emit(out);
    out.raw([0xfc, (ty === 'i64' ? 4 : 0) + (a.ty === 'f64' ? 2 : 0)]);
  },
});
export function kf(ty: 'f32' | 'f64', value: number): Val {
  const bytes = new Uint8Array(ty === 'f32' ? 4 : 8);
  const view = new DataView(bytes.buffer);
  if (ty === 'f32') view.setFloat32(0, value, true);
  else view.setFloat64(0, value, true);
  return {
    ty,
    pinned: true,
    emit(out) {
      out.u8(ty === 'f32' ? 0x43 : 0x44);
      out.raw(bytes);
    },
  };
}
