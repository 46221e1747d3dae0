/** One command on one modelled computer: machine, kernel and perf put together. The only place where they meet. */
import { ERRNO } from '#abi/errno.ts';
import { SIG } from '#abi/signals.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import type { PerfEventAttr } from '#kernel/perf/attr.ts';
import type { PerfEvent } from '#kernel/perf/event.ts';
import type { DriverChoices } from '#kernel/perf/intel/core-pmu.ts';
import type { PmiHandler } from '#kernel/perf/intel/pmi/handler.ts';
import type { Account } from '#kernel/perf/ledger.ts';
import { isRefusal, type Refusal } from '#kernel/perf/attr-checks.ts';
import { PerfFiles } from '#kernel/perf/file/perf-files.ts';
import { clockNs, onTask, Perf, type Target } from '#kernel/perf/perf.ts';
import type { RecordRing } from '#kernel/perf/record-ring.ts';
import type { ReadValues } from '#kernel/perf/read.ts';
import { DEFAULT_EPOCH_NS, DEFAULT_HZ, type Interruption, Kernel, type RunResult } from '#kernel/kernel.ts';
import type { Task } from '#kernel/task/task.ts';
import type { VfsOptions } from '#kernel/vfs/vfs.ts';
import type { PmiLatency } from '#machine/apic/pmi-latency.ts';
import { PERF_TIMER_VECTOR } from '#kernel/text/gates.ts';
import { unwindKernel } from '#kernel/text/unwind.ts';
import { createMachine, type Machine } from '#machine/machine.ts';
import type { Host } from '#port/host.ts';
import type { Msrs } from '#port/msrs.ts';
import type { CacheGeometry, CacheName } from '#machine/models/geometry.ts';
import { interpreter, observingInterpreter, tracingInterpreter } from './interpreter.ts';

export interface SessionOptions {
  readonly model: CpuModel;
  readonly handler: PmiHandler;
  readonly host: Host;
  /** Default: the model's. */
  readonly pmiLatency?: PmiLatency;
  readonly seed?: number;
  readonly memoryBytes?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly umask?: number;
  readonly files?: SessionFiles;
  /** True once for every Ctrl-C since the last call. */
  readonly choices?: DriverChoices;
  readonly interrupted?: () => Interruption;
  readonly ringSamples?: number;
  /** kernel.perf_event_max_sample_rate; undefined: nothing is throttled. */
  readonly maxSampleRate?: number;
  /** Runs the engine variant that hashes the retired path (Machine.pathHash); a little slower, the same counts. */
  readonly pathHash?: boolean;
  /** Caches, TLBs and branch predictor observe from power-on; else from the moment at which an event wants them. */
  readonly models?: boolean;
  /** Caches in place of the model's; null: no L2. */
  readonly caches?: Partial<Record<CacheName, CacheGeometry | null>>;
  /** Misses and wrong predictions take time (--cycles detailed). */
  readonly detailedCycles?: boolean;
  /** Called after each of perf's own MSR accesses, for pictures of what the driver does. */
  readonly onMsrAccess?: (address: number, written: bigint | undefined) => void;
}

/** What of the file system a caller may choose. */
export type SessionFiles = Pick<VfsOptions, 'prefix' | 'readOnly' | 'binds' | 'shm'>;

export interface Program {
  /** Path, or with `search` a name. */
  readonly path: string;
  /** PATH in which the name is looked for, in the guest's own tree. */
  readonly search?: string;
  readonly argv: readonly string[];
  readonly envp: readonly string[];
  readonly cwd: string;
  /** Host descriptor behind its standard output; default 1. */
  readonly stdout?: number;
}

/** Instructions between two looks at what the caller wants. */
const STEP = 5_000_000;

export class Session {
  readonly machine: Machine;
  readonly kernel: Kernel;
  readonly perf: Perf;
  readonly model: CpuModel;
  /** The program's first task, once `start` succeeded. */
  task: Task | undefined;
  result: RunResult | undefined;

  constructor(options: SessionOptions) {
    this.model = options.model;
    const seed = options.seed ?? 0;
    this.machine = createMachine(options.model, options.pathHash === true ? tracingInterpreter() : interpreter(), {
      seed,
      recorder: tracingInterpreter,
      models: {
        observer: () => observingInterpreter(options.pathHash === true),
        on: options.models ?? false,
        detailed: options.detailedCycles ?? false,
        ...(options.caches === undefined ? {} : { caches: options.caches }),
      },
      freezeOnDelivery: options.handler.needsFreezeOnDelivery,
      ...(options.pmiLatency === undefined ? {} : { pmiLatency: options.pmiLatency }),
      ...(options.memoryBytes === undefined ? {} : { memoryBytes: options.memoryBytes }),
    });
    this.kernel = new Kernel(this.machine, options.host, {
      seed,
      hz: DEFAULT_HZ,
      epochNs: DEFAULT_EPOCH_NS,
      uid: options.uid ?? 0,
      gid: options.gid ?? 0,
      interrupted: options.interrupted ?? (() => 0),
      files: {
        ...options.files,
        ...(options.umask === undefined ? {} : { umask: options.umask }),
      },
    });
    this.perf = new Perf({
      model: options.model,
      truth: this.machine.truth,
      clock: this.machine.clock,
      msrs: options.onMsrAccess === undefined ? this.kernel.msrs : watched(this.kernel.msrs, options.onMsrAccess),
      handler: options.handler,
      announce: (task) => this.tellMappings(task),
      setTimer: (tsc) => this.kernel.cpu.setSampleTimer(tsc, PERF_TIMER_VECTOR),
      epochNs: DEFAULT_EPOCH_NS,
      breakpoints: {
        slots: this.kernel.debug.slots,
        cpu: this.kernel.debug.cpu,
        forbidden: (first, last) => this.kernel.debug.forbidden(first, last),
      },
      sigtrap: (event, address) => this.kernel.perfFiles?.sigtrapLater(event, address),
      hz: DEFAULT_HZ,
      settings: this.kernel.perfSettings,
      kernelText: this.kernel.image,
      unwindKernel: (frame) => unwindKernel(this.kernel.image, this.machine.memory, frame.rip, frame.rsp),
      ...(options.choices === undefined ? {} : { choices: options.choices }),
      ...(options.ringSamples === undefined ? {} : { ringSamples: options.ringSamples }),
      ...(options.maxSampleRate === undefined ? {} : { maxSampleRate: options.maxSampleRate }),
    });
    this.kernel.perf = this.perf;
    this.kernel.perfFiles = new PerfFiles(this.kernel, this.perf);
    this.perf.boot(this.kernel.cpu);
  }

  /** After a failed `start`: the program, or what it needs to start, is not there. */
  programMissing = false;

  /** Loads the program; it has not run yet. Returns why it cannot, or undefined. */
  start(program: Program): string | undefined {
    const { argv, envp, cwd } = program;
    const found = program.search === undefined ? { path: program.path } : this.kernel.vfs.findProgram(program.path, program.search, cwd);
    if ('refused' in found) {
      this.programMissing = found.refused !== 'denied';
      return `${program.path}: ${this.programMissing ? 'no such program on PATH' : 'permission denied (not an executable file)'}`;
    }
    const { path } = found;
    const task = this.kernel.spawn(path, argv, envp, cwd, { stdin: 0, stdout: program.stdout ?? 1, stderr: 2 });
    if ('error' in task) {
      this.programMissing = task.errno === ERRNO.ENOENT;
      return task.error;
    }
    this.task = task;
    return undefined;
  }

  /** Opens an event on `target`, by default the program and what it forks (attr.inherit). After `start`, before the first `step`. */
  open(attr: PerfEventAttr, leader?: PerfEvent, output?: RecordRing, target?: Target): PerfEvent | Refusal {
    if (this.task === undefined) throw new Error('open before start');
    const event = this.perf.open(attr, target ?? onTask(this.task), leader, output);
    if (!isRefusal(event)) this.perf.install(event);
    return event;
  }

  /**
   * What an execve after the opening would have told and enabled (enable_on_exec): the program was loaded before, so that its name and files
   * are known when events are opened.
   */
  announce(): void {
    if (this.task === undefined) throw new Error('announce before start');
    this.perf.execed(this.task);
    this.tellMappings(this.task);
  }
  private tellMappings(task: Task): void {
    for (const v of task.mm.vmas) this.kernel.mapped(task, v);
  }

  /** Runs a while; undefined: there is more to do. */
  step(maxInstructions: number = STEP): RunResult | undefined {
    this.result ??= this.kernel.step(maxInstructions);
    if (this.result !== undefined) this.perf.closeBooks();
    return this.result;
  }

  run(): RunResult {
    for (;;) {
      const result = this.step();
      if (result !== undefined) return result;
    }
  }

  read(event: PerfEvent): ReadValues {
    return this.perf.read(event, this.kernel.cpu);
  }
  account(event: PerfEvent): Account {
    return this.perf.account(event);
  }
  /**
   * What went wrong, one line each: reports of the kernel, and what killed the program. How its children die is for the program to say,
   * unless it was for an instruction that is not there yet.
   */
  messages(): string[] {
    const out = [...this.kernel.reports];
    for (const d of this.kernel.deaths) {
      if (d.pid !== this.task?.pid && !d.instruction.includes('not there')) continue;
      const name = Object.entries(SIG).find(([, n]) => n === d.signal)?.[0] ?? `signal ${d.signal}`;
      const where = d.address === undefined ? '' : `, address 0x${d.address.toString(16)}`;
      const instruction = d.instruction === '' ? '' : `: #UD: ${d.instruction}`;
      out.push(`${d.comm}[${d.pid}]: ${name} at rip 0x${d.rip.toString(16)}${where}${instruction}`);
    }
    const r = this.result;
    if (r?.kind === 'deadlock') out.push(`nothing can go on: ${r.what}`);
    if (r?.kind === 'shutdown') out.push(`the modelled processor shut down: ${r.what}`);
    return out;
  }

  /** Modelled ns since power-on. */
  nowNs(): number {
    return clockNs(this.machine.clock);
  }
}

const watched = (msrs: Msrs, note: (address: number, written: bigint | undefined) => void): Msrs => ({
  read(address) {
    const value = msrs.read(address);
    note(address, undefined);
    return value;
  },
  write(address, value) {
    const good = msrs.write(address, value);
    note(address, value);
    return good;
  },
});
