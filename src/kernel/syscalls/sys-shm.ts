/** System V shared memory (shmget(2), shmop(2), shmctl(2)). */
import { ERRNO } from '#abi/errno.ts';
import { IPC, IPC_LIMIT, SHM } from '#abi/ipc.ts';
import { MAP, PROT } from '#abi/mman.ts';
import { O } from '#abi/fs.ts';
import type { SharedMemory } from '../ipc/ipc.ts';
import { allowed, owns, readPermissions, writePermissions } from '../ipc/registry.ts';
import type { Kernel } from '../kernel.ts';
import { pageUp } from '../mm/address-space.ts';
import { PAGE } from '../mm/frames.ts';
import type { PageSource } from '../mm/page-source.ts';
import type { Task } from '../task/task.ts';
import { MemoryFile, MemoryFileNode } from '../vfs/memory-file.ts';
import { full } from './row.ts';
import { ownerOf } from './sys-file-common.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const SECOND = 1_000_000_000n;

function shmget(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const size = a.n(1);
  return k.ipc.memory.get(
    t,
    a.i32(0),
    a.i32(2),
    (birth) => {
      if (size < 1) return -ERRNO.EINVAL;
      const key = (birth.key >>> 0).toString(16).padStart(8, '0');
      const node = new MemoryFileNode(k.vfs.inodes, k.vfs.pages, `SYSV${key}`, 0, ownerOf(t), 'shm');
      if (node.truncate(pageUp(size)) < 0) return -ERRNO.ENOMEM;
      const file = new MemoryFile(node, O.RDWR);
      const times = { atimeNs: 0n, dtimeNs: 0n, ctimeNs: k.realtimeNs() };
      return { ...birth, ...times, file, size, attached: 0, creatorPid: t.tgid, lastPid: 0, removed: false };
    },
    (found) => (size > found.size ? -ERRNO.EINVAL : 0),
  );
}

/** Its pages, counting how often they are mapped; the last one to go takes a removed segment along. */
function sourceOf(k: Kernel, s: SharedMemory): PageSource {
  const pages = s.file.node.source(s.file, true);
  return {
    ...pages,
    retain: () => {
      pages.retain();
      s.attached++;
    },
    release: () => {
      pages.release();
      s.attached--;
      s.dtimeNs = k.realtimeNs();
      if (s.attached > 0) return;
      k.ipc.segments.delete(pages.key);
      if (s.removed) s.file.release();
    },
  };
}

function shmat(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const s = k.ipc.memory.find(a.i32(0)) ?? attachedRemoved(k, t, a.i32(0));
  const flags = a.i32(2);
  if (s === undefined) return -ERRNO.EINVAL;
  const readOnly = (flags & SHM.RDONLY) !== 0;
  if (!allowed(t, s, readOnly ? 0o444 : 0o666)) return -ERRNO.EACCES;
  let at = a.n(1);
  if (at % PAGE !== 0) {
    if ((flags & SHM.RND) === 0) return -ERRNO.EINVAL;
    at -= at % PAGE;
  }
  if (at !== 0 && (flags & SHM.REMAP) === 0 && t.mm.maps.overlapping(at, at + pageUp(s.size)).length > 0) return -ERRNO.EINVAL;
  const source = sourceOf(k, s);
  const va = t.mm.map(at, {
    length: s.size,
    prot: PROT.READ | (readOnly ? 0 : PROT.WRITE) | ((flags & SHM.EXEC) === 0 ? 0 : PROT.EXEC),
    flags: MAP.SHARED | (at === 0 ? 0 : MAP.FIXED),
    source,
    offset: 0,
    name: source.name,
  });
  if (va < 0) return va;
  s.atimeNs = k.realtimeNs();
  s.lastPid = t.tgid;
  k.ipc.segments.set(source.key, s);
  const vma = t.mm.maps.find(va);
  if (vma !== undefined) k.mapped(t, vma);
  return va;
}
/** A removed segment can be attached by its id while somebody has it mapped, here: by a process that has. */
const attachedRemoved = (k: Kernel, t: Task, id: number): SharedMemory | undefined =>
  t.mm.vmas.map((v) => (v.source === undefined ? undefined : k.ipc.segments.get(v.source.key))).find((s) => s?.id === id);

function shmdt(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const at = a.n(0);
  const first = t.mm.maps.find(at);
  const s = first?.source === undefined ? undefined : k.ipc.segments.get(first.source.key);
  if (first === undefined || s === undefined || first.start !== at || first.offset !== 0) return -ERRNO.EINVAL;
  const key = first.source?.key;
  for (const v of t.mm.maps.overlapping(at, at + pageUp(s.size))) if (v.source?.key === key) t.mm.unmap(v.start, v.end - v.start);
  s.lastPid = t.tgid;
  return 0;
}

function status(s: SharedMemory): Uint8Array {
  const v = new DataView(new ArrayBuffer(SHM.SIZE));
  writePermissions(v, s);
  for (const [i, n] of [BigInt(s.size), s.atimeNs / SECOND, s.dtimeNs / SECOND, s.ctimeNs / SECOND].entries())
    v.setBigUint64(48 + i * 8, n, true);
  v.setInt32(80, s.creatorPid, true);
  v.setInt32(84, s.lastPid, true);
  v.setBigUint64(88, BigInt(s.attached), true);
  return new Uint8Array(v.buffer);
}

function shmctl(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const command = a.i32(1);
  const { memory } = k.ipc;
  const give = (bytes: Uint8Array, value: number): number => (t.memory.write(a.n(2), bytes) ? value : -ERRNO.EFAULT);
  if (command === IPC.INFO) {
    const most = 2n ** 64n - 2n ** 24n - 1n;
    return give(
      new Uint8Array(new BigUint64Array([most, 1n, BigInt(IPC_LIMIT.SHMMNI), BigInt(IPC_LIMIT.SHMMNI), most, 0n, 0n, 0n, 0n]).buffer),
      Math.max(0, memory.highest),
    );
  }
  if (command === SHM.INFO) {
    const pages = memory.all.reduce((n, s) => n + pageUp(s.size) / PAGE, 0);
    return give(
      new Uint8Array(new BigUint64Array([BigInt(memory.all.length), BigInt(pages), BigInt(pages), 0n, 0n, 0n]).buffer),
      Math.max(0, memory.highest),
    );
  }
  const byIndex = command === SHM.STAT || command === SHM.STAT_ANY;
  const s = byIndex ? memory.at(a.i32(0)) : (memory.find(a.i32(0)) ?? attachedRemoved(k, t, a.i32(0)));
  if (s === undefined) return -ERRNO.EINVAL;
  switch (command) {
    case IPC.STAT:
    case SHM.STAT:
    case SHM.STAT_ANY:
      if (command !== SHM.STAT_ANY && !allowed(t, s, 0o444)) return -ERRNO.EACCES;
      return give(status(s), byIndex ? s.id : 0);
    case IPC.SET: {
      const bytes = t.memory.read(a.n(2), 48);
      if (bytes === undefined) return -ERRNO.EFAULT;
      if (!owns(t, s)) return -ERRNO.EPERM;
      readPermissions(bytes, s);
      s.ctimeNs = k.realtimeNs();
      return 0;
    }
    case IPC.RMID:
      if (!owns(t, s)) return -ERRNO.EPERM;
      if (s.removed) return 0;
      memory.remove(s);
      s.mode |= SHM.DEST;
      if (s.attached === 0) s.file.release();
      return 0;
    case SHM.LOCK:
    case SHM.UNLOCK:
      return owns(t, s) ? 0 : -ERRNO.EPERM;
    default:
      return -ERRNO.EINVAL;
  }
}

export const SHM_ROWS: readonly SyscallRow[] = [full('shmget', shmget), full('shmat', shmat), full('shmdt', shmdt), full('shmctl', shmctl)];
