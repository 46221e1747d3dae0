/** Boot: the kernel half of the address space, descriptor tables, per-CPU data and the MSRs that SYSCALL, timer and APIC need. */
import { MSR } from '#arch/msr.ts';
import { CR4, GPR, PTE, RFLAGS, VECTOR } from '#arch/registers.ts';
import { ensure } from '#base/assert.ts';
import type { Cpu } from '#port/cpu.ts';
import type { PhysicalMemory } from '#port/memory.ts';
import type { Port } from '#port/port.ts';
import { FrameAllocator, PAGE } from '../mm/frames.ts';
import { SPURIOUS_VECTOR, TIMER_VECTOR } from '../text/gates.ts';
import type { KernelImage } from '../text/image.ts';
import { DIRECT_MAP, IST, KERNEL_STACK_SIZE, KERNEL_TEXT, PERCPU, SELECTOR, TSS } from '../text/layout.ts';

/** Where the kernel image lies in physical memory, as Linux's default on x86-64 puts it low. */
const IMAGE_PHYSICAL = 0x10_0000;
const TWO_MIB = 2 * 1024 * 1024;

const EFER = { SCE: 1n, LME: 1n << 8n, LMA: 1n << 10n, NXE: 1n << 11n } as const;
/** IA32_APIC_BASE: EN and EXTD. */
const CPUID_XSAVE = 1 << 26;
const X2APIC_ON = 0xc00n;
const LVT_TIMER_TSC_DEADLINE = 2n << 17n;
/** What SYSCALL clears: all status and system flags, as Linux's syscall_init. */
const SYSCALL_MASK =
  RFLAGS.CF |
  RFLAGS.PF |
  RFLAGS.AF |
  RFLAGS.ZF |
  RFLAGS.SF |
  RFLAGS.TF |
  RFLAGS.IF |
  RFLAGS.DF |
  RFLAGS.OF |
  RFLAGS.IOPL |
  RFLAGS.NT |
  RFLAGS.RF |
  RFLAGS.AC |
  RFLAGS.ID;

/** What boot leaves behind for one CPU. Addresses are guest-physical. */
export interface CpuArea {
  readonly percpu: number;
  readonly tss: number;
  readonly idleStack: number;
}

export interface Booted {
  readonly frames: FrameAllocator;
  /** PML4 with only the kernel half; the idle task's address space. */
  readonly kernelRoot: number;
  readonly area: CpuArea;
}

export const directMap = (physical: number): bigint => DIRECT_MAP + BigInt(physical);

export function boot(port: Port, cpu: Cpu, image: KernelImage): Booted {
  const memory = port.memory;
  if (memory.sizeBytes < 16 * 1024 * 1024)
    throw new Error(`the modelled memory of ${memory.sizeBytes} bytes is too small: at least 16 MiB`);
  memory.bytes.set(image.bytes, IMAGE_PHYSICAL);
  memory.written(IMAGE_PHYSICAL, image.bytes.length);
  const frames = new FrameAllocator(memory, IMAGE_PHYSICAL + image.bytes.length);
  const frame = (): number => ensure(frames.allocate(), 'memory for the kernel itself');

  const kernelRoot = frame();
  mapText(memory, kernelRoot, image, frame);
  mapDirect(memory, kernelRoot, frame);

  const percpu = frame();
  const tss = frame();
  const idt = frame();
  const nmiStack = frame();
  const faultStack = frame();
  const debugStack = frame();
  const idleStack = frame();
  memory.view.setUint32(percpu + PERCPU.CPU_NUMBER, cpu.index, true);
  memory.view.setBigUint64(tss + TSS.IST1, directMap(nmiStack + PAGE), true);
  memory.view.setBigUint64(tss + TSS.IST2, directMap(faultStack + PAGE), true);
  memory.view.setBigUint64(tss + TSS.IST3, directMap(debugStack + PAGE), true);
  writeIdt(memory, idt, image);

  cpu.cr3 = BigInt(kernelRoot);
  cpu.setDescriptorTables(directMap(idt), 256 * 16 - 1, directMap(tss));
  const set = (name: keyof typeof MSR, value: bigint): void => {
    if (!cpu.msrs.write(MSR[name], value))
      throw new Error(`boot: the machine refuses 0x${value.toString(16)} for ${name} (0x${MSR[name].toString(16)})`);
  };
  set('IA32_EFER', EFER.SCE | EFER.LME | EFER.LMA | EFER.NXE);
  set('IA32_STAR', (BigInt(SELECTOR.USER32_CS) << 48n) | (BigInt(SELECTOR.KERNEL_CS) << 32n));
  set('IA32_LSTAR', image.address('entry_SYSCALL_64'));
  set('IA32_FMASK', BigInt(SYSCALL_MASK));
  if (((cpu.msrs.read(MSR.IA32_APIC_BASE) ?? 0n) & X2APIC_ON) !== X2APIC_ON) throw new Error('boot: the local APIC is not in x2APIC mode');
  set('IA32_X2APIC_SIVR', BigInt(0x100 | SPURIOUS_VECTOR));
  set('IA32_X2APIC_LVT_TIMER', LVT_TIMER_TSC_DEADLINE | BigInt(TIMER_VECTOR));

  turnOnXsave(cpu);
  cpu.cpl = 0;
  cpu.rflags = BigInt(RFLAGS.FIXED1);
  cpu.gsBase = directMap(percpu);
  cpu.kernelGsBase = 0n;
  cpu.gpr.fill(0n);
  cpu.gpr[GPR.RSP] = directMap(idleStack + KERNEL_STACK_SIZE);
  cpu.rip = image.address('default_idle');
  return { frames, kernelRoot, area: { percpu, tss, idleStack } };
}

/** What arch/x86/kernel/fpu/xstate.c does at boot: CR4.OSXSAVE, and all state that the processor has. */
function turnOnXsave(cpu: Cpu): void {
  if ((cpu.cpuid(1, 0).ecx & CPUID_XSAVE) === 0) return;
  cpu.cr4 |= CR4.OSXSAVE;
  if (!cpu.setXcr0(BigInt(cpu.cpuid(0x0d, 0).eax >>> 0))) throw new Error('boot: the machine refuses XCR0 as CPUID tells it');
}

const entry = (memory: PhysicalMemory, table: number, index: number): bigint => memory.view.getBigUint64(table + index * 8, true);
const setEntry = (memory: PhysicalMemory, table: number, index: number, value: bigint): void =>
  memory.view.setBigUint64(table + index * 8, value, true);
const TABLE = PTE.P | PTE.W | PTE.A;

/** The table below an entry, made if missing. */
function below(memory: PhysicalMemory, table: number, index: number, frame: () => number): number {
  const there = entry(memory, table, index);
  if ((there & PTE.P) !== 0n) return Number(there & 0x000f_ffff_ffff_f000n);
  const next = frame();
  setEntry(memory, table, index, BigInt(next) | TABLE);
  return next;
}
const indexOf = (va: bigint, shift: bigint): number => Number((va >> shift) & 511n);

function mapText(memory: PhysicalMemory, root: number, image: KernelImage, frame: () => number): void {
  for (let offset = 0; offset < image.bytes.length; offset += PAGE) {
    const va = KERNEL_TEXT + BigInt(offset);
    const pdpt = below(memory, root, indexOf(va, 39n), frame);
    const pd = below(memory, pdpt, indexOf(va, 30n), frame);
    const pt = below(memory, pd, indexOf(va, 21n), frame);
    const noExecute = offset >= image.textSize ? PTE.NX : 0n;
    setEntry(memory, pt, indexOf(va, 12n), BigInt(IMAGE_PHYSICAL + offset) | PTE.P | PTE.A | PTE.G | noExecute);
  }
}

function mapDirect(memory: PhysicalMemory, root: number, frame: () => number): void {
  for (let physical = 0; physical < memory.sizeBytes; physical += TWO_MIB) {
    const va = DIRECT_MAP + BigInt(physical);
    const pdpt = below(memory, root, indexOf(va, 39n), frame);
    const pd = below(memory, pdpt, indexOf(va, 30n), frame);
    setEntry(memory, pd, indexOf(va, 21n), BigInt(physical) | PTE.P | PTE.W | PTE.A | PTE.D | PTE.G | PTE.PS | PTE.NX);
  }
}

/** What may come when RSP is the user's, behind SYSCALL: a debug exception that MOV SS held back, too. */
const STACKS: Readonly<Record<number, number>> = { [VECTOR.NMI]: IST.NMI, [VECTOR.DF]: IST.DOUBLE_FAULT, [VECTOR.DB]: IST.DEBUG };

/** 64-bit interrupt gates. SDM Vol. 3A §6.14.1. INT3 and INTO may be executed by user mode. */
function writeIdt(memory: PhysicalMemory, idt: number, image: KernelImage): void {
  for (let vector = 0; vector < 256; vector++) {
    const target = image.vectorEntry(vector);
    const dpl = vector === VECTOR.BP || vector === VECTOR.OF ? 3 : 0;
    const ist = STACKS[vector] ?? 0;
    const at = idt + vector * 16;
    memory.view.setUint16(at, Number(target & 0xffffn), true);
    memory.view.setUint16(at + 2, SELECTOR.KERNEL_CS, true);
    memory.view.setUint16(at + 4, (0x8e00 | (dpl << 13) | ist) & 0xffff, true);
    memory.view.setUint16(at + 6, Number((target >> 16n) & 0xffffn), true);
    memory.view.setUint32(at + 8, Number(target >> 32n), true);
    memory.view.setUint32(at + 12, 0, true);
  }
}
