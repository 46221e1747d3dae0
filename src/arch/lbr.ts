/**
 * Last Branch Records: the layouts. SDM Vol. 3B, Last Branch, Interrupt and Exception Recording (legacy, by IA32_PERF_CAPABILITIES.LBR_FMT), and
 * Last Branch Records (architectural). Which branches are recorded: machine/lbr; what was chosen: docs/machine/lbr.md.
 */
import { bit, bits, packed } from '#base/bits.ts';
import type { LbrCapabilities } from './cpu-models/model.ts';

/** MSR_LBR_SELECT, 1C8H: 1 = do not capture. */
export const LBR_SELECT = packed({
  CPL_EQ_0: bit(0),
  CPL_NEQ_0: bit(1),
  JCC: bit(2),
  NEAR_REL_CALL: bit(3),
  NEAR_IND_CALL: bit(4),
  NEAR_RET: bit(5),
  NEAR_IND_JMP: bit(6),
  NEAR_REL_JMP: bit(7),
  FAR_BRANCH: bit(8),
  /** 1 = call-stack mode (Haswell and later). */
  EN_CALLSTACK: bit(9),
});

/** IA32_LBR_CTL, 14CEH: 1 = capture. */
export const LBR_CTL = packed({
  LBREn: bit(0),
  OS: bit(1),
  USR: bit(2),
  CALL_STACK: bit(3),
  JCC: bit(16),
  NEAR_REL_JMP: bit(17),
  NEAR_IND_JMP: bit(18),
  NEAR_REL_CALL: bit(19),
  NEAR_IND_CALL: bit(20),
  NEAR_RET: bit(21),
  OTHER_BRANCH: bit(22),
});

/** MSR_LBR_INFO_x (formats 5 and 7) and IA32_LBR_x_INFO; BR_TYPE and CYC_CNT_VALID are architectural LBR's alone. */
export const LBR_INFO = packed({
  CYC_CNT: bits(15, 0),
  BR_TYPE: bits(59, 56),
  CYC_CNT_VALID: bit(60),
  TSX_ABORT: bit(61),
  IN_TSX: bit(62),
  MISPRED: bit(63),
});

/** Kinds of branches, numbered as IA32_LBR_x_INFO.BR_TYPE. */
export const BRANCH = { COND: 0, JMP_INDIRECT: 1, JMP: 2, CALL_INDIRECT: 3, CALL: 4, RET: 5, OTHER: 8 } as const;
export type Branch = (typeof BRANCH)[keyof typeof BRANCH];

/** What one of the two addresses of a record holds beside the address. */
export type AddressFlags =
  /** Nothing: bits 63:48 repeat bit 47. */
  | 'none'
  /** 63 MISPRED. */
  | 'mispred'
  /** 63 MISPRED, 62 IN_TSX, 61 TSX_ABORT; see `tsxSignExtension`. */
  | 'mispred-tsx'
  /** 63:48 cycles. */
  | 'cycles';

export interface LbrLayout {
  readonly kind: 'legacy' | 'architectural';
  /** The greatest. */
  readonly depth: number;
  readonly from: number;
  /** undefined: one register holds both, FROM in bits 31:0 and TO in bits 63:32 (format 0). */
  readonly to: number | undefined;
  readonly info: number | undefined;
  readonly fromFlags: AddressFlags;
  readonly toFlags: AddressFlags;
  readonly hasSelect: boolean;
  readonly hasCallStack: boolean;
}

/**
 * The registers by format. Legacy: 0 to 2 stand at 40H and 60H and know no filter (Core Duo, Core 2), 3 is Nehalem's, 4 adds the TSX flags and
 * the call stack (Haswell), 5 and 7 have MSR_LBR_INFO (Skylake; 7 without a promise of TSX), 6 is Goldmont's. SDM Vol. 3B "LBR Stack", Vol. 4.
 */
export function lbrLayout(lbr: LbrCapabilities): LbrLayout {
  const { depth, format } = lbr;
  const plain = { fromFlags: 'none', toFlags: 'none' } as const;
  if (format === 'arch') {
    return { kind: 'architectural', depth, from: 0x1500, to: 0x1600, info: 0x1200, ...plain, hasSelect: false, hasCallStack: true };
  }
  if (format < 3) {
    const to = format === 0 ? undefined : 0x60;
    return { kind: 'legacy', depth, from: 0x40, to, info: undefined, ...plain, hasSelect: false, hasCallStack: false };
  }
  return {
    kind: 'legacy',
    depth,
    from: 0x680,
    to: 0x6c0,
    info: format === 5 || format === 7 ? 0xdc0 : undefined,
    fromFlags: format === 4 ? 'mispred-tsx' : format === 3 || format === 6 ? 'mispred' : 'none',
    toFlags: format === 6 ? 'cycles' : 'none',
    hasSelect: true,
    hasCallStack: format > 3,
  };
}

/** CPUID.1CH:EAX[7:0], bit n = depth 8 (n + 1): the powers of two up to the model's depth. */
export function lbrDepths(depth: number): number {
  let word = 0;
  for (let d = 8; d <= depth; d *= 2) word |= 1 << (d / 8 - 1);
  return word;
}
