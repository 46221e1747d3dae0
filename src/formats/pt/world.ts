/** Threads and address spaces as the sideband records tell them, replayed up to the moment that a queue has reached. */
import type { KernelRecord } from '../perf-data/records.ts';
import { BlockTable } from './block-table.ts';
import { CodeImage, type CodeRegion } from './code-image.ts';

/** A kernel record with its sample_id, in ns of perf's clock. */
export interface SidebandRecord {
  readonly record: KernelRecord;
  readonly misc: number;
  readonly time: bigint | undefined;
  readonly cpu: number | undefined;
  /** Of the task that the record is about or that was running. */
  readonly pid: number | undefined;
  readonly tid: number | undefined;
}

/** A mapping whose code is wanted. */
export interface CodeRequest {
  /** As recorded: a path, `[kernel.kallsyms]_text`, `[vdso]`, `//anon`. */
  readonly filename: string;
  readonly addr: bigint;
  readonly len: bigint;
  readonly pgoff: bigint;
  readonly kernel: boolean;
  /** Lower-case hex, when the recording has it. */
  readonly buildId?: string;
}

/** Gives the bytes of a mapping; none: the code is not there, and flow into it is an error with its address. */
export type CodeProvider = (request: CodeRequest) => readonly CodeRegion[];

const PROT_EXEC = 4;
const MISC_MMAP_DATA = 0x2000;
const KERNEL_PID = -1;

/** Where an address lies. */
export interface Place {
  readonly filename: string;
  /** Offset in the file. */
  readonly offset: bigint;
  readonly kernel: boolean;
}

interface Mapping {
  readonly start: bigint;
  readonly end: bigint;
  readonly pgoff: bigint;
  readonly filename: string;
  readonly kernel: boolean;
}

/** What a process sees: its code, and which file each address belongs to. */
export class Space {
  readonly image = new CodeImage();
  readonly table = new BlockTable(this.image);
  /** Newest first. */
  readonly mappings: Mapping[] = [];

  locate(ip: bigint): Place | undefined {
    const m = this.mappings.find((x) => ip >= x.start && ip < x.end);
    return m === undefined ? undefined : { filename: m.filename, offset: ip - m.start + m.pgoff, kernel: m.kernel };
  }
}

export interface ThreadName {
  pid: number;
  comm: string;
}

export class World {
  private readonly provider: CodeProvider;
  private readonly threads = new Map<number, ThreadName>([[0, { pid: 0, comm: 'swapper' }]]);
  private readonly spaces = new Map<number, Space>();
  private readonly kernel: CodeRegion[] = [];
  private readonly kernelMappings: Mapping[] = [];

  constructor(provider: CodeProvider) {
    this.provider = provider;
  }

  thread(pid: number, tid: number): ThreadName {
    let t = this.threads.get(tid);
    if (t === undefined) {
      t = { pid, comm: `:${tid}` };
      this.threads.set(tid, t);
    } else if (t.pid === -1) t.pid = pid;
    return t;
  }

  /** The address space of a process. */
  space(pid: number): Space {
    let s = this.spaces.get(pid);
    if (s === undefined) {
      s = new Space();
      for (const r of this.kernel) s.image.add(r.start, r.bytes, r.name);
      s.mappings.unshift(...this.kernelMappings);
      this.spaces.set(pid, s);
    }
    return s;
  }

  apply({ record, misc }: SidebandRecord): void {
    switch (record.type) {
      case 'COMM':
        this.thread(record.pid, record.tid).comm = record.comm;
        break;
      case 'FORK': {
        const parent = this.thread(record.ppid, record.ptid);
        this.threads.set(record.tid, { pid: record.pid, comm: parent.comm });
        if (record.pid !== record.ppid && !this.spaces.has(record.pid)) {
          const from = this.space(record.ppid);
          const to = this.space(record.pid);
          for (const r of [...from.image.list()].reverse()) to.image.add(r.start, r.bytes, r.name);
          to.mappings.splice(0, to.mappings.length, ...from.mappings);
        }
        break;
      }
      case 'MMAP':
        if ((misc & MISC_MMAP_DATA) === 0) this.map(record.pid, record);
        break;
      case 'MMAP2':
        if ((record.prot & PROT_EXEC) === 0) break;
        this.map(record.pid, record, record.buildId);
        break;
      default:
        break;
    }
  }

  private map(pid: number, m: { addr: bigint; len: bigint; pgoff: bigint; filename: string }, buildId?: Uint8Array): void {
    const kernel = pid === KERNEL_PID;
    const hex = buildId === undefined ? {} : { buildId: [...buildId].map((b) => b.toString(16).padStart(2, '0')).join('') };
    const regions = this.provider({ filename: m.filename, addr: m.addr, len: m.len, pgoff: m.pgoff, kernel, ...hex });
    const mapping: Mapping = { start: m.addr, end: m.addr + m.len, pgoff: m.pgoff, filename: m.filename, kernel };
    if (kernel) {
      this.kernel.push(...regions);
      this.kernelMappings.unshift(mapping);
    }
    for (const s of kernel ? this.spaces.values() : [this.space(pid)]) {
      s.mappings.unshift(mapping);
      for (const r of regions) s.image.add(r.start, r.bytes, r.name);
    }
  }
}
