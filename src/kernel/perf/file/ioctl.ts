/** ioctl(2) on an event. kernel/events/core.c _perf_ioctl; spec §6.3. */
import { ERRNO } from '#abi/errno.ts';
import { PERF_EVENT_IOC, PERF_IOC_FLAG_GROUP } from '#abi/perf-event/syscall.ts';
import type { Kernel } from '../../kernel.ts';
import type { SyscallResult } from '../../syscalls/types.ts';
import type { Task } from '../../task/task.ts';
import type { PerfEvent } from '../event.ts';
import { EventFile } from './event-file.ts';

export function eventIoctl(file: EventFile, k: Kernel, t: Task, request: number, argument: bigint): SyscallResult {
  const { event, files } = file;
  const { perf } = files;
  const { cpu } = k;
  const low = Number(argument & 0xffff_ffffn);
  const va = Number(argument);
  /** With PERF_IOC_FLAG_GROUP the whole group of the event. perf_event_for_each. */
  const each = (fn: (e: PerfEvent) => void): number => {
    for (const e of (low & PERF_IOC_FLAG_GROUP) !== 0 ? event.group : [event]) fn(e);
    return 0;
  };
  switch (request) {
    case PERF_EVENT_IOC.ENABLE:
      return each((e) => perf.enableNow(e, cpu));
    case PERF_EVENT_IOC.DISABLE:
      return each((e) => perf.disableNow(e, cpu));
    case PERF_EVENT_IOC.RESET:
      return each((e) => perf.reset(e, cpu));
    case PERF_EVENT_IOC.REFRESH:
      return perf.refresh(event, low | 0, cpu);
    case PERF_EVENT_IOC.PERIOD: {
      const period = t.memory.readU64(va);
      return period === undefined ? -ERRNO.EFAULT : perf.setPeriod(event, period, cpu);
    }
    case PERF_EVENT_IOC.ID:
      return t.memory.writeU64(va, event.id) ? 0 : -ERRNO.EFAULT;
    case PERF_EVENT_IOC.SET_OUTPUT: {
      if ((low | 0) === -1) return files.setOutput(file, undefined);
      const other = t.files.get(low | 0);
      return other instanceof EventFile ? files.setOutput(file, other.event) : -ERRNO.EBADF;
    }
    case PERF_EVENT_IOC.PAUSE_OUTPUT: {
      const { ring } = file;
      if (ring === undefined || ring.dataPages === 0) return -ERRNO.EINVAL;
      ring.paused = low !== 0;
      return 0;
    }
    case PERF_EVENT_IOC.SET_FILTER:
    case PERF_EVENT_IOC.SET_BPF:
      return -ERRNO.EINVAL; // tracepoints, and PMUs with address filters: none is modelled
    case PERF_EVENT_IOC.QUERY_BPF:
      return -ERRNO.EPERM;
    case PERF_EVENT_IOC.MODIFY_ATTRIBUTES:
      return -ERRNO.EOPNOTSUPP; // breakpoints only
    default:
      return -ERRNO.ENOTTY;
  }
}
