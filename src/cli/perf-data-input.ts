/** perf.data from disk or standard input, for the commands. The only place where recordings meet Node. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { constants, createZstdDecompress, type ZstdDecompress } from 'node:zlib';
import { FormatError } from '#base/format-error.ts';
import { openPerfData, type PerfData } from '#formats/perf-data/read.ts';
import { type ByteSource, chunkSource, type Inflate, type SyncByteSource } from '#formats/perf-data/source.ts';
import { CliError } from './command.ts';

/** A regular file, read at once where asked. */
export function fileSource(fd: number, size: number): SyncByteSource {
  return {
    size,
    read: (offset, length) => {
      const want = Math.max(0, Math.min(length, size - offset));
      const bytes = Buffer.allocUnsafeSlow(want);
      let got = 0;
      while (got < want) {
        const n = readSync(fd, bytes, got, want - got, offset + got);
        if (n === 0) break;
        got += n;
      }
      return bytes.subarray(0, got);
    },
  };
}

/** zstd by Node: one stream for all records of a file, as perf writes it. */
export class NodeZstd implements Inflate {
  #stream: ZstdDecompress | undefined;
  #parts: Buffer[] = [];
  #bytes = 0;
  #limit = 0;
  #failed: Error | undefined;
  #settle: ((error: Error | undefined) => void) | undefined;

  async push(data: Uint8Array, limit: number): Promise<Uint8Array> {
    const stream = this.#open();
    this.#parts = [];
    this.#bytes = 0;
    this.#limit = limit;
    const error = await new Promise<Error | undefined>((resolve) => {
      this.#settle = resolve;
      if (this.#failed !== undefined) resolve(this.#failed);
      else stream.write(data, () => resolve(this.#failed));
    });
    if (error !== undefined) throw error;
    const out = Buffer.concat(this.#parts);
    return new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
  }

  #open(): ZstdDecompress {
    if (this.#stream !== undefined) return this.#stream;
    const stream = createZstdDecompress({ flush: constants.ZSTD_e_flush });
    const fail = (error: Error): void => {
      this.#failed ??= error;
      this.#settle?.(this.#failed);
    };
    stream.on('error', fail);
    stream.on('data', (part: Buffer) => {
      this.#bytes += part.byteLength;
      if (this.#bytes > this.#limit) {
        fail(new Error(`more than ${this.#limit} bytes come out of it`));
        stream.destroy();
      } else this.#parts.push(part);
    });
    this.#stream = stream;
    return stream;
  }
}

export interface OpenInput {
  readonly data: PerfData;
  readonly name: string;
  /** Milliseconds since 1970 of the last change; undefined for a pipe. */
  readonly changedMs: number | undefined;
  readonly sizeBytes: number | undefined;
  readonly source: ByteSource;
  close(): void;
}

/** Opens `path`, or standard input for `-`. What is no recording is a CliError that says so. */
export async function openInput(path: string): Promise<OpenInput> {
  let source: ByteSource;
  let close = (): void => undefined;
  let changedMs: number | undefined;
  let sizeBytes: number | undefined;
  if (path === '-') source = chunkSource(process.stdin);
  else {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (error) {
      throw new CliError(`cannot open ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)} (use -i FILE)`);
    }
    const stat = fstatSync(fd);
    if (stat.isDirectory()) {
      closeSync(fd);
      throw new CliError(`${path} is a directory: recordings of 'perf record --threads' are not supported`);
    }
    if (stat.isFile()) {
      source = fileSource(fd, stat.size);
      sizeBytes = stat.size;
      changedMs = stat.mtimeMs;
    } else source = chunkSource(fifoChunks(fd));
    close = () => closeSync(fd);
  }
  try {
    return { data: await openPerfData(source, { inflate: new NodeZstd() }), name: path, changedMs, sizeBytes, source, close };
  } catch (error) {
    close();
    if (error instanceof FormatError) throw new CliError(`${path}: ${error.message}`);
    throw error;
  }
}

function* fifoChunks(fd: number): Generator<Uint8Array> {
  for (;;) {
    const chunk = Buffer.allocUnsafeSlow(0x1_0000);
    const n = readSync(fd, chunk, 0, chunk.byteLength, null);
    if (n === 0) return;
    yield chunk.subarray(0, n);
  }
}
