/**
 * The flow level: walks the code with what the trace says. The result is a stream of block ids (`BlockTable`) with marks between
 * them: events, errors and gaps. Nothing is guessed: where the trace and the code do not fit, an `error` says where and why, a
 * `gap` says what is not covered, and the walk goes on at the next PSB.
 *
 * `walk` is the loop that decides the speed: branch results and targets. Events are rare; `bind.ts` walks to them instruction by
 * instruction.
 */
import { ip64, ipHi, ipLo } from './addr-map.ts';
import { type Binding, bindingOf, bindsTo } from './bind.ts';
import { BlockTable, END } from './block-table.ts';
import type { CodeImage } from './code-image.ts';
import type { PsbState, PtEvent } from './events.ts';
import { MODE } from './insn-table.ts';
import { ITEM, PtQuery } from './query.ts';
import { RetStack } from './ret-stack.ts';
import type { PtTimeConfig } from './time.ts';

export interface PtMark {
  /** Before the block with this index in the chunk (equal to the chunk's count: after the last). */
  readonly at: number;
  readonly event: PtEvent;
}

/** A stretch of the walk. The array of blocks is reused by the next `run`. */
export interface PtChunk {
  /** Block ids of `flow.table`; the first `count` are valid. */
  readonly blocks: Int32Array;
  readonly count: number;
  readonly marks: readonly PtMark[];
}

/** The address space that the trace is in, as far as it told. */
export interface PtContext {
  cr3: bigint | undefined;
  nonRoot: boolean;
  vmcs: bigint | undefined;
}

export interface PtFlowOptions {
  /** First byte to look at, end, and the offset from which PSBs belong to somebody else (`splitAtPsb`). */
  readonly begin?: number;
  readonly end?: number;
  readonly stopAt?: number;
  readonly time?: PtTimeConfig;
  /** False: RTIT_CTL.DisRETC was set, no RET is compressed. */
  readonly retCompression?: boolean;
  /** Blocks per chunk. */
  readonly chunk?: number;
  /** Share decoded code with another flow over the same image. */
  readonly table?: BlockTable;
  /** Put a `time` mark wherever the trace's clock moved. */
  readonly timeMarks?: boolean;
  /** Asked before each event is handled; true: `run` returns first, so that the caller can `switchTable`. */
  readonly pause?: (event: PtEvent, tsc: bigint | undefined) => boolean;
}

/** Blocks walked without the trace saying anything: more is a loop that the trace does not cover. */
const MAX_IDLE_BLOCKS = 4096;

export class PtFlow {
  readonly query: PtQuery;
  /** Decoded code that block ids refer to; `switchTable` changes it between two runs. */
  table: BlockTable;
  readonly context: PtContext = { cr3: undefined, nonRoot: false, vmcs: undefined };
  private readonly out: Int32Array;
  private readonly limit: number;
  private readonly begin: number;
  private readonly end: number;
  private readonly stopAt: number;
  private readonly compressed: boolean;
  private readonly timeMarks: boolean;
  private readonly pause: PtFlowOptions['pause'];
  private stashed: PtEvent | undefined;
  private timeStamp = 0;
  private marks: PtMark[] = [];
  private n = 0;
  /** Block to walk next; −1: tracing is off. */
  private cur = -1;
  private mode: number = MODE.BITS64;
  /** Results left of the last TNT, oldest at bit `left` − 1; then those of `tnt2`. */
  private tnt = 0;
  private left = 0;
  private tnt2 = 0;
  private left2 = 0;
  /** A TIP was read and is not used yet. */
  private held = false;
  private readonly ret = new RetStack();
  /** Events already bound to the instruction that `cur` starts with: at most one of a kind. */
  private readonly bound = new Set<string>();
  private started = false;
  private done = false;
  /** The next PSB+ is a start, not an update. */
  private starting = true;

  constructor(image: CodeImage, trace: Uint8Array, options: PtFlowOptions = {}) {
    this.begin = options.begin ?? 0;
    this.end = options.end ?? trace.length;
    this.compressed = options.retCompression ?? true;
    this.timeMarks = options.timeMarks ?? false;
    this.pause = options.pause;
    this.stopAt = options.stopAt ?? Number.POSITIVE_INFINITY;
    this.query = new PtQuery(trace, this.begin, this.end, this.stopAt, options.time);
    this.table = options.table ?? new BlockTable(image);
    this.limit = options.chunk ?? 65536;
    this.out = new Int32Array(this.limit + MAX_IDLE_BLOCKS + 16); // an event's walk may overshoot the limit
  }

  /** TSC now, if the trace has time. */
  get tsc(): bigint | undefined {
    return this.query.time.now;
  }

  /** Walks on until the chunk is full or the trace ends; undefined: it had ended before. */
  run(): PtChunk | undefined {
    if (this.done) return undefined;
    this.n = 0;
    this.marks = [];
    if (!this.started) {
      this.started = true;
      this.resync(this.begin, 'bytes before the first PSB', 'no PSB to start at');
    }
    const [lo, hi] = this.here();
    if (this.table.refresh() && this.cur >= 0) this.cur = this.table.at(lo, hi, this.mode);
    if (this.stashed !== undefined) {
      const event = this.stashed;
      this.stashed = undefined;
      this.handle(event);
    }
    while (!this.done && this.n < this.limit && this.stashed === undefined) this.walk();
    return { blocks: this.out, count: this.n, marks: this.marks };
  }

  /** From here on the code is another's (a thread switch): the walk stands at the same address, return places stay what they were. */
  switchTable(table: BlockTable): void {
    const old = this.table;
    if (table === old) return;
    const [lo, hi] = this.here();
    this.table = table;
    table.refresh();
    this.ret.map((call) => table.returnPlace(old.nextLo[call]!, old.nextHi[call]!, old.mode[call]!));
    if (this.cur >= 0) this.cur = table.at(lo, hi, this.mode);
  }

  /** Address that the walk has reached. */
  private here(): [number, number] {
    const { table, cur } = this;
    if (cur < 0) return [0, 0];
    if (table.n[cur] === 0) return [table.nextLo[cur]!, table.nextHi[cur]!];
    const insn = table.pool[table.first[cur]!]!;
    return [table.insns.lo[insn]!, table.insns.hi[insn]!];
  }

  /** The hot loop: returns when the chunk is full, the trace ends, or an event or error was handled. */
  private walk(): void {
    const { query, out, ret, table, limit } = this;
    let { end, taken, fall } = table;
    let { cur, n, tnt, left, held } = this;
    let idle = 0;
    let cause = '';
    for (;;) {
      if (n >= limit) {
        this.save(cur, n, tnt, left, held);
        return;
      }
      if (left === 0 && !held) {
        if (this.left2 > 0) {
          tnt = this.tnt2;
          left = this.left2;
          this.left2 = 0;
        } else {
          const item = query.next();
          idle = 0;
          if (this.timeMarks && query.time.stamp !== this.timeStamp) this.markTime(n);
          if (item === ITEM.TNT) {
            tnt = query.tnt;
            left = query.tntCount;
            this.tnt2 = query.tnt2;
            this.left2 = query.tnt2Count;
            query.tnt2Count = 0;
          } else if (item === ITEM.TIP) held = true;
          else {
            this.save(cur, n, 0, 0, false);
            this.special(item);
            return;
          }
        }
      }
      switch (end[cur]) {
        case END.COND: {
          if (left === 0) {
            cause = 'TIP where a conditional branch needs a TNT result';
            break;
          }
          out[n++] = cur;
          left--;
          const next = ((tnt >> left) & 1) !== 0 ? taken[cur]! : fall[cur]!;
          if (next >= 0) {
            cur = next;
            continue;
          }
          cur = ((tnt >> left) & 1) !== 0 ? table.resolveTaken(cur) : table.resolveFall(cur);
          ({ end, taken, fall } = table);
          continue;
        }
        case END.CALL:
        case END.GOES_ON: {
          if (++idle > MAX_IDLE_BLOCKS) {
            cause = 'loop that the trace does not cover';
            break;
          }
          out[n++] = cur;
          if (end[cur] === END.CALL) ret.push(cur);
          const next = taken[cur]!;
          if (next >= 0) {
            cur = next;
            continue;
          }
          cur = table.resolveTaken(cur);
          ({ end, taken, fall } = table);
          continue;
        }
        case END.RET:
          if (left > 0 && this.compressed) {
            left--;
            if (((tnt >> left) & 1) === 0) {
              cause = 'TNT result "not taken" at a return';
              break;
            }
            const call = ret.pop();
            if (call < 0) {
              cause = 'compressed return without its call since the last PSB';
              break;
            }
            out[n++] = cur;
            cur = fall[call]!;
            if (cur < 0) {
              cur = table.resolveFall(call);
              ({ end, taken, fall } = table);
            }
            continue;
          }
          break; // uncompressed: takes a TIP
        case END.TIP:
        case END.CALL_TIP:
          break;
        default:
          cause = this.missing(cur);
      }
      if (cause === '') {
        if (!held) {
          // Deferred TIP: it stands after the TNT that holds younger results.
          const item = query.next();
          if (item !== ITEM.TIP) {
            this.save(cur, n, 0, 0, false);
            if (item === ITEM.ERROR) this.special(item);
            else this.fail('no TIP where an indirect branch needs one');
            return;
          }
        }
        held = false;
        if (!query.ipNone) {
          out[n++] = cur;
          if (end[cur] === END.CALL_TIP) ret.push(cur);
          cur = table.at(query.lo, query.hi, this.mode);
          ({ end, taken, fall } = table);
          continue;
        }
        cause = 'TIP without an IP where a target is needed';
      }
      this.save(cur, n, 0, 0, false);
      this.fail(cause);
      return;
    }
  }

  private save(cur: number, n: number, tnt: number, left: number, held: boolean): void {
    this.cur = cur;
    this.n = n;
    this.tnt = tnt;
    this.left = left;
    this.held = held;
    if (this.bound.size > 0) this.bound.clear();
  }

  private missing(cur: number): string {
    const { table } = this;
    if (cur < 0) return 'branch result while tracing is off';
    const at = `0x${ip64(table.nextLo[cur]!, table.nextHi[cur]!).toString(16)}`;
    return table.end[cur] === END.BAD ? `no valid instruction at ${at}` : `no code at ${at}`;
  }

  private mark(event: PtEvent): void {
    const tsc = this.query.time.now;
    if (tsc !== undefined) event.tsc = tsc;
    this.marks.push({ at: this.n, event });
  }

  private markTime(n: number): void {
    const { query } = this;
    this.timeStamp = query.time.stamp;
    const tsc = query.time.now;
    if (tsc !== undefined) this.marks.push({ at: n, event: { kind: 'time', offset: query.itemOffset, tsc } });
  }

  /** The walk cannot go on: tells why, and goes to the next PSB. Blocks up to the instruction that failed are in the stream. */
  private fail(cause: string): void {
    const { table, cur, query } = this;
    const event: PtEvent = { kind: 'error', offset: query.itemOffset, cause };
    if (cur >= 0) {
      const end = table.end[cur]!;
      const missing = end === END.NOCODE || end === END.BAD;
      const whole = missing || end === END.GOES_ON ? table.n[cur]! : table.n[cur]! - 1;
      if (whole > 0) this.out[this.n++] = whole === table.n[cur] ? cur : table.part(cur, whole);
      if (missing) event.ip = ip64(table.nextLo[cur]!, table.nextHi[cur]!);
      else {
        const last = table.lastInsn(cur);
        event.ip = ip64(table.insns.lo[last]!, table.insns.hi[last]!);
      }
    }
    this.mark(event);
    this.resync(this.query.reader.pos, 'not decoded after an error, up to the next PSB', 'not decoded after an error: no PSB follows');
  }

  /** Looks for a PSB from `from` on; what lies before it is a gap. */
  private resync(from: number, cause: string, noPsb: string): void {
    this.cur = -1;
    this.left = 0;
    this.left2 = 0;
    this.held = false;
    this.ret.clear();
    this.starting = true;
    const at = this.query.sync(from);
    const upTo = at < 0 ? Math.min(this.end, this.stopAt) : at;
    const last = at < 0 && this.stopAt >= this.end;
    if (upTo > from) this.mark({ kind: 'gap', offset: from, size: upTo - from, cause: last ? noPsb : cause });
    if (at < 0) this.done = true;
  }

  private special(item: number): void {
    const { query } = this;
    if (item === ITEM.END) {
      this.done = true;
      return;
    }
    const event = query.event!;
    if (item === ITEM.ERROR) {
      this.mark(event);
      const { reader } = query;
      const from = Math.max(reader.pos, Math.min(event.offset + 1, this.end));
      // An error at a PSB leaves the reader there: the PSB is a good place to go on.
      const restart = reader.pos === event.offset && reader.buf[event.offset + 1] === 0x82 ? event.offset : from;
      this.resync(restart, 'not decoded after an error, up to the next PSB', 'not decoded after an error: no PSB follows');
      return;
    }
    if (this.pause?.(event, query.time.now) === true) this.stashed = event;
    else this.handle(event);
  }

  private handle(event: PtEvent): void {
    if (this.cur < 0) {
      this.apply(event);
      return;
    }
    const binding = bindingOf(event);
    if (binding === undefined || this.walkTo(event, binding)) this.apply(event);
    else if (event.kind === 'psb') {
      // The flow does not reach the IP of this PSB+: it went wrong before, and this is where it can start again.
      this.mark({
        kind: 'error',
        offset: event.offset,
        cause: `flow does not reach 0x${event.psb!.ip!.toString(16)}, where this PSB+ says it is`,
      });
      this.cur = -1;
      this.ret.clear();
      this.starting = true;
      this.apply(event);
    } else this.fail(`event "${event.kind}" binds to no instruction before the trace is needed again`);
  }

  /** Walks without branch results to where the event binds; false: not reachable. */
  private walkTo(event: PtEvent, binding: Binding): boolean {
    const { table, bound } = this;
    for (let steps = 0; steps < MAX_IDLE_BLOCKS; steps++) {
      const { cur } = this;
      const count = table.n[cur]!;
      for (let i = 0; i < count; i++) {
        const insn = table.pool[table.first[cur]! + i]!;
        const place = bindsTo(table.insns, insn, event, binding);
        if (place === 0) continue;
        if (i === 0 && bound.has(event.kind)) continue; // one of a kind for each instruction
        const upTo = place > 0 ? i + 1 : i;
        if (upTo > 0) {
          this.out[this.n++] = upTo === count ? cur : table.part(cur, upTo);
          bound.clear();
        }
        if (binding === 'instruction') bound.add(event.kind);
        if (i > 0) this.cur = table.rest(cur, i);
        return true;
      }
      const end = table.end[cur]!;
      if (end === END.GOES_ON || end === END.CALL) {
        this.out[this.n++] = cur;
        bound.clear();
        if (end === END.CALL) this.ret.push(cur);
        this.cur = table.resolveTaken(cur);
        continue;
      }
      if (end !== END.NOCODE && end !== END.BAD) return false;
      // An event may stand exactly where the code is missing: the page that was not there.
      if (binding !== 'ip' || event.ip !== ip64(table.nextLo[cur]!, table.nextHi[cur]!)) return false;
      if (count > 0) this.out[this.n++] = cur;
      this.cur = table.at(table.nextLo[cur]!, table.nextHi[cur]!, this.mode);
      return true;
    }
    return false;
  }

  private go(ip: bigint): void {
    this.cur = this.table.at(ipLo(ip), ipHi(ip), this.mode);
    this.bound.clear();
  }

  /** The event happens here. */
  private apply(event: PtEvent): void {
    if (event.kind === 'psb') {
      this.applyPsb(event, event.psb!);
      return;
    }
    this.mark(event);
    switch (event.kind) {
      case 'enabled':
      case 'asyncBranch':
        this.go((event.kind === 'enabled' ? event.ip : event.to)!);
        break;
      case 'disabled':
      case 'asyncDisabled':
      case 'stop':
        this.cur = -1;
        break;
      case 'overflow':
        // Calls may have been lost: the stack is no longer the processor's.
        this.ret.clear();
        if (event.ip === undefined) this.cur = -1;
        else this.go(event.ip);
        break;
      case 'mode':
        this.setMode(Number(event.value));
        break;
      case 'paging':
      case 'asyncPaging':
        this.context.cr3 = event.value;
        this.context.nonRoot = event.nonRoot ?? false;
        break;
      case 'vmcs':
      case 'asyncVmcs':
        this.context.vmcs = event.value;
        break;
      default:
        break;
    }
  }

  private setMode(bits: number): void {
    const mode = bits === 64 ? MODE.BITS64 : bits === 32 ? MODE.BITS32 : MODE.BITS16;
    if (mode === this.mode) return;
    const [lo, hi] = this.here();
    this.mode = mode;
    if (this.cur >= 0) this.cur = this.table.at(lo, hi, mode);
  }

  private applyPsb(event: PtEvent, state: PsbState): void {
    const starts = this.starting;
    this.starting = false;
    this.ret.clear();
    if (starts) {
      if (state.mode !== undefined) this.setMode(state.mode);
      if (state.ip !== undefined) this.go(state.ip);
    } else if (state.ip !== undefined) {
      if (this.cur < 0) this.go(state.ip);
      if (state.mode !== undefined) this.setMode(state.mode);
    } else if (this.cur >= 0) {
      this.mark({ kind: 'error', offset: event.offset, cause: 'PSB+ says that tracing is off, the packets before did not' });
      this.cur = -1;
    }
    if (state.cr3 !== undefined) {
      this.context.cr3 = state.cr3;
      this.context.nonRoot = state.nonRoot;
    }
    if (state.vmcs !== undefined) this.context.vmcs = state.vmcs;
    if (starts) this.mark({ kind: 'sync', offset: event.offset, psb: state, ...(state.ip === undefined ? {} : { ip: state.ip }) });
    else this.mark(event);
  }
}
