/**
 * Samples with PERF_SAMPLE_READ (`{a,b}:S`): each value that was read is a sample of its event, whose period is what the event counted since
 * the value was read last; one that counted nothing is none. tools/perf/util/session.c deliver_sample_value, deliver_sample_group.
 */
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import type { RecordCursor } from './cursor.ts';
import type { EventEntry, Recording } from './recording.ts';
import { decodeSample } from './sample.ts';

export interface Delivery {
  readonly event: EventEntry;
  /** undefined: as the sample says. */
  readonly period: number | undefined;
}

export class SampleReads {
  readonly #recording: Recording;
  readonly #before = new Map<bigint, bigint>();

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  /** The samples that a SAMPLE record of `event` stands for. Each record must be asked for once, in order. */
  deliveries(cursor: RecordCursor, event: EventEntry): Delivery[] {
    if ((event.attr.sample_type & PERF_SAMPLE.READ) === 0) return [{ event, period: undefined }];
    const out: Delivery[] = [];
    for (const { id, value } of decodeSample(cursor, event.attr).read?.values ?? []) {
      const of = id === undefined ? undefined : this.#recording.eventById(id);
      if (id === undefined || of === undefined) {
        this.#recording.unknownIds++;
        continue;
      }
      const period = value - (this.#before.get(id) ?? 0n);
      this.#before.set(id, value);
      if (period !== 0n) out.push({ event: of, period: Number(period) });
    }
    return out;
  }
}
