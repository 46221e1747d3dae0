/**
 * An event as a file: what perf_event_open returns. read, poll, mmap, and the end of the event with its last descriptor and mapping.
 * kernel/events/core.c perf_fops. ioctl is in ioctl.ts.
 */
import { ERRNO } from '#abi/errno.ts';
import { O } from '#abi/fs.ts';
import { PROT } from '#abi/mman.ts';
import { POLL } from '#abi/poll.ts';
import type { Kernel } from '../../kernel.ts';
import { PAGE } from '../../mm/frames.ts';
import type { PageSource } from '../../mm/page-source.ts';
import type { SyscallResult } from '../../syscalls/types.ts';
import type { Task } from '../../task/task.ts';
import { AnonymousNode, ANON_INODEFS, ANON_INO } from '../../vfs/event-fd.ts';
import { FileDescription, type MappingRequest } from '../../vfs/file-description.ts';
import { attrFlag } from '../attr.ts';
import type { EventWatcher, PerfEvent } from '../event.ts';
import { encodeRead, readValues, timeEnabled, timeRunning } from '../read.ts';
import { eventIoctl } from './ioctl.ts';
import type { PerfFiles } from './perf-files.ts';
import { MappedRing } from './ring-pages.ts';

export class EventFile extends FileDescription implements EventWatcher {
  readonly event: PerfEvent;
  readonly files: PerfFiles;
  /** Mappings made through this descriptor: event->mmap_count. */
  private mappings = 0;
  /** The ring that they show: another may have been attached since. */
  private mapped: MappedRing | undefined;

  constructor(files: PerfFiles, event: PerfEvent) {
    super(new AnonymousNode('[perf_event]'), O.RDWR);
    this.files = files;
    this.event = event;
    event.watcher = this;
  }

  get isMapped(): boolean {
    return this.mappings > 0;
  }
  get ring(): MappedRing | undefined {
    return this.event.output instanceof MappedRing ? this.event.output : undefined;
  }

  override read(into: Uint8Array): number {
    const { event, files } = this;
    if (event.state === 'error') return 0;
    for (const e of event.group) files.perf.read(e);
    const bytes = encodeRead(event, readValues(event), into.length);
    if (typeof bytes === 'number') return bytes;
    into.set(bytes);
    return bytes.length;
  }

  /** Without a ring there is nothing to wait for: POLLHUP, as when the task has gone. */
  override poll(): number {
    const { event, ring } = this;
    if (ring === undefined || (event.state === 'exit' && event.children.size === 0)) return POLL.HUP;
    return ring.readable ? POLL.IN : 0;
  }
  override polled(): void {
    if (this.ring !== undefined) this.ring.readable = false;
  }
  override get activity(): number {
    return this.ring?.wakeups ?? 0;
  }

  override ioctl(k: Kernel, t: Task, request: number, argument: bigint): SyscallResult {
    return eventIoctl(this, k, t, request, argument);
  }

  /** perf_mmap up to the ring; the mapping itself is counted when it is made (`opened`). */
  override pageSource(request: MappingRequest): PageSource | number {
    const { event, files } = this;
    if (attrFlag(event.attr, 'inherit') && event.cpu === -1) return -ERRNO.EINVAL;
    if (!request.shared) return -ERRNO.EINVAL;
    const pages = request.length / PAGE;
    if (request.offset > 0) return this.auxSource(request);
    const dataPages = pages - 1;
    if (dataPages !== 0 && (dataPages & (dataPages - 1)) !== 0) return -ERRNO.EINVAL;
    if (this.ring?.mappings === 0) this.ring.detach(event);
    if (this.ring !== undefined) return this.ring.dataPages === dataPages ? this.source(this.ring, request.task) : -ERRNO.EINVAL;
    const charge = files.charge(request.task, pages);
    if (charge === undefined) return -ERRNO.EPERM;
    const { attr } = event;
    const ring = MappedRing.allocate(files.kernel.frames, dataPages, files.kernel.port.clock.tscHz, {
      watermark: attrFlag(attr, 'watermark') ? attr.wakeup_events : 0,
      overwrite: (request.prot & PROT.WRITE) === 0,
      backward: attrFlag(attr, 'write_backward'),
    });
    if (ring === undefined) {
      charge();
      return -ERRNO.ENOMEM;
    }
    ring.uncharge = charge;
    ring.attach(event);
    this.changed(event);
    return this.source(ring, request.task);
  }

  /** The second mapping, behind the first: only PMUs with an AUX buffer have it, and no such PMU is modelled yet. */
  private auxSource(request: MappingRequest): number {
    const { ring } = this;
    if (ring === undefined || ring.mappings === 0) return -ERRNO.EINVAL;
    const { offset, size } = ring.page.aux();
    if (offset < (ring.dataPages + 1) * PAGE || offset !== request.offset || size !== request.length) return -ERRNO.EINVAL;
    const pages = request.length / PAGE;
    return (pages & (pages - 1)) !== 0 ? -ERRNO.EINVAL : -ERRNO.EOPNOTSUPP;
  }

  private source(ring: MappedRing, task: Task): PageSource {
    const { files, event } = this;
    const { mm } = task;
    const { memory } = files.kernel.frames;
    return {
      key: '',
      name: this.node.name,
      device: { major: 0, minor: ANON_INODEFS.device },
      inode: ANON_INO,
      sizeBytes: () => (ring.dataPages + 1) * PAGE,
      readPage: (index, into) => {
        const frame = ring.frame(index) as number;
        into.set(memory.bytes.subarray(frame, frame + PAGE));
        return PAGE;
      },
      frames: {
        at: (index) => ring.frame(index) as number,
        // perf_mmap_fault lets a program write the first page, for data_tail; a write to the others is a bus error.
        writable: (index) => index === 0,
      },
      retain: () => {
        this.retain();
        ring.mappings++;
        if (this.mappings++ === 0) this.mapped = ring;
        if (event.userRdpmc) files.rdpmcMapped(mm, 1);
      },
      release: () => {
        if (event.userRdpmc) files.rdpmcMapped(mm, -1);
        this.unmapped(ring);
        this.release();
      },
    };
  }

  /** perf_mmap_close. */
  private unmapped(ring: MappedRing): void {
    ring.mappings--;
    this.mappings--;
    if (this.mappings === 0) {
      this.mapped?.detach(this.event);
      this.mapped = undefined;
    }
    if (ring.mappings > 0) return;
    for (const event of [...ring.events]) ring.detach(event);
    ring.uncharge();
    ring.freeIfUnused();
  }

  protected override closed(): void {
    this.ring?.detach(this.event);
    this.event.watcher = undefined;
    this.files.closed(this);
  }

  // ---- what the core tells

  changed(event: PerfEvent): void {
    const { ring, files } = this;
    if (ring === undefined) return;
    const { clock } = files.kernel.port;
    const counter = files.perf.counterOf(event);
    ring.page.update({
      index: counter === undefined ? 0 : counter.rdpmc + 1,
      offset: event.totalCount - (counter?.start ?? 0n),
      timeEnabledNs: timeEnabled(event),
      timeRunningNs: timeRunning(event),
      userRdpmc: event.userRdpmc,
      pmcWidth: files.perf.counterWidth,
      nowNs: files.perf.nowNs(),
      tsc: clock.tsc(),
      otherClock: attrFlag(event.attr, 'use_clockid'),
    });
  }
  wakeup(): void {
    this.files.wakeUp();
  }
  overflowed(_event: PerfEvent, last: boolean): void {
    if ((this.flags & O.ASYNC) !== 0) this.files.signalLater(this, last ? POLL_REASON.HUP : POLL_REASON.IN);
  }
}

/** si_code of a SIGIO. include/uapi/asm-generic/siginfo.h. */
export const POLL_REASON = { IN: 1, HUP: 6 } as const;
