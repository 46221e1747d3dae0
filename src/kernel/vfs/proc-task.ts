/** Files of /proc/PID beside those that ps reads: what a task was started with, its limits, and settings that are kept. */
import { ERRNO } from '#abi/errno.ts';
import { PAGE_SIZE } from '#abi/mman.ts';
import { RLIM_INFINITY, RLIMIT } from '#abi/process.ts';
import { limitOf } from '../syscalls/sys-limits.ts';
import type { Task } from '../task/task.ts';
import { mapping } from './proc-format.ts';
import type { PseudoDirectory } from './pseudo.ts';

type LimitKernel = Parameters<typeof limitOf>[0];

/** Names and units of fs/proc/base.c lnames. */
const LIMITS: readonly (readonly [number, string, string])[] = [
  [RLIMIT.CPU, 'Max cpu time', 'seconds'],
  [RLIMIT.FSIZE, 'Max file size', 'bytes'],
  [RLIMIT.DATA, 'Max data size', 'bytes'],
  [RLIMIT.STACK, 'Max stack size', 'bytes'],
  [RLIMIT.CORE, 'Max core file size', 'bytes'],
  [RLIMIT.RSS, 'Max resident set', 'bytes'],
  [RLIMIT.NPROC, 'Max processes', 'processes'],
  [RLIMIT.NOFILE, 'Max open files', 'files'],
  [RLIMIT.MEMLOCK, 'Max locked memory', 'bytes'],
  [RLIMIT.AS, 'Max address space', 'bytes'],
  [RLIMIT.LOCKS, 'Max file locks', 'locks'],
  [RLIMIT.SIGPENDING, 'Max pending signals', 'signals'],
  [RLIMIT.MSGQUEUE, 'Max msgqueue size', 'bytes'],
  [RLIMIT.NICE, 'Max nice priority', ''],
  [RLIMIT.RTPRIO, 'Max realtime priority', ''],
  [RLIMIT.RTTIME, 'Max realtime timeout', 'us'],
];
function limits(k: LimitKernel, task: Task): string {
  const text = (n: bigint): string => (n === RLIM_INFINITY ? 'unlimited' : String(n)).padEnd(20);
  const row = (name: string, soft: string, hard: string, units: string): string =>
    `${name.padEnd(25)} ${soft} ${hard} ${units.padEnd(10)}\n`;
  const rows = LIMITS.map(([resource, name, units]) => {
    const [soft, hard] = limitOf(k, task, resource);
    return row(name, text(soft), text(hard), units);
  });
  return row('Limit', 'Soft Limit'.padEnd(20), 'Hard Limit'.padEnd(20), 'Units') + rows.join('');
}

const rest = (task: Task, start: number, end: number): Uint8Array =>
  (task.alive ? task.memory.read(start, end - start) : undefined) ?? new Uint8Array(0);

/** Pages present in each mapping, the same pages whether shared or not. */
function smaps(task: Task): string {
  if (!task.alive) return '';
  const row = (name: string, bytes: number): string => `${`${name}:`.padEnd(16)}${String(bytes / 1024).padStart(8)} kB\n`;
  return task.mm.vmas
    .map((v) => {
      let pages = 0;
      task.mm.tables.forEach(v.start, v.end, () => pages++);
      const resident = pages * PAGE_SIZE;
      return (
        mapping(v) +
        row('Size', v.end - v.start) +
        row('KernelPageSize', PAGE_SIZE) +
        row('MMUPageSize', PAGE_SIZE) +
        row('Rss', resident) +
        row('Swap', 0)
      );
    })
    .join('');
}

const OOM_ADJUST_MIN = -1000;
const OOM_ADJUST_MAX = 1000;

/** Adds them to a task's directory. */
export function addTaskFiles(at: PseudoDirectory, k: LimitKernel, task: Task): void {
  const storeAdjust = (text: string): number => {
    const value = /^-?\d+\s*$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= OOM_ADJUST_MIN && value <= OOM_ADJUST_MAX)) return -ERRNO.EINVAL;
    task.process.oomScoreAdjust = value;
    return 0;
  };
  at.file('environ', () => rest(task, task.mm.envStart, task.mm.envEnd))
    .file('auxv', () => (task.alive ? task.mm.auxv : new Uint8Array(0)))
    .file('limits', () => limits(k, task))
    .file('smaps', () => smaps(task))
    .file('oom_score', () => `${Math.max(0, 666 + Math.trunc((task.process.oomScoreAdjust * 2) / 3))}\n`)
    .file('oom_score_adj', () => `${task.process.oomScoreAdjust}\n`, storeAdjust)
    .file('personality', () => `${task.process.personality.toString(16).padStart(8, '0')}\n`)
    .file('wchan', () => '0')
    .file('loginuid', () => '4294967295')
    .file('sessionid', () => '4294967295')
    .file('uid_map', () => '         0          0 4294967295\n')
    .file('gid_map', () => '         0          0 4294967295\n')
    .file('setgroups', () => 'allow\n')
    .file('coredump_filter', () => '00000033\n')
    .file('timerslack_ns', () => `${task.timerSlackNs}\n`)
    .file(
      'schedstat',
      () => `${task.times.userNs + task.times.systemNs} 0 ${task.times.voluntarySwitches + task.times.involuntarySwitches}\n`,
    );
}
