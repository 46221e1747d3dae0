/**
 * What sampling costs: the same program counting `instructions:u` and `cycles:u`, and sampling one of them every 100,000 (10,000 and 1,000 beside
 * it), records written into a ring as `record` does. Paired rounds in one process, processor time of the main thread; the ratio is the median over
 * rounds. `node bench/sampling.ts [rounds]`.
 */
import { PERF_SAMPLE } from '../src/abi/perf-event/sample.ts';
import { DEFAULT_CPU_MODEL } from '../src/arch/cpu-models/index-of-models.ts';
import { NodeHost } from '../src/cli/host-node.ts';
import { makeAttr } from '../src/kernel/perf/attr.ts';
import { isRefusal } from '../src/kernel/perf/attr-checks.ts';
import { defaultHandler } from '../src/kernel/perf/intel/pmi/handlers.ts';
import { DrainedRing } from '../src/kernel/perf/record-ring.ts';
import { Session } from '../src/system/session.ts';
import { PROGRAMS } from '../test/lib/perfglass.ts';

class QuietHost extends NodeHost {
  override write(fd: number, from: Uint8Array, position: number): number {
    return fd === 1 || fd === 2 ? from.length : super.write(fd, from, position);
  }
}

const INSTRUCTIONS = 1n;
const CYCLES = 0n;
interface Way {
  readonly name: string;
  /** Event sampled and its period; none: both count. */
  readonly sampled?: readonly [config: bigint, period: bigint];
}
const WAYS: readonly Way[] = [
  { name: 'counting' },
  { name: 'instructions:u 100k', sampled: [INSTRUCTIONS, 100_000n] },
  { name: 'cycles:u 100k', sampled: [CYCLES, 100_000n] },
  { name: 'instructions:u 10k', sampled: [INSTRUCTIONS, 10_000n] },
  { name: 'instructions:u 1k', sampled: [INSTRUCTIONS, 1000n] },
];
const PROGRAM_LIST = [
  ['fib', '31'],
  ['sieve', '12'],
  ['interp', '1200'],
] as const;

function run(command: readonly string[], way: Way): { readonly ms: number; readonly instructions: number; readonly samples: number } {
  const handler = defaultHandler(DEFAULT_CPU_MODEL);
  const session = new Session({ model: DEFAULT_CPU_MODEL, handler, host: new QuietHost(), memoryBytes: 64 << 20 });
  const path = `${PROGRAMS}${command[0]}`;
  const failure = session.start({ path, argv: [path, ...command.slice(1)], envp: [], cwd: '/' });
  if (failure !== undefined) throw new Error(failure);
  const ring = new DrainedRing(1 << 26);
  const sample_type = PERF_SAMPLE.IP | PERF_SAMPLE.TID | PERF_SAMPLE.TIME;
  for (const config of [INSTRUCTIONS, CYCLES]) {
    const period = way.sampled?.[0] === config ? way.sampled[1] : 0n;
    const event = session.open(makeAttr({ config, sample_type, sample_period: period, flags: { exclude_kernel: true } }), undefined, ring);
    if (isRefusal(event)) throw new Error(event.reason);
  }
  const start = process.threadCpuUsage();
  session.run();
  const { user, system } = process.threadCpuUsage(start);
  const { served, spurious } = session.perf.pmis;
  return { ms: (user + system) / 1000, instructions: session.machine.truth.total(0xc0n)?.user ?? 0, samples: served - spurious };
}

const median = (v: number[]): number => v.toSorted((a, b) => a - b)[v.length >> 1] ?? 0;
const rounds = Number(process.argv[2] ?? 5);
for (const command of PROGRAM_LIST) {
  const ratios: number[][] = WAYS.map(() => []);
  const each: number[][] = WAYS.map(() => []);
  let samples: number[] = [];
  for (let r = -1; r < rounds; r++) {
    const results = WAYS.map((w) => run(command, w));
    if (r < 0) continue; // the first round compiles
    const [counting] = results;
    samples = results.map((x) => x.samples);
    for (const [i, x] of results.entries()) {
      if (x.instructions !== counting?.instructions) throw new Error('sampling changed the run');
      ratios[i]?.push(x.ms / counting.ms);
      each[i]?.push((1000 * (x.ms - counting.ms)) / Math.max(1, x.samples));
    }
  }
  const cells = WAYS.slice(1).map(
    (w, i) =>
      `${w.name} ${median(ratios[i + 1] ?? []).toFixed(2)} (${samples[i + 1]} samples, ${median(each[i + 1] ?? []).toFixed(0)} µs each)`,
  );
  console.log(`${command.join(' ')}: counting 1.00, ${cells.join(', ')}`);
}
