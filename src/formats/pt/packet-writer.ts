/**
 * Writes packets: for tests, and for traces made to order (one kind of loss in a file, for the reader under test). It keeps LastIP,
 * so that IPs can be compressed as the processor does; a compression can also be forced.
 */
import {
  PT,
  PT_ENCODINGS,
  PT_IPC,
  PT_IP_BYTES,
  PT_IP_FLAG,
  PT_MODE_LEAF,
  PT_MODE_OPCODE,
  PT_PSB_BYTES,
  PT_MNT_THIRD_BYTE,
} from '#arch/pt/packets.ts';

const opcode = (type: number): readonly number[] => {
  const e = PT_ENCODINGS.find((x) => x.type === type);
  if (e === undefined) throw new Error(`packet type ${type} has no fixed opcode`);
  return e.match;
};

export class PtWriter {
  private bytes: number[] = [];
  private lastIp = 0n;

  get length(): number {
    return this.bytes.length;
  }

  toBytes(): Uint8Array {
    return Uint8Array.from(this.bytes);
  }

  raw(...bytes: number[]): this {
    this.bytes.push(...bytes);
    return this;
  }

  private word(value: bigint | number, bytes: number): this {
    let v = BigInt.asUintN(64, BigInt(value));
    for (let i = 0; i < bytes; i++) {
      this.bytes.push(Number(v & 0xffn));
      v >>= 8n;
    }
    return this;
  }

  pad(count = 1): this {
    for (let i = 0; i < count; i++) this.bytes.push(0);
    return this;
  }

  psb(): this {
    this.lastIp = 0n;
    return this.raw(...PT_PSB_BYTES);
  }

  psbend(): this {
    return this.raw(...opcode(PT.PSBEND));
  }

  /** Branch results, oldest first: 'TNT' or booleans. Up to 6 make a TNT-8, up to 47 a TNT-64. */
  tnt(results: string | readonly boolean[], long = false): this {
    const bits = typeof results === 'string' ? [...results].map((c) => c === 'T') : results;
    const limit = long ? 47 : 6;
    for (let i = 0; i < bits.length; i += limit) {
      let v = 1n;
      for (const b of bits.slice(i, i + limit)) v = (v << 1n) | (b ? 1n : 0n);
      if (long) this.raw(...opcode(PT.TNT64)).word(v, 6);
      else this.word(v << 1n, 1);
    }
    return this;
  }

  /** Smallest encoding of `ip` after LastIP, or the one asked for. `undefined`: suppressed. */
  private ip(type: number, ip: bigint | undefined, ipc?: number): this {
    let how = ipc;
    if (ip === undefined) how = PT_IPC.SUPPRESSED;
    else if (how === undefined) {
      const differs = BigInt.asUintN(64, ip ^ this.lastIp);
      if (differs < 1n << 16n) how = PT_IPC.UPDATE16;
      else if (differs < 1n << 32n) how = PT_IPC.UPDATE32;
      else if (BigInt.asIntN(48, ip) === BigInt.asIntN(64, ip)) how = PT_IPC.SEXT48;
      else how = PT_IPC.FULL;
    }
    this.raw((opcode(type)[0] ?? 0) | (how << 5));
    if (ip === undefined) return this;
    this.lastIp = BigInt.asUintN(64, ip);
    return this.word(ip, PT_IP_BYTES[how] ?? 0);
  }

  tip(ip: bigint | undefined, ipc?: number): this {
    return this.ip(PT.TIP, ip, ipc);
  }

  pge(ip: bigint, ipc?: number): this {
    return this.ip(PT.TIP_PGE, ip, ipc);
  }

  pgd(ip?: bigint, ipc?: number): this {
    return this.ip(PT.TIP_PGD, ip, ipc);
  }

  fup(ip: bigint | undefined, ipc?: number): this {
    return this.ip(PT.FUP, ip, ipc);
  }

  pip(cr3: bigint, nonRoot = false): this {
    return this.raw(...opcode(PT.PIP)).word(((cr3 >> 5n) << 1n) | (nonRoot ? 1n : 0n), 6);
  }

  modeExec(bits: 16 | 32 | 64, interruptFlag = false): this {
    return this.raw(PT_MODE_OPCODE, PT_MODE_LEAF.EXEC | (bits === 64 ? 1 : bits === 32 ? 2 : 0) | (interruptFlag ? 4 : 0));
  }

  modeTsx(inTx: boolean, abort = false): this {
    return this.raw(PT_MODE_OPCODE, PT_MODE_LEAF.TSX | (inTx ? 1 : 0) | (abort ? 2 : 0));
  }

  tracestop(): this {
    return this.raw(...opcode(PT.TRACESTOP));
  }

  cbr(ratio: number): this {
    return this.raw(...opcode(PT.CBR), ratio, 0);
  }

  tsc(tsc: bigint): this {
    return this.raw(...opcode(PT.TSC)).word(tsc, 7);
  }

  mtc(ctc: number): this {
    return this.raw(...opcode(PT.MTC), ctc & 0xff);
  }

  tma(ctc: number, fastCounter: number): this {
    return this.raw(...opcode(PT.TMA))
      .word(ctc, 2)
      .raw(0)
      .word(fastCounter & 0x1ff, 2);
  }

  cyc(cycles: number): this {
    let rest = Math.floor(cycles / 32);
    this.raw(0x03 | ((cycles & 31) << 3) | (rest > 0 ? 4 : 0));
    while (rest > 0) {
      const low = rest & 127;
      rest = Math.floor(rest / 128);
      this.raw((low << 1) | (rest > 0 ? 1 : 0));
    }
    return this;
  }

  /** `undefined`: no VMCS loaded (all ones). */
  vmcs(base: bigint | undefined): this {
    return this.raw(...opcode(PT.VMCS)).word(base === undefined ? -1n : base >> 12n, 5);
  }

  ovf(): this {
    return this.raw(...opcode(PT.OVF));
  }

  mnt(payload: bigint): this {
    return this.raw(...opcode(PT.MNT), PT_MNT_THIRD_BYTE).word(payload, 8);
  }

  ptw(value: bigint, bytes: 4 | 8, withIp = false): this {
    const [first = 0, second = 0] = opcode(PT.PTW);
    return this.raw(first, second | (bytes === 8 ? 0x20 : 0) | (withIp ? PT_IP_FLAG : 0)).word(value, bytes);
  }

  private flagged(type: number, withIp: boolean): this {
    const [first = 0, second = 0] = opcode(type);
    return this.raw(first, second | (withIp ? PT_IP_FLAG : 0));
  }

  exstop(withIp = false): this {
    return this.flagged(PT.EXSTOP, withIp);
  }

  mwait(hints: number, extensions: number): this {
    return this.raw(...opcode(PT.MWAIT))
      .word(hints, 4)
      .word(extensions, 4);
  }

  pwre(cState: number, subCState: number, hardware = false): this {
    return this.raw(...opcode(PT.PWRE), hardware ? 0x80 : 0, ((cState & 15) << 4) | (subCState & 15));
  }

  pwrx(last: number, deepest: number, reason: number): this {
    return this.raw(...opcode(PT.PWRX)).word(((reason & 15) << 8) | ((last & 15) << 4) | (deepest & 15), 5);
  }

  /** A block of items, 4 or 8 bytes each. */
  block(type: number, itemBytes: 4 | 8, items: readonly (readonly [number, bigint])[], withIp = false): this {
    this.raw(...opcode(PT.BBP), (type & 0x1f) | (itemBytes === 4 ? 0x80 : 0));
    for (const [id, value] of items) this.raw((id << 3) | 4).word(value, itemBytes);
    return this.flagged(PT.BEP, withIp);
  }

  cfe(type: number, vector: number, withIp = false): this {
    return this.raw(...opcode(PT.CFE), (type & 0x1f) | (withIp ? PT_IP_FLAG : 0), vector);
  }

  evd(type: number, payload: bigint): this {
    return this.raw(...opcode(PT.EVD), type & 0x3f).word(payload, 8);
  }
}
