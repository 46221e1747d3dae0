/** A process: a thread group, and what its threads share beside memory, files and signal actions. */
import type { Node } from '../vfs/node.ts';
import type { KernelTimer } from '../time/timers.ts';
import { type Accounting, addTimes, newAccounting, type Task, type WaitStatus } from './task.ts';

/** timer_create(2). */
export interface PosixTimer {
  readonly clock: number;
  readonly timer: KernelTimer;
  /** Expirations beyond the one that the last signal stands for. */
  overrun: number;
}

export class Process {
  /** The group's id: the pid of its leader, for ever. */
  readonly pid: number;
  /** The task whose pid is the group's. It stays, as a zombie, while other threads live on. */
  leader: Task | undefined;
  /** Threads that have not ended, in order of birth. */
  readonly threads = new Set<Task>();
  /** undefined: init, which is not a task of the model. */
  parent: Process | undefined;
  /** The thread of the parent that made it; undefined: perfglass. */
  maker: Task | undefined;
  /** Threads that have ended and that their tracer has not waited for. */
  readonly tracedZombies = new Set<Task>();
  /** Leaders of child processes. */
  readonly children = new Set<Task>();
  pgid: number;
  sid: number;
  /** Controlling terminal of its session; undefined: the one that perfglass runs on, if any. */
  terminal: Node | 'none' | undefined;
  /** argv of the last execve, for /proc/PID/cmdline. */
  argv: readonly string[] = [];
  /** Path of the running program, for /proc/PID/exe. */
  executable = '';
  /** Resource limits by RLIMIT number: soft, hard. Only those that were set differ from the defaults. */
  limits = new Map<number, readonly [bigint, bigint]>();
  /** Modelled time at which SIGALRM comes (ITIMER_REAL), and its interval; undefined: not armed. */
  alarm: { readonly atNs: bigint; readonly intervalNs: bigint } | undefined;
  /** ITIMER_VIRTUAL and ITIMER_PROF, once they were asked for. */
  virtualTimer: KernelTimer | undefined;
  profTimer: KernelTimer | undefined;
  /** timer_create's, by id. */
  readonly posixTimers = new Map<number, PosixTimer>();
  /** prctl(2): PR_SET_PDEATHSIG (0: none), PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS. */
  parentDeathSignal = 0;
  subreaper = false;
  dumpable = true;
  noNewPrivileges = false;
  /** PR_SET_KEEPCAPS, PR_SET_SECUREBITS: kept. */
  keepCapabilities = false;
  secureBits = 0;
  /** personality(2). */
  personality = 0;
  /** /proc/PID/oom_score_adj: kept; nothing is ever killed for memory but who asks for it. */
  oomScoreAdjust = 0;
  /** How the whole group ends: set by exit_group and by a fatal signal. */
  exiting: WaitStatus | undefined;
  /** While stopped: by which signal (0: not), and whether wait4 has told. */
  stopSignal = 0;
  stopReported = false;
  /** SIGCONT came, and wait4(WCONTINUED) has not told yet. */
  continued = false;
  /** Of threads that have ended. */
  readonly endedTimes: Accounting = newAccounting();
  /** Of children that were waited for. */
  readonly childTimes: Accounting = newAccounting();

  constructor(pid: number, parent: Process | undefined) {
    this.pid = pid;
    this.parent = parent;
    this.pgid = parent?.pgid ?? pid;
    this.sid = parent?.sid ?? pid;
  }

  /** Some thread has not ended. */
  get alive(): boolean {
    return this.threads.size > 0;
  }

  /** Of all its threads, ended ones too. */
  times(): Accounting {
    const sum = newAccounting();
    addTimes(sum, this.endedTimes);
    for (const t of this.threads) addTimes(sum, t.times);
    return sum;
  }
}
