/**
 * Programs that print a verdict for each thing they try, as those of the Linux Test Project do: run natively and by perfglass, and compared verdict by
 * verdict (where in the source, which verdict), not message by message: messages tell addresses, times and numbers of processes.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Outcome, type RunOptions, run } from '../lib/run.ts';

const NEW_FORM = /^(\S+\.[ch]:\d+): (T(?:PASS|FAIL|BROK|CONF|WARN))\b/;
const OLD_FORM = /^(\S+)\s+(\d+)\s+(T(?:PASS|FAIL|BROK|CONF|WARN))\b/;

/** The exit status of a program all of whose tests need what is not there (TCONF). */
export const NOT_CONFIGURED = 32;

export const isElf = (path: string): boolean =>
  (statSync(path).mode & 0o111) !== 0 && readFileSync(path).subarray(0, 4).toString('latin1') === '\x7fELF';

/** How often each verdict was given at each place. */
export function verdicts(output: string): Map<string, number> {
  const out = new Map<string, number>();
  for (const line of output.split('\n')) {
    const [fresh, old] = [NEW_FORM.exec(line), OLD_FORM.exec(line)];
    const key = fresh !== null ? `${fresh[1]} ${fresh[2]}` : old !== null ? `${old[1]} ${old[2]} ${old[3]}` : undefined;
    if (key !== undefined) out.set(key, (out.get(key) ?? 0) + 1);
  }
  return out;
}

const both = (o: Outcome): string => `${o.stdout.toString('latin1')}\n${o.stderr.toString('latin1')}`;

export interface VerdictRun {
  readonly name: string;
  /** 'equal', 'differs', or why it does not count: what the native run ended with. */
  readonly result: string;
  readonly complaints: readonly string[];
}

export interface VerdictOptions {
  /** The folder with the programs; the first part of a name below it is its family. */
  readonly dir: string;
  /** Put before the native command, for example `unshare -fmp`. */
  readonly under: readonly string[];
  readonly ours: (path: string) => readonly string[];
  /** Seconds for the native run; ours has five times as many. */
  readonly limit: number;
  readonly run: RunOptions;
}

/** Runs one program both ways. Counted is what passes natively: exit status 0 with one TPASS at least. */
export function compareVerdicts(name: string, o: VerdictOptions): VerdictRun {
  const path = join(o.dir, name);
  const native = run([...o.under, path], { ...o.run, limit: o.limit });
  const want = verdicts(both(native));
  if (native.timedOut) return { name, result: 'no end natively', complaints: [] };
  if (native.status === NOT_CONFIGURED) return { name, result: 'not configured natively', complaints: [] };
  if (native.status !== 0 || ![...want.keys()].some((k) => k.endsWith('TPASS'))) return { name, result: 'fails natively', complaints: [] };
  const ours = run(o.ours(path), { ...o.run, limit: o.limit * 5 });
  const got = verdicts(both(ours));
  const complaints: string[] = [];
  if (ours.timedOut) complaints.push('no end within the limit');
  else if (ours.status !== 0) complaints.push(`exit status ${ours.status}`);
  for (const [key, n] of got) if (!key.endsWith('TPASS') && want.get(key) !== n) complaints.push(lineOf(both(ours), key));
  const missing = [...want].filter(([key, n]) => key.endsWith('TPASS') && (got.get(key) ?? 0) !== n);
  if (missing.length > 0 && complaints.length === 0)
    complaints.push(`${missing.length} verdicts are not as often given: ${missing[0]?.[0]}`);
  const named = ours.stderr
    .toString('latin1')
    .split('\n')
    .filter((l) => l.startsWith('perfglass'));
  return {
    name,
    result: complaints.length === 0 ? 'equal' : 'differs',
    complaints: complaints.length === 0 ? [] : [...complaints, ...named],
  };
}

function lineOf(output: string, key: string): string {
  const [where = '', what = ''] = [key.slice(0, key.lastIndexOf(' ')), key.slice(key.lastIndexOf(' ') + 1)];
  const first = where.split(' ')[0] ?? where;
  return output.split('\n').find((l) => l.startsWith(first) && l.includes(what)) ?? key;
}
