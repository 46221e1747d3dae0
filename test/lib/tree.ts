/** The tree that program suites run on: fixed names, bytes, modes and times; and what a run left of it. */
import { chmodSync, lutimesSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.ts';

/** perfglass tells the death of a program in a line of its own, as perf stat does. */
export const withoutOurs = (b: Buffer): Buffer => Buffer.from(b.toString('latin1').replace(/^perfglass: \S+: SIG\w+ .*\n/gm, ''), 'latin1');

const EPOCH = 1_000_000_000; // 2001-09-09T01:46:40Z

/** Text without structure that compresses: a linear congruential sequence of words. */
export function words(n: number): string {
  const list = ['event', 'counter', 'branch', 'retired', 'frozen', 'mask', 'overflow', 'sample', 'lost', 'period', 'handler', 'x86'];
  let seed = 12345;
  const out: string[] = [];
  for (let i = 0; i < n; i++) {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    out.push(`${list[seed % list.length]}${seed % 97}${i % 9 === 8 ? '\n' : ' '}`);
  }
  return out.join('');
}

export function makeTree(root: string): void {
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

/** Every file under `root` with its bytes and mode, sorted, as one text. */
export function listing(root: string): Buffer {
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
