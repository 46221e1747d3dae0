/** Sockets: AF_UNIX between programs of the model. Other families are refused: there is no network. */
import { ERRNO } from '#abi/errno.ts';
import { O, S } from '#abi/fs.ts';
import { AF, MSG, SCM, SHUT, SO, SOCK, SOCKET_BUFFER, SOL_SOCKET, UNIX_PATH_MAX } from '#abi/socket.ts';
import { decodeUtf8, encodeUtf8 } from '#base/utf8.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { type FileDescription, isWait } from '../vfs/file-description.ts';
import { BoundName, type Message, type PeerCredentials, UnixSocket } from '../vfs/socket.ts';
import { HostStream } from '../vfs/stream.ts';
import { makeNamed } from '../vfs/tree-ops.ts';
import { find } from '../vfs/walk.ts';
import { full, partial } from './row.ts';
import { type Segment, gather, written } from './sys-file-common.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

const credentialsOf = (t: Task): PeerCredentials => ({ pid: t.tgid, uid: t.credentials.euid, gid: t.credentials.egid });

/** Sockets with a name outside the tree (`\0name`), by kernel. */
const ABSTRACT = new WeakMap<Kernel, Map<string, UnixSocket>>();
function abstractOf(k: Kernel): Map<string, UnixSocket> {
  let names = ABSTRACT.get(k);
  if (names === undefined) {
    names = new Map();
    ABSTRACT.set(k, names);
  }
  return names;
}

const FAMILY = new Map<number, string>(Object.entries(AF).map(([name, n]) => [n, name]));

function make(k: Kernel, t: Task, domain: number, type: number, protocol: number): UnixSocket | number {
  const flags = type & ~SOCK.TYPE_MASK;
  const kind = type & SOCK.TYPE_MASK;
  if ((flags & ~(O.NONBLOCK | O.CLOEXEC)) !== 0) return -ERRNO.EINVAL;
  if (domain !== AF.UNIX) {
    k.unsupported(`sockets of family ${FAMILY.has(domain) ? `AF_${FAMILY.get(domain)}` : domain}`);
    return -ERRNO.EAFNOSUPPORT;
  }
  if (protocol !== 0 && protocol !== AF.UNIX) return -ERRNO.EPROTONOSUPPORT;
  if (kind !== SOCK.STREAM && kind !== SOCK.DGRAM && kind !== SOCK.SEQPACKET) return -ERRNO.ESOCKTNOSUPPORT;
  return new UnixSocket(k.vfs.inodes, kind, flags & O.NONBLOCK, credentialsOf(t));
}

function socket(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const made = make(k, t, a.i32(0), a.i32(1), a.i32(2));
  return typeof made === 'number' ? made : t.files.install(made, (a.i32(1) & O.CLOEXEC) !== 0);
}

function socketpair(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const first = make(k, t, a.i32(0), a.i32(1), a.i32(2));
  if (typeof first === 'number') return first;
  const second = make(k, t, a.i32(0), a.i32(1), a.i32(2)) as UnixSocket;
  UnixSocket.pair(first, second);
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

function socketAt(t: Task, fd: number): UnixSocket | number {
  const file = t.files.get(fd);
  if (file === undefined) return -ERRNO.EBADF;
  return file instanceof UnixSocket ? file : -ERRNO.ENOTSOCK;
}

/**
 * A standard stream that is a socket of the host's (a program started by Node or inetd has such): it answers as an unnamed connected stream
 * socket of AF_UNIX, and sends and receives as write and read do.
 */
function hostSocket(t: Task, fd: number): FileDescription | undefined {
  const file = t.files.get(fd);
  return file instanceof HostStream && file.node.type() === S.IFSOCK ? file : undefined;
}

/** A sockaddr_un as Message.from has it: a path, `\0name`, '' for an address without a name. */
function readAddress(t: Task, va: number, length: number): string | number {
  if (length < 2 || length > UNIX_PATH_MAX + 2) return -ERRNO.EINVAL;
  const bytes = t.memory.read(va, length);
  if (bytes === undefined) return -ERRNO.EFAULT;
  if (((bytes[0] as number) | ((bytes[1] as number) << 8)) !== AF.UNIX) return -ERRNO.EINVAL;
  const name = bytes.subarray(2);
  if (name.length === 0) return '';
  if (name[0] === 0) return decodeUtf8(name);
  const end = name.indexOf(0);
  return decodeUtf8(end < 0 ? name : name.subarray(0, end));
}

/** Address and length as accept, getsockname and recvfrom give them; cut to the room that the program has. */
function writeAddress(t: Task, va: number, lengthVa: number, address: string): number {
  if (va === 0) return 0;
  const room = t.memory.readI32(lengthVa);
  if (room === undefined) return -ERRNO.EFAULT;
  if (room < 0) return -ERRNO.EINVAL;
  const bytes = addressBytes(address);
  return t.memory.write(va, bytes.subarray(0, room)) && t.memory.writeU32(lengthVa, bytes.length) ? 0 : -ERRNO.EFAULT;
}
function addressBytes(address: string): Uint8Array {
  const name = encodeUtf8(address);
  const length = address === '' ? 2 : 2 + name.length + (name[0] === 0 ? 0 : 1);
  const bytes = new Uint8Array(length);
  bytes[0] = AF.UNIX;
  bytes.set(name, 2);
  return bytes;
}

function bind(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const s = socketAt(t, a.i32(0));
  if (typeof s === 'number') return s;
  let address = readAddress(t, a.n(1), a.i32(2));
  if (typeof address === 'number') return address;
  if (s.address !== '') return -ERRNO.EINVAL;
  const names = abstractOf(k);
  if (address === '') {
    let n = 0;
    while (names.has(`\0${n.toString(16).padStart(5, '0')}`)) n++;
    address = `\0${n.toString(16).padStart(5, '0')}`; // autobind, unix(7)
  }
  if (address.startsWith('\0')) {
    if (names.has(address)) return -ERRNO.EADDRINUSE;
    const name = address;
    names.set(name, s);
    s.onClose = () => names.delete(name);
  } else {
    const owner = { uid: t.credentials.euid, gid: t.credentials.egid };
    const made = makeNamed(k.vfs.from(t), address, (parent, name) => new BoundName(k.vfs.inodes, parent, name, 0o777 & ~t.fs.umask, owner));
    if (typeof made === 'number') return made === -ERRNO.EEXIST ? -ERRNO.EADDRINUSE : made;
    made.socket = s;
  }
  s.address = address;
  return 0;
}

/** The socket that an address names. */
function lookUp(k: Kernel, t: Task, address: string): UnixSocket | number {
  if (address === '') return -ERRNO.EINVAL;
  if (address.startsWith('\0')) return abstractOf(k).get(address) ?? -ERRNO.ECONNREFUSED;
  k.vfs.inodes.generation++;
  const node = find(k.vfs.from(t), address, 'follow');
  if (typeof node === 'number') return node;
  // A socket of the host's is there, but who listens is outside the model.
  return node instanceof BoundName && node.socket?.isOpen === true ? node.socket : -ERRNO.ECONNREFUSED;
}

function connect(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const s = socketAt(t, a.i32(0));
  if (typeof s === 'number') return s;
  const address = readAddress(t, a.n(1), a.i32(2));
  if (typeof address === 'number') return address;
  const to = lookUp(k, t, address);
  if (typeof to === 'number') return to;
  if (!s.connectionless) return s.connect(to);
  if (to.type !== s.type) return -ERRNO.EPROTOTYPE;
  s.peer = to;
  s.peerCredentials = to.credentials;
  s.peerAddress = to.address;
  return 0;
}

function accept(t: Task, a: SyscallArgs, flags: number): SyscallResult {
  if ((flags & ~(O.NONBLOCK | O.CLOEXEC)) !== 0) return -ERRNO.EINVAL;
  const s = socketAt(t, a.i32(0));
  if (typeof s === 'number') return s;
  const got = s.accept();
  if (typeof got === 'number' || isWait(got)) return got;
  got.flags |= flags & O.NONBLOCK;
  const { peerAddress } = got;
  const fd = t.files.install(got, (flags & O.CLOEXEC) !== 0);
  if (fd < 0) return fd;
  const told = writeAddress(t, a.n(1), a.n(2), peerAddress);
  if (told === 0) return fd;
  t.files.close(fd);
  return told;
}

interface Header {
  readonly name: number;
  readonly nameLength: number;
  readonly segments: readonly Segment[];
  readonly control: number;
  readonly controlLength: number;
}

/** struct msghdr. */
function readHeader(t: Task, va: number): Header | number {
  const bytes = t.memory.read(va, 56);
  if (bytes === undefined) return -ERRNO.EFAULT;
  const v = new DataView(bytes.buffer);
  const n = (at: number): number => v.getUint32(at + 4, true) * 2 ** 32 + v.getUint32(at, true);
  const count = n(24);
  if (count > 1024) return -ERRNO.EMSGSIZE;
  const vectors = t.memory.read(n(16), count * 16);
  if (vectors === undefined) return -ERRNO.EFAULT;
  const iov = new DataView(vectors.buffer);
  const segments: Segment[] = [];
  for (let i = 0; i < count; i++) {
    const at = (o: number): number => iov.getUint32(i * 16 + o + 4, true) * 2 ** 32 + iov.getUint32(i * 16 + o, true);
    segments.push({ va: at(0), length: at(8) });
  }
  return { name: n(0), nameLength: v.getUint32(8, true), segments, control: n(32), controlLength: n(40) };
}

/** SCM_RIGHTS of a message that is sent: each descriptor with a reference more, or -errno. */
function readRights(k: Kernel, t: Task, h: Header): FileDescription[] | number {
  const files: FileDescription[] = [];
  const fail = (errno: number): number => {
    for (const f of files) f.release();
    return -errno;
  };
  if (h.control === 0 || h.controlLength === 0) return files;
  const bytes = t.memory.read(h.control, Math.min(h.controlLength, 65536));
  if (bytes === undefined) return -ERRNO.EFAULT;
  const v = new DataView(bytes.buffer);
  for (let at = 0; at + 16 <= bytes.length; ) {
    const length = v.getUint32(at, true);
    if (length < 16 || at + length > bytes.length) return fail(ERRNO.EINVAL);
    if (v.getInt32(at + 8, true) === SOL_SOCKET && v.getInt32(at + 12, true) === SCM.RIGHTS) {
      for (let i = at + 16; i + 4 <= at + length; i += 4) {
        const file = t.files.get(v.getInt32(i, true));
        if (file === undefined) return fail(ERRNO.EBADF);
        files.push(file.retain());
      }
    } else if (v.getInt32(at + 12, true) !== SCM.CREDENTIALS) {
      k.unsupported(`socket control message ${v.getInt32(at + 12, true)}`);
      return fail(ERRNO.EINVAL);
    }
    at += Math.ceil(length / 8) * 8;
  }
  return files;
}

function send(k: Kernel, t: Task, s: UnixSocket, h: Header, flags: number): SyscallResult {
  let to: UnixSocket | undefined = s.peer;
  if (h.name !== 0 && s.connectionless) {
    const address = readAddress(t, h.name, h.nameLength);
    if (typeof address === 'number') return address;
    const found = lookUp(k, t, address);
    if (typeof found === 'number') return found;
    if (found.type !== s.type) return -ERRNO.EPROTOTYPE;
    to = found;
  }
  const length = h.segments.reduce((n, x) => n + x.length, 0);
  const bytes = gather(t, h.segments, 0, Math.min(length, 1 << 20));
  if (bytes === undefined && length > 0) return -ERRNO.EFAULT;
  const files = readRights(k, t, h);
  if (typeof files === 'number') return files;
  const message: Message = { bytes: bytes ?? new Uint8Array(0), files, sender: credentialsOf(t), from: s.address };
  const sent = s.send(message, (flags & MSG.DONTWAIT) !== 0, to);
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

function receive(t: Task, s: UnixSocket, segments: readonly Segment[], flags: number): Received | SyscallResult {
  const room = segments.reduce((n, x) => n + x.length, 0);
  const into = new Uint8Array(Math.min(room, 1 << 20));
  const files: FileDescription[] = [];
  let message: Message | undefined;
  const first = s.next((flags & MSG.DONTWAIT) !== 0);
  if (typeof first === 'number' || isWait(first)) return first;
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
    return { kind: 'wait', what: 'read from a socket', ready: () => s.available() >= into.length || s.readClosed };
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

function recvfrom(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const host = hostSocket(t, a.i32(0));
  if (host !== undefined) return onHost(k, t, host, a, false);
  const s = socketAt(t, a.i32(0));
  if (typeof s === 'number') return s;
  const flags = a.u32(3);
  const r = receive(t, s, [{ va: a.n(1), length: a.n(2) }], flags);
  if (!isReceived(r)) return r;
  for (const f of r.files) f.release();
  const told = writeAddress(t, a.n(4), a.n(5), s.connectionless ? (r.message?.from ?? '') : '');
  if (told < 0) return told;
  return (flags & MSG.TRUNC) !== 0 ? r.count + r.cut : r.count;
}

function recvmsg(t: Task, a: SyscallArgs): SyscallResult {
  const s = socketAt(t, a.i32(0));
  if (typeof s === 'number') return s;
  const h = readHeader(t, a.n(1));
  if (typeof h === 'number') return h;
  const flags = a.u32(2);
  const r = receive(t, s, h.segments, flags);
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
  if (h.name !== 0 && s.connectionless) {
    const bytes = addressBytes(r.message?.from ?? '');
    nameLength = bytes.length;
    if (!t.memory.write(h.name, bytes.subarray(0, h.nameLength))) return -ERRNO.EFAULT;
  }
  const ok = t.memory.writeU32(a.n(1) + 8, nameLength) && t.memory.writeU64(a.n(1) + 40, used) && t.memory.writeU32(a.n(1) + 48, out);
  if (!ok) return -ERRNO.EFAULT;
  return (flags & MSG.TRUNC) !== 0 ? r.count + r.cut : r.count;
}

/** What getsockopt asks of a socket; a host's gives constants. */
type SocketState = Pick<UnixSocket, 'type' | 'error' | 'backlog' | 'passCredentials' | 'peerCredentials'>;
const hostState = (): SocketState => ({
  type: SOCK.STREAM,
  error: 0,
  backlog: undefined,
  passCredentials: false,
  peerCredentials: undefined,
});

function getsockopt(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const s: SocketState | number = hostSocket(t, a.i32(0)) === undefined ? socketAt(t, a.i32(0)) : hostState();
  if (typeof s === 'number') return s;
  const room = t.memory.readI32(a.n(4));
  if (room === undefined) return -ERRNO.EFAULT;
  const give = (...values: number[]): SyscallResult => {
    const bytes = new Uint8Array(Int32Array.from(values).buffer).subarray(0, Math.max(0, room));
    return t.memory.write(a.n(3), bytes) && t.memory.writeU32(a.n(4), bytes.length) ? 0 : -ERRNO.EFAULT;
  };
  if (a.i32(1) !== SOL_SOCKET) return -ERRNO.EOPNOTSUPP;
  switch (a.i32(2)) {
    case SO.TYPE:
      return give(s.type);
    case SO.DOMAIN:
      return give(AF.UNIX);
    case SO.ERROR: {
      const { error } = s;
      s.error = 0;
      return give(error);
    }
    case SO.SNDBUF:
    case SO.RCVBUF:
      return give(SOCKET_BUFFER);
    case SO.ACCEPTCONN:
      return give(s.backlog === undefined ? 0 : 1);
    case SO.PASSCRED:
      return give(s.passCredentials ? 1 : 0);
    case SO.PEERCRED:
      return give(s.peerCredentials?.pid ?? 0, s.peerCredentials?.uid ?? -1, s.peerCredentials?.gid ?? -1);
    case SO.PROTOCOL:
    case SO.REUSEADDR:
    case SO.KEEPALIVE:
    case SO.BROADCAST:
      return give(0);
    case SO.LINGER:
      return give(0, 0);
    case SO.RCVTIMEO:
    case SO.SNDTIMEO:
      return give(0, 0, 0, 0);
    default:
      k.unsupported(`getsockopt ${a.i32(2)}`);
      return -ERRNO.ENOPROTOOPT;
  }
}

function setsockopt(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const s = socketAt(t, a.i32(0));
  if (typeof s === 'number') return s;
  if (a.i32(1) !== SOL_SOCKET) return -ERRNO.EOPNOTSUPP;
  const value = t.memory.readI32(a.n(3));
  if (value === undefined) return -ERRNO.EFAULT;
  switch (a.i32(2)) {
    case SO.PASSCRED:
      s.passCredentials = value !== 0;
      return 0;
    case SO.REUSEADDR:
    case SO.REUSEPORT:
    case SO.KEEPALIVE:
    case SO.BROADCAST:
    case SO.LINGER:
    case SO.PRIORITY:
    case SO.SNDBUF:
    case SO.RCVBUF:
      return 0;
    default:
      k.unsupported(`setsockopt ${a.i32(2)}`);
      return -ERRNO.ENOPROTOOPT;
  }
}

const onSocket = (f: (t: Task, s: UnixSocket, a: SyscallArgs, k: Kernel) => SyscallResult) => (k: Kernel, t: Task, a: SyscallArgs) => {
  const s = socketAt(t, a.i32(0));
  return typeof s === 'number' ? s : f(t, s, a, k);
};

const orHost =
  (
    host: (k: Kernel, t: Task, file: FileDescription, a: SyscallArgs) => SyscallResult,
    own: (t: Task, s: UnixSocket, a: SyscallArgs, k: Kernel) => SyscallResult,
  ) =>
  (k: Kernel, t: Task, a: SyscallArgs): SyscallResult => {
    const file = hostSocket(t, a.i32(0));
    return file === undefined ? onSocket(own)(k, t, a) : host(k, t, file, a);
  };

const unnamed = (_k: Kernel, t: Task, _file: FileDescription, a: SyscallArgs): SyscallResult => writeAddress(t, a.n(1), a.n(2), '');

export const SOCKET_ROWS: readonly SyscallRow[] = [
  partial('socket', socket, 'AF_UNIX; no network, no netlink'),
  partial('socketpair', socketpair, 'AF_UNIX'),
  partial('bind', bind, 'names live in the model only, never on the host'),
  full(
    'listen',
    onSocket((_t, s, a) => s.listen(a.i32(1))),
  ),
  partial('connect', connect, 'never to a process outside the model: ECONNREFUSED'),
  full('accept', (_k, t, a) => accept(t, a, 0)),
  full('accept4', (_k, t, a) => accept(t, a, a.i32(3))),
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
  full('recvmsg', (_k, t, a) => recvmsg(t, a)),
  full(
    'getsockname',
    orHost(unnamed, (t, s, a) => writeAddress(t, a.n(1), a.n(2), s.address)),
  ),
  full(
    'getpeername',
    orHost(
      (_k, t, _file, a) => writeAddress(t, a.n(1), a.n(2), ''),
      (t, s, a) => (s.peerCredentials === undefined ? -ERRNO.ENOTCONN : writeAddress(t, a.n(1), a.n(2), s.peerAddress)),
    ),
  ),
  partial('getsockopt', getsockopt, 'SOL_SOCKET, the usual ones'),
  partial('setsockopt', setsockopt, 'SO_PASSCRED acts; sizes, linger and the like are accepted; no timeouts'),
];
