/** Whom `stat` and `record` watch: the command, the modelled computer's CPU, or tasks by the pids that they will have. */
import type { Target } from '#kernel/perf/perf.ts';
import type { Session } from '#system/session.ts';
import { CliError, USAGE } from './command.ts';

export type Watched =
  /** The command and what it forks. */
  { readonly kind: 'command' } | { readonly kind: 'cpu' } | { readonly kind: 'pids'; readonly pids: readonly number[] };

export interface WatchedOptions {
  allCpus?: boolean;
  cpus?: string;
  pid?: string;
  tid?: string;
}

/** 0,2-3 */
export function numberList(option: string, text: string): number[] {
  const out: number[] = [];
  for (const part of text.split(',')) {
    const [, from, to] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) ?? [];
    if (from === undefined || Number(to ?? from) - Number(from) > 4096)
      throw new CliError(`${option} '${text}': numbers such as 0,2-3 are wanted`, USAGE);
    for (let n = Number(from); n <= Number(to ?? from); n++) out.push(n);
  }
  return out;
}

/** -C: the modelled computer has one CPU. */
export function checkCpus(text: string): void {
  for (const cpu of numberList('-C', text))
    if (cpu !== 0) throw new CliError(`-C: there is no CPU ${cpu}: the modelled computer has one, 0`, USAGE);
}

/** What an event of the session is opened on; undefined: the command. */
export function targetsOf(session: Session, watched: Watched): readonly (Target | undefined)[] {
  if (watched.kind === 'pids')
    return watched.pids.map((pid) => (pid === session.task?.pid ? undefined : { task: undefined, cpu: -1, future: pid }));
  return watched.kind === 'cpu' ? [{ task: undefined, cpu: 0 }] : [undefined];
}
