/**
 * What the rest of the kernel needs of the files. kernel/vfs implements it and may narrow Task.files and Task.fs to its own classes.
 */
import type { PageSource } from './mm/page-source.ts';
import type { Task } from './task/task.ts';
import type { FdTable } from './vfs/fd-table.ts';
import type { FsContext } from './vfs/fs-context.ts';

/** A task's descriptor table. */
export interface TaskFiles {
  /** A copy for fork; CLONE_FILES shares the object itself. */
  clone(): TaskFiles;
  /** Closes what is FD_CLOEXEC (execve). */
  closeOnExec(): void;
  /** The last task that uses the table has exited: closes everything. */
  closeAll(): void;
}

/** Working directory, root, umask. */
export interface TaskFs {
  clone(): TaskFs;
}

/** A file opened for execve. The caller closes it. */
export interface Executable {
  /** Absolute path, as AT_EXECFN's target and MMAP records show it. */
  readonly path: string;
  readonly source: PageSource;
  /** Mode, user and group, of which the set-ID bits count. */
  readonly owner: { readonly mode: number; readonly uid: number; readonly gid: number };
  sizeBytes(): number;
  /** Bytes read at `offset` (fewer at the end), or -errno. */
  read(offset: number, into: Uint8Array): number;
  close(): void;
}

/** The three standard streams of the first task: host descriptors, usually 0, 1, 2. */
export interface Stdio {
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
}

export interface FileSystem {
  newFiles(stdio: Stdio): FdTable;
  /** `cwd` a path of the modelled tree. */
  newFs(cwd: string): FsContext;
  /** Checks what execve checks (regular file, x bit: -EACCES, -ENOENT …); a relative path counts from the task's cwd. */
  openExecutable(task: Task, path: string): Executable | number;
}
