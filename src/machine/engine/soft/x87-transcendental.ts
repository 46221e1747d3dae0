/**
 * F2XM1, FYL2X, FYL2XP1, FPATAN, FSIN, FCOS, FPTAN: results rounded correctly, from fixed-point series with far more bits than 64. SDM Vol. 1 §8.3.8
 * bounds the error (1 ulp), processors differ within it. Arguments of the trigonometric ones are reduced with the processor's 66-bit π, as §8.3.8 says.
 */
import { bitLength, exact, type Exact, FLAG, infinite, isqrt, mulRaw, type Num, type Raw, type Sign, zero } from './float.ts';

type Finite = Num & { kind: 'finite' };
/** Fraction bits of fixed-point values. */
const P = 448;
const ONE = 1n << BigInt(P);
/** Below 2^−TINY the first term of a series decides. */
const TINY = 140;

const top = (n: Finite): number => n.exp + bitLength(n.sig) - 1;
const fixed = (n: { sig: bigint; exp: number }): bigint => (n.exp + P >= 0 ? n.sig << BigInt(n.exp + P) : n.sig >> BigInt(-n.exp - P));
const mul = (a: bigint, b: bigint): bigint => (a * b) >> BigInt(P);
const div = (a: bigint, b: bigint): bigint => (a << BigInt(P)) / b;
const rounded = (sign: Sign, v: bigint): Raw => ({ exact: { sign, sig: v, exp: -P, sticky: true } });
/** Just below or just above the exact x. */
function nearly(x: Exact, above: boolean): Raw {
  const sig = x.sig << 200n;
  return { exact: { ...x, sig: above ? sig : sig - 1n, exp: x.exp - 200, sticky: true } };
}

/** Sum of terms t, t·f(1), …, until they vanish; `next` gives the following term. */
function series(first: bigint, next: (term: bigint, k: bigint) => bigint, weigh: (term: bigint, k: bigint) => bigint): bigint {
  let sum = 0n;
  let term = first;
  // A negative term shifted right ends at −1, not at 0.
  for (let k = 0n; term > 1n || term < -1n; k++) {
    sum += weigh(term, k);
    term = next(term, k);
  }
  return sum;
}
const atanh = (z: bigint): bigint => {
  const zz = mul(z, z);
  return series(
    z,
    (t) => mul(t, zz),
    (t, k) => t / (2n * k + 1n),
  );
};
/** 0 ≤ r ≤ 1: the argument is halved four times. */
function atan(r: bigint): bigint {
  let x = r;
  for (let i = 0; i < 4; i++) x = div(x, ONE + isqrt((ONE + mul(x, x)) << BigInt(P)));
  const xx = mul(x, x);
  const sum = series(
    x,
    (t) => mul(t, xx),
    (t, k) => ((k & 1n) === 0n ? t : -t) / (2n * k + 1n),
  );
  return sum << 4n;
}

interface Constants {
  readonly pi: bigint;
  readonly ln2: bigint;
}
let cached: Constants | undefined;
function constants(): Constants {
  cached ??= { pi: atan(ONE) << 2n, ln2: 2n * atanh(ONE / 3n) };
  return cached;
}
/** π as the processor reduces with it: 66 bits, 2^64 times. */
const PI66 = 0x3_243f_6a88_85a3_08d3n;

/** sin and cos of a reduced argument (fixed point, |r| < 1). */
const sine = (r: bigint): bigint => {
  const rr = mul(r, r);
  return series(
    r,
    (t, k) => mul(t, rr) / ((2n * k + 2n) * (2n * k + 3n)),
    (t, k) => ((k & 1n) === 0n ? t : -t),
  );
};
const cosine = (r: bigint): bigint => {
  const rr = mul(r, r);
  return series(
    ONE,
    (t, k) => mul(t, rr) / ((2n * k + 1n) * (2n * k + 2n)),
    (t, k) => ((k & 1n) === 0n ? t : -t),
  );
};

/** |x| ≥ 2^63: the instruction does nothing but set C2. */
export const outOfRange = (n: Num): boolean => n.kind === 'finite' && top(n) >= 63;

/** x = quadrant · π/2 + r; r fixed, exact but for bits below 2^−P. */
function reduce(x: Finite): { quadrant: number; r: bigint } {
  const signed = x.sign === 1 ? -x.sig : x.sig;
  if (top(x) < -1) return { quadrant: 0, r: x.sign === 1 ? -fixed(x) : fixed(x) };
  // In units of 2^−s, s large enough for x and for π/2 = PI66 · 2^−65.
  const s = Math.max(65, -x.exp);
  const value = signed << BigInt(s + x.exp);
  const half = PI66 << BigInt(s - 65);
  const twice = 2n * value + half;
  let n = twice / (2n * half);
  if (twice < 0n && n * 2n * half !== twice) n--;
  return { quadrant: Number(n & 3n), r: (value - n * half) << BigInt(P - s) };
}
const signedResult = (v: bigint): Raw => rounded(v < 0n ? 1 : 0, v < 0n ? -v : v);

export function sin(x: Num): Raw {
  if (x.kind === 'infinite') return 'invalid';
  if (x.kind !== 'finite') return { done: x };
  if (top(x) < -TINY) return nearly(exact(x), false);
  const { quadrant, r } = reduce(x);
  const v = (quadrant & 1) === 0 ? sine(r) : cosine(r);
  return signedResult(quadrant < 2 ? v : -v);
}
export function cos(x: Num): Raw {
  if (x.kind === 'infinite') return 'invalid';
  if (x.kind !== 'finite') return { exact: { sign: 0, sig: 1n, exp: 0, sticky: false } };
  if (top(x) < -TINY) return nearly({ sign: 0, sig: 1n, exp: 0, sticky: false }, false);
  const { quadrant, r } = reduce(x);
  const v = (quadrant & 1) === 0 ? cosine(r) : sine(r);
  return signedResult(quadrant === 0 || quadrant === 3 ? v : -v);
}
export function tan(x: Num): Raw {
  if (x.kind === 'infinite') return 'invalid';
  if (x.kind !== 'finite') return { done: x };
  if (top(x) < -TINY) return nearly(exact(x), true);
  const { quadrant, r } = reduce(x);
  const [s, c] = [sine(r), cosine(r)];
  return signedResult((quadrant & 1) === 0 ? div(s, c) : -div(c, s));
}

/** FPATAN: the angle of (x, y). */
export function atan2(y: Num, x: Num): Raw {
  const { pi } = constants();
  const multiple = (eighths: bigint): Raw => rounded(y.sign, (pi * eighths) >> 3n);
  if (y.kind === 'infinite') return x.kind === 'infinite' ? multiple(x.sign === 0 ? 2n : 6n) : multiple(4n);
  if (x.kind === 'infinite' || y.kind === 'zero') {
    if (y.kind === 'zero' && x.kind === 'zero') return x.sign === 0 ? { done: y } : multiple(8n);
    return x.sign === 0 ? { done: zero(y.sign) } : multiple(8n);
  }
  if (x.kind !== 'finite' || y.kind !== 'finite') return multiple(4n);
  const distance = top(y) - top(x);
  if (distance < -TINY && x.sign === 0) return nearly(quotient(y, x), false);
  // Beyond this the angle is a right (or straight) one less a bit.
  const far = 300;
  if (distance > far) return rounded(y.sign, (pi >> 1n) - (x.sign === 0 ? 1n : -1n));
  if (distance < -far) return rounded(y.sign, pi - 1n);
  const exp = Math.min(x.exp, y.exp);
  const [a, b] = [x.sig << BigInt(x.exp - exp), y.sig << BigInt(y.exp - exp)];
  let angle = b <= a ? atan(div(b, a)) : (pi >> 1n) - atan(div(a, b));
  if (x.sign === 1) angle = pi - angle;
  return rounded(y.sign, angle);
}
function quotient(y: Finite, x: Finite): Exact {
  const shift = Math.max(0, 200 - bitLength(y.sig) + bitLength(x.sig));
  const n = y.sig << BigInt(shift);
  return { sign: y.sign, sig: n / x.sig, exp: y.exp - x.exp - shift, sticky: n % x.sig !== 0n };
}

/** 2^x − 1 for −1 ≤ x ≤ 1; what lies outside is undefined and gives x. */
export function exp2Minus1(x: Num): Raw {
  if (x.kind === 'infinite') return x.sign === 0 ? { done: x } : { exact: { sign: 1, sig: 1n, exp: 0, sticky: false } };
  if (x.kind !== 'finite') return { done: x };
  const magnitude = x.sig === 1n << BigInt(bitLength(x.sig) - 1) && top(x) === 0;
  if (magnitude) return { exact: { sign: x.sign, sig: 1n, exp: x.sign === 0 ? 0 : -1, sticky: false } };
  if (top(x) >= 0) return { done: x };
  const { ln2 } = constants();
  if (top(x) < -TINY) return nearly({ sign: x.sign, sig: x.sig * ln2, exp: x.exp - P, sticky: true }, x.sign === 0);
  const t = mul(x.sign === 1 ? -fixed(x) : fixed(x), ln2);
  const v = series(
    t,
    (term, k) => mul(term, t) / (k + 2n),
    (term) => term,
  );
  return signedResult(v);
}

const scaledBy = (v: bigint, y: Finite): Raw => {
  const sign = ((v < 0n ? 1 : 0) ^ y.sign) as Sign;
  return { exact: { sign, sig: (v < 0n ? -v : v) * y.sig, exp: y.exp - P, sticky: true } };
};
/** log2 of m ∈ (½, 2), by 2 · atanh((m − 1) / (m + 1)). */
const log2Near1 = (m: bigint): bigint => div(2n * atanh(div(m - ONE, m + ONE)), constants().ln2);

/** y · log2(x). */
export function yLog2(x: Num, y: Num): Raw {
  if (x.kind === 'zero') {
    if (y.kind === 'zero') return 'invalid';
    const done = infinite((y.sign ^ 1) as Sign);
    return y.kind === 'infinite' ? { done } : { done, flags: FLAG.ZE };
  }
  if (x.sign === 1) return 'invalid';
  if (x.kind !== 'finite') return y.kind === 'zero' ? 'invalid' : { done: infinite(y.sign) };
  const e = top(x);
  if (x.sig === 1n << BigInt(bitLength(x.sig) - 1)) {
    const log: Num = e === 0 ? zero(0) : { kind: 'finite', sign: e < 0 ? 1 : 0, sig: BigInt(Math.abs(e)), exp: 0, denormal: false };
    return mulRaw(y, log);
  }
  const below = e < 0;
  if (y.kind !== 'finite') return { done: { ...y, sign: (y.sign ^ (below ? 1 : 0)) as Sign } };
  // m ∈ [√½, √2): the upper half of [1, 2) belongs to the next exponent.
  let m = fixed({ sig: x.sig, exp: x.exp - e });
  let whole = BigInt(e);
  if (mul(m, m) > 2n * ONE) {
    m >>= 1n;
    whole++;
  }
  return scaledBy(whole * ONE + log2Near1(m), y);
}
/** y · log2(x + 1); defined for |x| < 1 − √½. */
export function yLog2Plus1(x: Num, y: Num): Raw {
  const sign = (x.sign ^ y.sign) as Sign;
  if (x.kind === 'zero') return y.kind === 'infinite' ? 'invalid' : { done: zero(sign) };
  if (x.kind !== 'finite') return x.sign === 1 || y.kind === 'zero' ? 'invalid' : { done: infinite(y.sign) };
  if (x.sign === 1 && top(x) >= 0) return 'invalid';
  if (y.kind !== 'finite') return { done: y.kind === 'zero' ? zero(sign) : infinite(sign) };
  if (top(x) < -TINY) {
    const logE = div(ONE, constants().ln2);
    return nearly({ sign, sig: x.sig * logE * y.sig, exp: x.exp + y.exp - P, sticky: true }, x.sign === 1);
  }
  if (top(x) >= 0) return yLog2(plus1(x), y);
  return scaledBy(log2Near1(ONE + (x.sign === 1 ? -fixed(x) : fixed(x))), y);
}
function plus1(x: Finite): Num {
  const exp = Math.min(x.exp, 0);
  return { kind: 'finite', sign: 0, sig: (x.sig << BigInt(x.exp - exp)) + (1n << BigInt(-exp)), exp, denormal: false };
}
