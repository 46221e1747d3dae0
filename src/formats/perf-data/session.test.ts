import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressMap, mapEntry } from './address-map.ts';
import { Inspector, summarize } from './inspect.ts';
import { IpHistogram } from './ip-histogram.ts';
import { makeAttr } from './attr.ts';
import { openPerfDataSync } from './read.ts';
import { Recording } from './recording.ts';
import { parseFields } from './script-fields.ts';
import { Session } from './session.ts';
import { memorySource } from './source.ts';
import { writePerfData } from './write.ts';

const dso = (name: string): { name: string; longName: string; kernel: boolean } => ({ name, longName: name, kernel: false });
const spans = (m: AddressMap): string =>
  m.entries.map((e) => `${e.dso.name}:${e.start.toString(16)}-${e.end.toString(16)}@${e.pgoff.toString(16)}`).join(' ');

test('address map: a new mapping wins over what it overlaps', () => {
  const m = new AddressMap();
  m.insert(mapEntry(0x1000n, 0x5000n, 0n, dso('a')));
  m.insert(mapEntry(0x2000n, 0x3000n, 0x10n, dso('b')));
  assert.equal(spans(m), 'a:1000-2000@0 b:2000-3000@10 a:3000-5000@2000');
  m.insert(mapEntry(0x1800n, 0x3800n, 0n, dso('c')));
  assert.equal(spans(m), 'a:1000-1800@0 c:1800-3800@0 a:3800-5000@2800');
  assert.equal(m.find(0, 0x17ff)?.dso.name, 'a');
  assert.equal(m.find(0, 0x1800)?.dso.name, 'c');
  assert.equal(m.find(0, 0x5000), undefined);
  assert.equal(m.find(0, 0xfff), undefined);
});

test('address map: the top of the address space', () => {
  const m = new AddressMap();
  m.insert(mapEntry(0xffffffffff600000n, 0xffffffffff601000n, 0n, dso('v')));
  assert.equal(m.find(0xffffffff, 0xff600fff)?.dso.name, 'v');
  assert.equal(m.find(0xffffffff, 0xff601000), undefined);
});

test('session: threads share maps, processes copy them, exec names them', () => {
  const s = new Session(new Recording('pipe', true));
  s.apply({ type: 'COMM', pid: 1, tid: 1, comm: 'a' }, 0);
  s.apply({ type: 'MMAP', pid: 1, tid: 1, addr: 0x1000n, len: 0x1000n, pgoff: 0n, filename: '/a' }, 2);
  s.apply({ type: 'FORK', pid: 1, tid: 2, ppid: 1, ptid: 1, time: 0n }, 0);
  s.apply({ type: 'FORK', pid: 3, tid: 3, ppid: 1, ptid: 1, time: 0n }, 0);
  s.apply({ type: 'MMAP', pid: 1, tid: 1, addr: 0x3000n, len: 0x1000n, pgoff: 0n, filename: '/b' }, 2);
  const at = (pid: number, tid: number, a: number): string | undefined => s.findMap(s.thread(pid, tid), 2, 0, a)?.dso.name;
  assert.equal(at(1, 2, 0x3000), '/b');
  assert.equal(at(3, 3, 0x3000), undefined);
  assert.equal(at(3, 3, 0x1000), '/a');
  assert.equal(s.thread(3, 3).comm, 'a');
  assert.equal(s.thread(9, 9).comm, ':9');
  s.apply(
    {
      type: 'MMAP',
      pid: -1,
      tid: 0,
      addr: 0xffffffffc0000000n,
      len: 0x1000n,
      pgoff: 0n,
      filename: '/lib/modules/6.1/kernel/net/cdc-ether.ko.xz',
    },
    1,
  );
  assert.equal(s.findMap(s.thread(1, 1), 1, 0xffffffff, 0xc0000010)?.dso.name, '[cdc_ether]');
});

test('inspect: throttled spans are paired by stream and cpu; AUX bytes without a record are a gap', () => {
  const attr = makeAttr({ sample_type: 0x86, flags: { sample_id_all: true } });
  const id = (time: number, cpu: number): { pid: number; tid: number; time: bigint; cpu: number } => ({
    pid: 1,
    tid: 1,
    time: BigInt(time),
    cpu,
  });
  const bytes = writePerfData({ events: [{ attr, name: 'cycles' }] }, [
    { kernel: { type: 'THROTTLE', time: 100n, id: 1n, streamId: 1n }, sampleId: id(100, 0) },
    { kernel: { type: 'THROTTLE', time: 150n, id: 1n, streamId: 1n }, sampleId: id(150, 1) },
    { kernel: { type: 'UNTHROTTLE', time: 400n, id: 1n, streamId: 1n }, sampleId: id(400, 0) },
    { kernel: { type: 'LOST_SAMPLES', lost: 5n }, sampleId: id(500, 0) },
    { kernel: { type: 'AUX', auxOffset: 0n, auxSize: 64n, flags: 1n }, sampleId: id(600, 0) },
    { kernel: { type: 'AUX', auxOffset: 96n, auxSize: 32n, flags: 4n }, sampleId: id(700, 0) },
    { user: { type: 'AUXTRACE', size: 64, offset: 0n, reference: 0n, idx: 0, tid: 1, cpu: 0 }, payload: new Uint8Array(64) },
  ]);
  const data = openPerfDataSync(memorySource(bytes));
  const inspector = new Inspector(data.recording, new Session(data.recording));
  const losses = inspector.finish(data.scan(inspector, { ordered: true }));
  assert.deepEqual(
    losses.map((l) => [l.kind, l.amount, l.cpu]),
    [
      ['THROTTLE', 300, 0],
      ['LOST_SAMPLES', 5, 0],
      ['AUX_TRUNCATED', undefined, 0],
      ['AUX_PARTIAL', undefined, 0],
      ['AUX_GAP', 32, 0],
      ['THROTTLE_UNENDED', 1, 1],
      ['AUX_NOT_STORED', 32, 0],
    ],
  );
  assert.equal(summarize([...losses, ...losses]).find((l) => l.kind === 'LOST_SAMPLES')?.amount, 10);
});

test('histogram: grows without losing a count', () => {
  const h = new IpHistogram();
  for (let round = 0; round < 2; round++) for (let i = 0; i < 60_000; i++) h.add(i % 3, 1, i >>> 8, i * 16, 10, 1);
  assert.equal(h.size, 60_000);
  assert.ok(h.samples.subarray(0, h.size).every((n) => n === 2));
  assert.ok(h.period.subarray(0, h.size).every((n) => n === 20));
});

test('-F: lists, changes, and what is refused', () => {
  assert.deepEqual(parseFields('comm,ip'), { set: ['comm', 'ip'], add: [], remove: [] });
  assert.deepEqual(parseFields('+addr,-period'), { add: ['addr'], remove: ['period'] });
  for (const bad of ['nonsense', 'srcline', 'hw:ip', 'comm,+ip']) assert.ok('error' in parseFields(bad), bad);
});
