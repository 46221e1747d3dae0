/** Who ran what where, as the records tell it: threads with their names, address maps, the kernel's map. Rules: tools/perf/util/{machine,thread,map}.c. */
import { PERF_RECORD, PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER, PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
import { ByteReader } from '#base/bytes.ts';
import { AddressMap, type Dso, type MapEntry, mapEntry } from './address-map.ts';
import type { RecordCursor } from './cursor.ts';
import type { EventEntry, Recording } from './recording.ts';
import { decodeKernelRecord, type KernelRecord, type MmapRecord, type Mmap2Record } from './records.ts';

const KERNEL_NAME = '[kernel.kallsyms]';
const PROT_EXEC = 4;
const MAP_HUGETLB = 0x40000;

export class Thread {
  pid: number;
  readonly tid: number;
  comm: string;
  maps: AddressMap;
  /** For printers: whatever they made of `comm`; dropped when it changes. */
  commBytes: Uint8Array | undefined;
  /** For histograms: their own number for `comm`; -1 when it changed. */
  commSlot = -1;
  /** For histograms: their own number for this thread. */
  slot = -1;

  constructor(pid: number, tid: number, comm: string, maps: AddressMap) {
    this.pid = pid;
    this.tid = tid;
    this.comm = comm;
    this.maps = maps;
  }
}

/** Bytes of the record before its sample_id trailer, after its header. */
export function bodyReader(cursor: RecordCursor, event: EventEntry | undefined): ByteReader {
  const trailer = cursor.type < 64 && cursor.type !== PERF_RECORD.SAMPLE ? (event?.trailer.size ?? 0) : 0;
  const end = Math.max(8, cursor.size - trailer);
  const r = new ByteReader(cursor.record.subarray(0, end), { littleEndian: cursor.littleEndian, base: cursor.fileOffset });
  r.skip(8);
  return r;
}

export class Session {
  readonly recording: Recording;
  readonly kernel = new AddressMap();
  readonly #threads = new Map<number, Thread>();
  readonly #dsos = new Map<string, Dso>();
  /** From the BUILD_ID feature, which is read when the scan begins: taken over at the first use. */
  #buildIds: Map<string, string> | undefined;
  #lastThread: Thread | undefined;

  constructor(recording: Recording) {
    this.recording = recording;
    this.#threads.set(0, new Thread(0, 0, 'swapper', new AddressMap()));
  }

  get dsos(): Iterable<Dso> {
    return this.#dsos.values();
  }

  get threads(): Iterable<Thread> {
    return this.#threads.values();
  }

  /** The thread, made when it was not heard of: named `:TID`, as perf does. */
  thread(pid: number, tid: number): Thread {
    const last = this.#lastThread;
    if (last !== undefined && last.tid === tid && last.pid === pid) return last;
    let thread = this.#threads.get(tid);
    if (thread === undefined) {
      thread = new Thread(pid, tid, `:${tid}`, this.#mapsOf(pid, tid));
      this.#threads.set(tid, thread);
    } else if (thread.pid !== pid && pid !== -1) {
      // heard of by tid only
      if (thread.pid === -1) thread.maps = this.#mapsOf(pid, tid);
      thread.pid = pid;
    }
    this.#lastThread = thread;
    return thread;
  }

  #mapsOf(pid: number, tid: number): AddressMap {
    if (pid === tid || pid === -1) return new AddressMap();
    return this.thread(pid, pid).maps;
  }

  #headerBuildIds(): Map<string, string> {
    this.#buildIds ??= new Map((this.recording.features.buildIds ?? []).map((b) => [b.filename, b.buildId]));
    return this.#buildIds;
  }

  dso(name: string, longName: string, kernel: boolean): Dso {
    let dso = this.#dsos.get(longName);
    if (dso === undefined) {
      dso = { name, longName, kernel };
      const id = this.#headerBuildIds().get(longName);
      if (id !== undefined) dso.buildId = id;
      this.#dsos.set(longName, dso);
    }
    return dso;
  }

  /** The mapping at an address, by the cpu mode of the sample (misc & 7). */
  findMap(thread: Thread, cpumode: number, addressHi: number, addressLo: number): MapEntry | undefined {
    if (cpumode === PERF_RECORD_MISC.USER) return thread.maps.find(addressHi, addressLo);
    if (cpumode === PERF_RECORD_MISC.KERNEL) return this.kernel.find(addressHi, addressLo);
    return undefined;
  }

  /** Takes in a kernel record; others are ignored. Samples do not change anything. */
  process(cursor: RecordCursor, event: EventEntry | undefined): void {
    switch (cursor.type) {
      case PERF_RECORD.MMAP:
      case PERF_RECORD.MMAP2:
      case PERF_RECORD.COMM:
      case PERF_RECORD.FORK:
      case PERF_RECORD.EXIT:
      case PERF_RECORD.KSYMBOL:
        break;
      default:
        return;
    }
    const record = decodeKernelRecord(cursor.type, cursor.misc, bodyReader(cursor, event), 0);
    if (record !== undefined) this.apply(record, cursor.misc);
  }

  apply(record: KernelRecord, misc: number): void {
    switch (record.type) {
      case 'COMM': {
        const thread = this.thread(record.pid, record.tid);
        thread.comm = record.comm;
        thread.commBytes = undefined;
        thread.commSlot = -1;
        return;
      }
      case 'FORK': {
        const parent = this.thread(record.ppid, record.ptid);
        this.#threads.delete(record.tid);
        this.#lastThread = undefined;
        const shares = record.pid === record.ppid;
        const maps = shares ? parent.maps : (misc & PERF_RECORD_MISC.FORK_EXEC) !== 0 ? new AddressMap() : parent.maps.clone();
        this.#threads.set(record.tid, new Thread(record.pid, record.tid, parent.comm, maps));
        return;
      }
      case 'MMAP':
      case 'MMAP2':
        this.#mmap(record, misc);
        return;
      case 'KSYMBOL': {
        if ((record.flags & PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER) !== 0) this.kernel.remove(record.addr);
        else {
          const dso = this.dso(record.name, record.name, true);
          this.kernel.insert(mapEntry(record.addr, record.addr + BigInt(record.len), 0n, dso, record.name));
        }
        return;
      }
      default:
    }
  }

  #mmap(record: (MmapRecord & { type: 'MMAP' }) | (Mmap2Record & { type: 'MMAP2' }), misc: number): void {
    const mode = misc & PERF_RECORD_MISC.CPUMODE_MASK;
    const end = record.addr + record.len;
    if (end <= record.addr || end > 1n << 64n) return; // perf drops it too
    let dso: Dso;
    if (mode === PERF_RECORD_MISC.KERNEL || mode === PERF_RECORD_MISC.GUEST_KERNEL) {
      if (record.filename.startsWith('[kernel')) dso = this.dso(KERNEL_NAME, KERNEL_NAME, true);
      // perf takes the path for the name when the build-id table has it
      else
        dso = this.dso(this.#headerBuildIds().has(record.filename) ? record.filename : moduleName(record.filename), record.filename, true);
      if (record.type === 'MMAP2' && record.buildId !== undefined) dso.buildId = hex(record.buildId);
      this.kernel.insert(mapEntry(record.addr, end, record.pgoff, dso));
      return;
    }
    const thread = this.thread(record.pid, record.tid);
    const exec = record.type === 'MMAP2' ? (record.prot & PROT_EXEC) !== 0 : (misc & PERF_RECORD_MISC.MMAP_DATA) === 0;
    const huge = record.type === 'MMAP2' && (record.flags & MAP_HUGETLB) !== 0;
    const anonymous = huge || isAnonymous(record.filename);
    const name = exec && anonymous ? `/tmp/perf-${record.pid}.map` : record.filename;
    dso = this.dso(name, name, false);
    if (record.type === 'MMAP2' && record.buildId !== undefined) dso.buildId = hex(record.buildId);
    // memory without a file has no offsets: its addresses stand for themselves
    thread.maps.insert(mapEntry(record.addr, end, name === '[vdso]' ? 0n : anonymous ? record.addr : record.pgoff, dso));
  }
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');

/** Memory without a file: code there was made at run time, and perf-PID.map may name it. */
function isAnonymous(name: string): boolean {
  return (
    name.startsWith('//anon') ||
    name.startsWith('/dev/zero') ||
    name.startsWith('/anon_hugepage') ||
    name.startsWith('[stack') ||
    name.startsWith('/SYSV') ||
    name.startsWith('[heap]')
  );
}

/** /lib/modules/x/kernel/net/cdc-ether.ko.xz → [cdc_ether] */
export function moduleName(path: string): string {
  if (path.startsWith('[') || !path.includes('.ko')) return path;
  const base = path.slice(path.lastIndexOf('/') + 1);
  const ko = base.indexOf('.ko');
  return `[${(ko < 0 ? base : base.slice(0, ko)).replaceAll('-', '_')}]`;
}
