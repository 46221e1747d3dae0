/** The texts of /proc/PID/* as Linux 6.12 prints them (fs/proc/array.c, task_mmu.c; proc_pid_stat(5), proc_pid_status(5), proc_pid_maps(5)). */
import { lockedBytes } from '../mm/lock.ts';
import { MAP, PAGE_SIZE, PROT } from '#abi/mman.ts';
import { USER_HZ } from '../identity.ts';
import type { Vma } from '../mm/address-space.ts';
import type { Task, TaskState } from '../task/task.ts';

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

/** Column at which the name of a mapping starts. */
const NAME_COLUMN = 73;

export function mapping(vma: Vma): string {
  const rights = [
    (vma.prot & PROT.READ) === 0 ? '-' : 'r',
    (vma.prot & PROT.WRITE) === 0 ? '-' : 'w',
    (vma.prot & PROT.EXEC) === 0 ? '-' : 'x',
    (vma.flags & MAP.SHARED) === 0 ? 'p' : 's',
  ].join('');
  const { major, minor } = vma.source?.device ?? { major: 0, minor: 0 };
  const offset = vma.source === undefined ? 0 : vma.offset;
  const head = `${hex(vma.start, 8)}-${hex(vma.end, 8)} ${rights} ${hex(offset, 8)} ${hex(major, 2)}:${hex(minor, 2)} ${vma.source?.inode ?? 0} `;
  return vma.name === '' ? `${head}\n` : `${head.padEnd(NAME_COLUMN)}${vma.name}\n`;
}

/** The last row of every process's maps; the page is in no size (kernel/syscalls/vsyscall.ts). */
const VSYSCALL_MAPPING = `${'ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 '.padEnd(NAME_COLUMN)}[vsyscall]\n`;

export const maps = (task: Task): string => task.mm.vmas.map(mapping).join('') + VSYSCALL_MAPPING;

const STATE: Record<TaskState, readonly [string, string]> = {
  runnable: ['R', 'running'],
  waiting: ['S', 'sleeping'],
  stopped: ['T', 'stopped'],
  traced: ['t', 'tracing stop'],
  zombie: ['Z', 'zombie'],
  dead: ['X', 'dead'],
};

/** The parent of what has none in the model. */
const INIT = 1;

export const virtualBytes = (task: Task): number => task.mm.vmas.reduce((sum, vma) => sum + vma.end - vma.start, 0);
const ticks = (ns: number): number => Math.floor((ns * USER_HZ) / 1e9);

/** A threads' count needs the table of all tasks. */
export interface TaskView {
  readonly task: Task;
  readonly threads: number;
  /** tty_nr and tpgid: 0 and -1 without a terminal. */
  readonly terminal: { readonly device: number; readonly group: number };
}

/** The 52 fields; those that the model has no notion of are 0, as for a kernel thread. */
export function stat({ task, threads, terminal }: TaskView): string {
  const zombie = !task.alive;
  const t = task.times;
  const c = task.childTimes;
  const stack = zombie ? undefined : task.mm.vmas.find((v) => v.name === '[stack]');
  const first = [
    task.pid,
    `(${task.comm})`,
    STATE[task.state][0],
    task.parent?.tgid ?? INIT,
    task.pgid,
    task.sid,
    terminal.device,
    terminal.group,
  ];
  const faults = [0x400000, t.minorFaults, c.minorFaults, t.majorFaults, c.majorFaults];
  const times = [ticks(t.userNs), ticks(t.systemNs), ticks(c.userNs), ticks(c.systemNs)];
  const sched = [20 + task.nice, task.nice, threads, 0, ticks(Number(task.startNs))];
  const resident = zombie ? 0 : task.mm.residentBytes() / PAGE_SIZE;
  const memory = [zombie ? 0 : virtualBytes(task), resident, '18446744073709551615', 0, 0, stack?.end ?? 0, 0, 0];
  const signals = [0, Number(task.signals.blocked & 0x7fff_ffffn), 0, 0, 0, 0, 0, task.exitSignal, 0, 0, 0, 0, 0, 0];
  return `${[...first, ...faults, ...times, ...sched, ...memory, ...signals, 0, 0, 0, 0, 0, 0, 0, task.exitStatus].join(' ')}\n`;
}

/** Bytes of the program's code, and of private writable memory (data and stack). */
function segments(task: Task): { readonly text: number; readonly data: number } {
  let text = 0;
  let data = 0;
  for (const v of task.mm.vmas) {
    if ((v.prot & PROT.EXEC) !== 0 && v.name === task.executable) text += v.end - v.start;
    if ((v.prot & PROT.WRITE) !== 0 && (v.flags & MAP.SHARED) === 0) data += v.end - v.start;
  }
  return { text, data };
}

export function statm(task: Task): string {
  if (!task.alive) return '0 0 0 0 0 0 0\n';
  const pages = (bytes: number): number => Math.ceil(bytes / PAGE_SIZE);
  const { text, data } = segments(task);
  return `${pages(virtualBytes(task))} ${pages(task.mm.residentBytes())} 0 ${pages(text)} 0 ${pages(data)} 0\n`;
}

const mask = (bits: bigint): string => bits.toString(16).padStart(16, '0');

const kilobytes = (bytes: number): string => `${String(Math.floor(bytes / 1024)).padStart(8)} kB`;

function memoryRows(task: Task): readonly (readonly [string, string])[] {
  const { maps } = task.mm;
  const resident = task.mm.residentBytes();
  const rows = [
    ['VmPeak', maps.peakBytes],
    ['VmSize', maps.bytes],
    ['VmLck', lockedBytes(task.mm)],
    ['VmHWM', resident],
    ['VmRSS', resident],
    ['VmData', segments(task).data],
    ['VmExe', segments(task).text],
    ['VmSwap', 0],
  ] as const;
  return rows.map(([name, bytes]) => [name, kilobytes(bytes)]);
}

export function status({ task, threads }: TaskView, descriptors: number, umask: number): string {
  const [letter, word] = STATE[task.state];
  const { credentials: c } = task;
  const capabilities = task.capabilities;
  const { ignored, caught } = task.signals.actions.sets();
  const rows: (readonly [string, string | number])[] = [
    ['Name', task.comm],
    ['Umask', umask.toString(8).padStart(4, '0')],
    ['State', `${letter} (${word})`],
    ['Tgid', task.tgid],
    ['Ngid', 0],
    ['Pid', task.pid],
    ['PPid', task.parent?.tgid ?? INIT],
    ['TracerPid', task.trace?.tracer.pid ?? 0],
    ['Uid', [c.uid, c.euid, c.suid, c.euid].join('\t')],
    ['Gid', [c.gid, c.egid, c.sgid, c.egid].join('\t')],
    ['FDSize', Math.max(64, descriptors)],
    ['Groups', c.groups.map((g) => `${g} `).join('')],
    ...(task.alive ? memoryRows(task) : []),
    ['CoreDumping', 0],
    ['Threads', threads],
    ['SigPnd', mask(task.signals.pending)],
    ['SigBlk', mask(task.signals.blocked)],
    ['SigIgn', mask(ignored)],
    ['SigCgt', mask(caught)],
    ['CapInh', mask(capabilities.inheritable)],
    ['CapPrm', mask(capabilities.permitted)],
    ['CapEff', mask(capabilities.effective)],
    ['CapBnd', mask(capabilities.bounding)],
    ['CapAmb', mask(capabilities.ambient)],
    ['NoNewPrivs', task.process.noNewPrivileges ? 1 : 0],
    ['Seccomp', 0],
    ['Cpus_allowed', '1'],
    ['Cpus_allowed_list', '0'],
    ['Mems_allowed', '1'],
    ['Mems_allowed_list', '0'],
    ['voluntary_ctxt_switches', task.times.voluntarySwitches],
    ['nonvoluntary_ctxt_switches', task.times.involuntarySwitches],
  ];
  return rows.map(([name, value]) => `${name}:\t${value}\n`).join('');
}
