/**
 * What one SAMPLE record stands for. Usually itself; where it carries counter values (PERF_SAMPLE_READ, perf's `:S`), one sample for each
 * counter that moved since its last value, with the difference as its period. Rules: tools/perf/util/session.c, evlist__deliver_sample.
 */
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { FormatError } from '#base/format-error.ts';
import type { RecordCursor } from './cursor.ts';
import type { EventEntry, Recording } from './recording.ts';
import { decodeSample } from './sample.ts';

export interface Delivered {
  /** The event whose counter moved. */
  readonly event: EventEntry;
  readonly period: bigint;
}

export const readsCounters = (event: EventEntry): boolean => (event.attr.sample_type & PERF_SAMPLE.READ) !== 0;

export class SampleReads {
  readonly #recording: Recording;
  readonly #last = new Map<bigint, bigint>();

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  /** For samples of events that `readsCounters`. A damaged one is an issue of the recording and stands for nothing. */
  deliver(cursor: RecordCursor, event: EventEntry): Delivered[] {
    try {
      const out: Delivered[] = [];
      for (const { id, value } of decodeSample(cursor, event.attr).read?.values ?? []) {
        const of = id === undefined ? event : this.#recording.eventById(id);
        if (of === undefined) {
          this.#recording.unknownIds++;
          continue;
        }
        const key = id ?? -1n - BigInt(event.index);
        const period = BigInt.asUintN(64, value - (this.#last.get(key) ?? 0n));
        this.#last.set(key, value);
        if (period !== 0n) out.push({ event: of, period });
      }
      return out;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#recording.issues.push(error);
      return [];
    }
  }
}
