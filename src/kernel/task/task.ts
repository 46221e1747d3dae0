/** A task: what the scheduler runs, one thread of a process (process.ts). Threads share mm, files, fs and signal actions. */
import type { ExecCredentials } from './exec-credentials.ts';
import type { CpuContext } from '#port/cpu.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import type { Rseq } from '../sched/rseq.ts';
import type { Trace } from '../ptrace/trace.ts';
import type { SignalInfo, TaskSignals } from '../signal/task-signals.ts';
import type { Wait } from '../syscalls/types.ts';
import type { FdTable } from '../vfs/fd-table.ts';
import type { FsContext } from '../vfs/fs-context.ts';
import type { Process } from './process.ts';
import type { PtRegs } from './pt-regs.ts';

export interface Credentials {
  uid: number;
  euid: number;
  suid: number;
  gid: number;
  egid: number;
  sgid: number;
  groups: readonly number[];
  /** setfsuid, setfsgid; else the effective ids. */
  fsuid?: number | undefined;
  fsgid?: number | undefined;
}

/** capabilities(7). What the kernel allows goes by the effective user; these are what programs ask for and set. */
export interface Capabilities {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
}
/** CAP_LAST_CAP of 6.12: CAP_CHECKPOINT_RESTORE. */
export const LAST_CAPABILITY = 40;
const ALL_CAPABILITIES: bigint = (1n << BigInt(LAST_CAPABILITY + 1)) - 1n;

/** The capabilities that system calls here ask for. include/uapi/linux/capability.h. */
export const CAP = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  FOWNER: 3,
  FSETID: 4,
  SETGID: 6,
  SETUID: 7,
  SETPCAP: 8,
  IPC_LOCK: 14,
  SYS_PTRACE: 19,
  SYS_ADMIN: 21,
  PERFMON: 38,
} as const;

/** PR_GET_TIMERSLACK of a program that never changed it. */
export const TIMER_SLACK_NS = 50_000;

/** How a process ended, as wait4's status word holds it: (code << 8), or the signal, + 0x80 with a core. */
export type WaitStatus = number;

/** `stopped`: by job control; `traced`: in a trace stop (ptrace/stop.ts). */
export type TaskState = 'runnable' | 'waiting' | 'stopped' | 'traced' | 'zombie' | 'dead';

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

export function addTimes(to: Accounting, from: Accounting): void {
  to.userNs += from.userNs;
  to.systemNs += from.systemNs;
  to.minorFaults += from.minorFaults;
  to.majorFaults += from.majorFaults;
  to.voluntarySwitches += from.voluntarySwitches;
  to.involuntarySwitches += from.involuntarySwitches;
}

/** What a task is born with. */
export interface TaskParts {
  readonly pid: number;
  readonly process: Process;
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
  /** Changes once at most: a thread that execs takes its leader's. */
  pid: number;
  readonly process: Process;
  /** At most 15 bytes, as Linux keeps them. */
  comm: string;
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
  /** Set when it has ended (state 'zombie' or 'dead'); of a leader, how the process ended. */
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

  /** set_tid_address; cleared and woken at exit. 0 none. */
  clearChildTid = 0;
  robustList = 0;
  /** The parent that vfork suspended until this task execs or exits. */
  vforkParent: Task | undefined;
  /** Waiting in vfork: only SIGKILL ends it. */
  vforkWait = false;
  nice = 0;
  /** SCHED_OTHER, SCHED_BATCH or SCHED_IDLE: kept and reported. */
  policy = 0;
  /** PR_SET_TIMERSLACK: kept; deadlines are exact. */
  timerSlackNs: number = TIMER_SLACK_NS;
  /** What PR_SET_TIMERSLACK of 0 gives: the parent's at the fork. */
  defaultTimerSlackNs: number = TIMER_SLACK_NS;
  /** Set by capset, prctl and changes of the user; undefined: all or none, by the effective user. */
  private ownCapabilities: Capabilities | undefined;
  /** Who traces it and how; undefined: nobody. */
  trace: Trace | undefined;
  /** Those that it traces, the newest first. */
  readonly tracees: Task[] = [];
  /** What is to be done behind the trace stop that it is in or has just left, and with which answer of the tracer's. */
  afterStop: ((answer: number) => void) | undefined;
  stopAnswer = 0;
  /** The system call that its tracer let it make; undefined: the one of its gate. */
  call: number | undefined;
  /** The signal that its tracer lets it take. */
  injected: SignalInfo | undefined;
  /** What restart_syscall(2) makes again. */
  restarts: number | undefined;
  /** rseq(2)'s registration. */
  rseq: Rseq | undefined;
  /** perf's own part (kernel/perf); opaque to everyone else. */
  perf: object | undefined;

  constructor(parts: TaskParts) {
    this.pid = parts.pid;
    this.process = parts.process;
    this.process.leader ??= this;
    this.process.threads.add(this);
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

  get tgid(): number {
    return this.process.pid;
  }
  /** The group's first task for a thread, itself otherwise. */
  get leader(): Task {
    return this.process.leader ?? this;
  }
  /** The parent process's leader; undefined: init. */
  get parent(): Task | undefined {
    return this.process.parent?.leader;
  }
  get children(): ReadonlySet<Task> {
    return this.process.children;
  }
  get pgid(): number {
    return this.process.pgid;
  }
  get sid(): number {
    return this.process.sid;
  }
  get childTimes(): Accounting {
    return this.process.childTimes;
  }
  get argv(): readonly string[] {
    return this.process.argv;
  }
  get executable(): string {
    return this.process.executable;
  }

  get capabilities(): Capabilities {
    if (this.ownCapabilities !== undefined) return this.ownCapabilities;
    const have = this.credentials.euid === 0 ? ALL_CAPABILITIES : 0n;
    return { effective: have, permitted: have, inheritable: 0n, bounding: ALL_CAPABILITIES, ambient: 0n };
  }
  set capabilities(wanted: Capabilities) {
    this.ownCapabilities = wanted;
  }
  can(capability: number): boolean {
    return ((this.capabilities.effective >> BigInt(capability)) & 1n) === 1n;
  }
  inheritCapabilities(from: Task): void {
    this.ownCapabilities = from.ownCapabilities;
    this.timerSlackNs = this.defaultTimerSlackNs = from.timerSlackNs;
  }
  /** The user ids were `before`. security/commoncap.c cap_emulate_setxuid. */
  changedUser(before: readonly number[]): void {
    const { uid, euid, suid } = this.credentials;
    const old = this.ownCapabilities;
    const keeps = this.process.keepCapabilities;
    if (old === undefined && !(keeps && before[1] === 0 && euid !== 0)) return;
    const now = old ?? { effective: 0n, permitted: ALL_CAPABILITIES, inheritable: 0n, bounding: ALL_CAPABILITIES, ambient: 0n };
    const leaves = before.includes(0) && uid !== 0 && euid !== 0 && suid !== 0 && !keeps;
    const permitted = leaves ? 0n : now.permitted;
    const effective = leaves || (before[1] === 0 && euid !== 0) ? 0n : before[1] !== 0 && euid === 0 ? permitted : now.effective;
    this.ownCapabilities = { ...now, permitted, effective, ambient: leaves ? 0n : now.ambient };
  }
  /** execve with these ids; who started a program with others' ids may not look into it, nor be told of its parent's death. */
  becomes(after: ExecCredentials): void {
    this.credentials = after.credentials;
    this.process.dumpable = !after.secure;
    if (after.secure) this.process.parentDeathSignal = 0;
    this.execCapabilities();
  }
  /** Root has all that is bounding, others what is ambient. */
  private execCapabilities(): void {
    const old = this.ownCapabilities;
    this.process.keepCapabilities = false;
    if (old === undefined) return;
    const have = this.credentials.euid === 0 ? old.bounding : old.ambient;
    this.ownCapabilities = { ...old, permitted: have, effective: have };
  }

  /** Sleeping, and a signal that is to be delivered may end it. */
  get signalled(): boolean {
    return this.signals.deliverable;
  }
  get alive(): boolean {
    return this.state !== 'zombie' && this.state !== 'dead';
  }
}
