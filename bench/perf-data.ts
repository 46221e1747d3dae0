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
import { fileSource } from '#cli/perf-data-input.ts';
import { makeAttr } from '#formats/perf-data/attr.ts';
import { openPerfDataSync } from '#formats/perf-data/read.ts';
import { Reporter } from '#formats/perf-data/report.ts';
import { Session } from '#formats/perf-data/session.ts';
import { PerfDataWriter } from '#formats/perf-data/write.ts';

const SAMPLES = Number(process.argv[2] ?? 1_900_000);
const ROUNDS = Number(process.argv[3] ?? 3);
const BUILT = new URL('../dist/perfglass.js', import.meta.url).pathname;
const MAIN = existsSync(BUILT) ? BUILT : new URL('../src/cli/main.ts', import.meta.url).pathname;
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

/** Reading and counting by (thread, address) inside this process, warmed: what a user of the library gets. CPU seconds, median. */
function library(ordered: boolean): { cpuSeconds: number; samples: number } {
  const times: number[] = [];
  let samples = 0;
  for (let round = 0; round < ROUNDS + 1; round++) {
    const fd = openSync(file, 'r');
    const data = openPerfDataSync(fileSource(fd, statSync(file).size));
    const session = new Session(data.recording);
    const reporter = new Reporter(data.recording, session, {
      sort: ['comm', 'dso', 'sym'],
      children: false,
      callGraph: 'none',
      branch: false,
    });
    const before = process.cpuUsage();
    data.scan(reporter, { ordered });
    samples = reporter.finish().reduce((n, e) => n + e.samples, 0);
    const used = process.cpuUsage(before);
    closeSync(fd);
    if (round > 0) times.push((used.user + used.system) / 1e6);
  }
  return { cpuSeconds: median(times), samples };
}

interface Measure {
  readonly cpuSeconds: number;
}

/** Runs a command with its output to /dev/null; the shell tells its CPU time. */
function measure(command: readonly string[]): Measure {
  const out = join(dir, 'time');
  const quoted = command.map((c) => `'${c.replaceAll("'", "'\\''")}'`).join(' ');
  const r = spawnSync('bash', ['-c', `TIMEFORMAT='%U %S'; time ${quoted} >/dev/null 2>${out}.err`], { encoding: 'utf8' });
  if (r.status !== 0) throw new Error(`${command.join(' ')}: ${existsSync(`${out}.err`) ? readFileSync(`${out}.err`, 'utf8') : ''}`);
  const [user, system] = r.stderr.trim().split(/\s+/).map(Number);
  return { cpuSeconds: (user ?? 0) + (system ?? 0) };
}

const median = (list: number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN;

function main(): void {
  if (process.argv[4] === undefined || !existsSync(file)) generate();
  for (const ordered of [false, true]) {
    const { cpuSeconds, samples } = library(ordered);
    const rate = samples / cpuSeconds;
    console.log(
      `library: read + histogram, ${ordered ? 'in order of time' : 'in order of file'}: ${cpuSeconds.toFixed(2)} s = ${(rate / 1e6).toFixed(2)} M samples/s, target 5 M: ${rate >= 5e6 ? 'met' : 'missed'}`,
    );
  }
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
