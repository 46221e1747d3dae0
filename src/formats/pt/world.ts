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

interface Space {
  readonly image: CodeImage;
  readonly table: BlockTable;
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

  private space(pid: number): Space {
    let s = this.spaces.get(pid);
    if (s === undefined) {
      const image = new CodeImage();
      for (const r of this.kernel) image.add(r.start, r.bytes, r.name);
      s = { image, table: new BlockTable(image) };
      this.spaces.set(pid, s);
    }
    return s;
  }

  /** The code that a process sees. */
  table(pid: number): BlockTable {
    return this.space(pid).table;
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
          const from = this.space(record.ppid).image;
          const to = this.space(record.pid).image;
          for (const r of [...from.list()].reverse()) to.add(r.start, r.bytes, r.name);
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
    if (!kernel) {
      const { image } = this.space(pid);
      for (const r of regions) image.add(r.start, r.bytes, r.name);
      return;
    }
    this.kernel.push(...regions);
    for (const s of this.spaces.values()) for (const r of regions) s.image.add(r.start, r.bytes, r.name);
  }
}
