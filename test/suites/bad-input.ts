/**
 * Bad input: every bullet of issue 2. For each: the right exit status, a message that says what and where, no stack trace of ours, and nothing
 * half-written (an error leaves stdout empty unless the program itself wrote, and `-o FILE` is whole or not there).
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { elf, exitCode, le, patched, writeProgram } from '../lib/elf.ts';
import { PROGRAMS, SELF, leaks, perfglass } from '../lib/perfglass.ts';
import { ENV, run } from '../lib/run.ts';
import { Suite } from '../lib/suite.ts';

interface Expect {
  /** Exit statuses that are right. */
  readonly status: readonly number[];
  /** What stderr must say, each. */
  readonly says?: readonly RegExp[];
  /** What the program writes on stdout, exactly; empty unless told. */
  readonly stdout?: string;
}

const suite = new Suite('bad-input');
const dir = mkdtempSync(join(tmpdir(), 'perfglass-bad-'));
let n = 0;
const file = (content: Buffer | string): string => writeProgram(join(dir, `prog${n++}`), Buffer.from(content as string));

function check(name: string, args: readonly string[], expect: Expect): void {
  const outcome = run(perfglass(...args), { cwd: dir, limit: 60 });
  const stderr = outcome.stderr.toString();
  const complaints = leaks(stderr);
  if (outcome.timedOut) complaints.push('does not end within 60 s');
  if (!expect.status.includes(outcome.status)) complaints.push(`exit status ${outcome.status}, expected ${expect.status.join(' or ')}`);
  for (const say of expect.says ?? []) if (!say.test(stderr)) complaints.push(`stderr does not say ${say}`);
  if (outcome.stdout.toString() !== (expect.stdout ?? ''))
    complaints.push(`stdout is ${JSON.stringify(outcome.stdout.toString().slice(0, 200))}`);
  if (complaints.length > 0) complaints.push(`stderr: ${JSON.stringify(stderr.slice(0, 500))}`);
  suite.judge(name, complaints);
}
const stat = (...rest: readonly string[]): string[] => ['stat', '-e', 'instructions:u', ...rest];
const PROGRAM = `${PROGRAMS}sums`;
const NOT_RUN = [1, 2, 126, 127, 129];

function notAProgram(): void {
  check('no such file', stat('--', './not-there'), { status: [127, 1], says: [/not-there/, /[Nn]o such file|not found/] });
  check('a folder', stat('--', '.'), { status: [126, 1], says: [/directory|folder|[Pp]ermission/] });
  check('no command', stat(), { status: [129] });
  const plain = join(dir, 'plain');
  writeFileSync(plain, elf(exitCode(0)));
  chmodSync(plain, 0o644);
  check('not executable', stat('--', plain), { status: [126, 1], says: [/[Pp]ermission|executable/] });
  check('empty file', stat('--', file('')), { status: NOT_RUN, says: [/ELF|empty|[Ee]xec format/] });
  check('not an ELF', stat('--', file('hello, I am text\n')), { status: NOT_RUN, says: [/ELF|[Ee]xec format/] });
  const good = elf(exitCode(5));
  check('a right one, as a check of the generator', stat('-o', '/dev/null', '--', file(good)), { status: [5] });
  check('aarch64', stat('--', file(patched(good, 18, [0xb7, 0]))), { status: NOT_RUN, says: [/aarch64|arm64|ARM|machine|x86-64/i] });
  check('arm', stat('--', file(patched(patched(good, 18, [40, 0]), 4, [1]))), {
    status: NOT_RUN,
    says: [/\barm\b|machine|x86-64|32-bit/i],
  });
  check('32-bit x86', stat('--', file(patched(patched(good, 18, [3, 0]), 4, [1]))), {
    status: NOT_RUN,
    says: [/32-bit|i386|ELFCLASS32|x86-64/i],
  });
  check('big-endian', stat('-o', '/dev/null', '--', file(patched(good, 5, [2]))), { status: [5, ...NOT_RUN] }); // Linux does not look at EI_DATA
  check('an object file', stat('--', file(patched(good, 16, [1, 0]))), { status: NOT_RUN, says: [/ET_REL|executable|type|object/i] });
}

function hostileHeaders(): void {
  const good = elf(exitCode(5));
  for (const length of [4, 15, 52, 63, 64, 100, 119]) {
    check(`truncated after ${length} bytes`, stat('--', file(good.subarray(0, length))), { status: [...NOT_RUN, 139], says: [/./] });
  }
  const field = (name: string, at: number, bytes: readonly number[], status: readonly number[] = [...NOT_RUN, 139]): void =>
    check(`hostile: ${name}`, stat('--', file(patched(good, at, bytes))), { status, says: [/./] });
  field('e_phoff beyond the file', 32, le(0x7fffffffffffn, 8));
  field('e_phoff = 2^64 - 8', 32, le(-8n, 8));
  field('e_phentsize 1', 54, le(1n, 2));
  field('e_phentsize 65535', 54, le(0xffffn, 2));
  field('e_phnum 0', 56, le(0n, 2));
  field('e_phnum 65535', 56, le(0xffffn, 2));
  field('entry 0', 24, le(0n, 8), [139]);
  field('entry in the kernel', 24, le(0xffffffff81000000n, 8), [...NOT_RUN, 139]);
  field('entry not canonical', 24, le(0x1234567812345678n, 8), [...NOT_RUN, 139]);
  const segment = (name: string, s: Parameters<typeof elf>[1]): void =>
    check(`hostile: ${name}`, stat('--', file(elf(exitCode(5), s))), { status: [...NOT_RUN, 137, 139], says: [/./] });
  segment('p_filesz beyond the file', [{ filesz: 0x100000n }]);
  segment('p_filesz 2^63', [{ filesz: 1n << 63n }]);
  segment('p_filesz > p_memsz', [{ filesz: 0xf0n, memsz: 0x10n }]);
  segment('p_memsz 2^63', [{ memsz: 1n << 63n }]);
  segment('p_memsz 2^46', [{ memsz: 1n << 46n }]);
  segment('p_vaddr + p_memsz wraps', [{ vaddr: 0xfffffffffffff000n, memsz: 0x10000n }]);
  segment('p_vaddr in the kernel', [{ vaddr: 0xffffffff81000000n }]);
  segment('p_vaddr 0', [{ vaddr: 0n }]);
  segment('p_offset 2^63', [{ offset: 1n << 63n }]);
  segment('p_offset and p_vaddr not congruent', [{ offset: 0x123n, vaddr: 0x400000n }]);
  segment('no PT_LOAD', [{ type: 4 }]);
  check('hostile: an interpreter that is not there', stat('--', file(interpreter('/not/there'))), {
    status: [...NOT_RUN],
    says: [/not\/there|interpreter|dynamic/i],
  });
  check('hostile: an interpreter name without end', stat('--', file(interpreter('x'.repeat(40), true))), {
    status: [...NOT_RUN],
    says: [/./],
  });
  // headers of every length and value: no crash of ours, whatever comes out
  let seed = 99;
  const random = (k: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % k;
  };
  for (let i = 0; i < 12; i++) {
    let bad = elf(exitCode(0), [{}, { vaddr: 0x600000n, flags: 6 }]);
    const changes: string[] = [];
    for (let k = 0; k < 3; k++) {
      const at = 4 + random(170);
      const value = random(256);
      changes.push(`${at}=${value}`);
      bad = patched(bad, at, [value]);
    }
    check(`fuzzed header ${changes.join(' ')}`, stat('-o', '/dev/null', '--', file(bad)), { status: [0, ...NOT_RUN, 132, 136, 137, 139] });
  }
}

function interpreter(name: string, unterminated = false): Buffer {
  const text = Buffer.from(unterminated ? name : `${name}\0`);
  const base = elf([...exitCode(5), ...text], [{ type: 3, offset: BigInt(64 + 112 + 12), filesz: BigInt(text.length) }, {}]);
  return base;
}

function names(): void {
  check('unknown event', ['stat', '-e', 'instuctions:u', '--', PROGRAM], { status: [129], says: [/instuctions/, /\binstructions\b/] });
  check('unknown event, far from any', ['stat', '-e', 'zzzzqqq', '--', PROGRAM], {
    status: [129],
    says: [/zzzzqqq/, /perfglass list|list/],
  });
  check('unknown modifier', ['stat', '-e', 'instructions:y', '--', PROGRAM], { status: [129], says: [/instructions:y|modifier/] });
  check('empty event list', ['stat', '-e', '', '--', PROGRAM], { status: [129], says: [/event/] });
  check('group without end', ['stat', '-e', '{instructions,branches', '--', PROGRAM], { status: [129], says: [/\}|group/] });
  check('raw event not hexadecimal', ['stat', '-e', 'rzz', '--', PROGRAM], { status: [129], says: [/rzz/] });
  check('unknown term', ['stat', '-e', 'cpu/event=0xc0,nonsense=1/', '--', PROGRAM], { status: [129], says: [/nonsense/] });
  check('term out of range', ['stat', '-e', 'cpu/event=0x1ff/', '--', PROGRAM], { status: [129], says: [/0x1ff|event|range/] });
  check('unknown PMU', ['stat', '-e', 'gpu/event=0xc0/', '--', PROGRAM], { status: [129], says: [/gpu/] });
  check('unknown model', ['stat', '--cpu', 'skylaek', '-e', 'instructions:u', '--', PROGRAM], {
    status: [129, 1],
    says: [/skylaek/, /\bskylake\b/],
  });
  check('an event that the model lacks', ['stat', '--cpu', 'yonah', '-e', 'slots', '--', PROGRAM], { status: [129, 1], says: [/slots/] });
  check('unknown option', ['stat', '--no-such-option', '--', PROGRAM], { status: [129], says: [/no-such-option/] });
  check('unknown command', ['stta', '--', PROGRAM], { status: [129], says: [/stta/] });
  check('-r not a number', ['stat', '-r', 'many', '--', PROGRAM], { status: [129], says: [/many|-r|repeat/] });
  check('-o into a folder that is not there', stat('-o', 'no/such/folder/out', '--', PROGRAM), {
    status: [1, 129],
    says: [/no\/such\/folder|[Nn]o such/],
  });
}

function deaths(): void {
  const dies = (name: string, args: readonly string[], signal: number, text: RegExp, address?: RegExp): void =>
    check(`dies: ${name} ${args.join(' ')}`, stat('--', PROGRAMS + name, ...args), {
      status: [128 + signal],
      says: [text, /instructions/, ...(address === undefined ? [] : [address])],
      stdout: 'before\n',
    });
  dies('sigsegv', [], 11, /SIGSEGV|Segmentation fault/, /\b0x0*8\b/);
  dies('sigsegv', ['1'], 11, /SIGSEGV|Segmentation fault/, /0x0*40[0-9a-f]{4}/);
  dies('sigsegv', ['2'], 11, /SIGSEGV|Segmentation fault/, /0x0*40[0-9a-f]{4}/);
  dies('sigsegv', ['6'], 11, /SIGSEGV|Segmentation fault/);
  dies('sigill', [], 4, /SIGILL|Illegal instruction/, /0x0*40[0-9a-f]{4}/);
  dies('sigfpe', [], 8, /SIGFPE|Floating point exception/, /0x0*40[0-9a-f]{4}/);
  dies('sigabrt', [], 6, /SIGABRT|Abort/);
  dies('sigabrt', ['9'], 9, /SIGKILL|Killed/);
  dies('sigabrt', ['15'], 15, /SIGTERM|Terminated/);
}

function limits(): void {
  // mmap 1 GiB at a time, touching every page, until it fails or is killed
  const eat = [
    [0x31, 0xff, 0xbe, 0, 0, 0, 0x40, 0xba, 3, 0, 0, 0, 0x41, 0xba, 0x22, 0, 0, 0], // edi 0, esi 1 GiB, edx RW, r10 private anonymous
    [0x49, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff, 0x45, 0x31, 0xc9, 0xb8, 9, 0, 0, 0, 0x0f, 0x05], // r8 -1, r9 0, mmap
    [0x48, 0x3d, 0, 0xf0, 0xff, 0xff, 0x77, 0x15], // cmp $-4096,%rax ; ja out
    [0xb9, 0, 0, 4, 0], // mov $0x40000,%ecx
    [0xc6, 0, 1, 0x48, 5, 0, 0x10, 0, 0, 0xe2, 0xf5], // movb $1,(%rax) ; add $4096,%rax ; loop
    [0xeb, 0xc3, 0x90, 0x90, 0x90], // again
    exitCode(42),
  ].flat();
  check('out of modelled memory', ['stat', '-e', 'instructions:u', '--', file(elf(eat))], {
    status: [42, 137, 139, 1],
    says: [/memory|ENOMEM|SIGKILL|Killed|instructions/i],
  });
  const undefinedCode = (name: string, bytes: readonly number[], says: RegExp): void =>
    check(`#UD: ${name}`, stat('--', file(elf([...bytes, ...exitCode(0)]))), { status: [132], says: [/SIGILL|Illegal instruction/, says] });
  undefinedCode('ud2', [0x0f, 0x0b], /ud2/i);
  undefinedCode('an undefined opcode', [0x06], /06|#UD|undefined|invalid/i);
  undefinedCode('lock on a register', [0xf0, 0x01, 0xc0], /#UD|lock|f0/i);
  undefinedCode('EVEX (not in the model)', [0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc1], /vaddps/i);
  check('sixteen prefixes', stat('--', file(elf([...Array.from({ length: 15 }, () => 0x66), 0x90, ...exitCode(0)]))), {
    status: [139, 132],
    says: [/SIG/],
  });
}

/** Ctrl-C: SIGINT after the program has begun to write; what was counted so far is printed, status 130 as a shell sees it. */
async function interrupted(): Promise<void> {
  const out = join(dir, 'interrupted.txt');
  // write(1,"x\n",2) once, then a loop without end
  const spin = [
    0x68, 0x78, 0x0a, 0, 0, 0xbf, 1, 0, 0, 0, 0x48, 0x89, 0xe6, 0xba, 2, 0, 0, 0, 0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0xff, 0xc1, 0xeb, 0xfc,
  ];
  for (const [name, extra] of [
    ['to the terminal', []],
    ['with -o', ['-o', out]],
  ] as const) {
    const [command, ...args] = perfglass('stat', '-e', 'instructions:u', ...extra, '--', file(elf(spin)));
    const child = spawn(command ?? '', args, { env: ENV, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    const ended = new Promise<number>((resolve) =>
      child.on('close', (code, signal) => resolve(signal === 'SIGINT' ? 130 : signal === null ? (code ?? 0) : 999)),
    );
    const late = setTimeout(() => child.kill('SIGKILL'), 30_000);
    child.stderr.on('data', (d: Buffer) => (stderr += d.toString()));
    child.stdout.on('data', (d: Buffer) => {
      if (stdout === '') setTimeout(() => child.kill('SIGINT'), 300);
      stdout += d.toString();
    });
    setTimeout(() => {
      if (stdout === '') child.kill('SIGINT'); // it holds its output back: interrupt all the same
    }, 8_000).unref();
    const status = await ended;
    clearTimeout(late);
    const complaints = leaks(stderr);
    if (status === 999) complaints.push('did not end within 30 s of SIGINT');
    else if (status !== 130) complaints.push(`exit status ${status}, expected 130`);
    if (stdout !== 'x\n') complaints.push(`stdout is ${JSON.stringify(stdout)}`);
    const text = extra.length > 0 ? (existsSync(out) ? readFileSync(out, 'utf8') : '') : stderr;
    if (!/\d[\d,]*\s+instructions/.test(text)) complaints.push(`no statistics so far in ${JSON.stringify(text.slice(0, 400))}`);
    suite.judge(`Ctrl-C ${name}`, complaints);
  }
}

try {
  if (SELF) suite.skip('all', 'bad input is about perfglass itself; nothing stands in for it');
  else {
    mkdirSync(dir, { recursive: true });
    notAProgram();
    hostileHeaders();
    names();
    deaths();
    limits();
    await interrupted();
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
suite.end();
