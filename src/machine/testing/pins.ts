/**
 * The whole machine without our kernel: page tables, an IDT, a few handlers and a user program, all made here. Tests drive it from the pins:
 * RDMSR and WRMSR, instructions, and what stands where afterwards.
 */
import { Assembler } from '#arch/asm.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { MSR } from '#arch/msr.ts';
import { GPR, VECTOR } from '#arch/registers.ts';
import { ensure } from '#base/assert.ts';
import type { Exit } from '#port/exit.ts';
import { allForms } from '../engine/semantics/forms.ts';
import { type Generated, generateInterpreter } from '../engine/tier0/generate.ts';
import { HOT_CASES } from '../engine/tier0/hot-cases.ts';
import { createMachine, type Machine, type MachineOptions } from '../machine.ts';

const ROOT = 0x1000;
export const USER_CODE = 0x40_0000n;
export const KERNEL_CODE = 0xffff_ffff_8100_0000n;
const USER_STACK = 0x7fff_0000n;
const KERNEL_STACK = 0xffff_ffff_8200_0000n;
const IDT = 0xffff_ffff_8300_0000n;
const TSS = 0xffff_ffff_8300_2000n;
/** Both variants with a hot set, and one that goes through each instruction's own function. */
let plain: Generated | undefined;
let tracing: Generated | undefined;
export const plainInterpreter = (): Generated => (plain ??= generateInterpreter(allForms(), HOT_CASES));
export const tracingInterpreter = (): Generated =>
  (tracing ??= generateInterpreter(allForms(), HOT_CASES, { trace: true, observe: false }));

export interface PinProgram {
  readonly user: (a: Assembler) => void;
  /** Labels `syscall`, `nmi`, `int80`, `ud` where they are wanted; each ends by SYSRET or IRETQ. */
  readonly kernel: (a: Assembler) => void;
}

export class Pins {
  readonly machine: Machine;
  readonly user: Assembler;
  readonly kernel: Assembler;
  #frame = 2;

  constructor(model: CpuModel, program: PinProgram, options: MachineOptions & { readonly interpreter?: Generated } = {}) {
    this.machine = createMachine(model, options.interpreter ?? plainInterpreter(), {
      memoryBytes: 1 << 20,
      recorder: tracingInterpreter,
      ...options,
    });
    this.user = new Assembler(USER_CODE);
    program.user(this.user);
    this.kernel = new Assembler(KERNEL_CODE);
    program.kernel(this.kernel);
    this.#fill(USER_CODE, this.user.finish(), 7n);
    this.#fill(KERNEL_CODE, this.kernel.finish(), 3n);
    this.#fill(USER_STACK - 0x1000n, new Uint8Array(0x1000), 7n);
    this.#fill(KERNEL_STACK - 0x2000n, new Uint8Array(0x2000), 3n);
    const tss = new Uint8Array(0x1000);
    new DataView(tss.buffer).setBigUint64(4, KERNEL_STACK - 0x1000n, true);
    new DataView(tss.buffer).setBigUint64(36, KERNEL_STACK, true); // IST 1: NMI
    this.#fill(TSS, tss, 3n);
    this.#fill(IDT, this.#idt(), 3n);
    const cpu = this.machine.core;
    cpu.cr3 = BigInt(ROOT);
    cpu.setDescriptorTables(IDT, 0xfff, TSS);
    this.wrmsr(MSR.IA32_EFER, this.rdmsr(MSR.IA32_EFER) | 1n);
    this.wrmsr(MSR.IA32_STAR, (0x23n << 48n) | (0x10n << 32n));
    this.wrmsr(MSR.IA32_FMASK, 0x700n);
    const syscall = this.#handler('syscall');
    if (syscall !== undefined) this.wrmsr(MSR.IA32_LSTAR, syscall);
    this.wrmsr(MSR.IA32_X2APIC_LVT_PMI, 0x400n);
    cpu.gpr[GPR.RSP] = USER_STACK;
    cpu.cpl = 3;
    this.machine.core.parts.engine.setRegister32(224, 0x33);
    this.machine.core.parts.engine.setRegister32(228, 0x2b);
    cpu.rip = USER_CODE;
  }

  #handler(label: string): bigint | undefined {
    try {
      return this.kernel.addressOf(label);
    } catch {
      return undefined;
    }
  }

  #idt(): Uint8Array {
    const bytes = new Uint8Array(0x1000);
    const view = new DataView(bytes.buffer);
    const gate = (vector: number, label: string, dpl: number, ist: number): void => {
      const at = this.#handler(label);
      if (at === undefined) return;
      const low = (at & 0xffffn) | (0x10n << 16n) | (BigInt(ist) << 32n) | (14n << 40n) | (BigInt(dpl) << 45n) | (1n << 47n);
      view.setBigUint64(vector * 16, low | (((at >> 16n) & 0xffffn) << 48n), true);
      view.setBigUint64(vector * 16 + 8, at >> 32n, true);
    };
    gate(VECTOR.NMI, 'nmi', 0, 1);
    gate(VECTOR.UD, 'ud', 0, 0);
    gate(VECTOR.DB, 'db', 0, 0);
    gate(0x80, 'int80', 3, 0);
    return bytes;
  }

  #fill(va: bigint, data: Uint8Array, rights: bigint): void {
    const { view, bytes } = this.machine.memory;
    for (let done = 0; done < data.length; done += 4096) {
      const at = va + BigInt(done);
      let table = ROOT;
      for (const level of [39n, 30n, 21n, 12n]) {
        const entry = table + Number((at >> level) & 511n) * 8;
        if (view.getBigUint64(entry, true) === 0n) {
          view.setBigUint64(entry, BigInt(this.#frame++ * 4096) | (level === 12n ? rights : 7n), true);
        }
        table = Number(view.getBigUint64(entry, true) & 0xf_ffff_f000n);
      }
      bytes.set(data.subarray(done, done + 4096), table);
    }
  }

  rdmsr(address: number): bigint {
    return ensure(this.machine.core.msrs.read(address), `RDMSR ${address.toString(16)}`);
  }
  /** False: #GP. */
  tryWrmsr(address: number, value: bigint): boolean {
    return this.machine.core.msrs.write(address, value);
  }
  wrmsr(address: number, value: bigint): void {
    if (!this.tryWrmsr(address, value)) throw new Error(`WRMSR ${address.toString(16)} = ${value.toString(16)} raised #GP`);
  }
  /** Runs n instructions, through gates. */
  run(n: number): void {
    const end = this.instructions + n;
    while (this.instructions < end) {
      const exit: Exit = this.machine.core.run(end - this.instructions);
      if (exit.kind === 'shutdown' || exit.kind === 'halt') throw new Error(`exit ${JSON.stringify(exit)}`);
    }
  }
  /** Runs up to the next gate. */
  runToGate(limit = 10_000): void {
    const exit = this.machine.core.run(limit);
    if (exit.kind !== 'gate') throw new Error(`exit ${JSON.stringify(exit)} instead of a gate`);
  }
  get instructions(): number {
    return this.machine.retire.sum(0);
  }
  get slots(): number {
    return this.machine.retire.sum(1);
  }
  /** 15 bytes of code at a linear address. */
  code(va: bigint): Uint8Array {
    const engine = this.machine.core.parts.engine;
    const host = engine.translate(va, 2);
    return engine.bytes.subarray(host, host + 15);
  }
}
