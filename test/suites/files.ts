/** Random file calls give the same results, and leave the same files behind, as natively: test/files/src/filefuzz.c with several seeds. */
import { lstatSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, leaks, runGuest } from '../lib/perfglass.ts';
import { type Outcome, run } from '../lib/run.ts';
import { Suite, difference } from '../lib/suite.ts';

const SEEDS = 12;
const CALLS = '3000';
const PROGRAM = `${ROOT}test/files/bin/filefuzz`;
const suite = new Suite('files');

/** What a run left behind, one line per name: mode, links, content. */
function leftBehind(folder: string, name = 'w'): string {
  const path = join(folder, name);
  const stat = lstatSync(path);
  const head = `${name} ${stat.mode.toString(8)}`;
  if (stat.isSymbolicLink()) return `${head} -> ${readlinkSync(path)}\n`;
  if (!stat.isDirectory()) return `${head} ${stat.nlink} ${readFileSync(path).toString('hex')}\n`;
  const inside = readdirSync(path).sort();
  return `${head}\n${inside.map((entry) => leftBehind(folder, `${name}/${entry}`)).join('')}`;
}

function inFreshFolder(start: (cwd: string) => Outcome): { readonly outcome: Outcome; readonly tree: string } {
  const cwd = mkdtempSync(join(tmpdir(), 'perfglass-files-'));
  try {
    const outcome = start(cwd);
    return { outcome, tree: leftBehind(cwd) };
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

for (let seed = 1; seed <= SEEDS; seed++) {
  const argv = [PROGRAM, String(seed), CALLS];
  const native = inFreshFolder((cwd) => run(argv, { cwd }));
  const guest = inFreshFolder((cwd) => runGuest(argv, { cwd }));
  const complaints = leaks(guest.outcome.stderr.toString());
  if (native.outcome.status !== guest.outcome.status) complaints.push(`status ${guest.outcome.status}, natively ${native.outcome.status}`);
  const calls = difference('calls', native.outcome.stdout, guest.outcome.stdout);
  if (calls !== undefined) complaints.push(calls);
  if (native.tree !== guest.tree) complaints.push(`files left behind:\n${guest.tree}natively:\n${native.tree}`);
  suite.judge(`seed ${seed}`, complaints, `${CALLS} calls`);
}
suite.end();
