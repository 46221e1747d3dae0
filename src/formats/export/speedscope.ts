/** speedscope's own JSON (file-format-schema.json): one sampled profile for each thread, frames shared. */
import { type ExportFrame, type ExportSample, Interner, frameKey } from './model.ts';

interface ThreadProfile {
  readonly name: string;
  readonly samples: number[][];
  readonly weights: number[];
}

/** The file's text in pieces. Weights are in `unit`: 'none' for counts of an event, 'nanoseconds' for time. */
export function* toSpeedscope(
  samples: Iterable<ExportSample>,
  options: { readonly name: string; readonly unit?: 'none' | 'nanoseconds' },
): Generator<string> {
  const frames = new Interner<ExportFrame>();
  const threads = new Map<string, ThreadProfile>();
  for (const s of samples) {
    const key = `${s.pid}/${s.tid}`;
    let t = threads.get(key);
    if (t === undefined) {
      t = { name: `${s.thread} (${s.pid}/${s.tid})`, samples: [], weights: [] };
      threads.set(key, t);
    }
    t.samples.push(s.stack.map((f) => frames.id(f, frameKey(f))));
    t.weights.push(s.weight);
  }
  yield `{"$schema":"https://www.speedscope.app/file-format-schema.json","exporter":"perfglass","name":${JSON.stringify(options.name)},"activeProfileIndex":0,"shared":{"frames":[`;
  for (const [i, f] of frames.values.entries()) {
    const frame = { name: f.name, ...(f.file === undefined ? {} : { file: f.file }), ...(f.line === undefined ? {} : { line: f.line }) };
    yield (i > 0 ? ',' : '') + JSON.stringify(frame);
  }
  yield ']},"profiles":[';
  let first = true;
  for (const t of threads.values()) {
    const end = t.weights.reduce((a, b) => a + b, 0);
    yield `${first ? '' : ','}{"type":"sampled","name":${JSON.stringify(t.name)},"unit":"${options.unit ?? 'none'}","startValue":0,"endValue":${end},"samples":`;
    yield JSON.stringify(t.samples);
    yield `,"weights":${JSON.stringify(t.weights)}}`;
    first = false;
  }
  yield ']}\n';
}
