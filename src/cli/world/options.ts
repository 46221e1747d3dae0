/** The options that decide what a guest program sees, the same on stat, record and run. docs/guest.md describes them. */
import type { Command } from 'commander';
import { CliError, collect } from '../command.ts';
import type { ModelOptions } from '../models-options.ts';

export interface WorldOptions {
  root?: string;
  readOnly?: boolean;
  overlay?: string | true;
  hermetic?: boolean;
  inputs?: string;
  env?: string[];
}

export function declareWorldOptions(program: Command): Command {
  return program
    .option('--root <dir|tar>', "a Linux tree as the program's /: a folder, or a tar (plain, gzip, zstd)")
    .option('--read-only', 'the program can change no file of the host: EROFS')
    .option('--overlay [dir]', "the program's changes go to memory, or are kept in a folder; the host's files stay as they are")
    .option('--hermetic', 'fixed environment, user, folder, streams, times: the same counts on every machine')
    .option('--env <name=value>', "set (or with NAME alone hand on) a variable of the program's environment", collect)
    .option('--inputs <file>', "write what the run depended on, and its counts, for 'perfglass diff'");
}

export function checkWorldOptions(o: WorldOptions): void {
  if (o.readOnly === true && o.overlay !== undefined)
    throw new CliError('--read-only and --overlay exclude each other: with --overlay the host is not changed either', 129);
  for (const e of o.env ?? []) if (e.startsWith('=') || e === '') throw new CliError(`--env '${e}': NAME=VALUE or NAME is wanted`, 129);
}

/** The options that can change a run, for the manifest: the modelled computer's and these. */
export function optionsOf(
  o: WorldOptions & ModelOptions & { readonly seed?: string; readonly memory?: string; readonly pmiLatency?: string },
  fixed: Readonly<Record<string, string | number | boolean>>,
): Record<string, string | number | boolean> {
  return {
    ...fixed,
    seed: Number(o.seed ?? 0),
    memory: Number(o.memory ?? 1024),
    ...(o.pmiLatency === undefined ? {} : { 'pmi-latency': o.pmiLatency }),
    cycles: o.cycles ?? 'static',
    ...(o.cache === undefined ? {} : { cache: o.cache.join(' ') }),
    ...(o.root === undefined ? {} : { root: o.root }),
    ...(o.readOnly === true ? { 'read-only': true } : {}),
    ...(o.overlay === undefined ? {} : { overlay: o.overlay }),
    ...(o.hermetic === true ? { hermetic: true } : {}),
  };
}
