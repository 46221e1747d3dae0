/** Symbols of the files that a recording names, from the disk: ELF tables, perf-PID.map for code made at run time, kallsyms on request. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isElf } from '#abi/elf.ts';
import { FormatError } from '#base/format-error.ts';
import { type ElfFile, buildId, buildIdOfNotes, debugLink, readElf } from '#formats/elf/reader.ts';
import type { Dso } from '#formats/perf-data/address-map.ts';
import { type SymbolTable, parseKallsyms, parsePerfMap, symbolsOfElf } from '#formats/symbols/table.ts';
import type { ResolvedSymbol, SymbolResolver } from '#formats/symbols-port.ts';

export interface DiskSymbolOptions {
  /** Root that stands in for the recorded machine's. */
  readonly symfs?: string;
  /** A copy of /proc/kallsyms of the recorded machine. */
  readonly kallsyms?: string;
  /** The recorded kernel, uncompressed, at the addresses that it ran at: its symbols, where there is no kallsyms. */
  readonly vmlinux?: string;
  /** Where perf-PID.map files are; default /tmp. */
  readonly mapDir?: string;
}

const DEBUG_DIRS = ['', '.debug', '/usr/lib/debug'];

export class DiskSymbols implements SymbolResolver {
  private readonly options: DiskSymbolOptions;
  private readonly tables = new Map<string, SymbolTable | undefined>();
  private recordedKernel: string | undefined;
  private hostKernel: string | undefined;
  /** One reason for each file whose symbols are not used. */
  readonly problems = new Map<string, string>();

  constructor(options: DiskSymbolOptions = {}) {
    this.options = options;
  }

  resolve(dso: Dso, address: bigint, pid: number): ResolvedSymbol | undefined {
    const table = dso.kernel
      ? this.kernel(dso)
      : dso.longName.startsWith('/') && !/^\/\/anon|\/perf-\d+\.map$/.test(dso.longName) // the session names memory without a file so
        ? this.file(dso)
        : this.map(pid);
    const found = table?.find(address);
    return found === undefined ? undefined : { name: found.name, offset: address - found.start, size: found.end - found.start };
  }

  private cached(key: string, make: () => SymbolTable | undefined): SymbolTable | undefined {
    if (!this.tables.has(key)) {
      let table: SymbolTable | undefined;
      try {
        table = make();
      } catch (error) {
        this.problems.set(
          key,
          error instanceof FormatError ? error.message : ((error as { code?: string }).code ?? (error as Error).message),
        );
      }
      this.tables.set(key, table);
    }
    return this.tables.get(key);
  }

  /** This machine's own kernel, when it is the one that was recorded: its symbols are at hand, as for perf. */
  private hostKallsyms(dso: Dso): string | undefined {
    if (dso.name.startsWith('[kernel')) this.recordedKernel = dso.buildId;
    if (this.recordedKernel === undefined || this.options.symfs !== undefined) return undefined;
    if (this.hostKernel === undefined) {
      try {
        this.hostKernel = buildIdOfNotes(new Uint8Array(readFileSync('/sys/kernel/notes'))) ?? '';
      } catch {
        this.hostKernel = '';
      }
    }
    return this.hostKernel !== '' && this.recordedKernel.startsWith(this.hostKernel) ? '/proc/kallsyms' : undefined;
  }

  private kernel(dso: Dso): SymbolTable | undefined {
    const { vmlinux } = this.options;
    const kallsyms = this.options.kallsyms ?? (vmlinux === undefined ? this.hostKallsyms(dso) : undefined);
    if (kallsyms === undefined && vmlinux !== undefined)
      return this.cached(vmlinux, () => symbolsOfElf(readElf(new Uint8Array(readFileSync(vmlinux)))));
    const path = kallsyms ?? this.keptKallsyms(dso);
    return path === undefined ? undefined : this.cached(path, () => parseKallsyms(readFileSync(path, 'utf8')).table);
  }

  /** What a recorder kept in the build-id cache: perf's own place, by the recording's build id. */
  private keptKallsyms(dso: Dso): string | undefined {
    const home = process.env['HOME'];
    if (dso.buildId === undefined || home === undefined || this.options.symfs !== undefined) return undefined;
    const path = join(home, '.debug', '[kernel.kallsyms]', dso.buildId, 'kallsyms');
    return existsSync(path) ? path : undefined;
  }

  private map(pid: number): SymbolTable | undefined {
    const path = join(this.options.mapDir ?? '/tmp', `perf-${pid}.map`);
    return this.cached(path, () => parsePerfMap(readFileSync(path, 'utf8')).table);
  }

  private path(name: string): string {
    return this.options.symfs === undefined ? name : join(this.options.symfs, name);
  }

  private file(dso: Dso): SymbolTable | undefined {
    return this.cached(dso.longName, () => {
      const path = this.path(dso.longName);
      if (!statSync(path).isFile()) throw new Error('not a regular file');
      const bytes = new Uint8Array(readFileSync(path));
      if (!isElf(bytes)) throw new Error('not an ELF file');
      const elf = readElf(bytes);
      const have = buildId(elf);
      // A recorded build id may be cut or padded with zeros to 20 bytes.
      if (
        dso.buildId !== undefined &&
        have !== undefined &&
        !dso.buildId.startsWith(have) &&
        !have.startsWith(dso.buildId.replace(/(00)+$/, ''))
      )
        throw new Error(`another build: recorded ${dso.buildId}, on disk ${have}`);
      const own = symbolsOfElf(elf, 'offset');
      if (elf.sections.some((s) => s.name === '.symtab')) return own;
      return this.debugFile(path, elf, have) ?? own;
    });
  }

  /** The separate file with the symbols of a stripped one: by build id, or by the name that it gives. */
  private debugFile(path: string, mapped: ElfFile, id: string | undefined): SymbolTable | undefined {
    const link = debugLink(mapped)?.name;
    const dir = path.slice(0, path.lastIndexOf('/'));
    const candidates: string[] = [];
    if (id !== undefined) candidates.push(this.path(`/usr/lib/debug/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`));
    if (link !== undefined) for (const d of DEBUG_DIRS) candidates.push(d.startsWith('/') ? join(d, dir, link) : join(dir, d, link));
    for (const name of candidates) {
      try {
        const elf = readElf(new Uint8Array(readFileSync(name)));
        if (id === undefined || buildId(elf) === id) {
          const table = symbolsOfElf(elf, 'offset', mapped);
          if (table.count > 0) return table;
        }
      } catch {
        // the next one
      }
    }
    return undefined;
  }
}
