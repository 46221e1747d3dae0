/** /proc/PID/mem: a task's memory as a file, past the rights of its mappings. fs/proc/base.c mem_rw. */
import { ERRNO } from '#abi/errno.ts';
import { S, SEEK } from '#abi/fs.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { mayAccess } from '../ptrace/access.ts';
import { readForeign, writeForeign } from '../ptrace/memory.ts';
import type { Task } from '../task/task.ts';
import { FileDescription } from './file-description.ts';
import type { Node } from './node.ts';
import { PseudoNode, type PseudoTree } from './pseudo.ts';

export class MemNode extends PseudoNode {
  private readonly task: Task;
  private readonly current: () => Task | undefined;

  constructor(tree: PseudoTree, parent: Node, task: Task, current: () => Task | undefined) {
    super(tree, parent, 'mem', 0o600);
    this.task = task;
    this.current = current;
  }
  override type(): number {
    return S.IFREG;
  }
  override access(mode: number): number {
    return (mode & 1) !== 0 ? -ERRNO.EACCES : 0; // who may is asked when it is opened
  }
  override open(flags: number): FileDescription | number {
    const by = this.current();
    if (by === undefined || !mayAccess(by, this.task)) return -ERRNO.EACCES;
    return new MemDescription(this, flags, this.task.mm);
  }
}

/** The address space is the one of the time of the opening, whatever the task executes later. */
class MemDescription extends FileDescription {
  private readonly mm: AddressSpace;

  constructor(node: Node, flags: number, mm: AddressSpace) {
    super(node, flags);
    this.mm = mm;
  }
  override get seekable(): boolean {
    return true;
  }
  override read(into: Uint8Array): number {
    return this.readAtOffset(into);
  }
  override pread(into: Uint8Array, position: number): number {
    if (this.mm.users <= 0 || into.length === 0) return 0;
    const bytes = readForeign(this.mm, position, into.length, true);
    into.set(bytes);
    return bytes.length > 0 ? bytes.length : -ERRNO.EIO;
  }
  override write(from: Uint8Array): number {
    const n = this.pwrite(from, this.offset);
    if (n > 0) this.offset += n;
    return n;
  }
  override pwrite(from: Uint8Array, position: number): number {
    if (this.mm.users <= 0 || from.length === 0) return 0;
    const n = writeForeign(this.mm, position, from, true);
    return n > 0 ? n : -ERRNO.EIO;
  }
  override truncate(): number {
    return 0;
  }
  override seek(offset: number, whence: number): number {
    return whence === SEEK.SET || whence === SEEK.CUR ? this.seekTo(offset, whence, 0) : -ERRNO.EINVAL;
  }
}
