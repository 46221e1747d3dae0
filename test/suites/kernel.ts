/** Kernel conformance: programs that print what the system does (signals, processes, memory, clocks) print the same here as natively. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, SELF, leaks, perfglass, runGuest } from '../lib/perfglass.ts';
import { run, which } from '../lib/run.ts';
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
  // Tracers that ask for anything: what they trace may break, they themselves get to the end of their rounds.
  for (const seed of ['1', '6', '7']) {
    const guest = runGuest([`${ROOT}test/kernel/hostile/tracers`, seed, '20'], { limit: 60 });
    const complaints = leaks(guest.stderr.toString());
    if (!guest.stdout.toString().endsWith('still here\n')) complaints.push(`does not get to its end: ${guest.stderr.toString()}`);
    suite.judge(`tracers, seed ${seed}`, complaints, `status ${guest.status}`);
  }
}

/** What is refused by name, or answered in the model's own way: glibc's view of it, and what `-v` says. */
const ANSWERS: readonly RegExp[] = [
  /^inotify_init1\(0\) +-1 ENOSYS$/m,
  /^syscall\(SYS_futex, &word, 6,.* -1 ENOSYS$/m,
  /^syscall\(SYS_futex, &word, 11,.* -1 ENOSYS$/m,
  /^pthread_mutex_init PI EOPNOTSUPP$/m,
  /^syscall\(SYS_io_uring_setup, .* -1 ENOSYS$/m,
  /^syscall\(SYS_bpf, .* -1 ENOSYS$/m,
  /^vDSO 0$/m,
  /^Linux perfglass 6\.12\.0-perfglass$/m,
];
const NAMED = ['inotify_init1', 'FUTEX_LOCK_PI', 'FUTEX_WAIT_REQUEUE_PI', 'io_uring_setup', 'bpf'];
if (SELF || which('gcc') === undefined) suite.skip('refused', SELF ? 'not for the host' : 'gcc is not installed');
else {
  const work = mkdtempSync(join(tmpdir(), 'perfglass-kernel-'));
  const program = join(work, 'refused');
  run(['gcc', '-O1', '-w', '-pthread', '-o', program, `${ROOT}test/debian/src/refused.c`]);
  const [one, again, other] = [['0'], ['0'], ['1']].map(([seed = '']) => run(perfglass('run', '-v', '--seed', seed, '--', program)));
  const [output, said] = [one?.stdout.toString() ?? '', one?.stderr.toString() ?? ''];
  const complaints = [...leaks(said), ...ANSWERS.filter((p) => !p.test(output)).map((p) => `no ${p} in ${output}`)];
  for (const name of NAMED) if (!said.includes(name)) complaints.push(`-v does not name ${name}: ${said}`);
  if (output !== again?.stdout.toString()) complaints.push('getrandom differs from run to run');
  if (output === other?.stdout.toString()) complaints.push('getrandom does not depend on --seed');
  suite.judge('refused by name', complaints, `${ANSWERS.length} answers, ${NAMED.length} names`);
  rmSync(work, { recursive: true });
}
suite.end();
