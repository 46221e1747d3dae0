/**
 * Who may have how many of the four breakpoints: they are promised when a breakpoint is made, so that a task that is switched to always finds room.
 * kernel/events/hw_breakpoint.c (reserve_bp_slot), for one CPU.
 */
import { ERRNO } from '#abi/errno.ts';
import { BREAKPOINT_TYPE } from '#abi/perf-event/breakpoint.ts';

/** HBP_NUM. */
export const SLOTS = 4;

export class BreakpointSlots {
  /** Breakpoints of the CPU, whoever runs. */
  private ofCpu = 0;
  /** By task, or by what stands for one that is not born yet. */
  private readonly ofTask = new Map<object, number>();

  /** 0 or -errno. `task` undefined: for the CPU. */
  reserve(type: number, task: object | undefined): number {
    if (type === BREAKPOINT_TYPE.EMPTY || type === BREAKPOINT_TYPE.INVALID) return -ERRNO.EINVAL;
    const tasks = task === undefined ? Math.max(0, ...this.ofTask.values()) : (this.ofTask.get(task) ?? 0);
    if (this.ofCpu + tasks + 1 > SLOTS) return -ERRNO.ENOSPC;
    if (task === undefined) this.ofCpu++;
    else this.ofTask.set(task, tasks + 1);
    return 0;
  }
  release(task: object | undefined): void {
    if (task === undefined) {
      this.ofCpu--;
      return;
    }
    const left = (this.ofTask.get(task) ?? 1) - 1;
    if (left > 0) this.ofTask.set(task, left);
    else this.ofTask.delete(task);
  }
}
