import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toFirefox } from './firefox.ts';
import { toFolded } from './folded.ts';
import { toFxt } from './fxt.ts';
import { type ExportSample, slicesOfSamples } from './model.ts';
import { toPerfetto } from './perfetto.ts';
import { toPprof } from './pprof.ts';
import { toSpeedscope } from './speedscope.ts';

const sample = (time: bigint, names: string, weight = 1, tid = 7): ExportSample => ({
  time,
  pid: 7,
  tid,
  thread: 'prog',
  weight,
  stack: names.split('>').map((name) => ({ name, file: '/bin/prog' })),
});
const SAMPLES = [
  sample(100n, 'main>a', 2),
  sample(200n, 'main>a>b'),
  sample(300n, 'main>a', 3),
  sample(350n, 'main>c', 1, 8),
  sample(400n, 'main'),
];

const bytes = (parts: Iterable<Uint8Array>): number[] => [...parts].flatMap((p) => [...p]);
type Field = [number, bigint | Field[] | string];

/** Decodes protobuf by a schema of which fields are messages and which are strings. */
function proto(data: readonly number[], messages: Record<string, unknown> = {}): Field[] {
  const out: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let v = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const b = data[at++]!;
      v |= BigInt(b & 127) << shift;
      if (b < 128) return v;
    }
  };
  while (at < data.length) {
    const tag = Number(varint());
    const field = tag >> 3;
    if ((tag & 7) === 0) {
      out.push([field, varint()]);
      continue;
    }
    assert.equal(tag & 7, 2);
    const size = Number(varint());
    const body = data.slice(at, at + size);
    at += size;
    const inner = messages[field];
    out.push([
      field,
      inner === undefined ? new TextDecoder().decode(Uint8Array.from(body)) : proto(body, inner as Record<string, unknown>),
    ]);
  }
  return out;
}

test('slices from stacks: a frame lasts while it stands at its depth', () => {
  assert.deepEqual(
    [...slicesOfSamples(SAMPLES)].map((s) => `${s.tid} ${s.name} ${s.begin}-${s.end}`),
    ['7 b 200-300', '7 a 100-400', '7 main 100-400', '8 c 350-350', '8 main 350-350'],
  );
});

test('collapsed stacks', () => {
  assert.equal(
    [...toFolded([...SAMPLES, sample(0n, 'x;y')])].join(''),
    'prog;main;a 5\nprog;main;a;b 1\nprog;main;c 1\nprog;main 1\nprog;x:y 1\n',
  );
});

test('speedscope', () => {
  const json = JSON.parse([...toSpeedscope(SAMPLES, { name: 'x' })].join(''));
  assert.deepEqual(
    json.shared.frames.map((f: { name: string }) => f.name),
    ['main', 'a', 'b', 'c'],
  );
  assert.equal(json.profiles.length, 2);
  assert.deepEqual(json.profiles[0].samples, [[0, 1], [0, 1, 2], [0, 1], [0]]);
  assert.deepEqual(json.profiles[0].weights, [2, 1, 3, 1]);
  assert.equal(json.profiles[0].endValue, 7);
});

test('Firefox Profiler: every index points into its table', () => {
  const json = JSON.parse([...toFirefox(SAMPLES, { product: 'prog' })].join(''));
  assert.equal(json.threads.length, 2);
  for (const t of json.threads) {
    const names = t.samples.stack.map((at: number | null) => {
      const out: string[] = [];
      for (let s = at; s !== null; s = t.stackTable.prefix[s])
        out.unshift(t.stringArray[t.funcTable.name[t.frameTable.func[t.stackTable.frame[s]]]]);
      return out.join('>');
    });
    if (t.tid === 7) assert.deepEqual(names, ['main>a', 'main>a>b', 'main>a', 'main']);
    for (const table of ['stackTable', 'frameTable', 'funcTable', 'resourceTable', 'samples'])
      for (const [name, column] of Object.entries(t[table]))
        if (Array.isArray(column)) assert.equal(column.length, t[table].length, `${table}.${name}`);
  }
  assert.deepEqual(json.threads[0].samples.time, [0, 0.0001, 0.0002, 0.0003]);
});

test('pprof: stacks leaf first, equal stacks joined, string 0 empty', () => {
  const fields = proto(bytes(toPprof(SAMPLES, { event: 'cycles' })), { 1: {}, 2: { 3: {} }, 4: { 4: {} }, 5: {}, 11: {} });
  const strings = fields.filter(([f]) => f === 6).map(([, v]) => v as string);
  assert.equal(strings[0], '');
  const functions = fields.filter(([f]) => f === 5).map(([, v]) => strings[Number((v as Field[]).find(([x]) => x === 2)![1])]);
  assert.deepEqual(functions, ['main', 'a', 'b', 'c']);
  const samples = fields
    .filter(([f]) => f === 2)
    .map(([, v]) => (v as Field[]).slice(0, 2).map(([, x]) => [...(x as string)].map((c) => c.charCodeAt(0))));
  assert.deepEqual(samples, [
    [
      [2, 1],
      [2, 5],
    ],
    [
      [3, 2, 1],
      [1, 1],
    ],
    [
      [4, 1],
      [1, 1],
    ],
    [[1], [1, 1]],
  ]);
  assert.deepEqual(
    fields.filter(([f]) => f === 9 || f === 10).map(([, v]) => v),
    [100n, 300n],
  );
});

test('Perfetto: descriptors first, begins and ends nest', () => {
  const fields = proto(bytes(toPerfetto(slicesOfSamples(SAMPLES))), { 1: { 11: {}, 60: { 3: {}, 4: {} } } });
  const text = fields.map(([, packet]) => {
    const p = new Map((packet as Field[]).map(([f, v]) => [f, v]));
    if (p.has(60)) return 'descriptor';
    const e = new Map((p.get(11) as Field[]).map(([f, v]) => [f, v]));
    return `${String(p.get(8))} ${String(e.get(11))} ${e.get(9) === 1n ? `begin ${String(e.get(23))}` : 'end'}`;
  });
  assert.deepEqual(text, [
    'descriptor',
    'descriptor',
    'descriptor',
    '100 1 begin main',
    '100 1 begin a',
    '200 1 begin b',
    '300 1 end',
    '400 1 end',
    '400 1 end',
    '350 2 begin main',
    '350 2 begin c',
    '350 2 end',
    '350 2 end',
  ]);
});

test('fxt: magic, whole words, strings before their use', () => {
  const raw = Uint8Array.from(bytes(toFxt(slicesOfSamples(SAMPLES))));
  assert.deepEqual([...raw.subarray(0, 8)], [0x10, 0x00, 0x04, 0x46, 0x78, 0x54, 0x16, 0x00]);
  const view = new DataView(raw.buffer);
  const strings = new Map<number, string>();
  const events: string[] = [];
  for (let at = 8; at < raw.length; ) {
    const h = view.getBigUint64(at, true);
    const words = Number((h >> 4n) & 0xfffn);
    assert.ok(words > 0);
    const type = Number(h & 15n);
    if (type === 2) {
      const size = Number((h >> 32n) & 0x7fffn);
      strings.set(Number((h >> 16n) & 0x7fffn), new TextDecoder().decode(raw.subarray(at + 8, at + 8 + size)));
    } else if (type === 4)
      events.push(`${strings.get(Number(h >> 48n))} ${view.getBigUint64(at + 8, true)}-${view.getBigUint64(at + 16, true)}`);
    at += words * 8;
  }
  assert.deepEqual(events, ['b 200-300', 'a 100-400', 'main 100-400', 'c 350-350', 'main 350-350']);
});
