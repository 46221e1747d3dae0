/** Standard output for bulk text: written at once, so that no output piles up in memory when the reader is slow. */
import { writeSync } from 'node:fs';

/** Writes all of `bytes` to descriptor 1. */
export function writeStdout(bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.byteLength) {
    try {
      at += writeSync(1, bytes, at, bytes.byteLength - at);
    } catch (error) {
      // a pipe in non-blocking mode is full: wait for its reader
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
