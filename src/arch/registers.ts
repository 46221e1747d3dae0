/** Registers, flags and vectors by their encodings. Intel SDM Vol. 1 ch. 3, Vol. 2A §2.2.1 (REX), Vol. 3A ch. 6 (vectors). */

/** General registers by encoding. */
export const GPR = {
  RAX: 0,
  RCX: 1,
  RDX: 2,
  RBX: 3,
  RSP: 4,
  RBP: 5,
  RSI: 6,
  RDI: 7,
  R8: 8,
  R9: 9,
  R10: 10,
  R11: 11,
  R12: 12,
  R13: 13,
  R14: 14,
  R15: 15,
} as const;
export type Gpr = (typeof GPR)[keyof typeof GPR];

/** RFLAGS bits. SDM Vol. 1 §3.4.3. */
export const RFLAGS = {
  CF: 1 << 0,
  FIXED1: 1 << 1,
  PF: 1 << 2,
  AF: 1 << 4,
  ZF: 1 << 6,
  SF: 1 << 7,
  TF: 1 << 8,
  IF: 1 << 9,
  DF: 1 << 10,
  OF: 1 << 11,
  IOPL: 3 << 12,
  NT: 1 << 14,
  RF: 1 << 16,
  VM: 1 << 17,
  AC: 1 << 18,
  ID: 1 << 21,
} as const;

/** Exception and interrupt vectors. SDM Vol. 3A Table 6-1. */
export const VECTOR = {
  DE: 0,
  DB: 1,
  NMI: 2,
  BP: 3,
  OF: 4,
  BR: 5,
  UD: 6,
  NM: 7,
  DF: 8,
  TS: 10,
  NP: 11,
  SS: 12,
  GP: 13,
  PF: 14,
  MF: 16,
  AC: 17,
  MC: 18,
  XM: 19,
} as const;

/** Page-fault error code bits. SDM Vol. 3A §4.7. */
export const PF_ERROR = { P: 1, W: 2, U: 4, RSVD: 8, I: 16 } as const;

/** Page-table entry bits. SDM Vol. 3A Table 4-19. */
export const PTE = { P: 1n, W: 2n, U: 4n, PWT: 8n, PCD: 16n, A: 32n, D: 64n, PS: 128n, G: 256n, NX: 1n << 63n } as const;
export const PTE_ADDRESS = 0x000f_ffff_ffff_f000n;

/** Bits of CR4 that concern what user mode may execute. SDM Vol. 3A §2.5. */
export const CR4 = { TSD: 1n << 2n, DE: 1n << 3n, PCE: 1n << 8n, OSXSAVE: 1n << 18n } as const;

/** Debug status. SDM Vol. 3B §18.2.3: B0-B3 in bits 3:0; what is reserved reads as in RESERVED. */
export const DR6 = { TRAPS: 0xf, BD: 1 << 13, BS: 1 << 14, BT: 1 << 15, RESERVED: 0xffff_0ff0 } as const;
/** Debug control. SDM Vol. 3B §18.2.4: L0 G0 … L3 G3 in bits 7:0, then R/W and LEN of each breakpoint by 4 bits from bit 16 on. */
export const DR7 = { LE: 1 << 8, GE: 1 << 9, FIXED1: 1 << 10, GD: 1 << 13, CONTROL_SHIFT: 16, CONTROL_BITS: 4 } as const;
/** R/W fields of DR7. */
export const DR7_RW = { EXECUTE: 0, WRITE: 1, IO: 2, READ_WRITE: 3 } as const;
/** Bytes by the LEN field of DR7. */
export const DR7_LENGTHS = [1, 2, 8, 4] as const;
