/**
 * A data ring as perf_event_open's mmap gives it: records of 8-byte multiples, a head that the kernel moves and a tail that the reader moves.
 * What finds no room is lost and told by a LOST record before the next one that does. kernel/events/ring_buffer.c; spec §6.4.
 * Where the bytes lie is the storage's matter: guest pages (file/ring-pages.ts), or a buffer that the host's recorder empties (DrainedRing).
 */

export interface RingStorage {
  /** Bytes for records: a power of two, or 0 for a mapping without data pages. */
  readonly sizeBytes: number;
  /** Where the reader is; only its low 32 bits are looked at. */
  tail(): number;
  /** `position` counts since the ring was made, negative in a ring that is written backward; the bytes wrap at the end. */
  put(position: number, bytes: Uint8Array): void;
  /** The records up to `head` are there for the reader. */
  publish(head: number): void;
}

export interface RingOptions {
  /** Bytes after which the reader is woken (attr.wakeup_watermark); 0 or none: half the ring. */
  readonly watermark?: number;
  /** The reader cannot say where it is (a read-only mapping): what is old is overwritten. */
  readonly overwrite?: boolean;
  /** Records grow towards lower positions, so that the newest is found at the head (attr.write_backward). */
  readonly backward?: boolean;
}

export class RecordRing {
  readonly watermark: number;
  readonly overwrite: boolean;
  readonly backward: boolean;
  /** PERF_EVENT_IOC_PAUSE_OUTPUT. */
  paused = false;
  /** Records that found no room, since the ring was made. */
  lost = 0;
  /** Bytes ever written; negative when they are written backward. */
  head = 0;
  /** How often the reader was to be woken: the watermark was passed, or so many samples came (attr.wakeup_events). */
  wakeups = 0;
  /** What poll tells: there was a wakeup since the last poll that was answered. */
  readable = false;
  protected readonly storage: RingStorage;
  private untold = 0;
  private wokenAt = 0;
  private samples = 0;

  constructor(storage: RingStorage, options: RingOptions = {}) {
    this.storage = storage;
    const { sizeBytes } = storage;
    this.watermark = Math.min(sizeBytes, options.watermark ?? 0) || sizeBytes / 2;
    this.overwrite = options.overwrite === true;
    this.backward = options.backward === true;
    this.paused = sizeBytes === 0;
  }

  get sizeBytes(): number {
    return this.storage.sizeBytes;
  }

  /** `lostRecord` makes the LOST record that goes before `record` when some have been lost. false: no room. perf_output_begin. */
  write(record: Uint8Array, lostRecord: (lost: number) => Uint8Array): boolean {
    if (this.paused) {
      if (this.sizeBytes > 0) this.lose();
      return false;
    }
    const first = this.untold > 0 ? lostRecord(this.untold) : undefined;
    const length = record.length + (first?.length ?? 0);
    if (!this.overwrite && this.room() < length) {
      this.lose();
      return false;
    }
    const at = this.backward ? this.head - length : this.head;
    this.head = this.backward ? at : at + length;
    if (first !== undefined) {
      this.storage.put(at, first);
      this.untold = 0;
    }
    this.storage.put(at + (first?.length ?? 0), record);
    this.storage.publish(this.head);
    const written = Math.abs(this.head);
    if (written - this.wokenAt > this.watermark) {
      this.wokenAt += this.watermark;
      this.wake();
    }
    return true;
  }

  /** A sample of an event with attr.wakeup_events went in. The end of perf_output_sample. */
  countSample(wakeupEvents: number): void {
    if (wakeupEvents === 0 || ++this.samples < wakeupEvents) return;
    this.samples -= wakeupEvents;
    this.wake();
  }

  private wake(): void {
    this.wakeups++;
    this.readable = true;
  }

  private lose(): void {
    this.lost++;
    this.untold++;
  }

  /** CIRC_SPACE: one byte stays free, so that a full ring is no empty one. */
  private room(): number {
    const mask = this.sizeBytes - 1;
    const tail = this.storage.tail();
    return this.backward ? (this.head - 1 - tail) & mask : (tail - 1 - this.head) & mask;
  }
}

/** Bytes in the host's own memory. */
class Buffer implements RingStorage {
  readonly sizeBytes: number;
  readonly bytes: Uint8Array;
  reader = 0;

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
    this.bytes = new Uint8Array(sizeBytes);
  }
  tail(): number {
    return this.reader;
  }
  put(position: number, bytes: Uint8Array): void {
    const at = position & (this.sizeBytes - 1);
    const first = bytes.subarray(0, this.sizeBytes - at);
    this.bytes.set(first, at);
    this.bytes.set(bytes.subarray(first.length), 0);
  }
  publish(): void {}
}

/** A ring whose reader takes everything that waits through a call: the host's recorder. */
export class DrainedRing extends RecordRing {
  private readonly buffer: Buffer;

  constructor(sizeBytes: number) {
    const buffer = new Buffer(sizeBytes);
    super(buffer);
    this.buffer = buffer;
  }

  /** Bytes that wait. */
  get used(): number {
    return this.head - this.buffer.reader;
  }
  get wantsReader(): boolean {
    return this.used >= this.watermark;
  }

  /** Takes everything that waits, oldest first. */
  drain(): Uint8Array {
    const { bytes, reader, sizeBytes } = this.buffer;
    const out = new Uint8Array(this.used);
    const at = reader & (sizeBytes - 1);
    const first = Math.min(out.length, sizeBytes - at);
    out.set(bytes.subarray(at, at + first));
    out.set(bytes.subarray(0, out.length - first), first);
    this.buffer.reader = this.head;
    return out;
  }
}

/** A ring that is written backward and over what is old: its reader takes what it holds, newest record first, when all is over. */
export class FlightRing extends RecordRing {
  private readonly buffer: Buffer;

  constructor(sizeBytes: number) {
    const buffer = new Buffer(sizeBytes);
    super(buffer, { overwrite: true, backward: true });
    this.buffer = buffer;
  }

  /** The whole records that are still there. The oldest may have been written over in its middle: it is left out. */
  snapshot(): Uint8Array {
    const { bytes, sizeBytes } = this.buffer;
    const at = this.head & (sizeBytes - 1);
    const out = new Uint8Array(sizeBytes);
    out.set(bytes.subarray(at));
    out.set(bytes.subarray(0, at), sizeBytes - at);
    const view = new DataView(out.buffer);
    const written = Math.min(-this.head, sizeBytes);
    let end = 0;
    while (end < written) {
      const size = view.getUint16(end + 6, true);
      if (size === 0 || end + size > written) break;
      end += size;
    }
    return out.subarray(0, end);
  }
}
