/** signalfd(2): pending signals of the thread that made it, and of its process, read as records. */
import { SIGNALFD_SIGINFO } from '#abi/epoll.ts';
import { ERRNO } from '#abi/errno.ts';
import { O } from '#abi/fs.ts';
import { POLL } from '#abi/poll.ts';
import { type TaskSignals, UNBLOCKABLE } from '../signal/task-signals.ts';
import { AnonymousNode } from './event-fd.ts';
import { FileDescription, type Transfer } from './file-description.ts';
import { waitFor } from './wait.ts';

export class SignalFd extends FileDescription {
  private readonly signals: TaskSignals;
  private mask: bigint;

  constructor(signals: TaskSignals, mask: bigint, flags: number) {
    super(new AnonymousNode('[signalfd]'), O.RDWR | (flags & O.NONBLOCK));
    this.signals = signals;
    this.mask = mask & ~UNBLOCKABLE;
  }
  setMask(mask: bigint): void {
    this.mask = mask & ~UNBLOCKABLE;
  }
  override read(into: Uint8Array): Transfer {
    const { size } = SIGNALFD_SIGINFO;
    if (into.length < size) return -ERRNO.EINVAL;
    let n = 0;
    while (n + size <= into.length) {
      const info = this.signals.take(this.mask);
      if (info === undefined) break;
      const value = info.value ?? 0n;
      const record = SIGNALFD_SIGINFO.encode({
        ssi_signo: info.signal,
        ssi_code: info.code,
        ssi_pid: info.pid ?? 0,
        ssi_uid: info.uid ?? 0,
        ssi_status: info.status ?? 0,
        ssi_int: Number(BigInt.asIntN(32, value)),
        ssi_ptr: value,
        ssi_addr: info.address ?? 0n,
      });
      into.set(record, n);
      n += size;
    }
    if (n > 0) return n;
    return this.nonBlocking ? -ERRNO.EAGAIN : waitFor('read from a signalfd', () => this.poll() !== 0);
  }
  override poll(): number {
    return (this.signals.pending & this.mask) !== 0n ? POLL.IN | POLL.RDNORM : 0;
  }
}
