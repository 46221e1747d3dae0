/**
 * The gate: a marked instruction at which ring-0 code hands over to the kernel's TypeScript. It is an ordinary multi-byte NOP,
 * `0F 1F 80 disp32` = NOP dword [RAX+disp32], whose displacement carries a magic and a number, so that any decoder (perf, libipt)
 * walks over it. At CPL 0 the machine retires it and leaves `Cpu.run` with {kind:'gate'}; at CPL 3 it is a plain NOP.
 */
export const GATE_MAGIC = 0x7067_0000; // "pg"
export const GATE_LENGTH = 7;
export const GATE_MAX = 0xffff;

export function encodeGate(gate: number): Uint8Array {
  const disp = GATE_MAGIC | gate;
  return Uint8Array.of(0x0f, 0x1f, 0x80, disp & 255, (disp >> 8) & 255, (disp >> 16) & 255, (disp >>> 24) & 255);
}
