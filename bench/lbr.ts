/**
 * What last branch records cost: the same program with recording off, with the trace variant but nothing recorded, with LBR for user mode, and in
 * call-stack mode. Paired rounds in one process, processor time of the main thread; the ratio is the median over rounds. `node bench/lbr.ts [rounds]`.
 */
import { MSR } from '../src/arch/msr.ts';
import { LBR_SELECT } from '../src/arch/lbr.ts';
import { DEFAULT_CPU_MODEL } from '../src/arch/cpu-models/index-of-models.ts';
import { NodeHost } from '../src/cli/host-node.ts';
import { defaultHandler } from '../src/kernel/perf/intel/pmi/handlers.ts';
import { Session } from '../src/system/session.ts';
import { PROGRAMS } from '../test/lib/perfglass.ts';

class QuietHost extends NodeHost {
  override write(fd: number, from: Uint8Array, position: number): number {
    return fd === 1 || fd === 2 ? from.length : super.write(fd, from, position);
  }
}

const CALL_STACK = LBR_SELECT.pack({ CPL_EQ_0: 1, JCC: 1, NEAR_IND_JMP: 1, NEAR_REL_JMP: 1, FAR_BRANCH: 1, EN_CALLSTACK: 1 });
const WAYS = [
  { name: 'off', trace: false, select: undefined },
  { name: 'trace variant', trace: true, select: undefined },
  { name: 'user', trace: false, select: 1n },
  { name: 'all', trace: false, select: 0n },
  { name: 'call stack', trace: false, select: CALL_STACK },
] as const;
const PROGRAM_LIST = [
  ['fib', '31'],
  ['sieve', '12'],
  ['interp', '1200'],
] as const;

/** Milliseconds and instructions of a run, without start-up. */
function run(command: readonly string[], way: (typeof WAYS)[number]): { readonly ms: number; readonly instructions: number } {
  const handler = defaultHandler(DEFAULT_CPU_MODEL);
  const session = new Session({ model: DEFAULT_CPU_MODEL, handler, host: new QuietHost(), memoryBytes: 64 << 20, pathHash: way.trace });
  const path = `${PROGRAMS}${command[0]}`;
  const failure = session.start({ path, argv: [path, ...command.slice(1)], envp: [], cwd: '/' });
  if (failure !== undefined) throw new Error(failure);
  const { msrs } = session.machine.core;
  if (way.select !== undefined && !(msrs.write(MSR.MSR_LBR_SELECT, way.select) && msrs.write(MSR.IA32_DEBUGCTL, 1n)))
    throw new Error('no LBR');
  const start = process.threadCpuUsage();
  session.run();
  const { user, system } = process.threadCpuUsage(start);
  return { ms: (user + system) / 1000, instructions: session.machine.retire.sum(0) };
}

const median = (v: number[]): number => v.toSorted((a, b) => a - b)[v.length >> 1] ?? 0;
const rounds = Number(process.argv[2] ?? 5);
for (const command of PROGRAM_LIST) {
  const ratios: number[][] = WAYS.map(() => []);
  const mips: number[][] = WAYS.map(() => []);
  for (let r = -1; r < rounds; r++) {
    const results = WAYS.map((w) => run(command, w));
    if (r < 0) continue; // the first round compiles
    for (const [i, x] of results.entries()) {
      ratios[i]?.push(x.ms / (results[0]?.ms ?? 1));
      mips[i]?.push(x.instructions / x.ms / 1000);
      if (x.instructions !== results[0]?.instructions) throw new Error('recording changed the run');
    }
  }
  const cells = WAYS.map((w, i) => `${w.name} ${median(mips[i] ?? []).toFixed(0)} MIPS (${median(ratios[i] ?? []).toFixed(2)})`);
  console.log(`${command.join(' ')}: ${cells.join(', ')}`);
}
