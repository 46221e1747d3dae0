/**
 * Decoding a recorded trace with its sideband: one queue for each AUX buffer (a CPU's or a thread's), each with the threads and
 * address spaces as they were when its bytes were written. Queues are independent; `events` merges them by time.
 *
 * Thread switches happen where the trace's clock passes the record's time: the walk pauses before each event (tracing on or off, PIP,
 * interrupt, PSB) at which a record is due. Without time (spec.md §7.4) all records are applied first, and a queue is its thread's.
 */
import { ip64 } from './addr-map.ts';
import { PtFlow } from './flow.ts';
import { type PtInfo, timeConfigOf, tscToNs } from './info.ts';
import type { ItraceOptions } from './itrace-options.ts';
import { ITEM, PtQuery } from './query.ts';
import { Synth, type SynthEvent, type Where } from './synth.ts';
import { type CodeProvider, type SidebandRecord, type Space, World } from './world.ts';

/** The bytes of one AUX buffer, in order. */
export interface AuxQueue {
  readonly idx: number;
  /** −1: not bound to one CPU. */
  readonly cpu: number;
  /** −1: not bound to one thread. */
  readonly tid: number;
  /** `offset` runs on in the buffer's own count; a step in it is lost data. */
  readonly pieces: readonly { readonly offset: bigint; readonly data: Uint8Array }[];
}

export interface PtSessionInput {
  readonly info: PtInfo;
  /** attr.config of the intel_pt event. */
  readonly config: bigint;
  /** Whether every event of the recording has times. */
  readonly timed: boolean;
  /** Kernel records that are not samples, by time. */
  readonly sideband: readonly SidebandRecord[];
  readonly queues: readonly AuxQueue[];
  readonly code: CodeProvider;
  readonly options: ItraceOptions;
}

const MISC_SWITCH_OUT = 0x2000;

/** Whether times of the trace and of the records can be compared. */
export function isTimed(input: Pick<PtSessionInput, 'info' | 'config' | 'timed'>): boolean {
  const { info, config } = input;
  return input.timed && info.tscBit !== 0n && info.capUserTimeZero && info.timeMult !== 0n && (config & info.tscBit) !== 0n;
}

/** All events of all queues, by time; events without a time come in the order of their queue, before later ones of other queues. */
export function* decodeSession(input: PtSessionInput): Generator<SynthEvent> {
  const heads = input.queues.map((q) => {
    const source = decodeQueue(input, q);
    return { source, next: source.next(), time: 0n };
  });
  const live = heads.filter((h) => h.next.done !== true);
  for (const h of live) h.time = (h.next.value as SynthEvent).time ?? 0n;
  let skip = input.options.skip;
  while (live.length > 0) {
    let first = live[0]!;
    for (const h of live) if (h.time < first.time) first = h;
    if (skip > 0) skip--;
    else yield first.next.value as SynthEvent;
    first.next = first.source.next();
    if (first.next.done === true) live.splice(live.indexOf(first), 1);
    else first.time = first.next.value.time ?? first.time;
  }
}

/** Joins pieces that follow each other; a step in the offset starts a new stretch. */
function stretches(queue: AuxQueue): { data: Uint8Array; lostBefore: bigint }[] {
  const out: { data: Uint8Array; lostBefore: bigint }[] = [];
  let parts: Uint8Array[] = [];
  let lost = 0n;
  let end: bigint | undefined;
  const flush = (): void => {
    if (parts.length === 0) return;
    if (parts.length === 1) out.push({ data: parts[0]!, lostBefore: lost });
    else {
      const data = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
      let at = 0;
      for (const p of parts) {
        data.set(p, at);
        at += p.length;
      }
      out.push({ data, lostBefore: lost });
    }
    parts = [];
  };
  for (const { offset, data } of queue.pieces) {
    if (end !== undefined && offset !== end) {
      flush();
      lost = offset > end ? offset - end : 0n;
    }
    parts.push(data);
    end = offset + BigInt(data.length);
  }
  flush();
  return out;
}

/** The sideband as one queue sees it. */
class Sideband {
  readonly world: World;
  readonly where: Where;
  private readonly records: readonly SidebandRecord[];
  private readonly queue: AuxQueue;
  private at = 0;

  constructor(input: PtSessionInput, queue: AuxQueue) {
    this.world = new World(input.code);
    this.records = input.sideband;
    this.queue = queue;
    this.where = { time: undefined, cpu: queue.cpu, pid: -1, tid: queue.tid, comm: '', space: this.world.space(-1) };
  }

  get space(): Space {
    return this.world.space(this.where.pid);
  }

  due(time: bigint): boolean {
    const next = this.records[this.at];
    return next !== undefined && (next.time === undefined || next.time <= time);
  }

  /** Applies all records up to a time (undefined: all). */
  advance(time: bigint | undefined): void {
    for (; this.at < this.records.length; this.at++) {
      const r = this.records[this.at]!;
      if (time !== undefined && r.time !== undefined && r.time > time) break;
      this.world.apply(r);
      this.follow(r);
    }
    const { where } = this;
    const thread = this.world.thread(where.pid, where.tid);
    if (thread.pid !== -1) where.pid = thread.pid;
    where.comm = thread.comm;
    where.space = this.space;
  }

  /** Who runs on the queue's CPU. */
  private follow(r: SidebandRecord): void {
    if (this.queue.tid !== -1 || r.cpu !== this.queue.cpu) return;
    const { record } = r;
    if (record.type === 'ITRACE_START') this.run(record.pid, record.tid);
    else if (record.type === 'SWITCH_CPU_WIDE') {
      if ((r.misc & MISC_SWITCH_OUT) !== 0) this.run(record.nextPrevPid, record.nextPrevTid);
      else if (r.pid !== undefined && r.tid !== undefined) this.run(r.pid, r.tid);
    } else if (record.type === 'SWITCH' && (r.misc & MISC_SWITCH_OUT) === 0 && r.pid !== undefined && r.tid !== undefined)
      this.run(r.pid, r.tid);
  }

  private run(pid: number, tid: number): void {
    this.where.pid = pid;
    this.where.tid = tid;
  }
}

/** Decodes one queue. */
export function* decodeQueue(input: PtSessionInput, queue: AuxQueue): Generator<SynthEvent> {
  const timed = isTimed(input);
  const side = new Sideband(input, queue);
  const synth = new Synth(input.options, side.where);
  const setTime = (tsc: bigint | undefined): void => {
    if (timed && tsc !== undefined) side.where.time = tscToNs(input.info, tsc);
  };
  if (!timed) side.advance(undefined);
  let lost = 0n;
  for (const { data, lostBefore } of stretches(queue)) {
    lost += lostBefore;
    if (lostBefore > 0n && input.options.errors)
      yield {
        kind: 'gap',
        cpu: queue.cpu,
        pid: side.where.pid,
        tid: side.where.tid,
        comm: side.where.comm,
        space: side.where.space,
        ip: 0n,
        event: { kind: 'gap', offset: 0, size: Number(lostBefore), cause: 'bytes of the AUX buffer that are not in the recording' },
      };
    if (input.options.quick > 0) {
      yield* quick(input, data, side, timed);
      continue;
    }
    const flow = new PtFlow(side.space.image, data, {
      table: side.space.table,
      time: timeConfigOf(input.info, input.config),
      retCompression: (input.config & input.info.noretcompBit) === 0n,
      timeMarks: timed,
      chunk: 8192,
      ...(timed ? { pause: (_: unknown, tsc: bigint | undefined) => tsc !== undefined && side.due(tscToNs(input.info, tsc)) } : {}),
    });
    for (let chunk = flow.run(); chunk !== undefined; chunk = flow.run()) {
      const { table } = flow;
      let m = 0;
      for (let i = 0; i <= chunk.count; i++) {
        for (; m < chunk.marks.length && chunk.marks[m]!.at === i; m++) {
          const { event } = chunk.marks[m]!;
          setTime(event.tsc);
          if (event.kind !== 'time') synth.event(table, event);
        }
        if (i < chunk.count) synth.block(table, chunk.blocks[i]!);
        if (synth.out.length > 1024) {
          yield* synth.out;
          synth.out = [];
        }
      }
      yield* synth.out;
      synth.out = [];
      if (!timed || flow.tsc === undefined) continue;
      side.advance(tscToNs(input.info, flow.tsc));
      flow.switchTable(side.space.table);
    }
  }
}

/** `q`: what the packets say without walking code: targets of indirect branches and interrupts; `qq`: PSBs only. */
function* quick(input: PtSessionInput, data: Uint8Array, side: Sideband, timed: boolean): Generator<SynthEvent> {
  const query = new PtQuery(data, 0, data.length, Number.POSITIVE_INFINITY, timeConfigOf(input.info, input.config));
  const psbOnly = input.options.quick > 1;
  const make = (kind: SynthEvent['kind'], more: Partial<SynthEvent>): SynthEvent => {
    const { cpu, pid, tid, comm, space, time } = side.where;
    return { kind, cpu, pid, tid, comm, space, ip: 0n, ...(time === undefined ? {} : { time }), ...more };
  };
  let from = 0;
  for (;;) {
    const at = query.sync(from);
    if (at !== from && input.options.errors && (at >= 0 || from < data.length))
      yield make('gap', { event: { kind: 'gap', offset: from, size: (at < 0 ? data.length : at) - from, cause: 'bytes before a PSB' } });
    if (at < 0) return;
    for (;;) {
      const item = query.next();
      if (timed && query.time.now !== undefined) {
        side.where.time = tscToNs(input.info, query.time.now);
        side.advance(side.where.time);
      }
      if (item === ITEM.END) return;
      if (item === ITEM.ERROR) {
        if (input.options.errors) yield make('error', { event: query.event! });
        break;
      }
      if (item === ITEM.TIP && !psbOnly && !query.ipNone) yield make('branches', { addr: ip64(query.lo, query.hi), flags: '' });
      if (item !== ITEM.EVENT) continue;
      const e = query.event!;
      if (e.kind === 'overflow' && input.options.errors)
        yield make('error', { ip: e.ip ?? 0n, event: { ...e, cause: 'overflow packet: the processor lost packets' } });
      if (e.kind === 'gap' && input.options.errors) yield make('gap', { event: e });
      const to = e.kind === 'enabled' ? e.ip : e.kind === 'psb' ? e.psb?.ip : e.to;
      if (e.kind === 'psb' ? to !== undefined : !psbOnly && to !== undefined)
        yield make('branches', {
          ip: e.kind === 'asyncBranch' ? (e.ip ?? 0n) : 0n,
          addr: to!,
          flags: e.kind === 'enabled' ? 'tr strt' : e.kind === 'asyncBranch' ? 'hw int' : '',
        });
    }
    from = Math.max(query.reader.pos, from + 1);
  }
}
