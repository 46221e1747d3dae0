/**
 * Kernel cost: modelled. How many instructions each kernel function of the text executes, on top of the entry and exit stubs, which are what
 * they are. The amounts are a model (docs/model.md, "kernel cost: modelled"): round figures of the size that Linux 6.x shows for a small
 * call with warm caches, the same for every argument. `before` runs in front of the gate, `after` behind it.
 */

/** Iterations of the work loop (text/image.ts `work`): n iterations are 1 + 9n + ceil(n/2) instructions, 3n loads, n stores, 2n conditional branches. */
export interface Cost {
  readonly before: number;
  readonly after: number;
}

/** Instructions, loads, stores, branches of one work loop of n iterations, its set-up instruction included. */
export function workCounts(n: number): { instructions: number; loads: number; stores: number; branches: number } {
  if (n === 0) return { instructions: 0, loads: 0, stores: 0, branches: 0 };
  return { instructions: 1 + 9 * n + Math.ceil(n / 2), loads: 3 * n, stores: n, branches: 2 * n };
}

const cost = (before: number, after: number): Cost => ({ before, after });

/** A call that reads or sets a field: getpid, umask, arch_prctl. */
const FIELD = cost(2, 1);
/** A call on a descriptor: lseek, fstat, fcntl. */
const DESCRIPTOR = cost(10, 5);
/** Data through a descriptor: read, write. */
const TRANSFER = cost(30, 20);
/** A path is walked: open, stat, unlink. */
const PATH = cost(120, 40);
/** Mappings change: mmap, munmap, mprotect. */
const MAPPING = cost(100, 60);
/** Something is waited for or woken: wait4, futex, poll, nanosleep. */
const SLEEP = cost(40, 40);
/** Signals: kill, rt_sigaction, rt_sigreturn. */
const SIGNAL = cost(20, 10);

const SYSCALLS: Readonly<Record<string, Cost>> = {
  ...rows(
    FIELD,
    'getpid gettid getppid getuid geteuid getgid getegid getpgrp umask arch_prctl set_tid_address set_robust_list sched_yield getcpu time',
  ),
  ...rows(DESCRIPTOR, 'lseek fstat fcntl ioctl dup dup2 dup3 close fadvise64 fsync ftruncate'),
  ...rows(TRANSFER, 'read write readv writev pread64 pwrite64 preadv pwritev sendfile copy_file_range getdents64 getrandom'),
  ...rows(
    PATH,
    'open openat creat stat lstat newfstatat statx access faccessat faccessat2 unlink unlinkat rename renameat renameat2 mkdir mkdirat rmdir link linkat symlink symlinkat readlink readlinkat chmod fchmodat chown lchown fchownat utimensat truncate chdir getcwd',
  ),
  ...rows(MAPPING, 'mmap munmap mprotect brk mremap madvise msync'),
  ...rows(SLEEP, 'wait4 waitid futex poll ppoll select pselect6 nanosleep clock_nanosleep pause rt_sigsuspend epoll_wait'),
  ...rows(SIGNAL, 'kill tkill tgkill rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending sigaltstack setitimer alarm'),
  pipe: cost(200, 60),
  pipe2: cost(200, 60),
  clone: cost(2400, 400),
  clone3: cost(2400, 400),
  fork: cost(2400, 400),
  vfork: cost(1200, 300),
  execve: cost(3000, 3000),
  execveat: cost(3000, 3000),
  exit: cost(1500, 0),
  exit_group: cost(1500, 0),
};

const FUNCTIONS: Readonly<Record<string, Cost>> = {
  sys_ni_syscall: cost(1, 0),
  exc_page_fault: cost(60, 40),
  /** All other exceptions: they end in a signal. */
  exc_other: cost(20, 10),
  sysvec_apic_timer_interrupt: cost(80, 60),
  /** A self interrupt in which perf wakes and signals. */
  sysvec_irq_work: cost(12, 8),
  exit_to_user_mode_loop: cost(6, 4),
  exc_nmi: cost(10, 6),
  /** perf's timer, for the clocks that sample. */
  perf_swevent_hrtimer: cost(10, 6),
  __schedule: cost(60, 30),
  ret_from_fork: cost(20, 0),
};

/** A system call without a row of its own costs this. */
export const OTHER_COST: Cost = cost(16, 8);

function rows(c: Cost, names: string): Record<string, Cost> {
  return Object.fromEntries(names.split(' ').map((n) => [n, c]));
}

export const syscallCost = (name: string): Cost => SYSCALLS[name] ?? OTHER_COST;
export const functionCost = (name: string): Cost => FUNCTIONS[name] ?? (FUNCTIONS['exc_other'] as Cost);

/** All rows, for docs/model.md. */
export const costRows = (): readonly (readonly [string, Cost])[] => [...Object.entries(SYSCALLS), ...Object.entries(FUNCTIONS)];
