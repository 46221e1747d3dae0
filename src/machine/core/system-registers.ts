/** EFER, the SYSCALL registers and the segment bases. SDM Vol. 4 Table 2-2, Vol. 3A §5.8.8. */
import { MSR } from '#arch/msr.ts';
import type { Engine } from '../engine/engine.ts';
import { REG } from '../engine/layout.ts';
import type { SystemRegisters } from '../msr-file.ts';

const SCE = 1n;
const LME = 1n << 8n;
const LMA = 1n << 10n;
const NXE = 1n << 11n;

export const canonical = (v: bigint): boolean => BigInt.asUintN(64, BigInt.asIntN(48, v)) === v;

export class CoreRegisters implements SystemRegisters {
  /** 64-bit mode is on from the start: the machine has no other. */
  efer = LME | LMA | NXE;
  star = 0n;
  lstar = 0n;
  cstar = 0n;
  fmask = 0n;
  /** What SYSCALL and SYSRET need of these, as numbers. */
  syscallEnabled = false;
  syscallCs = 0;
  syscallSs = 8;
  sysretCs = 19;
  sysretSs = 11;
  syscallClears = 0;
  private readonly sysenter = new Map<number, bigint>();
  private readonly engine: Engine;

  constructor(engine: Engine) {
    this.engine = engine;
  }
  private noteSyscall(): void {
    this.syscallEnabled = (this.efer & SCE) !== 0n;
    const [call, ret] = [Number((this.star >> 32n) & 0xffffn), Number((this.star >> 48n) & 0xffffn)];
    this.syscallCs = call & 0xfffc;
    this.syscallSs = call + 8;
    this.sysretCs = (ret + 16) | 3;
    this.sysretSs = (ret + 8) | 3;
    this.syscallClears = Number(this.fmask) | 0;
  }

  readSystem(address: number): bigint | undefined {
    switch (address) {
      case MSR.IA32_EFER:
        return this.efer;
      case MSR.IA32_STAR:
        return this.star;
      case MSR.IA32_LSTAR:
        return this.lstar;
      case MSR.IA32_CSTAR:
        return this.cstar;
      case MSR.IA32_FMASK:
        return this.fmask;
      case MSR.IA32_FS_BASE:
        return this.engine.register64(REG.FS_BASE);
      case MSR.IA32_GS_BASE:
        return this.engine.register64(REG.GS_BASE);
      case MSR.IA32_KERNEL_GS_BASE:
        return this.engine.register64(REG.KERNEL_GS_BASE);
      default:
        return this.sysenter.get(address) ?? 0n;
    }
  }

  writeSystem(address: number, value: bigint): boolean {
    const base = (reg: number): boolean => {
      if (!canonical(value)) return false;
      this.engine.setRegister64(reg, value);
      return true;
    };
    switch (address) {
      case MSR.IA32_EFER:
        // LMA is read-only; LME cannot change while paging is on.
        if ((value & ~(SCE | LME | LMA | NXE)) !== 0n || (value & LME) === 0n) return false;
        this.efer = value | LMA;
        this.noteSyscall();
        return true;
      case MSR.IA32_STAR:
        this.star = value;
        this.noteSyscall();
        return true;
      case MSR.IA32_LSTAR:
        if (!canonical(value)) return false;
        this.lstar = value;
        return true;
      case MSR.IA32_CSTAR:
        if (!canonical(value)) return false;
        this.cstar = value;
        return true;
      case MSR.IA32_FMASK:
        if (value >> 32n !== 0n) return false;
        this.fmask = value;
        this.noteSyscall();
        return true;
      case MSR.IA32_FS_BASE:
        return base(REG.FS_BASE);
      case MSR.IA32_GS_BASE:
        return base(REG.GS_BASE);
      case MSR.IA32_KERNEL_GS_BASE:
        return base(REG.KERNEL_GS_BASE);
      default:
        this.sysenter.set(address, value);
        return true;
    }
  }
}
