/** `perfglass stat`: runs a program on the modelled processor and prints exact counts, in perf stat's manner. */
import { appendFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { DEFAULT_EPOCH_NS } from '#kernel/kernel.ts';
import { type EventGroup, parseEvents } from '#system/events/parse.ts';
import { checkWritable, CliError, type DefineCommand } from '../command.ts';
import { exitCodeOf } from '../exit-code.ts';
import { loadInterpreter } from '../interpreter.ts';
import { eventError, handlerOption, latencyOption, modelList, modelOption, numberOption, watchInterrupt } from '../options.ts';
import { addModelOptions, type ModelOptions, modelSettings } from '../models-options.ts';
import { errnoName, measure, type RunOutcome } from '../stat/measure.ts';
import { printLedger, printLedgerJson } from '../stat/print-ledger.ts';
import { printCsv, printJson } from '../stat/print-machine.ts';
import { printText } from '../stat/print-text.ts';
import { average, statLines } from '../stat/statistics.ts';
import { makeManifest, writeManifest } from '../manifest/manifest.ts';
import { declareWorldOptions, optionsOf, type WorldOptions } from '../world/options.ts';
import { makeWorld, type World } from '../world/world.ts';

const USAGE = 129;
const DEFAULT_EVENTS = 'task-clock,context-switches,cpu-migrations,page-faults,cycles,instructions,branches,branch-misses';
/** What each -d adds. tools/perf/builtin-stat.c add_default_attributes. */
const DETAILED = [
  'L1-dcache-loads,L1-dcache-load-misses,LLC-loads,LLC-load-misses',
  'L1-icache-loads,L1-icache-load-misses,dTLB-loads,dTLB-load-misses,iTLB-loads,iTLB-load-misses',
  'L1-dcache-prefetches,L1-dcache-prefetch-misses',
];

interface StatOptions extends ModelOptions, WorldOptions {
  event?: string[];
  fieldSeparator?: string;
  jsonOutput?: boolean;
  repeat?: string;
  output?: string;
  append?: boolean;
  verbose?: boolean;
  ledger?: boolean;
  bigNum: boolean;
  inherit: boolean;
  null?: boolean;
  detailed?: number;
  allUser?: boolean;
  allKernel?: boolean;
  cpu?: string;
  pmi?: string;
  pmiLatency?: string;
  seed?: string;
  memory?: string;
}

/** perf's options that are not here, each with what to do instead. */
const NOT_THERE: readonly (readonly [flags: string, why: string])[] = [
  ['-I, --interval-print <ms>', 'printing at intervals is not there yet'],
  ['-a, --all-cpus', 'counting whole CPUs is not there yet (issue 5); a command and all that it forks is counted'],
  ['-C, --cpus-list <list>', 'counting chosen CPUs is not there yet (issue 5)'],
  ['-p, --pid <pid>', 'attaching to a running program is not there yet: give the command'],
  ['-t, --tid <tid>', 'attaching to a running program is not there yet: give the command'],
  ['-M, --metrics <list>', 'metric groups are not there yet'],
  ['--topdown', 'top-down analysis is not there yet'],
];

export const define: DefineCommand = (program: Command, setExit) => {
  program
    .usage('[options] [--] COMMAND [ARGS]')
    .argument('[command...]')
    .passThroughOptions()
    .option('-e, --event <list>', "events, as perf writes them: a,b:u {a,b}:k r01c4 cpu/event=0xc4,umask=1/ ('perfglass list')", collect)
    .option('-x, --field-separator <sep>', 'print with this separator, for programs')
    .option('-j, --json-output', 'print a JSON object a line')
    .option('-r, --repeat <n>', 'run n times, print mean and error (1-100)')
    .option('-o, --output <file>', 'print to a file instead of stderr')
    .option('--append', 'append to the output file')
    .option('-v, --verbose', 'more: counts and times of each event, why one was not counted, PMIs, what the model lacks')
    .option(
      '-d, --detailed',
      'with more events: caches; -d -d: TLBs and L1I, too; -d -d -d: prefetches, too',
      (_: unknown, n: number | undefined) => (n ?? 0) + 1,
    )
    .option('--ledger', 'print what became of every event: true + over = counted + lost')
    .option('--no-big-num', 'no thousands separators')
    .option('-B', 'thousands separators (default)')
    .option('-i, --no-inherit', 'do not count what the command forks')
    .option('-n, --null', 'run without counting')
    .option('--all-user', 'count user mode only')
    .option('--all-kernel', 'count kernel mode only')
    .option('--cpu <model>', "modelled processor, e.g. skylake or skylake,-avx2,+sha; 'list' shows them")
    .option('--pmi <handler>', 'stop-in-handler, freeze-on-overflow, freeze-on-delivery, generic')
    .option('--pmi-latency <latency>', 'from overflow to PMI: 20i, 300c, or MIN..MAX drawn from the seed')
    .option('--seed <n>', 'for everything that is drawn (default 0)')
    .option('--memory <MiB>', 'modelled memory (default 1024)')
    .action(async (command: string[], options: StatOptions & Record<string, unknown>) => {
      setExit(await stat(command, options));
    });
  declareWorldOptions(addModelOptions(program));
  for (const [flags, why] of NOT_THERE) {
    program.option(flags, 'not there yet', () => {
      throw new CliError(`${flags.split(/[ ,]/)[0]}: ${why}`, USAGE);
    });
  }
};

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

async function stat(command: readonly string[], o: StatOptions): Promise<number> {
  if (o.cpu === 'list') {
    process.stdout.write(modelList());
    return 0;
  }
  const model = modelOption(o.cpu);
  const handler = handlerOption(o.pmi, model);
  const runs = numberOption('-r', o.repeat, 1, 100) ?? 1;
  const pmiLatency = latencyOption(o.pmiLatency);
  const seed = numberOption('--seed', o.seed, 0, 0xffff_ffff) ?? 0;
  const models = modelSettings(o);
  const memory = numberOption('--memory', o.memory, 16, 4096);
  if (o.fieldSeparator !== undefined && o.jsonOutput === true) throw new CliError('-x and -j exclude each other', USAGE);
  if (o.allUser === true && o.allKernel === true) throw new CliError('--all-user and --all-kernel exclude each other', USAGE);
  let groups: EventGroup[];
  try {
    groups =
      o.null === true
        ? []
        : [...(o.event ?? [DEFAULT_EVENTS]), ...DETAILED.slice(0, o.detailed ?? 0)].flatMap((text) => parseEvents(text, model));
  } catch (e) {
    throw eventError(e);
  }
  groups = restrictRings(groups, o);
  if (command.length === 0) throw new CliError("what to run? perfglass stat [options] -- COMMAND [ARGS] ('perfglass stat --help')", USAGE);
  if (o.inputs !== undefined && runs > 1) throw new CliError('--inputs is of one run: without -r', USAGE);
  let world: World | undefined;
  if (o.output !== undefined && o.output !== '-') checkWritable(o.output);

  const signals = watchInterrupt();
  const outcomes: RunOutcome[] = [];
  try {
    loadInterpreter();
    for (let i = 0; i < runs && outcomes.at(-1)?.result.kind !== 'interrupted'; i++) {
      world = makeWorld(o, command);
      const outcome = await measure(groups, world, {
        model,
        handler,
        pmiLatency,
        seed,
        memoryBytes: memory === undefined ? undefined : memory * 1_048_576,
        inherit: o.inherit,
        models,
        interrupted: signals.interrupted,
        breathe: signals.breathe,
      });
      for (const line of outcome.messages) process.stderr.write(`perfglass: ${line}\n`);
      if (o.verbose === true) process.stderr.write(verboseText(outcome));
      outcomes.push(outcome);
    }
  } finally {
    signals.release();
  }
  write(render(command, outcomes, o), o);
  const last = outcomes.at(-1);
  const exit = last === undefined ? 1 : exitCodeOf(last.result);
  if (o.inputs !== undefined && world !== undefined && last?.observed !== undefined) {
    const options = optionsOf(o, { cpu: model.name, pmi: handler.name, inherit: o.inherit });
    const counts = statLines(outcomes).map((l) => ({ event: l.name, value: l.missing ?? l.value.mean }));
    writeManifest(o.inputs, makeManifest(world, last.observed, { command: 'stat', options, counts, exit }));
  }
  return exit;
}

function restrictRings(groups: readonly EventGroup[], o: StatOptions): EventGroup[] {
  if (o.allUser !== true && o.allKernel !== true) return [...groups];
  const flags = o.allUser === true ? { exclude_kernel: true } : { exclude_user: true };
  return groups.map((g) => ({ ...g, events: g.events.map((e) => ({ ...e, flags: { ...e.flags, ...flags } })) }));
}

function render(command: readonly string[], outcomes: readonly RunOutcome[], o: StatOptions): string {
  const lines = statLines(outcomes);
  const repeat = o.repeat !== undefined && Number(o.repeat) > 1;
  const last = outcomes.at(-1);
  const audited = o.ledger === true && last !== undefined ? last.events : [];
  const ledger = audited.length > 0 ? printLedger(audited) : '';
  if (o.jsonOutput === true) return printJson(lines, repeat) + printLedgerJson(audited);
  if (o.fieldSeparator !== undefined) {
    const comments = ledger.trimEnd().replace(/^/gm, '# ');
    return printCsv(lines, o.fieldSeparator === '\\t' ? '\t' : o.fieldSeparator, repeat) + (ledger === '' ? '' : `${comments}\n`);
  }
  const text = printText(lines, {
    command: command.join(' '),
    runs: outcomes.length,
    repeat,
    bigNumbers: o.bigNum,
    elapsedNs: average(outcomes.map((r) => r.elapsedNs)),
    userNs: last?.userNs ?? 0,
    systemNs: last?.systemNs ?? 0,
  });
  return text + ledger;
}

/** As perf's -v: count, time enabled, time running; and what the modelled computer has to say. */
function verboseText(outcome: RunOutcome): string {
  const out = outcome.events.map(({ spec, refusal, value, enabledNs, runningNs }) =>
    refusal === undefined
      ? `${spec.name}: ${value} ${enabledNs} ${runningNs}`
      : `${spec.name}: ${refusal.reason} (${errnoName(refusal.errno)})`,
  );
  out.push(`PMIs: ${outcome.pmis.served}, of them empty: ${outcome.pmis.spurious}`);
  for (const [what, times] of outcome.missing) out.push(`the program asked for what is not there: ${what} (${times} times)`);
  return `${out.join('\n')}\n`;
}

function write(text: string, o: StatOptions): void {
  if (o.output === undefined) {
    process.stderr.write(text);
    return;
  }
  if (o.output === '-') {
    process.stdout.write(text);
    return;
  }
  // perf writes the host's date here; two runs must give the same bytes, so it is the modelled one.
  const content = `# started on ${ctime(Number(DEFAULT_EPOCH_NS / 1_000_000n))} (modelled)\n\n${text}`;
  try {
    if (o.append === true) appendFileSync(o.output, content);
    else writeFileSync(o.output, content);
  } catch (e) {
    throw new CliError(`cannot write ${o.output}: ${(e as NodeJS.ErrnoException).code ?? 'error'}`);
  }
}

/** ctime(3) in UTC: Thu Jan  1 00:00:00 2026. */
function ctime(ms: number): string {
  const [, day, month, date, year, time] =
    /^(\w+), (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(ms).toUTCString())?.map((_, i, a) => a[[0, 1, 3, 2, 4, 5][i] ?? 0]) ?? [];
  return `${day} ${month} ${String(Number(date)).padStart(2)} ${time} ${year}`;
}
