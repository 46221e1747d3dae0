/** Deterministic damage to bytes, for tests of readers: the same seed gives the same file. */
import { Rng } from './rng.ts';

/** Values that sizes and counts are hurt by most. */
const NASTY = [0, 1, 7, 8, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** A damaged copy: bytes changed, words set to nasty values, pieces cut out, repeated or zeroed, the end cut off. */
export function mutate(bytes: Uint8Array, seed: number): Uint8Array {
  const rng = new Rng(seed);
  const random = (): number => rng.next();
  const below = (n: number): number => (n <= 0 ? 0 : random() % n);
  let out = bytes.slice();
  const rounds = 1 + below(4);
  for (let i = 0; i < rounds && out.byteLength > 0; i++) {
    // headers are hit as often as everything else together
    const at = below(2) === 0 ? below(Math.min(out.byteLength, 1024)) : below(out.byteLength);
    switch (below(7)) {
      case 0:
        out[at] = random() & 0xff;
        break;
      case 1:
        out[at] = (out[at] ?? 0) ^ (1 << below(8));
        break;
      case 2: {
        const value = NASTY[below(NASTY.length)] as number;
        for (let k = 0; k < 4 && at + k < out.byteLength; k++) out[at + k] = (value >>> (8 * k)) & 0xff;
        break;
      }
      case 3:
        out.fill(below(2) === 0 ? 0 : 0xff, at, Math.min(out.byteLength, at + 1 + below(64)));
        break;
      case 4:
        out = out.slice(0, at);
        break;
      case 5: {
        const end = Math.min(out.byteLength, at + 1 + below(256));
        const next = new Uint8Array(out.byteLength - (end - at));
        next.set(out.subarray(0, at));
        next.set(out.subarray(end), at);
        out = next;
        break;
      }
      default: {
        const end = Math.min(out.byteLength, at + 1 + below(256));
        const next = new Uint8Array(out.byteLength + (end - at));
        next.set(out.subarray(0, end));
        next.set(out.subarray(at), end);
        out = next;
      }
    }
  }
  return out;
}
