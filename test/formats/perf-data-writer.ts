/** Files that we write, read by Debian's perf: it must read them without complaint but for the loss they hold, and say what we say. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import type { WriterOptions } from '#formats/perf-data/write.ts';
import { firstDifference, needsPerf, noSymbols, perf, perfglass, scratch } from '../support/perf.ts';
import { bytesOf, type Case, CASES } from '../support/recordings.ts';

/** Lines that perf says on standard error about this host and not about the file. */
const HOST = /^(No kallsyms or vmlinux.*|WARNING: Kernel address maps.*|.*kptr_restrict.*|)$/;
const complaints = (err: string): string =>
  err
    .split('\n')
    .filter((l) => !HOST.test(l))
    .join('\n');

function check(name: string, c: Case, bytes: Uint8Array): void {
  const file = join(scratch, `${name}.data`);
  writeFileSync(file, bytes);
  for (const args of [['script'], ['script', '-D'], ['report', '--stdio']]) {
    const r = perf(args[0] as string, '--symfs', noSymbols, ...args.slice(1), '-i', file);
    assert.equal(r.status, 0, `perf ${args.join(' ')}: ${r.err}`);
    if (args[0] === 'report' || args[1] === '-D') continue;
    const said = complaints(r.err);
    if (c.loss === undefined) assert.equal(said, '', `perf ${args.join(' ')} complains`);
    if (c.pt !== true) {
      const ours = perfglass('script', '--symfs', noSymbols, '-i', file);
      assert.equal(ours.status, 0, ours.err);
      assert.ok(r.out === ours.out, `script differs at ${firstDifference(r.out, ours.out)}`);
    }
  }
  if (c.loss !== undefined) {
    const r = perf('report', '--stdio', '-i', file);
    assert.match(r.out + r.err + perf('script', '-i', file).err, c.loss);
  }
  const theirs = perf('script', '--symfs', noSymbols, '-D', '-i', file).out;
  const ours = perfglass('script', '--symfs', noSymbols, '-D', '-i', file);
  assert.ok(theirs === ours.out, `script -D differs at ${firstDifference(theirs, ours.out)}`);
}

for (const c of CASES) {
  test(`perf reads what we write: ${c.name}`, { skip: needsPerf }, () => check(c.name, c, bytesOf(c)));
}

const compressed = (c: Case, extra: Partial<WriterOptions>): Case => ({
  ...c,
  options: { ...c.options, compression: { deflate: (b) => zstdCompressSync(b) }, ...extra },
});
for (const name of ['plain', 'two-events-rounds', 'callchain']) {
  const base = CASES.find((c) => c.name === name) as Case;
  for (const mode of ['file', 'pipe'] as const) {
    const c = compressed(base, { mode });
    test(`perf reads what we compress: ${name}, ${mode} mode`, { skip: needsPerf }, () => check(`zstd-${name}-${mode}`, c, bytesOf(c)));
  }
}

/** Fields by name, where the default text does not have them. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  'branch-stack': ['ip,brstack', 'ip,sym,brstacksym', 'comm,brstackoff', '+brstack', '+brstacksym'],
  registers: ['ip,iregs,uregs'],
  memory: ['comm,addr,data_src,weight,phys_addr,data_page_size,code_page_size'],
  plain: ['comm,pid,tid,cpu,time,event,period,ip,sym,dso,misc', 'ip,sym,symoff,dso', 'tid,event', '+misc', '-period,-comm'],
  callchain: ['comm,ip,sym', 'event,ip', 'comm,tid'],
};
for (const [name, lists] of Object.entries(FIELDS)) {
  const c = CASES.find((x) => x.name === name) as Case;
  for (const list of lists) {
    test(`script -F ${list} as perf: ${name}`, { skip: needsPerf }, () => {
      const file = join(scratch, `${name}.fields`);
      writeFileSync(file, bytesOf(c));
      const theirs = perf('script', '--symfs', noSymbols, '-F', list, '-i', file).out;
      const ours = perfglass('script', '--symfs', noSymbols, '-F', list, '-i', file);
      assert.equal(ours.status, 0, ours.err);
      assert.ok(theirs === ours.out, firstDifference(theirs, ours.out));
    });
  }
}
