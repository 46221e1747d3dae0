/** ioctl(2) on an event. kernel/events/core.c _perf_ioctl; spec §6.3. */
import { ERRNO } from '#abi/errno.ts';
import { PERF_EVENT_IOC, PERF_IOC_FLAG_GROUP } from '#abi/perf-event/syscall.ts';
import type { Kernel } from '../../kernel.ts';
import type { SyscallResult } from '../../syscalls/types.ts';
import type { Task } from '../../task/task.ts';
import { checkAttr } from '../attr-checks.ts';
import { copyAttr } from './attr-copy.ts';
import { EventFile } from './event-file.ts';

/** -1 as unsigned long: no event. */
const NONE = 0xffff_ffff_ffff_ffffn;

/** perf_event_modify_attr. */
function modifyAttributes({ event, files }: EventFile, t: Task, va: number): number {
  const attr = copyAttr(t.memory, va);
  if (typeof attr === 'number') return attr;
  if (checkAttr(attr) !== undefined || event.attr.type !== attr.type) return -ERRNO.EINVAL;
  return files.perf.modify(event, attr, t);
}

export function eventIoctl(file: EventFile, _k: Kernel, t: Task, request: number, argument: bigint): SyscallResult {
  const { event, files } = file;
  const { operations } = files.perf;
  const low = Number(argument & 0xffff_ffffn);
  const va = Number(argument);
  const group = (low & PERF_IOC_FLAG_GROUP) !== 0;
  switch (request) {
    case PERF_EVENT_IOC.ENABLE:
      operations.enable(event, group);
      return 0;
    case PERF_EVENT_IOC.DISABLE:
      operations.disable(event, group);
      return 0;
    case PERF_EVENT_IOC.RESET:
      operations.reset(event, group);
      return 0;
    case PERF_EVENT_IOC.REFRESH:
      return operations.refresh(event, low | 0);
    case PERF_EVENT_IOC.PERIOD: {
      const period = t.memory.readU64(va);
      return period === undefined ? -ERRNO.EFAULT : operations.setPeriod(event, period);
    }
    case PERF_EVENT_IOC.ID:
      return t.memory.writeU64(va, event.id) ? 0 : -ERRNO.EFAULT;
    case PERF_EVENT_IOC.SET_OUTPUT: {
      if (argument === NONE) return files.setOutput(file, undefined);
      const other = t.files.get(low | 0);
      return other instanceof EventFile ? files.setOutput(file, other.event) : -ERRNO.EBADF;
    }
    case PERF_EVENT_IOC.PAUSE_OUTPUT:
      return operations.pauseOutput(event, low !== 0);
    case PERF_EVENT_IOC.SET_FILTER:
    case PERF_EVENT_IOC.SET_BPF:
      return -ERRNO.EINVAL; // tracepoints, and PMUs with address filters: none is modelled
    case PERF_EVENT_IOC.QUERY_BPF:
      return -ERRNO.EPERM;
    case PERF_EVENT_IOC.MODIFY_ATTRIBUTES:
      return modifyAttributes(file, t, va);
    default:
      return -ERRNO.ENOTTY;
  }
}
