/** pprof's profile.proto (github.com/google/pprof/proto/profile.proto), not compressed: pprof reads both. */
import { type ExportFrame, type ExportSample, Interner, frameKey } from './model.ts';
import { ProtoWriter } from './protobuf.ts';

/** Field numbers of profile.proto. */
const PROFILE = {
  sample_type: 1,
  sample: 2,
  mapping: 3,
  location: 4,
  function: 5,
  string_table: 6,
  time_nanos: 9,
  duration_nanos: 10,
  period_type: 11,
  period: 12,
} as const;
const VALUE_TYPE = { type: 1, unit: 2 } as const;
const SAMPLE = { location_id: 1, value: 2, label: 3 } as const;
const LABEL = { key: 1, str: 2, num: 3 } as const;
const LOCATION = { id: 1, address: 3, line: 4 } as const;
const LINE = { function_id: 1, line: 2 } as const;
const FUNCTION = { id: 1, name: 2, system_name: 3, filename: 4 } as const;

/** Two values for each sample: how many, and the sum of their weights (named after the event). Samples of one stack and thread are one. */
export function* toPprof(
  samples: Iterable<ExportSample>,
  options: { readonly event?: string; readonly unit?: string } = {},
): Generator<Uint8Array> {
  const strings = new Interner<string>();
  const str = (s: string): number => strings.id(s, s);
  str(''); // index 0 must be the empty string
  const frames = new Interner<ExportFrame>();
  const merged = new Map<string, { ids: number[]; count: number; weight: number; sample: ExportSample }>();
  let first: bigint | undefined;
  let last: bigint | undefined;
  for (const s of samples) {
    const ids = s.stack.map((f) => frames.id(f, `${frameKey(f)}\0${f.address ?? ''}`) + 1).reverse(); // leaf first
    const key = `${s.pid}/${s.tid}/${ids.join()}`;
    const known = merged.get(key);
    if (known === undefined) merged.set(key, { ids, count: 1, weight: s.weight, sample: s });
    else {
      known.count++;
      known.weight += s.weight;
    }
    if (s.time !== undefined) {
      first = first === undefined || s.time < first ? s.time : first;
      last = last === undefined || s.time > last ? s.time : last;
    }
  }
  const w = new ProtoWriter();
  const valueType = (field: number, type: string, unit: string): void => {
    const [t, u] = [str(type), str(unit)];
    w.message(field, (m) => m.int(VALUE_TYPE.type, t).int(VALUE_TYPE.unit, u));
  };
  valueType(PROFILE.sample_type, 'samples', 'count');
  valueType(PROFILE.sample_type, options.event ?? 'weight', options.unit ?? 'count');
  for (const { ids, count, weight, sample } of merged.values()) {
    const labels = [
      [str('thread'), str(sample.thread), 0],
      [str('pid'), 0, sample.pid],
      [str('tid'), 0, sample.tid],
    ] as const;
    w.message(PROFILE.sample, (m) => {
      m.packed(SAMPLE.location_id, ids).packed(SAMPLE.value, [count, weight]);
      for (const [key, text, num] of labels)
        m.message(SAMPLE.label, (l) => {
          l.int(LABEL.key, key);
          if (text !== 0) l.int(LABEL.str, text);
          else l.int(LABEL.num, num);
        });
    });
    yield w.take();
  }
  const functions = new Interner<ExportFrame>();
  for (const [i, f] of frames.values.entries()) {
    const fn = functions.id(f, `${f.name}\0${f.file ?? ''}`) + 1;
    w.message(PROFILE.location, (m) => {
      m.int(LOCATION.id, i + 1);
      if (f.address !== undefined) m.int(LOCATION.address, f.address);
      m.message(LOCATION.line, (l) => {
        l.int(LINE.function_id, fn);
        if (f.line !== undefined) l.int(LINE.line, f.line);
      });
    });
  }
  for (const [i, f] of functions.values.entries()) {
    const [name, file] = [str(f.name), str(f.file ?? '')];
    w.message(PROFILE.function, (m) =>
      m
        .int(FUNCTION.id, i + 1)
        .int(FUNCTION.name, name)
        .int(FUNCTION.system_name, name)
        .int(FUNCTION.filename, file),
    );
  }
  if (first !== undefined && last !== undefined) w.int(PROFILE.time_nanos, first).int(PROFILE.duration_nanos, last - first);
  valueType(PROFILE.period_type, options.event ?? 'weight', options.unit ?? 'count');
  w.int(PROFILE.period, 1);
  for (const s of strings.values) w.string(PROFILE.string_table, s);
  yield w.take();
}
