/**
 * Unwinds the kernel's stack by what the assembler knows of it at each instruction (arch/asm.ts StackRow), as Linux does with ORC: exact
 * everywhere, without frame pointers.
 */
import type { PhysicalMemory } from '#port/memory.ts';
import type { KernelImage } from './image.ts';
import { DIRECT_MAP } from './layout.ts';

/** Deeper than anything that the text can nest. */
const MAX_FRAMES = 64;

/** Return addresses from the function at `rip` outwards, up to the entry from user mode; an interrupted kernel goes on behind the interrupt. */
export function unwindKernel(image: KernelImage, memory: PhysicalMemory, rip: bigint, rsp: bigint): bigint[] {
  const out: bigint[] = [];
  let ip = rip;
  let sp = rsp;
  while (out.length < MAX_FRAMES) {
    const row = image.stackAt(ip);
    if (row === undefined || row.kind === 'bottom') return out;
    sp += BigInt(row.depth);
    const word = (offset: bigint): bigint | undefined => kernelWord(memory, sp + offset);
    const next = word(0n);
    if (next === undefined) return out;
    if (row.kind === 'call') sp += 8n;
    else {
      // The processor's frame: RIP, CS, RFLAGS, RSP, SS.
      const cs = word(8n);
      const stack = word(24n);
      if (cs === undefined || stack === undefined || (cs & 3n) !== 0n) return out;
      sp = stack;
    }
    ip = next;
    out.push(ip);
  }
  return out;
}

function kernelWord(memory: PhysicalMemory, va: bigint): bigint | undefined {
  const at = va - DIRECT_MAP;
  return at >= 0n && at + 8n <= BigInt(memory.sizeBytes) ? memory.view.getBigUint64(Number(at), true) : undefined;
}
