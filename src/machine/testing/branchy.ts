/** A program with every kind of branch, in both rings, and the list of what it takes, kept by single steps and a decoder that is not ours. */
import { Code, Decoder, DecoderOptions, FlowControl } from 'iced-x86';
import { CC } from '#arch/asm.ts';
import { BRANCH, type Branch } from '#arch/lbr.ts';
import { GPR } from '#arch/registers.ts';
import { ensure } from '#base/assert.ts';
import type { PinProgram, Pins } from './pins.ts';

export const BRANCHY: PinProgram = {
  user: (a) => {
    a.label('start');
    a.movImm32(GPR.RBX, 1000);
    a.label('loop');
    a.call('leaf');
    a.call('next'); // a zero-length call: it fetches its own address
    a.label('next');
    a.pop(GPR.RAX);
    a.movImm32(GPR.RAX, 5);
    a.call('recurse');
    a.testImm(GPR.RBX, 1);
    a.jcc(CC.E, 'even');
    a.nop();
    a.jmp('odd');
    a.label('even');
    a.raw(0xe3, 0x00); // jrcxz to the next instruction
    a.label('odd');
    a.movImm32(GPR.RCX, 3);
    a.label('spin');
    a.raw(0xe2, 0xfe); // loop to itself
    a.lea(GPR.RDX, { base: GPR.RBX, disp: 0 });
    a.movImm32(GPR.RSI, 0x40_0200);
    a.raw(0xff, 0xd6); // call rsi
    a.raw(0x0f, 0x05); // syscall
    a.raw(0xcd, 0x80); // int 80h
    a.raw(0x0f, 0x0b); // ud2
    a.dec32(GPR.RBX);
    a.jcc(CC.NE, 'loop');
    a.jmp('start');
    a.function('leaf');
    a.ret();
    a.function('recurse');
    a.dec32(GPR.RAX);
    a.jcc(CC.E, 'bottom');
    a.call('recurse');
    a.label('bottom');
    a.ret();
    while (a.size < 0x200) a.nop();
    a.function('byRegister');
    a.movImm32(GPR.RDI, 0x40_0210);
    a.raw(0xff, 0xe7); // jmp rdi
    while (a.size < 0x210) a.nop();
    a.ret();
  },
  kernel: (a) => {
    a.function('syscall');
    a.call('kernelLeaf');
    a.sysretq();
    a.function('int80');
    a.iretq();
    a.function('ud');
    a.aluImm('add', GPR.RSP, 0);
    a.load(GPR.RAX, { base: GPR.RSP, disp: 0 });
    a.aluImm('add', GPR.RAX, 2);
    a.store({ base: GPR.RSP, disp: 0 }, GPR.RAX);
    a.iretq();
    a.function('nmi');
    a.push(GPR.RAX);
    a.call('kernelLeaf');
    a.gate(1);
    a.pop(GPR.RAX);
    a.iretq();
    a.function('db');
    a.gate(2);
    a.iretq();
    a.function('kernelLeaf');
    a.jmp('kernelEnd');
    a.nop();
    a.label('kernelEnd');
    a.ret();
  },
};

export interface Taken {
  readonly from: bigint;
  readonly to: bigint;
  readonly kind: Branch;
  readonly cpl: 0 | 3;
  /** Slots since power-on behind it. */
  readonly slots: number;
  /** Instructions since power-on with which it is there; a fault comes with the handler's first one. */
  readonly instructions: number;
  readonly zeroLength: boolean;
}

const KINDS = new Map<FlowControl, Branch>([
  [FlowControl.ConditionalBranch, BRANCH.COND],
  [FlowControl.UnconditionalBranch, BRANCH.JMP],
  [FlowControl.IndirectBranch, BRANCH.JMP_INDIRECT],
  [FlowControl.Call, BRANCH.CALL],
  [FlowControl.IndirectCall, BRANCH.CALL_INDIRECT],
  [FlowControl.Return, BRANCH.RET],
  [FlowControl.Interrupt, BRANCH.OTHER],
]);

/** Steps a machine through n instructions and writes down what it takes. No interrupts. */
export function takenBySteps(p: Pins, n: number): Taken[] {
  const out: Taken[] = [];
  const core = p.machine.core;
  const end = p.instructions + n;
  while (p.instructions < end) {
    let rip = core.rip;
    let i = decode(p, rip);
    if (i.code === Code.Ud2) {
      const to = p.kernel.addressOf('ud');
      out.push({ from: rip, to, kind: BRANCH.OTHER, cpl: 0, slots: p.slots, instructions: p.instructions + 1, zeroLength: false });
      const instruction = decodeKernel(p, to);
      [rip, i] = [to, instruction];
    }
    const rcx = core.gpr[GPR.RCX];
    p.run(1);
    const far = i.code === Code.Syscall || i.code === Code.Sysretq || i.code === Code.Iretq;
    const kind = far ? BRANCH.OTHER : KINDS.get(i.flow);
    if (kind === undefined) continue;
    const to = core.rip;
    const next = rip + BigInt(i.length);
    // RIP does not tell whether a branch to the next instruction was taken.
    const taken = kind !== BRANCH.COND || to !== next || (i.code === Code.Jrcxz_rel8_64 && rcx === 0n);
    if (!taken) continue;
    const zeroLength = kind === BRANCH.CALL && to === next;
    out.push({ from: rip, to, kind, cpl: core.cpl, slots: p.slots, instructions: p.instructions, zeroLength });
  }
  return out;
}

interface Decoded {
  readonly code: Code;
  readonly flow: FlowControl;
  readonly length: number;
}
function decode(p: Pins, rip: bigint): Decoded {
  return decodeBytes(p.code(rip), rip);
}
/** The handler's first instruction, while user code still runs. */
function decodeKernel(p: Pins, rip: bigint): Decoded {
  const bytes = p.kernel.finish();
  return decodeBytes(bytes.subarray(Number(rip - p.kernel.base)), rip);
}
function decodeBytes(bytes: Uint8Array, rip: bigint): Decoded {
  const d = new Decoder(64, bytes, DecoderOptions.None);
  d.ip = rip;
  const i = ensure(d.decode(), 'instruction');
  const out = { code: i.code, flow: i.flowControl, length: i.length };
  i.free();
  d.free();
  return out;
}
