/** attr.branch_sample_type as MSR_LBR_SELECT or IA32_LBR_CTL, and as the filter that software adds. arch/x86/events/intel/lbr.c; spec §2.7. */
import { ERRNO } from '#abi/errno.ts';
import { PERF_SAMPLE_BRANCH as P } from '#abi/perf-event/branch.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { LBR_CTL, LBR_SELECT, type LbrLayout, lbrLayout } from '#arch/lbr.ts';
import { attrFlag, type PerfEventAttr } from '../attr.ts';
import { BR } from './branch-type.ts';

export interface BranchSelect {
  /** For the register; unused where the model has none. */
  readonly control: bigint;
  /** BR bits that a sample may hold. */
  readonly kinds: number;
  readonly user: boolean;
  readonly kernel: boolean;
  readonly callStack: boolean;
}

type Refused = { readonly errno: number; readonly reason: string };

const ANY_CALL = BR.CALL | BR.IND_CALL | BR.SYSCALL | BR.IRQ | BR.INT;
const ANY_RETURN = BR.RET | BR.IRET | BR.SYSRET;
const ANY = ANY_CALL | ANY_RETURN | BR.JCC | BR.JMP | BR.IND_JMP;

type Kind = 'JCC' | 'NEAR_REL_CALL' | 'NEAR_IND_CALL' | 'NEAR_RET' | 'NEAR_IND_JMP' | 'NEAR_REL_JMP' | 'FAR';
const KINDS: readonly Kind[] = ['JCC', 'NEAR_REL_CALL', 'NEAR_IND_CALL', 'NEAR_RET', 'NEAR_IND_JMP', 'NEAR_REL_JMP', 'FAR'];

/** Type bit → what the register must take in, what software lets through. A far branch may be a call or a return: software tells. */
const TYPES: readonly (readonly [bit: number, hardware: readonly Kind[], software: number])[] = [
  [P.ANY, KINDS, ANY],
  [P.ANY_CALL, ['NEAR_REL_CALL', 'NEAR_IND_CALL', 'FAR'], ANY_CALL],
  [P.ANY_RETURN, ['NEAR_RET', 'FAR'], ANY_RETURN],
  [P.IND_CALL, ['NEAR_IND_CALL'], BR.IND_CALL],
  [P.COND, ['JCC'], BR.JCC],
  [P.IND_JUMP, ['NEAR_IND_JMP'], BR.IND_JMP],
  [P.CALL, ['NEAR_REL_CALL'], BR.CALL],
  [P.CALL_STACK, ['NEAR_REL_CALL', 'NEAR_IND_CALL', 'NEAR_RET'], BR.CALL | BR.IND_CALL],
];
const LEVELS = P.USER | P.KERNEL | P.HV;
const TRANSACTIONS = P.ABORT_TX | P.IN_TX | P.NO_TX;
const KINDS_OF_WORD = TYPES.reduce((m, [bit]) => m | bit, 0);

/** The ring of a branch is that of its target; without a ring in the word the event's own hold. */
export function branchSelect(attr: PerfEventAttr, model: CpuModel): BranchSelect | Refused {
  const { EINVAL, EOPNOTSUPP } = ERRNO;
  const refuse = (errno: number, reason: string): Refused => ({ errno, reason });
  const word = Number(attr.branch_sample_type);
  if (attr.branch_sample_type >= BigInt(P.COUNTERS) << 1n) return refuse(EINVAL, 'unknown branch_sample_type bits');
  if ((word & ~LEVELS) === 0) return refuse(EINVAL, 'branch_sample_type asks for no branch');
  if ((word & P.COUNTERS) !== 0) return refuse(EINVAL, `${model.name} has no branch counters`);
  if (model.lbr === undefined || model.pmu.version < 2) return refuse(EOPNOTSUPP, `${model.name} has no LBR that Linux drives`);
  const layout = lbrLayout(model.lbr);
  const callStack = (word & P.CALL_STACK) !== 0;
  if (callStack && !layout.hasCallStack) return refuse(EOPNOTSUPP, `${model.name} has no call-stack LBR`);
  const types = TYPES.filter(([bit]) => (word & bit) !== 0);
  // Linux looks for other kinds before it comes to IND_JUMP and CALL.
  if (callStack && (word & ~(LEVELS | P.CALL_STACK | P.IND_JUMP | P.CALL) & (KINDS_OF_WORD | TRANSACTIONS)) !== 0)
    return refuse(EINVAL, 'a call stack of branches excludes other kinds');
  const given = (word & LEVELS) !== 0;
  const user = given ? (word & P.USER) !== 0 : !attrFlag(attr, 'exclude_user');
  const kernel = given ? (word & P.KERNEL) !== 0 : !attrFlag(attr, 'exclude_kernel');
  const hardware = new Set(types.flatMap(([, kinds]) => kinds));
  // No model executes transactions: every branch is one outside of them, and none is an abort. Linux lets the words through all the same.
  const inside = (word & (P.IN_TX | P.NO_TX)) === P.IN_TX;
  const kinds = inside ? 0 : types.reduce((m, [, , software]) => m | software, 0);
  return { control: control(layout, hardware, user, kernel, callStack), kinds, user, kernel, callStack };
}

function control(layout: LbrLayout, kinds: ReadonlySet<Kind>, user: boolean, kernel: boolean, callStack: boolean): bigint {
  if (layout.kind === 'architectural') {
    let word = LBR_CTL.pack({ OS: kernel, USR: user, CALL_STACK: callStack });
    for (const k of kinds) word |= LBR_CTL.mask(k === 'FAR' ? 'OTHER_BRANCH' : k);
    return word;
  }
  let word = LBR_SELECT.pack({ CPL_EQ_0: !kernel, CPL_NEQ_0: !user, EN_CALLSTACK: callStack });
  for (const k of KINDS) if (!kinds.has(k)) word |= LBR_SELECT.mask(k === 'FAR' ? 'FAR_BRANCH' : k);
  return word;
}
