/** Random file calls, by one user and by several, give the same results, and leave the same files behind, as natively: test/files/src/filefuzz.c with several seeds. */
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, leaks, runGuest } from '../lib/perfglass.ts';
import { type Outcome, run } from '../lib/run.ts';
import { Suite, difference } from '../lib/suite.ts';

const SEEDS = 12;
const CALLS = '3000';
const PROGRAM = `${ROOT}test/files/bin/filefuzz`;
const suite = new Suite('files');

/** What a run left behind, one line per name: mode, owner, links, content. */
function leftBehind(folder: string, name = 'w'): string {
  const path = join(folder, name);
  const stat = lstatSync(path);
  const head = `${name} ${stat.mode.toString(8)} ${stat.uid}:${stat.gid}`;
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

function compare(name: string, argv: readonly string[]): void {
  const native = inFreshFolder((cwd) => run([...argv], { cwd }));
  const guest = inFreshFolder((cwd) => runGuest([...argv], { cwd }));
  const complaints = leaks(guest.outcome.stderr.toString());
  if (native.outcome.status !== guest.outcome.status) complaints.push(`status ${guest.outcome.status}, natively ${native.outcome.status}`);
  const calls = difference('calls', native.outcome.stdout, guest.outcome.stdout);
  if (calls !== undefined) complaints.push(calls);
  if (native.tree !== guest.tree) complaints.push(`files left behind:\n${guest.tree}natively:\n${native.tree}`);
  suite.judge(name, complaints, `${CALLS} calls`);
}

const isRoot = process.getuid?.() === 0;
for (let seed = 1; seed <= SEEDS; seed++) {
  compare(`seed ${seed}`, [PROGRAM, String(seed), CALLS]);
  const users = `seed ${seed}, several users`;
  if (isRoot) compare(users, [PROGRAM, String(seed), CALLS, 'users']);
  else suite.skip(users, 'only user 0 can become others');
}

/** A program that another user owns and that has a set-ID bit, started by user 1000: who it is then, and what it may read. */
function setIdPrograms(): void {
  const folder = mkdtempSync(join(tmpdir(), 'perfglass-set-id-'));
  const at = (name: string): string => join(folder, name);
  try {
    chmodSync(folder, 0o755);
    copyFileSync('/usr/bin/id', at('id'));
    chmodSync(at('id'), 0o4755);
    copyFileSync('/bin/cat', at('cat'));
    writeFileSync(at('secret'), 'of group 42\n', { mode: 0o640 });
    for (const name of ['cat', 'secret']) chownSync(at(name), 0, 42);
    chmodSync(at('cat'), 0o2755);
    const as = ['setpriv', '--reuid', '1000', '--regid', '1000', '--clear-groups'];
    for (const [name, argv] of [
      ['set-user-ID', [...as, at('id')]],
      ['set-user-ID with no_new_privs', [...as, '--no-new-privs', at('id')]],
      ['set-group-ID', [...as, at('cat'), at('secret')]],
      ['neither', [...as, '/bin/cat', at('secret'), '/etc/shadow']],
    ] as const) {
      const native = run([...argv]);
      const guest = runGuest([...argv]);
      const complaints = [difference('stdout', native.stdout, guest.stdout), difference('stderr', native.stderr, guest.stderr)].filter(
        (d) => d !== undefined,
      );
      if (native.status !== guest.status) complaints.push(`status ${guest.status}, natively ${native.status}`);
      suite.judge(name, complaints, `status ${native.status}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
if (isRoot && existsSync('/usr/bin/setpriv')) setIdPrograms();
else suite.skip('set-ID programs', 'user 0 and setpriv (util-linux) are wanted');
suite.end();
