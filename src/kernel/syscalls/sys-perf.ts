/** perf_event_open. What its descriptors do is in kernel/perf/file. */
import { ERRNO } from '#abi/errno.ts';
import { partial } from './row.ts';
import type { SyscallRow } from './types.ts';

export const PERF_ROWS: readonly SyscallRow[] = [
  partial(
    'perf_event_open',
    (k, t, a) => k.perfFiles?.open(t, a.n(0), a.i32(1), a.i32(2), a.i32(3), a.u(4)) ?? -ERRNO.ENOSYS,
    'what the CPU model has, software events, breakpoints; no tracepoints, cgroups or AUX buffers',
  ),
];
