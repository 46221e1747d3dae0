/** The kernel: the parts list, boot, and the loop that serves gates. Takes a port, never a machine. */
import type { Cpu } from '#port/cpu.ts';
import type { Host } from '#port/host.ts';
import type { Msrs } from '#port/msrs.ts';
import type { Port } from '#port/port.ts';
import type { PerfHooks } from './perf-hooks.ts';
import type { Task } from './task/task.ts';
import type { Vfs } from './vfs/vfs.ts';
import type { Stdio } from './vfs-interface.ts';

export interface KernelOptions {
  readonly seed: number;
  /** Timer interrupts per second of modelled time. */
  readonly hz: number;
  /** CLOCK_REALTIME at boot, ns since 1970. */
  readonly epochNs: bigint;
  readonly uid: number;
  readonly gid: number;
  /** True when the user asked to stop (Ctrl-C); polled between runs. */
  readonly interrupted: () => boolean;
}

export interface Kernel {
  readonly port: Port;
  readonly host: Host;
  readonly options: KernelOptions;
  readonly vfs: Vfs;
  /** RDMSR and WRMSR as instructions of the kernel text on the current CPU. */
  readonly msrs: Msrs;
  perf: PerfHooks;
  /** All tasks that exist (zombies too) by pid. */
  readonly tasks: ReadonlyMap<number, Task>;
  /** Running on the CPU; undefined in idle. */
  readonly current: Task | undefined;
  readonly cpu: Cpu;

  /** Modelled ns since boot. */
  monotonicNs(): bigint;
  /** Modelled ns since 1970. */
  realtimeNs(): bigint;
  /** Deterministic bytes from the seed (getrandom, /dev/urandom, AT_RANDOM). */
  random(length: number): Uint8Array;
  /** Sends a signal as kill(2) from the kernel: SIGPIPE to a writer, SIGINT to a group. */
  signalTask(task: Task, signal: number): void;
  signalGroup(pgid: number, signal: number): number;

  spawn(path: string, argv: readonly string[], envp: readonly string[], cwd: string, stdio: Stdio): Task | { readonly error: string };
}
