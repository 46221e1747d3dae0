/** The kernel: the parts list, what the parts ask each other, and the loop that runs the processor. Takes a port, never a machine. */
import { ERRNO } from '#abi/errno.ts';
import { ensure } from '#base/assert.ts';
import type { Cpu } from '#port/cpu.ts';
import type { Host } from '#port/host.ts';
import type { Msrs } from '#port/msrs.ts';
import type { Port } from '#port/port.ts';
import { boot, type CpuArea, directMap } from './boot/boot.ts';
import { KernelStubs } from './boot/stubs.ts';
import { KernelDebug } from './debug/kernel-debug.ts';
import { GateServer } from './gate-server.ts';
import { Ipc } from './ipc/ipc.ts';
import { AddressSpace, type MmContext, type Vma } from './mm/address-space.ts';
import { type FrameAllocator, PAGE } from './mm/frames.ts';
import { PageCache } from './mm/page-cache.ts';
import { PagedMemory, type UserMemory } from './mm/user-memory.ts';
import { Ports } from './net/ports.ts';
import type { PerfFiles } from './perf/file/perf-files.ts';
import { PerfSettings } from './perf/settings.ts';
import { type InterruptFrame, NO_PERF, type PerfHooks } from './perf-hooks.ts';
import { Rng } from '#base/rng.ts';
import { Scheduler } from './sched/scheduler.ts';
import { sendSignal, signalProcess } from './signal/deliver.ts';
import type { TrapState } from './signal/frame.ts';
import { type SignalInfo, SignalActions, TaskSignals } from './signal/task-signals.ts';
import { SYSCALL_ROWS } from './syscalls/table.ts';
import { exec, commOf } from './task/exec.ts';
import { exitGroup } from './task/exit.ts';
import { startContext } from './task/fork.ts';
import { Process } from './task/process.ts';
import { PT_SIZE, PtRegs } from './task/pt-regs.ts';
import { Task } from './task/task.ts';
import { KernelTimer } from './time/timers.ts';
import { buildImage, type KernelImage } from './text/image.ts';
import { KERNEL_STACK_SIZE, PERCPU, TSS } from './text/layout.ts';
import { Vfs, type VfsOptions } from './vfs/vfs.ts';
import type { Stdio } from './vfs-interface.ts';
import { NR_SYSCALLS } from '#abi/syscall-numbers.ts';
import { SI, SIG } from '#abi/signals.ts';

/** A signal from outside for the program (SIGINT: for its process group, as from a terminal); 'end' ends the session; 0: nothing. */
export type Interruption = number | 'end';

export interface KernelOptions {
  readonly seed: number;
  /** Timer interrupts per second of modelled time. */
  readonly hz: number;
  /** CLOCK_REALTIME at boot, ns since 1970. */
  readonly epochNs: bigint;
  readonly uid: number;
  readonly gid: number;
  /** What the host side wants since the last call; polled between runs. */
  readonly interrupted: () => Interruption;
  readonly files: VfsOptions;
}

/** 2026-01-01T00:00:00Z. */
export const DEFAULT_EPOCH_NS = 1_767_225_600_000_000_000n;
export const DEFAULT_HZ = 250;

/** How a session ended. `status` is wait4's status word of the first task. */
export type RunResult =
  | { readonly kind: 'ended'; readonly status: number }
  | { readonly kind: 'interrupted' }
  /** Every task waits for something that cannot come. `what` names them. */
  | { readonly kind: 'deadlock'; readonly what: string }
  | { readonly kind: 'shutdown'; readonly what: string };

/** Something waits for the task's way back to user mode. */
const needsExitWork = (t: Task): boolean =>
  t.signals.deliverable ||
  t.signals.savedMask !== undefined ||
  t.trace?.hasWork === true ||
  t.afterStop !== undefined ||
  t.injected !== undefined;

/** A task that a signal ended, for the message on the host's side. */
export interface Death {
  readonly pid: number;
  readonly comm: string;
  readonly signal: number;
  readonly rip: bigint;
  /** Of a fault. */
  readonly address: bigint | undefined;
  /** SIGILL: the instruction, and whether it is undefined or not there yet. */
  readonly instruction: string;
}

/** Instructions between two looks at Ctrl-C. */
const RUN_SLICE = 20_000_000;
const FIRST_PID = 1000;
/** How long what a program leaves behind may be idle in all after its end: natively it would stay, here nobody could end it. */
const LEFT_BEHIND_NS = 60_000_000_000n;

const whatHolds = (t: Task): string =>
  `${t.comm}[${t.pid}] ${t.state === 'stopped' || t.state === 'traced' ? `is ${t.state}` : `waits: ${t.waiting?.what ?? t.state}`}`;

export class Kernel {
  readonly port: Port;
  readonly host: Host;
  readonly options: KernelOptions;
  readonly cpu: Cpu;
  readonly image: KernelImage;
  readonly frames: FrameAllocator;
  readonly pageCache: PageCache;
  readonly mmContext: MmContext;
  readonly stubs: KernelStubs;
  readonly debug: KernelDebug;
  readonly scheduler: Scheduler;
  readonly vfs: Vfs;
  perf: PerfHooks = NO_PERF;
  /** perf_event_open and its descriptors; undefined: no perf, ENOSYS. */
  perfFiles: PerfFiles | undefined;
  readonly perfSettings = new PerfSettings();
  readonly maxTasks = 4096;
  /** Lines for the user about what went wrong, in order. */
  readonly reports: string[] = [];
  readonly deaths: Death[] = [];
  /** Calls and options that programs asked for and the model lacks, with how often; `-v` shows them. */
  readonly missing = new Map<string, number>();
  /** timerfd's and timer_create's. */
  readonly timers = new Set<KernelTimer>();
  /** Of CPU time: looked at at ticks. */
  readonly cpuTimers = new Set<KernelTimer>();
  /** System V shared memory, semaphores, message queues. */
  readonly ipc = new Ipc();
  /** Ports of the loopback network. */
  readonly net = { tcp: new Ports(), udp: new Ports() };
  result: RunResult | undefined;

  private readonly area: CpuArea;
  private readonly kernelRoot: number;
  private readonly gates: GateServer;
  private readonly randomness: Rng;
  private readonly byPid = new Map<number, Task>();
  private readonly deadStacks: number[] = [];
  private lastPid = FIRST_PID - 1;
  private first: Task | undefined;
  private firstStatus = 0;
  /** A signal from outside asked the program to end: once it has, nothing of it goes on, as nobody waits for it any more. */
  private askedToEnd = false;
  /** The scheduler's idle time when nothing ran for the first time after the program's end. */
  private idleAtEndNs: bigint | undefined;
  private hostCall: (() => void) | undefined;

  constructor(port: Port, host: Host, options: KernelOptions) {
    this.port = port;
    this.host = host;
    this.options = options;
    this.cpu = ensure(port.cpus[0], 'a CPU');
    this.randomness = new Rng(options.seed);
    this.image = buildImage(SYSCALL_ROWS, NR_SYSCALLS);
    const { frames, kernelRoot, area } = boot(port, this.cpu, this.image);
    this.frames = frames;
    this.kernelRoot = kernelRoot;
    this.area = area;
    this.pageCache = new PageCache(frames);
    frames.reclaim = () => this.pageCache.reclaim();
    this.mmContext = {
      frames,
      cache: this.pageCache,
      kernelRoot,
      invalidate: (root, va) => {
        if (this.cpu.cr3 !== BigInt(root)) return;
        if (va === undefined) this.cpu.flushTlb();
        else this.cpu.invlpg(BigInt(va));
      },
      faulted: (va, major) => this.gates.countFault(va, major, undefined),
    };
    this.gates = new GateServer(this);
    this.stubs = new KernelStubs(this.cpu, this.image, (gate) => this.gates.serveNested(gate));
    this.debug = new KernelDebug(this);
    this.scheduler = new Scheduler(this, this.cpu, options.hz);
    this.vfs = new Vfs(this, { freeBytes: () => this.frames.freeFrames * PAGE, ...options.files });
  }

  /** RDMSR and WRMSR as instructions of the kernel text. */
  get msrs(): Msrs {
    return this.stubs;
  }
  /** All tasks that exist (zombies too) by pid. */
  get tasks(): ReadonlyMap<number, Task> {
    return this.byPid;
  }
  /** Leaders of all processes, zombies too, in order of birth. */
  processes(): Task[] {
    return [...this.byPid.values()].filter((t) => t === t.leader);
  }
  /** Running on the CPU; undefined in idle. */
  get current(): Task | undefined {
    return this.scheduler.current;
  }

  /** Modelled ns since boot. */
  monotonicNs(): bigint {
    return (BigInt(this.port.clock.tsc()) * 1_000_000_000n) / BigInt(this.port.clock.tscHz);
  }
  /** Modelled ns since 1970. */
  realtimeNs(): bigint {
    return this.options.epochNs + this.monotonicNs();
  }
  /** The first TSC value at which monotonicNs is at least `ns`. */
  tscOf(ns: bigint): number {
    const hz = BigInt(this.port.clock.tscHz);
    return Number((ns * hz + 999_999_999n) / 1_000_000_000n);
  }
  /** Deterministic bytes from the seed (getrandom, /dev/urandom, AT_RANDOM). */
  random(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const word = this.randomness.next();
      for (let j = 0; j < 4 && i + j < length; j++) out[i + j] = word >>> (8 * j);
    }
    return out;
  }

  /** Makes the first task. Its program starts with the next `run`. */
  spawn(
    path: string,
    argv: readonly string[],
    envp: readonly string[],
    cwd: string,
    stdio: Stdio,
  ): Task | { readonly error: string; readonly errno: number } {
    const stack = this.frames.allocate();
    const mm = AddressSpace.create(this.mmContext);
    if (stack === undefined || mm === undefined) return { error: 'out of modelled memory (--memory)', errno: ERRNO.ENOMEM };
    const pid = this.newPid();
    const { uid, gid } = this.options;
    const task = new Task({
      pid,
      process: new Process(pid, undefined),
      comm: commOf(path),
      mm,
      memory: new PagedMemory(mm),
      files: this.vfs.newFiles(stdio),
      fs: this.vfs.newFs(cwd),
      signals: new TaskSignals(new SignalActions()),
      credentials: { uid, euid: uid, suid: uid, gid, egid: gid, sgid: gid, groups: [gid] },
      regs: new PtRegs(this.port.memory, stack + KERNEL_STACK_SIZE - PT_SIZE),
      context: this.cpu.newContext(),
      kernelStack: stack,
      startNs: this.monotonicNs(),
    });
    startContext(this, task, 0n);
    this.add(task);
    const refusal = exec(this, task, { path, argv, envp });
    if (refusal !== undefined) {
      task.files.closeAll();
      this.releaseMm(task);
      this.forget(task);
      return { error: `${path}: ${refusal.reason}`, errno: refusal.errno };
    }
    this.first ??= task;
    return task;
  }

  /** Runs until the task tree has ended or cannot go on. */
  run(): RunResult {
    for (;;) {
      const result = this.step(RUN_SLICE);
      if (result !== undefined) return result;
    }
  }

  /** Runs at most that many instructions, to the next gate at most; undefined: there is more to do. */
  step(maxInstructions: number): RunResult | undefined {
    if (this.result !== undefined) return this.result;
    if (this.hostCall !== undefined) {
      const again = this.hostCall;
      this.hostCall = undefined;
      again();
      if (this.waitsForHost) return this.checkInterrupt();
    }
    const exit = this.cpu.run(maxInstructions);
    switch (exit.kind) {
      case 'gate':
        this.gates.serve(exit.gate);
        break;
      case 'halt':
        // An interrupt came between STI and HLT and took the last reason to wake: look again.
        this.gates.idleAgain();
        break;
      case 'shutdown':
        this.result = { kind: 'shutdown', what: exit.what };
        break;
      case 'budget':
        break;
    }
    return this.checkInterrupt();
  }

  /** A system call waits for the host: the next `step` asks again, and nothing else happens in between. */
  askHostAgain(call: () => void): void {
    this.hostCall = call;
  }
  get waitsForHost(): boolean {
    return this.hostCall !== undefined;
  }

  private checkInterrupt(): RunResult | undefined {
    const what = this.options.interrupted();
    if (what !== 0) this.interrupt(what);
    if (this.askedToEnd && this.first?.process.alive === false && this.result === undefined) this.endWithoutRest(this.leadersAlive());
    return this.result;
  }

  private interrupt(what: Interruption): void {
    if (what === 'end' || this.first === undefined || (what !== SIG.SIGINT && !this.first.process.alive)) {
      this.result = { kind: 'interrupted' };
      return;
    }
    this.askedToEnd ||= what !== SIG.SIGUSR1 && what !== SIG.SIGUSR2;
    if (what === SIG.SIGINT) this.signalGroup(this.first.pgid, what);
    else signalProcess(this, this.first, { signal: what, code: SI.USER, pid: 0, uid: 0 });
    this.scheduler.needResched = true;
    this.updateWork();
  }

  /** Nothing is runnable and no timer is armed: the end, or a deadlock of what the program is or has left behind. */
  stuck(): void {
    if (this.result !== undefined) return;
    const alive = [...this.byPid.values()].filter((t) => t.alive);
    if (alive.length === 0) {
      this.result = { kind: 'ended', status: this.firstStatus };
      return;
    }
    if (this.first?.process.alive === true) this.result = { kind: 'deadlock', what: alive.map(whatHolds).join('; ') };
    else this.endWithoutRest(alive);
  }

  /** Nothing runs before the next deadline. Once the program has ended, what it left behind (daemons) may wait LEFT_BEHIND_NS in all. */
  idling(): void {
    if (this.first?.process.alive !== false || this.result !== undefined) return;
    const { idleNs } = this.scheduler;
    this.idleAtEndNs ??= idleNs;
    const next = this.nextDeadlineNs();
    if (next === undefined || idleNs - this.idleAtEndNs + next - this.monotonicNs() < LEFT_BEHIND_NS) return;
    this.endWithoutRest(this.leadersAlive());
  }
  private leadersAlive(): Task[] {
    return [...this.byPid.values()].filter((t) => t.alive && t === t.leader);
  }
  private endWithoutRest(rest: readonly Task[]): void {
    this.report(`left behind when the program had ended: ${rest.map(whatHolds).join('; ')}`);
    this.result = { kind: 'ended', status: this.firstStatus };
  }

  newPid(): number {
    return ++this.lastPid;
  }
  add(task: Task): void {
    this.byPid.set(task.pid, task);
  }
  /** A thread that execs takes the place and pid of its leader, which has ended. */
  replaceLeader(old: Task, task: Task): void {
    this.byPid.delete(task.pid);
    task.pid = old.pid;
    this.byPid.set(task.pid, task);
    this.deadStacks.push(old.kernelStack);
    if (this.first === old) this.first = task;
  }
  /** The last trace of a reaped process's leader, or of a thread that ended. */
  forget(task: Task): void {
    if (task === this.first) this.firstStatus = task.exitStatus;
    this.byPid.delete(task.pid);
    this.deadStacks.push(task.kernelStack);
    if (this.byPid.size === 0) this.result ??= { kind: 'ended', status: this.firstStatus };
  }

  /** Lets the task's address space go; the CPU leaves it if it is loaded. */
  releaseMm(task: Task): void {
    const last = task.mm.users === 1;
    if (last && this.cpu.cr3 === BigInt(task.mm.root)) this.cpu.cr3 = BigInt(this.kernelRoot);
    task.mm.release();
  }
  /** execve's switch: a new address space, fresh FPU and segment bases. */
  replaceMm(task: Task, mm: AddressSpace, memory: UserMemory): void {
    const old = task.mm;
    task.mm = mm;
    task.memory = memory;
    if (task === this.current) {
      const { cpu } = this;
      cpu.cr3 = BigInt(mm.root);
      cpu.fsBase = 0n;
      cpu.kernelGsBase = 0n;
      cpu.resetFpu();
      this.perfFiles?.updateRdpmc();
    }
    old.release();
  }
  mapped(task: Task, v: Vma): void {
    const { start, end, offset, prot, flags, name } = v;
    const device = v.source?.device ?? { major: 0, minor: 0 };
    this.perf.mapped(task, {
      start,
      length: end - start,
      offset,
      prot,
      flags,
      name: name === '' ? '//anon' : name,
      device,
      inode: v.source?.inode ?? 0,
    });
  }

  /** Per-CPU state for the task that was switched to. */
  loadTask(task: Task | undefined): void {
    const { memory } = this.port;
    const stack = (task?.kernelStack ?? this.area.idleStack) + KERNEL_STACK_SIZE;
    memory.view.setBigUint64(this.area.percpu + PERCPU.STACK_TOP, directMap(stack), true);
    memory.view.setBigUint64(this.area.tss + TSS.RSP0, directMap(stack), true);
    const root = BigInt(task?.mm.root ?? this.kernelRoot);
    if (this.cpu.cr3 !== root) this.cpu.cr3 = root;
    this.debug.switchTo(task);
    this.perfFiles?.updateRdpmc();
    for (const s of this.deadStacks.splice(0)) this.frames.release(s);
  }

  /** The current task must pass exit_to_user_mode_loop before user mode. */
  needWork(): void {
    this.port.memory.view.setUint32(this.area.percpu + PERCPU.WORK, 1, true);
  }
  updateWork(): void {
    const t = this.current;
    const work = this.scheduler.needResched || (t !== undefined && needsExitWork(t));
    this.port.memory.view.setUint32(this.area.percpu + PERCPU.WORK, work ? 1 : 0, true);
  }

  /** When the next sleeping task or alarm is due, behind now: what is due already needs no timer but a look (`sleeperDue`). */
  nextDeadlineNs(): bigint | undefined {
    const now = this.monotonicNs();
    let first: bigint | undefined;
    const consider = (at: bigint | undefined): void => {
      if (at !== undefined && at > now && (first === undefined || at < first)) first = at;
    };
    for (const t of this.byPid.values()) {
      if (t.state === 'waiting') consider(t.waiting?.deadlineNs);
      // A stopped process's alarm can wake nobody; SIGCONT looks at it (signal/deliver.ts).
      if (t === t.leader && t.process.stopSignal === 0) consider(t.process.alarm?.atNs);
    }
    for (const timer of this.timers) consider(timer.dueNs);
    return first;
  }
  /** A sleeping task's time has come. */
  sleeperDue(): boolean {
    const now = this.monotonicNs();
    for (const t of this.byPid.values())
      if (t.state === 'waiting' && t.waiting?.deadlineNs !== undefined && t.waiting.deadlineNs <= now) return true;
    return false;
  }
  /** A sleeper, a timer or an alarm is due that nothing has looked at yet. */
  anythingDue(): boolean {
    if (this.sleeperDue()) return true;
    const now = this.monotonicNs();
    for (const timer of this.timers) if (timer.dueNs !== undefined && timer.dueNs <= now) return true;
    for (const t of this.byPid.values()) {
      const { alarm, stopSignal } = t.process;
      if (t === t.leader && stopSignal === 0 && alarm !== undefined && alarm.atNs <= now) return true;
    }
    return false;
  }
  /** A timer of its own, not armed yet; it lives until it is dropped. */
  newTimer(): KernelTimer {
    const timer = new KernelTimer(() => this.monotonicNs());
    this.timers.add(timer);
    return timer;
  }
  /** One that runs on a clock of CPU time. */
  newCpuTimer(clock: () => bigint): KernelTimer {
    const timer = new KernelTimer(clock);
    this.cpuTimers.add(timer);
    return timer;
  }
  dropTimer(timer: KernelTimer): void {
    this.timers.delete(timer);
    this.cpuTimers.delete(timer);
  }
  /** Fires the alarms and timers that are due. */
  expireAlarms(): void {
    const now = this.monotonicNs();
    for (const timer of this.timers) {
      if (timer.dueNs === undefined || timer.dueNs > now) continue;
      timer.advance();
      this.scheduler.needResched = true; // who slept goes before who computes
    }
    for (const t of this.byPid.values()) {
      const { process } = t;
      if (t !== t.leader || process.alarm === undefined || process.alarm.atNs > now) continue;
      const { atNs, intervalNs } = process.alarm;
      // An interval shorter than the time that passed fires once: SIGALRM does not queue.
      process.alarm = intervalNs > 0n ? { atNs: atNs + intervalNs * ((now - atNs) / intervalNs + 1n), intervalNs } : undefined;
      signalProcess(this, t, { signal: SIG.SIGALRM, code: SI.KERNEL });
    }
  }

  /** Sends a signal as the kernel itself: SIGPIPE to a writer. */
  signalTask(task: Task, signal: number): void {
    sendSignal(this, task, { signal, code: SI.KERNEL });
  }
  /** To a process group; how many processes got it. */
  signalGroup(pgid: number, signal: number): number {
    const members = this.processes().filter((p) => p.process.pgid === pgid && p.process.alive);
    for (const t of members) signalProcess(this, t, { signal, code: SI.KERNEL });
    return members.length;
  }
  /** Ends a task at once, with a line for the user. */
  kill(task: Task, why: string): void {
    this.report(`${task.comm}[${task.pid}]: killed: ${why}`);
    exitGroup(this, task, SIG.SIGKILL);
  }
  died(task: Task, info: SignalInfo): void {
    const instruction = info.signal === SIG.SIGILL && info.forced === true ? this.cpu.undefinedInstruction() : '';
    this.deaths.push({ pid: task.pid, comm: task.comm, signal: info.signal, rip: task.regs.get('ip'), address: info.address, instruction });
  }
  trapState(task: Task): TrapState {
    return this.gates.trapState(task);
  }
  interruptFrame(): InterruptFrame {
    return this.gates.frame();
  }

  report(line: string): void {
    this.reports.push(line);
  }
  unsupported(what: string): void {
    this.missing.set(what, (this.missing.get(what) ?? 0) + 1);
  }
}
