/** AF_UNIX sockets (unix(7)). */
import { ERRNO } from '#abi/errno.ts';
import { S } from '#abi/fs.ts';
import { AF, MAX_DGRAMS } from '#abi/socket.ts';
import { NamedNode } from './fifo.ts';
import type { Transfer } from './file-description.ts';
import { Socket } from './socket.ts';
import { waitFor } from './wait.ts';

/** The name that bind made in the tree. */
export class BoundName extends NamedNode {
  socket: UnixSocket | undefined;

  override type(): number {
    return S.IFSOCK;
  }
  override open(): number {
    return -ERRNO.ENXIO;
  }
}

export class UnixSocket extends Socket {
  override readonly family: number = AF.UNIX;
  protected override readonly unconnectedRead: number = -ERRNO.EINVAL;

  /** connect(2) of a stream or seqpacket socket to a listening one. */
  connect(to: UnixSocket): Transfer {
    if (this.peer !== undefined || this.peerCredentials !== undefined) return -ERRNO.EISCONN;
    if (this.backlog !== undefined) return -ERRNO.EINVAL;
    const { backlog } = to;
    if (to.type !== this.type) return -ERRNO.EPROTOTYPE;
    if (backlog === undefined || !to.isOpen) return -ERRNO.ECONNREFUSED;
    if (backlog.length > to.backlogLimit) {
      return this.nonBlocking ? -ERRNO.EAGAIN : waitFor('connect to a socket', () => backlog.length <= to.backlogLimit || !to.isOpen);
    }
    const served = new UnixSocket(this.inodes, this.type, 0, to.credentials);
    served.address = to.address;
    Socket.pair(this, served);
    this.peerAddress = to.address;
    served.peerAddress = this.address;
    backlog.push(served);
    Socket.wake(to);
    return 0;
  }

  override shutdown(read: boolean, write: boolean): number {
    if (this.peerCredentials === undefined) return -ERRNO.ENOTCONN;
    if (read) this.readClosed = true;
    if (write) this.writeClosed = true;
    if (this.peer !== undefined && !this.connectionless) {
      if (read) this.peer.writeClosed = true;
      if (write) this.peer.readClosed = true;
      Socket.wake(this.peer);
    }
    this.wake();
    return 0;
  }

  protected override peerClosed(unread: boolean): void {
    if (this.connectionless) return;
    if (unread) this.error = ERRNO.ECONNRESET;
    this.readClosed = true;
    this.writeClosed = true;
  }
  protected override withoutPeer(): Transfer {
    if (this.peerCredentials === undefined) return -ERRNO.ENOTCONN;
    return this.connectionless ? -ERRNO.ECONNREFUSED : -ERRNO.EPIPE;
  }
  protected override get hasRoom(): boolean {
    return super.hasRoom && (!this.connectionless || this.inbox.length <= MAX_DGRAMS);
  }
}
