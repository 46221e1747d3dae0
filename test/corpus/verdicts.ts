/**
 * Programs that print a verdict for each thing they try, as those of the Linux Test Project do: run natively and by perfglass, and compared verdict by
 * verdict (where in the source, which verdict), not message by message: messages tell addresses, times and numbers of processes.
 */
import { readFileSync, statSync } from 'node:fs';
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

/** What a native run came to, as it can be kept in a file. */
export interface NativeRun {
  readonly status: number;
  readonly timedOut: boolean;
  readonly verdicts: readonly (readonly [string, number])[];
}

export function runNatively(argv: readonly string[], options: RunOptions): NativeRun {
  const native = run(argv, options);
  return { status: native.status, timedOut: native.timedOut, verdicts: [...verdicts(both(native))] };
}

/** Why a program does not count; undefined: it passes natively (exit status 0 with one TPASS at least). */
export function outside(native: NativeRun): string | undefined {
  if (native.timedOut) return 'no end natively';
  if (native.status === NOT_CONFIGURED) return 'not configured natively';
  return native.status === 0 && native.verdicts.some(([k]) => k.endsWith('TPASS')) ? undefined : 'fail natively';
}

/** What differs when `argv` (perfglass and the program) runs; nothing when it passes as natively. */
export function complaintsAgainst(native: NativeRun, argv: readonly string[], options: RunOptions): string[] {
  const want = new Map(native.verdicts);
  const ours = run(argv, options);
  const got = verdicts(both(ours));
  const complaints: string[] = [];
  if (ours.timedOut) complaints.push('no end within the limit');
  else if (ours.status !== 0) complaints.push(`exit status ${ours.status}`);
  for (const [key, n] of got) if (!key.endsWith('TPASS') && want.get(key) !== n) complaints.push(lineOf(both(ours), key));
  const missing = [...want].filter(([key, n]) => key.endsWith('TPASS') && (got.get(key) ?? 0) !== n);
  if (missing.length > 0 && complaints.length === 0)
    complaints.push(`${missing.length} verdicts are not as often given: ${missing[0]?.[0]}`);
  if (complaints.length === 0) return [];
  const named = ours.stderr
    .toString('latin1')
    .split('\n')
    .filter((l) => l.startsWith('perfglass'));
  return [...complaints, ...named];
}

function lineOf(output: string, key: string): string {
  const [where = '', what = ''] = [key.slice(0, key.lastIndexOf(' ')), key.slice(key.lastIndexOf(' ') + 1)];
  const first = where.split(' ')[0] ?? where;
  return output.split('\n').find((l) => l.startsWith(first) && l.includes(what)) ?? key;
}
