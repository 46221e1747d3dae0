/** Histograms over a recording: rows by chosen keys, with periods, samples, and for callchains what was reached through them. */
import { PERF_BRANCH_ENTRY } from '#abi/perf-event/branch.ts';
import { PERF_RECORD, PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { FormatError } from '#base/format-error.ts';
import type { SymbolResolver } from '../symbols-port.ts';
import type { Dso, MapEntry } from './address-map.ts';
import { chainFrames } from './callchain.ts';
import { USER_RECORD_START } from './constants.ts';
import type { RecordCursor } from './cursor.ts';
import { IpHistogram } from './ip-histogram.ts';
import type { EventEntry, Recording } from './recording.ts';
import { AddressNamer } from './resolve.ts';
import { decodeSample, type Sample } from './sample.ts';
import { readsCounters, SampleReads } from './sample-read.ts';
import type { RecordSink } from './scan.ts';
import { halves } from './script-line.ts';
import { moduleName, type Session, type Thread } from './session.ts';

export const SORT_KEYS = [
  'comm',
  'pid',
  'tid',
  'cpu',
  'dso',
  'sym',
  'caller',
  'dso_from',
  'dso_to',
  'symbol_from',
  'symbol_to',
  'mispredict',
  'cycles',
] as const;
export type SortKey = (typeof SORT_KEYS)[number];

/** perf's words for a key, and ours for it. */
export const SORT_ALIASES: Readonly<Record<string, SortKey>> = { symbol: 'sym', sym_from: 'symbol_from', sym_to: 'symbol_to' };

export interface ReportRow {
  readonly keys: readonly string[];
  /** Of the first sample; its last name decides how wide perf's column of commands is. */
  readonly thread: Thread;
  /** Sum of the periods of the samples that hit here. */
  period: number;
  samples: number;
  /** Period of the samples whose callchain passes here, this row's own included. */
  children: number;
  /** When callchains were recorded: a tree of the chains through this row, in the order that was asked for. */
  readonly chain: ChainNode | undefined;
  /** Frames of its longest chain. */
  depth: number;
}

export interface ChainNode {
  readonly name: string;
  /** Where it lies: equal branches are shown by it. */
  readonly dso: number;
  readonly address: bigint;
  period: number;
  readonly next: Map<string, ChainNode>;
}

export interface EventReport {
  readonly event: EventEntry;
  samples: number;
  period: number;
  lost: number;
  readonly rows: Map<string, ReportRow>;
}

export interface ReportOptions {
  readonly sort: readonly SortKey[];
  readonly resolver?: SymbolResolver;
  /** Rows for callers too. */
  readonly children: boolean;
  /** Trees of callchains: from the outermost caller inwards, or from the hit outwards. */
  readonly callGraph: 'caller' | 'callee' | 'none';
  /** Count branches instead of samples. */
  readonly branch: boolean;
}

const FAST = new Set<SortKey>(['comm', 'dso', 'sym']);

/** The name of a file without its folders, as report shows it. */
function short(dso: Dso): string {
  if (dso.kernel) return moduleName(dso.name);
  const jit = /\/perf-(\d+)\.map$/.exec(dso.name);
  if (jit !== null) return `[JIT] tid ${jit[1]}`;
  return dso.name.startsWith('[') ? dso.name : dso.name.slice(dso.name.lastIndexOf('/') + 1);
}

interface Place {
  readonly dso: string;
  readonly symbol: string;
  /** As in a callchain: the name, or the address itself. */
  readonly frame: string;
  readonly file: number;
  /** Of the symbol, or the address itself. */
  readonly start: bigint;
}

export class Reporter implements RecordSink {
  readonly events: EventReport[] = [];
  /** Records by type, in the order of the file. */
  readonly counts = new Map<number, number>();
  short = 0;
  readonly #recording: Recording;
  readonly #session: Session;
  readonly #options: ReportOptions;
  readonly #namer: AddressNamer;
  readonly #fast: boolean;
  readonly #histograms: IpHistogram[] = [];
  readonly #comms: string[] = [];
  readonly #commSlots = new Map<string, number>();
  readonly #maps: MapEntry[] = [];
  readonly #threads: Thread[] = [];
  readonly #files = new Map<Dso, number>();
  readonly #reads: SampleReads;

  constructor(recording: Recording, session: Session, options: ReportOptions) {
    this.#recording = recording;
    this.#reads = new SampleReads(recording);
    this.#session = session;
    this.#options = options;
    this.#namer = new AddressNamer(options.resolver, { sym: true, symoff: false, dso: false });
    this.#fast = options.sort.every((k) => FAST.has(k)) && !options.branch && !options.children && options.callGraph === 'none';
  }

  eventReport(event: EventEntry): EventReport {
    let r = this.events[event.index];
    if (r === undefined) {
      r = { event, samples: 0, period: 0, lost: 0, rows: new Map() };
      this.events[event.index] = r;
    }
    return r;
  }

  record(cursor: RecordCursor): void {
    const type = cursor.type;
    if (type !== PERF_RECORD.SAMPLE) this.counts.set(type, (this.counts.get(type) ?? 0) + 1);
    if (type >= USER_RECORD_START) return;
    const event = this.#recording.eventOf(cursor);
    if (type !== PERF_RECORD.SAMPLE) {
      if (type === PERF_RECORD.LOST_SAMPLES && event !== undefined && cursor.size >= 16) this.eventReport(event).lost += cursor.number64(8);
      try {
        this.#session.process(cursor, event);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        this.#recording.issues.push(error);
      }
      return;
    }
    if (event === undefined) return;
    if (cursor.size < event.layout.variable) {
      this.short++;
      return;
    }
    const { layout } = event;
    if (readsCounters(event)) for (const d of this.#reads.deliver(cursor, event)) this.#sample(cursor, event, d.event, Number(d.period));
    else this.#sample(cursor, event, event, layout.period >= 0 ? cursor.number64(layout.period) : Number(event.attr.sample_period));
  }

  /** Counts a sample of `event`, whose record is laid out as `from` says. */
  #sample(cursor: RecordCursor, from: EventEntry, event: EventEntry, period: number): void {
    const { layout } = from;
    const report = this.eventReport(event);
    const pid = layout.tid >= 0 ? cursor.u32(layout.tid) | 0 : -1;
    const tid = layout.tid >= 0 ? cursor.u32(layout.tid + 4) | 0 : -1;
    const thread = this.#session.thread(pid, tid);
    if (!this.#options.branch) {
      report.samples++;
      report.period += period;
    }
    if (!this.#fast) {
      this.#slow(cursor, from, report, thread, period);
      return;
    }
    if (thread.commSlot < 0) thread.commSlot = this.#commSlot(thread.comm);
    if (thread.slot < 0) {
      thread.slot = this.#threads.length;
      this.#threads.push(thread);
    }
    const hi = layout.ip >= 0 ? cursor.hi32(layout.ip) : 0;
    const lo = layout.ip >= 0 ? cursor.lo32(layout.ip) : 0;
    const mode = cursor.misc & PERF_RECORD_MISC.CPUMODE_MASK;
    const map = this.#session.findMap(thread, mode, hi, lo);
    let slot = -2 - mode;
    if (map !== undefined) {
      if (map.slot < 0) {
        map.slot = this.#maps.length;
        this.#maps.push(map);
      }
      slot = map.slot;
    }
    let h = this.#histograms[event.index];
    if (h === undefined) {
      h = new IpHistogram();
      this.#histograms[event.index] = h;
    }
    h.add(thread.commSlot, slot, hi, lo, period, thread.slot);
  }

  #commSlot(comm: string): number {
    let slot = this.#commSlots.get(comm);
    if (slot === undefined) {
      slot = this.#comms.length;
      this.#comms.push(comm);
      this.#commSlots.set(comm, slot);
    }
    return slot;
  }

  /** Ends the counting: addresses become rows. */
  finish(): EventReport[] {
    for (const [index, h] of this.#histograms.entries()) {
      const report = this.events[index];
      if (h === undefined || report === undefined) continue;
      for (let i = 0; i < h.size; i++) {
        const slot = h.map[i] as number;
        const map = slot >= 0 ? this.#maps[slot] : undefined;
        const thread = this.#threads[h.thread[i] as number] as Thread;
        const place = this.#place(map, slot >= 0 ? 0 : -2 - slot, h.ipHi[i] as number, h.ipLo[i] as number, thread.pid);
        const keys = this.#options.sort.map((k) =>
          k === 'comm' ? (this.#comms[h.comm[i] as number] ?? '') : k === 'dso' ? place.dso : place.symbol,
        );
        this.#add(report, thread, keys, h.period[i] as number, h.samples[i] as number, true);
      }
    }
    this.#histograms.length = 0;
    let samples = 0;
    for (const e of this.events) samples += e?.samples ?? 0;
    if (samples > 0 && !this.#options.branch) this.counts.set(PERF_RECORD.SAMPLE, samples);
    return this.events.filter((e) => e !== undefined);
  }

  #add(
    report: EventReport,
    thread: Thread,
    keys: readonly string[],
    period: number,
    samples: number,
    self: boolean,
    shown = keys,
  ): ReportRow {
    const key = keys.join('\0');
    let row = report.rows.get(key);
    if (row === undefined) {
      row = {
        keys: shown,
        thread,
        period: 0,
        samples: 0,
        children: 0,
        chain: this.#options.callGraph === 'none' ? undefined : { name: '', dso: -1, address: 0n, period: 0, next: new Map() },
        depth: 0,
      };
      report.rows.set(key, row);
    }
    if (self) {
      row.period += period;
      row.samples += samples;
    }
    return row;
  }

  #place(map: MapEntry | undefined, mode: number, hi: number, lo: number, pid: number, raw = false): Place {
    const symbol = this.#namer.symbol(map, hi, lo, pid);
    const address = (BigInt(hi) << 32n) | BigInt(lo);
    const level = map?.dso.kernel === true || mode === PERF_RECORD_MISC.KERNEL ? 'k' : mode === PERF_RECORD_MISC.HYPERVISOR ? 'H' : '.';
    // the kernel is shown as it lies, everything else (modules too) as it lies in its file; callers of a chain as they lie
    const shown = map === undefined || raw || map.dso.name.startsWith('[kernel') ? address : address - map.start + map.pgoff;
    return {
      dso: map === undefined ? '[unknown]' : short(map.dso),
      symbol: `[${level}] ${symbol?.name ?? hexAddress(shown)}`,
      frame: symbol?.name ?? (address === 0n ? '0' : `0x${address.toString(16)}`),
      file: map === undefined ? -1 : this.#file(map.dso),
      start: symbol === undefined ? address : address - symbol.offset,
    };
  }

  /** Files in the order of their first use. */
  #file(dso: Dso): number {
    let n = this.#files.get(dso);
    if (n === undefined) {
      n = this.#files.size;
      this.#files.set(dso, n);
    }
    return n;
  }

  #at(thread: Thread, mode: number, ip: bigint, raw = false): Place {
    const [hi, lo] = halves(ip);
    return this.#place(this.#session.findMap(thread, mode, hi, lo), mode, hi, lo, thread.pid, raw);
  }

  #slow(cursor: RecordCursor, event: EventEntry, report: EventReport, thread: Thread, period: number): void {
    let sample: Sample;
    try {
      sample = decodeSample(cursor, event.attr);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#recording.issues.push(error);
      return;
    }
    const mode = cursor.misc & PERF_RECORD_MISC.CPUMODE_MASK;
    if (this.#options.branch) {
      for (const e of sample.branchStack?.entries ?? []) {
        report.samples++;
        report.period++;
        const side = (ip: bigint): Place => {
          const place = this.#at(thread, ip >> 63n === 1n ? PERF_RECORD_MISC.KERNEL : PERF_RECORD_MISC.USER, ip);
          // perf tries every mode in turn, and the last one it tried is the one it shows
          return place.dso === '[unknown]' ? { ...place, symbol: `[H] ${hexAddress(ip)}` } : place;
        };
        const from = side(e.from);
        const to = side(e.to);
        const f = PERF_BRANCH_ENTRY.unpack(e.flags);
        this.#add(
          report,
          thread,
          this.#keys(thread, sample, from, '', {
            from,
            to,
            mispredict: f.mispred === 1n ? 'Y' : 'N',
            cycles: f.cycles === 0n ? '-' : String(f.cycles),
          }),
          1,
          1,
          true,
        );
      }
      return;
    }
    const here = this.#at(thread, mode, sample.ip ?? 0n);
    const frames = this.#frames(sample, thread, mode);
    const row = this.#add(report, thread, this.#keys(thread, sample, here, frames[1]?.frame ?? '[none]', undefined), period, 1, true);
    const inwards = this.#options.callGraph === 'caller';
    const whole = inwards ? frames.toReversed() : frames;
    grow(row, whole, 0, period);
    if (!this.#options.children) return;
    row.children += period;
    const seen = new Set<ReportRow>([row]);
    // the hit itself is a frame, too: unnamed it is a row of its own, by its address as it lies. Of a recursion the first frame counts.
    let level = here.symbol.slice(0, 3);
    for (const [i, at] of whole.entries()) {
      const outer = inwards ? whole[i - 1] : whole[i + 1];
      const keys = this.#keys(thread, sample, at, outer?.frame ?? '[none]', undefined);
      // perf marks a frame in no file with the level of the frame before; it is the same row all the same
      if (at.dso !== '[unknown]') level = at.symbol.slice(0, 3);
      const marked = keys.map((k, n) => (this.#options.sort[n] === 'sym' ? `${level}${k.slice(3)}` : k));
      const caller = this.#add(report, thread, keys, 0, 0, false, marked);
      if (seen.has(caller)) continue;
      seen.add(caller);
      caller.children += period;
      grow(caller, whole, i, period);
    }
  }

  #frames(sample: Sample, thread: Thread, sampleMode: number): Place[] {
    return chainFrames(sample.callchain ?? [], sampleMode).map(({ mode, ip }) => this.#at(thread, mode, ip, true));
  }

  #keys(
    thread: Thread,
    sample: Sample,
    here: Place,
    caller: string,
    branch: { from: Place; to: Place; mispredict: string; cycles: string } | undefined,
  ): string[] {
    return this.#options.sort.map((k) => {
      switch (k) {
        case 'comm':
          return thread.comm;
        case 'pid':
        case 'tid':
          return String(thread.tid);
        case 'cpu':
          return `${(sample.cpu ?? -1) < 0 ? '-' : ''}${String(Math.abs(sample.cpu ?? -1)).padStart(3, '0')}`;
        case 'dso':
          return here.dso;
        case 'sym':
          return here.symbol;
        case 'caller':
          return caller;
        case 'dso_from':
          return branch?.from.dso ?? '';
        case 'dso_to':
          return branch?.to.dso ?? '';
        case 'symbol_from':
          return branch?.from.symbol ?? '';
        case 'symbol_to':
          return branch?.to.symbol ?? '';
        case 'mispredict':
          return branch?.mispredict ?? '';
        case 'cycles':
          return branch?.cycles ?? '';
      }
    });
  }
}

/** printf's %#.16x: zero has no prefix. */
const hexAddress = (v: bigint): string => `${v === 0n ? '' : '0x'}${v.toString(16).padStart(16, '0')}`;

/** Adds the frames from `from` on to a row's tree. */
function grow(row: ReportRow, frames: readonly Place[], from: number, period: number): void {
  row.depth = Math.max(row.depth, frames.length - from);
  if (row.chain === undefined) return;
  let node = row.chain;
  node.period += period;
  for (let i = from; i < frames.length; i++) {
    const { frame, file, start } = frames[i] as Place;
    let next = node.next.get(frame);
    if (next === undefined) {
      next = { name: frame, dso: file, address: start, period: 0, next: new Map() };
      node.next.set(frame, next);
    }
    next.period += period;
    node = next;
  }
}

/** True when some event of the recording has this in its samples. */
export const records = (recording: Recording, bit: number): boolean => recording.events.some((e) => (e.attr.sample_type & bit) !== 0);
export const hasCallchains = (recording: Recording): boolean => records(recording, PERF_SAMPLE.CALLCHAIN);
export const hasBranches = (recording: Recording): boolean => records(recording, PERF_SAMPLE.BRANCH_STACK);
