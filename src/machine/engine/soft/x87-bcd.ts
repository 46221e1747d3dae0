/** Packed decimals: 18 digits in nine bytes, the sign in the tenth. SDM Vol. 1 §4.7. */
import { type Num, type Sign, zero } from './float.ts';

export function fromBcd(low: bigint, high: number): Num {
  const sign = (high >> 15) as Sign;
  const bytes = low | (BigInt(high & 0xff) << 64n);
  let value = 0n;
  for (let i = 17n; i >= 0n; i--) value = value * 10n + ((bytes >> (4n * i)) & 15n);
  return value === 0n ? zero(sign) : { kind: 'finite', sign, sig: value, exp: 0, denormal: false };
}
/** |value| < 10^18. */
export function toBcd(value: bigint, sign: Sign): { low: bigint; high: number } {
  let rest = value < 0n ? -value : value;
  let bytes = 0n;
  for (let i = 0n; i < 18n; i++) {
    bytes |= (rest % 10n) << (4n * i);
    rest /= 10n;
  }
  return { low: BigInt.asUintN(64, bytes), high: Number(bytes >> 64n) | (sign << 15) };
}
