/** poll, ppoll, select, pselect6. */
import { ERESTARTNOHAND, ERRNO } from '#abi/errno.ts';
import { O } from '#abi/fs.ts';
import { POLL, POLLFD, SELECT_EX, SELECT_IN, SELECT_OUT } from '#abi/poll.ts';
import { TIMESPEC, TIMEVAL } from '#abi/stat.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import type { FileDescription } from '../vfs/file-description.ts';
import { waitFor } from '../vfs/wait.ts';
import { partial } from './row.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const SIGSET_SIZE = 8;

/** One thing that is waited for; `file` undefined: a number that is not open. */
interface Watched {
  readonly file: FileDescription | undefined;
  readonly events: number;
}
/** Reported whether asked for or not. */
const ALWAYS = POLL.ERR | POLL.HUP | POLL.NVAL;

/** What can be polled: a descriptor that is only a place (O_PATH) counts as not open. */
function pollable(t: Task, fd: number): FileDescription | undefined {
  const file = t.files.get(fd);
  return file === undefined || (file.flags & O.PATH) !== 0 ? undefined : file;
}

const happened = (w: Watched): number => (w.file === undefined ? POLL.NVAL : w.file.poll() & (w.events | ALWAYS));

/** Undefined: for ever. A deadline is fixed at the first entry and found again in the Wait. */
type Deadline = bigint | undefined;

/** Nothing has happened: time is up (0), or the Wait. */
function waitForAny(k: Kernel, watched: readonly Watched[], deadlineNs: Deadline): SyscallResult {
  if (deadlineNs !== undefined && k.monotonicNs() >= deadlineNs) return 0;
  return waitFor('poll', () => watched.some((w) => happened(w) !== 0), { deadlineNs, interrupted: () => -ERESTARTNOHAND });
}

function deadlineIn(k: Kernel, t: Task, ns: bigint | undefined): Deadline {
  if (ns === undefined) return undefined;
  return t.resumed?.deadlineNs ?? k.monotonicNs() + ns;
}

function doPoll(k: Kernel, t: Task, va: number, count: number, timeoutNs: bigint | undefined): SyscallResult {
  if (count > t.files.limit) return -ERRNO.EINVAL;
  const bytes = t.memory.read(va, count * POLLFD.size);
  if (bytes === undefined) return -ERRNO.EFAULT;
  const deadlineNs = deadlineIn(k, t, timeoutNs);
  const watched: Watched[] = [];
  let ready = 0;
  for (let at = 0; at < bytes.length; at += POLLFD.size) {
    const { fd, events } = POLLFD.decode(bytes, at);
    if (fd < 0) {
      POLLFD.encodeInto(bytes, at, { fd, events, revents: 0 });
      continue;
    }
    const w: Watched = { file: pollable(t, fd), events: events & 0xffff };
    const revents = happened(w);
    POLLFD.encodeInto(bytes, at, { fd, events, revents });
    if (revents !== 0) {
      ready++;
      w.file?.polled();
    }
    watched.push(w);
  }
  if (ready === 0) {
    const outcome = waitForAny(k, watched, deadlineNs);
    if (typeof outcome === 'object') return outcome;
  }
  return t.memory.write(va, bytes) ? ready : -ERRNO.EFAULT;
}

const MILLISECOND = 1_000_000n;
function poll(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const timeout = a.i32(2);
  return doPoll(k, t, a.n(0), a.u32(1), timeout < 0 ? undefined : BigInt(timeout) * MILLISECOND);
}

/** A struct timespec as ns: undefined = NULL = for ever. */
function timespec(t: Task, va: number): bigint | undefined | { readonly errno: number } {
  if (va === 0) return undefined;
  const bytes = t.memory.read(va, TIMESPEC.size);
  if (bytes === undefined) return { errno: -ERRNO.EFAULT };
  const nsec = TIMESPEC.getBig(bytes, 'tv_nsec');
  const sec = TIMESPEC.getBig(bytes, 'tv_sec');
  return sec < 0n || nsec < 0n || nsec >= 1_000_000_000n ? { errno: -ERRNO.EINVAL } : sec * 1_000_000_000n + nsec;
}

/** `call` with the signal mask at `va` (0: none) in place until it ends; a signal that ends it is delivered under that mask. */
export function withMask(t: Task, va: number, size: number, call: () => SyscallResult): SyscallResult {
  if (va === 0) return call();
  if (t.resumed === undefined) {
    if (size !== SIGSET_SIZE) return -ERRNO.EINVAL;
    const set = t.memory.readU64(va);
    if (set === undefined) return -ERRNO.EFAULT;
    t.signals.savedMask = t.signals.blocked;
    t.signals.setBlocked(set);
  }
  const result = call();
  if (typeof result !== 'object' && t.signals.savedMask !== undefined) {
    t.signals.setBlocked(t.signals.savedMask);
    t.signals.savedMask = undefined;
  }
  return result;
}

function ppoll(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const timeout = timespec(t, a.n(2));
  if (typeof timeout === 'object') return timeout.errno;
  return withMask(t, a.n(3), a.n(4), () => doPoll(k, t, a.n(0), a.u32(1), timeout));
}

/** The three sets of select: input bits read, output bits written back. */
function doSelect(k: Kernel, t: Task, a: SyscallArgs, timeoutNs: bigint | undefined): SyscallResult {
  const n = a.i32(0);
  if (n < 0) return -ERRNO.EINVAL;
  const count = Math.min(n, Math.max(t.files.limit, 1024));
  const length = Math.ceil(count / 64) * 8;
  const deadlineNs = deadlineIn(k, t, timeoutNs);
  const sets = [SELECT_IN, SELECT_OUT, SELECT_EX].map((events, i) => {
    const va = a.n(i + 1);
    return { events, va, asked: va === 0 ? new Uint8Array(length) : t.memory.read(va, length), found: new Uint8Array(length) };
  });
  const watched: Watched[] = [];
  let ready = 0;
  for (const { events, asked, found } of sets) {
    if (asked === undefined) return -ERRNO.EFAULT;
    for (let fd = 0; fd < count; fd++) {
      if (((asked[fd >> 3] as number) & (1 << (fd & 7))) === 0) continue;
      const file = pollable(t, fd);
      if (file === undefined) return -ERRNO.EBADF;
      watched.push({ file, events });
      // select counts what its set stands for; poll's unconditional events count for sets that include them only.
      if ((file.poll() & events) === 0) continue;
      file.polled();
      found[fd >> 3] = (found[fd >> 3] as number) | (1 << (fd & 7));
      ready++;
    }
  }
  if (ready === 0) {
    if (deadlineNs === undefined || k.monotonicNs() < deadlineNs) {
      const some = (): boolean => watched.some((w) => w.file !== undefined && (w.file.poll() & w.events) !== 0);
      return waitFor('select', some, { deadlineNs, interrupted: () => -ERESTARTNOHAND });
    }
  }
  for (const { va, found } of sets) if (va !== 0 && !t.memory.write(va, found)) return -ERRNO.EFAULT;
  return ready;
}

/** What is left of the time goes back to the program, as Linux's select does. */
function giveBack(k: Kernel, t: Task, va: number, deadlineNs: bigint, struct: 'timeval' | 'timespec'): void {
  const left = deadlineNs - k.monotonicNs();
  const rest = left > 0n ? left : 0n;
  const tv_sec = rest / 1_000_000_000n;
  const nsec = rest % 1_000_000_000n;
  t.memory.write(va, struct === 'timeval' ? TIMEVAL.encode({ tv_sec, tv_usec: nsec / 1000n }) : TIMESPEC.encode({ tv_sec, tv_nsec: nsec }));
}

function select(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const va = a.n(4);
  if (va === 0) return doSelect(k, t, a, undefined);
  const bytes = t.memory.read(va, TIMEVAL.size);
  if (bytes === undefined) return -ERRNO.EFAULT;
  const sec = TIMEVAL.getBig(bytes, 'tv_sec');
  const usec = TIMEVAL.getBig(bytes, 'tv_usec');
  if (sec < 0n || usec < 0n) return -ERRNO.EINVAL;
  const ns = sec * 1_000_000_000n + usec * 1000n;
  const deadlineNs = deadlineIn(k, t, ns) as bigint;
  const result = doSelect(k, t, a, ns);
  if (typeof result === 'number') giveBack(k, t, va, deadlineNs, 'timeval');
  return result;
}

function pselect6(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const va = a.n(4);
  const timeout = timespec(t, va);
  if (typeof timeout === 'object') return timeout.errno;
  const deadlineNs = deadlineIn(k, t, timeout);
  // The sixth argument points to {mask, its size}.
  const pair = a.n(5);
  const mask = pair === 0 ? 0 : t.memory.readNumber(pair);
  const size = pair === 0 ? 0 : t.memory.readNumber(pair + 8);
  if (mask === undefined || size === undefined) return -ERRNO.EFAULT;
  const result = withMask(t, mask, size, () => doSelect(k, t, a, timeout));
  if (typeof result === 'number' && deadlineNs !== undefined) giveBack(k, t, va, deadlineNs, 'timespec');
  return result;
}

const HOST_STREAMS = 'standard streams of the host count as always ready';

export const FILE_POLL_ROWS: readonly SyscallRow[] = [
  partial('poll', poll, HOST_STREAMS),
  partial('ppoll', ppoll, HOST_STREAMS),
  partial('select', select, HOST_STREAMS),
  partial('pselect6', pselect6, HOST_STREAMS),
];
