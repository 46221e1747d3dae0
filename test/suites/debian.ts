/**
 * Unmodified Debian programs, dynamically linked: the same bytes on stdout and stderr and the same exit status as natively, on a tree that this
 * suite makes with fixed times and modes. `node test/suites/debian.ts WORD…` runs the cases whose name contains a word.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEBIAN_CASES } from '../debian/cases.ts';
import { SELF, leaks, runGuest } from '../lib/perfglass.ts';
import { ENV, type Outcome, run, which } from '../lib/run.ts';
import { Suite, difference } from '../lib/suite.ts';
import { listing, makeTree, withoutOurs } from '../lib/tree.ts';

const suite = new Suite('debian');
const find = (name: string): string | undefined => (name.startsWith('/') ? (existsSync(name) ? name : undefined) : which(name));
const wanted = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const base = mkdtempSync(join(tmpdir(), 'perfglass-debian-'));
const NONE = Buffer.alloc(0);
try {
  const root = join(base, 'work');
  const fresh = (): void => {
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root);
    makeTree(root);
  };
  for (const c of DEBIAN_CASES) {
    if (wanted.length > 0 && !wanted.some((w) => c.name.includes(w))) continue;
    const missing = [c.argv[0] as string, ...(c.needs ?? [])].filter((n) => find(n) === undefined);
    if (missing.length > 0) {
      suite.skip(c.name, `${missing.join(', ')} not installed`);
      continue;
    }
    const limit = c.limit ?? 60;
    const options = { cwd: root, input: c.input ?? '', limit, env: { ...ENV, ...c.env } };
    const argv = [find(c.argv[0] as string) as string, ...c.argv.slice(1)];
    fresh();
    const prepared = c.prepare === undefined ? undefined : run(['/bin/sh', '-c', c.prepare], options);
    if (prepared !== undefined && prepared.status !== 0) {
      suite.skip(c.name, `cannot be prepared here: ${prepared.stderr.toString().trim()}`);
      continue;
    }
    const native: Outcome = run(argv, options);
    const nativeFiles = c.leaves === true ? listing(root) : NONE;
    fresh();
    if (c.prepare !== undefined) run(['/bin/sh', '-c', c.prepare], options);
    const start = Date.now();
    const ours: Outcome = runGuest(argv, options);
    const files = c.leaves === true ? listing(root) : NONE;
    const complaints = SELF ? [] : leaks(ours.stderr.toString());
    if (native.timedOut) complaints.push('the native run does not end');
    if (ours.timedOut) complaints.push(`does not end within ${limit} s`);
    if (ours.status !== native.status) complaints.push(`exit status: native ${native.status}, perfglass ${ours.status}`);
    const said = ours.stderr.toString('latin1').match(/^perfglass: .*/gm);
    if (said !== null && ours.status !== native.status) complaints.push(...said);
    for (const d of [
      difference('stdout', native.stdout, ours.stdout),
      difference('stderr', native.stderr, withoutOurs(ours.stderr)),
      difference('files', nativeFiles, files),
    ]) {
      if (d !== undefined) complaints.push(d);
    }
    const seconds = ((Date.now() - start) / 1000).toFixed(1);
    suite.judge(c.name, complaints, `${native.stdout.length} bytes, status ${native.status}, ${seconds} s`);
  }
} finally {
  rmSync(base, { recursive: true, force: true });
}
suite.end();
