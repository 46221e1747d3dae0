/**
 * A data ring as perf_event_open's mmap gives it: records of 8-byte multiples, `sizeBytes` of room, a reader that takes them now and then.
 * What finds no room is lost and told by a LOST record before the next one that does. kernel/events/ring_buffer.c; spec §6.4.
 * The records are kept as they come; a reader that gets them through a call needs no wrapping page.
 */

export class RecordRing {
  /** A power of two. */
  readonly sizeBytes: number;
  /** From so many bytes on the reader is woken; Linux's default is half the ring. */
  readonly watermark: number;
  /** Bytes that wait. */
  used = 0;
  /** Records that found no room, since the ring was made. */
  lost = 0;
  /** Bytes ever written. */
  head = 0;
  private untold = 0;
  private records: Uint8Array[] = [];

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
    this.watermark = sizeBytes / 2;
  }

  /** `lostRecord` makes the LOST record that goes before `record` when some have been lost. false: no room. */
  write(record: Uint8Array, lostRecord: (lost: number) => Uint8Array): boolean {
    const first = this.untold > 0 ? lostRecord(this.untold) : undefined;
    // CIRC_SPACE: one byte stays free, so that a full ring is no empty one.
    if (this.used + record.length + (first?.length ?? 0) > this.sizeBytes - 1) {
      this.lost++;
      this.untold++;
      return false;
    }
    if (first !== undefined) {
      this.push(first);
      this.untold = 0;
    }
    this.push(record);
    return true;
  }

  get wantsReader(): boolean {
    return this.used >= this.watermark;
  }

  /** Takes everything that waits, oldest first. */
  drain(): Uint8Array {
    const out = new Uint8Array(this.used);
    let at = 0;
    for (const r of this.records) {
      out.set(r, at);
      at += r.length;
    }
    this.records = [];
    this.used = 0;
    return out;
  }

  private push(record: Uint8Array): void {
    this.records.push(record);
    this.used += record.length;
    this.head += record.length;
  }
}
