/** The debug registers from the pins: what is armed, where #DB comes, what DR6, RIP and RF tell. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Assembler } from '#arch/asm.ts';
import { CC } from '#arch/asm.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { DR6, DR7, GPR, RFLAGS } from '#arch/registers.ts';
import { EV } from '../retire.ts';
import { Pins, plainInterpreter, tracingInterpreter } from '../testing/pins.ts';

const STACK = 0x7fff_0000n;
const DATA = STACK - 0x800n;
const kernel = (a: Assembler): void => {
  a.function('db');
  a.gate(2);
  a.iretq();
  a.function('ud');
  a.gate(3);
  a.iretq();
};
/** RBX = DATA, then `code`, then `end:` #UD. */
const pins = (code: (a: Assembler) => void, interpreter = plainInterpreter()): Pins =>
  new Pins(
    SKYLAKE,
    {
      user: (a) => {
        a.lea(GPR.RBX, { base: GPR.RSP, disp: -0x800 });
        code(a);
        a.label('end');
        a.ud2();
      },
      kernel,
    },
    { interpreter },
  );

const WRITE = 1;
const READ_WRITE = 3;
const LEN = { 1: 0, 2: 1, 4: 3, 8: 2 } as const;
/** Enables breakpoint n globally beside what there is. */
function arm(p: Pins, n: number, address: bigint, access: number, bytes: 1 | 2 | 4 | 8 = 1): void {
  const { debug } = p.machine.core;
  assert.ok(debug.write(n, address));
  const field = BigInt(access | (LEN[bytes] << 2)) << BigInt(DR7.CONTROL_SHIFT + 4 * n);
  assert.ok(debug.write(7, debug.read(7) | field | (2n << BigInt(2 * n))));
}

interface Stop {
  readonly rip: bigint;
  readonly status: number;
  readonly resume: boolean;
}
/** All debug exceptions up to the #UD at the end. `resume`: the handler sets RF. */
function stops(p: Pins, resume = false): Stop[] {
  const { core, memory } = p.machine;
  const out: Stop[] = [];
  for (;;) {
    const exit = core.run(1_000_000);
    assert.equal(exit.kind, 'gate');
    if (exit.kind === 'gate' && exit.gate === 3) return out;
    const e = core.parts.engine;
    const at = e.translate(core.gpr[GPR.RSP] as bigint, 1);
    const flags = e.view.getBigUint64(at + 16, true);
    out.push({
      rip: e.view.getBigUint64(at, true),
      status: Number(core.debug.read(6)) & ~DR6.RESERVED,
      resume: (flags & BigInt(RFLAGS.RF)) !== 0n,
    });
    if (resume) e.view.setBigUint64(at + 16, flags | BigInt(RFLAGS.RF), true);
    assert.ok(memory.sizeBytes > 0);
    core.debug.write(6, BigInt(DR6.RESERVED));
  }
}
const NAMES = [...Array.from({ length: 12 }, (_, i) => `i${i}`), 'loop', 'middle', 'first', 'second', 'rep'];
const has = (p: Pins, label: string): bigint | undefined => {
  try {
    return p.user.addressOf(label);
  } catch {
    return undefined;
  }
};
const labels = (p: Pins, all: readonly Stop[]): string[] =>
  all.map((s) => {
    for (const name of NAMES) if (has(p, name) === s.rip) return name;
    return `0x${s.rip.toString(16)}`;
  });
/** Emits instructions with a label behind each, `i0`, `i1` … */
const each = (a: Assembler, all: readonly (() => void)[]): void => {
  for (const [i, emit] of all.entries()) {
    emit();
    a.label(`i${i}`);
  }
};
const at = (disp: number): { base: typeof GPR.RBX; disp: number } => ({ base: GPR.RBX, disp });

test('a write breakpoint traps behind each instruction that writes one of its bytes, and behind no other', () => {
  for (const bytes of [1, 2, 4, 8] as const) {
    const p = pins((a) =>
      each(a, [
        () => a.store(at(0), GPR.RAX), // 8 bytes from 0
        () => a.store(at(8), GPR.RAX),
        () => a.store(at(-8), GPR.RAX),
        () => a.store(at(-1), GPR.RAX),
        () => a.load(GPR.RAX, at(0)),
        () => a.raw(0x88, 0x43, 0x03), // mov [rbx+3], al
        () => a.raw(0x0f, 0x11, 0x43, 0xf7), // movups [rbx-9], xmm0: up to byte 6
        () => a.raw(0xf0, 0x48, 0x0f, 0xc1, 0x03), // lock xadd [rbx], rax
        () => a.raw(0x66, 0x89, 0x43, 0x07), // mov [rbx+7], ax
        () => a.raw(0x48, 0x8d, 0x63, 0x08), // lea rsp, [rbx+8]
        () => a.push(GPR.RCX),
        () => a.pop(GPR.RCX),
      ]),
    );
    arm(p, 1, DATA, WRITE, bytes);
    const found = stops(p);
    const third = bytes >= 4 ? ['i5'] : [];
    const seventh = bytes === 8 ? ['i8'] : [];
    assert.deepEqual(labels(p, found), ['i0', 'i3', ...third, 'i6', 'i7', ...seventh, 'i10'], `${bytes} bytes`);
    for (const s of found) assert.deepEqual([s.status, s.resume], [2, false]);
    assert.equal(p.machine.core.debug.hits(1).user, found.length);
  }
});

test('a read-write breakpoint sees reads too; bits of all that an instruction meets come together', () => {
  const p = pins((a) =>
    each(a, [
      () => a.load(GPR.RAX, at(0)),
      () => a.raw(0x0f, 0x10, 0x43, 0xf0), // movups xmm0, [rbx-16]
      () => a.store(at(16), GPR.RAX),
      () => a.raw(0x48, 0xff, 0x03), // inc qword [rbx]
    ]),
  );
  arm(p, 0, DATA, READ_WRITE, 8);
  arm(p, 3, DATA + 2n, WRITE, 2);
  arm(p, 2, DATA + 17n, READ_WRITE, 1);
  const found = stops(p);
  assert.deepEqual(labels(p, found), ['i0', 'i2', 'i3']);
  assert.deepEqual(
    found.map((s) => s.status),
    [1, 4, 9],
  );
});

test('a REP stops behind the iteration that met it, RF says whether it goes on', () => {
  for (const interpreter of [plainInterpreter(), tracingInterpreter()]) {
    const p = pins((a) => {
      a.lea(GPR.RSI, at(0x100));
      a.lea(GPR.RDI, at(0));
      a.movImm32(GPR.RCX, 12);
      a.label('rep');
      a.raw(0xf3, 0xa4); // rep movsb
    }, interpreter);
    arm(p, 0, DATA + 10n, WRITE, 2);
    const found = stops(p);
    assert.deepEqual(
      found.map((s) => [s.rip === p.user.addressOf('rep') ? 'rep' : 'behind', s.resume]),
      [
        ['rep', true],
        ['behind', false],
      ],
    );
    assert.equal(p.machine.core.gpr[GPR.RCX], 0n);
  }
});

test('an instruction breakpoint is a fault before each execution; RF passes it once', () => {
  const p = pins((a) => {
    a.movImm32(GPR.RCX, 5);
    a.label('loop');
    a.raw(0x48, 0xff, 0xc0); // inc rax
    a.label('middle');
    a.raw(0x48, 0xff, 0xc2); // inc rdx
    a.dec32(GPR.RCX);
    a.jcc(CC.NE, 'loop');
  });
  arm(p, 2, p.user.addressOf('middle'), 0);
  const found = stops(p, true);
  assert.deepEqual(labels(p, found), ['middle', 'middle', 'middle', 'middle', 'middle']);
  for (const s of found) assert.deepEqual([s.status, s.resume], [4, false]);
  assert.equal(p.machine.core.gpr[GPR.RDX], 5n);
});

test('arming in the middle of a hot loop stops it, disarming lets it run; a self-loop is met each time', () => {
  const p = pins((a) => {
    a.movImm32(GPR.RCX, 100_000_000);
    a.label('loop');
    a.dec32(GPR.RCX);
    a.jcc(CC.NE, 'loop');
  });
  p.run(1_000_000);
  arm(p, 0, p.user.addressOf('loop'), 0);
  const { core } = p.machine;
  for (let n = 0; n < 3; n++) {
    const before = core.gpr[GPR.RCX] as bigint;
    assert.deepEqual(core.run(1000), { kind: 'gate', gate: 2 });
    const e = core.parts.engine;
    const frame = e.translate(core.gpr[GPR.RSP] as bigint, 1);
    assert.equal(e.view.getBigUint64(frame, true), p.user.addressOf('loop'));
    e.view.setBigUint64(frame + 16, e.view.getBigUint64(frame + 16, true) | BigInt(RFLAGS.RF), true);
    if (n > 0) assert.equal(before - (core.gpr[GPR.RCX] as bigint), 1n);
  }
  core.debug.write(7, 0n);
  assert.deepEqual(core.run(100_000), { kind: 'budget' });
});

test('what is armed beside the way changes neither path nor totals', () => {
  const run = (watch: boolean): unknown => {
    const p = pins((a) => {
      a.movImm32(GPR.RDX, 2000);
      a.label('again');
      a.lea(GPR.RSI, at(0x100));
      a.lea(GPR.RDI, at(0x180));
      a.movImm32(GPR.RCX, 20);
      a.raw(0xf3, 0xa4); // rep movsb
      a.store(at(0x40), GPR.RDX);
      a.raw(0x0f, 0x11, 0x43, 0x50); // movups [rbx+0x50], xmm0
      a.dec32(GPR.RDX);
      a.jcc(CC.NE, 'again');
    }, tracingInterpreter());
    if (watch) arm(p, 0, DATA + 0x60n, READ_WRITE, 8);
    if (watch) arm(p, 1, p.user.addressOf('end') + 1n, 0);
    assert.deepEqual(stops(p), []);
    return [p.machine.pathHash(), ...[EV.INSTRUCTIONS, EV.SLOTS, EV.LOADS, EV.STORES, EV.COND].map((e) => p.machine.retire.sum(e))];
  };
  assert.deepEqual(run(true), run(false));
});

test('single steps: BS with the breakpoints that the instruction met; a REP by its iterations', () => {
  const p = pins((a) => {
    a.raw(0x9c); // pushfq
    a.raw(0x81, 0x0c, 0x24, 0x00, 0x01, 0x00, 0x00); // or dword [rsp], 100h
    a.raw(0x9d); // popfq: TF
    a.label('first');
    a.store(at(0), GPR.RAX);
    a.label('second');
    a.lea(GPR.RDI, at(0x40));
    a.movImm32(GPR.RCX, 3);
    a.label('rep');
    a.raw(0xf3, 0xaa); // rep stosb
  });
  arm(p, 0, DATA, WRITE, 4);
  const found = stops(p);
  const names = labels(p, found);
  assert.deepEqual([names[0], found[0]?.status], ['second', DR6.BS | 1]);
  assert.deepEqual(names.filter((n) => n === 'rep').length, 3); // before it, and behind two iterations of three
  for (const s of found.slice(1)) assert.equal(s.status, DR6.BS);
});

test('MOV SS holds debug exceptions back by one instruction, whose own instruction breakpoint is not met; a fault drops them', () => {
  const body = (a: Assembler): void => {
    a.raw(0x66, 0x8c, 0x13); // mov [rbx], ss
    a.label('first');
    a.raw(0x66, 0x8e, 0x13); // mov ss, [rbx]
    a.label('middle');
    a.nop();
    a.label('second');
    a.raw(0x66, 0x8e, 0x13);
  };
  const p = pins(body);
  arm(p, 0, DATA, READ_WRITE, 2);
  arm(p, 1, p.user.addressOf('middle'), 0);
  const found = stops(p);
  // The last one's is dropped by the #UD.
  assert.deepEqual(
    found.map((s) => [labels(p, [s])[0], s.status]),
    [
      ['first', 1],
      ['second', 1],
    ],
  );
});

test('DR6 and DR7 keep what they have, and nothing else; DR4 and DR5 are they, or nothing', () => {
  const { debug } = pins(() => {}).machine.core.parts;
  assert.deepEqual([debug.read(6), debug.read(7)], [0xffff_0ff0n, 0x400n]);
  assert.ok(debug.write(6, 0n) && debug.write(7, 0xffff_ffffn));
  assert.deepEqual([debug.read(6), debug.read(7)], [0xffff_0ff0n, 0xffff_27ffn]);
  assert.ok(debug.write(6, 0xffff_ffffn));
  assert.equal(debug.read(6), 0xffff_efffn);
  assert.equal(debug.write(6, 1n << 32n), false);
  assert.equal(debug.write(7, 1n << 32n), false);
  assert.deepEqual(
    [debug.index(4, false), debug.index(5, false), debug.index(4, true), debug.index(8, false)],
    [6, 7, undefined, undefined],
  );
});

test('MOV DR: at CPL 0; with DR7.GD a debug exception before it, which clears GD', () => {
  const p = new Pins(SKYLAKE, {
    user: (a) => a.ud2(),
    kernel: (a) => {
      a.function('ud');
      a.movImm32(GPR.RAX, 0x1234);
      a.raw(0x0f, 0x23, 0xd0); // mov dr2, rax
      a.raw(0x0f, 0x21, 0xd3); // mov rbx, dr2
      a.raw(0x0f, 0x21, 0xf1); // mov rcx, dr6
      a.movImm32(GPR.RAX, DR7.GD);
      a.raw(0x0f, 0x23, 0xf8); // mov dr7, rax
      a.label('guarded');
      a.raw(0x0f, 0x21, 0xfa); // mov rdx, dr7
      a.gate(4);
      a.function('db');
      a.gate(2);
      a.iretq();
    },
  });
  const { core } = p.machine;
  assert.deepEqual(core.run(100), { kind: 'gate', gate: 2 });
  assert.deepEqual([core.gpr[GPR.RBX], core.gpr[GPR.RCX]], [0x1234n, 0xffff_0ff0n]);
  assert.equal(Number(core.debug.read(6)) & ~DR6.RESERVED, DR6.BD);
  const e = core.parts.engine;
  assert.equal(e.view.getBigUint64(e.translate(core.gpr[GPR.RSP] as bigint, 0), true), p.kernel.addressOf('guarded'));
  assert.deepEqual(core.run(100), { kind: 'gate', gate: 4 });
  assert.equal(core.gpr[GPR.RDX], 0x400n);
});
