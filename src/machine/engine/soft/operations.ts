/** Numbers of the soft-float operations: kind · 4 + (2 = packed) + (1 = double). Knows neither wasm nor the arithmetic. */
export const SOFT_KIND = {
  ADD: 0,
  SUB: 1,
  MUL: 2,
  DIV: 3,
  /** Of the second operand. */
  SQRT: 4,
  MIN: 5,
  MAX: 6,
  /** Immediate: predicate 0 to 31. */
  COMPARE: 7,
  /** Result lane 0: 0 greater, 1 less, 2 equal, 3 unordered. */
  COMI: 8,
  UCOMI: 9,
  /** To int32 or int64; immediate 1: truncate. Scalar results as i64 in lane 0. */
  TO_INT32: 10,
  TO_INT64: 11,
  /** From the format that the number names to the other. */
  CONVERT: 12,
  /** int64 (scalar; the second operand's lane 0) or int32 (packed) to the format. */
  FROM_INT: 13,
  /** To an integral value; immediate as of ROUNDPS. */
  ROUND: 14,
  /** Immediate as of DPPS, DPPD. */
  DOT: 15,
  /** Subtracts in even lanes, adds in odd ones. */
  ADDSUB: 16,
  /** First · second + third, rounded once. Immediate: FUSED. */
  FUSED: 17,
  /** Half precision to single: the low four 16-bit lanes of the second operand. */
  FROM_HALF: 18,
  /** Single to half precision; immediate as of VCVTPS2PH. */
  TO_HALF: 19,
} as const;
/** FUSED: the product or the third operand change their signs; the third one in even lanes, in odd ones. */
export const FUSED = { NEGATE_PRODUCT: 1, NEGATE_EVEN: 2, NEGATE_ODD: 4 } as const;
export type SoftKind = (typeof SOFT_KIND)[keyof typeof SOFT_KIND];
export const softOperation = (kind: SoftKind, isDouble: boolean, packed: boolean): number =>
  kind * 4 + (packed ? 2 : 0) + (isDouble ? 1 : 0);

/** Added to an operation's number: its flags are kept back, and come with those of `SOFT_SETTLE`, which ends the instruction. */
export const SOFT_LATER = 1 << 16;
export const SOFT_SETTLE = 258;

/** Not float: PCMPxSTRx. The immediate holds imm8 | first length << 8 | second length << 16; lengths 0 to 16, 31 = up to the first zero element. */
export const SOFT_STRING = { INDEX: 256, MASK: 257 } as const;
export const IMPLICIT_LENGTH = 31;

/** x87 operations; their numbers are FPU_BASE + position. The control word's bits: see FPU_CONTROL. */
export const FPU_OPERATIONS = [
  'add',
  'sub',
  'mul',
  'div',
  'load',
  'store',
  'compare',
  'compareUnordered',
  'compareFlags',
  'compareFlagsUnordered',
  'moveIf',
  'exchange',
  'changeSign',
  'absolute',
  'squareRoot',
  'round',
  'remainder',
  'remainderNearest',
  'scale',
  'extract',
  'test',
  'examine',
  'constant',
  'free',
  'increment',
  'decrement',
  'initialize',
  'clearExceptions',
  'wait',
  'readStatus',
  'readControl',
  'writeControl',
  'nothing',
  'mmx',
  'emptyMmx',
  'sine',
  'cosine',
  'sineCosine',
  'tangent',
  'arcTangent',
  'exponential',
  'logarithm',
  'logarithmPlus1',
] as const;
export type FpuOperation = (typeof FPU_OPERATIONS)[number];
export const FPU_BASE = 512;
export const fpuOperation = (name: FpuOperation): number => FPU_BASE + FPU_OPERATIONS.indexOf(name);

/** Formats of a memory operand. */
export const FPU_MEMORY = { NONE: 0, F32: 1, F64: 2, F80: 3, I16: 4, I32: 5, I64: 6, BCD: 7 } as const;
export type FpuMemory = (typeof FPU_MEMORY)[keyof typeof FPU_MEMORY];
/** Immediate of an x87 operation: stack positions in bits 2:0 (target) and 6:4 (source), which the decoder fills, and these. */
export const FPU_CONTROL = {
  /** Shift of the memory format. */
  MEMORY: 8,
  /** Shift of the number of pops. */
  POPS: 12,
  /** The operands change places (FSUBR); FIST truncates (FISTTP). */
  REVERSE: 1 << 14,
  /** FCMOV: the condition holds. */
  HOLDS: 1 << 15,
  /** Shift of a constant's number. */
  CONSTANT: 16,
} as const;
