/**
 * The traced code: address ranges with their bytes. A range added later hides what it overlaps (as a later mmap does).
 * Adding code bumps `version`, so that tables built from the image can drop what they decoded.
 */
import { ip64, ipHi, ipLo } from './addr-map.ts';

export interface CodeRegion {
  /** First address. */
  readonly start: bigint;
  readonly bytes: Uint8Array;
  /** For reports: file name or other origin. */
  readonly name: string;
}

interface Region extends CodeRegion {
  readonly lo: number;
  readonly hi: number;
}

const TWO32 = 4294967296;

export class CodeImage {
  /** Newest first. */
  private readonly regions: Region[] = [];
  version = 0;
  private last: Region | undefined;

  add(start: bigint, bytes: Uint8Array, name = ''): void {
    if (bytes.length === 0) return;
    this.regions.unshift({ start, bytes, name, lo: ipLo(start) >>> 0, hi: ipHi(start) >>> 0 });
    this.last = undefined;
    this.version++;
  }

  get regionCount(): number {
    return this.regions.length;
  }

  list(): readonly CodeRegion[] {
    return this.regions;
  }

  /** Region and offset of an address, newest region first. */
  find(lo: number, hi: number): { region: CodeRegion; offset: number } | undefined {
    const ulo = lo >>> 0;
    const uhi = hi >>> 0;
    for (const region of this.regions) {
      const offset = (uhi - region.hi) * TWO32 + (ulo - region.lo);
      if (offset >= 0 && offset < region.bytes.length) return { region, offset };
    }
    return undefined;
  }

  /** The byte at an address, or −1. */
  byteAt(lo: number, hi: number): number {
    const ulo = lo >>> 0;
    const uhi = hi >>> 0;
    const { last } = this;
    if (last !== undefined && last === this.regions[0]) {
      const offset = (uhi - last.hi) * TWO32 + (ulo - last.lo);
      if (offset >= 0 && offset < last.bytes.length) return last.bytes[offset]!;
    }
    const hit = this.find(lo, hi);
    if (hit === undefined) return -1;
    this.last = hit.region as Region;
    return hit.region.bytes[hit.offset]!;
  }

  /** Copies up to `out.length` contiguous bytes from an address on; returns how many there are (0: no code there). */
  read(lo: number, hi: number, out: Uint8Array): number {
    let n = 0;
    let ulo = lo >>> 0;
    let uhi = hi >>> 0;
    while (n < out.length) {
      const hit = this.find(ulo, uhi);
      if (hit === undefined) break;
      const run = this.runLength(hit, ip64(ulo, uhi), out.length - n);
      out.set(hit.region.bytes.subarray(hit.offset, hit.offset + run), n);
      n += run;
      ulo += run;
      if (ulo >= TWO32) {
        ulo -= TWO32;
        uhi = (uhi + 1) >>> 0;
      }
    }
    return n;
  }

  /** Bytes that the hit region gives before it ends or a newer region begins. */
  private runLength(hit: { region: CodeRegion; offset: number }, at: bigint, want: number): number {
    let run = Math.min(want, hit.region.bytes.length - hit.offset);
    for (const newer of this.regions) {
      if (newer === hit.region) break;
      if (newer.start > at && newer.start < at + BigInt(run)) run = Number(newer.start - at);
    }
    return run;
  }
}
