/** A task: what the scheduler runs. Processes are tasks whose pid equals their tgid; threads share mm, files, fs and signal actions. */
import type { CpuContext } from '#port/cpu.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import type { TaskSignals } from '../signal/task-signals.ts';
import type { Wait } from '../syscalls/types.ts';
import type { FdTable } from '../vfs/fd-table.ts';
import type { FsContext } from '../vfs/fs-context.ts';
import type { PtRegs } from './pt-regs.ts';

export interface Credentials {
  uid: number;
  euid: number;
  suid: number;
  gid: number;
  egid: number;
  sgid: number;
  groups: readonly number[];
}

/** How a process ended, as wait4's status word holds it: (code << 8), or the signal, + 0x80 with a core. */
export type WaitStatus = number;

export type TaskState = 'runnable' | 'waiting' | 'stopped' | 'zombie' | 'dead';

/** Times of a task in ns of modelled time, and its counts for getrusage. */
export interface Accounting {
  userNs: number;
  systemNs: number;
  minorFaults: number;
  majorFaults: number;
  voluntarySwitches: number;
  involuntarySwitches: number;
}

export const newAccounting = (): Accounting => ({
  userNs: 0,
  systemNs: 0,
  minorFaults: 0,
  majorFaults: 0,
  voluntarySwitches: 0,
  involuntarySwitches: 0,
});

/** What a task is born with. */
export interface TaskParts {
  readonly pid: number;
  readonly tgid: number;
  readonly parent: Task | undefined;
  readonly comm: string;
  readonly mm: AddressSpace;
  readonly memory: UserMemory;
  readonly files: FdTable;
  readonly fs: FsContext;
  readonly signals: TaskSignals;
  readonly credentials: Credentials;
  readonly regs: PtRegs;
  readonly context: CpuContext;
  /** Guest-physical address and index of the kernel stack. */
  readonly kernelStack: number;
  readonly startNs: bigint;
}

export class Task {
  readonly pid: number;
  readonly tgid: number;
  /** The group's first task for a thread, itself otherwise. */
  leader: Task = this;
  parent: Task | undefined;
  readonly children = new Set<Task>();
  pgid: number;
  sid: number;
  /** At most 15 bytes, as Linux keeps them. */
  comm: string;
  /** argv of the last execve, for /proc/PID/cmdline. */
  argv: readonly string[] = [];
  /** Path of the running program, for /proc/PID/exe. */
  executable = '';
  /** Replaced by execve. */
  mm: AddressSpace;
  memory: UserMemory;
  files: FdTable;
  fs: FsContext;
  signals: TaskSignals;
  credentials: Credentials;

  state: TaskState = 'runnable';
  /** While state is 'waiting': what for. */
  waiting: Wait | undefined;
  /** In a handler that runs again after a Wait: the Wait that it gave; undefined on the first entry. */
  resumed: Wait | undefined;
  /** A result that ends the wait instead of another try (a signal came). */
  interrupted: number | undefined;
  /** nanosleep's end, kept while a signal without handler restarts the call. */
  sleepUntil: bigint | undefined;
  /** While 'stopped': by which signal, and whether wait4 has told. */
  stopSignal = 0;
  stopReported = false;
  /** SIGCONT came, and wait4(WCONTINUED) has not told yet. */
  continued = false;
  /** Set when the process has ended (state 'zombie' or 'dead'). */
  exitStatus: WaitStatus = 0;
  /** Signal for the parent at the end; 0 none. */
  exitSignal = 17;

  /** User registers while in the kernel. */
  readonly regs: PtRegs;
  /** Whole CPU state while switched out. */
  readonly context: CpuContext;
  readonly kernelStack: number;
  readonly startNs: bigint;
  readonly times: Accounting = newAccounting();
  /** Of children that were waited for. */
  readonly childTimes: Accounting = newAccounting();

  /** set_tid_address; cleared and woken at exit. 0 none. */
  clearChildTid = 0;
  robustList = 0;
  /** The parent that vfork suspended until this task execs or exits. */
  vforkParent: Task | undefined;
  /** Waiting in vfork: only SIGKILL ends it. */
  vforkWait = false;
  nice = 0;
  /** Modelled time at which SIGALRM comes (ITIMER_REAL), and its interval; undefined: not armed. */
  alarm: { readonly atNs: bigint; readonly intervalNs: bigint } | undefined;
  /** Resource limits by RLIMIT number: soft, hard. Only those that were set differ from rlimits.ts. */
  limits = new Map<number, readonly [bigint, bigint]>();
  /** perf's own part (kernel/perf); opaque to everyone else. */
  perf: object | undefined;

  constructor(parts: TaskParts) {
    this.pid = parts.pid;
    this.tgid = parts.tgid;
    this.parent = parts.parent;
    this.pgid = parts.parent?.pgid ?? parts.pid;
    this.sid = parts.parent?.sid ?? parts.pid;
    this.comm = parts.comm;
    this.mm = parts.mm;
    this.memory = parts.memory;
    this.files = parts.files;
    this.fs = parts.fs;
    this.signals = parts.signals;
    this.credentials = parts.credentials;
    this.regs = parts.regs;
    this.context = parts.context;
    this.kernelStack = parts.kernelStack;
    this.startNs = parts.startNs;
  }

  /** Sleeping, and a signal that is to be delivered may end it. */
  get signalled(): boolean {
    return this.signals.deliverable;
  }
  get alive(): boolean {
    return this.state !== 'zombie' && this.state !== 'dead';
  }
}
