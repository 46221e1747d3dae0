/** Recordings that others made: perf and we must say the same of them; where perf 6.1 cannot read, the README's figures hold. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { chunkSource } from '#formats/perf-data/source.ts';
import { openPerfData, readPerfData } from '#formats/perf-data/read.ts';
import { NodeZstd } from '#cli/perf-data-input.ts';
import { DATA, firstDifference, hasData, needsData, needsPerf, noSymbols, perf, perfglass, perfglassWithInput } from '../support/perf.ts';

const files = hasData ? readdirSync(DATA).sort() : [];
/** perf 6.1 refuses attr size 136 in file mode, and records of type 83. */
const unreadable = (name: string): boolean => /^sleep\.(compressed2?\.)?data$/.test(name) || name === 'sleep.compressed2.pipe.data';
const trim = (text: string): string => text.replace(/ +$/gm, '');

if (!hasData) test('recordings of others', { skip: needsData }, () => undefined);

for (const name of files) {
  const file = join(DATA, name);
  const skip = needsPerf;
  const damaged = name.includes('corrupted') || name === 'sleep.compressed2.pipe.data';

  if (!unreadable(name))
    test(`${name}: script as perf`, { skip }, () => {
      const theirs = perf('script', '--symfs', noSymbols, '--no-itrace', '-i', file);
      // PT files get columns for synthesized events from perf; fields named one by one have none
      const pt = name.includes('intel_pt');
      const ours = perfglass('script', '--symfs', noSymbols, '-i', file);
      assert.equal(ours.status, damaged ? 1 : 0, ours.err);
      const normal = (text: string): string => (pt ? text.replace(/ +/g, ' ') : text);
      assert.ok(normal(theirs.out) === normal(ours.out), firstDifference(normal(theirs.out), normal(ours.out)));
    });

  if (!unreadable(name))
    test(`${name}: script -D as perf`, { skip }, () => {
      const theirs = perf('script', '--symfs', noSymbols, '-D', '-i', file).out;
      const ours = perfglass('script', '--symfs', noSymbols, '-D', '-i', file).out;
      assert.ok(theirs === ours, firstDifference(theirs, ours));
    });

  // of the 2012 pipe file perf prints fields from beyond its 80-byte attr; of a pipe of 4.14 it prints no event at all
  const evlist = !unreadable(name) && !name.includes('corrupted') && !name.includes('ctx_switch');
  if (evlist)
    test(`${name}: evlist -v as perf`, { skip }, () => {
      const theirs = perf('evlist', '-v', '-i', file).out;
      const ours = perfglass('evlist', '-v', '-i', file).out;
      assert.ok(theirs === ours, firstDifference(theirs, ours));
    });

  if (!unreadable(name))
    test(`${name}: report --header-only as perf`, { skip }, () => {
      const theirs = trim(perf('report', '--header-only', '-i', file).out);
      const ours = trim(perfglass('report', '--header-only', '-i', file).out);
      assert.ok(theirs === ours, firstDifference(theirs, ours));
    });

  test(`${name}: the same through a pipe`, async () => {
    const bytes = readFileSync(file);
    const ours = perfglassWithInput(bytes, 'script', '--symfs', noSymbols, '-i', '-');
    assert.equal(ours.status, damaged ? 1 : 0, ours.err);
    // modules are named by the build ids, which in file mode come after the data
    const noModules = (text: string): string => text.replace(/\((\[[a-z0-9_]+\]|\/lib\/modules\/.*)\)$/gm, '(module)');
    const whole1 = perfglass('script', '--symfs', noSymbols, '-i', file).out;
    // and so do the names of events that are not perf's own
    if (!name.includes('intel_pt'))
      assert.ok(noModules(ours.out) === noModules(whole1), firstDifference(noModules(whole1), noModules(ours.out)));
    // and in pieces of 1000 bytes
    const pieces = Array.from(
      { length: Math.ceil(bytes.length / 1000) },
      (_, i) => new Uint8Array(bytes.subarray(i * 1000, i * 1000 + 1000)),
    );
    const whole = await count(() =>
      openPerfData({ size: bytes.length, read: (o, n) => bytes.subarray(o, o + n) }, { inflate: new NodeZstd() }),
    );
    assert.deepEqual(await count(() => openPerfData(chunkSource(pieces), { inflate: new NodeZstd() })), whole);
  });
}

async function count(
  open: () => ReturnType<typeof openPerfData>,
): Promise<{ types: [number, number][]; hostname: string | undefined; damage: number | undefined }> {
  const data = await open();
  const types = new Map<number, number>();
  const end = await data.scan({ record: (c) => types.set(c.type, (types.get(c.type) ?? 0) + 1) });
  return { types: [...types].sort((a, b) => a[0] - b[0]), hostname: data.recording.features.hostname, damage: end.damage?.offset };
}

/** Figures of the README and of linux-perf-data's tests. */
const FIGURES: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  'perf.data.intel_pt-4.14': { 70: 1, 71: 2, 11: 10, 15: 152, 12: 2 },
  'perf.data.branch-4.14': { 9: 13 },
  'perf.data.lost_samples-4.4': { 13: 2 },
  'perf.data.throttle-3.8': { 9: 14980, 5: 68, 6: 64 },
};

for (const [name, figures] of Object.entries(FIGURES)) {
  test(`${name}: counts of its README`, { skip: needsData }, () => {
    const { records, damage, recording } = readPerfData(readFileSync(join(DATA, name)));
    assert.equal(damage, undefined);
    assert.deepEqual(recording.issues, []);
    for (const [type, n] of Object.entries(figures))
      assert.equal(records.filter((r) => r.type === Number(type)).length, n, `records of type ${type}`);
    if (name.includes('branch'))
      for (const r of records) if (r.sample !== undefined) assert.equal(r.sample.branchStack?.entries.length, 32);
    if (name.includes('intel_pt'))
      assert.equal(
        records.reduce((sum, r) => sum + (r.user?.type === 'AUXTRACE' ? r.user.size : 0), 0),
        149_968,
      );
  });
}

test('the corrupt pipe file stops at its offset, all before it kept', { skip: needsData }, () => {
  const { records, damage } = readPerfData(readFileSync(join(DATA, 'perf.data.piped.corrupted.zero_size_sample-3.2')));
  assert.equal(damage?.offset, 0xbfd0);
  assert.equal(damage?.what, 'record size 0 is less than a record header');
  assert.equal(records.length, 570);
});

test('attr size 136 and records 83: the plain file and the compressed ones hold the same kinds of records', {
  skip: needsData,
}, async () => {
  for (const name of [
    'sleep.data',
    'sleep.compressed.data',
    'sleep.compressed2.data',
    'sleep.compressed.pipe.data',
    'sleep.compressed2.pipe.data',
  ]) {
    const bytes = readFileSync(join(DATA, name));
    const data = await openPerfData({ size: bytes.length, read: (o, n) => bytes.subarray(o, o + n) }, { inflate: new NodeZstd() });
    let samples = 0;
    await data.scan({ record: (c) => (samples += c.type === 9 ? 1 : 0) });
    assert.equal(data.recording.events[0]?.attr.size, 136, name);
    assert.ok(samples >= 7, `${name}: ${samples} samples`);
  }
});

test('symbols: script names what perf names, with the files of this machine', { skip: needsPerf }, () => {
  const file = join(DATA, 'perf.data.piped.header_features_aligned-6.12');
  const ours = perfglass('script', '-i', file).out;
  const theirs = perf('script', '-i', file).out;
  assert.ok(theirs === ours, firstDifference(theirs, ours));
});
