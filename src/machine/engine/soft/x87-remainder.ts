/** FPREM and FPREM1: at most 63 quotient bits at once. SDM Vol. 2A. */
import { bitLength, type Num, type Sign, zero } from './float.ts';

export interface Remainder {
  readonly value: Num;
  /** Low three bits of the quotient. */
  readonly quotient: number;
  /** The reduction is not finished (C2). */
  readonly partial: boolean;
}

/** undefined: invalid. a and b are no NaNs. */
export function partialRemainder(a: Num, b: Num, nearest: boolean): Remainder | undefined {
  if (a.kind === 'infinite' || b.kind === 'zero') return undefined;
  if (a.kind !== 'finite' || b.kind !== 'finite') return { value: a, quotient: 0, partial: false };
  const top = (n: { sig: bigint; exp: number }): number => n.exp + bitLength(n.sig) - 1;
  const distance = top(a) - top(b);
  if (distance < -1 || (distance < 0 && !nearest)) return { value: a, quotient: 0, partial: false };
  const partial = distance >= 64;
  // assumed: an unfinished reduction lowers the exponent by 32 to 63, as the SDM allows.
  const skip = partial ? distance - ((distance & 31) | 32) : 0;
  const exp = Math.min(a.exp, b.exp + skip);
  const x = a.sig << BigInt(a.exp - exp);
  const y = b.sig << BigInt(b.exp + skip - exp);
  let q = x / y;
  let rest = x - q * y;
  let sign: Sign = a.sign;
  if (nearest && !partial && (rest * 2n > y || (rest * 2n === y && (q & 1n) === 1n))) {
    q++;
    rest = y - rest;
    sign = (sign ^ 1) as Sign;
  }
  const value: Num = rest === 0n ? zero(a.sign) : { kind: 'finite', sign, sig: rest, exp, denormal: false };
  return { value, quotient: partial ? 0 : Number(q & 7n), partial };
}
