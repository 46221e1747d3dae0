/**
 * Runs a program one instruction at a time on a machine whose models are off, and feeds the reference with what each did: iced-x86 says which memory
 * an instruction uses and whether it is a branch, the registers before it say where. Accesses that the machine makes itself (interrupt frames, IRET)
 * are noted where it makes them.
 */
import {
  Code,
  Decoder,
  DecoderOptions,
  FlowControl,
  Instruction,
  InstructionInfoFactory,
  MemorySizeExt,
  OpAccess,
  Register,
} from 'iced-x86';
import { PHYSICAL, REG } from '../../src/machine/engine/layout.ts';
import { EV, MODE } from '../../src/machine/retire.ts';
import type { Session } from '../../src/system/session.ts';
import type { Kind, Reference } from './reference.ts';

const KINDS: Partial<Record<FlowControl, Kind>> = {
  [FlowControl.ConditionalBranch]: 'cond',
  [FlowControl.UnconditionalBranch]: 'jmp',
  [FlowControl.IndirectBranch]: 'jmpInd',
  [FlowControl.Call]: 'call',
  [FlowControl.IndirectCall]: 'callInd',
  [FlowControl.Return]: 'ret',
};
const READS: ReadonlySet<OpAccess> = new Set([OpAccess.Read, OpAccess.CondRead, OpAccess.ReadWrite, OpAccess.ReadCondWrite]);
const WRITES: ReadonlySet<OpAccess> = new Set([OpAccess.Write, OpAccess.CondWrite, OpAccess.ReadWrite, OpAccess.ReadCondWrite]);
const FAR: ReadonlySet<Code> = new Set([Code.Syscall, Code.Sysretq, Code.Iretq, Code.Int_imm8, Code.Int3]);

/** By iced-x86's name of the code, as VEX_Vfmadd231pd_ymm_ymm_ymmm256: what Intel's descriptions of FP_ARITH_INST_RETIRED list. */
function arithmeticOf(code: Code): { name: string; times: number } | undefined {
  const [operation = '', operand = ''] = (Code[code] ?? '').replace(/^(VEX|EVEX)_V?/, '').split('_');
  const text = operation.toLowerCase();
  if (/^(nop|endbr)/.test(text)) return { name: 'NOP', times: 1 };
  const base = text.slice(0, -2).replace(/(132|213|231)$/, '');
  const twice = /^(dp|fmadd|fmsub|fnmadd|fnmsub|fmaddsub|fmsubadd)$/.test(base);
  if (!twice && !'add sub mul div min max sqrt rsqrt rcp hadd hsub addsub'.split(' ').includes(base)) return undefined;
  const width = { sd: 'SCALAR_DOUBLE', ss: 'SCALAR_SINGLE', pd: 'DOUBLE', ps: 'SINGLE' }[text.slice(-2)];
  if (width === undefined) return undefined;
  return {
    name: `FP_${width.startsWith('S') && text.at(-2) === 's' ? '' : operand === 'ymm' ? '256_' : '128_'}${width}`,
    times: twice ? 2 : 1,
  };
}

interface Access {
  readonly va: bigint;
  readonly bytes: number;
  readonly write: boolean;
}

/** A near branch that was taken in user mode. */
export interface Taken {
  readonly from: bigint;
  readonly to: bigint;
  readonly mispredicted: boolean;
  /** Instructions retired with it. */
  readonly at: number;
}

export function follow(session: Session, reference: Reference, limit: number, onTaken: (branch: Taken) => void = () => {}): void {
  const { machine } = session;
  const { engine } = machine.core.parts;
  const { retire } = machine;
  const info = new InstructionInfoFactory();
  const i = new Instruction();
  const code = new Uint8Array(15);
  const mask = (v: bigint): bigint => BigInt.asUintN(64, v);
  const place = (access: 0 | 2) => (va: bigint) => BigInt(engine.translate(mask(va), access) - PHYSICAL);
  const own: { va: bigint; host: number; bytes: number; write: boolean }[] = [];

  const decode = (rip: bigint): boolean => {
    let n = 0;
    for (; n < 15; n++) {
      const host = engine.translate(mask(rip + BigInt(n)), 2);
      if (host < PHYSICAL) break;
      code[n] = engine.bytes[host] as number;
    }
    if (n === 0) return false;
    const d = new Decoder(64, code.subarray(0, n), DecoderOptions.None);
    d.ip = rip;
    d.decodeOut(i);
    d.free();
    return i.code !== Code.INVALID;
  };
  const registerValue = (r: Register, registers: readonly bigint[], fs: bigint, gs: bigint): bigint => {
    if (r === Register.FS) return fs;
    if (r === Register.GS) return gs;
    if (r >= Register.RAX && r <= Register.R15) return registers[r - Register.RAX] as bigint;
    if (r >= Register.EAX && r <= Register.R15D) return (registers[r - Register.EAX] as bigint) & 0xffff_ffffn;
    return 0n;
  };
  const accesses = (registers: readonly bigint[], fs: bigint, gs: bigint): Access[] => {
    const out: Access[] = [];
    const used = info.info(i);
    for (const m of used.usedMemory()) {
      let va = registerValue(m.segment, registers, fs, gs);
      if (m.base === Register.RIP) va += 0n;
      else if (m.base !== Register.None) va += registerValue(m.base, registers, fs, gs);
      if (m.index !== Register.None) va += registerValue(m.index, registers, fs, gs) * BigInt(m.scale);
      va = mask(va + m.displacement);
      const bytes = MemorySizeExt.size(m.memorySize) || MemorySizeExt.size(i.memorySize); // of a REP: not told
      if (READS.has(m.access)) out.push({ va, bytes, write: false });
      if (WRITES.has(m.access)) out.push({ va, bytes, write: true });
      m.free();
    }
    used.free();
    // Loads come first: MOVS, PUSH m and POP m have both.
    return out.sort((a, b) => Number(a.write) - Number(b.write));
  };

  engine.observeAccess = (va, host, bytes, write): void => {
    own.push({ va, host, bytes, write });
  };
  const settle = (mode: number): void => {
    reference.ring = mode === MODE.USER ? 'user' : 'kernel';
    for (const a of own) {
      if (mode !== MODE.OVERHEAD)
        reference.access(mask(a.va), a.bytes, a.write, (at) => BigInt(a.host - PHYSICAL) + (at - mask(a.va)), false);
    }
    own.length = 0;
  };
  const flushTlb = engine.flushTlb.bind(engine);
  engine.flushTlb = (): void => {
    flushTlb();
    reference.flush();
  };
  const invlpg = engine.invlpg.bind(engine);
  engine.invlpg = (va): void => {
    invlpg(va);
    reference.invalidate(mask(va));
  };
  const retireSystem = engine.retireSystem.bind(engine);
  engine.retireSystem = (mode): void => {
    retireSystem(mode);
    settle(mode);
  };
  const slice = engine.slice.bind(engine);
  engine.slice = (_n, slots, rep, mode) => {
    settle(mode);
    const rip = engine.rip;
    const decoded = decode(rip);
    const registers = [...engine.gpr];
    const [fs, gs] = [engine.register64(REG.FS_BASE), engine.register64(REG.GS_BASE)];
    const uses = decoded ? accesses(registers, fs, gs) : [];
    const kind = decoded && !FAR.has(i.code) ? KINDS[i.flowControl] : undefined;
    const length = i.length;
    const arithmetic = decoded ? arithmeticOf(i.code) : undefined;
    const repeats = decoded && (i.hasRepPrefix || i.hasRepnePrefix) && i.isStringInstruction;
    const backwards = (engine.register64(REG.RFLAGS) & 0x400n) !== 0n;
    const why = slice(1, slots, rep, mode);
    if (mode === MODE.OVERHEAD || !decoded || why === 'smc') return why;
    reference.ring = mode === MODE.USER ? 'user' : 'kernel';
    if (repeats) {
      // RCX is the first register in iced's order, and in the file, after RAX.
      const n = Number((registers[1] as bigint) - (engine.gpr[1] as bigint));
      if (n > 0 || why === 'budget') reference.fetch(rip, length, place(2));
      for (let k = 0; k < n; k++) {
        for (const a of uses) {
          const by = BigInt(k * a.bytes);
          reference.access(mask(a.va + (backwards ? -by : by)), a.bytes, a.write, place(0));
        }
      }
      return why;
    }
    if (why === 'fault' || why === 'rep') return why;
    reference.fetch(rip, length, place(2));
    if (why === 'system') return why;
    if (arithmetic !== undefined) reference.retire(arithmetic.name, arithmetic.times);
    for (const a of uses) reference.access(a.va, a.bytes, a.write, place(0));
    if (kind !== undefined) {
      const to = engine.rip;
      const taken = kind === 'cond' ? to !== mask(rip + BigInt(length)) : true;
      const mispredicted = reference.branch(kind, rip, length, taken, to);
      if (taken && mode === MODE.USER) onTaken({ from: rip, to, mispredicted, at: retire.sum(EV.INSTRUCTIONS) });
    }
    return why;
  };
  while (retire.sum(EV.INSTRUCTIONS) < limit && session.step(1009) === undefined);
  settle(MODE.OVERHEAD);
  info.free();
  i.free();
}
