/** Who holds which port of the loopback network. One table each for TCP and UDP. */
import { ERRNO } from '#abi/errno.ts';
import { endpoint, ipOf, isAny, isIPv4, ANY4, ANY6, portOf } from './inet-address.ts';
import type { InetSocket } from './inet-socket.ts';

/** net.ipv4.ip_local_port_range. */
const FIRST_EPHEMERAL = 32768;
const LAST_EPHEMERAL = 60999;

export class Ports {
  private readonly bound = new Map<number, InetSocket[]>();
  private next = FIRST_EPHEMERAL;

  at(port: number): readonly InetSocket[] {
    return this.bound.get(port) ?? [];
  }
  /** Every socket that has a port. */
  all(): InetSocket[] {
    return [...this.bound.values()].flat();
  }

  /** Gives `s` the address; port 0: a free one. 0 or -errno. */
  bind(s: InetSocket, ip: string, wanted: number): number {
    let port = wanted;
    if (port === 0) {
      const free = this.free();
      if (free === undefined) return -ERRNO.EADDRINUSE;
      port = free;
    } else if (this.at(port).some((other) => conflicts(s, ip, other))) return -ERRNO.EADDRINUSE;
    this.hold(s, endpoint(ip, port));
    return 0;
  }
  /** `s` has `address` from now on, whoever else has it: an accepted connection is at its listener's port. */
  hold(s: InetSocket, address: string): void {
    this.release(s);
    s.address = address;
    const port = portOf(address);
    const list = this.bound.get(port);
    if (list === undefined) this.bound.set(port, [s]);
    else list.push(s);
  }
  release(s: InetSocket): void {
    if (s.address === '') return;
    const port = portOf(s.address);
    const list = this.bound.get(port);
    const i = list?.indexOf(s) ?? -1;
    if (list === undefined || i < 0) return;
    list.splice(i, 1);
    if (list.length === 0) this.bound.delete(port);
  }

  /** Linux draws ephemeral ports; here they come in order, so that a run repeats. */
  private free(): number | undefined {
    for (let n = FIRST_EPHEMERAL; n <= LAST_EPHEMERAL; n++) {
      const port = this.next;
      this.next = port === LAST_EPHEMERAL ? FIRST_EPHEMERAL : port + 1;
      if (!this.bound.has(port)) return port;
    }
    return undefined;
  }

  /** The socket that `accepts`, at the most exact address: its own, the family's wildcard, the other family's. */
  find(address: string, accepts: (s: InetSocket) => boolean): InetSocket | undefined {
    const ip = ipOf(address);
    const candidates = this.at(portOf(address)).filter(accepts);
    const having = (own: string): InetSocket | undefined => candidates.find((s) => ipOf(s.address) === own);
    if (!isIPv4(ip)) return having(ip) ?? having(ANY6);
    return having(ip) ?? having(ANY4) ?? candidates.find((s) => ipOf(s.address) === ANY6 && !s.v6only);
  }
}

/** Whether `s` at `ip` cannot share the port with `other` (net/ipv4/inet_connection_sock.c). */
function conflicts(s: InetSocket, ip: string, other: InetSocket): boolean {
  const theirs = ipOf(other.address);
  if (!overlap(ip, s.v6only, theirs, other.v6only)) return false;
  if (s.reusePort && other.reusePort && s.credentials.uid === other.credentials.uid) return false;
  return !(s.reuseAddress && other.reuseAddress && other.backlog === undefined);
}
function overlap(a: string, aOnly: boolean, b: string, bOnly: boolean): boolean {
  if (a === b) return true;
  if (isIPv4(a) === isIPv4(b)) return isAny(a) || isAny(b);
  // an IPv6 wildcard takes IPv4 too, unless told not to
  return (a === ANY6 && !aOnly) || (b === ANY6 && !bOnly);
}
