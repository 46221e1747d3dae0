/**
 * A moment of the modelled clock at which the session looks around: perf's own timer (cpu-clock on CPU 0), whose interrupts take no modelled time
 * and are no part of any count, so that looking moves nothing.
 */
import { PERF_TYPE } from '#abi/perf-event/attr.ts';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { makeAttr } from '#kernel/perf/attr.ts';
import { isRefusal } from '#kernel/perf/attr-checks.ts';
import type { PerfEvent } from '#kernel/perf/event.ts';
import { DrainedRing } from '#kernel/perf/record-ring.ts';
import type { Session } from '#system/session.ts';

const CPU_CLOCK = 0n;
const RING_BYTES = 4096;

export class Alarm {
  private readonly session: Session;
  private readonly event: PerfEvent;
  private readonly ring = new DrainedRing(RING_BYTES);

  /** Rings every `ms` modelled milliseconds from now on. */
  constructor(session: Session, ms: number) {
    this.session = session;
    const attr = makeAttr({
      type: PERF_TYPE.SOFTWARE,
      config: CPU_CLOCK,
      sample_period: BigInt(ms) * 1_000_000n,
      sample_type: PERF_SAMPLE.TIME,
    });
    const event = session.open(attr, undefined, this.ring, { task: undefined, cpu: 0 });
    if (isRefusal(event)) throw new Error(`the timer of stat cannot be opened: ${event.reason}`);
    this.event = event;
  }

  /** Has it rung since the last call? */
  rang(): boolean {
    return this.ring.drain().length > 0;
  }
  off(): void {
    this.session.perf.release(this.event);
  }
}
