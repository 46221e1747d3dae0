/** Machine and kernel together, with programs of a few instructions: what the conformance programs (test/kernel) cannot show on Linux. */
import { SIG } from '#abi/signals.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SYS, type SyscallName } from '#abi/syscall-numbers.ts';
import { Assembler, CC, mem } from '#arch/asm.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { GPR as R, type Gpr } from '#arch/registers.ts';
import { decodeUtf8 } from '#base/utf8.ts';
import { DEFAULT_EPOCH_NS, DEFAULT_HZ, type Interruption, Kernel } from '#kernel/kernel.ts';
import { NO_PERF, type PerfHooks } from '#kernel/perf-hooks.ts';
import { MemoryHost } from '#kernel/testing/memory-host.ts';
import { createMachine } from '#machine/machine.ts';
import { interpreter } from './interpreter.ts';

const BASE = 0x40_0000n;
const TEXT = 0x1000;

/** A static ELF whose only segment is code at 0x401000 and 64 KiB of writable memory behind 0x500000. */
function program(emit: (a: Assembler) => void): string {
  const a = new Assembler(BASE + BigInt(TEXT));
  emit(a);
  const code = a.finish();
  const bytes = new Uint8Array(TEXT + code.length);
  const v = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  v.setUint16(16, 2, true);
  v.setUint16(18, 62, true);
  v.setBigUint64(24, BASE + BigInt(TEXT), true);
  v.setBigUint64(32, 64n, true);
  v.setUint16(54, 56, true);
  v.setUint16(56, 2, true);
  const load = (at: number, flags: number, offset: number, va: bigint, filesz: number, memsz: number): void => {
    v.setUint32(at, 1, true);
    v.setUint32(at + 4, flags, true);
    for (const [k, x] of [BigInt(offset), va, va, BigInt(filesz), BigInt(memsz), 0x1000n].entries())
      v.setBigUint64(at + 8 + k * 8, x, true);
  };
  load(64, 5, TEXT, BASE + BigInt(TEXT), code.length, code.length);
  load(120, 6, 0, 0x50_0000n, 0, 0x1_0000);
  bytes.set(code, TEXT);
  return decodeUtf8(bytes);
}
const DATA = 0x50_0000;
const ARGUMENTS: readonly Gpr[] = [R.RDI, R.RSI, R.RDX];

function call(a: Assembler, name: SyscallName, ...args: number[]): void {
  for (const [i, v] of args.entries()) a.movImm32(ARGUMENTS[i] as Gpr, v);
  a.movImm32(R.RAX, SYS[name]);
  a.syscall();
}
function store(a: Assembler, offset: number, value: number): void {
  a.movImm32(R.RBX, DATA);
  a.storeImm(mem(R.RBX, offset), value);
}
/** A loop of n turns, two instructions each. */
function spin(a: Assembler, label: string, n: number): void {
  a.movImm32(R.RCX, n);
  a.label(label);
  a.dec32(R.RCX);
  a.jcc(CC.NE, label);
}

interface Options {
  readonly memoryMiB?: number;
  readonly interrupted?: () => Interruption;
  readonly hooks?: (k: Kernel) => PerfHooks;
}

function start(emit: (a: Assembler) => void, options: Options = {}): Kernel {
  const host = new MemoryHost({ '/prog': program(emit) });
  host.chmod('/prog', 0o755);
  const machine = createMachine(SKYLAKE, interpreter(), { memoryBytes: (options.memoryMiB ?? 32) * 1_048_576 });
  const k = new Kernel(machine, host, {
    seed: 1,
    hz: DEFAULT_HZ,
    epochNs: DEFAULT_EPOCH_NS,
    uid: 0,
    gid: 0,
    interrupted: options.interrupted ?? (() => 0),
    files: {},
  });
  if (options.hooks !== undefined) k.perf = options.hooks(k);
  const task = k.spawn('/prog', ['prog'], [], '/', { stdin: 0, stdout: 1, stderr: 2 });
  assert.ok(!('error' in task), 'error' in task ? task.error : '');
  return k;
}
const instructions = (k: Kernel): { user: number; kernel: number } => {
  const t = k.port.truth.total(0xc0n);
  return { user: t?.user ?? 0, kernel: t?.kernel ?? 0 };
};

test('a task that nothing can wake is a deadlock, told with what it waits for', () => {
  const k = start((a) => {
    call(a, 'fork');
    call(a, 'pause');
  });
  const result = k.run();
  assert.equal(result.kind, 'deadlock');
  assert.match('what' in result ? result.what : '', /^prog\[1000\] waits: pause; prog\[1001\] waits: pause$/);
});

test('what a program leaves behind goes on for a while of idle time, then the session ends as the program did', () => {
  const parent = (child: (a: Assembler) => void): Kernel =>
    start((a) => {
      call(a, 'fork');
      a.test(R.RAX, R.RAX);
      a.jcc(CC.E, 'child');
      call(a, 'exit', 3);
      a.label('child');
      child(a);
    });
  const forever = parent((a) => call(a, 'pause'));
  assert.deepEqual(forever.run(), { kind: 'ended', status: 3 << 8 });
  assert.match(forever.reports.join(), /^left behind when the program had ended: prog\[1001\] waits: pause$/);
  const ticking = parent((a) => {
    store(a, 0, 7); // seconds
    a.label('again');
    call(a, 'nanosleep', DATA, 0);
    a.jmp('again');
  });
  assert.deepEqual(ticking.run(), { kind: 'ended', status: 3 << 8 });
  assert.match(ticking.reports.join(), /left behind .* prog\[1001\] waits: nanosleep/);
  const seconds = Number(ticking.monotonicNs()) / 1e9;
  assert.ok(seconds > 55 && seconds < 61, `${seconds} s`);
  const late = parent((a) => {
    store(a, 0, 50);
    call(a, 'nanosleep', DATA, 0);
    call(a, 'exit', 0);
  });
  assert.deepEqual(late.run(), { kind: 'ended', status: 3 << 8 });
  assert.deepEqual(late.reports, []);
});

test('a signal from outside reaches the program; the end comes whatever it blocks', () => {
  let asked = 0;
  const spinning = (a: Assembler): void => {
    a.label('for ever');
    a.jmp('for ever');
  };
  const k = start(spinning, { interrupted: () => (++asked === 5 ? SIG.SIGINT : 0) });
  assert.deepEqual(stepAll(k), { kind: 'ended', status: 2 });
  let terminated = 0;
  const told = start(spinning, { interrupted: () => (++terminated === 5 ? SIG.SIGTERM : 0) });
  assert.deepEqual(stepAll(told), { kind: 'ended', status: SIG.SIGTERM });
  let parted = 0;
  const family = start(
    (a) => {
      call(a, 'fork'); // both spin: the signal is for the first
      spinning(a);
    },
    { interrupted: () => (++parted === 40 ? SIG.SIGTERM : 0) },
  );
  assert.deepEqual(stepAll(family), { kind: 'ended', status: SIG.SIGTERM });
  assert.match(family.reports.join(), /left behind .* prog\[1001\]/);
  let wanted = 0;
  const stubborn = start(
    (a) => {
      call(a, 'rt_sigprocmask', 0, DATA, 0); // EINVAL without a size: the mask is set by the store below in real programs
      store(a, 0, -1);
      a.movImm32(R.R10, 8);
      call(a, 'rt_sigprocmask', 0, DATA, 0);
      spinning(a);
    },
    { interrupted: () => (++wanted === 40 ? SIG.SIGINT : wanted === 60 ? 'end' : 0) },
  );
  assert.deepEqual(stepAll(stubborn), { kind: 'interrupted' });
});

function stepAll(k: Kernel): ReturnType<Kernel['run']> {
  for (;;) {
    const result = k.step(10_000);
    if (result !== undefined) return result;
  }
}

test('out of modelled memory: SIGKILL, and a line that names the size and the option', () => {
  const k = start(
    (a) => {
      call(a, 'brk', 0);
      a.mov(R.R12, R.RAX);
      a.mov(R.RDI, R.RAX);
      a.aluImm('add', R.RDI, 15 * 1_048_576);
      a.movImm32(R.RAX, SYS.brk);
      a.syscall();
      a.label('touch');
      a.store(mem(R.R12), R.RAX);
      a.aluImm('add', R.R12, 4096);
      a.jmp('touch');
    },
    { memoryMiB: 16 },
  );
  assert.deepEqual(k.run(), { kind: 'ended', status: 9 });
  assert.match(k.reports.join(), /out of modelled memory: all 16 MiB .*--memory/);
});

test('sleeping takes time and no instructions', () => {
  const k = start((a) => {
    store(a, 0, 100); // s
    call(a, 'nanosleep', DATA, 0);
    call(a, 'exit', 0);
  });
  assert.deepEqual(k.run(), { kind: 'ended', status: 0 });
  assert.ok(k.monotonicNs() >= 100_000_000_000n);
  assert.ok(k.monotonicNs() < 100_001_000_000n);
  assert.ok(instructions(k).kernel < 60_000, String(instructions(k).kernel));
});

test('a sleep that is over by the time that its task has left the processor ends all the same', () => {
  const k = start((a) => {
    a.movImm32(R.R12, 3000);
    a.label('again');
    store(a, 0, 0);
    a.store(mem(R.RBX, 8), R.R12); // nanoseconds
    call(a, 'nanosleep', DATA, 0);
    a.dec32(R.R12);
    a.jcc(CC.NE, 'again');
    call(a, 'exit', 0);
  });
  assert.deepEqual(k.run(), { kind: 'ended', status: 0 });
});

/** A parent and a child that both compute for some ticks; the parent waits for the child. */
function twoWorkers(a: Assembler): void {
  call(a, 'fork');
  a.mov(R.R12, R.RAX);
  spin(a, 'work', 30_000_000);
  a.test(R.R12, R.R12);
  a.jcc(CC.E, 'child');
  a.movImm32(R.R10, 0);
  call(a, 'wait4', 0xffff_ffff, DATA, 0);
  a.label('child');
  call(a, 'exit', 3);
}

test('two that compute take turns by the tick', () => {
  const switches: number[] = [];
  const k = start(twoWorkers, {
    hooks: () => ({ ...NO_PERF, contextSwitch: (_from, to) => switches.push(to?.pid ?? 0) }),
  });
  assert.deepEqual(k.run(), { kind: 'ended', status: 3 << 8 });
  const turns = switches.join(' ').replace(/^1000 /, '');
  assert.match(turns, /^(1001 1000 )+1001/, turns);
  assert.ok(switches.length >= 6, turns);
});

/** Hooks that do what perf does at its worst: MSR accesses as overhead wherever they are called. */
function meddling(k: Kernel): PerfHooks {
  const meddle = (): void => {
    k.cpu.enterOverhead();
    for (let i = 0; i < 3; i++) {
      assert.notEqual(k.msrs.read(0x38f), undefined);
      assert.equal(k.msrs.write(0xc1, 5n), true);
      assert.equal(k.msrs.read(0xdead), undefined);
      assert.equal(k.msrs.write(0xdead, 0n), false);
    }
    k.cpu.leaveOverhead();
  };
  return {
    scheduledIn: meddle,
    scheduledOut: meddle,
    forked: meddle,
    execed: meddle,
    renamed: meddle,
    exited: meddle,
    mapped() {},
    pmi: meddle,
    debugged: () => {},
    hrtimer: meddle,
    tick: meddle,
    pageFault: meddle,
    contextSwitch: meddle,
  };
}

test('measuring never steers: hooks that access MSRs everywhere change neither path nor time', () => {
  const plain = start(twoWorkers);
  const watched = start(twoWorkers, { hooks: meddling });
  plain.run();
  watched.run();
  assert.deepEqual(instructions(watched), instructions(plain));
  assert.equal(watched.monotonicNs(), plain.monotonicNs());
  assert.ok((watched.port.truth.total(0xc0n)?.overhead ?? 0) > 1000);
});

test('what the tasks used comes back: only the page cache keeps frames', () => {
  const k = start((a) => {
    a.movImm32(R.R13, 20);
    a.label('again');
    call(a, 'fork');
    a.test(R.RAX, R.RAX);
    a.jcc(CC.E, 'child');
    a.movImm32(R.R10, 0);
    call(a, 'wait4', 0xffff_ffff, DATA, 0);
    a.dec32(R.R13);
    a.jcc(CC.NE, 'again');
    call(a, 'exit', 0);
    a.label('child');
    store(a, 8192, 1);
    call(a, 'exit', 0);
  });
  assert.deepEqual(k.run(), { kind: 'ended', status: 0 });
  k.pageCache.reclaim();
  const fresh = start((a) => a.ud2());
  const kept = fresh.frames.totalFrames - fresh.frames.freeFrames;
  assert.ok(k.frames.totalFrames - k.frames.freeFrames <= kept, 'not more than a kernel with one task that has not run');
});

test('calls and numbers that do not exist are -ENOSYS and remembered', () => {
  const k = start((a) => {
    call(a, 'bpf');
    a.mov(R.R12, R.RAX);
    a.movImm32(R.RAX, 1_000_000);
    a.syscall();
    a.alu('sub', R.RAX, R.R12);
    a.mov(R.RDI, R.RAX);
    a.alu('sub', R.RDI, R.R12);
    a.movImm32(R.RAX, SYS.exit);
    a.syscall();
  });
  assert.deepEqual(k.run(), { kind: 'ended', status: 38 << 8 });
  assert.deepEqual([...k.missing.keys()], ['bpf', 'system call 1000000']);
});
