/** Options that several commands share: the modelled processor, its PMI, the program to run. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Interruption } from '#kernel/kernel.ts';
import { CPU_MODELS, DEFAULT_CPU_MODEL, findCpuModel } from '#arch/cpu-models/index-of-models.ts';
import { switchFeatures } from '#arch/cpu-models/feature-switches.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { nearest } from '#base/nearest.ts';
import { defaultHandler, findHandler, handlersFor, PMI_HANDLERS } from '#kernel/perf/intel/pmi/handlers.ts';
import type { PmiHandler } from '#kernel/perf/intel/pmi/handler.ts';
import { type PmiLatency, parsePmiLatency } from '#machine/apic/pmi-latency.ts';
import { EventSyntaxError } from '#system/events/parse.ts';
import type { Program } from '#system/session.ts';
import { CliError, USAGE } from './command.ts';
import { table } from './table.ts';

/** --cpu NAME[,+FEATURE|-FEATURE]…; without a name the default model's features are switched. */
export function modelOption(text: string | undefined): CpuModel {
  if (text === undefined) return DEFAULT_CPU_MODEL;
  const [first = '', ...rest] = text.split(',');
  const [name, switches] = /^[+-]/.test(first) ? [DEFAULT_CPU_MODEL.name, [first, ...rest]] : [first, rest];
  const found = findCpuModel(name);
  if (found.kind === 'unknown') throw new CliError(`no CPU model '${name}'; nearest: ${found.nearest} ('--cpu list' shows all)`, USAGE);
  const model = switchFeatures(found.model, switches);
  if (typeof model === 'string') throw new CliError(`--cpu ${text}: ${model}`, USAGE);
  return model;
}

/** What `--cpu list` prints. */
export function modelList(): string {
  const rows = CPU_MODELS.map((m) => [
    `${m.name}${m === DEFAULT_CPU_MODEL ? ' (default)' : ''}`,
    `v${m.pmu.version}`,
    `${m.pmu.gpCounters}+${m.pmu.fixedCounters}`,
    `${m.pmu.gpWidth}`,
    m.description,
  ]);
  const [head, ...body] = table([['model', 'PerfMon', 'counters', 'bits', ''], ...rows.map((r) => [...r.slice(0, 4), ''])]).split('\n');
  return [head, ...body.map((line, i) => `${line}  ${rows[i]?.[4] ?? ''}`)].join('\n').concat('\n');
}

/** --pmi NAME, checked against the model. */
export function handlerOption(name: string | undefined, model: CpuModel): PmiHandler {
  if (name === undefined) return defaultHandler(model);
  const handler = findHandler(name);
  if (handler === undefined) {
    const near = nearest(
      name,
      PMI_HANDLERS.map((h) => h.name),
    );
    throw new CliError(
      `no PMI handler '${name}'${near.length > 0 ? `; did you mean ${near[0]}?` : '.'} There are: ${PMI_HANDLERS.map((h) => h.name).join(', ')}`,
      USAGE,
    );
  }
  const why = handler.unsupported(model);
  if (why !== undefined) {
    throw new CliError(
      `--pmi ${name}: ${why}; on ${model.name} there is: ${handlersFor(model)
        .map((h) => h.name)
        .join(', ')}`,
      USAGE,
    );
  }
  return handler;
}

/** --pmi-latency 20i|300c|MIN..MAX. */
export function latencyOption(text: string | undefined): PmiLatency | undefined {
  if (text === undefined) return undefined;
  const latency = parsePmiLatency(text);
  if (typeof latency === 'string') throw new CliError(`--pmi-latency: ${latency}`, USAGE);
  return latency;
}

/** A whole number in [min, max]. */
export function numberOption(option: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const n = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(n >= min && n <= max)) throw new CliError(`${option} '${text}': a whole number from ${min} to ${max} is wanted`, USAGE);
  return n;
}

/** The program to run, looked up as execvp would. Throws CliError when it cannot be found. */
export function programOf(command: readonly string[]): Program {
  const name = command[0] ?? '';
  const path = name.includes('/') ? name : searchPath(name);
  const envp = Object.entries(process.env).flatMap(([k, v]) => (v === undefined ? [] : [`${k}=${v}`]));
  return { path, argv: command, envp: envp.sort(), cwd: process.cwd() };
}

function searchPath(name: string): string {
  let denied = false;
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(dir === '' ? '.' : dir, name);
    try {
      if (!statSync(path).isFile()) {
        denied = true;
        continue;
      }
      denied = true;
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here, or not for us
    }
  }
  throw new CliError(denied ? `${name}: permission denied (not an executable file)` : `${name}: no such program on PATH`);
}

/** perf's picture of a wrong event list, under the line that main prints. */
export function eventError(e: unknown): unknown {
  if (!(e instanceof EventSyntaxError)) return e;
  const lead = "perfglass: event syntax error: '";
  const mark = ' '.repeat(lead.length + e.column);
  return new CliError(`event syntax error: '${e.text}'\n${mark}\\___ ${e.message}\nRun 'perfglass list' for a list of valid events`, USAGE);
}

/** What the program gets in our place. */
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
/** A second one so soon after the first ends the session, whatever the program makes of it. */
const END_WITHIN_MS = 1000;

/** Signals as a question: the next one since the last, or 0. The handlers stay until `release`. */
export function watchInterrupt(): {
  readonly interrupted: () => Interruption;
  readonly breathe: () => Promise<void>;
  readonly release: () => void;
} {
  const pending: Interruption[] = [];
  let last = -Infinity;
  const onSignal = (name: string, signal: number): void => {
    const now = performance.now();
    pending.push(!name.startsWith('SIGUSR') && now - last < END_WITHIN_MS ? 'end' : signal);
    last = now;
  };
  for (const name of PASSED_ON) process.on(name, onSignal);
  return {
    interrupted: () => pending.shift() ?? 0,
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
    release: () => {
      for (const name of PASSED_ON) process.off(name, onSignal);
    },
  };
}
