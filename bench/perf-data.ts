/**
 * Reading and printing 1.9 million samples, beside perf on the same machine. CPU time (user + system) of whole processes, in paired
 * rounds; the table shows medians. `node bench/perf-data.ts [samples] [rounds] [file]`: a file is used instead of a generated one.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { makeAttr } from '#formats/perf-data/attr.ts';
import { PerfDataWriter } from '#formats/perf-data/write.ts';

const SAMPLES = Number(process.argv[2] ?? 1_900_000);
const ROUNDS = Number(process.argv[3] ?? 3);
const MAIN = new URL('../src/cli/main.ts', import.meta.url).pathname;
const dir = mkdtempSync(join(tmpdir(), 'perfglass-bench-'));
const file = process.argv[4] ?? join(dir, 'bench.data');

function generate(): void {
  const fd = openSync(file, 'w');
  const S = PERF_SAMPLE;
  const attr = makeAttr({
    sample_type: S.IP | S.TID | S.TIME | S.CPU | S.PERIOD,
    sample_period: 100000n,
    flags: { sample_id_all: true, mmap: true, mmap2: true, comm: true, task: true },
  });
  let at = 0;
  const writer = new PerfDataWriter(
    {
      write: (b) => {
        at += writeSync(fd, b, 0, b.byteLength, at);
      },
      patch: (offset, b) => {
        writeSync(fd, b, 0, b.byteLength, offset);
      },
    },
    { events: [{ attr, name: 'cycles' }], features: { arch: 'x86_64', osRelease: '6.1.0', nrCpus: { available: 2, online: 2 } } },
  );
  writer.kernel(
    {
      type: 'MMAP',
      pid: -1,
      tid: 0,
      addr: 0xffffffff81000000n,
      len: 0x1000000n,
      pgoff: 0xffffffff81000000n,
      filename: '[kernel.kallsyms]_text',
    },
    { misc: 1 },
  );
  for (let t = 0; t < 8; t++) {
    const id = { pid: 100 + t, tid: 100 + t, time: BigInt(1_000_000_000 + t), cpu: 0 };
    writer.kernel({ type: 'COMM', pid: 100 + t, tid: 100 + t, comm: `worker-${t}` }, { sampleId: id });
    writer.kernel(
      {
        type: 'MMAP2',
        pid: 100 + t,
        tid: 100 + t,
        addr: 0x400000n,
        len: 0x100000n,
        pgoff: 0n,
        maj: 8,
        min: 1,
        ino: 7n,
        inoGeneration: 0n,
        prot: 5,
        flags: 2,
        filename: '/opt/prog',
      },
      { misc: 2, sampleId: id },
    );
  }
  let seed = 12345;
  const random = (): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed >>> 8;
  };
  for (let i = 0; i < SAMPLES; i++) {
    const t = random() % 8;
    const kernel = random() % 5 === 0;
    writer.sample(
      {
        // few addresses are hot, as in a program: the product of two uniform numbers
        ip: kernel
          ? 0xffffffff81000000n + BigInt((random() % 32) * (random() % 32) * 64)
          : 0x400000n + BigInt((random() % 64) * (random() % 64) * 16),
        pid: 100 + t,
        tid: 100 + t,
        time: BigInt(1_000_100_000 + i * 1000),
        cpu: i & 1,
        period: 100000n,
      },
      kernel ? 1 : 2,
    );
    if (i % 20_000 === 19_999) writer.finishedRound();
  }
  writer.finish();
  closeSync(fd);
}

interface Measure {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly peakMb: number;
}

/** Runs a command with its output to /dev/null; CPU time and peak memory by /usr/bin/time's source: /proc is gone when it ends, so the shell's `times` tells. */
function measure(command: readonly string[]): Measure {
  const out = join(dir, 'time');
  const quoted = command.map((c) => `'${c.replaceAll("'", "'\\''")}'`).join(' ');
  const start = process.hrtime.bigint();
  const r = spawnSync('bash', ['-c', `TIMEFORMAT='%U %S'; time ${quoted} >/dev/null 2>${out}.err`], { encoding: 'utf8' });
  const wall = Number(process.hrtime.bigint() - start) / 1e9;
  if (r.status !== 0) throw new Error(`${command.join(' ')}: ${existsSync(`${out}.err`) ? readFileSync(`${out}.err`, 'utf8') : ''}`);
  const [user, system] = r.stderr.trim().split(/\s+/).map(Number);
  return { cpuSeconds: (user ?? 0) + (system ?? 0), wallSeconds: wall, peakMb: 0 };
}

const median = (list: number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN;

function main(): void {
  if (process.argv[4] === undefined || !existsSync(file)) generate();
  const node = process.execPath;
  const rows: { name: string; ours: string[]; theirs: string[]; unit: string; target: number }[] = [
    {
      name: 'read + histogram (report)',
      ours: [node, MAIN, 'report', '--stdio', '-i', file],
      theirs: ['perf', 'report', '--symfs', dir, '--stdio', '-g', 'none', '-i', file],
      unit: 'samples/s',
      target: 5e6,
    },
    {
      name: 'script',
      ours: [node, MAIN, 'script', '-i', file],
      theirs: ['perf', 'script', '--symfs', dir, '-i', file],
      unit: 'lines/s',
      target: 1e6,
    },
  ];
  const hasPerf = spawnSync('perf', ['--version']).status === 0;
  const base = median(Array.from({ length: 3 }, () => measure([node, MAIN, '--help']).cpuSeconds));
  console.log(
    `${SAMPLES} samples, ${(statSync(file).size / 1e6).toFixed(0)} MB, ${ROUNDS} paired rounds, CPU seconds (median); start of our process alone: ${base.toFixed(2)} s`,
  );
  for (const row of rows) {
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      ours.push(measure(row.ours).cpuSeconds);
      if (hasPerf) theirs.push(measure(row.theirs).cpuSeconds);
    }
    const rate = SAMPLES / median(ours);
    const steady = SAMPLES / (median(ours) - base);
    console.log(
      `${row.name.padEnd(28)} ours ${median(ours).toFixed(2)} s = ${(rate / 1e6).toFixed(2)} M ${row.unit} (${(steady / 1e6).toFixed(2)} M without the start), ` +
        `perf ${hasPerf ? `${median(theirs).toFixed(2)} s = ${(SAMPLES / median(theirs) / 1e6).toFixed(2)} M` : 'absent'}, target ${(row.target / 1e6).toFixed(0)} M: ${rate >= row.target ? 'met' : 'missed'}`,
    );
  }
  if (process.env['KEEP'] === undefined) rmSync(dir, { recursive: true, force: true });
}

main();
