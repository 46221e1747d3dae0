/** prctl(2), and the capabilities that it shares with capget and capset. */
import { ERRNO } from '#abi/errno.ts';
import { NSIG } from '#abi/signals.ts';
import { decodeUtf8, encodeUtf8 } from '#base/utf8.ts';
import type { Kernel } from '../kernel.ts';
import { CAP, type Capabilities, LAST_CAPABILITY, type Task } from '../task/task.ts';
import { partial } from './row.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const PR = {
  SET_PDEATHSIG: 1,
  GET_PDEATHSIG: 2,
  GET_DUMPABLE: 3,
  SET_DUMPABLE: 4,
  GET_UNALIGN: 5,
  GET_KEEPCAPS: 7,
  SET_KEEPCAPS: 8,
  GET_TIMING: 13,
  SET_NAME: 15,
  GET_NAME: 16,
  GET_SECCOMP: 21,
  CAPBSET_READ: 23,
  CAPBSET_DROP: 24,
  GET_TSC: 25,
  SET_TSC: 26,
  GET_SECUREBITS: 27,
  SET_SECUREBITS: 28,
  SET_TIMERSLACK: 29,
  GET_TIMERSLACK: 30,
  TASK_PERF_EVENTS_DISABLE: 31,
  TASK_PERF_EVENTS_ENABLE: 32,
  SET_CHILD_SUBREAPER: 36,
  GET_CHILD_SUBREAPER: 37,
  SET_NO_NEW_PRIVS: 38,
  GET_NO_NEW_PRIVS: 39,
  SET_THP_DISABLE: 41,
  GET_THP_DISABLE: 42,
  CAP_AMBIENT: 47,
  GET_SPECULATION_CTRL: 52,
  SET_VMA: 0x5356_4d41,
  SET_PTRACER: 0x5961_6d61,
} as const;

const PR_TSC_ENABLE = 1;
const SECURE_ALL_BITS = 0xff;
const AMBIENT = { IS_SET: 1, RAISE: 2, LOWER: 3, CLEAR_ALL: 4 } as const;
function ambient(t: Task, what: number, capability: number): SyscallResult {
  const all = t.capabilities;
  if (what === AMBIENT.CLEAR_ALL) {
    t.capabilities = { ...all, ambient: 0n };
    return 0;
  }
  if (capability > LAST_CAPABILITY) return -ERRNO.EINVAL;
  const bit = 1n << BigInt(capability);
  switch (what) {
    case AMBIENT.IS_SET:
      return (all.ambient & bit) === 0n ? 0 : 1;
    case AMBIENT.RAISE:
      if ((all.permitted & all.inheritable & bit) === 0n) return -ERRNO.EPERM;
      t.capabilities = { ...all, ambient: all.ambient | bit };
      return 0;
    case AMBIENT.LOWER:
      t.capabilities = { ...all, ambient: all.ambient & ~bit };
      return 0;
    default:
      return -ERRNO.EINVAL;
  }
}

function prctl(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  switch (a.i32(0)) {
    case PR.SET_NAME: {
      const name = t.memory.readStringBytes(a.n(1), 15);
      if (name === undefined) return -ERRNO.EFAULT;
      const bytes = name === 'too long' ? t.memory.read(a.n(1), 15) : name;
      if (bytes === undefined) return -ERRNO.EFAULT;
      t.comm = decodeUtf8(bytes);
      k.perf.renamed(t);
      return 0;
    }
    case PR.GET_NAME: {
      const bytes = new Uint8Array(16);
      bytes.set(encodeUtf8(t.comm).subarray(0, 15));
      return t.memory.write(a.n(1), bytes) ? 0 : -ERRNO.EFAULT;
    }
    case PR.GET_DUMPABLE:
      return t.process.dumpable ? 1 : 0;
    case PR.SET_DUMPABLE:
      if (a.n(1) > 1) return -ERRNO.EINVAL;
      t.process.dumpable = a.n(1) === 1;
      return 0;
    case PR.SET_PDEATHSIG:
      if (a.n(1) > NSIG) return -ERRNO.EINVAL;
      t.process.parentDeathSignal = a.n(1);
      return 0;
    case PR.GET_PDEATHSIG:
      return t.memory.writeU32(a.n(1), t.process.parentDeathSignal) ? 0 : -ERRNO.EFAULT;
    case PR.SET_CHILD_SUBREAPER:
      t.process.subreaper = a.n(1) !== 0;
      return 0;
    case PR.GET_CHILD_SUBREAPER:
      return t.memory.writeU32(a.n(1), t.process.subreaper ? 1 : 0) ? 0 : -ERRNO.EFAULT;
    case PR.SET_NO_NEW_PRIVS:
      if (a.n(1) !== 1) return -ERRNO.EINVAL;
      t.process.noNewPrivileges = true;
      return 0;
    case PR.GET_NO_NEW_PRIVS:
      return t.process.noNewPrivileges ? 1 : 0;
    case PR.TASK_PERF_EVENTS_DISABLE:
    case PR.TASK_PERF_EVENTS_ENABLE:
      k.perfFiles?.setTaskEvents(t, a.i32(0) === PR.TASK_PERF_EVENTS_ENABLE);
      return 0;
    case PR.GET_KEEPCAPS:
      return t.process.keepCapabilities ? 1 : 0;
    case PR.SET_KEEPCAPS:
      if (a.n(1) > 1) return -ERRNO.EINVAL;
      t.process.keepCapabilities = a.n(1) === 1;
      return 0;
    case PR.GET_SECCOMP:
    case PR.GET_TIMING:
    case PR.GET_THP_DISABLE:
      return 0;
    case PR.SET_THP_DISABLE: // there are no huge pages
    case PR.SET_PTRACER: // nobody traces
    case PR.SET_VMA: // names of anonymous mappings are not shown
      return 0;
    case PR.GET_TIMERSLACK:
      return t.timerSlackNs;
    case PR.SET_TIMERSLACK:
      t.timerSlackNs = a.n(1) > 0 ? a.n(1) : t.defaultTimerSlackNs;
      return 0;
    case PR.GET_TSC:
      return t.memory.writeU32(a.n(1), PR_TSC_ENABLE) ? 0 : -ERRNO.EFAULT;
    case PR.SET_TSC:
      if (a.n(1) === PR_TSC_ENABLE) return 0;
      k.unsupported('prctl PR_SET_TSC with PR_TSC_SIGSEGV');
      return -ERRNO.EINVAL;
    case PR.GET_SECUREBITS:
      return t.process.secureBits;
    case PR.SET_SECUREBITS:
      if (!t.can(CAP.SETPCAP)) return -ERRNO.EPERM;
      t.process.secureBits = a.u32(1) & SECURE_ALL_BITS;
      return 0;
    case PR.CAPBSET_READ:
      return a.n(1) > LAST_CAPABILITY ? -ERRNO.EINVAL : (t.capabilities.bounding >> BigInt(a.n(1))) & 1n;
    case PR.CAPBSET_DROP:
      if (!t.can(CAP.SETPCAP)) return -ERRNO.EPERM;
      if (a.n(1) > LAST_CAPABILITY) return -ERRNO.EINVAL;
      t.capabilities = { ...t.capabilities, bounding: t.capabilities.bounding & ~(1n << BigInt(a.n(1))) };
      return 0;
    case PR.CAP_AMBIENT:
      return ambient(t, a.n(1), a.n(2));
    case PR.GET_SPECULATION_CTRL:
      return 0; // PR_SPEC_NOT_AFFECTED: nothing is executed speculatively
    default:
      k.unsupported(`prctl ${a.i32(0)}`);
      return -ERRNO.EINVAL;
  }
}

const CAPABILITY_V1 = 0x1998_0330;
const CAPABILITY_V3 = 0x2008_0522;

/** The header of capget and capset: how many words a set has, and whose they are; -errno. */
function header(k: Kernel, t: Task, a: SyscallArgs): { readonly words: 1 | 2; readonly of: Task } | number {
  const version = t.memory.readU32(a.n(0));
  const pid = t.memory.readI32(a.n(0) + 4);
  if (version === undefined || pid === undefined) return -ERRNO.EFAULT;
  if (version !== CAPABILITY_V1 && version !== CAPABILITY_V3 && version !== 0x2007_1026) {
    t.memory.writeU32(a.n(0), CAPABILITY_V3);
    return a.n(1) === 0 ? 0 : -ERRNO.EINVAL;
  }
  const of = pid === 0 ? t : k.tasks.get(pid);
  if (pid < 0) return -ERRNO.EINVAL;
  return of === undefined ? -ERRNO.ESRCH : { words: version === CAPABILITY_V1 ? 1 : 2, of };
}

function capget(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const h = header(k, t, a);
  if (typeof h === 'number') return h;
  if (a.n(1) === 0) return 0;
  const { effective, permitted, inheritable } = h.of.capabilities;
  const sets = [effective, permitted, inheritable];
  const low = sets.map((s) => Number(s & 0xffff_ffffn));
  const high = h.words === 2 ? sets.map((s) => Number(s >> 32n)) : [];
  return t.memory.write(a.n(1), new Uint8Array(Uint32Array.from([...low, ...high]).buffer)) ? 0 : -ERRNO.EFAULT;
}

/** security/commoncap.c cap_capset: nothing is gained. */
function capset(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const h = header(k, t, a);
  if (typeof h === 'number') return h;
  if (h.of !== t) return -ERRNO.EPERM;
  const bytes = t.memory.read(a.n(1), h.words * 12);
  if (bytes === undefined) return -ERRNO.EFAULT;
  const v = new DataView(bytes.buffer, bytes.byteOffset);
  const set = (i: number): bigint => {
    const high = h.words === 2 ? BigInt(v.getUint32(12 + i * 4, true)) << 32n : 0n;
    return (BigInt(v.getUint32(i * 4, true)) | high) & ((1n << BigInt(LAST_CAPABILITY + 1)) - 1n);
  };
  const old = t.capabilities;
  const [effective, permitted, inheritable] = [set(0), set(1), set(2)];
  const beyond = (permitted & ~old.permitted) | (effective & ~permitted) | (inheritable & ~(old.inheritable | old.permitted));
  if (beyond !== 0n) return -ERRNO.EPERM;
  const made: Capabilities = { ...old, effective, permitted, inheritable, ambient: old.ambient & permitted & inheritable };
  t.capabilities = made;
  return 0;
}

const BY_USER = 'SETUID, SETGID and SETPCAP act; what else is allowed goes by the effective user';
export const PRCTL_ROWS: readonly SyscallRow[] = [
  partial(
    'prctl',
    prctl,
    'names, death signal, subreaper, dumpable, no_new_privs, events of perf; capabilities, secure bits and timer slack are kept and told again; no seccomp',
  ),
  partial('capget', capget, BY_USER),
  partial('capset', capset, `kept and told again; ${BY_USER}`),
];
