/**
 * A kernel that has files only, for the tests of the file calls: one task, flat user memory, modelled time by hand. Calls go in by
 * name and number as a program makes them; strings and buffers are placed in user memory by the bench.
 */
import { SYS, type SyscallName } from '#abi/syscall-numbers.ts';
import { decodeUtf8, encodeUtf8 } from '#base/utf8.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import type { Kernel } from '../kernel.ts';
import { Ipc } from '../ipc/ipc.ts';
import { Ports } from '../net/ports.ts';
import type { PageCache } from '../mm/page-cache.ts';
import type { PageSource } from '../mm/page-source.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import { NO_PERF } from '../perf-hooks.ts';
import { PerfSettings } from '../perf/settings.ts';
import { FILE_ROWS } from '../syscalls/sys-file.ts';
import type { SyscallArgs, Wait } from '../syscalls/types.ts';
import type { Credentials, Task } from '../task/task.ts';
import { Process } from '../task/process.ts';
import { isWait } from '../vfs/file-description.ts';
import { Vfs, type VfsKernel, type VfsOptions } from '../vfs/vfs.ts';
import type { MemoryHost } from './memory-host.ts';

/** User memory is one block at this address; everything else is EFAULT. */
const BASE = 0x10000;
const SIZE = 1 << 22;

export class FlatMemory implements Omit<UserMemory, 'mm' | 'physical'> {
  readonly bytes = new Uint8Array(SIZE);
  private readonly view = new DataView(this.bytes.buffer);
  private next = BASE;

  /** Room for `length` bytes; its address. */
  place(length: number): number {
    const at = this.next;
    this.next += (length + 15) & ~15;
    if (this.next > BASE + SIZE) throw new Error('the bench has no memory left');
    return at;
  }
  text(text: string): number {
    const bytes = encodeUtf8(`${text}\0`);
    const at = this.place(bytes.length);
    this.bytes.set(bytes, at - BASE);
    return at;
  }
  private inside(va: number, length: number): boolean {
    return va >= BASE && va + length <= BASE + SIZE;
  }
  read(va: number, length: number): Uint8Array | undefined {
    return length === 0 ? new Uint8Array(0) : this.inside(va, length) ? this.bytes.slice(va - BASE, va - BASE + length) : undefined;
  }
  write(va: number, bytes: Uint8Array): boolean {
    if (bytes.length === 0) return true;
    if (!this.inside(va, bytes.length)) return false;
    this.bytes.set(bytes, va - BASE);
    return true;
  }
  clear(va: number, length: number): boolean {
    return this.write(va, new Uint8Array(length));
  }
  readStringBytes(va: number, max: number): Uint8Array | undefined | 'too long' {
    if (!this.inside(va, 1)) return undefined;
    const end = this.bytes.indexOf(0, va - BASE);
    if (end - (va - BASE) > max) return 'too long';
    return this.bytes.slice(va - BASE, end);
  }
  readString(va: number, max: number): string | undefined | 'too long' {
    const bytes = this.readStringBytes(va, max);
    return typeof bytes === 'object' ? decodeUtf8(bytes) : bytes;
  }
  private at<T>(va: number, size: number, take: (offset: number) => T): T | undefined {
    return this.inside(va, size) ? take(va - BASE) : undefined;
  }
  readU8(va: number): number | undefined {
    return this.at(va, 1, (o) => this.view.getUint8(o));
  }
  readU16(va: number): number | undefined {
    return this.at(va, 2, (o) => this.view.getUint16(o, true));
  }
  readU32(va: number): number | undefined {
    return this.at(va, 4, (o) => this.view.getUint32(o, true));
  }
  readI32(va: number): number | undefined {
    return this.at(va, 4, (o) => this.view.getInt32(o, true));
  }
  readU64(va: number): bigint | undefined {
    return this.at(va, 8, (o) => this.view.getBigUint64(o, true));
  }
  readNumber(va: number): number | undefined {
    const value = this.readU64(va);
    return value === undefined ? undefined : Number(value);
  }
  private put(va: number, size: number, give: (offset: number) => void): boolean {
    if (!this.inside(va, size)) return false;
    give(va - BASE);
    return true;
  }
  writeU8(va: number, value: number): boolean {
    return this.put(va, 1, (o) => this.view.setUint8(o, value));
  }
  writeU16(va: number, value: number): boolean {
    return this.put(va, 2, (o) => this.view.setUint16(o, value, true));
  }
  writeU32(va: number, value: number): boolean {
    return this.put(va, 4, (o) => this.view.setUint32(o, value, true));
  }
  writeU64(va: number, value: bigint | number): boolean {
    return this.put(va, 8, (o) => this.view.setBigUint64(o, BigInt(value), true));
  }
}

const ROOT: Credentials = { uid: 0, euid: 0, suid: 0, gid: 0, egid: 0, sgid: 0, groups: [] };

/** What the bench's kernel and task have; the handlers may touch nothing else. */
type BenchKernel = Omit<VfsKernel, 'signalGroup'> & Pick<Kernel, 'vfs' | 'signalTask'>;

export class FileBench {
  readonly host: MemoryHost;
  readonly memory = new FlatMemory();
  readonly vfs: Vfs;
  readonly kernel: Kernel;
  readonly task: Task;
  /** Modelled ns since boot. */
  now = 0n;
  /** Signals sent, in order. */
  readonly signals: number[] = [];
  /** What the last call waits for. */
  waiting: Wait | undefined;
  /** Frames of the page cache, one page each, in order of first use. */
  readonly frames = new Uint8Array(16 * 4096);
  readonly cached = new Map<string, number>();
  private readonly handlers = new Map(FILE_ROWS.map((row) => [row.number, row.handler]));

  constructor(host: MemoryHost, cwd = '/', options: VfsOptions = {}) {
    this.host = host;
    const tasks = new Map<number, Task>();
    const kernel: Omit<BenchKernel, 'vfs' | 'current' | 'image' | 'port' | 'pageCache'> & {
      image: unknown;
      vfs: Vfs | undefined;
      current: Task | undefined;
      port: unknown;
      pageCache: unknown;
    } = {
      host,
      pageCache: this.pageCache(),
      port: { cpus: [{}], model: SKYLAKE, memory: { sizeBytes: this.frames.length, bytes: this.frames, written: () => {} } },
      tasks,
      image: undefined,
      maxTasks: 4096,
      ipc: new Ipc(),
      net: { tcp: new Ports(), udp: new Ports() },
      perfFiles: undefined,
      perf: NO_PERF,
      perfSettings: new PerfSettings(),
      current: undefined,
      options: { seed: 1, hz: 100, epochNs: 0n, uid: 0, gid: 0, interrupted: () => 0, files: {} },
      vfs: undefined,
      monotonicNs: () => this.now,
      realtimeNs: () => 1_700_000_000_000_000_000n + this.now,
      random: (length) => Uint8Array.from({ length }, (_, i) => (i * 7 + 1) & 255),
      signalTask: (_task, signal) => {
        this.signals.push(signal);
      },
    };
    this.kernel = kernel as unknown as Kernel;
    this.vfs = new Vfs(this.kernel, options);
    kernel.vfs = this.vfs;
    this.task = this.newTask(1, this.vfs.newFiles({ stdin: 0, stdout: 1, stderr: 2 }), this.vfs.newFs(cwd));
    tasks.set(1, this.task);
    kernel.current = this.task;
  }

  private pageCache(): Pick<PageCache, 'peek' | 'drop'> {
    return {
      peek: (key, index) => this.cached.get(`${key}#${index}`),
      drop: (key) => {
        for (const name of this.cached.keys()) if (name.startsWith(`${key}#`)) this.cached.delete(name);
      },
    };
  }
  /** The page of a mapping, read as a page fault does. */
  fault(source: PageSource, index: number): Uint8Array {
    const name = `${source.key}#${index}`;
    let frame = this.cached.get(name);
    if (frame === undefined) {
      frame = this.cached.size * 4096;
      this.cached.set(name, frame);
      source.readPage(index, this.frames.subarray(frame, frame + 4096));
    }
    return this.frames.subarray(frame, frame + 4096);
  }

  private newTask(pid: number, files: Task['files'], fs: Task['fs']): Task {
    const task: Pick<
      Task,
      | 'pid'
      | 'process'
      | 'tgid'
      | 'pgid'
      | 'sid'
      | 'comm'
      | 'argv'
      | 'executable'
      | 'state'
      | 'alive'
      | 'files'
      | 'fs'
      | 'memory'
      | 'credentials'
      | 'can'
      | 'resumed'
    > = {
      pid,
      process: new Process(pid, undefined),
      tgid: pid,
      pgid: pid,
      sid: pid,
      comm: 'bench',
      argv: ['bench', '-x'],
      executable: '/bin/bench',
      state: 'runnable',
      alive: true,
      files,
      fs,
      memory: this.memory as unknown as UserMemory,
      credentials: ROOT,
      can: () => true, // root's capabilities
      resumed: undefined,
    };
    return task as Task;
  }

  /** Another process, as fork makes it; it shares the bench's memory. */
  fork(pid: number): Task {
    const task = this.newTask(pid, this.task.files.clone(), this.task.fs.clone());
    (this.kernel.tasks as Map<number, Task>).set(pid, task);
    return task;
  }

  /** Makes a call: strings are placed in memory, the result is RAX. A call that waits gives 'waits'. */
  call(name: SyscallName, ...args: readonly (number | string)[]): number | 'waits' {
    return this.callAs(this.task, name, ...args);
  }
  callAs(task: Task, name: SyscallName, ...args: readonly (number | string)[]): number | 'waits' {
    const handler = this.handlers.get(SYS[name]);
    if (handler === undefined) throw new Error(`no handler for ${name}`);
    const values = args.map((arg) => (typeof arg === 'string' ? this.memory.text(arg) : arg));
    const at = (i: number): number => values[i] ?? 0;
    const given = {
      u: (i: number) => BigInt.asUintN(64, BigInt(at(i))),
      n: (i: number) => (at(i) < 0 ? 2 ** 64 + at(i) : at(i)),
      s: at,
      i32: (i: number) => at(i) | 0,
      u32: (i: number) => at(i) >>> 0,
    };
    const result = handler(this.kernel, task, given as SyscallArgs);
    if (isWait(result)) {
      this.waiting = result;
      return 'waits';
    }
    this.waiting = undefined;
    return Number(result);
  }

  /** open for the tests' convenience: the descriptor, which must be one. */
  open(path: string, flags: number, mode = 0): number {
    const fd = this.call('open', path, flags, mode);
    if (typeof fd !== 'number' || fd < 0) throw new Error(`open ${path}: ${fd}`);
    return fd;
  }
  /** Reads at most `length` bytes as text; a number is -errno. */
  readText(fd: number, length = 65536): string | number {
    const at = this.memory.place(length);
    const n = this.call('read', fd, at, length);
    return typeof n === 'number' && n >= 0 ? decodeUtf8(this.memory.read(at, n) as Uint8Array) : n === 'waits' ? 'waits' : n;
  }
  cat(path: string): string | number {
    const fd = this.call('open', path, 0);
    if (typeof fd !== 'number' || fd < 0) return fd === 'waits' ? 'waits' : fd;
    let out = '';
    for (;;) {
      const part = this.readText(fd);
      if (typeof part === 'number' || part === '') {
        this.call('close', fd);
        return typeof part === 'number' ? part : out;
      }
      out += part;
    }
  }
  write(fd: number, text: string): number | 'waits' {
    return this.call('write', fd, text, encodeUtf8(text).length);
  }
}
