/**
 * Files and their mapped pages show the same bytes, as Linux's page cache makes them: while a file is mapped, the cached frames are the
 * truth for reads and get what is written; while it is not, a write gives the file a new key and the old frames go.
 */
import type { InodeRecord } from './inodes.ts';

export const PAGE = 4096;

/** The kernel's page cache as files see it. */
export interface FilePages {
  /** The bytes of a cached page, live; undefined: not cached. */
  page(key: string, index: number): Uint8Array | undefined;
  /** After a change of what `page` gave. */
  changed(key: string, index: number): void;
  /** Forgets all pages of a key. */
  drop(key: string): void;
}

export const NO_PAGES: FilePages = { page: () => undefined, changed: () => {}, drop: () => {} };

export const keyOf = (record: InodeRecord): string => `${record.dev}:${record.ino}@${record.version}`;

/** Calls `what` for every cached page that [from, to) touches, with the part of the page as offsets. */
function eachPage(
  pages: FilePages,
  key: string,
  from: number,
  to: number,
  what: (page: Uint8Array, start: number, end: number, at: number, index: number) => void,
): void {
  for (let index = Math.floor(from / PAGE); index * PAGE < to; index++) {
    const page = pages.page(key, index);
    if (page === undefined) continue;
    const start = Math.max(from, index * PAGE);
    what(page, start - index * PAGE, Math.min(to, (index + 1) * PAGE) - index * PAGE, start - from, index);
  }
}

/** What a read at `position` brought from the host, with newer bytes of mapped pages over it. */
export function readThrough(pages: FilePages, record: InodeRecord, bytes: Uint8Array, position: number): void {
  if (record.writableMapped === 0) return;
  eachPage(pages, keyOf(record), position, position + bytes.length, (page, start, end, at) => {
    bytes.set(page.subarray(start, end), at);
  });
}

/** `bytes` were written at `position`. */
export function writeThrough(pages: FilePages, record: InodeRecord, bytes: Uint8Array, position: number): void {
  const key = keyOf(record);
  if (record.mapped === 0) {
    pages.drop(key);
    record.version++;
    return;
  }
  eachPage(pages, key, position, position + bytes.length, (page, start, end, at, index) => {
    page.set(bytes.subarray(at, at + end - start), start);
    pages.changed(key, index);
  });
}

/** The file was cut, or grew with zeroes, from `before` to `size` bytes. */
export function resizeThrough(pages: FilePages, record: InodeRecord, before: number, size: number): void {
  const key = keyOf(record);
  if (record.mapped === 0) {
    pages.drop(key);
    record.version++;
    return;
  }
  eachPage(pages, key, size, Math.max(size, before), (page, start, end, _at, index) => {
    page.fill(0, start, end);
    pages.changed(key, index);
  });
}
