/** Registers of samples by their number in sample_regs_*. arch/x86/include/uapi/asm/perf_regs.h, arch/x86/kernel/perf_regs.c; spec §2.8. */
import { PERF_REG_X86 } from '#abi/perf-event/sample.ts';
import type { PtRegister, PtRegs } from '../task/pt-regs.ts';

const NAMES: Readonly<Record<(typeof PERF_REG_X86)[number], PtRegister | undefined>> = {
  AX: 'ax',
  BX: 'bx',
  CX: 'cx',
  DX: 'dx',
  SI: 'si',
  DI: 'di',
  BP: 'bp',
  SP: 'sp',
  IP: 'ip',
  FLAGS: 'flags',
  CS: 'cs',
  SS: 'ss',
  DS: undefined,
  ES: undefined,
  FS: undefined,
  GS: undefined,
  R8: 'r8',
  R9: 'r9',
  R10: 'r10',
  R11: 'r11',
  R12: 'r12',
  R13: 'r13',
  R14: 'r14',
  R15: 'r15',
};

/** What perf_reg_validate takes: at least one register, no segment of the 32-bit ABI, nothing beyond R15 (XMM needs PEBS). */
export function validRegisterMask(mask: bigint): boolean {
  if (mask === 0n || mask >> BigInt(PERF_REG_X86.length) !== 0n) return false;
  return PERF_REG_X86.every((name, i) => NAMES[name] !== undefined || ((mask >> BigInt(i)) & 1n) === 0n);
}

/** The values in the order of the mask's bits. */
export function registerValues(regs: PtRegs, mask: bigint): bigint[] {
  const out: bigint[] = [];
  for (const [i, name] of PERF_REG_X86.entries()) {
    const register = NAMES[name];
    if (((mask >> BigInt(i)) & 1n) !== 0n && register !== undefined) out.push(regs.get(register));
  }
  return out;
}
