/** AF_UNIX: names in the tree of files, and names outside it (`\0name`). They live in the model only, never on the host. */
import { ERRNO } from '#abi/errno.ts';
import { ACCESS } from '#abi/fs.ts';
import { AF, SOCK, UNIX_PATH_MAX } from '#abi/socket.ts';
import { decodeUtf8, encodeUtf8 } from '#base/utf8.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import type { Transfer } from '../vfs/file-description.ts';
import { callerOf, permission } from '../vfs/permission.ts';
import type { Message } from '../vfs/socket.ts';
import { makeNamed } from '../vfs/tree-ops.ts';
import { BoundName, UnixSocket } from '../vfs/unix-socket.ts';
import { find } from '../vfs/walk.ts';
import { type SocketFamily, credentialsOf } from './socket-family.ts';
import { ownerOf } from './sys-file-common.ts';
import type { SyscallResult } from './types.ts';

/** Sockets with a name outside the tree, by kernel. */
const ABSTRACT = new WeakMap<Kernel, Map<string, UnixSocket>>();
function abstractOf(k: Kernel): Map<string, UnixSocket> {
  let names = ABSTRACT.get(k);
  if (names === undefined) {
    names = new Map();
    ABSTRACT.set(k, names);
  }
  return names;
}

function make(k: Kernel, t: Task, type: number, protocol: number, flags: number): UnixSocket | number {
  if (protocol !== 0 && protocol !== AF.UNIX) return -ERRNO.EPROTONOSUPPORT;
  if (type !== SOCK.STREAM && type !== SOCK.DGRAM && type !== SOCK.SEQPACKET) return -ERRNO.ESOCKTNOSUPPORT;
  return new UnixSocket(k.vfs.inodes, type, flags, credentialsOf(t));
}

/** A sockaddr_un: a path, `\0name`, '' for an address without a name. */
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

function addressBytes(_s: UnixSocket, address: string): Uint8Array {
  const name = encodeUtf8(address);
  const length = address === '' ? 2 : 2 + name.length + (name[0] === 0 ? 0 : 1);
  const bytes = new Uint8Array(length);
  bytes[0] = AF.UNIX;
  bytes.set(name, 2);
  return bytes;
}

function bind(k: Kernel, t: Task, s: UnixSocket, wanted: string): SyscallResult {
  if (s.address !== '') return -ERRNO.EINVAL;
  const names = abstractOf(k);
  let address = wanted;
  if (address === '') {
    let n = 0;
    while (names.has(`\0${n.toString(16).padStart(5, '0')}`)) n++;
    address = `\0${n.toString(16).padStart(5, '0')}`; // autobind, unix(7)
  }
  if (address.startsWith('\0')) {
    if (names.has(address)) return -ERRNO.EADDRINUSE;
    names.set(address, s);
    s.onClose = () => names.delete(address);
  } else {
    const owner = ownerOf(t);
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
  const denied = permission(callerOf(t), node, ACCESS.W);
  if (denied < 0) return denied;
  // A socket of the host's is there, but who listens is outside the model.
  return node instanceof BoundName && node.socket?.isOpen === true ? node.socket : -ERRNO.ECONNREFUSED;
}

function connect(k: Kernel, t: Task, s: UnixSocket, address: string): SyscallResult {
  const to = lookUp(k, t, address);
  if (typeof to === 'number') return to;
  if (!s.connectionless) return s.connect(to);
  if (to.type !== s.type) return -ERRNO.EPROTOTYPE;
  s.peer = to;
  s.peerCredentials = to.credentials;
  s.peerAddress = to.address;
  return 0;
}

function send(k: Kernel, t: Task, s: UnixSocket, message: Message, dontWait: boolean, address: string | undefined): Transfer {
  if (address === undefined || !s.connectionless) return s.send(message, dontWait);
  const to = lookUp(k, t, address);
  if (typeof to === 'number') return to;
  return to.type === s.type ? s.send(message, dontWait, to) : -ERRNO.EPROTOTYPE;
}

export const UNIX: SocketFamily<UnixSocket> = {
  make,
  readAddress,
  addressBytes,
  bind,
  connect,
  send,
  tellsSender: (s) => s.connectionless,
};
