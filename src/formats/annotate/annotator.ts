/** Samples by symbol and address: which instruction was hit how often. Rules as perf annotate's: each event for itself, commands not told apart. */
import { PERF_RECORD, PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
import { FormatError } from '#base/format-error.ts';
import type { Dso, MapEntry } from '../perf-data/address-map.ts';
import { USER_RECORD_START } from '../perf-data/constants.ts';
import type { RecordCursor } from '../perf-data/cursor.ts';
import type { EventEntry, Recording } from '../perf-data/recording.ts';
import { AddressNamer } from '../perf-data/resolve.ts';
import { readsCounters, SampleReads } from '../perf-data/sample-read.ts';
import type { RecordSink } from '../perf-data/scan.ts';
import type { Session } from '../perf-data/session.ts';
import type { SymbolResolver } from '../symbols-port.ts';

export interface Hits {
  samples: number;
  /** Sum of the periods. */
  period: number;
}

export interface AnnotatedSymbol extends Hits {
  readonly dso: Dso;
  readonly name: string;
  /** Offset in the file; for the kernel and its modules the virtual address. */
  readonly start: bigint;
  /** Bytes; 0 where nobody knows. */
  readonly size: bigint;
  /** By bytes from `start`. */
  readonly at: Map<number, Hits>;
}

export interface AnnotatedEvent extends Hits {
  readonly event: EventEntry;
  readonly symbols: AnnotatedSymbol[];
  /** Samples that no symbol holds, by file. */
  readonly elsewhere: Map<string, Hits>;
}

/** Where an address belongs, found once for each. */
interface Place {
  readonly symbol: AnnotatedSymbol | undefined;
  readonly hits: Hits;
}

const TWO32 = 4294967296;

export class Annotator implements RecordSink {
  readonly events: AnnotatedEvent[] = [];
  /** Samples too short for their fields. */
  short = 0;
  readonly #recording: Recording;
  readonly #reads: SampleReads;
  readonly #session: Session;
  readonly #namer: AddressNamer;
  readonly #places: Map<MapEntry | undefined, Map<number, Place>>[] = [];
  readonly #symbols: Map<string, AnnotatedSymbol>[] = [];

  constructor(recording: Recording, session: Session, resolver: SymbolResolver) {
    this.#recording = recording;
    this.#reads = new SampleReads(recording);
    this.#session = session;
    this.#namer = new AddressNamer(resolver, { sym: true, symoff: false, dso: false });
  }

  record(cursor: RecordCursor): void {
    if (cursor.type >= USER_RECORD_START) return;
    const event = this.#recording.eventOf(cursor);
    if (cursor.type !== PERF_RECORD.SAMPLE) {
      try {
        this.#session.process(cursor, event);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        this.#recording.issues.push(error);
      }
      return;
    }
    if (event === undefined) return;
    const { layout } = event;
    if (cursor.size < layout.variable) {
      this.short++;
      return;
    }
    if (readsCounters(event)) for (const d of this.#reads.deliver(cursor, event)) this.#sample(cursor, event, d.event, Number(d.period));
    else this.#sample(cursor, event, event, layout.period >= 0 ? cursor.number64(layout.period) : Number(event.attr.sample_period));
  }

  #sample(cursor: RecordCursor, from: EventEntry, event: EventEntry, period: number): void {
    const { layout } = from;
    const pid = layout.tid >= 0 ? cursor.u32(layout.tid) | 0 : -1;
    const tid = layout.tid >= 0 ? cursor.u32(layout.tid + 4) | 0 : -1;
    const hi = layout.ip >= 0 ? cursor.hi32(layout.ip) : 0;
    const lo = layout.ip >= 0 ? cursor.lo32(layout.ip) : 0;
    const mode = cursor.misc & PERF_RECORD_MISC.CPUMODE_MASK;
    const map = this.#session.findMap(this.#session.thread(pid, tid), mode, hi, lo);
    const report = this.#event(event);
    const { symbol, hits } = this.#place(report, map, hi, lo, pid);
    for (const h of symbol === undefined ? [report, hits] : [report, symbol, hits]) {
      h.samples++;
      h.period += period;
    }
  }

  #event(event: EventEntry): AnnotatedEvent {
    let e = this.events[event.index];
    if (e === undefined) {
      e = { event, samples: 0, period: 0, symbols: [], elsewhere: new Map() };
      this.events[event.index] = e;
      this.#places[event.index] = new Map();
      this.#symbols[event.index] = new Map();
    }
    return e;
  }

  #place(report: AnnotatedEvent, map: MapEntry | undefined, hi: number, lo: number, pid: number): Place {
    const places = this.#places[report.event.index] as Map<MapEntry | undefined, Map<number, Place>>;
    let known = places.get(map);
    if (known === undefined) {
      known = new Map();
      places.set(map, known);
    }
    // where no mapping holds the address it does not matter which address it is
    const key = map === undefined ? 0 : (hi - map.startHi) * TWO32 + lo - map.startLo;
    let place = known.get(key);
    if (place === undefined) {
      place = this.#find(report, map, hi, lo, pid);
      known.set(key, place);
    }
    return place;
  }

  #find(report: AnnotatedEvent, map: MapEntry | undefined, hi: number, lo: number, pid: number): Place {
    const found = this.#namer.symbol(map, hi, lo, pid);
    if (map === undefined || found === undefined) {
      const name = map?.dso.name ?? '[unknown]';
      return { symbol: undefined, hits: hitsAt(report.elsewhere, name) };
    }
    const ip = (BigInt(hi) << 32n) | BigInt(lo);
    const start = (map.dso.kernel ? ip : ip - map.start + map.pgoff) - found.offset;
    const symbols = this.#symbols[report.event.index] as Map<string, AnnotatedSymbol>;
    const key = `${map.dso.longName}\0${start}\0${found.name}`;
    let symbol = symbols.get(key);
    if (symbol === undefined) {
      const size = found.size ?? (map.symbol === undefined ? 0n : map.end - map.start);
      symbol = { dso: map.dso, name: found.name, start, size, samples: 0, period: 0, at: new Map() };
      symbols.set(key, symbol);
      report.symbols.push(symbol);
    }
    return { symbol, hits: hitsAt(symbol.at, Number(found.offset)) };
  }

  /** Ends the counting: events that have samples, their symbols with the heaviest first. */
  finish(): AnnotatedEvent[] {
    const events = this.events.filter((e) => e !== undefined);
    for (const e of events) e.symbols.sort((a, b) => b.period - a.period || (a.name < b.name ? -1 : 1));
    return events;
  }
}

function hitsAt<K>(map: Map<K, Hits>, key: K): Hits {
  let hits = map.get(key);
  if (hits === undefined) {
    hits = { samples: 0, period: 0 };
    map.set(key, hits);
  }
  return hits;
}
