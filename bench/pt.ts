/**
 * Processor Trace beside libipt, on the same machine and the same bytes: packets, blocks, two workers. Each figure is the median of
 * alternating runs. The trace is mruby's (shared data) twenty times over, so that start-up does not decide.
 *
 *   node bench/pt.ts [runs]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PtPool } from '#cli/pt-parallel.ts';
import { BlockTable } from '#formats/pt/block-table.ts';
import { PtFlow } from '#formats/pt/flow.ts';
import { PT_END, PacketReader, scanPackets } from '#formats/pt/packet-reader.ts';
import { collectStats } from '#formats/pt/stats.ts';
import { RECORDINGS, bytesOf, imageOf, present } from '../test/formats/pt-data.ts';

const recording = RECORDINGS.find((r) => r.name === 'pt-kvm/mruby')!;
const COPIES = 20;
const WARM_UP = 4; // until both threads run optimised code

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

const seconds = (work: () => void): number => {
  const t = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - t) / 1e9;
};

async function main(runs: number): Promise<void> {
  if (!present(recording)) {
    console.log(`bench/pt: skipped, ${recording.trace} is not here`);
    return;
  }
  const once = bytesOf(recording.trace);
  const trace = new Uint8Array(new SharedArrayBuffer(once.length * COPIES));
  for (let i = 0; i < COPIES; i++) trace.set(once, i * once.length);
  const dir = mkdtempSync(join(tmpdir(), 'perfglass-bench-'));
  const file = join(dir, 'trace');
  writeFileSync(file, trace);
  let libipt: string | undefined = join(dir, 'libipt-oracle');
  try {
    execFileSync('cc', ['-O2', '-o', libipt, new URL('../test/formats/oracle/libipt-oracle.c', import.meta.url).pathname, '-lipt'], {
      stdio: 'pipe',
    });
  } catch {
    libipt = undefined;
    console.log('bench/pt: no libipt (apt-get install libipt-dev gcc): our figures only');
  }
  const ask = (mode: string): number => {
    if (libipt === undefined) return Number.NaN;
    return Number(
      execFileSync(libipt, [mode, '0', file, ...recording.code])
        .toString()
        .trim()
        .split(' ')[1],
    );
  };
  const image = imageOf(recording);
  const table = new BlockTable(image);
  const insns = recording.insns * COPIES;
  const one = new PtPool(1);
  const two = new PtPool(2);
  const rows: Record<string, number[]> = {};
  const note = (name: string, s: number): void => {
    (rows[name] ??= []).push(s);
  };
  const decode = (t?: BlockTable): void => {
    const found = collectStats(new PtFlow(image, trace, t === undefined ? {} : { table: t })).insns;
    if (found !== insns) throw new Error(`${found} instructions, expected ${insns}`);
  };
  decode(table);
  for (let i = 0; i < WARM_UP; i++) {
    await one.stats(trace, image);
    await two.stats(trace, image);
  }
  for (let i = 0; i < runs; i++) {
    note('libipt packets', ask('time-packets'));
    note(
      'our scan',
      seconds(() => void scanPackets(trace)),
    );
    note(
      'our reader',
      seconds(() => {
        const r = new PacketReader(trace);
        let type = r.next();
        while (type !== PT_END) type = r.next();
      }),
    );
    note('libipt blocks', ask('time-blocks'));
    note(
      'our blocks',
      seconds(() => decode(table)),
    );
    note(
      'our blocks, code not yet decoded',
      seconds(() => decode()),
    );
    for (const [name, pool] of [
      ['our blocks, one worker', one],
      ['our blocks, two workers', two],
    ] as const) {
      const t = process.hrtime.bigint();
      const found = (await pool.stats(trace, image)).insns;
      note(name, Number(process.hrtime.bigint() - t) / 1e9);
      note(`${name} (CPU time of the longest)`, Math.max(...pool.cpuSeconds));
      if (found !== insns) throw new Error(`${name}: ${found} instructions, expected ${insns}`);
    }
  }
  await one.close();
  await two.close();
  const mb = trace.length / 1e6;
  const ratio = (a: string, b: string): string => median(rows[a]!.map((x, i) => x / rows[b]![i]!)).toFixed(2);
  console.log(`${mb.toFixed(1)} MB, ${insns} instructions, median of ${runs} paired runs`);
  for (const [name, s] of Object.entries(rows)) {
    const m = median(s);
    const rate = /blocks/.test(name) ? `${(insns / m / 1e6).toFixed(0)} M instructions/s` : `${(mb / m).toFixed(0)} MB/s`;
    console.log(`  ${name.padEnd(52)} ${(m * 1000).toFixed(1).padStart(8)} ms  ${rate.padStart(22)}`);
  }
  console.log(`  packet scan / libipt's packets     ${ratio('libipt packets', 'our scan')}   (goal 1.5)`);
  console.log(`  packet reader / libipt's packets   ${ratio('libipt packets', 'our reader')}`);
  console.log(`  blocks / libipt's blocks           ${ratio('libipt blocks', 'our blocks')}   (goal 1.0)`);
  console.log(
    `  two workers / one                  ${ratio('our blocks, one worker', 'our blocks, two workers')}   (goal 1.6; by the clock, needs two free processors)`,
  );
  console.log(
    `  the same by CPU time               ${ratio('our blocks, one worker (CPU time of the longest)', 'our blocks, two workers (CPU time of the longest)')}   (what two free processors would give)`,
  );
}

await main(Number(process.argv[2] ?? 7));
