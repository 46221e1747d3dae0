/** epoll(7): a set of files that are waited for together. What is ready is asked of the files; edges by their activity counters. */
import { EPOLL } from '#abi/epoll.ts';
import { ERRNO } from '#abi/errno.ts';
import { O } from '#abi/fs.ts';
import { POLL } from '#abi/poll.ts';
import { AnonymousNode } from './event-fd.ts';
import { FileDescription } from './file-description.ts';

interface Entry {
  readonly fd: number;
  readonly file: FileDescription;
  events: number;
  data: bigint;
  /** Edge-triggered: what was reported, and the file's activity then. */
  seen: number;
  activity: number;
}

const ALWAYS = POLL.ERR | POLL.HUP;
/** fs/eventpoll.c EP_MAX_NESTS: an epoll may watch an epoll, four times over. */
const MAX_NESTS = 4;

export class Epoll extends FileDescription {
  /** In the order in which they are reported: what was reported goes to the end. */
  private entries: Entry[] = [];

  constructor(flags: number) {
    super(new AnonymousNode('[eventpoll]'), O.RDWR | (flags & O.NONBLOCK));
  }

  private find(fd: number, file: FileDescription): Entry | undefined {
    return this.entries.find((e) => e.fd === fd && e.file === file);
  }
  private depth(): number {
    let deepest = 0;
    for (const { file } of this.entries) if (file instanceof Epoll) deepest = Math.max(deepest, file.depth());
    return deepest + 1;
  }
  private reaches(other: Epoll): boolean {
    return this === other || this.entries.some(({ file }) => file instanceof Epoll && file.reaches(other));
  }

  add(fd: number, file: FileDescription, events: number, data: bigint): number {
    if (this.find(fd, file) !== undefined) return -ERRNO.EEXIST;
    if (file instanceof Epoll && (file.reaches(this) || file.depth() > MAX_NESTS)) return -ERRNO.ELOOP;
    this.entries.push({ fd, file, events, data, seen: 0, activity: -1 });
    return 0;
  }
  modify(fd: number, file: FileDescription, events: number, data: bigint): number {
    const entry = this.find(fd, file);
    if (entry === undefined) return -ERRNO.ENOENT;
    Object.assign(entry, { events, data, seen: 0, activity: -1 });
    return 0;
  }
  remove(fd: number, file: FileDescription): number {
    const entry = this.find(fd, file);
    if (entry === undefined) return -ERRNO.ENOENT;
    this.entries.splice(this.entries.indexOf(entry), 1);
    return 0;
  }

  private happened(entry: Entry): number {
    const asked = entry.events & 0xffff;
    if (!entry.file.isOpen || (entry.events & ~(EPOLL.ET | EPOLL.EXCLUSIVE | EPOLL.WAKEUP)) === 0) return 0;
    const now = entry.file.poll() & (asked | ALWAYS);
    if ((entry.events & EPOLL.ET) === 0) return now;
    return (now & ~entry.seen) !== 0 || entry.file.activity !== entry.activity ? now : 0;
  }
  /** Something would be reported now. */
  ready(): boolean {
    return this.entries.some((e) => this.happened(e) !== 0);
  }
  override poll(): number {
    return this.ready() ? POLL.IN | POLL.RDNORM : 0;
  }

  /** At most `max` events; each is reported as its flags say (once, at edges, as long as it holds). */
  take(max: number): { readonly events: number; readonly data: bigint }[] {
    this.entries = this.entries.filter((e) => e.file.isOpen); // closing the last descriptor of a file takes it out
    const out: { readonly events: number; readonly data: bigint }[] = [];
    for (const entry of [...this.entries]) {
      if (out.length === max) break;
      const events = this.happened(entry);
      if ((entry.events & EPOLL.ET) !== 0) {
        entry.seen = entry.file.poll() & ((entry.events & 0xffff) | ALWAYS);
        entry.activity = entry.file.activity;
      }
      if (events === 0) continue;
      entry.file.polled();
      out.push({ events, data: entry.data });
      if ((entry.events & EPOLL.ONESHOT) !== 0) entry.events = 0;
      this.entries.push(...this.entries.splice(this.entries.indexOf(entry), 1));
    }
    return out;
  }
}
