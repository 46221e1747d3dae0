/** /proc/net: the loopback's sockets and what a machine without other networks says (proc_net(5)). */
import { IFF } from '#abi/netlink.ts';
import { AF } from '#abi/socket.ts';
import { LOOPBACK } from '../net/interface.ts';
import { encodeAddress } from '../net/inet-address.ts';
import type { InetSocket } from '../net/inet-socket.ts';
import type { Ports } from '../net/ports.ts';

const STATE = { ESTABLISHED: 1, SYN_SENT: 2, CLOSE: 7, CLOSE_WAIT: 8, LISTEN: 10 } as const;

function stateOf(s: InetSocket): number {
  if (s.connectionless) return s.peerAddress === '' ? STATE.CLOSE : STATE.ESTABLISHED;
  if (s.backlog !== undefined) return STATE.LISTEN;
  if (s.peerCredentials === undefined) return s.peerAddress === '' ? STATE.CLOSE : STATE.SYN_SENT;
  return s.readClosed ? STATE.CLOSE_WAIT : STATE.ESTABLISHED;
}

const hex = (n: number, digits: number): string => n.toString(16).toUpperCase().padStart(digits, '0');

/** An address as the kernel prints it: words in the machine's byte order. */
function address(family: number, text: string): string {
  const bytes = encodeAddress(family, text);
  const v = new DataView(bytes.buffer);
  const words = family === AF.INET ? [4] : [8, 12, 16, 20];
  return `${words.map((at) => hex(v.getUint32(at, true), 8)).join('')}:${hex(v.getUint16(2, false), 4)}`;
}

/** tcp, tcp6, udp or udp6. */
export function sockets(ports: Ports, family: number, kind: 'tcp' | 'udp'): string {
  const width = family === AF.INET ? 8 : 32;
  const head =
    kind === 'tcp'
      ? `  sl  ${'local_address'.padEnd(width + 6)}${'rem_address'.padEnd(width + 4)}st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode`
      : `   sl  ${'local_address'.padEnd(width + 6)}${'rem_address'.padEnd(width + 4)}st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops`;
  const rows = ports
    .all()
    .filter((s) => s.family === family)
    .map((s, i) => {
      const stat = s.node.stat();
      const inode = typeof stat === 'number' ? 0 : stat.ino;
      const ends = `${address(family, s.address)} ${address(family, s.peerAddress)}`;
      const queues = `${hex(0, 8)}:${hex(s.backlog?.length ?? s.available(), 8)} 00:00000000 00000000`;
      const row = `${String(i).padStart(4)}: ${ends} ${hex(stateOf(s), 2)} ${queues} ${String(s.credentials.uid).padStart(5)}        0 ${inode}`;
      return `${kind === 'tcp' ? row : ` ${row}`} 2 0000000000000000 0\n`;
    });
  return `${head.trimEnd().padEnd(149)}\n${rows.join('')}`;
}

/** Traffic is not counted. */
export const dev = (): string =>
  'Inter-|   Receive                                                |  Transmit\n' +
  ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n' +
  `${LOOPBACK.name.padStart(6)}: ${Array.from({ length: 8 }, () => 0).join(' ')} ${Array.from({ length: 8 }, () => 0).join(' ')}\n`;

export const route = (): string => `${'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT'.padEnd(127)}\n`;

export const interfaceAddresses6 = (): string => `${'0'.repeat(31)}1 01 80 10 ${hex(IFF.LOOPBACK << 4, 2)}       ${LOOPBACK.name}\n`;
