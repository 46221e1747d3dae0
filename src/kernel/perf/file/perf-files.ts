/** perf_event_open and what its descriptors share: who owns events, what rings may lock, and the way from an overflow to a signal. */
import { ERRNO } from '#abi/errno.ts';
import { PERF_SAMPLE_BRANCH } from '#abi/perf-event/branch.ts';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { PERF_FLAG } from '#abi/perf-event/syscall.ts';
import { RLIM_INFINITY, RLIMIT } from '#abi/process.ts';
import { SI, SIG, TRAP, TRAP_PERF_FLAG_ASYNC } from '#abi/signals.ts';
import { MSR } from '#arch/msr.ts';
import type { Kernel } from '../../kernel.ts';
import type { AddressSpace } from '../../mm/address-space.ts';
import { PAGE } from '../../mm/frames.ts';
import { sendSignal, signalProcess } from '../../signal/deliver.ts';
import { maskOf } from '../../signal/task-signals.ts';
import { limitOf } from '../../syscalls/sys-limits.ts';
import { CAP, type Task } from '../../task/task.ts';
import { IRQ_WORK_VECTOR } from '../../text/gates.ts';
import { attrFlag, type PerfEventAttr } from '../attr.ts';
import type { PerfEvent } from '../event.ts';
import { checkAttr, isRefusal } from '../attr-checks.ts';
import type { Perf } from '../perf.ts';
import { copyAttr } from './attr-copy.ts';
import { EventFile } from './event-file.ts';
import { MappedRing } from './ring-pages.ts';

/** A descriptor that is to get SIGIO, and why. */
interface Signalled {
  readonly file: EventFile;
  readonly reason: number;
}

/** attr.sigtrap. */
interface Trap {
  readonly event: PerfEvent;
  readonly address: bigint;
}

/** sysctl_sched_base_slice of one CPU. kernel/sched/fair.c. */
const BASE_SLICE_NS = 750_000n;
const ALL_FLAGS = PERF_FLAG.FD_NO_GROUP | PERF_FLAG.FD_OUTPUT | PERF_FLAG.PID_CGROUP | PERF_FLAG.FD_CLOEXEC;
/** band_table of fs/fcntl.c, by si_code - POLL_IN. */
const BANDS = [0x41n, 0x304n, 0x441n, 0x8n, 0x82n, 0x18n] as const;

export class PerfFiles {
  readonly kernel: Kernel;
  readonly perf: Perf;
  /** Pages of rings by user, beyond which RLIMIT_MEMLOCK counts. */
  private readonly locked = new Map<number, number>();
  /** Who opened which events: prctl's PR_TASK_PERF_EVENTS_*. */
  private readonly owned = new Map<Task, EventFile[]>();
  private signals: Signalled[] = [];
  private readonly traps: Trap[] = [];
  private raised = false;

  constructor(kernel: Kernel, perf: Perf) {
    this.kernel = kernel;
    this.perf = perf;
  }

  /** perf_event_open(2). The order of its refusals is Linux's: spec §6.8. */
  open(t: Task, attrVa: number, pid: number, cpu: number, groupFd: number, flagWord: bigint): number {
    const flags = Number(flagWord);
    if (flagWord > BigInt(ALL_FLAGS)) return -ERRNO.EINVAL;
    const attr = copyAttr(t.memory, attrVa);
    if (typeof attr === 'number') return attr;
    const wrong = checkAttr(attr);
    if (wrong !== undefined) return this.refuse(-wrong.errno, wrong.reason);
    const early = this.mayOpen(t, attr);
    if (early < 0) return early;
    if ((flags & PERF_FLAG.PID_CGROUP) !== 0) {
      if (pid === -1 || cpu === -1) return -ERRNO.EINVAL;
      return this.refuse(-ERRNO.EINVAL, 'PERF_FLAG_PID_CGROUP: the modelled system has no cgroup controllers');
    }
    if (t.files.full()) return -ERRNO.EMFILE;
    const group = groupFd === -1 ? undefined : t.files.get(groupFd);
    if (groupFd !== -1 && !(group instanceof EventFile)) return -ERRNO.EBADF;
    const other = group instanceof EventFile ? group.event : undefined;
    const leader = (flags & PERF_FLAG.FD_NO_GROUP) === 0 ? other : undefined;
    const task = pid === -1 ? undefined : pid === 0 ? t : this.kernel.tasks.get(pid);
    if (pid !== -1 && (task === undefined || !task.alive)) return -ERRNO.ESRCH;
    const event = this.perf.open(attr, { task, cpu, by: t }, leader, 'file');
    if (isRefusal(event)) return this.refuse(-event.errno, event.reason);
    const file = new EventFile(this, event);
    if ((flags & PERF_FLAG.FD_OUTPUT) !== 0 && other !== undefined) {
      const refused = this.setOutput(file, other);
      if (refused < 0) {
        file.release();
        return refused;
      }
    }
    const fd = t.files.install(file, (flags & PERF_FLAG.FD_CLOEXEC) !== 0);
    if (fd < 0) return fd;
    const mine = this.owned.get(t) ?? [];
    mine.push(file);
    this.owned.set(t, mine);
    this.perf.install(event);
    return fd;
  }

  /** What the caller's rights allow before any PMU is asked: perf_allow_*, spec §6.7. */
  private mayOpen(t: Task, attr: PerfEventAttr): number {
    const { settings } = this.perf;
    if (attrFlag(attr, 'freq') ? attr.sample_period > BigInt(settings.sampleRate) : attr.sample_period >> 63n !== 0n) return -ERRNO.EINVAL;
    if (t.can(CAP.PERFMON) || t.can(CAP.SYS_ADMIN)) return 0;
    if (settings.paranoid >= 3) return -ERRNO.EACCES; // Debian's addition
    if (settings.paranoid >= 2 && (!attrFlag(attr, 'exclude_kernel') || attrFlag(attr, 'text_poke'))) return -ERRNO.EACCES;
    const branches = (attr.sample_type & PERF_SAMPLE.BRANCH_STACK) === 0 ? 0n : attr.branch_sample_type;
    const kernelBranches = (branches & BigInt(PERF_SAMPLE_BRANCH.KERNEL | PERF_SAMPLE_BRANCH.HV)) !== 0n;
    const physical = (attr.sample_type & PERF_SAMPLE.PHYS_ADDR) !== 0;
    if (settings.paranoid >= 2 && (kernelBranches || physical)) return -ERRNO.EACCES;
    return attrFlag(attr, 'namespaces') ? -ERRNO.EACCES : 0;
  }

  private refuse(errno: number, reason: string): number {
    this.kernel.unsupported(`perf_event_open: ${reason}`);
    return errno;
  }

  /** PERF_EVENT_IOC_SET_OUTPUT; undefined: back to no ring. */
  setOutput(file: EventFile, to: PerfEvent | undefined): number {
    const { event, ring: old } = file;
    const refused = this.perf.operations.setOutput(event, to, file.isMapped);
    if (refused < 0) return refused;
    const ring = event.output;
    old?.detach(event);
    if (ring instanceof MappedRing) ring.attach(event);
    return 0;
  }

  closed(file: EventFile): void {
    for (const [task, files] of this.owned) {
      const at = files.indexOf(file);
      if (at < 0) continue;
      files.splice(at, 1);
      if (files.length === 0) this.owned.delete(task);
    }
    this.signals = this.signals.filter((s) => s.file !== file);
    this.perf.release(file.event);
  }
  /** The task ends: what it opened has no owner any more. */
  exited(task: Task): void {
    this.owned.delete(task);
  }

  /** prctl(PR_TASK_PERF_EVENTS_ENABLE/DISABLE): every event that the task opened. */
  setTaskEvents(task: Task, on: boolean): void {
    for (const { event } of this.owned.get(task) ?? []) {
      if (on) this.perf.operations.enable(event);
      else this.perf.operations.disable(event);
    }
  }

  /**
   * Pages of a ring against perf_event_mlock_kb per user and CPU, and what is more against RLIMIT_MEMLOCK. undefined: too many. What it
   * gives undoes the charge.
   */
  charge(task: Task, pages: number): (() => void) | undefined {
    const { settings } = this.perf;
    const { uid } = task.credentials;
    const { mm } = task;
    const limit = Math.floor((settings.mlockKb * 1024) / PAGE) * this.kernel.port.cpus.length;
    const mine = this.locked.get(uid) ?? 0;
    const free = Math.max(0, Math.min(pages, limit - mine));
    const extra = pages - free;
    const lockLimit = limitOf(this.kernel, task, RLIMIT.MEMLOCK)[0];
    const over = lockLimit !== RLIM_INFINITY && mm.pinnedPages + extra > Number(lockLimit) / PAGE;
    if (over && extra > 0 && settings.paranoid > -1 && !task.can(CAP.IPC_LOCK)) return undefined;
    this.locked.set(uid, mine + free);
    mm.pinnedPages += extra;
    return () => {
      this.locked.set(uid, (this.locked.get(uid) ?? 0) - free);
      mm.pinnedPages -= extra;
    };
  }

  // ---- RDPMC in user mode

  /** x86_pmu_event_mapped and _unmapped. */
  rdpmcMapped(mm: AddressSpace, by: 1 | -1): void {
    mm.rdpmcMappings += by;
    this.updateRdpmc();
  }
  /** cr4_update_pce_mm: for the address space that is loaded. */
  updateRdpmc(): void {
    const { rdpmc } = this.perf.settings;
    const mm = this.kernel.current?.mm;
    this.kernel.cpu.userRdpmc = rdpmc === 2 || (rdpmc === 1 && mm !== undefined && mm.rdpmcMappings > 0);
  }

  // ---- from an overflow to a signal: irq_work

  /** Somebody who polls may have to go on: looked at in the interrupt that follows. */
  wakeUp(): void {
    this.raise();
  }
  signalLater(file: EventFile, reason: number): void {
    this.signals.push({ file, reason });
    this.raise();
  }
  /** An NMI can neither wake nor signal anybody; it sends its own CPU an interrupt that can. arch/x86/kernel/irq_work.c. */
  private raise(): void {
    if (this.raised) return;
    this.raised = true;
    const { kernel } = this;
    kernel.cpu.enterOverhead();
    if (!kernel.msrs.write(MSR.IA32_X2APIC_SELF_IPI, BigInt(IRQ_WORK_VECTOR))) throw new Error('the machine refuses a self interrupt');
    kernel.cpu.leaveOverhead();
  }

  /** perf_pending_task: SIGTRAP comes before the next instruction of user mode, or when the task runs again. One at a time for an event. */
  sigtrapLater(event: PerfEvent, address: bigint): void {
    if (this.traps.some((t) => t.event === event)) return;
    this.traps.push({ event, address });
    this.raise();
  }
  /** perf_sigtrap: send_sig_perf. */
  private sendSigtrap({ event, address }: Trap): void {
    const task = event.context?.task;
    if (task === undefined || !task.alive) return;
    const blocked = (task.signals.blocked & maskOf(SIG.SIGTRAP)) !== 0n;
    const { type, sig_data: data } = event.attr;
    const perf = { data, type, flags: blocked ? TRAP_PERF_FLAG_ASYNC : 0 };
    sendSignal(this.kernel, task, { signal: SIG.SIGTRAP, code: TRAP.PERF, address, perf });
  }

  /** sysvec_irq_work: perf_pending_irq. */
  irqWork(): void {
    const { kernel } = this;
    this.raised = false;
    for (const trap of this.traps.splice(0)) this.sendSigtrap(trap);
    for (const { file, reason } of this.signals.splice(0)) this.sendSigio(file, reason);
    // Who was woken goes before who computes, once that one has had its slice (base_slice_ns): a watcher must not cut its program to pieces.
    const { scheduler } = kernel;
    if (kernel.monotonicNs() - scheduler.sinceNs >= BASE_SLICE_NS && scheduler.othersWait()) scheduler.needResched = true;
  }

  /** send_sigio. */
  private sendSigio(file: EventFile, reason: number): void {
    const { kernel } = this;
    const { owner, ownerIs, signal, asyncFd } = file;
    const info =
      signal === 0 ? { signal: SIG.SIGIO, code: SI.KERNEL } : { signal, code: reason, band: BANDS[reason - 1] ?? 0n, fd: asyncFd };
    for (const task of kernel.tasks.values()) {
      if (ownerIs === 'group' ? task === task.leader && task.pgid === owner : task.pid === owner) {
        if (ownerIs === 'thread') sendSignal(kernel, task, info);
        else signalProcess(kernel, task, info);
      }
    }
  }
}
