/** Where a recording goes: a file, whose header can be patched, or standard output. A failed write leaves what was whole before it. */
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import type { ByteSink } from '#formats/perf-data/write.ts';
import { CliError } from '../command.ts';
import { writeStdout } from '../stdout.ts';

/** The recording can go on no longer: ENOSPC, EPIPE… */
export class OutputFailure extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

const codeOf = (e: unknown): string => (e as NodeJS.ErrnoException).code ?? 'error';

export interface RecordingSink extends ByteSink {
  /** Bytes written so far. */
  readonly size: number;
  close(): void;
}

/** `-`: standard output. An older recording of the name is kept as NAME.old, as perf does. */
export function openOutput(name: string): RecordingSink {
  return name === '-' ? new StdoutSink() : new FileSink(name);
}

class StdoutSink implements RecordingSink {
  size = 0;
  write(bytes: Uint8Array): void {
    try {
      writeStdout(bytes);
    } catch (e) {
      throw new OutputFailure(codeOf(e));
    }
    this.size += bytes.byteLength;
  }
  close(): void {}
}

class FileSink implements RecordingSink {
  size = 0;
  private readonly fd: number;
  private readonly regular: boolean;

  constructor(name: string) {
    try {
      if (existsSync(name) && statSync(name).isFile() && statSync(name).size > 0) renameSync(name, `${name}.old`);
      this.fd = openSync(name, 'w');
      this.regular = fstatSync(this.fd).isFile();
    } catch (e) {
      throw new CliError(`failed to open ${name} for writing: ${codeOf(e)}`);
    }
  }

  write(bytes: Uint8Array): void {
    let at = 0;
    try {
      while (at < bytes.byteLength) at += writeSync(this.fd, bytes, at, bytes.byteLength - at, this.regular ? this.size + at : null);
    } catch (e) {
      // Half a block would be damage to a reader.
      if (this.regular) ftruncateSync(this.fd, this.size);
      throw new OutputFailure(codeOf(e));
    }
    this.size += bytes.byteLength;
  }

  patch(offset: number, bytes: Uint8Array): void {
    if (this.regular) writeSync(this.fd, bytes, 0, bytes.byteLength, offset);
  }

  close(): void {
    closeSync(this.fd);
  }
}
