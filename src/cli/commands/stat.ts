/** `perfglass stat`: runs a program on the modelled processor and prints exact counts, in perf stat's manner. */
import { type EventGroup, parseEvents } from '#system/events/parse.ts';
import { checkWritable, CliError, type DefineCommand, USAGE } from '../command.ts';
import { exitCodeOf } from '../exit-code.ts';
import { loadInterpreter } from '../interpreter.ts';
import { eventError, handlerOption, latencyOption, modelList, modelOption, numberOption, watchInterrupt } from '../options.ts';
import { modelSettings } from '../models-options.ts';
import { type Counted, errnoName } from '../stat/events.ts';
import { measure, type RunOutcome, type Schedule } from '../stat/measure.ts';
import { declareOptions, planOf, type StatOptions, type StatPlan } from '../stat/options.ts';
import { outputOf } from '../stat/output.ts';
import { printLedger, printLedgerJson } from '../stat/print-ledger.ts';
import { printCsv, printJson } from '../stat/print-machine.ts';
import { modelledNote, printInterval, printText, secondsText } from '../stat/print-text.ts';
import { average, type StatLine, statLines } from '../stat/statistics.ts';
import { makeManifest, writeManifest } from '../manifest/manifest.ts';
import { optionsOf } from '../world/options.ts';
import { makeWorld, type World } from '../world/world.ts';

const DEFAULT_EVENTS = 'task-clock,context-switches,cpu-migrations,page-faults,cycles,instructions,branches,branch-misses';
/** What each -d adds. tools/perf/builtin-stat.c add_default_attributes. */
const DETAILED = [
  'L1-dcache-loads,L1-dcache-load-misses,LLC-loads,LLC-load-misses',
  'L1-icache-loads,L1-icache-load-misses,dTLB-loads,dTLB-load-misses,iTLB-loads,iTLB-load-misses',
  'L1-dcache-prefetches,L1-dcache-prefetch-misses',
];

/** perf's CONSOLE_CLEAR. */
const CLEAR = '\u001b[H\u001b[2J';

export const define: DefineCommand = (program, setExit) => {
  declareOptions(program, async (command, options) => {
    setExit(await stat(command, options));
  });
};

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
  const plan = planOf(o, (text) => process.stderr.write(`perfglass: ${text}\n`));
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

  const print = outputOf(o);
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
        watched: plan.watched,
        rows: plan.rows,
        schedule: scheduleOf(plan, o, print),
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
  print(render(command, outcomes, o, plan));
  const last = outcomes.at(-1);
  const exit = last === undefined ? 1 : exitCodeOf(last.result);
  if (o.inputs !== undefined && world !== undefined && last?.observed !== undefined) {
    const options = optionsOf(o, { cpu: model.name, pmi: handler.name, inherit: o.inherit, ...planText(plan) });
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

/** What of the plan decides the counts, for the manifest. */
const planText = ({ title, delayMs, timeoutMs }: StatPlan): Record<string, string | number> => ({
  ...(title === undefined ? {} : { of: title }),
  ...(delayMs === undefined ? {} : { delay: delayMs }),
  ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
});

function scheduleOf(plan: StatPlan, o: StatOptions, print: (text: string) => void): Schedule {
  const { delayMs, timeoutMs, intervalMs, intervalCount } = plan;
  let n = 0;
  return {
    ...(delayMs === undefined ? {} : { delayMs }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(intervalMs === undefined ? {} : { intervalMs }),
    ...(intervalCount === undefined ? {} : { intervalCount }),
    say: (text) => void (o.quiet === true || process.stderr.write(`${text}\n`)),
    onInterval: (events, timeNs) => {
      // Rates are of the interval as asked for, as in perf, also where the last one is shorter.
      const lines = rowsInOrder(statLines([{ events, elapsedNs: (intervalMs ?? 0) * 1e6 }], o.scale), plan);
      if (o.intervalClear === true) print(CLEAR);
      if (o.jsonOutput === true) print(printJson(lines, false, timeNs));
      else if (o.fieldSeparator !== undefined) print(printCsv(lines, separatorOf(o), false, [secondsText(timeNs).padStart(16)]));
      else print(printInterval(lines, o.intervalClear === true ? 0 : n, timeNs, plan.rows, { bigNumbers: o.bigNum }));
      n++;
    },
  };
}

const separatorOf = (o: StatOptions): string => (o.fieldSeparator === '\\t' ? '\t' : (o.fieldSeparator ?? ','));

/** print_aggr_thread: the threads of an event by their counts, the largest first. */
function rowsInOrder(lines: readonly StatLine[], plan: StatPlan): StatLine[] {
  const kept = plan.skipZero ? lines.filter((l) => l.value.mean !== 0) : [...lines];
  if (plan.rows !== 'thread') return kept;
  const names = [...new Set(kept.map((l) => l.name))];
  return names.flatMap((name) => kept.filter((l) => l.name === name).sort((a, b) => b.value.mean - a.value.mean));
}

/** What stands at the end: everything, or with -I only what was asked for besides. */
function render(command: readonly string[], outcomes: readonly RunOutcome[], o: StatOptions, plan: StatPlan): string {
  const lines = rowsInOrder(statLines(outcomes, o.scale), plan);
  const repeat = o.repeat !== undefined && Number(o.repeat) > 1;
  const last = outcomes.at(-1);
  const audited: readonly Counted[] = o.ledger === true && last !== undefined ? last.events : [];
  const ledger = audited.length > 0 ? printLedger(audited) : '';
  const totals = plan.intervalMs === undefined || o.summary === true;
  if (o.jsonOutput === true) return (totals ? printJson(lines, repeat) : '') + printLedgerJson(audited);
  if (o.fieldSeparator !== undefined) {
    const prefix = o.summary === true && o.csvSummary ? ['summary'.padStart(16)] : [];
    const comments = ledger.trimEnd().replace(/^/gm, '# ');
    return (totals ? printCsv(lines, separatorOf(o), repeat, prefix) : '') + (ledger === '' ? '' : `${comments}\n`);
  }
  if (!totals) return `${modelledNote(lines)}\n${ledger}`;
  const text = printText(lines, {
    title: plan.title ?? `'${command.join(' ')}'`,
    runs: outcomes.length,
    repeat,
    bigNumbers: o.bigNum,
    elapsedNs: average(outcomes.map((r) => r.elapsedNs)),
    used: plan.title === undefined ? { userNs: last?.userNs ?? 0, systemNs: last?.systemNs ?? 0 } : undefined,
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
