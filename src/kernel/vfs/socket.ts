/** Sockets: what the families share. Both ends live in this kernel; nothing is sent outside. */
import { ERRNO } from '#abi/errno.ts';
import { O, S } from '#abi/fs.ts';
import { POLL } from '#abi/poll.ts';
import { SOCK, SOCKET_BUFFER } from '#abi/socket.ts';
import type { Wait } from '../syscalls/types.ts';
import { FileDescription, type Transfer } from './file-description.ts';
import type { InodeTable } from './inodes.ts';
import { type FileStat, Node } from './node.ts';
import { SOCKFS } from './stream.ts';
import { waitFor } from './wait.ts';

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface Message {
  bytes: Uint8Array;
  /** Descriptors that travel (SCM_RIGHTS), each with a reference of its own. */
  files: FileDescription[];
  readonly sender: PeerCredentials;
  /** Address of the sender: a path, `\0name`, or '' without one. */
  readonly from: string;
}

/** A socket's node: `socket:[7]`. */
class SocketNode extends Node {
  private readonly ino: number;
  private readonly madeNs: bigint;
  private readonly owner: { readonly uid: number; readonly gid: number };

  constructor(inodes: InodeTable, owner: { readonly uid: number; readonly gid: number }) {
    const ino = inodes.anonymous();
    super(SOCKFS, undefined, `socket:[${ino}]`);
    this.ino = ino;
    this.owner = owner;
    this.madeNs = inodes.now();
  }
  override type(): number {
    return S.IFSOCK;
  }
  override stat(): FileStat {
    const { uid, gid } = this.owner;
    const t = this.madeNs;
    const own = {
      dev: this.kind.device,
      ino: this.ino,
      mode: S.IFSOCK | 0o777,
      nlink: 1,
      uid,
      gid,
      rdev: 0,
      size: 0,
      blksize: 4096,
      blocks: 0,
    };
    return { ...own, atimeNs: t, mtimeNs: t, ctimeNs: t };
  }
  override open(): number {
    return -ERRNO.ENXIO;
  }
}

/** A socket of any family: connections, a queue of messages, what closing does. */
export abstract class Socket extends FileDescription {
  abstract readonly family: number;
  /** SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET. */
  readonly type: number;
  readonly credentials: PeerCredentials;
  protected readonly inodes: InodeTable;
  /** Own address as Message.from. */
  address = '';
  peer: Socket | undefined;
  /** Credentials of the peer when it connected or listened; undefined: never connected. */
  peerCredentials: PeerCredentials | undefined;
  peerAddress = '';
  /** getpeername(2) has an answer. */
  get hasPeerName(): boolean {
    return this.peerCredentials !== undefined;
  }
  /** Connections that nobody accepted yet; undefined: not listening. */
  backlog: Socket[] | undefined;
  protected backlogLimit = 0;
  protected readonly inbox: Message[] = [];
  private queued = 0;
  protected changes = 0;
  readClosed = false;
  writeClosed = false;
  passCredentials = false;
  /** SO_ERROR. */
  error = 0;
  /** SO_RCVTIMEO and SO_SNDTIMEO; 0n: for ever. */
  receiveTimeoutNs = 0n;
  sendTimeoutNs = 0n;
  /** SO_RCVBUF and SO_SNDBUF as they are told; what they would limit is not modelled. */
  receiveBuffer: number = SOCKET_BUFFER;
  sendBuffer: number = SOCKET_BUFFER;
  /** Told when the last descriptor is closed. */
  onClose: () => void = () => {};

  constructor(inodes: InodeTable, type: number, flags: number, credentials: PeerCredentials) {
    super(new SocketNode(inodes, credentials), O.RDWR | (flags & O.NONBLOCK));
    this.inodes = inodes;
    this.type = type;
    this.credentials = credentials;
  }

  get connectionless(): boolean {
    return this.type === SOCK.DGRAM;
  }
  override timeoutNs(writing: boolean): bigint {
    return writing ? this.sendTimeoutNs : this.receiveTimeoutNs;
  }

  /** Joins two sockets. */
  static pair(a: Socket, b: Socket): void {
    a.peer = b;
    b.peer = a;
    a.peerCredentials = b.credentials;
    b.peerCredentials = a.credentials;
    a.changes++;
    b.changes++;
  }

  listen(backlog: number): number {
    if (this.connectionless) return -ERRNO.EOPNOTSUPP;
    if (this.address === '' || this.peer !== undefined) return -ERRNO.EINVAL;
    this.backlog ??= [];
    this.backlogLimit = Math.max(0, Math.min(backlog, 4096));
    return 0;
  }

  /** A connection, with the reference that it was born with. */
  accept(): Socket | number | Wait {
    const { backlog } = this;
    if (this.connectionless) return -ERRNO.EOPNOTSUPP;
    if (backlog === undefined) return -ERRNO.EINVAL;
    const next = backlog.shift();
    if (next !== undefined) return next;
    return this.nonBlocking ? -ERRNO.EAGAIN : waitFor('accept', () => backlog.length > 0 || this.backlog !== backlog);
  }

  abstract shutdown(read: boolean, write: boolean): number;
  /** The last descriptor of the peer was closed; `abortive`: with bytes of ours in its queue. */
  protected abstract peerClosed(abortive: boolean): void;
  /** A send without a receiver. */
  protected abstract withoutPeer(length: number): Transfer;

  /** shutdown(2) or a reset of the other end: a sleeper must look again. */
  protected wake(): void {
    this.changes++;
  }
  /** For subclasses that wake a socket of their own kind. */
  protected static wake(s: Socket): void {
    s.changes++;
  }

  /** Closing now loses what the peer has sent: it is told. */
  protected get abortive(): boolean {
    return this.inbox.length > 0;
  }
  protected override closed(): void {
    this.onClose();
    for (const waiting of this.backlog?.splice(0) ?? []) waiting.release();
    this.backlog = undefined;
    const { peer } = this;
    if (peer?.peer === this) {
      peer.peer = undefined;
      peer.peerClosed(this.abortive);
      peer.changes++;
    }
    for (const m of this.inbox.splice(0)) for (const f of m.files) f.release();
  }

  protected takeError(): number {
    const { error } = this;
    this.error = 0;
    return -error;
  }

  /** Sends one message to `to` (the peer unless told). `dontWait`: MSG_DONTWAIT. The message's files are taken over at success only. */
  send(message: Message, dontWait: boolean, to: Socket | undefined = this.peer): Transfer {
    if (this.error !== 0) return this.takeError();
    if (this.writeClosed) return -ERRNO.EPIPE;
    if (to === undefined) return this.withoutPeer(message.bytes.length);
    if (!to.isOpen) return -ERRNO.ECONNREFUSED;
    if (to.readClosed && !this.connectionless) return -ERRNO.EPIPE;
    if (this.type !== SOCK.STREAM && message.bytes.length > SOCKET_BUFFER - 32) return -ERRNO.EMSGSIZE;
    if (this.type === SOCK.STREAM && message.bytes.length === 0) return 0;
    if (!to.hasRoom) {
      if (dontWait || this.nonBlocking) return -ERRNO.EAGAIN;
      return waitFor('write to a socket', () => to.hasRoom || this.writeClosed || to.readClosed || !to.isOpen);
    }
    return to.deliver(message);
  }
  /** Puts a message into the queue. */
  protected deliver(message: Message): number {
    this.inbox.push(message);
    this.queued += message.bytes.length;
    this.changes++;
    return message.bytes.length;
  }
  /** A write that begins while there is room is taken whole: what a program can see of the limit is when it waits. */
  protected get hasRoom(): boolean {
    return this.queued < SOCKET_BUFFER;
  }

  /** What recv of a stream that was never connected says. */
  protected abstract readonly unconnectedRead: number;
  /** The next message, or undefined at the end; a Wait or -errno. It stays in the queue: `consume` takes of it. */
  next(dontWait: boolean): Message | undefined | number | Wait {
    const [first] = this.inbox;
    if (first !== undefined) return first;
    if (this.error !== 0) return this.takeError();
    if (this.readClosed) return undefined;
    if (!this.connectionless && this.peer === undefined) return this.peerCredentials === undefined ? this.unconnectedRead : undefined;
    if (dontWait || this.nonBlocking) return -ERRNO.EAGAIN;
    return waitFor('read from a socket', () => this.inbox.length > 0 || this.readClosed || this.error !== 0);
  }
  /** Takes `count` bytes of the first message out; a packet goes whole. */
  consume(count: number): void {
    const [first] = this.inbox;
    if (first === undefined) return;
    if (this.type === SOCK.STREAM && count < first.bytes.length) {
      first.bytes = first.bytes.subarray(count);
      first.files = [];
      this.queued -= count;
    } else {
      this.inbox.shift();
      this.queued -= first.bytes.length;
    }
    this.changes++;
    if (this.peer !== undefined) this.peer.changes++;
  }

  /** Bytes into `into`, for read(2): descriptors that come along are closed. */
  override read(into: Uint8Array): Transfer {
    return this.receive(into, false, false, (files) => {
      for (const f of files) f.release();
    });
  }
  /** A stream gives what there is across messages, up to one that carries descriptors. */
  receive(into: Uint8Array, dontWait: boolean, peek: boolean, take: (files: FileDescription[], message: Message) => void): Transfer {
    const first = this.next(dontWait);
    if (first === undefined) return 0;
    if (typeof first === 'number' || 'kind' in first) return first;
    if (peek) {
      into.set(first.bytes.subarray(0, into.length));
      return Math.min(into.length, first.bytes.length);
    }
    let n = 0;
    for (let message: Message | undefined = first; message !== undefined; [message] = this.inbox) {
      if (n > 0 && (this.type !== SOCK.STREAM || message.files.length > 0)) break;
      const count = Math.min(into.length - n, message.bytes.length);
      into.set(message.bytes.subarray(0, count), n);
      n += count;
      take(message.files, message);
      this.consume(count);
      if (this.type !== SOCK.STREAM || n === into.length) break;
    }
    return n;
  }
  override write(from: Uint8Array): Transfer {
    return this.send({ bytes: from.slice(), files: [], sender: this.credentials, from: this.address }, false);
  }
  override get readsOnce(): boolean {
    return true;
  }
  override available(): number {
    return this.type === SOCK.STREAM ? this.queued : (this.inbox[0]?.bytes.length ?? 0);
  }
  override get activity(): number {
    return this.changes;
  }
  override poll(): number {
    let events = 0;
    if (this.inbox.length > 0 || (this.backlog?.length ?? 0) > 0 || this.readClosed) events |= POLL.IN | POLL.RDNORM;
    if (this.readClosed) events |= POLL.RDHUP;
    if (this.readClosed && this.writeClosed) events |= POLL.HUP;
    if (this.error !== 0) events |= POLL.ERR;
    if (this.backlog !== undefined) return events;
    if (!this.connectionless && this.peerCredentials === undefined) return events | POLL.OUT | POLL.WRNORM | POLL.HUP;
    if (this.peer === undefined || this.writeClosed || this.peer.hasRoom) events |= POLL.OUT | POLL.WRNORM;
    return events;
  }
}
