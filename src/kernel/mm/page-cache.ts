/**
 * Frames that hold file pages, by file content (PageSource.key) and index: shared by all processes that map the file, so that a second
 * run of the same program finds its text where the engine has translated it already.
 */
import { type FrameAllocator, PAGE } from './frames.ts';
import type { PageSource } from './page-source.ts';

export class PageCache {
  private readonly frames: FrameAllocator;
  private readonly files = new Map<string, Map<number, number>>();

  constructor(frames: FrameAllocator) {
    this.frames = frames;
  }

  /** The frame of a page with one user more, `fresh` if it had to be read; 'oom'; or -errno from the file. */
  get(source: PageSource, index: number): { readonly frame: number; readonly fresh: boolean } | 'oom' | number {
    let pages = this.files.get(source.key);
    if (pages === undefined) {
      pages = new Map();
      this.files.set(source.key, pages);
    }
    const known = pages.get(index);
    if (known !== undefined) {
      this.frames.share(known);
      return { frame: known, fresh: false };
    }
    const frame = this.frames.allocate();
    if (frame === undefined) return 'oom';
    const read = source.readPage(index, this.frames.memory.bytes.subarray(frame, frame + PAGE));
    if (read < 0) {
      this.frames.release(frame);
      return read;
    }
    this.frames.memory.written(frame, PAGE);
    pages.set(index, frame);
    this.frames.share(frame);
    return { frame, fresh: true };
  }

  /** The cached frame of a page without a new user: for write-back and for files that read their own cached pages. */
  peek(key: string, index: number): number | undefined {
    return this.files.get(key)?.get(index);
  }

  /** Forgets a file's pages; mappings keep theirs. */
  drop(key: string): void {
    for (const frame of this.files.get(key)?.values() ?? []) this.frames.release(frame);
    this.files.delete(key);
  }

  /** Frees what only the cache uses. */
  reclaim(): boolean {
    let any = false;
    for (const [key, pages] of this.files) {
      for (const [index, frame] of pages) {
        if (this.frames.users(frame) !== 1) continue;
        this.frames.release(frame);
        pages.delete(index);
        any = true;
      }
      if (pages.size === 0) this.files.delete(key);
    }
    return any;
  }
}
