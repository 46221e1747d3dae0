/**
 * Mutated recordings, fixed seeds: no crash, no hang, each error with an offset, memory bounded.
 * PERFGLASS_FUZZ=n sets the number of files (default 20,000), PERFGLASS_FUZZ_SEED the first seed.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { mutate } from '#base/mutate.ts';
import type { Inflate } from '#formats/perf-data/source.ts';
import { exercise } from '../support/exercise.ts';
import { DATA, hasData } from '../support/perf.ts';
import { bytesOf, type Case, CASES } from '../support/recordings.ts';

const COUNT = Number(process.env['PERFGLASS_FUZZ'] ?? 20_000);
const FIRST = Number(process.env['PERFGLASS_FUZZ_SEED'] ?? 1);
const SLOW_MS = 5000;
const MEMORY = 512e6;

/** Whole frames, which is what our writer makes; what goes wrong is an error with the offset of its record. */
const inflate: Inflate = {
  push: (data, limit) => {
    const out = zstdDecompressSync(data, { maxOutputLength: limit });
    return new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
  },
};

const bases: Uint8Array[] = CASES.map(bytesOf);
for (const name of ['plain', 'callchain'])
  for (const mode of ['file', 'pipe'] as const) {
    const c = CASES.find((x) => x.name === name) as Case;
    bases.push(bytesOf({ ...c, options: { ...c.options, mode, compression: { deflate: (b) => zstdCompressSync(b) } } }));
  }
// the larger ones of others take long to print: the first 20 kB of each
if (hasData) for (const f of readdirSync(DATA).sort()) bases.push(new Uint8Array(readFileSync(join(DATA, f)).subarray(0, 20_000)));

test(`${COUNT} mutated recordings: no crash, no hang, errors with offsets, bounded memory`, () => {
  let slowest = 0;
  let refused = 0;
  let peak = 0;
  const before = process.memoryUsage.rss();
  for (let i = 0; i < COUNT; i++) {
    const seed = FIRST + i;
    const bytes = mutate(bases[i % bases.length] as Uint8Array, seed);
    const start = process.hrtime.bigint();
    let error;
    try {
      error = exercise(bytes, inflate);
    } catch (e) {
      throw new Error(`seed ${seed} (recording ${i % bases.length})`, { cause: e });
    }
    const ms = Number(process.hrtime.bigint() - start) / 1e6;
    slowest = Math.max(slowest, ms);
    assert.ok(ms < SLOW_MS, `seed ${seed} took ${ms} ms`);
    if (error !== undefined) {
      refused++;
      assert.ok(Number.isSafeInteger(error.offset) && error.offset >= 0, `seed ${seed}: offset ${error.offset}`);
      assert.match(error.message, /byte offset 0x[0-9a-f]+$/);
    }
    if (i % 500 === 0) peak = Math.max(peak, process.memoryUsage.rss());
  }
  assert.ok(peak - before < MEMORY, `memory grew by ${((peak - before) / 1e6).toFixed(0)} MB`);
  // a check that cannot fail is none: most mutations hurt, and some do not
  assert.ok(refused > COUNT / 10 && refused < COUNT, `${refused} of ${COUNT} were damaged`);
  console.log(
    `# ${COUNT} files, ${refused} with damage, slowest ${slowest.toFixed(0)} ms, memory grew by ${((peak - before) / 1e6).toFixed(0)} MB`,
  );
});
