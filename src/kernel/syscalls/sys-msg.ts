/** System V message queues (msgget(2), msgop(2), msgctl(2)). */
import { ERRNO } from '#abi/errno.ts';
import { IPC, IPC_LIMIT, MSG_IPC } from '#abi/ipc.ts';
import type { MessageQueue } from '../ipc/ipc.ts';
import { allowed, owns, readPermissions, writePermissions } from '../ipc/registry.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { full, partial } from './row.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const SECOND = 1_000_000_000n;

function msgget(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  return k.ipc.queues.get(
    t,
    a.i32(0),
    a.i32(1),
    (birth) => {
      const own = { mails: [], bytes: 0, limit: IPC_LIMIT.MSGMNB as number, lastSender: 0, lastReceiver: 0, removed: false };
      return { ...birth, ...own, stimeNs: 0n, rtimeNs: 0n, ctimeNs: k.realtimeNs() };
    },
    () => 0,
  );
}

/** A call that slept finds its queue gone: EIDRM. */
const missing = (t: Task): number => (t.resumed === undefined ? -ERRNO.EINVAL : -ERRNO.EIDRM);

function msgsnd(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const size = a.s(2);
  const type = t.memory.readU64(a.n(1));
  if (type === undefined) return -ERRNO.EFAULT;
  if (size < 0 || size > IPC_LIMIT.MSGMAX || BigInt.asIntN(64, type) < 1n) return -ERRNO.EINVAL;
  const bytes = t.memory.read(a.n(1) + 8, size);
  if (bytes === undefined) return -ERRNO.EFAULT;
  const q = k.ipc.queues.find(a.i32(0));
  if (q === undefined) return missing(t);
  if (!allowed(t, q, 0o222)) return -ERRNO.EACCES;
  const room = (): boolean => q.bytes + size <= q.limit && q.mails.length < q.limit;
  if (!room()) {
    if ((a.i32(3) & IPC.NOWAIT) !== 0) return -ERRNO.EAGAIN;
    return { kind: 'wait', what: 'msgsnd', ready: () => q.removed || room(), interrupted: () => -ERRNO.EINTR };
  }
  q.mails.push({ type, bytes: bytes.slice() });
  q.bytes += size;
  q.lastSender = t.tgid;
  q.stimeNs = k.realtimeNs();
  return 0;
}

/** Index of the message that `type` asks for: any, that type (or any other), or the lowest up to its magnitude. */
function choose(q: MessageQueue, type: bigint, except: boolean): number {
  if (type === 0n) return q.mails.length > 0 ? 0 : -1;
  if (type > 0n) return q.mails.findIndex((m) => (m.type === type) !== except);
  let best = -1;
  for (const [i, m] of q.mails.entries()) {
    const lowest = best < 0 ? -type + 1n : (q.mails[best]?.type ?? 0n);
    if (m.type < lowest) best = i;
  }
  return best;
}

function msgrcv(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const size = a.s(2);
  const type = BigInt.asIntN(64, a.u(3));
  const flags = a.i32(4);
  if (size < 0 || a.i32(0) < 0) return -ERRNO.EINVAL;
  const copy = (flags & MSG_IPC.COPY) !== 0;
  if (copy && ((flags & MSG_IPC.EXCEPT) !== 0 || (flags & IPC.NOWAIT) === 0)) return -ERRNO.EINVAL;
  const q = k.ipc.queues.find(a.i32(0));
  if (q === undefined) return missing(t);
  if (!allowed(t, q, 0o444)) return -ERRNO.EACCES;
  const except = (flags & MSG_IPC.EXCEPT) !== 0;
  // MSG_COPY: a copy of the message at that place, which stays.
  const i = copy ? Number(type) : choose(q, type, except);
  const mail = q.mails[i];
  if (mail === undefined) {
    if ((flags & IPC.NOWAIT) !== 0) return -ERRNO.ENOMSG;
    return { kind: 'wait', what: 'msgrcv', ready: () => q.removed || choose(q, type, except) >= 0, interrupted: () => -ERRNO.EINTR };
  }
  if (mail.bytes.length > size && (flags & MSG_IPC.NOERROR) === 0) return -ERRNO.E2BIG;
  const part = mail.bytes.subarray(0, size);
  if (!t.memory.writeU64(a.n(1), mail.type) || !t.memory.write(a.n(1) + 8, part)) return -ERRNO.EFAULT;
  if (copy) return part.length;
  q.mails.splice(i, 1);
  q.bytes -= mail.bytes.length;
  q.lastReceiver = t.tgid;
  q.rtimeNs = k.realtimeNs();
  return part.length;
}

function status(q: MessageQueue): Uint8Array {
  const v = new DataView(new ArrayBuffer(MSG_IPC.SIZE));
  writePermissions(v, q);
  const words = [q.stimeNs / SECOND, q.rtimeNs / SECOND, q.ctimeNs / SECOND, BigInt(q.bytes), BigInt(q.mails.length), BigInt(q.limit)];
  for (const [i, n] of words.entries()) v.setBigUint64(48 + i * 8, n, true);
  v.setInt32(96, q.lastSender, true);
  v.setInt32(100, q.lastReceiver, true);
  return new Uint8Array(v.buffer);
}

function msgctl(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const command = a.i32(1);
  const { queues } = k.ipc;
  const give = (bytes: Uint8Array, value: number): number => (t.memory.write(a.n(2), bytes) ? value : -ERRNO.EFAULT);
  if (command === IPC.INFO || command === MSG_IPC.INFO) {
    const { MSGMAX, MSGMNB, MSGMNI } = IPC_LIMIT;
    const count = queues.all.reduce((n, q) => n + q.mails.length, 0);
    const bytes = queues.all.reduce((n, q) => n + q.bytes, 0);
    // struct msginfo: pool, map, max, mnb, mni, ssz, tql, seg
    const row =
      command === IPC.INFO
        ? [MSGMNI * 16, MSGMNB, MSGMAX, MSGMNB, MSGMNI, 16, MSGMNB]
        : [queues.all.length, count, MSGMAX, MSGMNB, MSGMNI, 16, bytes];
    return give(new Uint8Array(Int32Array.from([...row, 0xffff]).buffer), Math.max(0, queues.highest));
  }
  const byIndex = command === MSG_IPC.STAT || command === MSG_IPC.STAT_ANY;
  const q = byIndex ? queues.at(a.i32(0)) : queues.find(a.i32(0));
  if (q === undefined) return -ERRNO.EINVAL;
  switch (command) {
    case IPC.STAT:
    case MSG_IPC.STAT:
    case MSG_IPC.STAT_ANY:
      if (command !== MSG_IPC.STAT_ANY && !allowed(t, q, 0o444)) return -ERRNO.EACCES;
      return give(status(q), byIndex ? q.id : 0);
    case IPC.SET: {
      const bytes = t.memory.read(a.n(2), MSG_IPC.SIZE);
      if (bytes === undefined) return -ERRNO.EFAULT;
      const limit = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(88, true));
      if (!owns(t, q) || (limit > IPC_LIMIT.MSGMNB && t.credentials.euid !== 0)) return -ERRNO.EPERM;
      readPermissions(bytes, q);
      q.limit = limit;
      q.ctimeNs = k.realtimeNs();
      return 0;
    }
    case IPC.RMID:
      if (!owns(t, q)) return -ERRNO.EPERM;
      queues.remove(q);
      return 0;
    default:
      return -ERRNO.EINVAL;
  }
}

export const MSG_ROWS: readonly SyscallRow[] = [
  full('msgget', msgget),
  full('msgsnd', msgsnd),
  partial('msgrcv', msgrcv, 'no MSG_COPY: ENOSYS, as in a kernel without checkpointing'),
  full('msgctl', msgctl),
];
