/** timerfd: a timer that is read. The timer itself is the kernel's (time/timers.ts). */
import { ERRNO } from '#abi/errno.ts';
import { O } from '#abi/fs.ts';
import { POLL } from '#abi/poll.ts';
import type { KernelTimer } from '../time/timers.ts';
import { AnonymousNode } from './event-fd.ts';
import { FileDescription, type Transfer } from './file-description.ts';
import { waitFor } from './wait.ts';

export class TimerFd extends FileDescription {
  readonly timer: KernelTimer;
  private readonly remove: () => void;

  constructor(timer: KernelTimer, flags: number, remove: () => void) {
    super(new AnonymousNode('[timerfd]'), O.RDWR | (flags & O.NONBLOCK));
    this.timer = timer;
    this.remove = remove;
  }
  protected override closed(): void {
    this.remove();
  }
  override read(into: Uint8Array): Transfer {
    if (into.length < 8) return -ERRNO.EINVAL;
    const { timer } = this;
    timer.advance();
    if (timer.expirations === 0n) return this.nonBlocking ? -ERRNO.EAGAIN : waitFor('read from a timerfd', () => this.poll() !== 0);
    new DataView(into.buffer, into.byteOffset).setBigUint64(0, timer.expirations, true);
    timer.expirations = 0n;
    return 8;
  }
  override write(): Transfer {
    return -ERRNO.EINVAL;
  }
  override get activity(): number {
    return Number(this.timer.total);
  }
  override poll(): number {
    this.timer.advance();
    return this.timer.expirations > 0n ? POLL.IN | POLL.RDNORM : 0;
  }
}
