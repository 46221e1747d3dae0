/**
 * The packet level: cuts a byte stream into packets, nothing more. No BigInt: payloads of more than 32 bits are two words.
 * What fits no packet is a packet of type BAD with a cause; the caller decides where to go on (decoders: the next PSB).
 */
import {
  PT,
  PT_IP_BYTES,
  PT_MNT_THIRD_BYTE,
  PT_MODE_OPCODE,
  PT_OPCODE_EXT,
  PT_SIZE_OF_BYTE,
  PT_SIZE_OF_EXT,
  PT_TYPE_COUNT,
  PT_TYPE_OF_BYTE,
  PT_TYPE_OF_EXT,
} from '#arch/pt/packets.ts';

/** End of the trace, returned by `next()`. */
export const PT_END = -1;

const IP_BYTES = Int8Array.from(PT_IP_BYTES);

/** Whether the 16 bytes at `at` are a PSB (02 82 eight times). */
export function isPsb(buf: Uint8Array, at: number, end: number): boolean {
  if (at + 16 > end) return false;
  for (let i = 0; i < 16; i += 2) if (buf[at + i] !== 0x02 || buf[at + i + 1] !== 0x82) return false;
  return true;
}

/** Offset of the first PSB at or after `from`, or −1. */
export function findPsb(buf: Uint8Array, from: number, end: number = buf.length): number {
  // A PSB has 0x82 at every second byte: look at each 16th byte first.
  for (let at = from; at + 16 <= end; ) {
    const i = buf.indexOf(0x82, at + 1);
    if (i < 0 || i + 15 > end) return -1;
    if (buf[i - 1] === 0x02 && isPsb(buf, i - 1, end)) return i - 1;
    at = i;
  }
  return -1;
}

/** One packet at a time; the fields describe the packet that `next()` found. */
export class PacketReader {
  readonly buf: Uint8Array;
  readonly end: number;
  /** Where the next packet starts. */
  pos: number;
  /** Where the current packet starts, its type and whole size in bytes. */
  offset = 0;
  type: number = PT.BAD;
  size = 0;
  /** Payload: low and high 32 bits, unsigned; raw, as in the packet (an IP is not yet expanded). */
  lo = 0;
  hi = 0;
  /** Header bits beyond the payload: IP compression of TIP/FUP, IP flag of PTW/EXSTOP/BEP/CFE, TNT count, BIP id, BBP type. */
  aux = 0;
  /** Why the current packet is BAD. */
  cause = '';
  /** Inside BBP…BEP: payload bytes of a BIP (4 or 8), else 0. There BIP takes the TNT-8 opcodes that end in 100b. */
  private blockItemBytes = 0;

  constructor(buf: Uint8Array, begin = 0, end = buf.length) {
    this.buf = buf;
    this.pos = begin;
    this.end = end;
  }

  /** Between BBP and BEP, where BIP takes opcodes of TNT-8. */
  get inBlock(): boolean {
    return this.blockItemBytes !== 0;
  }

  seek(pos: number): void {
    this.pos = pos;
    this.blockItemBytes = 0;
  }

  private bad(cause: string): number {
    this.type = PT.BAD;
    this.size = 0;
    this.cause = cause;
    return PT.BAD;
  }

  private u32(at: number): number {
    const b = this.buf;
    return (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0;
  }

  /** Reads the packet at `pos`; returns its type, `PT.BAD` (the position stays) or `PT_END`. */
  next(): number {
    const { buf, pos, end } = this;
    if (pos >= end) return PT_END;
    const b = buf[pos]!;
    this.offset = pos;
    let type: number = PT_TYPE_OF_BYTE[b]!;
    if (type === PT.TNT8) {
      if (this.blockItemBytes !== 0) {
        if ((b & 7) === 4) return this.blockItem(b);
        this.blockItemBytes = 0;
      }
      const count = 30 - Math.clz32(b); // results below the stop bit, above bit 0
      this.type = type;
      this.size = 1;
      this.aux = count;
      this.lo = (b >> 1) & ((1 << count) - 1);
      this.hi = 0;
      this.pos = pos + 1;
      return type;
    }
    if (type === PT.PAD) {
      this.type = type;
      this.size = 1;
      this.pos = pos + 1;
      return type;
    }
    if (type >= PT.TIP && type <= PT.FUP) return this.ipPacket(type, b);
    if (b === PT_OPCODE_EXT) return this.extended();
    let size = PT_SIZE_OF_BYTE[b]!;
    switch (type) {
      case PT.MTC:
        if (pos + 2 > end) return this.bad('truncated');
        this.lo = buf[pos + 1]!;
        this.hi = 0;
        break;
      case PT.TSC:
        if (pos + 8 > end) return this.bad('truncated');
        this.lo = this.u32(pos + 1);
        this.hi = this.u32(pos + 4) >>> 8;
        break;
      case PT.CYC: {
        const at = this.cyc(b);
        if (at < 0) return this.bad(at === -1 ? 'truncated' : 'CYC packet longer than 15 bytes');
        size = at - pos;
        break;
      }
      case PT.MODE_EXEC: {
        if (pos + 2 > end) return this.bad('truncated');
        const m = buf[pos + 1]!;
        const leaf = m >> 5;
        if (leaf === 1) type = PT.MODE_TSX;
        else if (leaf !== 0) return this.bad(`unknown MODE leaf ${leaf}`);
        this.lo = m & 0x1f;
        this.hi = 0;
        if (type !== PT.MODE_EXEC || leaf !== 0) this.blockItemBytes = 0;
        break;
      }
      default:
        return this.bad(`unknown opcode 0x${b.toString(16).padStart(2, '0')}`);
    }
    this.type = type;
    this.size = size;
    this.pos = pos + size;
    return type;
  }

  private ipPacket(type: number, b: number): number {
    const { buf, pos } = this;
    const ipc = b >> 5;
    const bytes = IP_BYTES[ipc]!;
    if (pos + 1 + bytes > this.end) return this.bad('truncated');
    this.blockItemBytes = 0;
    this.type = type;
    this.aux = ipc;
    this.size = 1 + bytes;
    this.hi = 0;
    switch (bytes) {
      case 0:
        this.lo = 0;
        break;
      case 2:
        this.lo = buf[pos + 1]! | (buf[pos + 2]! << 8);
        break;
      case 4:
        this.lo = this.u32(pos + 1);
        break;
      case 6:
        this.lo = this.u32(pos + 1);
        this.hi = buf[pos + 5]! | (buf[pos + 6]! << 8);
        break;
      default:
        this.lo = this.u32(pos + 1);
        this.hi = this.u32(pos + 5);
    }
    this.pos = pos + 1 + bytes;
    return type;
  }

  /** CYC: 5 bits, then 7 bits for each byte whose predecessor has Exp set. Returns the end, −1 truncated, −2 absurd. */
  private cyc(first: number): number {
    const { buf, end } = this;
    let value = first >> 3;
    let at = this.pos + 1;
    let more = (first & 4) !== 0;
    let scale = 32;
    while (more) {
      if (at >= end) return -1;
      if (at - this.pos >= 15) return -2;
      const b = buf[at++]!;
      value += (b >> 1) * scale;
      scale *= 128;
      more = (b & 1) !== 0;
    }
    this.lo = value % 4294967296;
    this.hi = Math.floor(value / 4294967296) >>> 0;
    return at;
  }

  private blockItem(b: number): number {
    const n = this.blockItemBytes;
    const { pos } = this;
    if (pos + 1 + n > this.end) return this.bad('truncated');
    this.type = PT.BIP;
    this.aux = b >> 3;
    this.size = 1 + n;
    this.lo = this.u32(pos + 1);
    this.hi = n === 8 ? this.u32(pos + 5) : 0;
    this.pos = pos + 1 + n;
    return PT.BIP;
  }

  /** Packets that start with 02. */
  private extended(): number {
    const { buf, pos, end } = this;
    if (pos + 2 > end) return this.bad('truncated');
    const b = buf[pos + 1]!;
    const type: number = PT_TYPE_OF_EXT[b]!;
    const size = PT_SIZE_OF_EXT[b]!;
    if (type === PT.BAD) return this.bad(`unknown opcode 0x02 0x${b.toString(16).padStart(2, '0')}`);
    if (pos + size > end) return this.bad('truncated');
    this.lo = 0;
    this.hi = 0;
    this.aux = b >> 7;
    switch (type) {
      case PT.PSB:
        if (!isPsb(buf, pos, end)) return this.bad('broken PSB');
        break;
      case PT.TNT64: {
        const lo = this.u32(pos + 2);
        const hi = buf[pos + 6]! | (buf[pos + 7]! << 8);
        const top = hi !== 0 ? 63 - Math.clz32(hi) : 31 - Math.clz32(lo);
        if (top < 1) return this.bad('TNT-64 without results');
        this.aux = top;
        this.lo = top >= 32 ? lo : (lo & (2 ** top - 1)) >>> 0;
        this.hi = top > 32 ? hi & (2 ** (top - 32) - 1) : 0;
        break;
      }
      case PT.PIP:
        this.lo = this.u32(pos + 2);
        this.hi = buf[pos + 6]! | (buf[pos + 7]! << 8);
        break;
      case PT.CBR:
        this.lo = buf[pos + 2]!;
        break;
      case PT.TMA:
        this.lo = buf[pos + 2]! | (buf[pos + 3]! << 8); // CTC
        this.hi = buf[pos + 5]! | ((buf[pos + 6]! & 1) << 8); // fast counter
        break;
      case PT.VMCS:
      case PT.PWRX:
        this.lo = this.u32(pos + 2);
        this.hi = buf[pos + 6]!;
        break;
      case PT.MNT:
        if (buf[pos + 2] !== PT_MNT_THIRD_BYTE) return this.bad('unknown opcode 0x02 0xc3');
        this.lo = this.u32(pos + 3);
        this.hi = this.u32(pos + 7);
        break;
      case PT.PTW:
        this.lo = this.u32(pos + 2);
        if (size === 10) this.hi = this.u32(pos + 6);
        break;
      case PT.MWAIT:
        this.lo = this.u32(pos + 2);
        this.hi = this.u32(pos + 6);
        break;
      case PT.PWRE:
        this.lo = buf[pos + 2]! | (buf[pos + 3]! << 8);
        break;
      case PT.BBP:
        this.lo = buf[pos + 2]!;
        this.aux = this.lo & 0x1f;
        break;
      case PT.CFE:
        this.lo = buf[pos + 2]! & 0x1f;
        this.hi = buf[pos + 3]!;
        this.aux = buf[pos + 2]! >> 7;
        break;
      case PT.EVD:
        this.aux = buf[pos + 2]! & 0x3f;
        this.lo = this.u32(pos + 3);
        this.hi = this.u32(pos + 7);
        break;
    }
    if (type === PT.BBP) this.blockItemBytes = (this.lo & 0x80) !== 0 ? 4 : 8;
    else if (type !== PT.TMA && type !== PT.CBR) this.blockItemBytes = 0;
    this.type = type;
    this.size = size;
    this.pos = pos + size;
    return type;
  }
}

/** What a scan found: packets by type number, the offsets of PSBs, and the places that are no packet. */
export interface PacketScan {
  readonly counts: Float64Array;
  readonly psbOffsets: readonly number[];
  readonly bad: readonly { readonly offset: number; readonly cause: string }[];
  /** Bytes that belong to no packet: before the first PSB, or from a bad place to the next PSB. */
  readonly skippedBytes: number;
}

/** Sizes by first byte for the scan's short cut; 0: look closer (02 …, CYC, MODE, bad bytes). */
const SCAN_SIZE = Uint8Array.from(PT_SIZE_OF_BYTE);
SCAN_SIZE[PT_MODE_OPCODE] = 0;
SCAN_SIZE[PT_OPCODE_EXT] = 0;

/** Counts all packets from the first PSB on, resynchronising at the next PSB after bad bytes. Payloads are stepped over. */
export function scanPackets(buf: Uint8Array, begin = 0, end: number = buf.length): PacketScan {
  const counts = new Float64Array(PT_TYPE_COUNT);
  const psbOffsets: number[] = [];
  const bad: { offset: number; cause: string }[] = [];
  const first = findPsb(buf, begin, end);
  if (first < 0) return { counts, psbOffsets, bad, skippedBytes: end - begin };
  let skippedBytes = first - begin;
  const byFirstByte = new Int32Array(256);
  const reader = new PacketReader(buf, first, end);
  // The longest packet of the short cut has 9 bytes: up to here it cannot be cut by the end.
  const safe = end - 16;
  let pos = first;
  for (;;) {
    while (pos < safe) {
      const b = buf[pos]!;
      const size = SCAN_SIZE[b]!;
      if (size === 0) break;
      byFirstByte[b]!++;
      pos += size;
    }
    reader.pos = pos; // not seek: the reader knows whether it is inside a block of items
    let type: number;
    do {
      type = reader.next();
      if (type < 0 || type === PT.BAD) break;
      counts[type]!++;
      if (type === PT.PSB) psbOffsets.push(reader.offset);
    } while (reader.inBlock);
    ({ pos } = reader);
    if (type < 0) break;
    if (type !== PT.BAD) continue;
    bad.push({ offset: reader.offset, cause: reader.cause });
    const at = reader.cause === 'truncated' ? -1 : findPsb(buf, reader.offset + 1, end);
    skippedBytes += (at < 0 ? end : at) - reader.offset;
    if (at < 0) break;
    reader.seek(at);
    pos = at;
  }
  for (let b = 0; b < 256; b++) if (byFirstByte[b] !== 0) counts[PT_TYPE_OF_BYTE[b]!]! += byFirstByte[b]!;
  return { counts, psbOffsets, bad, skippedBytes };
}
