/** Code of mapped files from the disk: paths of the recording, under --symfs if given. What is not there, or is another build, is told. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isElf } from '#abi/elf.ts';
import { FormatError } from '#base/format-error.ts';
import { type ElfFile, buildId, readElf } from '#formats/elf/reader.ts';
import type { CodeRegion } from '#formats/pt/code-image.ts';
import type { CodeRequest } from '#formats/pt/world.ts';

interface Loaded {
  readonly bytes: Uint8Array;
  readonly elf: ElfFile | undefined;
}

export class DiskCode {
  private readonly symfs: string;
  private readonly files = new Map<string, Loaded | undefined>();
  private readonly buildIds: ReadonlyMap<string, string>;
  /** One line for each file that could not be used, with the reason. */
  readonly problems = new Map<string, string>();

  /** `buildIds`: by path, from the recording's header. */
  constructor(symfs = '', buildIds: ReadonlyMap<string, string> = new Map()) {
    this.symfs = symfs;
    this.buildIds = buildIds;
  }

  private file(name: string): Loaded | undefined {
    if (this.files.has(name)) return this.files.get(name);
    const path = this.symfs === '' ? name : join(this.symfs, name);
    let loaded: Loaded | undefined;
    try {
      if (!statSync(path).isFile()) throw new Error('not a regular file');
      const bytes = new Uint8Array(readFileSync(path));
      loaded = { bytes, elf: isElf(bytes) ? readElf(bytes) : undefined };
    } catch (error) {
      const why = error instanceof FormatError ? error.message : ((error as { code?: string }).code ?? (error as Error).message);
      this.problems.set(name, why);
    }
    this.files.set(name, loaded);
    return loaded;
  }

  /** For `PtSessionInput.code`. */
  readonly provide = (request: CodeRequest): readonly CodeRegion[] => {
    const { filename, addr, len, pgoff } = request;
    if (request.kernel) {
      this.problems.set(filename, 'kernel code is not read: there is no /proc/kcore in a recording');
      return [];
    }
    if (!filename.startsWith('/') || filename.startsWith('//anon')) {
      this.problems.set(filename, 'not a file: its code is not in the recording');
      return [];
    }
    const loaded = this.file(filename);
    if (loaded === undefined) return [];
    const want = request.buildId ?? this.buildIds.get(filename);
    const have = loaded.elf === undefined ? undefined : buildId(loaded.elf);
    if (want !== undefined && have !== undefined && !want.startsWith(have) && !have.startsWith(want)) {
      this.problems.set(filename, `another build: recorded ${want}, on disk ${have}`);
      return [];
    }
    if (pgoff >= BigInt(loaded.bytes.length)) {
      this.problems.set(filename, `mapped from 0x${pgoff.toString(16)}, the file has ${loaded.bytes.length} bytes`);
      return [];
    }
    const from = Number(pgoff);
    const left = BigInt(loaded.bytes.length - from);
    return [{ start: addr, bytes: loaded.bytes.subarray(from, from + Number(len < left ? len : left)), name: filename }];
  };
}
