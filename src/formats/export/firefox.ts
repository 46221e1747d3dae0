/**
 * Firefox Profiler, processed format (docs-developer/CHANGELOG-formats.md of firefox-devtools/profiler). The version below is written
 * as it was then; the profiler upgrades older files itself.
 */
import { type ExportSample, Interner } from './model.ts';

const PREPROCESSED_VERSION = 49;
const GECKO_VERSION = 28;

interface Table {
  [column: string]: unknown[] | number;
}

class ThreadBuilder {
  readonly strings = new Interner<string>();
  readonly funcs = new Interner<{ readonly name: number; readonly resource: number; readonly file: number | null }>();
  readonly resources = new Interner<number>();
  readonly frames = new Interner<{ readonly func: number; readonly address: number; readonly line: number | null }>();
  readonly stacks = new Interner<{ readonly prefix: number | null; readonly frame: number }>();
  readonly stack: (number | null)[] = [];
  readonly time: number[] = [];
  readonly weight: number[] = [];
  readonly sample: ExportSample;

  constructor(sample: ExportSample) {
    this.sample = sample;
  }

  private string(text: string): number {
    return this.strings.id(text, text);
  }

  add(s: ExportSample, timeMs: number): void {
    let prefix: number | null = null;
    for (const f of s.stack) {
      const name = this.string(f.name);
      const file = f.file === undefined ? -1 : this.string(f.file);
      const resource = file < 0 ? -1 : this.resources.id(file, `${file}`);
      const func = this.funcs.id({ name, resource, file: file < 0 ? null : file }, `${name}/${file}`);
      const address = f.address === undefined ? -1 : Number(f.address);
      const frame = this.frames.id({ func, address, line: f.line ?? null }, `${func}/${address}/${f.line ?? ''}`);
      prefix = this.stacks.id({ prefix, frame }, `${prefix ?? ''}/${frame}`);
    }
    this.stack.push(prefix);
    this.time.push(timeMs);
    this.weight.push(s.weight);
  }

  build(): unknown {
    const { sample, frames, funcs, stacks, resources } = this;
    const column = <T, U>(of: readonly T[], pick: (x: T) => U): U[] => of.map(pick);
    const fill = <T>(of: readonly unknown[], x: T): T[] => of.map(() => x);
    const table = (length: number, columns: Table): Table => ({ length, ...columns });
    const resourceNames = resources.values;
    return {
      processType: 'default',
      processName: sample.process ?? sample.thread,
      processStartupTime: 0,
      processShutdownTime: null,
      registerTime: 0,
      unregisterTime: null,
      pausedRanges: [],
      name: sample.thread,
      isMainThread: sample.pid === sample.tid,
      pid: `${sample.pid}`,
      tid: sample.tid,
      samples: table(this.stack.length, {
        stack: this.stack,
        time: this.time,
        weight: this.weight,
        weightType: 'samples' as unknown as number,
      }),
      markers: table(0, { category: [], data: [], endTime: [], name: [], phase: [], startTime: [] }),
      stackTable: table(stacks.values.length, {
        prefix: column(stacks.values, (s) => s.prefix),
        frame: column(stacks.values, (s) => s.frame),
        category: fill(stacks.values, 0),
        subcategory: fill(stacks.values, 0),
      }),
      frameTable: table(frames.values.length, {
        address: column(frames.values, (f) => f.address),
        inlineDepth: fill(frames.values, 0),
        category: fill(frames.values, 0),
        subcategory: fill(frames.values, 0),
        func: column(frames.values, (f) => f.func),
        nativeSymbol: fill(frames.values, null),
        innerWindowID: fill(frames.values, 0),
        implementation: fill(frames.values, null),
        line: column(frames.values, (f) => f.line),
        column: fill(frames.values, null),
      }),
      funcTable: table(funcs.values.length, {
        name: column(funcs.values, (f) => f.name),
        isJS: fill(funcs.values, false),
        relevantForJS: fill(funcs.values, false),
        resource: column(funcs.values, (f) => f.resource),
        fileName: column(funcs.values, (f) => f.file),
        lineNumber: fill(funcs.values, null),
        columnNumber: fill(funcs.values, null),
      }),
      resourceTable: table(resourceNames.length, {
        lib: fill(resourceNames, null),
        name: [...resourceNames],
        host: fill(resourceNames, null),
        type: fill(resourceNames, 1),
      }),
      nativeSymbols: table(0, { libIndex: [], address: [], name: [], functionSize: [] }),
      stringArray: this.strings.values,
    };
  }
}

/** The file's text in pieces, a thread each. Samples without times are placed one millisecond apart, and the profile says so. */
export function* toFirefox(samples: Iterable<ExportSample>, options: { readonly product: string }): Generator<string> {
  const threads = new Map<string, ThreadBuilder>();
  let start: bigint | undefined;
  let untimed = 0;
  for (const s of samples) {
    start ??= s.time;
    const key = `${s.pid}/${s.tid}`;
    let t = threads.get(key);
    if (t === undefined) {
      t = new ThreadBuilder(s);
      threads.set(key, t);
    }
    t.add(s, s.time === undefined ? untimed++ : Number(s.time - (start ?? s.time)) / 1e6);
  }
  const meta = {
    interval: 1,
    startTime: 0,
    processType: 0,
    product: options.product,
    stackwalk: 1,
    debug: false,
    version: GECKO_VERSION,
    preprocessedProfileVersion: PREPROCESSED_VERSION,
    symbolicated: true,
    markerSchema: [],
    categories: [{ name: 'Other', color: 'grey', subcategories: ['Other'] }],
    importedFrom: untimed > 0 ? 'perfglass (no times in the recording: samples stand 1 ms apart)' : 'perfglass',
    extensions: { id: [], name: [], baseURL: [], length: 0 },
  };
  yield `{"meta":${JSON.stringify(meta)},"libs":[],"pages":[],"counters":[],"profilerOverhead":[],"threads":[`;
  let first = true;
  for (const t of threads.values()) {
    yield (first ? '' : ',') + JSON.stringify(t.build());
    first = false;
  }
  yield ']}\n';
}
