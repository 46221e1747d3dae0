/** pidfd_open(2): a descriptor that stands for a process and becomes readable when it ends. */
import { POLL } from '#abi/poll.ts';
import { O } from '#abi/fs.ts';
import type { Process } from '../task/process.ts';
import { AnonymousNode } from './event-fd.ts';
import { FileDescription } from './file-description.ts';

export class PidFd extends FileDescription {
  readonly process: Process;

  constructor(process: Process, flags: number) {
    super(new AnonymousNode('[pidfd]'), O.RDWR | (flags & O.NONBLOCK));
    this.process = process;
  }
  override poll(): number {
    return this.process.alive ? 0 : POLL.IN | POLL.RDNORM;
  }
  override get activity(): number {
    return this.process.alive ? 0 : 1;
  }
}
