/** getsockopt and setsockopt. */
import { ERRNO } from '#abi/errno.ts';
import { AF, IPPROTO, IPV6, SO, SOCK, SOCKET_BUFFER, SOL_SOCKET, TCP } from '#abi/socket.ts';
import { encodeUtf8 } from '#base/utf8.ts';
import type { Kernel } from '../kernel.ts';
import { InetSocket } from '../net/inet-socket.ts';
import type { Task } from '../task/task.ts';
import type { FileDescription } from '../vfs/file-description.ts';
import type { Socket } from '../vfs/socket.ts';
import type { SyscallArgs, SyscallResult } from './types.ts';

const SECOND = 1_000_000_000n;
/** Options that are kept, told again, and change nothing between two programs on one machine; their values before anybody set them. */
const KEPT: ReadonlyMap<string, number> = new Map([
  [`${SOL_SOCKET}:${SO.KEEPALIVE}`, 0],
  [`${SOL_SOCKET}:${SO.BROADCAST}`, 0],
  [`${SOL_SOCKET}:${SO.PRIORITY}`, 0],
  [`${SOL_SOCKET}:${SO.DONTROUTE}`, 0],
  [`${SOL_SOCKET}:${SO.OOBINLINE}`, 0],
  [`${SOL_SOCKET}:${SO.RCVLOWAT}`, 1],
  [`${SOL_SOCKET}:${SO.MARK}`, 0],
  [`${SOL_SOCKET}:${SO.INCOMING_CPU}`, 0],
  [`${IPPROTO.TCP}:${TCP.NODELAY}`, 0],
  [`${IPPROTO.TCP}:${TCP.MAXSEG}`, 536],
  [`${IPPROTO.TCP}:${TCP.CORK}`, 0],
  [`${IPPROTO.TCP}:${TCP.KEEPIDLE}`, 7200],
  [`${IPPROTO.TCP}:${TCP.KEEPINTVL}`, 75],
  [`${IPPROTO.TCP}:${TCP.KEEPCNT}`, 9],
  [`${IPPROTO.TCP}:${TCP.SYNCNT}`, 6],
  [`${IPPROTO.TCP}:${TCP.LINGER2}`, 60],
  [`${IPPROTO.TCP}:${TCP.DEFER_ACCEPT}`, 0],
  [`${IPPROTO.TCP}:${TCP.QUICKACK}`, 1],
  [`${IPPROTO.TCP}:${TCP.USER_TIMEOUT}`, 0],
  [`${IPPROTO.TCP}:${TCP.FASTOPEN}`, 0],
  [`${IPPROTO.TCP}:${TCP.NOTSENT_LOWAT}`, -1],
  // IP_TOS, IP_TTL, IP_PKTINFO, IP_MTU_DISCOVER, IP_RECVERR, IP_FREEBIND, IP_BIND_ADDRESS_NO_PORT, IP_MULTICAST_TTL, IP_MULTICAST_LOOP
  ...(
    [
      [1, 0],
      [2, 64],
      [10, 1],
      [11, 0],
      [15, 0],
      [24, 0],
      [33, 1],
      [34, 1],
    ] as const
  ).map(([name, value]): [string, number] => [`${IPPROTO.IP}:${name}`, value]),
  // IPV6_UNICAST_HOPS, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_LOOP, IPV6_MTU_DISCOVER, IPV6_RECVERR, IPV6_TCLASS
  ...(
    [
      [16, 64],
      [18, 1],
      [19, 1],
      [23, 1],
      [25, 0],
      [67, 0],
    ] as const
  ).map(([name, value]): [string, number] => [`${IPPROTO.IPV6}:${name}`, value]),
]);

/** What getsockopt asks of a socket; a host's gives constants. */
const hostState = (): Socket | HostState => ({
  family: AF.UNIX,
  type: SOCK.STREAM,
  error: 0,
  backlog: undefined,
  passCredentials: false,
  peerCredentials: undefined,
  receiveBuffer: SOCKET_BUFFER,
  sendBuffer: SOCKET_BUFFER,
  receiveTimeoutNs: 0n,
  sendTimeoutNs: 0n,
});
type HostState = Pick<
  Socket,
  'family' | 'type' | 'error' | 'passCredentials' | 'receiveBuffer' | 'sendBuffer' | 'receiveTimeoutNs' | 'sendTimeoutNs'
> & {
  readonly backlog: undefined;
  readonly peerCredentials: undefined;
};

export function getsockopt(k: Kernel, t: Task, a: SyscallArgs, file: Socket | FileDescription): SyscallResult {
  const s = 'peerCredentials' in file ? file : hostState();
  const room = t.memory.readI32(a.n(4));
  if (room === undefined) return -ERRNO.EFAULT;
  if (room < 0) return -ERRNO.EINVAL;
  const giveBytes = (all: Uint8Array): SyscallResult => {
    const bytes = all.subarray(0, room);
    return t.memory.write(a.n(3), bytes) && t.memory.writeU32(a.n(4), bytes.length) ? 0 : -ERRNO.EFAULT;
  };
  const give = (...values: number[]): SyscallResult => giveBytes(new Uint8Array(Int32Array.from(values).buffer));
  const time = (ns: bigint): SyscallResult => giveBytes(new Uint8Array(new BigInt64Array([ns / SECOND, (ns % SECOND) / 1000n]).buffer));
  const level = a.i32(1);
  const name = a.i32(2);
  const inet = s instanceof InetSocket ? s : undefined;
  if (level === SOL_SOCKET) {
    switch (name) {
      case SO.TYPE:
        return give(s.type);
      case SO.DOMAIN:
        return give(s.family);
      case SO.PROTOCOL:
        return give(inet === undefined ? 0 : s.type === SOCK.STREAM ? IPPROTO.TCP : IPPROTO.UDP);
      case SO.ERROR: {
        const { error } = s;
        s.error = 0;
        return give(error);
      }
      case SO.SNDBUF:
        return give(s.sendBuffer);
      case SO.RCVBUF:
        return give(s.receiveBuffer);
      case SO.ACCEPTCONN:
        return give(s.backlog === undefined ? 0 : 1);
      case SO.PASSCRED:
        return give(s.passCredentials ? 1 : 0);
      case SO.PEERCRED:
        if (inet !== undefined) return give(0, -1, -1);
        return give(s.peerCredentials?.pid ?? 0, s.peerCredentials?.uid ?? -1, s.peerCredentials?.gid ?? -1);
      case SO.REUSEADDR:
        return give(inet?.reuseAddress === true ? 1 : 0);
      case SO.REUSEPORT:
        return give(inet?.reusePort === true ? 1 : 0);
      case SO.LINGER:
        return give(inet?.resetsOnClose === true ? 1 : 0, 0);
      case SO.RCVTIMEO:
        return time(s.receiveTimeoutNs);
      case SO.SNDTIMEO:
        return time(s.sendTimeoutNs);
      default:
        break;
    }
  } else if (inet === undefined) return -ERRNO.EOPNOTSUPP;
  else if (level === IPPROTO.IPV6 && name === IPV6.V6ONLY) return give(inet.v6only ? 1 : 0);
  else if (level === IPPROTO.TCP && name === TCP.CONGESTION) return giveBytes(encodeUtf8('cubic'.padEnd(16, '\0')));
  else if (level === IPPROTO.TCP && name === TCP.INFO && s.type === SOCK.STREAM) return giveBytes(tcpInfo(inet));
  const key = `${level}:${name}`;
  const kept = inet?.kept.get(key) ?? KEPT.get(key);
  if (kept !== undefined) return give(kept);
  k.unsupported(`getsockopt level ${level} option ${name}`);
  return -ERRNO.ENOPROTOOPT;
}

/** struct tcp_info: the state (TCP_ESTABLISHED 1, CLOSE 7, CLOSE_WAIT 8, LISTEN 10) and the loopback's segment size; times and counts are not modelled and 0. */
function tcpInfo(s: InetSocket): Uint8Array {
  const info = new DataView(new ArrayBuffer(232));
  info.setUint8(0, s.backlog !== undefined ? 10 : s.peerCredentials === undefined ? 7 : s.readClosed ? 8 : 1);
  info.setUint32(16, 65483, true);
  info.setUint32(20, 65483, true);
  return new Uint8Array(info.buffer);
}

export function setsockopt(k: Kernel, t: Task, a: SyscallArgs, s: Socket): SyscallResult {
  const level = a.i32(1);
  const name = a.i32(2);
  const inet = s instanceof InetSocket ? s : undefined;
  if (level !== SOL_SOCKET && inet === undefined) return -ERRNO.EOPNOTSUPP;
  if (level === IPPROTO.TCP && name === TCP.CONGESTION) return 0;
  const value = a.i32(4) < 4 ? undefined : t.memory.readI32(a.n(3));
  if (value === undefined) return a.i32(4) < 4 ? -ERRNO.EINVAL : -ERRNO.EFAULT;
  const key = `${level}:${name}`;
  if (level === SOL_SOCKET) {
    switch (name) {
      case SO.PASSCRED:
        s.passCredentials = value !== 0;
        return 0;
      case SO.REUSEADDR:
        if (inet !== undefined) inet.reuseAddress = value !== 0;
        return 0;
      case SO.REUSEPORT:
        if (inet !== undefined) inet.reusePort = value !== 0;
        return 0;
      case SO.LINGER: {
        const seconds = t.memory.readI32(a.n(3) + 4);
        if (seconds === undefined || a.i32(4) < 8) return -ERRNO.EINVAL;
        if (inet !== undefined) inet.resetsOnClose = value !== 0 && seconds === 0;
        return 0;
      }
      case SO.SNDBUF:
      case SO.SNDBUFFORCE:
        s.sendBuffer = Math.max(4608, Math.min(value, SOCKET_BUFFER) * 2); // net/core/sock.c doubles it
        return 0;
      case SO.RCVBUF:
      case SO.RCVBUFFORCE:
        s.receiveBuffer = Math.max(2304, Math.min(value, SOCKET_BUFFER) * 2);
        return 0;
      case SO.RCVTIMEO:
      case SO.SNDTIMEO: {
        const bytes = a.i32(4) < 16 ? undefined : t.memory.read(a.n(3), 16);
        if (bytes === undefined) return -ERRNO.EINVAL;
        const [sec, usec] = new BigInt64Array(bytes.slice().buffer) as unknown as [bigint, bigint];
        if (usec < 0n || usec >= 1_000_000n) return -ERRNO.EDOM;
        const ns = sec < 0n ? 1n : sec * SECOND + usec * 1000n;
        if (name === SO.RCVTIMEO) s.receiveTimeoutNs = ns;
        else s.sendTimeoutNs = ns;
        return 0;
      }
      default:
        break;
    }
    if (KEPT.has(key)) {
      inet?.kept.set(key, value);
      return 0;
    }
  } else if (inet !== undefined) {
    if (level === IPPROTO.IPV6 && name === IPV6.V6ONLY) {
      if (inet.address !== '') return -ERRNO.EINVAL;
      inet.v6only = value !== 0;
      return 0;
    }
    if (KEPT.has(key)) {
      inet.kept.set(key, value);
      return 0;
    }
  }
  k.unsupported(`setsockopt level ${level} option ${name}`);
  return -ERRNO.ENOPROTOOPT;
}
