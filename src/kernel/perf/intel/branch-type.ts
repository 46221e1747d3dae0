/** What kind of branch a recorded one was, from the instruction's bytes. arch/x86/events/utils.c branch_type (decode_branch_type). */

/** Kinds as bits. `IRQ`: an interrupt, trap or fault took control away from an instruction that is no branch. */
export const BR = {
  CALL: 1,
  RET: 2,
  SYSCALL: 4,
  SYSRET: 8,
  INT: 16,
  IRET: 32,
  JCC: 64,
  JMP: 128,
  IRQ: 256,
  IND_CALL: 512,
  IND_JMP: 1024,
} as const;

const isKernel = (address: bigint): boolean => address >> 63n === 1n;

/** `code`: the bytes at `from`, as many as can be read; 0: no branch that is known. */
export function branchType(from: bigint, to: bigint, code: Uint8Array): number {
  const kind = decode(code);
  const enters = !isKernel(from) && isKernel(to);
  return enters && kind !== BR.SYSCALL && kind !== BR.INT ? BR.IRQ : kind;
}

function decode(code: Uint8Array): number {
  let at = 0;
  while (isPrefix(code[at] ?? -1)) at++;
  const op = code[at] ?? -1;
  const next = code[at + 1] ?? -1;
  if (op === 0x0f) {
    if (next === 0x05 || next === 0x34) return BR.SYSCALL;
    if (next === 0x07 || next === 0x35) return BR.SYSRET;
    return next >= 0x80 && next <= 0x8f ? BR.JCC : 0;
  }
  if ((op >= 0x70 && op <= 0x7f) || (op >= 0xe0 && op <= 0xe3)) return BR.JCC;
  if (op === 0xc2 || op === 0xc3 || op === 0xca || op === 0xcb) return BR.RET;
  if (op === 0xcf) return BR.IRET;
  if (op >= 0xcc && op <= 0xce) return BR.INT;
  if (op === 0xe8) return BR.CALL;
  if (op === 0xe9 || op === 0xeb) return BR.JMP;
  if (op !== 0xff) return 0;
  const digit = (next >> 3) & 7;
  return digit === 2 || digit === 3 ? BR.IND_CALL : digit === 4 || digit === 5 ? BR.IND_JMP : 0;
}

/** Legacy prefixes and REX. */
const isPrefix = (b: number): boolean =>
  (b >= 0x40 && b <= 0x4f) || [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3].includes(b);
