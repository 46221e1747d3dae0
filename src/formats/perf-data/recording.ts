/** What a reader knows of a recording besides its records: header, events, features. In pipe mode it grows while records are read. */
import { PERF_RECORD } from '#abi/perf-event/record.ts';
import type { FormatError } from '#base/format-error.ts';
import type { PerfEventAttr } from './attr.ts';
import type { RecordCursor } from './cursor.ts';
import { defaultEventName } from './event-name.ts';
import type { Features } from './features.ts';
import { type SampleLayout, sampleLayout, type TrailerLayout, trailerLayout } from './layout.ts';

export interface Section {
  readonly offset: number;
  readonly size: number;
}

/** The 104-byte header of file mode. */
export interface FileHeader {
  readonly attrSize: number;
  readonly attrs: Section;
  readonly data: Section;
  readonly eventTypes: Section;
  /** Bits set in the feature bitmap, ascending. */
  readonly featureBits: readonly number[];
}

/** One event of the recording: perf calls it evsel. */
export interface EventEntry {
  readonly index: number;
  readonly attr: PerfEventAttr;
  readonly ids: readonly bigint[];
  name: string;
  readonly layout: SampleLayout;
  readonly trailer: TrailerLayout;
}

export class Recording {
  readonly mode: 'file' | 'pipe';
  readonly littleEndian: boolean;
  readonly header: FileHeader | undefined;
  readonly events: EventEntry[] = [];
  readonly features: Features = {};
  /** Features of file mode are read once. */
  featuresRead = false;
  /** Damage that did not stop the reading: a feature that does not parse, a data size of 0. */
  readonly issues: FormatError[] = [];
  /** Records whose id belongs to no event of the file. */
  unknownIds = 0;
  readonly #byId = new Map<number, EventEntry>();
  #lastId = -1;
  #lastEvent: EventEntry | undefined;

  constructor(mode: 'file' | 'pipe', littleEndian: boolean, header?: FileHeader) {
    this.mode = mode;
    this.littleEndian = littleEndian;
    this.header = header;
  }

  addEvent(attr: PerfEventAttr, ids: readonly bigint[]): EventEntry {
    const entry: EventEntry = {
      index: this.events.length,
      attr,
      ids,
      name: defaultEventName(attr),
      layout: sampleLayout(attr),
      trailer: trailerLayout(attr),
    };
    this.events.push(entry);
    for (const id of ids) this.#byId.set(Number(id), entry);
    return entry;
  }

  eventById(id: bigint): EventEntry | undefined {
    return this.#byId.get(Number(id));
  }

  /** Names from EVENT_DESC, matched by ids, or by position where there are none. */
  applyEventDesc(): void {
    const list = this.features.eventDesc ?? [];
    for (const [i, desc] of list.entries()) {
      const first = desc.ids[0];
      const event = first === undefined ? this.events[i] : (this.eventById(first) ?? this.events[i]);
      if (event !== undefined && desc.name !== '') event.name = desc.name;
    }
  }

  /**
   * The event that a kernel record (type < 64) belongs to; undefined when its id is unknown or the record is too short to have one.
   * All attrs of a file have their id at one place: the first tells it.
   */
  eventOf(cursor: RecordCursor): EventEntry | undefined {
    const first = this.events[0];
    if (first === undefined || this.events.length === 1) return first;
    let at: number;
    if (cursor.type === PERF_RECORD.SAMPLE) {
      at = first.layout.anyId;
    } else {
      if (first.trailer.size === 0 || first.trailer.anyId < 0) return first;
      at = cursor.size - first.trailer.anyId;
    }
    if (at < 8) return first;
    if (at + 8 > cursor.size) {
      this.unknownIds++;
      return undefined;
    }
    const id = cursor.number64(at);
    if (id === this.#lastId) return this.#lastEvent;
    if (id === 0) return first; // synthesized by the tool
    const event = this.#byId.get(id);
    if (event === undefined) this.unknownIds++;
    else {
      this.#lastId = id;
      this.#lastEvent = event;
    }
    return event;
  }
}
