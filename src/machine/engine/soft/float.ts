/**
 * Binary floating point of any precision, exact: values as sign, integer significand and exponent (BigInt), results rounded once. Serves SSE where
 * the processor's own doubles do not (other rounding modes, sticky flags, NaNs, denormals) and x87. IEEE 754; SDM Vol. 1 §4.8, §4.9.
 */

/** Exception flags, as in MXCSR[5:0] and in the x87 status word. */
export const FLAG = { IE: 1, DE: 2, ZE: 4, OE: 8, UE: 16, PE: 32 } as const;
/** Rounding: as in MXCSR.RC and the x87 control word. */
export const ROUND = { NEAREST: 0, DOWN: 1, UP: 2, ZERO: 3 } as const;
export type Rounding = 0 | 1 | 2 | 3;

export type Sign = 0 | 1;
export type Num =
  | { readonly kind: 'zero' | 'infinite'; readonly sign: Sign }
  /** (−1)^sign · sig · 2^exp, sig > 0. */
  | { readonly kind: 'finite'; readonly sign: Sign; readonly sig: bigint; readonly exp: number; readonly denormal: boolean }
  /** `fraction`: the bits behind the leading one, left-aligned in 63 bits; bit 62 = quiet. */
  | { readonly kind: 'nan'; readonly sign: Sign; readonly fraction: bigint; readonly signalling: boolean };

/** A result: exact value `sig · 2^exp`, plus "a bit more" when `sticky`. */
export interface Exact {
  readonly sign: Sign;
  readonly sig: bigint;
  readonly exp: number;
  readonly sticky: boolean;
}

/** An interchange format, or a precision within one. */
export interface Format {
  /** Significant bits, the leading one included. */
  readonly precision: number;
  /** Exponent of the least normal number: 2^minExp. */
  readonly minExp: number;
  /** Exponent of the largest. */
  readonly maxExp: number;
}
export const HALF: Format = { precision: 11, minExp: -14, maxExp: 15 };
export const SINGLE: Format = { precision: 24, minExp: -126, maxExp: 127 };
export const DOUBLE: Format = { precision: 53, minExp: -1022, maxExp: 1023 };
export const EXTENDED: Format = { precision: 64, minExp: -16382, maxExp: 16383 };

const QUIET = 1n << 62n;
export const DEFAULT_NAN: Num = { kind: 'nan', sign: 1, fraction: QUIET, signalling: false };
export const quiet = (n: Num): Num => (n.kind === 'nan' ? { ...n, fraction: n.fraction | QUIET, signalling: false } : n);
export const zero = (sign: Sign): Num => ({ kind: 'zero', sign });
export const infinite = (sign: Sign): Num => ({ kind: 'infinite', sign });

/** Number of significant bits. */
export function bitLength(n: bigint): number {
  let bits = 0;
  let rest = n;
  while (rest >= 1n << 64n) {
    rest >>= 64n;
    bits += 64;
  }
  const high = Number(rest >> 32n);
  return bits + (high !== 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(Number(rest & 0xffff_ffffn)));
}

/** Position of the sign of HALF, SINGLE and DOUBLE. */
const signShift = (f: Format): bigint => BigInt(f.precision - 1 + (32 - Math.clz32(f.maxExp)) + 1);

/** HALF, SINGLE and DOUBLE from their bits. */
export function unpack(bits: bigint, f: Format): Num {
  const width = BigInt(f.precision - 1);
  const top = f.maxExp * 2 + 1;
  const fraction = bits & ((1n << width) - 1n);
  const biased = Number((bits >> width) & BigInt(top));
  const sign = Number((bits >> signShift(f)) & 1n) as Sign;
  if (biased === top) {
    if (fraction === 0n) return infinite(sign);
    const left = fraction << (63n - width);
    return { kind: 'nan', sign, fraction: left, signalling: (left & QUIET) === 0n };
  }
  if (biased === 0) {
    if (fraction === 0n) return zero(sign);
    return { kind: 'finite', sign, sig: fraction, exp: f.minExp - f.precision + 1, denormal: true };
  }
  return { kind: 'finite', sign, sig: fraction | (1n << width), exp: biased - f.maxExp - f.precision + 1, denormal: false };
}

/** HALF, SINGLE and DOUBLE to bits. `n` must fit the format exactly (NaN payloads are cut). */
export function pack(n: Num, f: Format): bigint {
  const width = BigInt(f.precision - 1);
  const top = BigInt(f.maxExp * 2 + 1);
  const sign = BigInt(n.sign) << signShift(f);
  switch (n.kind) {
    case 'zero':
      return sign;
    case 'infinite':
      return sign | (top << width);
    case 'nan':
      return sign | (top << width) | (n.fraction >> (63n - width));
    case 'finite': {
      const e = n.exp + bitLength(n.sig) - 1;
      const lsb = Math.max(e - f.precision + 1, f.minExp - f.precision + 1);
      const sig = n.exp >= lsb ? n.sig << BigInt(n.exp - lsb) : n.sig >> BigInt(lsb - n.exp);
      if (e < f.minExp) return sign | sig;
      return sign | (BigInt(e + f.maxExp) << width) | (sig & ((1n << width) - 1n));
    }
  }
}

export interface Rounded {
  readonly value: Num;
  /** OE, UE, PE. UE means tiny and inexact; `tiny` alone is what an unmasked underflow looks at. */
  readonly flags: number;
  readonly tiny: boolean;
  /** The magnitude was rounded up (x87's C1). */
  readonly up: boolean;
}

function roundsUp(mode: Rounding, sign: Sign, odd: boolean, half: -1 | 0 | 1, inexact: boolean): boolean {
  switch (mode) {
    case ROUND.NEAREST:
      return half > 0 || (half === 0 && odd);
    case ROUND.DOWN:
      return inexact && sign === 1;
    case ROUND.UP:
      return inexact && sign === 0;
    default:
      return false;
  }
}
/** Cuts the significand at the bit of weight 2^lsb. */
function cut(x: Exact, lsb: number, mode: Rounding): { sig: bigint; inexact: boolean; up: boolean } {
  const drop = lsb - x.exp;
  // Sticky with nothing to drop: there must be room below, so that "a bit more" is less than half.
  if (drop <= 0) {
    if (!x.sticky) return { sig: x.sig << BigInt(-drop), inexact: false, up: false };
    return cut({ ...x, sig: (x.sig << BigInt(2 - drop)) | 1n, exp: lsb - 2, sticky: false }, lsb, mode);
  }
  const n = BigInt(drop);
  const kept = x.sig >> n;
  const rest = x.sig & ((1n << n) - 1n);
  const middle = 1n << (n - 1n);
  const inexact = rest !== 0n || x.sticky;
  const half = rest > middle || (rest === middle && x.sticky) ? 1 : rest === middle ? 0 : -1;
  const up = roundsUp(mode, x.sign, (kept & 1n) === 1n, half, inexact);
  return { sig: up ? kept + 1n : kept, inexact, up };
}

/** Rounds to `f`. `sig` > 0. Tininess is detected after rounding, as Intel and AMD do for SSE and x87. */
export function round(x: Exact, f: Format, mode: Rounding): Rounded {
  const e = x.exp + bitLength(x.sig) - 1;
  const free = cut(x, e - f.precision + 1, mode);
  const freeExp = bitLength(free.sig) > f.precision ? e + 1 : e;
  if (freeExp > f.maxExp) {
    const toInfinity = mode === ROUND.NEAREST || (mode === ROUND.UP && x.sign === 0) || (mode === ROUND.DOWN && x.sign === 1);
    const largest = (1n << BigInt(f.precision)) - 1n;
    const value: Num = toInfinity
      ? infinite(x.sign)
      : { kind: 'finite', sign: x.sign, sig: largest, exp: f.maxExp - f.precision + 1, denormal: false };
    return { value, flags: FLAG.OE | FLAG.PE, tiny: false, up: toInfinity };
  }
  const tiny = freeExp < f.minExp;
  const lsb = Math.max(e - f.precision + 1, f.minExp - f.precision + 1);
  const r = tiny || e < f.minExp ? cut(x, lsb, mode) : free;
  const flags = r.inexact ? FLAG.PE | (tiny ? FLAG.UE : 0) : 0;
  if (r.sig === 0n) return { value: zero(x.sign), flags, tiny, up: r.up };
  const denormal = lsb + bitLength(r.sig) - 1 < f.minExp;
  return { value: { kind: 'finite', sign: x.sign, sig: r.sig, exp: lsb, denormal }, flags, tiny, up: r.up };
}

/** Rounds a finite value to an integer (as BigInt with its sign). */
export function toInteger(n: Num & { kind: 'finite' }, mode: Rounding): { value: bigint; inexact: boolean; up: boolean } {
  const r = cut({ sign: n.sign, sig: n.sig, exp: n.exp, sticky: false }, 0, mode);
  return { value: n.sign === 1 ? -r.sig : r.sig, inexact: r.inexact, up: r.up };
}

export const exact = (n: Num & { kind: 'finite' }): Exact => ({ sign: n.sign, sig: n.sig, exp: n.exp, sticky: false });

/** What an operation on non-NaN operands gives: a value that needs no rounding, one that does, or "invalid". */
export type Raw = { readonly done: Num; readonly flags?: number } | { readonly exact: Exact } | 'invalid';

export function addRaw(a: Num, b: Num, mode: Rounding): Raw {
  if (a.kind === 'infinite' || b.kind === 'infinite') {
    if (a.kind === 'infinite' && b.kind === 'infinite') return a.sign === b.sign ? { done: a } : 'invalid';
    return { done: a.kind === 'infinite' ? a : b };
  }
  const nought: Sign = mode === ROUND.DOWN ? 1 : 0;
  if (a.kind === 'zero' && b.kind === 'zero') return { done: zero(a.sign === b.sign ? a.sign : nought) };
  if (a.kind === 'zero') return { exact: exact(b as Num & { kind: 'finite' }) };
  if (b.kind === 'zero') return { exact: exact(a as Num & { kind: 'finite' }) };
  const [x, y] = [a as Num & { kind: 'finite' }, b as Num & { kind: 'finite' }];
  const exp = Math.min(x.exp, y.exp);
  const signed = (n: Num & { kind: 'finite' }): bigint => {
    const s = n.sig << BigInt(n.exp - exp);
    return n.sign === 1 ? -s : s;
  };
  const sum = signed(x) + signed(y);
  if (sum === 0n) return { done: zero(nought) };
  return { exact: { sign: sum < 0n ? 1 : 0, sig: sum < 0n ? -sum : sum, exp, sticky: false } };
}
export const negate = (n: Num): Num => ({ ...n, sign: (n.sign ^ 1) as Sign });

export function mulRaw(a: Num, b: Num): Raw {
  const sign = (a.sign ^ b.sign) as Sign;
  if (a.kind === 'infinite' || b.kind === 'infinite') return a.kind === 'zero' || b.kind === 'zero' ? 'invalid' : { done: infinite(sign) };
  if (a.kind !== 'finite' || b.kind !== 'finite') return { done: zero(sign) };
  return { exact: { sign, sig: a.sig * b.sig, exp: a.exp + b.exp, sticky: false } };
}

/** Quotient bits computed: enough for every format and its rounding. */
const QUOTIENT_BITS = 70;
export function divRaw(a: Num, b: Num): Raw {
  const sign = (a.sign ^ b.sign) as Sign;
  if (a.kind === 'infinite') return b.kind === 'infinite' ? 'invalid' : { done: infinite(sign) };
  if (b.kind === 'infinite') return { done: zero(sign) };
  if (b.kind === 'zero') return a.kind === 'zero' ? 'invalid' : { done: infinite(sign), flags: FLAG.ZE };
  if (a.kind !== 'finite' || b.kind !== 'finite') return { done: zero(sign) };
  const shift = Math.max(0, QUOTIENT_BITS - bitLength(a.sig) + bitLength(b.sig));
  const n = a.sig << BigInt(shift);
  const q = n / b.sig;
  return { exact: { sign, sig: q, exp: a.exp - b.exp - shift, sticky: q * b.sig !== n } };
}

export function isqrt(n: bigint): bigint {
  let x = 1n << BigInt((bitLength(n) + 1) >> 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}
export function sqrtRaw(a: Num): Raw {
  if (a.kind === 'zero') return { done: a };
  if (a.sign === 1) return 'invalid';
  if (a.kind !== 'finite') return { done: a };
  let shift = Math.max(0, 2 * QUOTIENT_BITS - bitLength(a.sig));
  if (((a.exp - shift) & 1) !== 0) shift++;
  const n = a.sig << BigInt(shift);
  const r = isqrt(n);
  return { exact: { sign: 0, sig: r, exp: (a.exp - shift) / 2, sticky: r * r !== n } };
}

/** −1, 0, 1, or undefined when unordered. */
export function compare(a: Num, b: Num): -1 | 0 | 1 | undefined {
  if (a.kind === 'nan' || b.kind === 'nan') return undefined;
  const rank = (n: Num): number => (n.kind === 'zero' ? 0 : (n.kind === 'infinite' ? 2 : 1) * (n.sign === 1 ? -1 : 1));
  if (rank(a) !== rank(b)) return rank(a) < rank(b) ? -1 : 1;
  if (a.kind !== 'finite' || b.kind !== 'finite') return 0;
  const exp = Math.min(a.exp, b.exp);
  const [x, y] = [a.sig << BigInt(a.exp - exp), b.sig << BigInt(b.exp - exp)];
  const order = x < y ? -1 : x > y ? 1 : 0;
  return (a.sign === 1 ? -order : order) as -1 | 0 | 1;
}
