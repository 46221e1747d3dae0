/** System V semaphores (semget(2), semop(2), semctl(2)). */
import { ERRNO } from '#abi/errno.ts';
import { IPC, IPC_LIMIT, SEM } from '#abi/ipc.ts';
import type { Semaphores } from '../ipc/ipc.ts';
import { allowed, owns, readPermissions, writePermissions } from '../ipc/registry.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { readTimespec } from './futex.ts';
import { full } from './row.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const SECOND = 1_000_000_000n;

function semget(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const count = a.i32(1);
  if (count < 0 || count > IPC_LIMIT.SEMMSL) return -ERRNO.EINVAL;
  return k.ipc.semaphores.get(
    t,
    a.i32(0),
    a.i32(2),
    (birth) => {
      if (count === 0) return -ERRNO.EINVAL;
      const own = { values: new Uint16Array(count), pids: new Int32Array(count), undo: new Map(), sleepers: new Set<never>() };
      return { ...birth, ...own, otimeNs: 0n, ctimeNs: k.realtimeNs(), removed: false };
    },
    (found) => (count > found.values.length ? -ERRNO.EINVAL : 0),
  );
}

interface Operation {
  readonly number: number;
  readonly change: number;
  readonly flags: number;
}

function readOperations(t: Task, va: number, count: number): Operation[] | number {
  if (count < 1) return -ERRNO.EINVAL;
  if (count > IPC_LIMIT.SEMOPM) return -ERRNO.E2BIG;
  const bytes = t.memory.read(va, count * 6);
  if (bytes === undefined) return -ERRNO.EFAULT;
  const v = new DataView(bytes.buffer, bytes.byteOffset);
  return Array.from({ length: count }, (_, i) => ({
    number: v.getUint16(i * 6, true),
    change: v.getInt16(i * 6 + 2, true),
    flags: v.getInt16(i * 6 + 4, true),
  }));
}

/** All operations on a copy: the new values, the operation that must wait, or -errno. */
function attempt(set: Semaphores, operations: readonly Operation[]): Uint16Array | Operation | number {
  const values = set.values.slice();
  for (const op of operations) {
    const now = values[op.number] as number;
    if (op.change === 0 ? now !== 0 : now + op.change < 0) return op;
    if (now + op.change > IPC_LIMIT.SEMVMX) return -ERRNO.ERANGE;
    values[op.number] = now + op.change;
  }
  return values;
}

function operate(k: Kernel, t: Task, a: SyscallArgs, timeoutNs: bigint | undefined): SyscallResult {
  const operations = readOperations(t, a.n(1), a.u32(2));
  if (typeof operations === 'number') return operations;
  const set = k.ipc.semaphores.find(a.i32(0));
  if (set === undefined) return t.resumed === undefined ? -ERRNO.EINVAL : -ERRNO.EIDRM;
  if (operations.some((op) => op.number >= set.values.length)) return -ERRNO.EFBIG;
  if (!allowed(t, set, operations.some((op) => op.change !== 0) ? 0o222 : 0o444)) return -ERRNO.EACCES;
  const outcome = attempt(set, operations);
  if (typeof outcome === 'number') return outcome;
  if (!(outcome instanceof Uint16Array)) {
    if ((outcome.flags & IPC.NOWAIT) !== 0) return -ERRNO.EAGAIN;
    const deadlineNs = timeoutNs === undefined ? undefined : (t.resumed?.deadlineNs ?? k.monotonicNs() + timeoutNs);
    if (deadlineNs !== undefined && k.monotonicNs() >= deadlineNs) return -ERRNO.EAGAIN;
    const sleeper = { number: outcome.number, zero: outcome.change === 0 };
    set.sleepers.add(sleeper);
    return {
      kind: 'wait',
      what: 'semop',
      ready: () => {
        const now = attempt(set, operations);
        const waits = !set.removed && typeof now === 'object' && !(now instanceof Uint16Array);
        if (!waits) set.sleepers.delete(sleeper);
        return !waits;
      },
      ...(deadlineNs === undefined ? {} : { deadlineNs }),
      interrupted: () => {
        set.sleepers.delete(sleeper);
        return -ERRNO.EINTR;
      },
    };
  }
  set.values.set(outcome);
  for (const op of operations) {
    set.pids[op.number] = t.tgid;
    if ((op.flags & SEM.UNDO) === 0 || op.change === 0) continue;
    const adjust = set.undo.get(t.process) ?? new Int32Array(set.values.length);
    adjust[op.number] = (adjust[op.number] as number) - op.change;
    set.undo.set(t.process, adjust);
  }
  set.otimeNs = k.realtimeNs();
  return 0;
}

function semtimedop(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  if (a.n(3) === 0) return operate(k, t, a, undefined);
  const timeout = readTimespec(t, a.n(3));
  if (timeout === undefined || timeout === 'bad') return -ERRNO.EFAULT;
  return timeout === 'invalid' ? -ERRNO.EINVAL : operate(k, t, a, timeout);
}

function status(set: Semaphores): Uint8Array {
  const v = new DataView(new ArrayBuffer(SEM.SIZE));
  writePermissions(v, set);
  v.setBigUint64(48, set.otimeNs / SECOND, true);
  v.setBigUint64(64, set.ctimeNs / SECOND, true);
  v.setBigUint64(80, BigInt(set.values.length), true);
  return new Uint8Array(v.buffer);
}

/** Values that programs set by hand are not to be undone. */
function forgetUndo(set: Semaphores, number: number | undefined): void {
  for (const adjust of set.undo.values()) {
    if (number === undefined) adjust.fill(0);
    else adjust[number] = 0;
  }
}

function semctl(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const { semaphores } = k.ipc;
  const [number, command, va] = [a.i32(1), a.i32(2), a.n(3)];
  const give = (bytes: Uint8Array, value: number): number => (t.memory.write(va, bytes) ? value : -ERRNO.EFAULT);
  if (command === IPC.INFO || command === SEM.INFO) {
    const { SEMMNI, SEMMSL, SEMOPM, SEMVMX } = IPC_LIMIT;
    const inUse = semaphores.all.reduce((n, s) => n + s.values.length, 0);
    const [last, used] = command === IPC.INFO ? [SEMVMX, 20] : [inUse, semaphores.all.length];
    // struct seminfo: map, mni, mns, mnu, msl, opm, ume, usz, vmx, aem
    const row = [SEMMNI * SEMMSL, SEMMNI, SEMMNI * SEMMSL, SEMMNI * SEMMSL, SEMMSL, SEMOPM, SEMOPM, used, SEMVMX, last];
    return give(new Uint8Array(Int32Array.from(row).buffer), Math.max(0, semaphores.highest));
  }
  const byIndex = command === SEM.STAT || command === SEM.STAT_ANY;
  const set = byIndex ? semaphores.at(a.i32(0)) : semaphores.find(a.i32(0));
  if (set === undefined) return -ERRNO.EINVAL;
  const reads = [IPC.STAT, SEM.STAT, SEM.GETALL, SEM.GETVAL, SEM.GETPID, SEM.GETNCNT, SEM.GETZCNT] as readonly number[];
  if (reads.includes(command) && !allowed(t, set, 0o444)) return -ERRNO.EACCES;
  if ((command === SEM.SETVAL || command === SEM.SETALL) && !allowed(t, set, 0o222)) return -ERRNO.EACCES;
  const single = [SEM.GETVAL, SEM.GETPID, SEM.GETNCNT, SEM.GETZCNT, SEM.SETVAL] as readonly number[];
  if (single.includes(command) && (number < 0 || number >= set.values.length)) return -ERRNO.EINVAL;
  switch (command) {
    case IPC.STAT:
    case SEM.STAT:
    case SEM.STAT_ANY:
      return give(status(set), byIndex ? set.id : 0);
    case IPC.SET: {
      const bytes = t.memory.read(va, 48);
      if (bytes === undefined) return -ERRNO.EFAULT;
      if (!owns(t, set)) return -ERRNO.EPERM;
      readPermissions(bytes, set);
      set.ctimeNs = k.realtimeNs();
      return 0;
    }
    case IPC.RMID:
      if (!owns(t, set)) return -ERRNO.EPERM;
      semaphores.remove(set);
      return 0;
    case SEM.GETVAL:
      return set.values[number] as number;
    case SEM.GETPID:
      return set.pids[number] as number;
    case SEM.GETNCNT:
    case SEM.GETZCNT:
      return [...set.sleepers].filter((s) => s.number === number && s.zero === (command === SEM.GETZCNT)).length;
    case SEM.GETALL:
      return give(new Uint8Array(set.values.slice().buffer), 0);
    case SEM.SETVAL: {
      const value = a.i32(3);
      if (value < 0 || value > IPC_LIMIT.SEMVMX) return -ERRNO.ERANGE;
      set.values[number] = value;
      set.pids[number] = t.tgid;
      forgetUndo(set, number);
      set.ctimeNs = k.realtimeNs();
      return 0;
    }
    case SEM.SETALL: {
      const bytes = t.memory.read(va, set.values.length * 2);
      if (bytes === undefined) return -ERRNO.EFAULT;
      const values = new Uint16Array(bytes.slice().buffer);
      if (values.some((n) => n > IPC_LIMIT.SEMVMX)) return -ERRNO.ERANGE;
      set.values.set(values);
      set.pids.fill(t.tgid);
      forgetUndo(set, undefined);
      set.ctimeNs = k.realtimeNs();
      return 0;
    }
    default:
      return -ERRNO.EINVAL;
  }
}

export const SEM_ROWS: readonly SyscallRow[] = [
  full('semget', semget),
  full('semop', (k, t, a) => operate(k, t, a, undefined)),
  full('semtimedop', semtimedop),
  full('semctl', semctl),
];
