/** The file that the probe (src/probe.c) reads, and the records that it writes. */

export interface Piece {
  /** Comes back in its record. */
  readonly index: number;
  readonly code: Uint8Array;
  /** Where the code lies and starts. */
  readonly entry: number;
  /** Memory to map, [address, bytes]; all of it readable, writable, executable. */
  readonly ranges: readonly (readonly [bigint, bigint])[];
  readonly data: readonly (readonly [bigint, Uint8Array])[];
}

const round8 = (n: number): number => (n + 7) & ~7;

export function pack(pieces: readonly Piece[]): Buffer {
  return Buffer.concat(
    pieces.map((p) => {
      const head = 48 + (p.ranges.length + p.data.length) * 16;
      const bytes = head + p.data.reduce((n, [, b]) => n + round8(b.length), 0) + round8(p.code.length);
      const out = Buffer.alloc(bytes);
      const words = [bytes, p.index, p.entry, p.code.length, p.ranges.length, p.data.length];
      for (const [i, w] of words.entries()) out.writeBigUInt64LE(BigInt(w), i * 8);
      let at = 48;
      for (const [address, size] of [...p.ranges, ...p.data.map(([a, b]) => [a, BigInt(b.length)] as const)]) {
        out.writeBigUInt64LE(address, at);
        out.writeBigUInt64LE(size, at + 8);
        at += 16;
      }
      for (const b of [...p.data.map(([, d]) => d), p.code]) {
        out.set(b, at);
        at += round8(b.length);
      }
      return out;
    }),
  );
}

/** What a piece left: registers by name (XMM and MM as low and high halves, YMM's upper two behind them), or why there are none. */
export interface Ended {
  /** The signal that ended it; 11 with `halted` is the regular end. */
  readonly signal: number;
  readonly halted: boolean;
  readonly registers: ReadonlyMap<string, readonly bigint[]>;
  readonly flags: bigint;
  /** wait4's status when it left nothing. */
  readonly status: number;
}

const MAGIC = 0x70726f62;
const GENERAL = 'R8 R9 R10 R11 R12 R13 R14 R15 RDI RSI RBP RBX RDX RAX RCX RSP RIP'.split(' ');
/** {magic, index, signal, status}, struct mcontext, the FXSAVE image, the upper halves of YMM0-15. */
const MCONTEXT = 16;
const FX = MCONTEXT + 256;
const YMMH = FX + 512;
const RECORD_BYTES = YMMH + 256;
const EXCEPTION_GP = 13;

export function records(bytes: Buffer): Map<number, Ended> {
  const out = new Map<number, Ended>();
  for (let at = 0; at + RECORD_BYTES <= bytes.length && bytes.readUInt32LE(at) === MAGIC; at += RECORD_BYTES) {
    const r = bytes.subarray(at, at + RECORD_BYTES);
    const q = (n: number): bigint => r.readBigUInt64LE(n);
    const registers = new Map<string, readonly bigint[]>();
    for (const [i, name] of GENERAL.entries()) registers.set(name, [q(MCONTEXT + i * 8)]);
    for (let i = 0; i < 16; i++) {
      const low = FX + 160 + i * 16;
      registers.set(`XMM${i}`, [q(low), q(low + 8), q(YMMH + i * 16), q(YMMH + i * 16 + 8)]);
    }
    const top = (r.readUInt16LE(FX + 2) >> 11) & 7;
    for (let i = 0; i < 8; i++) {
      const st = FX + 32 + i * 16;
      registers.set(`MM${(i + top) & 7}`, [q(st), BigInt(r.readUInt16LE(st + 8))]);
    }
    const trap = Number(q(MCONTEXT + 20 * 8));
    out.set(r.readUInt32LE(4), {
      signal: r.readUInt32LE(8),
      halted: r.readUInt32LE(8) === 11 && trap === EXCEPTION_GP,
      registers,
      flags: q(MCONTEXT + 17 * 8),
      status: r.readUInt32LE(12),
    });
  }
  return out;
}
