import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { ByteWriter } from '#base/bytes.ts';
import { FormatError } from '#base/format-error.ts';
import { mutate } from '#base/mutate.ts';
import { makeAttr } from './attr.ts';
import { openPerfData, openPerfDataSync, readPerfData } from './read.ts';
import { chunkSource, memorySource } from './source.ts';
import { type WriteRecord, writePerfData } from './write.ts';

const TYPE = PERF_SAMPLE.IP | PERF_SAMPLE.TID | PERF_SAMPLE.TIME;
const ATTR = makeAttr({ sample_type: TYPE, flags: { sample_id_all: true } });
const at = (time: number, ip = 0x1000n): WriteRecord => ({ sample: { ip, pid: 1, tid: 2, time: BigInt(time) } });
const ROUND: WriteRecord = { user: { type: 'FINISHED_ROUND' } };

/** A pipe file by hand: header, one attr, one sample. */
function pipeByHand(littleEndian: boolean): Uint8Array {
  const w = new ByteWriter(256, littleEndian);
  w.raw(Uint8Array.from([...'PERFILE2'].map((c) => c.charCodeAt(0))));
  if (!littleEndian) w.bytes.reverse();
  w.u64(16);
  w.u32(64).u16(0).u16(72); // HEADER_ATTR
  const attr = w.length;
  w.zeros(64);
  w.patchU32(attr + 4, 64);
  w.patchU64(attr + 24, TYPE);
  w.u32(9).u16(2).u16(32).u64(0x7f0000001234n).u32(7).u32(8).u64(0x1122334455n);
  return w.toBytes();
}

test('read: a pipe file made by hand, in both byte orders', () => {
  for (const littleEndian of [true, false]) {
    const { recording, records, damage } = readPerfData(pipeByHand(littleEndian));
    assert.equal(damage, undefined);
    assert.equal(recording.mode, 'pipe');
    assert.equal(recording.littleEndian, littleEndian);
    assert.equal(recording.events.length, 1);
    assert.deepEqual(records[1]?.sample, { ip: 0x7f0000001234n, pid: 7, tid: 8, time: 0x1122334455n });
    assert.equal(records[1]?.offset, 88);
  }
});

test('read: what is no perf.data is refused by name', () => {
  const refused = (bytes: Uint8Array): FormatError => {
    try {
      readPerfData(bytes);
    } catch (error) {
      assert.ok(error instanceof FormatError);
      return error;
    }
    throw new Error('was read');
  };
  const text = (s: string): Uint8Array => Uint8Array.from([...s].map((c) => c.charCodeAt(0)));
  assert.equal(refused(new Uint8Array(0)).what, 'the file is empty');
  assert.match(refused(text('PERFFILE________')).what, /version 1 \(magic PERFFILE/);
  assert.match(refused(text('\x7fELF____________')).what, /magic PERFILE2 expected/);
  assert.match(refused(text('PERFILE2')).what, /ends inside its header/);
  assert.equal(refused(text('PERFILE2\x20\0\0\0\0\0\0\0')).offset, 8);
});

test('read: damage ends the reading at its offset, all before it kept', () => {
  const whole = pipeByHand(true);
  const twice = new Uint8Array(whole.byteLength + 32);
  twice.set(whole);
  twice.set(whole.subarray(88), whole.byteLength);
  const damaged = (change: (b: Uint8Array) => Uint8Array | void): { n: number; damage: string | undefined } => {
    const copy = twice.slice();
    const r = readPerfData(change(copy) ?? copy);
    return { n: r.records.length, damage: r.damage?.message };
  };
  assert.deepEqual(
    damaged(() => undefined),
    { n: 3, damage: undefined },
  );
  assert.deepEqual(
    damaged((b) => b.fill(0, 126, 128)),
    { n: 2, damage: 'record size 0 is less than a record header at byte offset 0x78' },
  );
  assert.deepEqual(
    damaged((b) => b.slice(0, 150)),
    { n: 2, damage: 'record of 32 bytes, and only 30 are left at byte offset 0x78' },
  );
  assert.deepEqual(
    damaged((b) => b.slice(0, 123)),
    { n: 2, damage: '3 bytes are left, less than a record header at byte offset 0x78' },
  );
});

test('read: a sample that is too short, a callchain that is too long: the record is damaged, the next is read', () => {
  const attr = makeAttr({ sample_type: TYPE | PERF_SAMPLE.CALLCHAIN });
  const bytes = writePerfData({ events: [{ attr }], mode: 'pipe' }, [
    { sample: { ip: 1n, pid: 1, tid: 1, time: 5n, callchain: [1n, 2n] } },
    { sample: { ip: 2n, pid: 1, tid: 1, time: 6n, callchain: [3n] } },
  ]);
  const first = bytes.byteLength - 48 - 56;
  new DataView(bytes.buffer).setUint32(first + 32, 0x10_0000, true);
  const { records, damage } = readPerfData(bytes);
  assert.equal(damage, undefined);
  assert.match(records[1]?.damage?.message ?? '', /callchain of 1048576 does not fit in 16 bytes at byte offset/);
  assert.deepEqual(records[2]?.sample?.callchain, [3n]);
});

test('order: rounds, runs of two cpus, equal times in order of arrival', () => {
  const bytes = writePerfData({ events: [{ attr: ATTR }] }, [
    at(10, 1n),
    at(30, 2n),
    at(20, 3n),
    at(30, 4n),
    ROUND,
    at(40, 5n),
    at(35, 6n),
    ROUND,
    at(50, 7n),
    at(33, 8n),
  ]);
  const data = openPerfDataSync(memorySource(bytes));
  const ips: (bigint | string)[] = [];
  const end = data.scan({ record: (c) => ips.push(c.type === 9 ? c.u64(8) : 'round') }, { ordered: true });
  // the first barrier lets nothing go yet; the second all up to 30
  assert.deepEqual(ips, ['round', 'round', 1n, 3n, 2n, 4n, 8n, 6n, 5n, 7n]);
  assert.equal(end.late, 0);
  assert.equal(end.records, 10);
});

test('order: memory is bounded, and what comes too late is counted', () => {
  const records = Array.from({ length: 4000 }, (_, i) => at(1000 + i));
  const bytes = writePerfData({ events: [{ attr: ATTR }] }, [...records, at(1)]);
  const data = openPerfDataSync(memorySource(bytes));
  let n = 0;
  const end = data.scan({ record: () => n++ }, { ordered: true, maxQueueBytes: 4096 });
  assert.equal(n, 4001);
  assert.equal(end.late, 1);
});

test('sources: a pipe in pieces of 7 bytes gives what memory gives', async () => {
  const bytes = writePerfData({ events: [{ attr: ATTR, name: 'cycles' }], features: { hostname: 'h' } }, [at(1), ROUND, at(2)]);
  const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) => bytes.subarray(i * 7, i * 7 + 7));
  const data = await openPerfData(chunkSource(pieces));
  const types: number[] = [];
  const end = await data.scan({ record: (c) => types.push(c.type) });
  assert.equal(end.damage, undefined);
  assert.deepEqual(types, [9, 68, 9]);
  assert.equal(data.recording.features.hostname, 'h');
  assert.equal(data.recording.events[0]?.name, 'cycles');
});

test('AUXTRACE: the payload is handed over, skipped, or found cut', () => {
  const payload = Uint8Array.from({ length: 16 }, (_, i) => i);
  const bytes = writePerfData({ events: [{ attr: ATTR }], mode: 'pipe' }, [
    { user: { type: 'AUXTRACE', size: 16, offset: 32n, reference: 9n, idx: 0, tid: 2, cpu: 1 }, payload },
    at(5),
  ]);
  const got: number[] = [];
  openPerfDataSync(memorySource(bytes)).scan({ record: () => undefined, auxData: (p) => got.push(...p) });
  assert.deepEqual(got, [...payload]);
  assert.deepEqual(
    readPerfData(bytes).records.map((r) => r.type),
    [64, 71, 9],
  );
  const cut = readPerfData(bytes.subarray(0, bytes.byteLength - 40));
  assert.equal(cut.records.length, 2);
  assert.match(cut.damage?.what ?? '', /AUX data of 16 bytes run past the end of the data, 8 are there/);
});

test('compressed records: without a decompressor they are damage; the leftover of one is joined to the next', () => {
  // "compression" that copies: the records of one stream, cut where it likes
  const copy = (b: Uint8Array): Uint8Array => b.slice();
  const bytes = writePerfData({ events: [{ attr: ATTR }], mode: 'pipe', compression: { deflate: copy } }, [at(1), at(2)]);
  assert.match(readPerfData(bytes).damage?.what ?? '', /no zstd decompressor was given/);
  const { records } = readPerfData(bytes, { inflate: { push: copy } });
  assert.deepEqual(
    records.filter((r) => r.sample).map((r) => r.sample?.time),
    [1n, 2n],
  );
  let calls = 0;
  const halves = { push: (b: Uint8Array) => (calls++ === 0 ? b.slice(0, 40) : b.slice()) };
  assert.match(readPerfData(bytes, { inflate: halves }).damage?.what ?? '', /8 decompressed bytes are no whole record/);
});

test('a few hundred damaged files: errors, never exceptions of another kind', () => {
  const base = writePerfData(
    { events: [{ attr: ATTR, name: 'cycles' }], features: { hostname: 'h', cmdline: ['a', 'b'], nrCpus: { available: 2, online: 2 } } },
    [at(1), ROUND, at(2)],
  );
  let refused = 0;
  for (let seed = 0; seed < 300; seed++) {
    try {
      if (readPerfData(mutate(base, seed)).damage !== undefined) refused++;
    } catch (error) {
      assert.ok(error instanceof FormatError, String(error));
      assert.ok(error.offset >= 0);
      refused++;
    }
  }
  assert.ok(refused > 30 && refused < 300, `${refused}`);
});
