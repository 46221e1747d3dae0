/** Pieces of kernel text that TypeScript calls: MSR accesses and the scheduler's cost, executed by the engine like any code. */
import { GPR, RFLAGS } from '#arch/registers.ts';
import type { Cpu } from '#port/cpu.ts';
import type { Msrs } from '#port/msrs.ts';
import { GATE } from '../text/gates.ts';
import type { KernelImage } from '../text/image.ts';

/** Serves a gate that is reached while a stub runs: an NMI's, a #GP of the stub's own. `true`: it was the stub's fault, the stub ends. */
export type ServeNested = (gate: number) => void;

export class KernelStubs implements Msrs {
  private readonly cpu: Cpu;
  private readonly image: KernelImage;
  private readonly serveNested: ServeNested;
  /** Set by the #GP handler when RDMSR or WRMSR faulted. */
  private faulted = false;

  constructor(cpu: Cpu, image: KernelImage, serveNested: ServeNested) {
    this.cpu = cpu;
    this.image = image;
    this.serveNested = serveNested;
  }

  read(address: number): bigint | undefined {
    let value: bigint | undefined;
    this.run('native_read_msr', GATE.MSR_DONE, { rcx: BigInt(address), rax: 0n, rdx: 0n }, () => {
      const gpr = this.cpu.gpr;
      value = this.faulted ? undefined : (((gpr[GPR.RDX] as bigint) & 0xffff_ffffn) << 32n) | ((gpr[GPR.RAX] as bigint) & 0xffff_ffffn);
    });
    return value;
  }

  write(address: number, value: bigint): boolean {
    let good = false;
    this.run(
      'native_write_msr',
      GATE.MSR_DONE,
      { rcx: BigInt(address), rax: value & 0xffff_ffffn, rdx: (value >> 32n) & 0xffff_ffffn },
      () => {
        good = !this.faulted;
      },
    );
    return good;
  }

  /** The scheduler's own instructions; `atSwitch` runs at the gate in its middle. */
  schedule(atSwitch: () => void): void {
    this.run('schedule', GATE.STUB_DONE, undefined, () => {}, atSwitch);
  }

  /** From the #GP handler: where a fault at `rip` continues, or undefined if it is no MSR stub's. */
  fixup(rip: bigint): bigint | undefined {
    for (const kind of ['rdmsr', 'wrmsr']) {
      if (rip !== this.image.address(`${kind}_instruction`)) continue;
      this.faulted = true;
      return this.image.address(`${kind}_done`);
    }
    return undefined;
  }

  /** Nests: an NMI that comes inside runs stubs of its own. */
  private run(
    label: string,
    end: number,
    registers: { rcx: bigint; rax: bigint; rdx: bigint } | undefined,
    done: () => void,
    atSwitch?: () => void,
  ): void {
    const { cpu } = this;
    const saved = cpu.gpr.slice();
    const rip = cpu.rip;
    const rflags = cpu.rflags;
    const outerFault = this.faulted;
    this.faulted = false;
    cpu.rip = this.image.address(label);
    cpu.rflags = rflags & ~BigInt(RFLAGS.IF | RFLAGS.TF);
    if (registers !== undefined) {
      cpu.gpr[GPR.RCX] = registers.rcx;
      cpu.gpr[GPR.RAX] = registers.rax;
      cpu.gpr[GPR.RDX] = registers.rdx;
    }
    for (;;) {
      const exit = cpu.run();
      if (exit.kind === 'gate') {
        if (exit.gate === end) break;
        if (exit.gate === GATE.SWITCH && atSwitch !== undefined) atSwitch();
        else this.serveNested(exit.gate);
      } else if (exit.kind !== 'budget')
        throw new Error(`kernel text ${label}: ${exit.kind}${exit.kind === 'shutdown' ? `: ${exit.what}` : ''}`);
    }
    done();
    cpu.gpr.set(saved);
    cpu.rip = rip;
    cpu.rflags = rflags;
    this.faulted = outerFault;
  }
}
