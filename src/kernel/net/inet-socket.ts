/** TCP and UDP over the loopback: what programs see of them. No packets, no windows, no TIME_WAIT, no loss but of a full UDP queue. */
import { ERRNO } from '#abi/errno.ts';
import { POLL } from '#abi/poll.ts';
import { AF, SOCK } from '#abi/socket.ts';
import type { Wait } from '../syscalls/types.ts';
import type { Transfer } from '../vfs/file-description.ts';
import type { InodeTable } from '../vfs/inodes.ts';
import { type Message, type PeerCredentials, Socket } from '../vfs/socket.ts';
import { waitFor } from '../vfs/wait.ts';
import { ANY4, ANY6, endpoint, ipOf, isAny, portOf, route, sourceFor } from './inet-address.ts';
import type { Ports } from './ports.ts';

/** Largest payload of a UDP datagram over IPv4. */
const UDP_MAX = 65507;

/** A stream's way to its peer. `failed`: a connect that did not wait failed, and nobody has been told by connect yet. */
type Progress = 'none' | 'waits for room' | 'failed' | 'connected';

export class InetSocket extends Socket {
  /** AF_INET or AF_INET6. */
  override readonly family: number;
  protected override readonly unconnectedRead: number = -ERRNO.ENOTCONN;
  private readonly ports: Ports;
  reuseAddress = false;
  reusePort = false;
  v6only = false;
  /** SO_LINGER with time 0: close resets the connection. */
  resetsOnClose = false;
  /** Values of options that are kept and change nothing, by level and name. */
  readonly kept = new Map<string, number>();
  private progress: Progress = 'none';
  /** connect(2) has said that the connection stands. */
  private told = false;
  /** Sockets whose connection waits until the backlog has room. */
  private readonly knocking: InetSocket[] = [];

  constructor(inodes: InodeTable, ports: Ports, family: number, type: number, flags: number, credentials: PeerCredentials) {
    super(inodes, type, flags, credentials);
    this.ports = ports;
    this.family = family;
  }

  /** What bind(2) asked for with a port of its own; ''. One that the table chose goes with a disconnect. */
  private bound = '';

  /** bind(2): the port is the table's to give. */
  bindTo(ip: string, port: number): number {
    if (this.address !== '') return -ERRNO.EINVAL;
    const result = this.ports.bind(this, ip, port);
    if (result >= 0 && port !== 0) this.bound = this.address;
    return result;
  }
  /** A socket that sends or connects without a name gets one. */
  private autobind(ip: string): number {
    return this.address === '' ? this.ports.bind(this, ip, 0) : 0;
  }

  /** A port 0 is none (net/ipv4/af_inet.c inet_getname). */
  override get hasPeerName(): boolean {
    return super.hasPeerName && portOf(this.peerAddress) !== 0;
  }

  /** Its address for packets to `ip`. */
  private source(ip: string): string {
    return isAny(ipOf(this.address)) ? endpoint(sourceFor(ip), portOf(this.address)) : this.address;
  }
  /** Bound or not, a connected socket has one address. */
  private nameFor(ip: string): number {
    const named = this.autobind(sourceFor(ip));
    if (named === 0) this.ports.hold(this, this.source(ip));
    return named;
  }

  override listen(backlog: number): number {
    if (this.connectionless) return -ERRNO.EOPNOTSUPP;
    if (this.progress !== 'none') return -ERRNO.EINVAL;
    const named = this.autobind(this.anyAddress);
    if (named < 0) return named;
    const port = portOf(this.address);
    const taken = this.ports.at(port).some((s) => s !== this && s.backlog !== undefined && s.address === this.address && !s.reusePort);
    return taken ? -ERRNO.EADDRINUSE : super.listen(backlog);
  }
  private get anyAddress(): string {
    return this.family === AF.INET ? ANY4 : ANY6;
  }

  /** connect(2) of a stream. `target`: as the program gave it, the wildcard not resolved. */
  connect(target: string): Transfer {
    if (this.backlog !== undefined) return -ERRNO.EISCONN;
    switch (this.progress) {
      case 'connected':
        if (this.told) return -ERRNO.EISCONN;
        this.told = true;
        return 0;
      case 'failed': {
        const error = this.takeError();
        this.unconnect();
        return error === 0 ? -ERRNO.ECONNABORTED : error;
      }
      case 'waits for room':
        return this.nonBlocking ? -ERRNO.EALREADY : this.untilConnected();
      case 'none':
        break;
    }
    const ip = route(ipOf(target));
    if (ip === undefined) return -ERRNO.ENETUNREACH;
    const named = this.nameFor(ip);
    if (named < 0) return named;
    const address = endpoint(ip, portOf(target));
    this.peerAddress = address;
    const listener = this.ports.find(address, (s) => s.backlog !== undefined);
    if (listener === undefined) this.fail(ERRNO.ECONNREFUSED);
    else if (!listener.admits) {
      this.progress = 'waits for room';
      listener.knocking.push(this);
    } else this.establish(listener);
    // A socket that does not wait learns of the outcome later, even where it stands already (net/ipv4/af_inet.c).
    if (this.nonBlocking) return -ERRNO.EINPROGRESS;
    return listener !== undefined && this.peerCredentials === undefined ? this.untilConnected() : this.connect(target);
  }
  private untilConnected(): Wait {
    return waitFor('connect to a socket', () => this.progress !== 'waits for room');
  }
  private get admits(): boolean {
    return (this.backlog?.length ?? 0) <= this.backlogLimit;
  }
  private establish(listener: InetSocket): void {
    const served = new InetSocket(this.inodes, this.ports, listener.family, this.type, 0, listener.credentials);
    served.reuseAddress = listener.reuseAddress;
    for (const [name, value] of listener.kept) served.kept.set(name, value);
    this.ports.hold(served, this.peerAddress);
    served.peerAddress = this.address;
    served.progress = 'connected';
    served.told = true;
    this.progress = 'connected';
    Socket.pair(this, served);
    listener.backlog?.push(served);
    Socket.wake(listener);
  }
  private fail(errno: number): void {
    this.progress = 'failed';
    this.error = errno;
    this.readClosed = true;
    this.writeClosed = true;
    this.wake();
  }
  private unconnect(): void {
    this.progress = 'none';
    this.readClosed = false;
    this.writeClosed = false;
    this.peerAddress = '';
  }

  /** connect(2) of a datagram socket: a default receiver and the only sender; '' takes it back. */
  connectDatagram(target: string): number {
    if (target === '') {
      this.peerAddress = '';
      this.peerCredentials = undefined;
      // What connect(2) chose goes with it, so that the next one chooses anew (net/ipv4/udp.c udp_disconnect).
      this.ports.release(this);
      this.address = '';
      if (this.bound !== '') this.ports.hold(this, this.bound);
      return 0;
    }
    const ip = route(ipOf(target));
    if (ip === undefined) return -ERRNO.ENETUNREACH;
    const named = this.nameFor(ip);
    if (named < 0) return named;
    this.peerAddress = endpoint(ip, portOf(target));
    this.peerCredentials = this.credentials;
    return 0;
  }

  override accept(): Socket | number | Wait {
    const got = super.accept();
    if (got instanceof Socket) {
      const next = this.admits ? this.knocking.shift() : undefined;
      if (next !== undefined) next.establish(this);
    }
    return got;
  }

  override shutdown(read: boolean, write: boolean): number {
    if (this.backlog !== undefined && read) {
      this.stopListening();
      this.wake();
      return 0;
    }
    if (this.peerCredentials === undefined) return -ERRNO.ENOTCONN;
    if (read) this.readClosed = true;
    if (write) this.writeClosed = true;
    if (write && this.peer !== undefined) {
      this.peer.readClosed = true;
      Socket.wake(this.peer);
    }
    this.wake();
    return 0;
  }

  private stopListening(): void {
    for (const s of this.knocking.splice(0)) s.fail(ERRNO.ECONNREFUSED);
    for (const s of this.backlog?.splice(0) ?? []) {
      if (s instanceof InetSocket) s.resetsOnClose = true;
      s.release();
    }
    this.backlog = undefined;
  }

  protected override closed(): void {
    this.stopListening();
    super.closed();
    this.ports.release(this);
  }
  protected override get abortive(): boolean {
    return this.resetsOnClose || super.abortive;
  }
  /** The other end is gone for good: an RST came (net/ipv4/tcp_input.c tcp_reset). */
  private reset(): void {
    this.error = this.readClosed ? ERRNO.EPIPE : ERRNO.ECONNRESET;
    this.readClosed = true;
    this.writeClosed = true;
    this.wake();
  }
  protected override peerClosed(unread: boolean): void {
    if (unread) this.reset();
    else this.readClosed = true;
  }
  /** A stream whose peer has closed takes the first write; the answer to it is a reset. */
  protected override withoutPeer(length: number): Transfer {
    if (this.peerCredentials === undefined) return -ERRNO.EPIPE;
    this.reset();
    return length;
  }

  override send(message: Message, dontWait: boolean, to?: Socket): Transfer {
    return this.connectionless ? this.sendTo(message, '') : super.send(message, dontWait, to);
  }
  /** A datagram to `target`, or where the socket is connected. It never waits: a full queue loses it. */
  sendTo(message: Message, target: string): Transfer {
    if (this.error !== 0) return this.takeError();
    if (this.writeClosed) return -ERRNO.EPIPE;
    if (message.bytes.length > UDP_MAX) return -ERRNO.EMSGSIZE;
    let address = this.peerAddress;
    if (target !== '') {
      const ip = route(ipOf(target));
      if (ip === undefined) return -ERRNO.ENETUNREACH;
      address = endpoint(ip, portOf(target));
    }
    if (address === '') return -ERRNO.EDESTADDRREQ;
    const named = this.autobind(this.anyAddress);
    if (named < 0) return named;
    const from = this.source(ipOf(address));
    const own = (s: InetSocket): boolean => s.peerAddress === '' || s.peerAddress === from;
    const to = this.ports.find(address, (s) => s.peerAddress === from) ?? this.ports.find(address, own);
    if (to === undefined) {
      if (address === this.peerAddress) this.error = ERRNO.ECONNREFUSED; // port unreachable
      return message.bytes.length;
    }
    return to.hasRoom ? to.deliver({ ...message, from }) : message.bytes.length;
  }

  override poll(): number {
    if (this.progress === 'waits for room') return 0;
    // UDP can always be sent: what finds no room is lost
    return this.connectionless ? super.poll() | POLL.OUT | POLL.WRNORM : super.poll();
  }
}

/** What socket(2) takes for the internet families. */
export const isInetType = (type: number, protocol: number): boolean =>
  (type === SOCK.STREAM && (protocol === 0 || protocol === 6)) || (type === SOCK.DGRAM && (protocol === 0 || protocol === 17));
