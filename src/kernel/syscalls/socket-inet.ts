/** AF_INET and AF_INET6: TCP and UDP between programs of the model, over a loopback. Every other address has no route. */
import { ERRNO } from '#abi/errno.ts';
import { AF, SOCK } from '#abi/socket.ts';
import type { Kernel } from '../kernel.ts';
import { ANY4, ANY6, decodeAddress, encodeAddress, endpoint, ipOf, isIPv4, isOwn, portOf } from '../net/inet-address.ts';
import { InetSocket, isInetType } from '../net/inet-socket.ts';
import type { Task } from '../task/task.ts';
import { type SocketFamily, credentialsOf } from './socket-family.ts';
import type { SyscallResult } from './types.ts';

/** net.ipv4.ip_unprivileged_port_start */
const FIRST_UNPRIVILEGED = 1024;

const make =
  (family: number) =>
  (k: Kernel, t: Task, type: number, protocol: number, flags: number): InetSocket | number => {
    if (type === SOCK.RAW) {
      k.unsupported('raw sockets');
      return -ERRNO.EPERM;
    }
    if (!isInetType(type, protocol)) {
      k.unsupported(`internet sockets of type ${type}, protocol ${protocol}`);
      return type === SOCK.STREAM || type === SOCK.DGRAM ? -ERRNO.EPROTONOSUPPORT : -ERRNO.ESOCKTNOSUPPORT;
    }
    return new InetSocket(k.vfs.inodes, type === SOCK.STREAM ? k.net.tcp : k.net.udp, family, type, flags, credentialsOf(t));
  };

/** '' is AF_UNSPEC: connect takes a datagram socket's peer back. */
function readAddress(t: Task, va: number, length: number): string | number {
  if (length < 2) return -ERRNO.EINVAL;
  const bytes = t.memory.read(va, Math.min(length, 128));
  if (bytes === undefined) return -ERRNO.EFAULT;
  const family = (bytes[0] as number) | ((bytes[1] as number) << 8);
  if (family === AF.UNSPEC) return '';
  if (family !== AF.INET && family !== AF.INET6) return -ERRNO.EAFNOSUPPORT;
  return decodeAddress(bytes) ?? -ERRNO.EINVAL;
}

/** Whether a socket can have to do with the address at all. */
function suits(s: InetSocket, ip: string): number {
  if (s.family === AF.INET) return isIPv4(ip) ? 0 : -ERRNO.EAFNOSUPPORT;
  return isIPv4(ip) && s.v6only ? -ERRNO.ENETUNREACH : 0;
}

function bind(_k: Kernel, t: Task, s: InetSocket, address: string): SyscallResult {
  const wildcard = s.family === AF.INET ? ANY4 : ANY6;
  const ip = address === '' ? wildcard : ipOf(address);
  const port = address === '' ? 0 : portOf(address);
  const unsuited = suits(s, ip);
  if (unsuited < 0) return unsuited === -ERRNO.ENETUNREACH ? -ERRNO.EINVAL : unsuited;
  if (ip !== ANY4 && ip !== ANY6 && !isOwn(ip)) return -ERRNO.EADDRNOTAVAIL;
  if (port > 0 && port < FIRST_UNPRIVILEGED && t.credentials.euid !== 0) return -ERRNO.EACCES;
  return s.bindTo(ip, port);
}

function connect(k: Kernel, _t: Task, s: InetSocket, address: string): SyscallResult {
  if (address === '') return s.connectionless ? s.connectDatagram('') : -ERRNO.EAFNOSUPPORT;
  const unsuited = suits(s, ipOf(address));
  if (unsuited < 0) return unsuited;
  if (s.connectionless && portOf(address) === 0) return s.connectDatagram(endpoint(ipOf(address), 0));
  const result = s.connectionless ? s.connectDatagram(address) : s.connect(address);
  if (result === -ERRNO.ENETUNREACH) k.unsupported('a network other than the loopback');
  return result;
}

const family = (of: number): SocketFamily<InetSocket> => ({
  make: make(of),
  readAddress,
  addressBytes: (s, address) => encodeAddress(s.family, address),
  bind,
  connect,
  send: (_k, _t, s, message, dontWait, to) => {
    if (!s.connectionless || to === undefined) return s.send(message, dontWait);
    if (to === '') return s.sendTo(message, '');
    const unsuited = suits(s, ipOf(to));
    return unsuited < 0 ? unsuited : s.sendTo(message, to);
  },
  tellsSender: (s) => s.connectionless,
});
export const INET: SocketFamily<InetSocket> = family(AF.INET);
export const INET6: SocketFamily<InetSocket> = family(AF.INET6);
