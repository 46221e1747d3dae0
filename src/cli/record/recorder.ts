/** The reader of the data ring: perf record's main loop, over a modelled computer. */
import { PERF_RECORD, PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { type Compression, PerfDataWriter } from '#formats/perf-data/write.ts';
import type { Features } from '#formats/perf-data/features.ts';
import type { PerfEvent } from '#kernel/perf/event.ts';
import { isRefusal } from '#kernel/perf/attr-checks.ts';
import { attrFlag } from '#kernel/perf/attr.ts';
import type { DrainedRing, FlightRing } from '#kernel/perf/record-ring.ts';
import type { KernelImage } from '#kernel/text/image.ts';
import type { Session } from '#system/session.ts';
import { CliError } from '../command.ts';
import { errnoName } from '../stat/events.ts';
import { targetsOf } from '../target.ts';
import type { Planned, Wanted } from './attrs.ts';
import { KERNEL_DSO } from './features.ts';
import type { RecordingSink } from './output.ts';

export interface Opened {
  readonly planned: Planned;
  readonly event: PerfEvent;
}

/** Where records go: samples of a flight recorder into a ring of their own. */
export interface Rings {
  readonly ring: DrainedRing;
  readonly flight: FlightRing | undefined;
}

/** Opens all events on whom they are to watch. Throws CliError with the kernel's reason. */
export function openEvents(session: Session, planned: readonly Planned[], rings: Rings, target: Wanted['target']): Opened[] {
  const out: Opened[] = [];
  for (const where of targetsOf(session, target)) {
    let leader: PerfEvent | undefined;
    for (const p of planned) {
      const ring = attrFlag(p.attr, 'write_backward') ? rings.flight : rings.ring;
      const event = session.open(p.attr, p.inGroup ? leader : undefined, ring, where);
      if (isRefusal(event))
        throw new CliError(`the event '${p.spec.name}' cannot be recorded: ${event.reason} (${errnoName(event.errno)})`);
      if (!p.inGroup) leader = event;
      out.push({ planned: p, event });
    }
  }
  return out;
}

export interface RecorderParts {
  readonly sink: RecordingSink;
  readonly pipe: boolean;
  readonly opened: readonly Opened[];
  readonly planned: readonly Planned[];
  readonly rings: Rings;
  readonly features: Features;
  readonly compression: Compression | undefined;
}

export class Recorder {
  /** Times that the ring was drained with something in it. */
  wakeups = 0;
  samples = 0;
  kernelSamples = 0;
  /** As the LOST records tell. */
  lost = 0n;
  readonly times: { first: bigint; last: bigint } = { first: 0n, last: 0n };
  /** Files mapped with execute permission. */
  readonly files = new Set<string>();
  readonly writer: PerfDataWriter;
  private readonly rings: Rings;
  /** Offset of TIME in a sample; undefined: samples have none. */
  private readonly timeOffset: number | undefined;

  constructor(parts: RecorderParts) {
    this.rings = parts.rings;
    this.writer = new PerfDataWriter(parts.sink, {
      mode: parts.pipe ? 'pipe' : 'file',
      attrSize: 128,
      events: parts.planned.map((p) => ({
        attr: p.attr,
        ids: parts.opened.filter((o) => o.planned === p).map((o) => o.event.id),
        name: p.spec.name,
      })),
      features: parts.features,
      ...(parts.compression === undefined ? {} : { compression: parts.compression }),
    });
    const type = parts.opened[0]?.planned.attr.sample_type ?? 0;
    this.timeOffset = (type & PERF_SAMPLE.TIME) === 0 ? undefined : 24 + ((type & PERF_SAMPLE.IDENTIFIER) === 0 ? 0 : 8);
  }

  /** PERF_RECORD_MMAP of the kernel's text, as perf makes it from /proc/kallsyms. */
  kernelMapping(image: KernelImage): void {
    this.writer.kernel(
      { type: 'MMAP', pid: -1, tid: 0, addr: image.base, len: BigInt(image.textSize), pgoff: image.base, filename: `${KERNEL_DSO}_text` },
      { misc: PERF_RECORD_MISC.KERNEL },
    );
  }

  /** Empties the ring into the file. */
  drain(): void {
    this.take(this.rings.ring.drain());
  }
  /** What a flight recorder's ring holds at the end. */
  drainFlight(): void {
    if (this.rings.flight !== undefined) this.take(this.rings.flight.snapshot());
  }
  private take(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.wakeups++;
    this.survey(bytes);
    this.writer.raw(bytes);
    this.writer.finishedRound();
  }

  private survey(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.length; at += view.getUint16(at + 6, true)) {
      const type = view.getUint32(at, true);
      if (type === PERF_RECORD.LOST) this.lost += view.getBigUint64(at + 16, true);
      if (type === PERF_RECORD.MMAP2) this.mapped(bytes, at, view.getUint16(at + 6, true));
      if (type !== PERF_RECORD.SAMPLE) continue;
      this.samples++;
      if (this.timeOffset !== undefined) {
        const time = view.getBigUint64(at + this.timeOffset, true);
        // A flight recorder's newest comes first.
        if (this.samples === 1 || time < this.times.first) this.times.first = time;
        if (time > this.times.last) this.times.last = time;
      }
      if ((view.getUint16(at + 4, true) & PERF_RECORD_MISC.CPUMODE_MASK) === PERF_RECORD_MISC.KERNEL) this.kernelSamples++;
    }
  }

  private mapped(bytes: Uint8Array, at: number, size: number): void {
    const from = at + MMAP2_FILENAME;
    const end = bytes.indexOf(0, from);
    const name = new TextDecoder().decode(bytes.subarray(from, Math.min(end < 0 ? at + size : end, at + size)));
    if (name.startsWith('/') && !name.startsWith('//')) this.files.add(name);
  }
}

/** Offset of filename in PERF_RECORD_MMAP2: spec §6.5. */
const MMAP2_FILENAME = 8 + 8 + 24 + 24 + 8;
