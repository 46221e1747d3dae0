/**
 * Debian's strace and gdb inside the model: what they tell of a program is what they tell of it natively, but for pids, addresses and what two
 * tasks do at once. `node test/suites/tracers.ts WORD…` runs the cases whose name contains a word.
 */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, SELF, leaks, runGuest } from '../lib/perfglass.ts';
import { run, which } from '../lib/run.ts';
import { Suite, difference } from '../lib/suite.ts';

interface Case {
  readonly name: string;
  readonly argv: readonly string[];
}

/**
 * Not compared: where memory lies (mmap's order differs for want of a vDSO, whose set-up allocates), what is random, and clocks, which the vDSO
 * reads natively without a call.
 */
const UNLIKE = 'trace=!mmap,munmap,getrandom,clock_gettime,gettimeofday,time,sysinfo,futex,sched_getaffinity';
const strace = (...rest: string[]): string[] => ['strace', '-ff', '-o', 'trace', '-e', UNLIKE, ...rest];
const gdb = (program: readonly string[], ...commands: string[]): string[] => [
  'gdb',
  '-nx',
  '-batch',
  '-ex',
  'set pagination off',
  '-ex',
  'set print thread-events off',
  ...commands.flatMap((c) => ['-ex', c]),
  '--args',
  ...program,
];
const D = ['./debuggee'];
const CASES: readonly Case[] = [
  { name: 'strace of cat', argv: strace('cat', 'input') },
  { name: 'strace of sort and its pipe', argv: strace('sh', '-c', 'sort input | cat; exit 3') },
  { name: 'strace of a missing file', argv: strace('cat', 'nothing') },
  { name: 'strace of signals', argv: strace('sh', '-c', 'trap "echo caught" USR1; kill -USR1 $$; kill -TERM $$') },
  { name: 'strace of vfork and exec', argv: strace('env', 'A=b', 'sh', '-c', 'cat input; (exit 4); echo $?') },
  { name: 'strace of threads', argv: strace('./debuggee') },
  { name: 'strace of a crash', argv: strace('./debuggee', 'x') },
  { name: 'strace that injects a result', argv: strace('-e', 'inject=getppid:retval=7', 'sh', '-c', 'echo $PPID') },
  { name: 'strace that injects an error', argv: strace('-e', 'inject=read:error=EIO:when=2', 'cat', 'input') },
  { name: 'strace that injects a signal', argv: strace('-e', 'inject=openat:signal=TERM:when=3', 'cat', 'input') },
  { name: 'strace of a process that seccomp does not filter', argv: strace('-D', 'true') },
  {
    name: 'gdb: breakpoints, backtraces, data',
    argv: gdb(
      D,
      'break factorial if n == 1',
      'run',
      'backtrace',
      'up',
      'info locals',
      'print points',
      'print/x points[1]',
      'ptype points',
      'finish',
      'delete',
      'continue',
    ),
  },
  {
    name: 'gdb: step, next, until, advance',
    argv: gdb(
      D,
      'break main',
      'run',
      'next',
      'next',
      'step',
      'step',
      'backtrace',
      'finish',
      'advance weigh',
      'next',
      'next',
      'display sum',
      'next',
      'next',
      'next',
      'kill',
    ),
  },
  {
    name: 'gdb: stepi and registers',
    argv: gdb(
      D,
      'break factorial',
      'run',
      'stepi',
      'x/i $pc',
      'nexti',
      'stepi 20',
      'x/3i $pc',
      'print $eflags',
      'print $mxcsr',
      'print $cs',
      'print $ss',
      'print $rip',
      'print $xmm0',
      'print $st0',
      'kill',
    ),
  },
  {
    name: 'gdb: changes of registers and memory',
    argv: gdb(
      D,
      'break factorial',
      'run',
      'set var n = 6',
      'set var $rdi = 6',
      'set var points[0].weight = 100',
      'set var points[0].name = points[1].name',
      'print points[0]',
      'delete',
      'continue',
    ),
  },
  {
    name: 'gdb: calls in the program',
    argv: gdb(
      D,
      'break weigh',
      'run',
      'print factorial(5)',
      'print weigh(points, 1)',
      'call (void)puts("hello")',
      'delete',
      'print $_siginfo.si_signo',
      'continue',
    ),
  },
  {
    name: 'gdb: watchpoints',
    argv: gdb(
      D,
      'break main',
      'run',
      'watch total',
      'rwatch points[1].weight',
      'continue',
      'continue',
      'continue',
      'continue',
      'info watchpoints',
      'delete',
      'continue',
    ),
  },
  {
    name: 'gdb: software watchpoints',
    argv: gdb(D, 'set can-use-hw-watchpoints 0', 'break weigh', 'run', 'next', 'next', 'watch sum', 'continue', 'continue', 'kill'),
  },
  {
    name: 'gdb: signals',
    argv: gdb(D, 'handle SIGUSR1 stop print', 'run', 'print $_siginfo.si_signo', 'backtrace 1', 'step', 'signal 0', 'info program'),
  },
  {
    name: 'gdb: a crash',
    argv: gdb(
      ['./debuggee', 'x'],
      'handle SIGUSR1 nostop noprint',
      'run',
      'print $_siginfo._sifields._sigfault.si_addr',
      'backtrace',
      'info registers rip',
      'continue',
    ),
  },
  {
    name: 'gdb: threads',
    argv: gdb(D, 'break work', 'run', 'backtrace 1', 'thread apply all backtrace 1', 'continue', 'delete', 'continue'),
  },
  { name: 'gdb: catchpoints of system calls', argv: gdb(D, 'catch syscall write', 'run', 'continue', 'delete', 'continue') },
  {
    name: 'gdb: catchpoints of fork, the child followed',
    argv: gdb(
      D,
      'catch fork',
      'run',
      'set follow-fork-mode child',
      'delete',
      'break _exit',
      'continue',
      'info inferiors',
      'kill inferiors 2',
    ),
  },
  { name: 'gdb: a program that is started anew', argv: gdb(D, 'break weigh', 'run', 'backtrace 1', 'run', 'backtrace 1', 'kill') },
  {
    name: 'gdb: tbreak, ignore, condition, commands',
    argv: gdb(D, 'tbreak main', 'run', 'break factorial', 'ignore 2 2', 'continue', 'print n', 'info breakpoints', 'kill'),
  },
  { name: 'gdb: catch exec through a shell', argv: gdb(['/bin/sh', '-c', 'exec /bin/echo hi'], 'catch exec', 'run', 'continue') },
];

/** Without pids, addresses, and what depends on who runs when. */
const mask = (text: string): string =>
  text
    .replace(/0x[0-9a-f]{5,}/g, '0xADDRESS')
    .replace(/^perfglass: .*\n/gm, '')
    .replace(/^--- SIGCHLD .*\n(?:rt_sigreturn\(.*\n)?/gm, '') // comes when the child happens to end
    .replace(/\b(process|LWP|pid|si_pid=|tgkill\(|kill\(|si_uid=|wait4\(|parent_tid=\[|Inferior \d+ \(process) ?\d+/gi, '$1 PID')
    .replace(/(tgkill\( PID,) \d+/g, '$1 PID')
    .replace(/(\bexpected=|st_ino=|l_pid=|st_dev=makedev\()[^,)}]*/g, '$1N')
    .replace(/(^(?:clone|clone3|fork|vfork|wait4|getpid|gettid|getppid|set_tid_address|rt_sigreturn)\(.*= )\d{4,}$/gm, '$1PID')
    .replace(/^ *Id +Target Id +Frame *$/gm, 'Id Target Id Frame')
    .replace(/ {2,}/g, ' ');

const suite = new Suite('tracers');
const wanted = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const base = mkdtempSync(join(tmpdir(), 'perfglass-tracers-'));

/** What a tracer said, and the files that strace left, the processes in order of birth. */
function outcome(
  argv: readonly string[],
  runIt: typeof run,
): { readonly said: Buffer; readonly status: number; readonly complaints: readonly string[] } {
  const cwd = join(base, 'work');
  rmSync(cwd, { recursive: true, force: true });
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'input'), 'pear\napple\nfig\n');
  writeFileSync(join(cwd, 'debuggee'), readFileSync(join(base, 'debuggee')), { mode: 0o755 });
  const done = runIt([which(argv[0] as string) as string, ...argv.slice(1)], { cwd, limit: 120 });
  const traces = readdirSync(cwd)
    .filter((f) => f.startsWith('trace.'))
    .sort((a, b) => Number(a.slice(6)) - Number(b.slice(6)))
    .map((f) => readFileSync(join(cwd, f), 'latin1'));
  const text = [done.stdout.toString('latin1'), done.stderr.toString('latin1'), ...traces].map(mask).join('\n-- next\n');
  return {
    said: Buffer.from(text, 'latin1'),
    status: done.status,
    complaints: done.timedOut ? ['does not end'] : leaks(done.stderr.toString()),
  };
}

try {
  const gcc = which('gcc');
  if (gcc !== undefined)
    run([gcc, '-g', '-O0', '-pthread', '-o', join(base, 'debuggee'), `${ROOT}test/tracers/src/debuggee.c`], { limit: 60 });
  for (const c of CASES) {
    if (wanted.length > 0 && !wanted.some((w) => c.name.includes(w))) continue;
    const missing = ['gcc', c.argv[0] as string].filter((n) => which(n) === undefined);
    if (missing.length > 0 || SELF) {
      suite.skip(c.name, SELF ? 'not for the host' : `${missing.join(', ')} not installed`);
      continue;
    }
    const native = outcome(c.argv, run);
    const ours = outcome(c.argv, runGuest);
    const complaints = [...ours.complaints];
    if (native.status !== ours.status) complaints.push(`status ${ours.status}, natively ${native.status}`);
    const d = difference('what it says', native.said, ours.said);
    if (d !== undefined) complaints.push(d);
    suite.judge(c.name, complaints, `${native.said.toString('latin1').split('\n').length} lines`);
  }
} finally {
  rmSync(base, { recursive: true, force: true });
}
suite.end();
