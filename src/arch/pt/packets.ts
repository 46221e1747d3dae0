/**
 * Intel Processor Trace packet encodings as data: opcodes, sizes, masks. The decoder (`formats/pt`) and the machine's generator
 * (`machine/pt`) both read this table; because a shared wrong row cannot be seen by a round trip, tests state bytes in hex, by hand.
 * Source: Intel SDM vol. 3, "Intel Processor Trace", section "Trace Packets and Data Types" (spec.md §3.5).
 */

/** Packet type numbers. Small and dense: the scanner indexes typed arrays with them. */
export const PT = {
  PAD: 0,
  PSB: 1,
  PSBEND: 2,
  TNT8: 3,
  TNT64: 4,
  TIP: 5,
  TIP_PGE: 6,
  TIP_PGD: 7,
  FUP: 8,
  PIP: 9,
  MODE_EXEC: 10,
  MODE_TSX: 11,
  TRACESTOP: 12,
  CBR: 13,
  TSC: 14,
  MTC: 15,
  TMA: 16,
  CYC: 17,
  VMCS: 18,
  OVF: 19,
  MNT: 20,
  PTW: 21,
  EXSTOP: 22,
  MWAIT: 23,
  PWRE: 24,
  PWRX: 25,
  BBP: 26,
  BIP: 27,
  BEP: 28,
  CFE: 29,
  EVD: 30,
  /** Not a packet: the bytes fit no row of the table. */
  BAD: 31,
} as const;
export type PtType = (typeof PT)[keyof typeof PT];
export const PT_TYPE_COUNT = 32;

/** A packet's first bytes and its whole size. `mask` covers the byte that `match` ends with: set bits must match. */
export interface PtEncoding {
  readonly type: PtType;
  readonly name: string;
  /** Leading bytes; the last one is compared under `mask`. */
  readonly match: readonly number[];
  /** Mask of the last leading byte (0xff: all of it). */
  readonly mask: number;
  /** Bytes in all; 0: depends on the payload (see `ptIpSize`, CYC, PTW, BIP). */
  readonly size: number;
}

const row = (type: PtType, name: string, match: readonly number[], size: number, mask = 0xff): PtEncoding => ({
  type,
  name,
  match,
  mask,
  size,
});

/** Order matters only for TNT-8, which takes the even bytes that nothing else claims. */
export const PT_ENCODINGS: readonly PtEncoding[] = [
  row(PT.PAD, 'pad', [0x00], 1),
  row(PT.PSB, 'psb', [0x02, 0x82], 16),
  row(PT.PSBEND, 'psbend', [0x02, 0x23], 2),
  row(PT.TIP, 'tip', [0x0d], 0, 0x1f),
  row(PT.TIP_PGE, 'tip.pge', [0x11], 0, 0x1f),
  row(PT.TIP_PGD, 'tip.pgd', [0x01], 0, 0x1f),
  row(PT.FUP, 'fup', [0x1d], 0, 0x1f),
  row(PT.TNT64, 'tnt.64', [0x02, 0xa3], 8),
  row(PT.PIP, 'pip', [0x02, 0x43], 8),
  row(PT.TRACESTOP, 'tracestop', [0x02, 0x83], 2),
  row(PT.CBR, 'cbr', [0x02, 0x03], 4),
  row(PT.TSC, 'tsc', [0x19], 8),
  row(PT.MTC, 'mtc', [0x59], 2),
  row(PT.TMA, 'tma', [0x02, 0x73], 7),
  row(PT.CYC, 'cyc', [0x03], 0, 0x03),
  row(PT.VMCS, 'vmcs', [0x02, 0xc8], 7),
  row(PT.OVF, 'ovf', [0x02, 0xf3], 2),
  row(PT.MNT, 'mnt', [0x02, 0xc3], 11),
  row(PT.PTW, 'ptw', [0x02, 0x12], 0, 0x1f),
  row(PT.EXSTOP, 'exstop', [0x02, 0x62], 2, 0x7f),
  row(PT.MWAIT, 'mwait', [0x02, 0xc2], 10),
  row(PT.PWRE, 'pwre', [0x02, 0x22], 4),
  row(PT.PWRX, 'pwrx', [0x02, 0xa2], 7),
  row(PT.BBP, 'bbp', [0x02, 0x63], 3),
  row(PT.BEP, 'bep', [0x02, 0x33], 2, 0x7f),
  row(PT.CFE, 'cfe', [0x02, 0x13], 4),
  row(PT.EVD, 'evd', [0x02, 0x53], 11),
];

/** MODE shares one opcode; the leaf is bits 7:5 of the second byte. */
export const PT_MODE_OPCODE = 0x99;
export const PT_MODE_LEAF = { EXEC: 0x00, TSX: 0x20 } as const;
export const PT_MODE_SIZE = 2;
/** MODE.Exec bits: (CS.L & LMA, CS.D) 10 → 64-bit, 01 → 32-bit, 00 → 16-bit; IF only with EventEn. */
export const PT_MODE_EXEC = { CS_L: 1, CS_D: 2, IF: 4 } as const;
export const PT_MODE_TSX = { IN_TX: 1, TX_ABORT: 2 } as const;

export const PT_PSB_BYTES: readonly number[] = Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 0x02 : 0x82));
export const PT_MNT_THIRD_BYTE = 0x88;
export const PT_OPCODE_EXT = 0x02;
/** The IP flag of EXSTOP, BEP, PTW (bit 7 of the second byte) and CFE (bit 7 of the third): a FUP follows. */
export const PT_IP_FLAG = 0x80;
/** PTW payload size by bits 6:5 of the second byte; 2 and 3 are reserved. */
export const PT_PTW_BYTES: readonly number[] = [4, 8];

/** IP compression: bits 7:5 of the header byte of TIP, TIP.PGE, TIP.PGD, FUP. Index → payload bytes; −1: reserved. */
export const PT_IP_BYTES: readonly number[] = [0, 2, 4, 6, 6, -1, 8, -1];
export const PT_IPC = { SUPPRESSED: 0, UPDATE16: 1, UPDATE32: 2, SEXT48: 3, UPDATE48: 4, FULL: 6 } as const;

/** CFE type numbers (bits 4:0 of the third byte), SDM "Control Flow Event (CFE) Packet". */
export const PT_CFE_TYPES: Readonly<Record<number, string>> = {
  1: 'INTR',
  2: 'IRET',
  3: 'SMI',
  4: 'RSM',
  5: 'SIPI',
  6: 'INIT',
  7: 'VMENTRY',
  8: 'VMEXIT',
  9: 'VMEXIT_INTR',
  10: 'SHUTDOWN',
};
export const PT_EVD_TYPES: Readonly<Record<number, string>> = { 1: 'PFA', 2: 'VMXQ', 3: 'VMXR' };

const names: string[] = Array.from({ length: PT_TYPE_COUNT }, () => '');
for (const e of PT_ENCODINGS) names[e.type] = e.name;
names[PT.TNT8] = 'tnt.8';
names[PT.MODE_EXEC] = 'mode.exec';
names[PT.MODE_TSX] = 'mode.tsx';
names[PT.BIP] = 'bip';
names[PT.BAD] = 'bad';
/** Lower-case name by type number. */
export const PT_NAMES: readonly string[] = names;

/** Type by first byte (0x02 → BAD: look into `PT_TYPE_OF_EXT`), and the size that the first byte alone fixes (0: it does not). */
export const PT_TYPE_OF_BYTE = new Uint8Array(256).fill(PT.BAD);
export const PT_SIZE_OF_BYTE = new Uint8Array(256);
/** Type and size by the second byte after 0x02. */
export const PT_TYPE_OF_EXT = new Uint8Array(256).fill(PT.BAD);
export const PT_SIZE_OF_EXT = new Uint8Array(256);

function fillTables(): void {
  for (let b = 0; b < 256; b++) {
    for (const e of PT_ENCODINGS) {
      const last = e.match[e.match.length - 1] ?? 0;
      if ((b & e.mask) !== (last & e.mask)) continue;
      let { size } = e;
      if (e.match.length === 1 && e.mask === 0x1f) {
        const bytes = PT_IP_BYTES[b >> 5] ?? -1;
        if (bytes < 0) continue; // reserved compression
        size = 1 + bytes;
      } else if (e.type === PT.PTW) {
        const bytes = PT_PTW_BYTES[(b >> 5) & 3];
        if (bytes === undefined) continue; // reserved payload size
        size = 2 + bytes;
      }
      if (e.match.length === 1) {
        PT_TYPE_OF_BYTE[b] = e.type;
        PT_SIZE_OF_BYTE[b] = size;
      } else {
        PT_TYPE_OF_EXT[b] = e.type;
        PT_SIZE_OF_EXT[b] = size;
      }
    }
    if ((b & 1) === 0 && b !== 0 && b !== PT_OPCODE_EXT) {
      PT_TYPE_OF_BYTE[b] = PT.TNT8;
      PT_SIZE_OF_BYTE[b] = 1;
    }
  }
  PT_TYPE_OF_BYTE[PT_MODE_OPCODE] = PT.MODE_EXEC; // the leaf decides; same size
  PT_SIZE_OF_BYTE[PT_MODE_OPCODE] = PT_MODE_SIZE;
}
fillTables();
