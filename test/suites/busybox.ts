/**
 * Debian's busybox-static: applets give the same bytes on stdout and stderr and the same exit status as natively, on a tree that this suite makes
 * with fixed times and modes.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync, lutimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SELF, leaks, runGuest } from '../lib/perfglass.ts';
import { ENV, type Outcome, run, which } from '../lib/run.ts';
import { Suite, difference } from '../lib/suite.ts';

/** perfglass tells the death of a program in a line of its own, as perf stat does. */
const withoutOurs = (b: Buffer): Buffer => Buffer.from(b.toString('latin1').replace(/^perfglass: \S+: SIG\w+ .*\n/gm, ''), 'latin1');

const EPOCH = 1_000_000_000; // 2001-09-09T01:46:40Z

/** Text without structure that compresses: a linear congruential sequence of words. */
function words(n: number): string {
  const list = ['event', 'counter', 'branch', 'retired', 'frozen', 'mask', 'overflow', 'sample', 'lost', 'period', 'handler', 'x86'];
  let seed = 12345;
  const out: string[] = [];
  for (let i = 0; i < n; i++) {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    out.push(`${list[seed % list.length]}${seed % 97}${i % 9 === 8 ? '\n' : ' '}`);
  }
  return out.join('');
}

function makeTree(root: string): void {
  mkdirSync(join(root, 'tree/sub/deep'), { recursive: true });
  mkdirSync(join(root, 'tree/empty'));
  const file = (name: string, text: string | Buffer, mode: number): void => {
    writeFileSync(join(root, name), text);
    chmodSync(join(root, name), mode);
  };
  file('tree/words.txt', words(900), 0o644);
  file('tree/numbers', Array.from({ length: 200 }, (_, i) => `${(i * 7919) % 1000}\t${i}\tname${i % 13}`).join('\n') + '\n', 0o600);
  file('tree/script.sh', '#!/bin/sh\necho hello\n', 0o755);
  file('tree/sub/bytes.bin', Buffer.from(Array.from({ length: 4099 }, (_, i) => (i * i + (i >> 4)) & 255)), 0o444);
  file('tree/sub/deep/no-newline', 'the last line has no end', 0o640);
  file('tree/sub/.hidden', 'dot\n', 0o644);
  symlinkSync('words.txt', join(root, 'tree/link'));
  symlinkSync('nowhere', join(root, 'tree/dangling'));
  // times last, children before their folders; each file another second
  let time = EPOCH;
  const settle = (dir: string): void => {
    for (const entry of readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) settle(path);
      time += 61;
      if (entry.isSymbolicLink()) lutimesSync(path, time, time);
      else utimesSync(path, time, time);
    }
  };
  settle(root);
  utimesSync(root, EPOCH, EPOCH);
}

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

/** Every file under `root` with its bytes and mode, sorted, as one text. */
function listing(root: string): Buffer {
  return run(
    [
      '/bin/sh',
      '-c',
      'find . -type f -o -type l | LC_ALL=C sort | xargs -d "\\n" ls -ld --time-style=+%s | awk \'{print $1,$5,$7,$8,$9,$10}\'; find . -type f | LC_ALL=C sort | xargs -d "\\n" cksum',
    ],
    {
      cwd: root,
    },
  ).stdout;
}

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
