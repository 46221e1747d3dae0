/** `perfglass lab`: the experiments. `lab freeze` is the first letter as a table, `lab rr` what it means for a record-replay debugger. */
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { handlersFor } from '#kernel/perf/intel/pmi/handlers.ts';
import { LOST_CAUSES } from '#kernel/perf/ledger.ts';
import { DEFAULT_PERIOD, DEFAULT_SKIDS, type FreezeOptions, type FreezeResult, freezeExperiment } from '#lab/freeze/experiment.ts';
import { lbrRows, throttleRows } from '#lab/freeze/companions.ts';
import { freezeFigure } from '#lab/freeze/figure.ts';
import { traceFreeze } from '#lab/freeze/trace.ts';
import { builtInWorkload, type Workload } from '#lab/freeze/workload.ts';
import { DEFAULT_RR_SKID, DEFAULT_SLICE, rrExperiment } from '#lab/rr/experiment.ts';
import { CliError, type DefineCommand, USAGE } from '../command.ts';
import { NodeHost } from '../host-node.ts';
import { loadInterpreter } from '../interpreter.ts';
import { latencyOption, modelOption, numberOption, programOf } from '../options.ts';
import { lbrText, throttleText } from '../lab/companions-text.ts';
import { rrText } from '../lab/rr-text.ts';
import { table } from '../table.ts';

interface LabOptions {
  json?: boolean;
  svg?: string;
  cpu?: string;
  period?: string;
  skid?: string[];
  seed?: string;
}

export const define: DefineCommand = (program: Command, setExit) => {
  program
    .usage('freeze|rr [options] [-- COMMAND [ARGS]]')
    .argument('<experiment>', 'freeze: what each PMI handler counts and loses; rr: whether a record-replay debugger can rely on it')
    .argument('[command...]', 'freeze: the program; default: one that is built in. Its output is thrown away')
    .option('--json', 'as JSON')
    .option('--svg <file>', 'also draw the counters over one window, in user and in kernel mode')
    .option('--cpu <model>', 'modelled processor')
    .option(
      '--period <n>',
      `freeze: sampling period of instructions:u (default ${DEFAULT_PERIOD}); rr: branches a slice (${DEFAULT_SLICE})`,
    )
    .option(
      '--skid <latency>',
      `PMI latency, as --pmi-latency of stat; may be repeated (default ${DEFAULT_SKIDS.join(', ')}; rr takes two, of recording and replay: ${DEFAULT_RR_SKID})`,
      (v: string, all?: string[]) => [...(all ?? []), v],
    )
    .option('--seed <n>', 'for everything that is drawn (default 0)')
    .action((experiment: string, command: string[], o: LabOptions) => {
      if (experiment === 'rr') rr(command, o);
      else if (experiment === 'freeze') freeze(command, o);
      else throw new CliError(`no experiment '${experiment}'; there are: freeze, rr`, USAGE);
      setExit(0);
    });
};

function rr(command: readonly string[], o: LabOptions): void {
  if (command.length > 0 || o.svg !== undefined) throw new CliError('lab rr runs a program of its own and draws nothing', USAGE);
  const [first, second] = o.skid ?? [];
  for (const s of o.skid ?? []) latencyOption(s);
  const seed = numberOption('--seed', o.seed, 0, 0xffff_fffe) ?? 1;
  loadInterpreter();
  const result = attempt(() =>
    rrExperiment({
      model: modelOption(o.cpu),
      slice: numberOption('--period', o.period, 200, 1_000_000_000) ?? DEFAULT_SLICE,
      skids: [first ?? DEFAULT_RR_SKID, second ?? first ?? DEFAULT_RR_SKID],
      seeds: [seed, seed + 1],
    }),
  );
  process.stdout.write(o.json === true ? `${JSON.stringify(result, undefined, 2)}\n` : rrText(result));
}

/** What an experiment throws is about the program: not found, refused, too short. */
function attempt<T>(fn: () => T): T {
  try {
    return fn();
  } catch (e) {
    throw e instanceof Error && e.constructor === Error && !e.message.startsWith('assertion') ? new CliError(e.message) : e;
  }
}

/** Standard streams go nowhere: the program runs once for every cell of the table. */
class QuietHost extends NodeHost {
  override write(fd: number, from: Uint8Array, position: number): number {
    return fd === 1 || fd === 2 ? from.length : super.write(fd, from, position);
  }
  override read(fd: number, into: Uint8Array, position: number): number {
    return fd === 0 ? 0 : super.read(fd, into, position);
  }
}

function freeze(command: readonly string[], o: LabOptions): void {
  const model = modelOption(o.cpu);
  for (const s of o.skid ?? []) latencyOption(s);
  const workload: Workload =
    command.length === 0 ? builtInWorkload() : { name: command.join(' '), program: programOf(command), host: () => new QuietHost() };
  const options: FreezeOptions = {
    model,
    workload,
    period: numberOption('--period', o.period, 2, 1_000_000_000) ?? DEFAULT_PERIOD,
    skids: o.skid ?? DEFAULT_SKIDS,
    seed: numberOption('--seed', o.seed, 0, 0xffff_ffff) ?? 0,
  };
  loadInterpreter();
  const result = attempt(() => ({ ...freezeExperiment(options), lbr: lbrRows(options), throttling: throttleRows(options) }));
  const svg = o.svg === undefined ? undefined : attempt(() => draw(options));
  if (svg !== undefined && o.svg !== undefined) {
    try {
      writeFileSync(o.svg, svg);
    } catch (e) {
      throw new CliError(`cannot write ${o.svg}: ${(e as NodeJS.ErrnoException).code ?? 'error'}`);
    }
  }
  process.stdout.write(
    o.json === true
      ? `${JSON.stringify(result, undefined, 2)}\n`
      : `${text(result)}${lbrText(result.lbr)}\n${throttleText(result.throttling)}\n`,
  );
}

function draw(options: FreezeOptions): string {
  const handlers = handlersFor(options.model);
  const rows = (['user', 'kernel'] as const).map((ring) => handlers.map((h) => traceFreeze(options, h, ring, '40i')));
  return freezeFigure(rows, { model: options.model.name, workload: options.workload.name });
}

function text(r: FreezeResult): string {
  const causes = LOST_CAUSES.filter((c) => r.runs.some((run) => run.events.some((e) => e.lost[c] !== 0)));
  const out = [
    '',
    ` Freezing on ${r.model}: instructions:u sampled every ${r.period}, branches:u in its group, cycles:u and instructions beside them`,
    ` ${r.workload}`,
    '',
    ' true + over = counted + lost.  over: what a counter saw of the handler.  again: the loss counted a second time, from the retire stream alone.',
    ' coherence: branches between the overflow and their reading in the sample, mean and greatest; 0 is a snapshot of one instant.',
    '',
  ];
  const head = ['handler', 'skid', 'event', 'true', '+ over', '= counted', ...causes.map((c) => `+ ${c}`), 'again', 'samples', 'coherence'];
  const rows: (string | number)[][] = [head];
  for (const run of r.runs) {
    for (const [i, e] of run.events.entries()) {
      const first = i === 0;
      rows.push([
        first ? run.handler : '',
        first ? run.skid : '',
        `${e.event} (${e.role})`,
        e.true,
        e.over,
        e.counted,
        ...causes.map((c) => e.lost[c]),
        e.independent ?? '-',
        first ? `${run.samples.delivered}/${run.samples.due}` : '',
        first ? (run.coherence === undefined ? '-' : `${run.coherence.mean.toFixed(1)} / ${run.coherence.greatest}`) : '',
      ]);
    }
    rows.push(['']);
  }
  out.push(table(rows, ' ', [0, 1, 2]));
  if (r.runs.some((run) => run.coherence === undefined))
    out.push(' -: the program forks or is switched out, so where its counters stood cannot be told from its instructions alone.', '');
  return `${out.join('\n')}\n`;
}
