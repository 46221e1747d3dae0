/** Code of mapped files from the disk: paths of the recording, under --symfs if given. What is not there, or is another build, is told. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isElf } from '#abi/elf.ts';
import { FormatError } from '#base/format-error.ts';
import { type ElfFile, buildId, loadSegments, readElf } from '#formats/elf/reader.ts';
import type { CodeRegion } from '#formats/pt/code-image.ts';
import type { CodeRequest } from '#formats/pt/world.ts';

interface Loaded {
  readonly bytes: Uint8Array;
  readonly elf: ElfFile | undefined;
}

export interface DiskCodeOptions {
  /** Root that stands in for the recorded machine's. */
  readonly symfs?: string;
  /** Build ids by path, from the recording's header. */
  readonly buildIds?: ReadonlyMap<string, string>;
  /** The recorded kernel, uncompressed, at the addresses that it ran at. */
  readonly vmlinux?: string;
}

export class DiskCode {
  private readonly options: DiskCodeOptions;
  private readonly files = new Map<string, Loaded | undefined>();
  /** The reason for each file that could not be used. */
  readonly problems = new Map<string, string>();

  constructor(options: DiskCodeOptions = {}) {
    this.options = options;
  }

  private file(name: string): Loaded | undefined {
    if (this.files.has(name)) return this.files.get(name);
    const path = this.options.symfs === undefined || name === this.options.vmlinux ? name : join(this.options.symfs, name);
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

  /** The headers of a file that code came from; undefined when it is no ELF file. */
  elf(name: string, kernel: boolean): ElfFile | undefined {
    const path = kernel ? this.options.vmlinux : name;
    return path === undefined ? undefined : this.file(path)?.elf;
  }

  private kernel(filename: string): readonly CodeRegion[] {
    const { vmlinux } = this.options;
    const elf = vmlinux === undefined || !filename.startsWith('[kernel') ? undefined : this.file(vmlinux)?.elf;
    if (elf === undefined) {
      this.problems.set(
        filename,
        vmlinux === undefined ? 'kernel code is in no recording (--vmlinux FILE gives it)' : 'kernel module, or --vmlinux is no ELF file',
      );
      return [];
    }
    return loadSegments(elf)
      .filter((s) => s.executable)
      .map((s) => ({ start: s.vaddr, bytes: elf.bytes.subarray(s.fileOffset, s.fileOffset + s.fileSize), name: filename }));
  }

  /** For `PtSessionInput.code`. */
  readonly provide = (request: CodeRequest): readonly CodeRegion[] => {
    const { filename, addr, len, pgoff } = request;
    if (request.kernel) return this.kernel(filename);
    if (!filename.startsWith('/') || filename.startsWith('//anon')) {
      this.problems.set(filename, 'not a file: its code is not in the recording');
      return [];
    }
    const loaded = this.file(filename);
    if (loaded === undefined) return [];
    const want = request.buildId ?? this.options.buildIds?.get(filename);
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
