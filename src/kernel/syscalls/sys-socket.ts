/** Sockets: AF_UNIX, the internet families over a loopback, route netlink; between programs of the model, never outside. */
import { ERRNO } from '#abi/errno.ts';
import { O, S } from '#abi/fs.ts';
import { AF, MSG, SCM, SHUT, SOCK, SOL_SOCKET } from '#abi/socket.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { type FileDescription, isWait } from '../vfs/file-description.ts';
import { type Message, Socket } from '../vfs/socket.ts';
import { HostStream } from '../vfs/stream.ts';
import { waitFor } from '../vfs/wait.ts';
import { full, partial } from './row.ts';
import { type SocketFamily, credentialsOf } from './socket-family.ts';
import { INET, INET6 } from './socket-inet.ts';
import { type Header, readHeader, readRights } from './socket-message.ts';
import { NETLINK } from './socket-netlink.ts';
import { getsockopt, setsockopt } from './socket-options.ts';
import { UNIX } from './socket-unix.ts';
import { type Segment, gather, withTimeout, written } from './sys-file-common.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const NAMES = new Map<number, string>(Object.entries(AF).map(([name, n]) => [n, name]));
const FAMILIES: ReadonlyMap<number, SocketFamily> = new Map<number, SocketFamily>([
  [AF.UNIX, UNIX],
  [AF.INET, INET],
  [AF.INET6, INET6],
  [AF.NETLINK, NETLINK],
]);
const familyOf = (s: Socket): SocketFamily => FAMILIES.get(s.family) as SocketFamily;

function make(k: Kernel, t: Task, domain: number, type: number, protocol: number): Socket | number {
  const flags = type & ~SOCK.TYPE_MASK;
  if ((flags & ~(O.NONBLOCK | O.CLOEXEC)) !== 0) return -ERRNO.EINVAL;
  const family = FAMILIES.get(domain);
  if (family !== undefined) return family.make(k, t, type & SOCK.TYPE_MASK, protocol, flags & O.NONBLOCK);
  k.unsupported(`sockets of family ${NAMES.has(domain) ? `AF_${NAMES.get(domain)}` : domain}`);
  return -ERRNO.EAFNOSUPPORT;
}

function socket(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const made = make(k, t, a.i32(0), a.i32(1), a.i32(2));
  return typeof made === 'number' ? made : t.files.install(made, (a.i32(1) & O.CLOEXEC) !== 0);
}

function socketpair(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const first = make(k, t, a.i32(0), a.i32(1), a.i32(2));
  if (typeof first === 'number') return first;
  if (first.family !== AF.UNIX) {
    first.release();
    return -ERRNO.EOPNOTSUPP;
  }
  const second = make(k, t, a.i32(0), a.i32(1), a.i32(2)) as Socket;
  Socket.pair(first, second);
  const cloexec = (a.i32(1) & O.CLOEXEC) !== 0;
  const fd = t.files.install(first, cloexec);
  if (fd < 0) {
    second.release();
    return fd;
  }
  const other = t.files.install(second, cloexec);
  if (other >= 0 && t.memory.writeU32(a.n(3), fd) && t.memory.writeU32(a.n(3) + 4, other)) return 0;
  t.files.close(fd);
  if (other >= 0) t.files.close(other);
  return other < 0 ? other : -ERRNO.EFAULT;
}

function socketAt(t: Task, fd: number): Socket | number {
  const file = t.files.get(fd);
  if (file === undefined || (file.flags & O.PATH) !== 0) return -ERRNO.EBADF;
  return file instanceof Socket ? file : -ERRNO.ENOTSOCK;
}

/**
 * A standard stream that is a socket of the host's (a program started by Node or inetd has such): it answers as an unnamed connected stream
 * socket of AF_UNIX, and sends and receives as write and read do.
 */
function hostSocket(t: Task, fd: number): FileDescription | undefined {
  const file = t.files.get(fd);
  return file instanceof HostStream && file.node.type() === S.IFSOCK ? file : undefined;
}

/** Address and length as accept and recvfrom give them, to whom wants them. */
const writeAddress = (t: Task, va: number, lengthVa: number, bytes: Uint8Array): number =>
  va === 0 ? 0 : giveAddress(t, va, lengthVa, bytes);
/** As getsockname gives them; cut to the room that the program has. */
function giveAddress(t: Task, va: number, lengthVa: number, bytes: Uint8Array): number {
  const room = t.memory.readI32(lengthVa);
  if (room === undefined) return -ERRNO.EFAULT;
  if (room < 0) return -ERRNO.EINVAL;
  return t.memory.write(va, bytes.subarray(0, room)) && t.memory.writeU32(lengthVa, bytes.length) ? 0 : -ERRNO.EFAULT;
}
const addressBytes = (s: Socket, address: string): Uint8Array => familyOf(s).addressBytes(s, address);
/** sockaddr_un without a name. */
const UNNAMED = Uint8Array.of(AF.UNIX, 0);

function bind(k: Kernel, t: Task, s: Socket, a: SyscallArgs): SyscallResult {
  const family = familyOf(s);
  const address = family.readAddress(t, a.n(1), a.i32(2));
  return typeof address === 'number' ? address : family.bind(k, t, s, address);
}

function connect(k: Kernel, t: Task, s: Socket, a: SyscallArgs): SyscallResult {
  const family = familyOf(s);
  const address = family.readAddress(t, a.n(1), a.i32(2));
  if (typeof address === 'number') return address;
  const result = withTimeout(k, t, s, true, () => family.connect(k, t, s, address));
  return result === -ERRNO.EAGAIN && s.timeoutNs(true) !== 0n ? -ERRNO.EINPROGRESS : result;
}

function accept(k: Kernel, t: Task, a: SyscallArgs, flags: number): SyscallResult {
  if ((flags & ~(O.NONBLOCK | O.CLOEXEC)) !== 0) return -ERRNO.EINVAL;
  const s = socketAt(t, a.i32(0));
  if (typeof s === 'number') return s;
  const got = s.accept();
  if (typeof got === 'number') return got;
  if (isWait(got)) return withTimeout(k, t, s, false, () => got);
  got.flags |= flags & O.NONBLOCK;
  const { peerAddress } = got;
  const fd = t.files.install(got, (flags & O.CLOEXEC) !== 0);
  if (fd < 0) return fd;
  const told = writeAddress(t, a.n(1), a.n(2), addressBytes(got, peerAddress));
  if (told === 0) return fd;
  t.files.close(fd);
  return told;
}

function send(k: Kernel, t: Task, s: Socket, h: Header, flags: number): SyscallResult {
  const family = familyOf(s);
  const to = h.name === 0 ? undefined : family.readAddress(t, h.name, h.nameLength);
  if (typeof to === 'number') return to;
  const length = h.segments.reduce((n, x) => n + x.length, 0);
  const bytes = gather(t, h.segments, 0, Math.min(length, 1 << 20));
  if (bytes === undefined && length > 0) return -ERRNO.EFAULT;
  const files = readRights(k, t, h);
  if (typeof files === 'number') return files;
  const message: Message = { bytes: bytes ?? new Uint8Array(0), files, sender: credentialsOf(t), from: s.address };
  const sent = withTimeout(k, t, s, true, () => family.send(k, t, s, message, (flags & MSG.DONTWAIT) !== 0, to));
  if (typeof sent !== 'number' || sent < 0) for (const f of files) f.release();
  if (sent === -ERRNO.EPIPE && s.type === SOCK.STREAM && (flags & MSG.NOSIGNAL) === 0) return written(k, t, sent);
  return sent;
}

interface Received {
  readonly count: number;
  readonly files: FileDescription[];
  readonly message: Message | undefined;
  /** The packet was longer than the buffer. */
  readonly cut: number;
}

function receive(k: Kernel, t: Task, s: Socket, segments: readonly Segment[], flags: number): Received | SyscallResult {
  const room = segments.reduce((n, x) => n + x.length, 0);
  const into = new Uint8Array(Math.min(room, 1 << 20));
  const files: FileDescription[] = [];
  let message: Message | undefined;
  const first = s.next((flags & MSG.DONTWAIT) !== 0);
  if (typeof first === 'number') return first;
  if (isWait(first)) return withTimeout(k, t, s, false, () => first);
  const whole = first?.bytes.length ?? 0;
  if ((flags & MSG.PEEK) !== 0) message = first;
  if (
    (flags & MSG.WAITALL) !== 0 &&
    s.type === SOCK.STREAM &&
    first !== undefined &&
    s.available() < into.length &&
    !s.readClosed &&
    s.peer !== undefined
  ) {
    const all = waitFor('read from a socket', () => s.available() >= into.length || s.readClosed);
    const waits = withTimeout(k, t, s, false, () => all);
    if (isWait(waits)) return waits; // time is up: what has come is the answer
  }
  const n = s.receive(into, true, (flags & MSG.PEEK) !== 0, (more, m) => {
    files.push(...more);
    message ??= m;
  });
  if (typeof n !== 'number' || n < 0) return n;
  let done = 0;
  for (const segment of segments) {
    const part = into.subarray(done, Math.min(n, done + segment.length));
    if (part.length > 0 && !t.memory.write(segment.va, part)) return -ERRNO.EFAULT;
    done += part.length;
  }
  return { count: n, files, message, cut: s.type === SOCK.STREAM ? 0 : Math.max(0, whole - n) };
}
const isReceived = (r: Received | SyscallResult): r is Received => typeof r === 'object' && 'count' in r;

/** send and recv on a host's socket: one piece, no flags but MSG_DONTWAIT's neighbours that change nothing. */
function onHost(k: Kernel, t: Task, file: FileDescription, a: SyscallArgs, sending: boolean): SyscallResult {
  const length = Math.min(a.n(2), 1 << 20);
  if (sending) {
    const bytes = t.memory.read(a.n(1), length);
    return bytes === undefined ? -ERRNO.EFAULT : written(k, t, file.write(bytes));
  }
  if ((a.u32(3) & MSG.PEEK) !== 0) {
    k.unsupported("MSG_PEEK on a socket of the host's");
    return -ERRNO.EOPNOTSUPP;
  }
  const into = new Uint8Array(length);
  const n = file.read(into);
  if (typeof n !== 'number' || n <= 0) return n;
  return t.memory.write(a.n(1), into.subarray(0, n)) ? n : -ERRNO.EFAULT;
}

/** A stream's recvfrom names nobody: AF_UNIX gives an address without a name, TCP none at all. */
function senderOf(s: Socket, message: Message | undefined): Uint8Array {
  if (familyOf(s).tellsSender(s)) return addressBytes(s, message?.from ?? '');
  return s.family === AF.UNIX ? UNNAMED : new Uint8Array(0);
}

function recvfrom(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const host = hostSocket(t, a.i32(0));
  if (host !== undefined) return onHost(k, t, host, a, false);
  const s = socketAt(t, a.i32(0));
  if (typeof s === 'number') return s;
  const flags = a.u32(3);
  const r = receive(k, t, s, [{ va: a.n(1), length: a.n(2) }], flags);
  if (!isReceived(r)) return r;
  for (const f of r.files) f.release();
  const told = writeAddress(t, a.n(4), a.n(5), senderOf(s, r.message));
  if (told < 0) return told;
  return (flags & MSG.TRUNC) !== 0 ? r.count + r.cut : r.count;
}

/** recvmsg of the struct msghdr at `va`. */
function recvmsg(k: Kernel, t: Task, s: Socket, va: number, flags: number): SyscallResult {
  const h = readHeader(t, va);
  if (typeof h === 'number') return h;
  const r = receive(k, t, s, h.segments, flags);
  if (!isReceived(r)) return r;
  let out = r.cut > 0 ? MSG.TRUNC : 0;
  const control = new DataView(new ArrayBuffer(h.controlLength > 4096 ? 4096 : h.controlLength));
  let at = 0;
  const header = (length: number, type: number): void => {
    control.setBigUint64(at, BigInt(length), true);
    control.setInt32(at + 8, SOL_SOCKET, true);
    control.setInt32(at + 12, type, true);
  };
  if (s.passCredentials && r.message !== undefined) {
    if (at + 28 <= control.byteLength) {
      header(28, SCM.CREDENTIALS);
      const { pid, uid, gid } = r.message.sender;
      for (const [i, v] of [pid, uid, gid].entries()) control.setUint32(at + 16 + i * 4, v, true);
      at += 32;
    } else out |= MSG.CTRUNC;
  }
  const fit = Math.max(0, Math.min(r.files.length, Math.floor((control.byteLength - at - 16) / 4)));
  if (fit < r.files.length) out |= MSG.CTRUNC;
  for (const f of r.files.slice(fit)) f.release();
  if (fit > 0) {
    header(16 + fit * 4, SCM.RIGHTS);
    for (const [i, f] of r.files.slice(0, fit).entries()) {
      control.setInt32(at + 16 + i * 4, t.files.install(f, (flags & MSG.CMSG_CLOEXEC) !== 0), true);
    }
    at += 16 + Math.ceil((fit * 4) / 8) * 8;
  }
  const used = Math.min(at, control.byteLength);
  if (used > 0 && !t.memory.write(h.control, new Uint8Array(control.buffer, 0, used))) return -ERRNO.EFAULT;
  let nameLength = 0;
  if (h.name !== 0 && familyOf(s).tellsSender(s)) {
    const bytes = senderOf(s, r.message);
    nameLength = bytes.length;
    if (!t.memory.write(h.name, bytes.subarray(0, h.nameLength))) return -ERRNO.EFAULT;
  }
  const ok = t.memory.writeU32(va + 8, nameLength) && t.memory.writeU64(va + 40, used) && t.memory.writeU32(va + 48, out);
  if (!ok) return -ERRNO.EFAULT;
  return (flags & MSG.TRUNC) !== 0 ? r.count + r.cut : r.count;
}

const onSocket = (f: (t: Task, s: Socket, a: SyscallArgs, k: Kernel) => SyscallResult) => (k: Kernel, t: Task, a: SyscallArgs) => {
  const s = socketAt(t, a.i32(0));
  return typeof s === 'number' ? s : f(t, s, a, k);
};

const orHost =
  (
    host: (k: Kernel, t: Task, file: FileDescription, a: SyscallArgs) => SyscallResult,
    own: (t: Task, s: Socket, a: SyscallArgs, k: Kernel) => SyscallResult,
  ) =>
  (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => {
    const file = hostSocket(t, a.i32(0));
    return file === undefined ? onSocket(own)(k, t, a) : host(k, t, file, a);
  };

const unnamed = (_k: Kernel, t: Task, _file: FileDescription, a: SyscallArgs): SyscallResult => giveAddress(t, a.n(1), a.n(2), UNNAMED);

function sendAt(k: Kernel, t: Task, s: Socket, va: number, flags: number): SyscallResult {
  const h = readHeader(t, va);
  return typeof h === 'number' ? h : send(k, t, s, h, flags);
}
/** An array of struct mmsghdr: one message after the other, until one would wait or fails; what failed shows at the next call. */
function many(t: Task, a: SyscallArgs, one: (va: number, more: number) => SyscallResult): SyscallResult {
  const count = Math.min(a.u32(2), 1024);
  for (let i = 0; i < count; i++) {
    const va = a.n(1) + i * MMSGHDR;
    const n = one(va, i === 0 ? 0 : MSG.DONTWAIT);
    if (typeof n !== 'number' || n < 0) return i > 0 ? i : n;
    if (!t.memory.writeU32(va + 56, n)) return -ERRNO.EFAULT;
  }
  return count;
}
/** sizeof(struct mmsghdr): a msghdr and the count of bytes. */
const MMSGHDR = 64;

const getHostOption = (k: Kernel, t: Task, file: FileDescription, a: SyscallArgs): SyscallResult => getsockopt(k, t, a, file);

export const SOCKET_ROWS: readonly SyscallRow[] = [
  partial('socket', socket, 'AF_UNIX; TCP and UDP over a loopback of the model; no other network, no raw sockets'),
  partial('socketpair', socketpair, 'AF_UNIX'),
  partial(
    'bind',
    onSocket((t, s, a, k) => bind(k, t, s, a)),
    'names and ports live in the model only, never on the host',
  ),
  full(
    'listen',
    onSocket((_t, s, a) => s.listen(a.i32(1))),
  ),
  partial(
    'connect',
    onSocket((t, s, a, k) => connect(k, t, s, a)),
    'never to a process outside the model: ECONNREFUSED; never to another machine: ENETUNREACH',
  ),
  full('accept', (k, t, a) => accept(k, t, a, 0)),
  full('accept4', (k, t, a) => accept(k, t, a, a.i32(3))),
  full(
    'shutdown',
    onSocket((_t, s, a) => {
      const how = a.i32(1);
      if (how < 0 || how > SHUT.RDWR) return -ERRNO.EINVAL;
      return s.shutdown(how !== SHUT.WR, how !== SHUT.RD);
    }),
  ),
  partial(
    'sendto',
    orHost(
      (k, t, file, a) => onHost(k, t, file, a, true),
      (t, s, a, k) =>
        send(
          k,
          t,
          s,
          { name: a.n(4), nameLength: a.i32(5), segments: [{ va: a.n(1), length: a.n(2) }], control: 0, controlLength: 0 },
          a.u32(3),
        ),
    ),
    'no MSG_OOB, MSG_MORE',
  ),
  partial(
    'sendmsg',
    onSocket((t, s, a, k) => {
      const h = readHeader(t, a.n(1));
      return typeof h === 'number' ? h : send(k, t, s, h, a.u32(2));
    }),
    'SCM_RIGHTS; credentials are always the true ones',
  ),
  full('recvfrom', recvfrom),
  full(
    'recvmsg',
    onSocket((t, s, a, k) => recvmsg(k, t, s, a.n(1), a.u32(2))),
  ),
  full(
    'getsockname',
    orHost(unnamed, (t, s, a) => giveAddress(t, a.n(1), a.n(2), addressBytes(s, s.address))),
  ),
  full(
    'getpeername',
    orHost(
      (_k, t, _file, a) => giveAddress(t, a.n(1), a.n(2), UNNAMED),
      (t, s, a) => (s.hasPeerName ? giveAddress(t, a.n(1), a.n(2), addressBytes(s, s.peerAddress)) : -ERRNO.ENOTCONN),
    ),
  ),
  partial(
    'getsockopt',
    orHost(getHostOption, (t, s, a, k) => getsockopt(k, t, a, s)),
    'the usual ones; others ENOPROTOOPT',
  ),
  partial(
    'setsockopt',
    onSocket((t, s, a, k) => setsockopt(k, t, a, s)),
    'PASSCRED, REUSEADDR, REUSEPORT, LINGER 0, timeouts and V6ONLY act; buffer sizes, TCP and IP options are kept and told again',
  ),
  partial(
    'sendmmsg',
    onSocket((t, s, a, k) => many(t, a, (va, more) => sendAt(k, t, s, va, a.u32(3) | more))),
    'waits for room for the first message only',
  ),
  partial(
    'recvmmsg',
    onSocket((t, s, a, k) => many(t, a, (va, more) => recvmsg(k, t, s, va, (a.u32(3) & ~MSG.WAITFORONE) | more))),
    'as with MSG_WAITFORONE: waits for the first message only, without a time limit',
  ),
];
