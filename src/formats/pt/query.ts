/**
 * The query level: turns packets into what a walk over the code needs next: branch results (TNT), a target (TIP), an event, the
 * end, or an error. It knows LastIP, the pending packets that bind to a later TIP or FUP, and time; it knows no code.
 *
 * TNT results are in `tnt` (oldest first from the top). Events come as records; several of one packet come one after the other.
 */
import { PT, PT_IPC, PT_TYPE_OF_BYTE } from '#arch/pt/packets.ts';
import { ip64 } from './addr-map.ts';
import type { PsbState, PtEvent } from './events.ts';
import { PacketReader, PT_END, findPsb } from './packet-reader.ts';
import { type PtTimeConfig, PtTime } from './time.ts';

/** What `next()` found. */
export const ITEM = { END: 0, TNT: 1, TIP: 2, EVENT: 3, ERROR: 4 } as const;

/** CFE types whose FUP only names the instruction; the others share it with the branch that follows (SDM, "Event Trace"). */
const CFE_OF_AN_INSTRUCTION = new Set([2, 4, 7]); // IRET, RSM, VMENTRY

/** May stand between a PSB+ and the TIP.PGE after it. */
const NOT_BOUND_TO_TRACING = new Set<number>([
  PT.PAD,
  PT.TSC,
  PT.TMA,
  PT.MTC,
  PT.CYC,
  PT.CBR,
  PT.MODE_EXEC,
  PT.MODE_TSX,
  PT.PIP,
  PT.VMCS,
  PT.MNT,
]);

export class PtQuery {
  readonly reader: PacketReader;
  readonly time: PtTime;
  /** Packets whose offset is at or after this belong to somebody else, except the PSB+ that stands there. */
  private readonly stopAt: number;
  /** ITEM.TNT: results in the low `tntCount` bits, oldest highest; a TNT-64 has its younger results in `tnt2`. */
  tnt = 0;
  tntCount = 0;
  tnt2 = 0;
  tnt2Count = 0;
  /** ITEM.TIP: the target; `ipNone` if suppressed. Also LastIP. */
  lo = 0;
  hi = 0;
  ipNone = false;
  /** ITEM.EVENT, ITEM.ERROR. */
  event: PtEvent | undefined;
  /** Byte offset of the packet of the last item. */
  itemOffset = 0;
  /** PacketEn as far as the packets tell. */
  enabled = false;
  /** Since an overflow that ended with tracing off or unknown: a PSB+ with FUP means that it is on. */
  private unsure = false;
  private queue: PtEvent[] = [];
  private tipQueued = false;
  /** Bind to the next TIP, TIP.PGE or TIP.PGD. */
  private atTip: PtEvent[] = [];
  /** Bind to the next FUP. */
  private atFup: PtEvent[] = [];
  private asyncFrom: bigint | undefined;
  private asyncOffset = 0;
  private blockItems: { id: number; value: bigint }[] | undefined;
  private blockType = 0;
  private eventData: { id: number; value: bigint }[] = [];
  private ended = false;

  constructor(buf: Uint8Array, begin: number, end: number, stopAt: number, config?: PtTimeConfig) {
    this.reader = new PacketReader(buf, begin, end);
    this.time = new PtTime(config);
    this.stopAt = stopAt;
  }

  /** Goes to the first PSB at or after `from`. Returns its offset, or −1: there is none before the end (or the stop). */
  sync(from: number): number {
    const at = findPsb(this.reader.buf, from, this.reader.end);
    if (at < 0 || at >= this.stopAt) return -1;
    this.forget();
    this.enabled = false;
    this.unsure = true;
    this.reader.seek(at);
    return at;
  }

  private forget(): void {
    this.queue.length = 0;
    this.tipQueued = false;
    this.atTip.length = 0;
    this.atFup.length = 0;
    this.asyncFrom = undefined;
    this.blockItems = undefined;
    this.eventData.length = 0;
    this.tntCount = 0;
    this.tnt2Count = 0;
  }

  /** Moves to the next item. After ERROR: `sync`. */
  next(): number {
    const { reader } = this;
    if (this.tipQueued) {
      this.tipQueued = false;
      return ITEM.TIP;
    }
    if (this.queue.length > 0) {
      this.event = this.queue.shift();
      return ITEM.EVENT;
    }
    if (this.ended) return ITEM.END;
    const { buf, end } = reader;
    for (;;) {
      // Most packets are TNT-8 and PAD: taken here without the general reader.
      let { pos } = reader;
      if (pos < end && this.blockItems === undefined) {
        let b = buf[pos]!;
        while (b === 0 && ++pos < end) b = buf[pos]!;
        reader.pos = pos;
        if (PT_TYPE_OF_BYTE[b]! === PT.TNT8 && pos < end && this.enabled && this.asyncFrom === undefined && this.atTip.length === 0) {
          const count = 30 - Math.clz32(b);
          this.tnt = (b >> 1) & ((1 << count) - 1);
          this.tntCount = count;
          this.itemOffset = pos;
          reader.pos = pos + 1;
          return ITEM.TNT;
        }
      }
      const item = this.packet();
      if (item >= 0) return item;
    }
  }

  private error(offset: number, cause: string): number {
    this.event = { kind: 'error', offset, cause };
    return ITEM.ERROR;
  }

  private publish(event: PtEvent): number {
    this.event = event;
    return ITEM.EVENT;
  }

  private lastIp(): bigint {
    return ip64(this.lo, this.hi);
  }

  /** Expands the IP payload of the current packet into LastIP. False: suppressed. */
  private takeIp(): boolean {
    const { reader } = this;
    switch (reader.aux) {
      case PT_IPC.SUPPRESSED:
        return false;
      case PT_IPC.UPDATE16:
        this.lo = (this.lo & 0xffff0000) | reader.lo;
        break;
      case PT_IPC.UPDATE32:
        this.lo = reader.lo | 0;
        break;
      case PT_IPC.SEXT48:
        this.lo = reader.lo | 0;
        this.hi = (reader.hi << 16) >> 16;
        break;
      case PT_IPC.UPDATE48:
        this.lo = reader.lo | 0;
        this.hi = (this.hi & 0xffff0000) | reader.hi;
        break;
      default:
        this.lo = reader.lo | 0;
        this.hi = reader.hi | 0;
    }
    return true;
  }

  /** Handles one packet; −1: nothing to report yet. */
  private packet(): number {
    const { reader, time } = this;
    const type = reader.next();
    if (type === PT_END) {
      this.ended = true;
      return ITEM.END;
    }
    const { offset } = reader;
    if (offset >= this.stopAt && type !== PT.PSB) {
      // Only a PSB ends our part; anything else here means that the cut was not at a PSB.
      this.ended = true;
      return ITEM.END;
    }
    this.itemOffset = offset;
    switch (type) {
      case PT.PAD:
        return -1;
      case PT.TNT8:
      case PT.TNT64:
        return this.tntPacket(type);
      case PT.TIP:
        return this.tip(offset);
      case PT.TIP_PGE:
        return this.pge(offset);
      case PT.TIP_PGD:
        return this.pgd(offset);
      case PT.FUP:
        return this.fup(offset);
      case PT.PSB:
        return this.psb(offset);
      case PT.TSC:
        time.tsc(reader.lo, reader.hi);
        return -1;
      case PT.TMA:
        time.tma(reader.lo, reader.hi);
        return -1;
      case PT.MTC:
        time.mtc(reader.lo);
        return -1;
      case PT.CYC:
        time.cyc(reader.hi * 4294967296 + reader.lo);
        return -1;
      case PT.CBR:
        time.setCbr(reader.lo);
        return this.publish({ kind: 'cbr', offset, value: BigInt(reader.lo) });
      case PT.OVF:
        return this.ovf(offset);
      case PT.PSBEND:
        return this.error(offset, 'PSBEND outside PSB+');
      case PT.BAD:
        if (reader.cause !== 'truncated') return this.error(offset, reader.cause);
        this.ended = true;
        this.queue.push({ kind: 'gap', offset, size: reader.end - offset, cause: 'packet cut by the end of the trace' });
        this.event = this.queue.shift();
        return ITEM.EVENT;
      default:
        return this.context(type, offset);
    }
  }

  private tntPacket(type: number): number {
    const { reader } = this;
    if (!this.enabled) return this.error(reader.offset, 'TNT while tracing is off');
    if (this.asyncFrom !== undefined || this.atTip.length > 0)
      return this.error(reader.offset, 'TNT between a packet and the TIP that it binds to');
    const count = reader.aux;
    if (type === PT.TNT8 || count <= 24) {
      this.tnt = reader.lo;
      this.tntCount = count;
      return ITEM.TNT;
    }
    const value = reader.hi * 4294967296 + reader.lo;
    this.tnt2Count = 24;
    this.tnt2 = value & 0xffffff;
    this.tntCount = count - 24;
    this.tnt = Math.floor(value / 16777216);
    return ITEM.TNT;
  }

  private tip(offset: number): number {
    if (!this.enabled) return this.error(offset, 'TIP while tracing is off');
    this.ipNone = !this.takeIp();
    if (this.asyncFrom === undefined && this.atTip.length === 0) return ITEM.TIP;
    const to = this.ipNone ? undefined : this.lastIp();
    const bound = this.atTip;
    this.atTip = [];
    for (const e of bound) if (to !== undefined) e.ip = to;
    if (this.asyncFrom !== undefined) {
      if (to === undefined) return this.error(offset, 'asynchronous branch without a target');
      const event: PtEvent = { kind: 'asyncBranch', offset: this.asyncOffset, ip: this.asyncFrom, to };
      this.asyncFrom = undefined;
      this.queue.push(...bound);
      return this.publish(event);
    }
    // The branch takes the target first, then what binds to it applies there.
    this.queue.push(...bound);
    return ITEM.TIP;
  }

  private pge(offset: number): number {
    if (!this.takeIp()) return this.error(offset, 'TIP.PGE without an IP');
    if (this.enabled) return this.error(offset, 'TIP.PGE while tracing is on');
    const ip = this.lastIp();
    const bound = this.atTip;
    this.atTip = [];
    this.asyncFrom = undefined;
    for (const e of bound) e.ip = ip;
    this.queue.push(...bound);
    this.enabled = true;
    this.unsure = false;
    return this.publish({ kind: 'enabled', offset, ip });
  }

  private pgd(offset: number): number {
    const has = this.takeIp();
    if (!this.enabled) return this.error(offset, 'TIP.PGD while tracing is off');
    this.enabled = false;
    const event: PtEvent =
      this.asyncFrom === undefined ? { kind: 'disabled', offset } : { kind: 'asyncDisabled', offset: this.asyncOffset, ip: this.asyncFrom };
    if (has) event.to = this.lastIp();
    this.asyncFrom = undefined;
    this.queue.push(...this.atTip);
    this.atTip = [];
    return this.publish(event);
  }

  private fup(offset: number): number {
    const has = this.takeIp();
    if (this.atFup.length === 0) {
      if (!has) return this.error(offset, 'FUP without an IP');
      if (!this.enabled) return this.error(offset, 'FUP while tracing is off');
      if (this.asyncFrom !== undefined) return this.error(offset, 'second FUP before the TIP of the first');
      this.asyncFrom = this.lastIp();
      this.asyncOffset = offset;
      return -1;
    }
    const ip = has ? this.lastIp() : undefined;
    for (const e of this.atFup) {
      if (ip !== undefined) e.ip = ip;
      // An abort, and an interrupt told by a CFE, share the FUP with the branch that follows.
      const shared = (e.kind === 'tsx' && e.abort === true) || (e.kind === 'cfe' && !CFE_OF_AN_INSTRUCTION.has(Number(e.value)));
      if (shared && ip !== undefined && this.enabled) {
        this.asyncFrom = ip;
        this.asyncOffset = offset;
      }
    }
    this.queue.push(...this.atFup);
    this.atFup = [];
    this.event = this.queue.shift();
    return ITEM.EVENT;
  }

  private ovf(offset: number): number {
    this.forget();
    this.time.lost();
    // With tracing on, OVF is followed by a FUP after timing packets only; otherwise by TIP.PGE or PSB+ some time later.
    const { reader } = this;
    const back = reader.pos;
    for (;;) {
      const type = reader.next();
      if (type === PT.FUP) {
        if (!this.takeIp()) return this.error(reader.offset, 'FUP after OVF without an IP');
        this.enabled = true;
        this.unsure = false;
        return this.publish({ kind: 'overflow', offset, ip: this.lastIp() });
      }
      if (type === PT.PAD || type === PT.MNT) continue;
      if (type === PT.CBR) this.time.setCbr(reader.lo);
      else if (type === PT.TSC) this.time.tsc(reader.lo, reader.hi);
      else if (type === PT.TMA) this.time.tma(reader.lo, reader.hi);
      else if (type === PT.MTC) this.time.mtc(reader.lo);
      else if (type === PT.CYC) this.time.cyc(reader.hi * 4294967296 + reader.lo);
      else break;
    }
    reader.seek(back);
    this.enabled = false;
    this.unsure = true;
    return this.publish({ kind: 'overflow', offset });
  }

  private psb(offset: number): number {
    if (this.atTip.length > 0 || this.asyncFrom !== undefined || this.atFup.length > 0) {
      this.reader.seek(offset); // so that decoding goes on here
      return this.error(offset, 'PSB between a packet and the TIP or FUP that it binds to');
    }
    this.lo = 0;
    this.hi = 0;
    const state: PsbState = { ip: undefined, end: 0, mode: undefined, cr3: undefined, nonRoot: false, vmcs: undefined, tsx: undefined };
    const item = this.psbPlus(state);
    if (item >= 0) return item;
    if (state.ip !== undefined && !this.enabled && (!this.unsure || this.pgeFollows())) state.ip = undefined;
    if (state.ip !== undefined) this.enabled = true;
    this.unsure = false;
    if (offset >= this.stopAt) this.ended = true;
    return this.publish({ kind: 'psb', offset, psb: state });
  }

  /**
   * Erratum BDM70 (and SKD024, SKL021, KBL021): a PSB+ before a TIP.PGE may hold FUP and MODE.Exec although tracing is off.
   * Looks ahead for that TIP.PGE.
   */
  private pgeFollows(): boolean {
    const { reader } = this;
    const back = reader.pos;
    let found = false;
    for (;;) {
      const type = reader.next();
      if (type === PT.TIP_PGE) found = true;
      if (!NOT_BOUND_TO_TRACING.has(type)) break;
    }
    reader.seek(back);
    return found;
  }

  /** Reads up to PSBEND into `state`; −1: done. */
  private psbPlus(state: PsbState): number {
    const { reader, time } = this;
    for (;;) {
      const type = reader.next();
      switch (type) {
        case PT_END:
          this.ended = true;
          return ITEM.END;
        case PT.PSBEND:
          state.end = reader.pos;
          return -1;
        case PT.PAD:
        case PT.MNT:
          break;
        case PT.TSC:
          time.tsc(reader.lo, reader.hi);
          break;
        case PT.TMA:
          time.tma(reader.lo, reader.hi);
          break;
        case PT.MTC:
          time.mtc(reader.lo);
          break;
        case PT.CYC:
          time.cyc(reader.hi * 4294967296 + reader.lo);
          break;
        case PT.CBR:
          time.setCbr(reader.lo);
          break;
        case PT.FUP:
          if (this.takeIp()) state.ip = this.lastIp();
          break;
        case PT.PIP:
          state.cr3 = pipCr3(reader);
          state.nonRoot = (reader.lo & 1) !== 0;
          break;
        case PT.VMCS:
          state.vmcs = vmcsBase(reader);
          break;
        case PT.MODE_EXEC:
          state.mode = modeBits(reader.lo);
          break;
        case PT.MODE_TSX:
          state.tsx = { inTx: (reader.lo & 1) !== 0, abort: (reader.lo & 2) !== 0 };
          break;
        case PT.OVF:
          return this.ovf(reader.offset);
        case PT.PSB:
          reader.seek(reader.offset);
          return this.error(reader.offset, 'PSB inside PSB+');
        case PT.BAD:
          if (reader.cause === 'truncated') {
            this.ended = true;
            return ITEM.END;
          }
          return this.error(reader.offset, reader.cause);
        default:
          return this.error(reader.offset, `packet of type ${type} inside PSB+`);
      }
    }
  }

  /** Packets that tell context: they are events at once, or bind to the next TIP or FUP. */
  private context(type: number, offset: number): number {
    const { reader } = this;
    const value = ip64(reader.lo, reader.hi);
    switch (type) {
      case PT.PIP: {
        const event: PtEvent = { kind: 'paging', offset, value: pipCr3(reader), nonRoot: (reader.lo & 1) !== 0 };
        if (this.asyncFrom === undefined) return this.publish(event);
        this.atTip.push({ ...event, kind: 'asyncPaging' });
        return -1;
      }
      case PT.VMCS: {
        const event: PtEvent = { kind: 'vmcs', offset, value: vmcsBase(reader) };
        if (this.asyncFrom === undefined) return this.publish(event);
        this.atTip.push({ ...event, kind: 'asyncVmcs' });
        return -1;
      }
      case PT.MODE_EXEC: {
        const bits = modeBits(reader.lo);
        if (bits === undefined) return this.error(offset, 'MODE.Exec with CS.L and CS.D both set');
        this.atTip.push({ kind: 'mode', offset, value: BigInt(bits) });
        return -1;
      }
      case PT.MODE_TSX: {
        const event: PtEvent = { kind: 'tsx', offset, inTx: (reader.lo & 1) !== 0, abort: (reader.lo & 2) !== 0 };
        if (event.inTx && event.abort) return this.error(offset, 'MODE.TSX with InTX and TXAbort both set');
        return this.bindFup(event, this.enabled);
      }
      case PT.TRACESTOP:
        return this.publish({ kind: 'stop', offset });
      case PT.MNT:
        return this.publish({ kind: 'mnt', offset, value });
      case PT.PTW:
        return this.bindFup({ kind: 'ptwrite', offset, value, size: reader.size - 2 }, reader.aux !== 0);
      case PT.EXSTOP:
        return this.bindFup({ kind: 'exstop', offset }, reader.aux !== 0);
      case PT.MWAIT:
        return this.bindFup({ kind: 'mwait', offset, value }, true);
      case PT.PWRE:
        return this.publish({ kind: 'pwre', offset, value });
      case PT.PWRX:
        return this.publish({ kind: 'pwrx', offset, value });
      case PT.BBP:
        this.blockItems = [];
        this.blockType = reader.aux;
        return -1;
      case PT.BIP:
        this.blockItems?.push({ id: reader.aux, value });
        return -1;
      case PT.BEP: {
        if (this.blockItems === undefined) return this.error(offset, 'BEP without BBP');
        const event: PtEvent = { kind: 'block', offset, value: BigInt(this.blockType), items: this.blockItems };
        this.blockItems = undefined;
        return this.bindFup(event, reader.aux !== 0);
      }
      case PT.EVD:
        this.eventData.push({ id: reader.aux, value });
        return -1;
      case PT.CFE: {
        const event: PtEvent = { kind: 'cfe', offset, value: BigInt(reader.lo), vector: reader.hi, items: this.eventData };
        this.eventData = [];
        return this.bindFup(event, reader.aux !== 0);
      }
      default:
        return this.error(offset, `packet of type ${type} out of place`);
    }
  }

  private bindFup(event: PtEvent, binds: boolean): number {
    if (!binds) return this.publish(event);
    this.atFup.push(event);
    return -1;
  }
}

/** PIP: bits 47:1 of the payload are CR3[51:5], bit 0 is NR. */
function pipCr3(reader: PacketReader): bigint {
  return (ip64(reader.lo, reader.hi) >> 1n) << 5n;
}

/** VMCS packet: base[51:12]. */
function vmcsBase(reader: PacketReader): bigint {
  return ip64(reader.lo, reader.hi) << 12n;
}

/** MODE.Exec: (CS.L, CS.D) 10 → 64, 01 → 32, 00 → 16 bits; 11 is undefined. */
function modeBits(payload: number): number | undefined {
  return [16, 64, 32, undefined][payload & 3];
}
