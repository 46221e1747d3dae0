/** Who and where the program is: users, names, memory, randomness. */
import { ERRNO } from '#abi/errno.ts';
import { PERSONALITY } from '#abi/process.ts';
import { encodeUtf8 } from '#base/utf8.ts';
import { UTSNAME } from '../identity.ts';
import type { Kernel } from '../kernel.ts';
import { PAGE } from '../mm/frames.ts';
import { CAP, type Credentials, type Task } from '../task/task.ts';
import { full, partial } from './row.ts';
import { sysFutex } from './futex.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

function uname(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const bytes = new Uint8Array(6 * 65);
  const machine = (t.process.personality & PERSONALITY.DOMAIN) === PERSONALITY.LINUX32 ? 'i686' : UTSNAME.machine;
  const fields = [UTSNAME.sysname, UTSNAME.nodename, UTSNAME.release, UTSNAME.version, machine, UTSNAME.domainname];
  for (const [i, f] of fields.entries()) bytes.set(encodeUtf8(f).subarray(0, 64), i * 65);
  return t.memory.write(a.n(0), bytes) ? 0 : -ERRNO.EFAULT;
}

function sysinfo(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const v = new DataView(new ArrayBuffer(112));
  v.setBigInt64(0, k.monotonicNs() / 1_000_000_000n, true);
  v.setBigUint64(32, BigInt(k.frames.totalFrames * PAGE), true);
  v.setBigUint64(40, BigInt(k.frames.freeFrames * PAGE), true);
  v.setUint16(80, k.tasks.size, true);
  v.setUint32(104, 1, true);
  return t.memory.write(a.n(0), new Uint8Array(v.buffer)) ? 0 : -ERRNO.EFAULT;
}

function getrandom(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  if ((a.u32(2) & ~7) !== 0) return -ERRNO.EINVAL;
  const length = Math.min(a.n(1), 0x7fff_f000);
  const CHUNK = 65536;
  for (let done = 0; done < length; done += CHUNK) {
    if (!t.memory.write(a.n(0) + done, k.random(Math.min(CHUNK, length - done)))) return done > 0 ? done : -ERRNO.EFAULT;
  }
  return length;
}

const KEEP = 0xffff_ffff;

/** Real, effective, saved. */
const idsOf = (t: Task, kind: 'uid' | 'gid'): readonly [number, number, number] => {
  const c = t.credentials;
  return kind === 'uid' ? [c.uid, c.euid, c.suid] : [c.gid, c.egid, c.sgid];
};

/** setresuid and its relatives: -1 keeps; without privilege only values that one already has. */
function setIds(t: Task, kind: 'uid' | 'gid', real: number, effective: number, saved: number): number {
  const c: Credentials = t.credentials;
  const names = kind === 'uid' ? (['uid', 'euid', 'suid'] as const) : (['gid', 'egid', 'sgid'] as const);
  const own = idsOf(t, kind);
  const wanted = [real, effective, saved];
  if (!t.can(kind === 'uid' ? CAP.SETUID : CAP.SETGID) && wanted.some((w) => w !== KEEP && !own.includes(w))) return -ERRNO.EPERM;
  const before = [c.uid, c.euid, c.suid];
  for (const [i, n] of names.entries()) if (wanted[i] !== KEEP) c[n] = wanted[i] as number;
  c[kind === 'uid' ? 'fsuid' : 'fsgid'] = undefined;
  if (kind === 'uid') t.changedUser(before);
  return 0;
}
/** setfsuid, setfsgid: the value before, whether or not the new one was taken. */
function setFs(t: Task, kind: 'uid' | 'gid', id: number): number {
  const c = t.credentials;
  const own = idsOf(t, kind);
  const name = kind === 'uid' ? 'fsuid' : 'fsgid';
  const before = c[name] ?? own[1];
  if (id !== KEEP && (id === before || own.includes(id) || t.can(kind === 'uid' ? CAP.SETUID : CAP.SETGID))) c[name] = id;
  return before;
}

function setOne(t: Task, kind: 'uid' | 'gid', id: number): number {
  if (t.can(kind === 'uid' ? CAP.SETUID : CAP.SETGID)) return setIds(t, kind, id, id, id);
  const [real, , saved] = idsOf(t, kind);
  return id === real || id === saved ? setIds(t, kind, KEEP, id, KEEP) : -ERRNO.EPERM;
}
/** setreuid: the saved id follows the effective one, unless neither the real id is set nor another effective one. kernel/sys.c __sys_setreuid. */
function setTwo(t: Task, kind: 'uid' | 'gid', real: number, effective: number): number {
  const [own, now] = idsOf(t, kind);
  if (real !== KEEP && real !== own && real !== now && !t.can(kind === 'uid' ? CAP.SETUID : CAP.SETGID)) return -ERRNO.EPERM;
  const saved = real !== KEEP || (effective !== KEEP && effective !== own) ? (effective === KEEP ? now : effective) : KEEP;
  return setIds(t, kind, real, effective, saved);
}

function getThree(t: Task, a: SyscallArgs, values: readonly number[]): number {
  return values.every((v, i) => t.memory.writeU32(a.n(i), v)) ? 0 : -ERRNO.EFAULT;
}

function getgroups(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const { groups } = t.credentials;
  const size = a.i32(0);
  if (size < 0) return -ERRNO.EINVAL;
  if (size === 0) return groups.length;
  if (size < groups.length) return -ERRNO.EINVAL;
  return t.memory.write(a.n(1), new Uint8Array(Uint32Array.from(groups).buffer)) ? groups.length : -ERRNO.EFAULT;
}

function setgroups(_k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  if (!t.can(CAP.SETGID)) return -ERRNO.EPERM;
  const n = a.i32(0);
  if (n < 0 || n > 65536) return -ERRNO.EINVAL;
  const bytes = t.memory.read(a.n(1), n * 4);
  if (bytes === undefined) return -ERRNO.EFAULT;
  t.credentials.groups = [...new Uint32Array(bytes.buffer)];
  return 0;
}

export const IDENTITY_ROWS: readonly SyscallRow[] = [
  full('getuid', (_k, t) => t.credentials.uid),
  full('geteuid', (_k, t) => t.credentials.euid),
  full('getgid', (_k, t) => t.credentials.gid),
  full('getegid', (_k, t) => t.credentials.egid),
  full('getresuid', (_k, t, a) => getThree(t, a, [t.credentials.uid, t.credentials.euid, t.credentials.suid])),
  full('getresgid', (_k, t, a) => getThree(t, a, [t.credentials.gid, t.credentials.egid, t.credentials.sgid])),
  full('setuid', (_k, t, a) => setOne(t, 'uid', a.u32(0))),
  full('setgid', (_k, t, a) => setOne(t, 'gid', a.u32(0))),
  full('setreuid', (_k, t, a) => setTwo(t, 'uid', a.u32(0), a.u32(1))),
  full('setregid', (_k, t, a) => setTwo(t, 'gid', a.u32(0), a.u32(1))),
  full('setresuid', (_k, t, a) => setIds(t, 'uid', a.u32(0), a.u32(1), a.u32(2))),
  full('setresgid', (_k, t, a) => setIds(t, 'gid', a.u32(0), a.u32(1), a.u32(2))),
  full('setfsuid', (_k, t, a) => setFs(t, 'uid', a.u32(0))),
  full('setfsgid', (_k, t, a) => setFs(t, 'gid', a.u32(0))),
  full('getgroups', getgroups),
  full('setgroups', setgroups),
  full('uname', uname),
  full('sysinfo', sysinfo),
  partial('getrandom', getrandom, 'from the seed: the same bytes every time'),
  partial('futex', sysFutex, 'no PI futexes'),
];
