/** Descriptor numbers of a process (files_struct): lowest free first, close-on-exec, a copy at fork. */
import { ERRNO } from '#abi/errno.ts';
import type { TaskFiles } from '../vfs-interface.ts';
import type { FileDescription } from './file-description.ts';
import type { LockTable } from './locks.ts';

interface Entry {
  readonly description: FileDescription;
  closeOnExec: boolean;
}

/** RLIMIT_NOFILE as a login shell has it. */
const DEFAULT_LIMIT = 1024;

export class FdTable implements TaskFiles {
  private readonly entries: (Entry | undefined)[] = [];
  private readonly locks: LockTable;
  /** RLIMIT_NOFILE's soft value: numbers are below it. */
  limit = DEFAULT_LIMIT;

  constructor(locks: LockTable) {
    this.locks = locks;
  }

  get(fd: number): FileDescription | undefined {
    return this.entries[fd]?.description;
  }
  isCloseOnExec(fd: number): boolean | undefined {
    return this.entries[fd]?.closeOnExec;
  }
  setCloseOnExec(fd: number, value: boolean): boolean {
    const entry = this.entries[fd];
    if (entry === undefined) return false;
    entry.closeOnExec = value;
    return true;
  }
  /** No number is left below the limit. */
  full(): boolean {
    let fd = 0;
    while (this.entries[fd] !== undefined) fd++;
    return fd >= this.limit;
  }
  /** Numbers in use, ascending. */
  numbers(): number[] {
    return this.entries.flatMap((e, fd) => (e === undefined ? [] : [fd]));
  }

  /** Takes over the caller's reference. Lowest free number from `from` on, or -EMFILE (the reference is dropped then). */
  install(description: FileDescription, closeOnExec: boolean, from = 0): number {
    let fd = from;
    while (this.entries[fd] !== undefined) fd++;
    if (fd >= this.limit) {
      description.release();
      return -ERRNO.EMFILE;
    }
    this.put(fd, { description, closeOnExec });
    return fd;
  }
  /** Another number for what `fd` is: dup, F_DUPFD. */
  duplicate(fd: number, from: number, closeOnExec: boolean): number {
    const description = this.get(fd);
    if (description === undefined) return -ERRNO.EBADF;
    return this.install(description.retain(), closeOnExec, from);
  }
  /** dup2 without its special case of equal numbers. */
  duplicateTo(fd: number, to: number, closeOnExec: boolean): number {
    const description = this.get(fd);
    if (description === undefined || to < 0 || to >= this.limit) return -ERRNO.EBADF;
    description.retain();
    if (this.entries[to] !== undefined) this.close(to);
    this.put(to, { description, closeOnExec });
    return to;
  }
  /** A standard stream at its number, which is free. */
  place(fd: number, description: FileDescription): void {
    this.put(fd, { description, closeOnExec: false });
  }
  private put(fd: number, entry: Entry): void {
    while (this.entries.length < fd) this.entries.push(undefined);
    this.entries[fd] = entry;
  }

  /** 0 or -EBADF. Closing any descriptor of a file drops the process's record locks on it: fcntl(2). */
  close(fd: number): number {
    const entry = this.entries[fd];
    if (entry === undefined) return -ERRNO.EBADF;
    this.entries[fd] = undefined;
    while (this.entries.length > 0 && this.entries.at(-1) === undefined) this.entries.pop();
    this.locks.releaseRecords(entry.description, this);
    entry.description.release();
    if (!entry.description.isOpen) this.locks.releaseDescription(entry.description);
    return 0;
  }

  clone(): FdTable {
    const copy = new FdTable(this.locks);
    copy.limit = this.limit;
    for (const [fd, entry] of this.entries.entries()) {
      if (entry !== undefined) copy.put(fd, { description: entry.description.retain(), closeOnExec: entry.closeOnExec });
    }
    return copy;
  }
  closeOnExec(): void {
    for (const fd of this.numbers()) if (this.isCloseOnExec(fd) === true) this.close(fd);
  }
  closeAll(): void {
    for (const fd of this.numbers()) this.close(fd);
  }
}
