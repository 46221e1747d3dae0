/** ioctl on sockets: what netdevice(7) tells of interfaces. */
import { ERRNO } from '#abi/errno.ts';
import { SIOC } from '#abi/netlink.ts';
import { AF } from '#abi/socket.ts';
import { LOOPBACK } from '../net/interface.ts';
import type { Task } from '../task/task.ts';

const NAME = 16;
const IFREQ = 40;

/** A sockaddr_in without a port. */
function inet(...ip: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes[0] = AF.INET;
  bytes.set(ip, 4);
  return bytes;
}
const ADDRESS = inet(127, 0, 0, 1);
const word = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

/** struct ifconf: every interface with an IPv4 address. */
function list(t: Task, va: number): number {
  const room = t.memory.readI32(va);
  const buffer = t.memory.readNumber(va + 8);
  if (room === undefined || buffer === undefined) return -ERRNO.EFAULT;
  const row = new Uint8Array(IFREQ);
  row.set(Uint8Array.from(LOOPBACK.name, (c) => c.charCodeAt(0)));
  row.set(ADDRESS, NAME);
  const fits = buffer === 0 || room >= IFREQ;
  if (buffer !== 0 && fits && !t.memory.write(buffer, row)) return -ERRNO.EFAULT;
  return t.memory.writeU32(va, fits ? IFREQ : 0) ? 0 : -ERRNO.EFAULT;
}

/** Undefined: not a request about interfaces. */
export function interfaceIoctl(t: Task, request: number, va: number): number | undefined {
  if (request === SIOC.GIFCONF) return list(t, va);
  if (request === SIOC.ATMARK) return t.memory.writeU32(va, 0) ? 0 : -ERRNO.EFAULT;
  const value = valueOf(request);
  if (value === undefined) return undefined;
  const bytes = t.memory.read(va, IFREQ);
  if (bytes === undefined) return -ERRNO.EFAULT;
  if (request === SIOC.GIFNAME) {
    const index = new DataView(bytes.buffer, bytes.byteOffset).getInt32(NAME, true);
    return index === LOOPBACK.index ? (t.memory.write(va, value) ? 0 : -ERRNO.EFAULT) : -ERRNO.ENODEV;
  }
  const end = bytes.indexOf(0);
  const name = String.fromCharCode(...bytes.subarray(0, end < 0 || end > NAME ? NAME : end));
  if (name !== LOOPBACK.name) return -ERRNO.ENODEV;
  return t.memory.write(va + NAME, value) ? 0 : -ERRNO.EFAULT;
}
function valueOf(request: number): Uint8Array | undefined {
  switch (request) {
    case SIOC.GIFNAME:
      return Uint8Array.from(`${LOOPBACK.name}\0`, (c) => c.charCodeAt(0));
    case SIOC.GIFFLAGS:
      return word(LOOPBACK.flags & 0xffff).subarray(0, 2);
    case SIOC.GIFADDR:
      return ADDRESS;
    case SIOC.GIFNETMASK:
      return inet(255, 0, 0, 0);
    case SIOC.GIFBRDADDR:
      return inet(0, 0, 0, 0);
    case SIOC.GIFMTU:
      return word(LOOPBACK.mtu);
    case SIOC.GIFINDEX:
      return word(LOOPBACK.index);
    case SIOC.GIFMETRIC:
      return word(0);
    case SIOC.GIFTXQLEN:
      return word(1000);
    case SIOC.GIFHWADDR: {
      const bytes = new Uint8Array(16);
      bytes.set([LOOPBACK.hardware & 0xff, LOOPBACK.hardware >> 8]);
      return bytes;
    }
    default:
      return undefined;
  }
}
