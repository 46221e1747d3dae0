/**
 * Scenarios: code, packets and the flow they mean, all by hand. `code ADDR` starts a region of hex bytes (what follows ';' is for the
 * reader), `packets` are hex bytes, `flow` is one line for each instruction (its address) and each event.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ip64 } from './addr-map.ts';
import { CodeImage } from './code-image.ts';
import { PtFlow } from './flow.ts';
import { flowLines } from './flow-text.ts';
import { PtWriter } from './packet-writer.ts';
import { splitAtPsb } from './split.ts';

const PSB = '02 82 02 82 02 82 02 82 02 82 02 82 02 82 02 82';

function run(scenario: string): void {
  const image = new CodeImage();
  let section = '';
  let at = 0n;
  let bytes: number[] = [];
  const packets: number[] = [];
  const flow: string[] = [];
  const flush = (): void => {
    if (section === 'code') image.add(at, Uint8Array.from(bytes));
    bytes = [];
  };
  for (const raw of scenario.split('\n')) {
    const line = raw.replace(/;.*/, '').trim();
    if (line === '') continue;
    const head = line.split(' ')[0]!;
    if (head === 'code' || head === 'packets' || head === 'flow') {
      flush();
      section = head;
      if (head === 'code') at = BigInt(`0x${line.split(' ')[1]}`);
      continue;
    }
    if (section === 'flow') flow.push(line);
    else
      (section === 'code' ? bytes : packets).push(
        ...line
          .replace('PSB16', PSB)
          .split(/\s+/)
          .map((b) => Number.parseInt(b, 16)),
      );
  }
  flush();
  assert.deepEqual([...flowLines(new PtFlow(image, Uint8Array.from(packets)))], flow);
}

test('conditional branches, a compressed and an uncompressed return', () => {
  run(`
code 401000
  e8 0b 00 00 00      ; 401000 call 401010
  74 01               ; 401005 jz 401008
  90                  ; 401007 nop
  e8 03 00 00 00      ; 401008 call 401010
  90                  ; 40100d nop
  0f 05               ; 40100e syscall
  90                  ; 401010 nop
  c3                  ; 401011 ret
packets
  PSB16
  99 01               ; MODE.Exec 64
  7d 00 10 40 00 00 00 ; FUP 401000
  02 23               ; PSBEND
  0c                  ; TNT T (the return), N (jz)
  2d 0d 10            ; TIP 40100d: the second return, uncompressed
  01                  ; TIP.PGD, no IP: syscall into the kernel
flow
  sync 401000
  401000
  401010
  401011
  401005
  401007
  401008
  401010
  401011
  40100d
  40100e
  disabled
`);
});

test('deferred TIP: results of younger branches come before the target of an older one', () => {
  run(`
code 401000
  ff e0               ; jmp rax
code 402000
  75 fe               ; jnz 402000
  f4                  ; hlt
packets
  PSB16
  7d 00 10 40 00 00 00
  02 23
  0e                  ; TNT TT for the loop that the jump leads to
  2d 00 20            ; TIP 402000, deferred
  01
flow
  sync 401000
  401000
  402000
  402000
  402000
  disabled
`);
});

test('an interrupt: FUP where, TIP where to, MODE.Exec and PIP bind to the TIP', () => {
  run(`
code 401000
  90 90 90
code ffffffff81000000
  90
  48 cf               ; iretq
packets
  PSB16
  7d 00 10 40 00 00 00
  02 23
  3d 02 10            ; FUP 401002
  02 43 00 34 12 00 00 00 ; PIP
  6d 00 00 00 81 ff ff ; TIP, sign-extended
  4d 02 10 40 00      ; TIP 32 bits: ffffffff00401002, no code
  04                  ; a result for what should be there
flow
  sync 401000
  401000
  401001
  asyncBranch 401002 -> ffffffff81000000
  asyncPaging ffffffff81000000 0x1234000
  ffffffff81000000
  ffffffff81000001
  error ffffffff00401002 at 48: no code at 0xffffffff00401002
`);
});

test('overflow with tracing on and off, TraceStop, and time', () => {
  run(`
code 401000
  90
  75 fd               ; 401001 jnz 401000
packets
  PSB16
  19 00 10 00 00 00 00 00 ; TSC 0x1000
  7d 00 10 40 00 00 00
  02 23
  06                  ; T
  02 f3               ; OVF
  3d 01 10            ; FUP 401001: tracing is on
  06
  02 f3               ; OVF
  71 00 10 40 00 00 00 ; TIP.PGE
  21 00 10            ; TIP.PGD 401000 (target of the branch)
  02 83               ; TraceStop
flow
  sync 401000 tsc 4096
  401000
  401001
  overflow 401001 tsc 4096
  401001
  overflow tsc 4096
  enabled 401000 tsc 4096
  401000
  401001
  disabled -> 401000 tsc 4096
  stop tsc 4096
`);
});

test('PTWRITE binds to its instruction, with or without an IP', () => {
  run(`
code 401000
  90
  f3 48 0f ae e0      ; 401001 ptwrite rax
  f3 48 0f ae e0      ; 401006 ptwrite rax
  eb fe               ; 40100b jmp .
packets
  PSB16
  7d 00 10 40 00 00 00
  02 23
  02 12 44 33 22 11   ; PTW
  02 92 01 00 00 00   ; PTW with IP
  3d 06 10            ; FUP
  3d 0b 10            ; FUP: interrupt
  01                  ; TIP.PGD
flow
  sync 401000
  401000
  ptwrite 0x11223344
  401001
  ptwrite 401006 0x1
  401006
  asyncDisabled 40100b
`);
});

test('what is not covered is said: bytes before the PSB, the stretch after an error, a cut packet', () => {
  run(`
code 401000
  75 fe
packets
  55 66
  PSB16
  7d 00 10 40 00 00 00
  02 23
  2d 00 10            ; TIP where a TNT is due
  06
  PSB16
  7d 00 10 40 00 00 00
  02 23
  06
  19 00               ; cut TSC
flow
  gap at 0 size 2: bytes before the first PSB
  sync 401000
  error 401000 at 27: TIP where a conditional branch needs a TNT result
  gap at 30 size 1: not decoded after an error, up to the next PSB
  sync 401000
  401000
  gap at 57 size 2: packet cut by the end of the trace
`);
  run(`
packets
  55 66
flow
  gap at 0 size 2: no PSB to start at
`);
});

test('the 65th nested call drops the oldest return address', () => {
  const image = new CodeImage();
  // 65 calls in a row, each to the next one's place behind a byte, then returns.
  const code: number[] = [];
  for (let i = 0; i < 65; i++) code.push(0xe8, 1, 0, 0, 0, 0xc3); // call +1; ret (executed on the way back)
  code.push(0xc3);
  image.add(0x401000n, Uint8Array.from(code));
  const lines = (results: string): string[] =>
    [...flowLines(new PtFlow(image, new PtWriter().psb().fup(0x401000n).psbend().tnt(results).toBytes()))].filter((l) =>
      l.startsWith('error'),
    );
  assert.deepEqual(lines('T'.repeat(64)), []);
  assert.match(lines('T'.repeat(65))[0] ?? '', /compressed return without its call/);
});

test('parts cut at PSBs give the whole stream', () => {
  const image = new CodeImage();
  image.add(0x401000n, Uint8Array.of(0x90, 0x75, 0xfd, 0x90, 0xff, 0xe0)); // nop; jnz 401000; nop; jmp rax
  const w = new PtWriter().psb().fup(0x401000n).psbend();
  for (let i = 0; i < 200; i++) {
    w.tnt('TTNTTN'.slice(0, 1 + (i % 6)).replace(/N/g, 'T'))
      .tnt('N')
      .tip(0x401000n);
    if (i % 10 === 9) w.psb().fup(0x401000n).psbend();
  }
  const trace = w.toBytes();
  const path = (begin: number, stopAt: number): string[] => {
    const flow = new PtFlow(image, trace, { begin, stopAt });
    const out: string[] = [];
    for (let c = flow.run(); c !== undefined; c = flow.run()) {
      for (let i = 0; i < c.count; i++) {
        const b = c.blocks[i]!;
        for (let k = 0; k < flow.table.n[b]!; k++) {
          const insn = flow.table.pool[flow.table.first[b]! + k]!;
          out.push(ip64(flow.table.insns.lo[insn]!, flow.table.insns.hi[insn]!).toString(16));
        }
      }
      for (const m of c.marks) assert.notEqual(m.event.kind, 'error', JSON.stringify(m.event.cause));
    }
    return out;
  };
  const whole = path(0, Number.POSITIVE_INFINITY);
  for (const n of [1, 2, 3, 7]) {
    const parts = splitAtPsb(trace, n);
    assert.equal(parts.length, n);
    assert.deepEqual(
      parts.flatMap((p) => path(p.begin, p.stopAt)),
      whole,
    );
  }
});
