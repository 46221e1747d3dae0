/**
 * Debian's busybox-static: applets give the same bytes on stdout and stderr and the same exit status as natively, on a tree that this suite makes
 * with fixed times and modes.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SELF, leaks, runGuest } from '../lib/perfglass.ts';
import { ENV, type Outcome, run, which } from '../lib/run.ts';
import { Suite, difference } from '../lib/suite.ts';
import { listing, makeTree, withoutOurs } from '../lib/tree.ts';

interface Case {
  readonly name: string;
  readonly argv: readonly string[];
  readonly input?: string;
  /** Files that the applet leaves behind, compared too. */
  readonly leaves?: boolean;
}

const CASES: readonly Case[] = [
  { name: 'ls -l', argv: ['ls', '-l', 'tree', 'tree/sub'] },
  { name: 'ls -lan', argv: ['ls', '-lanR', '--full-time', 'tree/sub'] },
  { name: 'cat', argv: ['cat', 'tree/words.txt', 'tree/sub/bytes.bin', 'tree/sub/deep/no-newline'] },
  { name: 'cat missing', argv: ['cat', 'tree/script.sh', 'tree/not-there'] },
  { name: 'cat stdin', argv: ['cat', '-n'], input: 'one\ntwo\n' },
  { name: 'sort', argv: ['sort', 'tree/words.txt'] },
  { name: 'sort -n', argv: ['sort', '-k1,1nr', '-k3', 'tree/numbers'] },
  { name: 'wc', argv: ['wc', 'tree/words.txt', 'tree/numbers', 'tree/sub/bytes.bin'] },
  { name: 'sha256sum', argv: ['sha256sum', 'tree/words.txt', 'tree/sub/bytes.bin', 'tree/sub/deep/no-newline'] },
  { name: 'gzip', argv: ['gzip', '-c', '-9', 'tree/words.txt'] },
  { name: 'gzip in place', argv: ['gzip', 'tree/numbers'], leaves: true },
  { name: 'gunzip', argv: ['sh', '-c', 'gzip -c tree/sub/bytes.bin | gunzip -c | cmp - tree/sub/bytes.bin && echo same'] },
  // The names are given: the host's directory order is the host's, the guest's is sorted.
  { name: 'tar c', argv: ['sh', '-c', 'find tree | sort >list && tar cf - --numeric-owner --no-recursion -T list'] },
  {
    name: 'tar x',
    argv: [
      'sh',
      '-c',
      'find tree | sort >list && tar cf t.tar --no-recursion -T list && rm -r tree && tar xf t.tar && find tree | sort && tar tvf t.tar',
    ],
  },
  { name: 'grep', argv: ['grep', '-n', 'lost[0-9]*[05] ', 'tree/words.txt'] },
  { name: 'grep -r -E', argv: ['grep', '-rcE', '(name1|event9)[[:digit:]]?', 'tree/numbers', 'tree/words.txt'] },
  { name: 'grep none', argv: ['grep', 'nothing-like-this', 'tree/words.txt'] },
  { name: 'sed', argv: ['sed', '-e', 's/\\([a-z]*\\)\\([0-9]\\)/\\2-\\1/g', '-e', '3,5d', '-e', '$!N;P;D', 'tree/words.txt'] },
  {
    name: 'awk',
    argv: [
      'awk',
      '{ n[$3] += $1; c++ } END { for (i = 0; i < 13; i++) print i, n["name" i], c / 7; printf "%.6f %d\\n", c / 9, 7 % 3 }',
      'tree/numbers',
    ],
  },
  {
    name: 'awk floats',
    argv: [
      'awk',
      'BEGIN { for (i = 1; i < 9; i++) print i / 3, int(-i / 2), i % 2.5, 1e300 * i * 1e10, 0.1 * i, substr("hello", i), -i / 7e-9 }',
    ],
  },
  { name: 'find', argv: ['sh', '-c', 'find tree -type f -size -9 | sort; find tree -newer tree/numbers -name "*.txt" -o -type l | sort'] },
  { name: 'od', argv: ['od', '-A', 'x', '-t', 'x1', 'tree/sub/bytes.bin'] },
  { name: 'od -c', argv: ['od', '-c', 'tree/sub/bytes.bin'] },
  { name: 'od -d', argv: ['od', '-t', 'd2', '-j', '100', '-N', '64', 'tree/sub/bytes.bin'] },
  { name: 'cut', argv: ['cut', '-f', '1,3', 'tree/numbers'] },
  { name: 'cut -c', argv: ['cut', '-c', '3-7,9', 'tree/words.txt'] },
  {
    name: 'sh pipes and a loop',
    argv: [
      'sh',
      '-c',
      'i=0; while [ $i -lt 12 ]; do echo "line $i $((i * i))"; i=$((i + 1)); done | grep 4 | sort -r | wc -c; for f in tree/*; do echo "$f"; done; exit 7',
    ],
  },
  {
    name: 'sh here-document',
    argv: ['sh', '-c', 'x=$(cat <<END\na $HOME b\nEND\n); echo "$x" | tr a-z A-Z; (exit 3); echo $?; kill -9 $$'],
  },
  {
    name: 'sh background and wait',
    argv: ['sh', '-c', 'sleep 0 & wait $!; echo $?; true && false || echo or; set -- 1 2 3; echo $# "$@"'],
  },
  { name: 'date', argv: ['date', '-d', '@0', '-u'] },
  { name: 'date format', argv: ['date', '-u', '-d', '@1700000000', '+%Y-%m-%dT%H:%M:%S %j %A'] },
  { name: 'head tail', argv: ['sh', '-c', 'head -n 3 tree/numbers; tail -n 2 tree/numbers; tail -c 5 tree/words.txt'] },
  { name: 'uniq tr', argv: ['sh', '-c', 'cut -f3 tree/numbers | sort | uniq -c | tr a-y b-z'] },
  { name: 'md5sum -c', argv: ['sh', '-c', 'md5sum tree/numbers > sums; md5sum -c sums'] },
  { name: 'cp mv rm mkdir', argv: ['sh', '-c', 'mkdir -p d/e && cp tree/numbers d/e/n && mv d/e/n d/m && ls d d/e && rm -r d && ls'] },
  { name: 'bc dc expr', argv: ['sh', '-c', 'expr 12 \\* 34 + 5; echo "2 20 ^ p" | dc'] },
  { name: 'unknown applet', argv: ['no-such-applet'] },
];

const suite = new Suite('busybox');
const busybox = which('busybox');
if (busybox === undefined) suite.skip('all', 'busybox is not installed (apt-get install busybox-static)');
else {
  const base = mkdtempSync(join(tmpdir(), 'perfglass-busybox-'));
  try {
    const fresh = (): string => {
      const root = join(base, 'work');
      rmSync(root, { recursive: true, force: true });
      mkdirSync(root);
      makeTree(root);
      return root;
    };
    // What a shell starts is busybox again: the host's own tools are dynamic programs and differ from machine to machine.
    const bin = join(base, 'bin');
    mkdirSync(bin);
    for (const applet of run([busybox, '--list']).stdout.toString().split('\n')) if (applet !== '') symlinkSync(busybox, join(bin, applet));
    for (const c of CASES) {
      const options = { cwd: fresh(), input: c.input ?? '', limit: 60, env: { ...ENV, PATH: bin } };
      const argv = [busybox, ...c.argv];
      const native: Outcome = run(argv, options);
      const nativeFiles = c.leaves === true ? listing(options.cwd) : Buffer.alloc(0);
      fresh();
      const ours: Outcome = runGuest(argv, options);
      const files = c.leaves === true ? listing(options.cwd) : Buffer.alloc(0);
      const complaints = SELF ? [] : leaks(ours.stderr.toString());
      if (native.timedOut) complaints.push('the native run does not end');
      if (ours.timedOut) complaints.push('does not end within 60 s');
      if (ours.status !== native.status) complaints.push(`exit status: native ${native.status}, perfglass ${ours.status}`);
      for (const d of [
        difference('stdout', native.stdout, ours.stdout),
        difference('stderr', native.stderr, withoutOurs(ours.stderr)),
        difference('files', nativeFiles, files),
      ]) {
        if (d !== undefined) complaints.push(d);
      }
      suite.judge(c.name, complaints, `${native.stdout.length} bytes, status ${native.status}`);
    }
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}
suite.end();
