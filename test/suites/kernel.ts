/** Kernel conformance: programs that print what the system does (signals, processes, memory, clocks) print the same here as natively. */
import { readdirSync } from 'node:fs';
import { ROOT, SELF, leaks, runGuest } from '../lib/perfglass.ts';
import { run } from '../lib/run.ts';
import { Suite, difference } from '../lib/suite.ts';

const BIN = `${ROOT}test/kernel/bin/`;
const suite = new Suite('kernel');
const programs = readdirSync(BIN).sort();
for (const name of programs) {
  const native = run([BIN + name]);
  const unfit = /^skip: (.*)/.exec(native.stdout.toString());
  if (unfit !== null) {
    suite.skip(name, unfit[1] as string);
    continue;
  }
  const guest = runGuest([BIN + name]);
  const complaints = leaks(guest.stderr.toString());
  if (native.status !== guest.status) complaints.push(`status ${guest.status}, natively ${native.status}`);
  const d = difference('stdout', native.stdout, guest.stdout);
  if (d !== undefined) complaints.push(d);
  suite.judge(name, complaints, `${native.stdout.toString().split('\n').length - 1} lines`);
}
// System calls with arguments out of a hat: whatever comes of the program, nothing of ours breaks, and the session ends.
if (SELF) suite.skip('fuzz', 'not for the host');
else {
  for (const seed of ['1', '2', '3', '4']) {
    const guest = runGuest([`${ROOT}test/kernel/hostile/fuzz`, seed, '12'], { limit: 60 });
    const complaints = leaks(guest.stderr.toString());
    if (guest.timedOut) complaints.push('does not end');
    suite.judge(`fuzz, seed ${seed}`, complaints, `status ${guest.status}`);
  }
}
suite.end();
