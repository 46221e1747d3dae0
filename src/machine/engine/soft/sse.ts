/**
 * SSE floating point in TypeScript: exact in every MXCSR state. Generated code comes here when its fast path cannot tell (NaNs, denormals, sticky
 * flags to be found, another rounding mode, unmasked exceptions). SDM Vol. 1 §11.5, Vol. 2.
 */
import { VECTOR } from '#arch/registers.ts';
import { REG, REGS, SOFT } from '../layout.ts';
import {
  addRaw,
  compare,
  DEFAULT_NAN,
  divRaw,
  DOUBLE,
  exact,
  FLAG,
  type Format,
  HALF,
  mulRaw,
  negate,
  type Num,
  pack,
  quiet,
  type Raw,
  round,
  type Rounded,
  type Rounding,
  SINGLE,
  sqrtRaw,
  toInteger,
  unpack,
  zero,
} from './float.ts';
import { FUSED, SOFT_KIND, SOFT_LATER, SOFT_SETTLE, SOFT_STRING, type SoftKind } from './operations.ts';
import { compareStrings } from './strings.ts';

const PRE = FLAG.IE | FLAG.DE | FLAG.ZE;
const MXCSR = REGS + REG.MXCSR;

/** One lane's result as bits of the target format. `c` counts only where an operation has three operands. */
type Lane = (a: bigint, b: bigint, index: number, c?: bigint) => bigint;

/** MXCSR's controls and the flags that an instruction's lanes raise. */
class Environment {
  flags = 0;
  readonly rounding: Rounding;
  readonly denormalsAreZero: boolean;
  private readonly flushToZero: boolean;
  private readonly masks: number;

  constructor(mxcsr: number) {
    this.rounding = ((mxcsr >> 13) & 3) as Rounding;
    this.masks = (mxcsr >> 7) & 63;
    this.denormalsAreZero = (mxcsr & 0x40) !== 0;
    this.flushToZero = (mxcsr & 0x8000) !== 0 && (this.masks & FLAG.UE) !== 0;
  }
  /** An operand: denormals as DAZ wants them. */
  read(bits: bigint, f: Format): Num {
    const n = unpack(bits, f);
    return this.denormalsAreZero && n.kind === 'finite' && n.denormal ? zero(n.sign) : n;
  }
  raise(flags: number): void {
    this.flags |= flags;
  }
  denormals(...ns: Num[]): void {
    if (ns.some((n) => n.kind === 'finite' && n.denormal)) this.flags |= FLAG.DE;
  }
  /** The first NaN, quiet; undefined when there is none. */
  nan(...operands: Num[]): Num | undefined {
    if (operands.some((n) => n.kind === 'nan' && n.signalling)) this.flags |= FLAG.IE;
    const first = operands.find((n) => n.kind === 'nan');
    return first === undefined ? undefined : quiet(first);
  }
  invalid(): Num {
    this.flags |= FLAG.IE;
    return DEFAULT_NAN;
  }
  /** Rounds a raw result to bits. Denormal operands are flagged unless something of higher priority is. */
  finish(raw: Raw, f: Format, ...operands: Num[]): Num {
    if (raw === 'invalid') return this.invalid();
    if ('done' in raw) {
      this.flags |= raw.flags ?? 0;
      if (raw.flags === undefined) this.denormals(...operands);
      return raw.done;
    }
    this.denormals(...operands);
    const r = round(raw.exact, f, this.rounding);
    if (r.tiny && this.flushToZero) {
      this.flags |= FLAG.UE | FLAG.PE;
      return zero(raw.exact.sign);
    }
    return this.rounded(r);
  }
  private rounded(r: Rounded): Num {
    this.flags |= r.flags;
    if (r.tiny && (this.masks & FLAG.UE) === 0) this.flags |= FLAG.UE;
    return r.value;
  }
  /** Rounds by a mode of the instruction's own, and keeps tiny results. */
  unflushed(n: Num & { kind: 'finite' }, f: Format, mode: Rounding): Num {
    this.denormals(n);
    return this.rounded(round(exact(n), f, mode));
  }
  /** What goes into MXCSR, and whether #XM is raised. Pre-computation exceptions hide the others. */
  outcome(): { flags: number; fault: boolean } {
    const unmasked = this.flags & ~this.masks;
    if ((unmasked & PRE) !== 0) return { flags: this.flags & PRE, fault: true };
    return { flags: this.flags, fault: unmasked !== 0 };
  }
}

function arithmetic(e: Environment, kind: SoftKind, f: Format): Lane {
  const raw = (a: Num, b: Num): Raw => {
    switch (kind) {
      case SOFT_KIND.ADD:
        return addRaw(a, b, e.rounding);
      case SOFT_KIND.SUB:
        return addRaw(a, negate(b), e.rounding);
      case SOFT_KIND.MUL:
        return mulRaw(a, b);
      default:
        return divRaw(a, b);
    }
  };
  return (x, y) => {
    const [a, b] = [e.read(x, f), e.read(y, f)];
    return pack(e.nan(a, b) ?? e.finish(raw(a, b), f, a, b), f);
  };
}
function addSubtract(e: Environment, f: Format): Lane {
  const [even, odd] = [arithmetic(e, SOFT_KIND.SUB, f), arithmetic(e, SOFT_KIND.ADD, f)];
  return (a, b, i) => ((i & 1) === 0 ? even : odd)(a, b, i);
}
/** DPPS, DPPD: products of the lanes that imm[7:4] names, summed in pairs, to the lanes of imm[3:0]. */
function dotProduct(e: Environment, f: Format, imm: number, a: readonly bigint[], b: readonly bigint[]): bigint[] {
  const [multiply, sum] = [arithmetic(e, SOFT_KIND.MUL, f), arithmetic(e, SOFT_KIND.ADD, f)];
  const products = a.map((x, i) => ((imm >> (4 + i)) & 1 ? multiply(x, b[i] as bigint, i) : 0n));
  const pairs: bigint[] = [];
  for (let i = 0; i < products.length; i += 2) pairs.push(sum(products[i] as bigint, products[i + 1] as bigint, i));
  const total = pairs.length === 1 ? (pairs[0] as bigint) : sum(pairs[0] as bigint, pairs[1] as bigint, 0);
  return a.map((_, i) => ((imm >> i) & 1 ? total : 0n));
}
function squareRoot(e: Environment, f: Format): Lane {
  return (_, y) => {
    const b = e.read(y, f);
    return pack(e.nan(b, b) ?? e.finish(sqrtRaw(b), f, b), f);
  };
}
/** MIN and MAX give the second operand when either is a NaN or both are zero. */
function extreme(e: Environment, kind: SoftKind, f: Format): Lane {
  const wanted = kind === SOFT_KIND.MIN ? -1 : 1;
  return (x, y) => {
    const [a, b] = [e.read(x, f), e.read(y, f)];
    const order = compare(a, b);
    if (order === undefined) e.raise(FLAG.IE);
    else e.denormals(a, b);
    const chosen = order === wanted ? a : b;
    return chosen.kind === 'nan' ? y : pack(chosen, f);
  };
}
/** Flags of a comparison: quiet NaNs are invalid for the ordering ones. */
function ordered(e: Environment, a: Num, b: Num, quietIsInvalid: boolean): -1 | 0 | 1 | undefined {
  const order = compare(a, b);
  const signalling = (a.kind === 'nan' && a.signalling) || (b.kind === 'nan' && b.signalling);
  if (order === undefined) e.raise(signalling || quietIsInvalid ? FLAG.IE : 0);
  else e.denormals(a, b);
  return order;
}
/**
 * imm[2:0]: equal, less, less or equal, unordered, and their opposites; imm[3] turns the answer for unordered operands round, imm[4] whether quiet
 * NaNs are invalid. SDM Vol. 2A, CMPPD, table 3-1.
 */
function predicate(e: Environment, f: Format, imm: number): Lane {
  const p = imm & 3;
  const turned = (imm & 8) !== 0;
  const quietIsInvalid = (p === 1 || p === 2) !== ((imm & 16) !== 0);
  return (x, y) => {
    const order = ordered(e, e.read(x, f), e.read(y, f), quietIsInvalid);
    const holds = [order === 0, order === -1, order === 0 || order === -1, order === undefined][p] as boolean;
    return (holds !== ((imm & 4) !== 0)) !== (turned && order === undefined) ? -1n : 0n;
  };
}
/** VFMADD and its kin: SDM Vol. 1 §14.5. The product is exact, the sum rounded once. */
function fused(e: Environment, f: Format, imm: number): Lane {
  return (x, y, i, z = 0n) => {
    const [a, b, c] = [e.read(x, f), e.read(y, f), e.read(z, f)];
    const special = e.nan(a, b, c);
    if (special !== undefined) return pack(special, f);
    const product = mulRaw((imm & FUSED.NEGATE_PRODUCT) !== 0 ? negate(a) : a, b);
    if (product === 'invalid') return pack(e.invalid(), f);
    const p: Num = 'done' in product ? product.done : { kind: 'finite', denormal: false, ...product.exact };
    const minus = (imm & ((i & 1) !== 0 ? FUSED.NEGATE_ODD : FUSED.NEGATE_EVEN)) !== 0;
    return pack(e.finish(addRaw(p, minus ? negate(c) : c, e.rounding), f, a, b, c), f);
  };
}
/** VCVTPH2PS: exact; denormals are neither zeros nor flagged, whatever MXCSR says. */
function fromHalf(e: Environment): Lane {
  return (_, y) => {
    const n = unpack(y, HALF);
    return pack(e.nan(n) ?? n, SINGLE);
  };
}
/** VCVTPS2PH: FTZ does not count. */
function toHalf(e: Environment, imm: number): Lane {
  const mode = (imm & 4) !== 0 ? e.rounding : ((imm & 3) as Rounding);
  return (_, y) => {
    const n = e.read(y, SINGLE);
    const special = e.nan(n);
    if (special !== undefined || n.kind !== 'finite') return pack(special ?? n, HALF);
    return pack(e.unflushed(n, HALF, mode), HALF);
  };
}
function comparison(e: Environment, f: Format, quietIsInvalid: boolean): Lane {
  return (x, y) => {
    const order = ordered(e, e.read(x, f), e.read(y, f), quietIsInvalid);
    return order === undefined ? 3n : order === 0 ? 2n : order === -1 ? 1n : 0n;
  };
}
/** Out of range and NaN: the integer indefinite, invalid. Denormals raise nothing but PE. */
function toInt(e: Environment, f: Format, bits: 32 | 64, mode: Rounding): Lane {
  const indefinite = 1n << BigInt(bits - 1);
  return (_, y) => {
    const n = e.read(y, f);
    if (n.kind === 'zero') return 0n;
    if (n.kind !== 'finite') {
      e.raise(FLAG.IE);
      return indefinite;
    }
    const r = toInteger(n, mode);
    if (BigInt.asIntN(bits, r.value) !== r.value) {
      e.raise(FLAG.IE);
      return indefinite;
    }
    if (r.inexact) e.raise(FLAG.PE);
    return BigInt.asUintN(bits, r.value);
  };
}
function convertFloat(e: Environment, from: Format, to: Format): Lane {
  return (_, y) => {
    const n = e.read(y, from);
    const value = e.nan(n, n) ?? (n.kind === 'finite' ? e.finish({ exact: exact(n) }, to, n) : n);
    return pack(value, to);
  };
}
function fromInt(e: Environment, f: Format, bits: 32 | 64): Lane {
  return (_, y) => {
    const i = BigInt.asIntN(bits, y);
    if (i === 0n) return 0n;
    return pack(e.finish({ exact: { sign: i < 0n ? 1 : 0, sig: i < 0n ? -i : i, exp: 0, sticky: false } }, f), f);
  };
}
function integral(e: Environment, f: Format, imm: number): Lane {
  const mode = (imm & 4) !== 0 ? e.rounding : ((imm & 3) as Rounding);
  return (_, y) => {
    const n = e.read(y, f);
    const special = e.nan(n, n);
    if (special !== undefined) return pack(special, f);
    if (n.kind !== 'finite') return pack(n, f);
    const r = toInteger(n, mode);
    if (r.inexact && (imm & 8) === 0) e.raise(FLAG.PE);
    if (r.value === 0n) return pack(zero(n.sign), f);
    return pack({ kind: 'finite', sign: n.sign, sig: r.value < 0n ? -r.value : r.value, exp: 0, denormal: false }, f);
  };
}

function laneOperation(e: Environment, kind: SoftKind, f: Format, other: Format, packed: boolean, imm: number): Lane {
  switch (kind) {
    case SOFT_KIND.SQRT:
      return squareRoot(e, f);
    case SOFT_KIND.MIN:
    case SOFT_KIND.MAX:
      return extreme(e, kind, f);
    case SOFT_KIND.COMPARE:
      return predicate(e, f, imm);
    case SOFT_KIND.COMI:
    case SOFT_KIND.UCOMI:
      return comparison(e, f, kind === SOFT_KIND.COMI);
    case SOFT_KIND.TO_INT32:
    case SOFT_KIND.TO_INT64:
      return toInt(e, f, kind === SOFT_KIND.TO_INT32 ? 32 : 64, (imm & 1) !== 0 ? 3 : e.rounding);
    case SOFT_KIND.CONVERT:
      return convertFloat(e, f, other);
    case SOFT_KIND.FROM_INT:
      return fromInt(e, f, packed ? 32 : 64);
    case SOFT_KIND.ROUND:
      return integral(e, f, imm);
    case SOFT_KIND.ADDSUB:
      return addSubtract(e, f);
    case SOFT_KIND.FUSED:
      return fused(e, f, imm);
    case SOFT_KIND.FROM_HALF:
      return fromHalf(e);
    case SOFT_KIND.TO_HALF:
      return toHalf(e, imm);
    default:
      return arithmetic(e, kind, f);
  }
}

type LaneBytes = 2 | 4 | 8;
/** Bytes of a lane in and out: [source, target]. */
function widths(kind: SoftKind, isDouble: boolean, packed: boolean): readonly [LaneBytes, LaneBytes] {
  const w = isDouble ? 8 : 4;
  switch (kind) {
    case SOFT_KIND.TO_INT32:
      return [w, packed ? 4 : 8];
    case SOFT_KIND.COMI:
    case SOFT_KIND.UCOMI:
    case SOFT_KIND.TO_INT64:
      return [w, 8];
    case SOFT_KIND.CONVERT:
      return [w, isDouble ? 4 : 8];
    case SOFT_KIND.FROM_INT:
      return [packed ? 4 : 8, w];
    case SOFT_KIND.FROM_HALF:
      return [2, 4];
    case SOFT_KIND.TO_HALF:
      return [4, 2];
    default:
      return [w, w];
  }
}

/** The function that generated code imports: operands and result in SOFT, MXCSR in the register file; returns 0 or the vector #XM. */
export function softSse(view: DataView): (operation: number, imm: number) => number {
  const get = (at: number, w: LaneBytes): bigint =>
    w === 8 ? view.getBigUint64(at, true) : BigInt(w === 4 ? view.getUint32(at, true) : view.getUint16(at, true));
  const set = (at: number, w: LaneBytes, v: bigint): void => {
    if (w === 8) view.setBigUint64(at, v, true);
    else if (w === 4) view.setUint32(at, Number(BigInt.asUintN(32, v)), true);
    else view.setUint16(at, Number(BigInt.asUintN(16, v)), true);
  };
  /** Flags of SOFT_LATER operations. */
  let kept = 0;
  const settle = (e: Environment): number => {
    const { flags, fault } = e.outcome();
    view.setUint32(MXCSR, view.getUint32(MXCSR, true) | flags, true);
    return fault ? VECTOR.XM : 0;
  };
  return (number, imm) => {
    const operation = number & ~SOFT_LATER;
    if (operation === SOFT_SETTLE) {
      const e = new Environment(view.getUint32(MXCSR, true));
      e.raise(kept);
      kept = 0;
      return settle(e);
    }
    if (operation >= SOFT_STRING.INDEX) {
      compareStrings(view, operation === SOFT_STRING.MASK, imm);
      return 0;
    }
    const kind = (operation >> 2) as SoftKind;
    const [packed, isDouble] = [(operation & 2) !== 0, (operation & 1) !== 0];
    const [f, other] = isDouble ? [DOUBLE, SINGLE] : [SINGLE, DOUBLE];
    const e = new Environment(view.getUint32(MXCSR, true));
    const [from, to] = widths(kind, isDouble, packed);
    const lane = laneOperation(e, kind, f, other, packed, imm);
    const lanes = packed ? 16 / Math.max(from, to) : 1;
    // Scalars keep the rest of the first operand; packed results fill the register, narrower ones its low half.
    for (const half of [0, 8]) set(SOFT.RESULT + half, 8, packed ? 0n : get(SOFT.A + half, 8));
    const operands = (at: number): bigint[] => Array.from({ length: lanes }, (_, i) => get(at + i * from, from));
    const [a, b] = [operands(SOFT.A), operands(SOFT.B)];
    const c = kind === SOFT_KIND.FUSED ? operands(SOFT.C) : a;
    const results = kind === SOFT_KIND.DOT ? dotProduct(e, f, imm, a, b) : a.map((x, i) => lane(x, b[i] as bigint, i, c[i] as bigint));
    for (const [i, r] of results.entries()) set(SOFT.RESULT + i * to, to, r);
    if ((number & SOFT_LATER) === 0) return settle(e);
    kept |= e.flags;
    return 0;
  };
}
