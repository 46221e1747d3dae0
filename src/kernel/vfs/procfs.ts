/** /proc: the tree. What the files say is in proc-format.ts and proc-system.ts. */
import { ERRNO } from '#abi/errno.ts';
import { FS_MAGIC, S, ST } from '#abi/fs.ts';
import { AF } from '#abi/socket.ts';
import { decodeUtf8, encodeUtf8 } from '#base/utf8.ts';
import { parseNumber, perfSysctls } from '../perf/file/sysctl.ts';
import type { Task } from '../task/task.ts';
import { kallsyms } from '../text/symbols.ts';
import { DirectoryDescription } from './directory.ts';
import type { FileDescription } from './file-description.ts';
import type { DirectoryEntry, FileSystemKind, Node } from './node.ts';
import * as format from './proc-format.ts';
import { MemNode } from './proc-mem.ts';
import * as ipc from './proc-ipc.ts';
import * as net from './proc-net.ts';
import * as system from './proc-system.ts';
import { addTaskFiles } from './proc-task.ts';
import { PseudoDirectory, PseudoFile, PseudoLink, PseudoNode, type PseudoTree, TextDescription } from './pseudo.ts';

export const PROCFS: FileSystemKind = {
  type: 'proc',
  source: 'proc',
  magic: FS_MAGIC.PROC,
  flags: ST.NOSUID | ST.NODEV | ST.NOEXEC | ST.RELATIME | ST.VALID,
  device: 0x15,
};

/** TASK_COMM_LEN without the NUL. */
const TASK_COMM_LENGTH = 15;

/** What /proc needs of the rest of the file system. */
export interface ProcParts {
  readonly kernel: system.ProcKernel;
  readonly tree: PseudoTree;
  /** Bytes of memory nobody uses. */
  freeBytes(): number;
  /** /proc/self/mounts and mountinfo. */
  mounts(): string;
  mountInfo(): string;
  filesystems(): string;
  /** Root of everything, for what has no task to ask. */
  readonly root: Node;
  find(task: Task, path: string): Node | number;
  terminal(task: Task): { readonly device: number; readonly group: number };
}

export class ProcRoot extends PseudoDirectory {
  private readonly parts: ProcParts;
  private readonly processes = new Map<number, { readonly task: Task; readonly directory: TaskDirectory }>();

  constructor(parts: ProcParts, parent: Node) {
    super(parts.tree, parent, 'proc');
    this.parts = parts;
    const { kernel: k, tree } = parts;
    const current = (): Task | undefined => k.current;
    this.add(new PseudoLink(tree, this, 'self', () => String(current()?.tgid ?? '')));
    this.add(new PseudoLink(tree, this, 'thread-self', () => `${current()?.tgid ?? ''}/task/${current()?.pid ?? ''}`));
    this.add(new PseudoLink(tree, this, 'mounts', () => 'self/mounts'));
    this.file('cpuinfo', () => system.cpuinfo(k.port.model, k.port.cpus.length))
      .file('meminfo', () => system.meminfo(k.port.memory.sizeBytes, parts.freeBytes()))
      .file('stat', () => system.stat(k))
      .file('uptime', () => system.uptime(k))
      .file('loadavg', () => system.loadavg(k))
      .file('version', system.version)
      .file('filesystems', () => parts.filesystems())
      .file('vmstat', () => system.vmstat(k, parts.freeBytes()))
      .file('diskstats', () => '')
      .file('swaps', () => 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n')
      .file('cmdline', () => 'perfglass\n');
    this.add(new PseudoLink(tree, this, 'net', () => 'self/net'));
    this.directory('sysvipc')
      .file('msg', () => ipc.messageQueues(k.ipc))
      .file('sem', () => ipc.semaphores(k.ipc))
      .file('shm', () => ipc.sharedMemory(k.ipc));
    for (const [path, value] of Object.entries(system.SYSCTL)) this.file(`sys/${path}`, () => `${value}\n`);
    for (const [path, { read, write }] of Object.entries(perfSysctls(k.perfSettings))) {
      const store = (text: string): number => {
        const value = parseNumber(text);
        return value === undefined ? -ERRNO.EINVAL : write(value);
      };
      this.file(`sys/${path}`, () => `${read()}\n`, store);
    }
    this.file('kallsyms', () => kallsyms(k.image, this.hidesAddresses(current()))).file('modules', () => '');
  }

  /** kallsyms_show_value: who may profile the kernel may know where it is. */
  private hidesAddresses(task: Task | undefined): boolean {
    const { kptrRestrict, paranoid } = this.parts.kernel.perfSettings;
    const root = task?.credentials.euid === 0;
    return kptrRestrict === 0 ? paranoid > 1 && !root : kptrRestrict > 1 || !root;
  }

  override lookup(name: string): Node | number {
    if (!/^[1-9][0-9]*$/.test(name)) return super.lookup(name);
    const task = this.parts.kernel.tasks.get(Number(name));
    if (task === undefined || task.state === 'dead') return -ERRNO.ENOENT;
    const known = this.processes.get(task.pid);
    if (known?.task === task) return known.directory;
    if (known !== undefined) known.directory.unlinked = true;
    const directory = new TaskDirectory(this.parts, this, task, task.tgid === task.pid);
    this.processes.set(task.pid, { task, directory });
    return directory;
  }
  override list(): DirectoryEntry[] | number {
    const own = super.list();
    if (typeof own === 'number') return own;
    for (const task of this.parts.kernel.tasks.values()) {
      const node = task.pid === task.tgid ? this.lookup(String(task.pid)) : -1;
      if (typeof node !== 'number') own.push(entry(node));
    }
    return own;
  }
}

function entry(node: Node): DirectoryEntry {
  const stat = node.stat();
  return { name: node.name, ino: typeof stat === 'number' ? 1 : stat.ino, type: node.type() >> 12 };
}

/** /proc/PID and /proc/PID/task/TID. */
class TaskDirectory extends PseudoDirectory {
  private readonly task: Task;

  constructor(parts: ProcParts, parent: Node, task: Task, leader: boolean) {
    super(parts.tree, parent, String(task.pid));
    this.task = task;
    const { tree } = parts;
    this.owner = { uid: task.credentials.euid, gid: task.credentials.egid };
    const view = (): format.TaskView => ({ task, threads: threadsOf(parts, task).length, terminal: parts.terminal(task) });
    this.add(new TaskFile(tree, this, 'cmdline', () => encodeUtf8(task.alive ? task.argv.map((a) => `${a}\0`).join('') : '')));
    const rename = (text: string): number => {
      if (parts.kernel.current?.process !== task.process) return -ERRNO.EINVAL; // fs/proc/base.c comm_write
      task.comm = decodeUtf8(encodeUtf8(text.split('\0', 1)[0] ?? '').subarray(0, TASK_COMM_LENGTH));
      parts.kernel.perf.renamed(task);
      return 0;
    };
    this.file('comm', () => `${task.comm}\n`, rename)
      .file('maps', () => (task.alive ? format.maps(task) : ''))
      .file('stat', () => format.stat(view()))
      .file('statm', () => format.statm(task))
      .file('status', () => format.status(view(), task.files.numbers().length, task.fs.umask))
      .file('mounts', () => parts.mounts())
      .file('mountinfo', () => parts.mountInfo())
      .file('cgroup', () => '0::/\n');
    this.add(new MemNode(tree, this, task, () => parts.kernel.current));
    const magic = (name: string, node: () => Node | number): void => {
      this.add(new PseudoLink(tree, this, name, () => describe(node(), task), node));
    };
    magic('exe', () => (task.executable === '' ? -ERRNO.ENOENT : parts.find(task, task.executable)));
    magic('cwd', () => task.fs.cwd);
    magic('root', () => task.fs.root);
    addTaskFiles(this, parts.kernel, task);
    const { tcp, udp } = parts.kernel.net;
    this.directory('net')
      .file('tcp', () => net.sockets(tcp, AF.INET, 'tcp'))
      .file('tcp6', () => net.sockets(tcp, AF.INET6, 'tcp'))
      .file('udp', () => net.sockets(udp, AF.INET, 'udp'))
      .file('udp6', () => net.sockets(udp, AF.INET6, 'udp'))
      .file('dev', net.dev)
      .file('route', net.route)
      .file('if_inet6', net.interfaceAddresses6);
    this.add(new FdDirectory(tree, this, 'fd', task));
    this.add(new FdDirectory(tree, this, 'fdinfo', task));
    if (leader) this.add(new ThreadsDirectory(parts, this, task));
  }
  override stat(): ReturnType<PseudoDirectory['stat']> {
    return this.task.state === 'dead' ? -ERRNO.ENOENT : super.stat();
  }
}

const describe = (node: Node | number, task: Task): string => (typeof node === 'number' ? '' : node.describe(task.fs.root));

const threadsOf = (parts: ProcParts, task: Task): Task[] =>
  [...parts.kernel.tasks.values()].filter((t) => t.tgid === task.tgid && t.state !== 'dead').sort((a, b) => a.pid - b.pid);

class ThreadsDirectory extends PseudoDirectory {
  private readonly parts: ProcParts;
  private readonly task: Task;
  private readonly made = new Map<number, TaskDirectory>();

  constructor(parts: ProcParts, parent: Node, task: Task) {
    super(parts.tree, parent, 'task');
    this.parts = parts;
    this.task = task;
  }
  override lookup(name: string): Node | number {
    const thread = threadsOf(this.parts, this.task).find((t) => String(t.pid) === name);
    if (thread === undefined) return -ERRNO.ENOENT;
    const known = this.made.get(thread.pid) ?? new TaskDirectory(this.parts, this, thread, false);
    this.made.set(thread.pid, known);
    return known;
  }
  override list(): DirectoryEntry[] | number {
    return threadsOf(this.parts, this.task).flatMap((t) => {
      const node = this.lookup(String(t.pid));
      return typeof node === 'number' ? [] : [entry(node)];
    });
  }
}

/** A file whose content is bytes. */
class TaskFile extends PseudoNode {
  private readonly content: () => Uint8Array;

  constructor(tree: PseudoTree, parent: Node, name: string, content: () => Uint8Array) {
    super(tree, parent, name, 0o444);
    this.content = content;
  }
  override type(): number {
    return S.IFREG;
  }
  override open(flags: number): FileDescription | number {
    const description = new TextDescription(this, flags, this.content);
    return description.writable ? -ERRNO.EACCES : description;
  }
}

/** fd: magic links to what is open. fdinfo: its offset and flags. */
class FdDirectory extends PseudoNode {
  private readonly task: Task;
  private readonly made = new Map<number, { readonly of: FileDescription; readonly node: Node }>();

  constructor(tree: PseudoTree, parent: Node, name: 'fd' | 'fdinfo', task: Task) {
    super(tree, parent, name, name === 'fd' ? 0o500 : 0o555);
    this.task = task;
    this.owner = { uid: task.credentials.euid, gid: task.credentials.egid };
  }
  override type(): number {
    return S.IFDIR;
  }
  override open(flags: number): FileDescription {
    return new DirectoryDescription(this, flags);
  }
  override lookup(name: string): Node | number {
    const fd = /^(0|[1-9][0-9]*)$/.test(name) ? Number(name) : -1;
    const description = this.task.files.get(fd);
    if (description === undefined) return -ERRNO.ENOENT;
    const known = this.made.get(fd);
    if (known?.of === description) return known.node;
    const node = this.name === 'fd' ? this.magicLink(name, description) : this.info(name, fd, description);
    this.made.set(fd, { of: description, node });
    return node;
  }
  private magicLink(name: string, description: FileDescription): Node {
    const target = description.node;
    return new PseudoLink(
      this.tree,
      this,
      name,
      () => describe(target, this.task),
      () => target,
    );
  }
  private info(name: string, fd: number, description: FileDescription): Node {
    const cloexec = (): number => (this.task.files.isCloseOnExec(fd) === true ? 0o2000000 : 0);
    return new PseudoFile(
      this.tree,
      this,
      name,
      () => `pos:\t${description.offset}\nflags:\t0${(description.flags | cloexec()).toString(8)}\nmnt_id:\t1\n`,
    );
  }
  override list(): DirectoryEntry[] | number {
    return this.task.files.numbers().flatMap((fd) => {
      const node = this.lookup(String(fd));
      return typeof node === 'number' ? [] : [entry(node)];
    });
  }
}
