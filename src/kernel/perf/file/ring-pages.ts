/**
 * The pages of a mapping of an event: one for struct perf_event_mmap_page, 2^n for records. struct perf_buffer, kernel/events/ring_buffer.c.
 * The pages live as long as an event writes to them or a mapping shows them.
 */
import type { FrameAllocator } from '../../mm/frames.ts';
import { PAGE } from '../../mm/frames.ts';
import type { PerfEvent } from '../event.ts';
import { RecordRing, type RingOptions, type RingStorage } from '../record-ring.ts';
import { MmapPage } from './mmap-page.ts';

class Pages implements RingStorage {
  readonly sizeBytes: number;
  readonly page: MmapPage;
  readonly frames: readonly number[];
  private readonly memory: FrameAllocator['memory'];

  constructor(allocator: FrameAllocator, page: MmapPage, frames: readonly number[]) {
    this.memory = allocator.memory;
    this.page = page;
    this.frames = frames;
    this.sizeBytes = frames.length * PAGE;
  }
  tail(): number {
    return this.page.tail();
  }
  put(position: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const at = (position + done) & (this.sizeBytes - 1);
      const inPage = at % PAGE;
      const n = Math.min(bytes.length - done, PAGE - inPage);
      const to = (this.frames[(at - inPage) / PAGE] as number) + inPage;
      this.memory.bytes.set(bytes.subarray(done, done + n), to);
      this.memory.written(to, n);
      done += n;
    }
  }
  publish(head: number): void {
    this.page.publishHead(head);
  }
}

/** A ring in guest pages, and who uses it. */
export class MappedRing extends RecordRing {
  readonly page: MmapPage;
  /** Events that write into it. */
  readonly events = new Set<PerfEvent>();
  /** Mappings of it: rb->mmap_count. At 0 it is unreachable, and its events leave it. */
  mappings = 0;
  /** Gives back what the ring's maker was charged for locked memory. */
  uncharge: () => void = () => {};
  private readonly allocator: FrameAllocator;
  private readonly frames: readonly number[];
  private held = true;

  private constructor(allocator: FrameAllocator, pages: Pages, options: RingOptions) {
    super(pages, options);
    this.allocator = allocator;
    this.page = pages.page;
    this.frames = [pages.page.frame, ...pages.frames];
  }

  /** undefined: no memory. */
  static allocate(allocator: FrameAllocator, dataPages: number, tscHz: number, options: RingOptions): MappedRing | undefined {
    const frames: number[] = [];
    if (dataPages > allocator.totalFrames) return undefined;
    for (let i = 0; i <= dataPages; i++) {
      const frame = allocator.allocate();
      if (frame === undefined) {
        for (const f of frames) allocator.release(f);
        return undefined;
      }
      frames.push(frame);
    }
    const [first, ...data] = frames as [number, ...number[]];
    const page = new MmapPage(allocator.memory, first, data.length * PAGE, tscHz);
    return new MappedRing(allocator, new Pages(allocator, page, data), options);
  }

  get dataPages(): number {
    return this.frames.length - 1;
  }
  /** The frame behind page `index` of a mapping. */
  frame(index: number): number | undefined {
    return this.frames[index];
  }

  attach(event: PerfEvent): void {
    this.events.add(event);
    event.output = this;
  }
  detach(event: PerfEvent): void {
    if (!this.events.delete(event)) return;
    event.output = undefined;
    this.freeIfUnused();
  }
  /** Frees the pages once nobody can write or read them. */
  freeIfUnused(): void {
    if (!this.held || this.events.size > 0 || this.mappings > 0) return;
    this.held = false;
    for (const f of this.frames) this.allocator.release(f);
  }
}
