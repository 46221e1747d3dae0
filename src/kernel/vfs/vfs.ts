/** The file system as the kernel sees it: the parts list (host tree, /dev, /proc, /sys), standard streams, and open(2). */
import { ERRNO } from '#abi/errno.ts';
import { ACCESS, FS_MAGIC, O, S, ST, makeDevice } from '#abi/fs.ts';
import type { Host } from '#port/host.ts';
import type { Kernel } from '../kernel.ts';
import type { Wait } from '../syscalls/types.ts';
import { makeEventSources } from '../perf/file/sysfs.ts';
import type { Process } from '../task/process.ts';
import type { Task } from '../task/task.ts';
import { kernelNotes } from '../text/symbols.ts';
import type { Executable, FileSystem, Stdio } from '../vfs-interface.ts';
import { DEVFS, makeDev } from './devfs.ts';
import { FdTable } from './fd-table.ts';
import { openFifo } from './fifo.ts';
import { type FilePages, PAGE } from './file-pages.ts';
import { type Opened, isWait } from './file-description.ts';
import { FsContext } from './fs-context.ts';
import { type HostTree, HostNode } from './host-tree.ts';
import { InodeTable } from './inodes.ts';
import { LockTable } from './locks.ts';
import { mountInfoText, mountsText } from './mounts.ts';
import type { FileSystemKind, Node } from './node.ts';
import { callerOf, mayChange, permission, refusesNoAtime } from './permission.ts';
import { Pipe } from './pipe.ts';
import { PtmxNode, type PtyKernel, PtySlaveNode } from './pty.ts';
import { PROCFS, ProcRoot } from './procfs.ts';
import { pseudoTree } from './pseudo-tree.ts';
import type { PseudoTree } from './pseudo.ts';
import { StandardStreams } from './standard-streams.ts';
import { DEVPTS } from './stream.ts';
import { SYSFS, makeSys } from './sysfs.ts';
import type { Terminal } from './terminal.ts';
import { type WalkFrom, find, walk } from './walk.ts';

/** TIOCSCTTY: the terminal is the session's from now on, its leader's group in the foreground. */
export function takeTerminal(kernel: Pick<Kernel, 'tasks'>, process: Process, node: Node, terminal: Terminal): void {
  for (const t of kernel.tasks.values()) if (t.process.sid === process.sid) t.process.terminal = node;
  terminal.session = process.sid;
  terminal.foregroundGroup = process.pgid;
}

const HOSTFS: FileSystemKind = {
  type: 'ext4',
  source: '/dev/sda1',
  magic: FS_MAGIC.EXT4,
  flags: ST.RELATIME | ST.VALID,
  device: makeDevice(8, 1),
};

/** /dev/shm is the host's: shm_open's files are files. */
const TMPFS: FileSystemKind = {
  type: 'tmpfs',
  source: 'tmpfs',
  magic: FS_MAGIC.TMPFS,
  flags: ST.NOSUID | ST.NODEV | ST.VALID,
  device: 0x1a,
};

export interface VfsOptions {
  /** Host path that is the guest's `/`; '' for the host's own. */
  readonly prefix?: string;
  /** The host's files are mounted `ro`: the host answers EROFS, /proc/mounts says so. */
  readonly readOnly?: boolean;
  /** Host folders that the guest finds under a name in its root, too. */
  readonly binds?: readonly { readonly name: string; readonly path: string }[];
  /** /dev/shm of its own instead of the host's. */
  readonly shm?: Host;
  /** umask of the first task. */
  readonly umask?: number;
  /** Free bytes of modelled memory, for /proc/meminfo. */
  readonly freeBytes?: () => number;
}

export type VfsKernel = Pick<
  Kernel,
  | 'host'
  | 'image'
  | 'ipc'
  | 'maxTasks'
  | 'net'
  | 'pageCache'
  | 'perfFiles'
  | 'perf'
  | 'perfSettings'
  | 'port'
  | 'tasks'
  | 'current'
  | 'realtimeNs'
  | 'monotonicNs'
  | 'random'
  | 'options'
  | 'signalGroup'
>;

/** What an open wants of the file: R 4, W 2. O_ACCMODE 3, which opens for neither, wants both. */
function wantedBy(flags: number): number {
  const truncates = (flags & O.TRUNC) === 0 ? 0 : ACCESS.W;
  return truncates | ([ACCESS.R, ACCESS.W, ACCESS.R | ACCESS.W, ACCESS.R | ACCESS.W][flags & O.ACCMODE] ?? 0);
}

export class Vfs implements FileSystem {
  readonly inodes: InodeTable;
  readonly locks = new LockTable();
  readonly pages: FilePages;
  readonly root: Node;
  readonly streams: StandardStreams;
  /** File systems in the order of /proc/mounts. */
  readonly mounts: Node[] = [];
  private readonly kernel: VfsKernel;
  private readonly umask: number;
  private readonly fifos = new Map<string, Pipe>();

  constructor(kernel: VfsKernel, options: VfsOptions = {}) {
    this.kernel = kernel;
    this.umask = options.umask ?? 0o022;
    this.inodes = new InodeTable(() => kernel.realtimeNs());
    this.pages = this.filePages();
    const prefix = (options.prefix ?? '').replace(/\/+$/, '');
    const tree = this.hostTree(prefix);
    const kind = options.readOnly === true ? { ...HOSTFS, flags: HOSTFS.flags | ST.RDONLY } : HOSTFS;
    const root = new HostNode(tree, kind, undefined, '', S.IFDIR);
    root.stat(); // the root is seen first: inode 2
    this.root = root;
    this.mounts.push(root);
    const dev = makeDev(
      this.pseudoTree(DEVFS),
      root,
      (n) => kernel.random(n),
      () => this.controllingTerminal(),
    );
    this.mount(root, dev);
    this.streams = new StandardStreams(kernel.host, this.inodes, this.pseudoTree(DEVPTS), dev, dev.lookup('null') as Node, prefix);
    this.mount(dev, this.streams.pts);
    const ptyKernel: PtyKernel = {
      monotonicNs: () => kernel.monotonicNs(),
      signalGroup: (pgid, signal) => kernel.signalGroup(pgid, signal),
      opened: (node, flags) => {
        const process = kernel.current?.process;
        const wants = (flags & O.NOCTTY) === 0 && process?.sid === process?.pid && process?.terminal === 'none';
        if (wants && process !== undefined && node.pty.terminal.session === 0) takeTerminal(kernel, process, node, node.pty.terminal);
      },
    };
    dev.add(new PtmxNode(this.pseudoTree(DEVFS), dev, this.pseudoTree(DEVPTS), () => this.streams.pts, ptyKernel));
    for (const { name, path } of options.binds ?? []) this.mount(root, new HostNode(this.hostTree(path), kind, root, name, S.IFDIR));
    const shmTree = options.shm === undefined ? this.hostTree(`${prefix}/dev/shm`) : this.hostTree('', options.shm);
    const shm = new HostNode(shmTree, TMPFS, dev, 'shm', S.IFDIR);
    if (typeof shm.stat() !== 'number') this.mount(dev, shm);
    const { model } = kernel.port;
    const sys = makeSys(this.pseudoTree(SYSFS), root, { model, cpus: kernel.port.cpus.length, notes: () => kernelNotes(kernel.image) });
    makeEventSources(sys, model, kernel.perfSettings, () => kernel.perfFiles?.updateRdpmc());
    this.mount(root, sys);
    const proc = new ProcRoot(
      {
        kernel,
        tree: this.pseudoTree(PROCFS),
        root,
        freeBytes: options.freeBytes ?? (() => kernel.port.memory.sizeBytes),
        mounts: () => mountsText(this.mounts, root),
        mountInfo: () => mountInfoText(this.mounts, root),
        filesystems: () => 'nodev\tproc\nnodev\tsysfs\nnodev\ttmpfs\nnodev\tdevtmpfs\nnodev\tpipefs\nnodev\tdevpts\n\text4\n',
        find: (task, path) => find(this.from(task), path),
        terminal: (task) => this.terminalOf(task),
      },
      root,
    );
    this.mount(root, proc);
  }

  private hostTree(prefix: string, host: Host = this.kernel.host): HostTree {
    return {
      host,
      inodes: this.inodes,
      pages: this.pages,
      owner: this.kernel.options,
      prefix,
      openFifo: (node, identity, flags, resumed) => {
        const pipe = this.fifos.get(identity) ?? new Pipe();
        this.fifos.set(identity, pipe);
        return openFifo(node, pipe, flags, resumed);
      },
    };
  }

  private filePages(): FilePages {
    const { pageCache, port } = this.kernel;
    const { memory } = port;
    return {
      page: (key, index) => {
        const frame = pageCache.peek(key, index);
        return frame === undefined ? undefined : memory.bytes.subarray(frame, frame + PAGE);
      },
      changed: (key, index) => {
        const frame = pageCache.peek(key, index);
        if (frame !== undefined) memory.written(frame, PAGE);
      },
      drop: (key) => pageCache.drop(key),
    };
  }

  private pseudoTree(kind: FileSystemKind): PseudoTree {
    const { uid, gid } = this.kernel.options;
    return pseudoTree(kind, this.inodes.bootNs, { uid, gid });
  }
  /** `node` (whose parent is `at`) covers what `at` has under that name. */
  private mount(at: Node, node: Node): void {
    at.overlay ??= new Map();
    at.overlay.set(node.name, node);
    this.mounts.push(node);
  }

  newFiles(stdio: Stdio): FdTable {
    const files = new FdTable(this.locks);
    this.streams.install(files, stdio);
    return files;
  }
  /** A working directory that is not there becomes the root. */
  newFs(cwd: string): FsContext {
    const node = find({ root: this.root, start: this.root }, cwd);
    return new FsContext(this.root, typeof node === 'number' || !node.isDirectory ? this.root : node, this.umask);
  }

  from(task: Task): WalkFrom {
    return { root: task.fs.root, start: task.fs.cwd, who: callerOf(task) };
  }

  /** A name without a slash as execvp(3) finds it. */
  findProgram(name: string, search: string, cwd: string): { readonly path: string } | { readonly refused: 'missing' | 'denied' } {
    this.inodes.generation++;
    const start = this.newFs(cwd).cwd;
    let refused: 'missing' | 'denied' = 'missing';
    for (const directory of search.split(':')) {
      const path = directory === '' ? name : `${directory.replace(/\/+$/, '')}/${name}`;
      const node = find({ root: this.root, start }, path);
      if (typeof node === 'number') continue;
      refused = 'denied';
      if (node.type() === S.IFREG && node.access(1) === 0) return { path };
    }
    return { refused };
  }

  openExecutable(task: Task, path: string): Executable | number {
    this.inodes.generation++;
    const { root } = task.fs;
    const node = find(this.from(task), path);
    if (typeof node === 'number') return node;
    if (node.type() !== S.IFREG) return -ERRNO.EACCES;
    const stat = node.stat();
    if (typeof stat === 'number') return stat;
    const denied = (stat.mode & 0o111) === 0 ? -ERRNO.EACCES : permission(callerOf(task), node, ACCESS.X) || node.access(1);
    if (denied < 0) return denied;
    const file = node.open(O.RDONLY);
    if (typeof file === 'number') return file;
    const source = isWait(file) ? -ERRNO.EACCES : file.pageSource();
    if (isWait(file) || typeof source === 'number') return source as number;
    return {
      path: node.describe(root),
      source,
      owner: stat,
      sizeBytes: () => source.sizeBytes(),
      read: (offset, into) => file.pread(into, offset),
      close: () => file.release(),
    };
  }

  /**
   * open(2). `mode` as the caller gave it; the umask is applied here. The description has one reference, which is the caller's.
   * `resumed`: the Wait that this call gave before.
   */
  open(from: WalkFrom & { readonly umask: number }, path: string, wanted: number, mode: number, resumed?: Wait): Opened {
    this.inodes.generation++;
    if ((wanted & O.PATH) !== 0) return this.openPath(from, path, wanted);
    if ((wanted & O.TMPFILE_BIT) !== 0) return -ERRNO.EOPNOTSUPP;
    if ((wanted & O.CREAT) !== 0 && (wanted & O.DIRECTORY) !== 0) return -ERRNO.EINVAL;
    const flags = wanted | O.LARGEFILE; // as every open of a 64-bit process
    const create = (flags & O.CREAT) !== 0;
    const exclusive = create && (flags & O.EXCL) !== 0;
    const here = exclusive || (flags & O.NOFOLLOW) !== 0;
    const walked = walk(from, path, create ? (here ? 'createHere' : 'create') : here ? 'nofollow' : 'follow');
    if (typeof walked === 'number') return walked;
    const { parent, name, node } = walked;
    if (node === undefined) {
      if (!create) return -ERRNO.ENOENT;
      if (parent.unlinked) return -ERRNO.ENOENT;
      return mayChange(from.who, parent) || parent.create(name, flags, mode & S.PERMISSIONS & ~from.umask, from.who);
    }
    if (exclusive) return -ERRNO.EEXIST;
    const type = node.type();
    if (type === S.IFLNK) return -ERRNO.ELOOP;
    if (type === S.IFDIR) {
      if ((flags & (O.ACCMODE | O.TRUNC)) !== O.RDONLY || create) return -ERRNO.EISDIR;
    } else if ((flags & O.DIRECTORY) !== 0) {
      return -ERRNO.ENOTDIR;
    }
    return permission(from.who, node, wantedBy(flags)) || refusesNoAtime(from.who, node, flags) || node.open(flags, resumed);
  }

  private openPath(from: WalkFrom, path: string, flags: number): Opened {
    const node = find(from, path, (flags & O.NOFOLLOW) !== 0 ? 'nofollow' : 'follow');
    if (typeof node === 'number') return node;
    if ((flags & O.DIRECTORY) !== 0 && !node.isDirectory) return -ERRNO.ENOTDIR;
    return node.openPlace(flags & (O.PATH | O.DIRECTORY | O.NOFOLLOW));
  }

  /** What /dev/tty stands for: the terminal of the current task's session. */
  private controllingTerminal(): Node | undefined {
    const own = this.kernel.current?.process.terminal;
    return own === undefined ? this.streams.terminal : own === 'none' ? undefined : own;
  }

  /** Device and foreground group of the terminal, as /proc/PID/stat has them. */
  private terminalOf(task: Task): { readonly device: number; readonly group: number } {
    const own = task.process.terminal;
    if (own instanceof PtySlaveNode) return { device: makeDevice(136, own.pty.number), group: own.pty.terminal.foregroundGroup };
    const { terminal } = this.streams;
    if (terminal === undefined || own !== undefined) return { device: 0, group: -1 };
    return { device: makeDevice(136, 0), group: terminal.terminal.foregroundGroup || task.pgid };
  }
}
