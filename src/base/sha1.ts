/** SHA-1 (FIPS 180-4 §6.1), for build ids: what `ld --build-id=sha1` would write. Not for anything that must be safe. */

const rotate = (x: number, n: number): number => (x << n) | (x >>> (32 - n));

export function sha1(message: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(message.length) * 8n);
  const h = Uint32Array.of(0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0);
  const w = new Int32Array(80);
  for (let at = 0; at < padded.length; at += 64) {
    for (let t = 0; t < 16; t++) w[t] = view.getInt32(at + 4 * t);
    for (let t = 16; t < 80; t++) w[t] = rotate(word(w, t - 3) ^ word(w, t - 8) ^ word(w, t - 14) ^ word(w, t - 16), 1);
    let [a, b, c, d, e] = h as unknown as [number, number, number, number, number];
    for (let t = 0; t < 80; t++) {
      const [f, k] =
        t < 20
          ? [(b & c) | (~b & d), 0x5a82_7999]
          : t < 40
            ? [b ^ c ^ d, 0x6ed9_eba1]
            : t < 60
              ? [(b & c) | (b & d) | (c & d), 0x8f1b_bcdc]
              : [b ^ c ^ d, 0xca62_c1d6];
      const next = (rotate(a, 5) + f + e + k + word(w, t)) | 0;
      [e, d, c, b, a] = [d, c, rotate(b, 30), a, next];
    }
    for (const [i, v] of [a, b, c, d, e].entries()) h[i] = (h[i] as number) + v;
  }
  const out = new DataView(new ArrayBuffer(20));
  for (const [i, v] of h.entries()) out.setUint32(4 * i, v);
  return new Uint8Array(out.buffer);
}

const word = (w: Int32Array, t: number): number => w[t] as number;
