/** AF_NETLINK: the route family, read only. */
import { ERRNO } from '#abi/errno.ts';
import { AF, SOCK } from '#abi/socket.ts';
import type { Kernel } from '../kernel.ts';
import { NetlinkSocket } from '../net/netlink.ts';
import type { Task } from '../task/task.ts';
import { type SocketFamily, credentialsOf } from './socket-family.ts';

const NETLINK_ROUTE = 0;
const SIZE = 12;

/** Each socket has a number of its own, the process id where that is free (net/netlink/af_netlink.c netlink_autobind). */
const numbers = new WeakMap<Kernel, Set<number>>();
function autobind(k: Kernel, t: Task, s: NetlinkSocket): void {
  if (s.address !== '') return;
  const taken = numbers.get(k) ?? new Set();
  numbers.set(k, taken);
  let n: number = t.tgid;
  for (let other = 0xffff_f000; taken.has(n); other--) n = other;
  taken.add(n);
  s.address = String(n);
  s.onClose = () => taken.delete(n);
}

export const NETLINK: SocketFamily<NetlinkSocket> = {
  make: (k, t, type, protocol, flags) => {
    if (type !== SOCK.RAW && type !== SOCK.DGRAM) return -ERRNO.ESOCKTNOSUPPORT;
    if (protocol !== NETLINK_ROUTE) {
      k.unsupported(`netlink protocol ${protocol}`);
      return -ERRNO.EPROTONOSUPPORT;
    }
    return new NetlinkSocket(k.vfs.inodes, type, flags, credentialsOf(t));
  },
  /** struct sockaddr_nl: the number; groups are joined and nothing ever happens in them. */
  readAddress: (t, va, length) => {
    if (length < SIZE) return -ERRNO.EINVAL;
    const bytes = t.memory.read(va, SIZE);
    if (bytes === undefined) return -ERRNO.EFAULT;
    const v = new DataView(bytes.buffer, bytes.byteOffset);
    return v.getUint16(0, true) === AF.NETLINK ? String(v.getUint32(4, true)) : -ERRNO.EINVAL;
  },
  addressBytes: (_s, address) => {
    const v = new DataView(new ArrayBuffer(SIZE));
    v.setUint16(0, AF.NETLINK, true);
    v.setUint32(4, Number(address), true);
    return new Uint8Array(v.buffer);
  },
  bind: (k, t, s, address) => {
    if (address === '0') autobind(k, t, s);
    else if (s.address !== '' && s.address !== address) return -ERRNO.EINVAL;
    else s.address = address;
    return 0;
  },
  connect: (k, t, s) => {
    autobind(k, t, s);
    return 0;
  },
  send: (k, t, s, message, _dontWait, to) => {
    if (to !== undefined && to !== '0') return -ERRNO.ECONNREFUSED;
    autobind(k, t, s);
    return s.send(message);
  },
  tellsSender: () => true,
};
