/** Real Processor Trace recordings: our decoder's counts are the README's, and its instruction list is libipt's. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BlockTable } from '#formats/pt/block-table.ts';
import { type PtMark, PtFlow } from '#formats/pt/flow.ts';
import { InsnHash, countInsns, forEachInsn } from '#formats/pt/instructions.ts';
import { dumpPackets } from '#formats/pt/packet-dump.ts';
import { scanPackets } from '#formats/pt/packet-reader.ts';
import { splitAtPsb } from '#formats/pt/split.ts';
import { DATA, RECORDINGS, type Recording, buildOracle, bytesOf, imageOf, present } from './pt-data.ts';

const oracle = buildOracle();
const noOracle = 'missing' in oracle ? oracle.missing : false;

interface Decoded {
  readonly lo: Int32Array;
  readonly hi: Int32Array;
  readonly count: number;
  readonly errors: readonly PtMark[];
  readonly hashes: readonly string[];
}

function decode(r: Recording): Decoded {
  const flow = new PtFlow(imageOf(r), bytesOf(r.trace));
  const lo = new Int32Array(r.insns + 1000);
  const hi = new Int32Array(r.insns + 1000);
  const errors: PtMark[] = [];
  const hash = new InsnHash(10_000);
  let count = 0;
  for (;;) {
    const chunk = flow.run();
    if (chunk === undefined) break;
    errors.push(...chunk.marks.filter((m) => m.event.kind === 'error'));
    const { insns } = flow.table;
    forEachInsn(flow.table, chunk, (id) => {
      lo[count] = insns.lo[id]!;
      hi[count] = insns.hi[id]!;
      hash.add(insns.lo[id]!, insns.hi[id]!);
      count++;
    });
  }
  return { lo, hi, count, errors, hashes: hash.lines() };
}

for (const r of RECORDINGS) {
  const missing = present(r) ? false : `${r.trace} is not here`;
  test(`${r.name}: packets, instructions, errors`, { skip: missing }, () => {
    if (r.packets !== undefined)
      assert.equal(
        scanPackets(bytesOf(r.trace)).counts.reduce((a, b) => a + b, 0),
        r.packets,
      );
    const got = decode(r);
    assert.equal(got.count, r.insns);
    assert.equal(got.errors.length, r.errors);
  });

  test(`${r.name}: the instructions are libipt's, by hash each 10,000`, { skip: missing || noOracle }, () => {
    if ('missing' in oracle) return;
    const lines = oracle
      .run(['insns', r.trace, ...r.code])
      .toString()
      .trim()
      .split('\n');
    const errors = Number(lines.pop()!.split(' ')[1]);
    const got = decode(r).hashes;
    // libipt's instruction decoder gives up at an indirect call that a page fault cut off without a FUP (griffin, offset 0x15f0);
    // its block decoder does not. Up to there the hashes are compared, beyond by blocks in the next test.
    if (r.name === 'pt-griffin/ovf-01-poc' && errors === 1) lines.pop();
    else assert.equal(errors, r.errors);
    for (const [i, line] of lines.entries()) assert.equal(got[i], line);
    if (errors === r.errors) assert.equal(lines.length, got.length);
  });

  test(`${r.name}: libipt's blocks start and end where ours do`, { skip: missing || noOracle }, () => {
    if ('missing' in oracle) return;
    const raw = oracle.run(['blocks', r.trace, ...r.code]);
    const words = new Int32Array(raw.buffer, raw.byteOffset, raw.length / 4);
    const got = decode(r);
    let at = 0;
    for (let i = 0; i < words.length; i += 6) {
      const n = words[i + 4]!;
      const same =
        got.lo[at] === words[i] &&
        got.hi[at] === words[i + 1] &&
        got.lo[at + n - 1] === words[i + 2] &&
        got.hi[at + n - 1] === words[i + 3];
      assert.ok(same, `block ${i / 6} of ${n} instructions, at instruction ${at}`);
      at += n;
    }
    assert.equal(at, got.count);
  });
}

test('mruby in two parts is mruby', { skip: present(RECORDINGS[1]!) ? false : 'not here' }, () => {
  const r = RECORDINGS[1]!;
  const trace = bytesOf(r.trace);
  const image = imageOf(r);
  for (const parts of [2, 5]) {
    let count = 0;
    for (const part of splitAtPsb(trace, parts)) {
      const flow = new PtFlow(image, trace, part);
      for (let c = flow.run(); c !== undefined; c = flow.run()) {
        count += countInsns(flow.table, c);
        assert.deepEqual(
          c.marks.filter((m) => m.event.kind === 'error'),
          [],
        );
      }
    }
    assert.equal(count, r.insns);
  }
});

const perfFile = `${DATA}/perf-data/perf.data.intel_pt-4.14`;
const perf = spawnSync('perf', ['script', '-D', '-i', perfFile], { maxBuffer: 1 << 27, encoding: 'utf8' });
const noPerf = perf.error !== undefined || !perf.stdout.includes('Intel Processor Trace data') ? 'no perf, or no recording' : false;

test('the packet dump is perf script -D, line by line', { skip: noPerf }, () => {
  const lines = perf.stdout.split('\n');
  let compared = 0;
  for (let i = 0; i < lines.length; i++) {
    if (!lines[i]!.includes('Intel Processor Trace data')) continue;
    const from = i + 1;
    const bytes: number[] = [];
    for (i = from; /^\. {2}[0-9a-f]{8}: {2}/.test(lines[i]!); i++)
      for (const b of lines[i]!.slice(13, 13 + 48)
        .trim()
        .split(/\s+/))
        bytes.push(Number.parseInt(b, 16));
    let k = from;
    for (const line of dumpPackets(Uint8Array.from(bytes))) {
      assert.equal(line, lines[k++]);
      compared++;
    }
    assert.equal(k, i);
  }
  assert.equal(compared, 86_631);
});

test('damaged traces: the same instructions as libipt up to the first error of either', {
  skip: noOracle || !present(RECORDINGS[0]!),
}, () => {
  if ('missing' in oracle) return;
  const dir = mkdtempSync(join(tmpdir(), 'perfglass-pt-'));
  for (const r of RECORDINGS.slice(0, 2)) {
    const image = imageOf(r);
    const table = new BlockTable(image);
    const whole = bytesOf(r.trace).subarray(0, 6000);
    let compared = 0;
    for (let i = 0; i < 60; i++) {
      const trace = whole.slice();
      for (let k = 0; k < 2; k++) trace[(i * 2654435761 + k * 40503) % trace.length]! ^= 1 << ((i + k) % 8);
      const file = join(dir, 'trace');
      writeFileSync(file, trace);
      const raw = oracle.run(['list', file, ...r.code]);
      const theirs = new Int32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
      const flow = new PtFlow(image, trace, { table });
      let n = 0;
      let failed = false;
      for (let c = flow.run(); c !== undefined && !failed; c = flow.run()) {
        const error = c.marks.find((m) => m.event.kind === 'error');
        const count = error?.at ?? c.count;
        failed = error !== undefined;
        forEachInsn(table, { ...c, count }, (id) => {
          if (n < theirs.length / 2)
            assert.ok(table.insns.lo[id] === theirs[n * 2] && table.insns.hi[id] === theirs[n * 2 + 1], `${r.name} ${i}: instruction ${n}`);
          n++;
        });
      }
      compared += Math.min(n, theirs.length / 2);
    }
    assert.ok(compared > 100_000, `${compared} instructions compared`);
  }
});
