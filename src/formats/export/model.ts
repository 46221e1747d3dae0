/** What the exporters take: samples with stacks, or slices. Neutral, so that perf.data, PT and the machine can all feed them. */

export interface ExportFrame {
  readonly name: string;
  /** Binary or source that the frame belongs to. */
  readonly file?: string;
  readonly line?: number;
  readonly address?: bigint;
}

export interface ExportSample {
  /** ns; absent: the recording has no times. */
  readonly time?: bigint;
  readonly pid: number;
  readonly tid: number;
  /** comm. */
  readonly thread: string;
  readonly process?: string;
  /** Outermost frame first. */
  readonly stack: readonly ExportFrame[];
  /** Period, or 1. */
  readonly weight: number;
  readonly event?: string;
}

export interface ExportSlice {
  readonly begin: bigint;
  readonly end: bigint;
  readonly pid: number;
  readonly tid: number;
  readonly thread: string;
  readonly process?: string;
  readonly name: string;
  /** Nesting, 0 outermost: tells which of two slices with the same times is the outer one. */
  readonly depth?: number;
}

/** Numbers for equal values, in order of first use. */
export class Interner<T> {
  readonly values: T[] = [];
  private readonly ids = new Map<string, number>();

  /** `key` must be equal exactly for values that are one. */
  id(value: T, key: string): number {
    let id = this.ids.get(key);
    if (id === undefined) {
      id = this.values.length;
      this.values.push(value);
      this.ids.set(key, id);
    }
    return id;
  }
}

export const frameKey = (f: ExportFrame): string => `${f.name}\0${f.file ?? ''}\0${f.line ?? ''}`;

/**
 * Stacks over time as nested slices: a frame lasts from the first sample that has it at its depth to the first that has not. Samples
 * must have times, and come by time within each thread; the last sample's frames end at its own time. Slices come out as they end,
 * inner before outer.
 */
export function* slicesOfSamples(samples: Iterable<ExportSample>): Generator<ExportSlice> {
  interface Open {
    readonly sample: ExportSample;
    readonly frames: { readonly key: string; readonly name: string; readonly begin: bigint }[];
    last: bigint;
  }
  const threads = new Map<string, Open>();
  const close = function* (open: Open, depth: number, end: bigint): Generator<ExportSlice> {
    const { pid, tid, thread, process } = open.sample;
    while (open.frames.length > depth) {
      const f = open.frames.pop()!;
      yield {
        begin: f.begin,
        end,
        pid,
        tid,
        thread,
        name: f.name,
        depth: open.frames.length,
        ...(process === undefined ? {} : { process }),
      };
    }
  };
  for (const s of samples) {
    if (s.time === undefined) throw new RangeError('slices need samples with times');
    const key = `${s.pid}/${s.tid}`;
    let open = threads.get(key);
    if (open === undefined) {
      open = { sample: s, frames: [], last: s.time };
      threads.set(key, open);
    }
    let same = 0;
    while (same < open.frames.length && same < s.stack.length && open.frames[same]!.key === frameKey(s.stack[same]!)) same++;
    yield* close(open, same, s.time);
    for (const f of s.stack.slice(same)) open.frames.push({ key: frameKey(f), name: f.name, begin: s.time });
    open.last = s.time;
  }
  for (const open of threads.values()) yield* close(open, 0, open.last);
}
