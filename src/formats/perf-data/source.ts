/**
 * Where bytes come from. The readers are generators that ask for a range (or for something to be decompressed) and are answered
 * by a driver, so that one reader serves memory, files, pipes and browser blobs, synchronously or not.
 */
import { FormatError } from '#base/format-error.ts';

/** Random access. `read` returns fewer bytes than asked only at the end. The bytes must not change afterwards. */
export interface ByteSource {
  /** Total bytes, if known; unknown for pipes. */
  readonly size?: number;
  /** True when only growing offsets can be read (a pipe). */
  readonly sequential?: boolean;
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
}

export interface SyncByteSource extends ByteSource {
  read(offset: number, length: number): Uint8Array;
}

/** What a reader asks for. */
export type Need =
  | { readonly kind: 'bytes'; readonly offset: number; readonly length: number }
  | { readonly kind: 'inflate'; readonly data: Uint8Array; readonly limit: number; readonly offset: number };

/**
 * Stream decompressor of PERF_RECORD_COMPRESSED data (zstd). One per file: the records continue one stream.
 * Returns all that `data` yields; throws when the data are bad or the output exceeds `limit` bytes.
 */
export interface Inflate {
  push(data: Uint8Array, limit: number): Uint8Array | Promise<Uint8Array>;
}

export type Reading<T> = Generator<Need, T, Uint8Array>;

function inflateError(need: Need & { kind: 'inflate' }, error: unknown): FormatError {
  return new FormatError(
    need.offset,
    `compressed record cannot be decompressed: ${error instanceof Error ? error.message : String(error)}`,
  );
}

const NO_INFLATE = 'no zstd decompressor was given';

/** Answers a reader from a source that is synchronous; `inflate` must be synchronous too. */
export function driveSync<T>(reading: Reading<T>, source: SyncByteSource, inflate?: Inflate): T {
  let step = reading.next();
  while (!step.done) {
    const need = step.value;
    if (need.kind === 'bytes') step = reading.next(source.read(need.offset, need.length));
    else {
      let data: Uint8Array | Promise<Uint8Array>;
      try {
        if (inflate === undefined) throw new Error(NO_INFLATE);
        data = inflate.push(need.data, need.limit);
        if (!(data instanceof Uint8Array)) throw new Error('the decompressor is asynchronous: read asynchronously');
      } catch (error) {
        step = reading.throw(inflateError(need, error));
        continue;
      }
      step = reading.next(data);
    }
  }
  return step.value;
}

/** Answers a reader from any source. */
export async function drive<T>(reading: Reading<T>, source: ByteSource, inflate?: Inflate): Promise<T> {
  let step = reading.next();
  while (!step.done) {
    const need = step.value;
    if (need.kind === 'bytes') {
      const bytes = source.read(need.offset, need.length);
      step = reading.next(bytes instanceof Uint8Array ? bytes : await bytes);
    } else {
      let data: Uint8Array;
      try {
        if (inflate === undefined) throw new Error(NO_INFLATE);
        const pushed = inflate.push(need.data, need.limit);
        data = pushed instanceof Uint8Array ? pushed : await pushed;
      } catch (error) {
        step = reading.throw(inflateError(need, error));
        continue;
      }
      step = reading.next(data);
    }
  }
  return step.value;
}

/** A file in memory. */
export function memorySource(bytes: Uint8Array): SyncByteSource {
  return {
    size: bytes.byteLength,
    read: (offset, length) => bytes.subarray(Math.min(offset, bytes.byteLength), Math.min(offset + length, bytes.byteLength)),
  };
}

const KEEP = 0x2_0000; // ids stand before the attrs that tell of them

/** A pipe: chunks in order. Keeps what the last read began with and 128 KiB before it, so that a window may start anywhere in the last one. */
export function chunkSource(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): ByteSource {
  const iterator = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  let buffer: Uint8Array = new Uint8Array(0);
  let start = 0; // offset of buffer[0]
  let done = false;
  const pull = async (offset: number, length: number): Promise<Uint8Array> => {
    if (offset < start)
      throw new FormatError(offset, `this part of the file is needed again, and a pipe cannot go back (now at 0x${start.toString(16)})`);
    // what was returned last stays until the reader moves on: it may go back within it
    const passed = Math.min(Math.max(0, offset - KEEP - start), buffer.byteLength);
    buffer = buffer.subarray(passed);
    start += passed;
    const parts: Uint8Array[] = [];
    let end = start + buffer.byteLength;
    while (!done && end < offset + length) {
      const step = await iterator.next();
      if (step.done === true) {
        done = true;
        break;
      }
      const chunk = step.value;
      end += chunk.byteLength;
      if (end <= offset) {
        // skipped as a whole
        buffer = chunk.subarray(chunk.byteLength);
        start = end;
        parts.length = 0;
      } else parts.push(chunk);
    }
    if (parts.length > 0) {
      const joined = new Uint8Array(end - start);
      joined.set(buffer, 0);
      let at = buffer.byteLength;
      for (const p of parts) {
        joined.set(p, at);
        at += p.byteLength;
      }
      buffer = joined;
    }
    const out = buffer.subarray(Math.min(offset - start, buffer.byteLength), Math.min(offset + length - start, buffer.byteLength));
    return out;
  };
  return { sequential: true, read: pull };
}
