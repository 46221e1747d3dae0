/** The options of `stat`: perf's by their names and rules, and the modelled computer's. */
import type { Command } from 'commander';
import { CliError, collect, USAGE } from '../command.ts';
import { addModelOptions, type ModelOptions } from '../models-options.ts';
import { numberOption } from '../options.ts';
import { checkCpus, numberList, type Watched, type WatchedOptions } from '../target.ts';
import { declareWorldOptions, type WorldOptions } from '../world/options.ts';

const LONGEST_MS = 1_000_000_000;

export interface StatOptions extends ModelOptions, WorldOptions, WatchedOptions {
  event?: string[];
  fieldSeparator?: string;
  jsonOutput?: boolean;
  repeat?: string;
  output?: string;
  append?: boolean;
  logFd?: string;
  verbose?: boolean;
  quiet?: boolean;
  ledger?: boolean;
  bigNum: boolean;
  B?: boolean;
  scale: boolean;
  inherit: boolean;
  null?: boolean;
  aggr: boolean;
  perThread?: boolean;
  intervalPrint?: string;
  intervalCount?: string;
  intervalClear?: boolean;
  summary?: boolean;
  csvSummary: boolean;
  timeout?: string;
  delay?: string;
  detailed?: number;
  allUser?: boolean;
  allKernel?: boolean;
  cpu?: string;
  pmi?: string;
  pmiLatency?: string;
  seed?: string;
  memory?: string;
}

const ONE_CPU = 'the modelled computer has one CPU: -A shows it';
const NO_CGROUPS = 'the modelled computer has no cgroup controllers';
/** perf's options that are not here, each with what to do instead. */
const NOT_THERE: readonly (readonly [flags: string, why: string])[] = [
  ['-M, --metrics <list>', 'metric groups are not there yet'],
  ['--metric-only', 'printing metrics alone is not there yet'],
  ['--metric-no-group', 'metric groups are not there yet'],
  ['--metric-no-merge', 'metric groups are not there yet'],
  ['--topdown', 'top-down analysis is not there yet'],
  ['--td-level <n>', 'top-down analysis is not there yet'],
  ['-T, --transaction', 'no model executes transactions'],
  ['--smi-cost', 'the modelled computer has no SMIs'],
  ['--iostat [list]', 'the modelled computer has no uncore'],
  ['-G, --cgroup <name>', NO_CGROUPS],
  ['--for-each-cgroup <name>', NO_CGROUPS],
  ['--per-socket', ONE_CPU],
  ['--per-die', ONE_CPU],
  ['--per-core', ONE_CPU],
  ['--per-node', ONE_CPU],
  ['--percore-show-thread', ONE_CPU],
  ['--cputype <type>', 'no model is hybrid'],
  ['--hybrid-merge', 'no model is hybrid'],
  ['--no-merge', 'there is one PMU: nothing is merged'],
  ['--filter <filter>', 'filters are of tracepoints, which are not there yet'],
  ['--control <fds>', 'control descriptors are not there yet: -D and --timeout'],
  ['--table', 'the table of all runs is not there yet'],
  ['-g, --group', 'groups are written with braces: {a,b}'],
  ['--pre <command>', 'commands of the host are yours to run, before and after'],
  ['--post <command>', 'commands of the host are yours to run, before and after'],
];

export function declareOptions(program: Command, run: (command: string[], options: StatOptions) => Promise<void>): void {
  program
    .usage('[options] [--] COMMAND [ARGS]')
    .argument('[command...]')
    .passThroughOptions()
    .option('-e, --event <list>', "events, as perf writes them: a,b:u {a,b}:k r01c4 cpu/event=0xc4,umask=1/ ('perfglass list')", collect)
    .option('-I, --interval-print <ms>', 'print at this interval of modelled time')
    .option('--interval-count <n>', 'only so many times')
    .option('--interval-clear', 'clear the screen in between')
    .option('--summary', 'with -I: all together at the end')
    .option('--no-csv-summary', "without 'summary' before it with -x")
    .option('-a, --all-cpus', 'count the whole modelled computer: every task, the kernel, idle')
    .option('-C, --cpus <list>', 'the same, on these CPUs')
    .option('-A, --no-aggr', 'a line for each CPU')
    .option(
      '-p, --pid <list>',
      'count the processes that will have these pids (the command is 1000, what it forks 1001, …), and what they fork',
    )
    .option('-t, --tid <list>', 'count the threads that will have these ids')
    .option('--per-thread', 'a line for each of these threads')
    .option('-D, --delay <ms>', 'count from then on; -1: never (events of its own a program may still open)')
    .option('--timeout <ms>', 'send the command SIGTERM then')
    .option('-x, --field-separator <sep>', 'print with this separator, for programs')
    .option('-j, --json-output', 'print a JSON object a line')
    .option('-r, --repeat <n>', 'run n times, print mean and error (1-100)')
    .option('-o, --output <file>', 'print to a file instead of stderr')
    .option('--append', 'append to the output file')
    .option('--log-fd <n>', 'print to this descriptor')
    .option('-v, --verbose', 'more: counts and times of each event, why one was not counted, PMIs, what the model lacks')
    .option('--quiet', 'print no counts')
    .option(
      '-d, --detailed',
      'with more events: caches; -d -d: TLBs and L1I, too; -d -d -d: prefetches, too',
      (_: unknown, n: number | undefined) => (n ?? 0) + 1,
    )
    .option('--ledger', 'print what became of every event: true + over = counted + lost')
    .option('--big-num', 'thousands separators (default)', true)
    .option('--no-big-num', 'no thousands separators')
    .option('-B', 'thousands separators (default)')
    .option('--no-scale', 'print counts of multiplexed events as they are')
    .option('-i, --no-inherit', 'do not count what the command forks')
    .option('-n, --null', 'run without counting')
    .option('-S, --sync', 'sync() before a run: nothing is waiting to be written here')
    .option('--all-user', 'count user mode only')
    .option('--all-kernel', 'count kernel mode only')
    .option('--cpu <model>', "modelled processor, e.g. skylake or skylake,-avx2,+sha; 'list' shows them")
    .option('--pmi <handler>', 'stop-in-handler, freeze-on-overflow, freeze-on-delivery, generic')
    .option('--pmi-latency <latency>', 'from overflow to PMI: 20i, 300c, or MIN..MAX drawn from the seed')
    .option('--seed <n>', 'for everything that is drawn (default 0)')
    .option('--memory <MiB>', 'modelled memory (default 1024)')
    .action(run);
  declareWorldOptions(addModelOptions(program));
  for (const [flags, why] of NOT_THERE) {
    program.option(flags, 'not there yet', () => {
      throw new CliError(`${flags.split(/[ ,]/)[0]}: ${why}`, USAGE);
    });
  }
}

/** What of the options says whom, when and how rows are printed. */
export interface StatPlan {
  readonly watched: Watched;
  /** As perf's headline has it; undefined: the command's text. */
  readonly title: string | undefined;
  readonly rows: 'sum' | 'cpu' | 'thread';
  /** -a --per-thread leaves out threads that counted nothing. */
  readonly skipZero: boolean;
  readonly delayMs: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly intervalMs: number | undefined;
  readonly intervalCount: number | undefined;
}

/** Throws CliError, in perf's words where perf has them. `warn`: what perf says and goes on. tools/perf/builtin-stat.c cmd_stat. */
export function planOf(o: StatOptions, warn: (text: string) => void): StatPlan {
  if (o.fieldSeparator !== undefined && o.jsonOutput === true) throw new CliError('-x and -j exclude each other', USAGE);
  if (o.fieldSeparator !== undefined && o.B === true) throw new CliError('-B option not supported with -x', USAGE);
  if (o.allUser === true && o.allKernel === true) throw new CliError('--all-user and --all-kernel exclude each other', USAGE);
  if (o.output !== undefined && o.logFd !== undefined) throw new CliError('-o and --log-fd exclude each other', USAGE);
  const { watched, title } = watchedOf(o, warn);
  if (!o.aggr && watched.kind !== 'cpu') throw new CliError('-A: no-aggregation mode only available in system-wide mode (-a, -C)', USAGE);
  if (o.perThread === true && title === undefined)
    throw new CliError('The --per-thread option is only available when monitoring via -p -t -a options', USAGE);
  return { watched, title, rows: rowsOf(o), skipZero: o.perThread === true && watched.kind === 'command', ...timesOf(o) };
}

const rowsOf = (o: StatOptions): StatPlan['rows'] => (o.perThread === true ? 'thread' : o.aggr ? 'sum' : 'cpu');

function timesOf(o: StatOptions): Pick<StatPlan, 'delayMs' | 'timeoutMs' | 'intervalMs' | 'intervalCount'> {
  const intervalMs = numberOption('-I', o.intervalPrint, 0, LONGEST_MS) || undefined;
  const intervalCount = numberOption('--interval-count', o.intervalCount, 1, LONGEST_MS);
  if (intervalCount !== undefined && intervalMs === undefined)
    throw new CliError('interval-count option should be used together with interval-print.', USAGE);
  const timeoutMs = numberOption('--timeout', o.timeout, 1, LONGEST_MS);
  if (timeoutMs !== undefined && intervalMs !== undefined)
    throw new CliError('timeout option is not supported with interval-print.', USAGE);
  if (intervalMs !== undefined && Number(o.repeat ?? 1) > 1) throw new CliError('-r with -I: the intervals of one run', USAGE);
  if (o.intervalClear === true && (o.output ?? o.logFd) !== undefined)
    throw new CliError('--interval-clear does not work with output', USAGE);
  const delayMs = o.delay === '-1' ? -1 : numberOption('-D', o.delay, 0, LONGEST_MS);
  return { delayMs, timeoutMs, intervalMs, intervalCount };
}

/** target__validate: pids before threads, both before CPUs. */
function watchedOf(o: StatOptions, warn: (text: string) => void): { readonly watched: Watched; readonly title: string | undefined } {
  if (o.cpus !== undefined) checkCpus(o.cpus);
  const ids = o.pid ?? o.tid;
  if (ids !== undefined) {
    if (o.cpus !== undefined) warn('PID/TID switch overriding CPU');
    else if (o.allCpus === true) warn('PID/TID switch overriding SYSTEM');
    const pids = [...new Set(numberList(o.pid === undefined ? '-t' : '-p', ids))].sort((a, b) => a - b);
    return { watched: { kind: 'pids', pids }, title: `${o.pid === undefined ? 'thread' : 'process'} id '${ids}'` };
  }
  if (o.cpus !== undefined) return { watched: { kind: 'cpu' }, title: o.allCpus === true ? "'system wide'" : `'CPU(s) ${o.cpus}'` };
  // -a --per-thread: the threads that there are when counting begins, which is the command's.
  if (o.allCpus === true) return { watched: { kind: o.perThread === true ? 'command' : 'cpu' }, title: "'system wide'" };
  return { watched: { kind: 'command' }, title: undefined };
}
