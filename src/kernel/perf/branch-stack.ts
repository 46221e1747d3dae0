/** The LBR's records as a sample's branch stack: software's part of the filter, and the flags. intel_pmu_lbr_filter, perf_branch_entry. */
import { PERF_BRANCH_ENTRY, PERF_BR, PERF_SAMPLE_BRANCH } from '#abi/perf-event/branch.ts';
import type { PerfEventAttr } from './attr.ts';
import type { BranchSelect } from './intel/branch-select.ts';
import { BR, branchType } from './intel/branch-type.ts';
import type { RecordedBranch } from './intel/lbr-driver.ts';
import type { BranchEntry } from './sample.ts';

/** PERF_BR number of a kind (common_branch_type). */
const TYPE_NAMES: Readonly<Record<number, (typeof PERF_BR)[number]>> = {
  [BR.CALL]: 'CALL',
  [BR.RET]: 'RET',
  [BR.SYSCALL]: 'SYSCALL',
  [BR.SYSRET]: 'SYSRET',
  [BR.JCC]: 'COND',
  [BR.JMP]: 'UNCOND',
  [BR.IND_CALL]: 'IND_CALL',
  [BR.IND_JMP]: 'IND',
};

const NEAR: ReadonlySet<number> = new Set([BR.CALL, BR.RET, BR.JCC, BR.JMP, BR.IND_CALL, BR.IND_JMP]);

/**
 * `mispred` and `predicted` are the predictor's where it observes (docs/machine/models.md) and the branch is a near one; else both are 0: a bit that
 * the LBR leaves clear is no prediction then (docs/machine/lbr.md).
 * A call stack is taken as the hardware keeps it.
 */
export function branchStack(
  recorded: readonly RecordedBranch[],
  select: BranchSelect,
  attr: PerfEventAttr,
  codeAt: (va: bigint) => Uint8Array,
): BranchEntry[] {
  const has = (bit: number): boolean => (attr.branch_sample_type & BigInt(bit)) !== 0n;
  const out: BranchEntry[] = [];
  for (const { from, to, cycles, mispred } of recorded) {
    const kind = branchType(from, to, codeAt(from));
    const wantsRing = to >> 63n === 1n ? select.kernel : select.user;
    if (!wantsRing || kind === 0 || (kind & select.kinds) === 0) continue;
    const type = has(PERF_SAMPLE_BRANCH.TYPE_SAVE) ? Math.max(0, PERF_BR.indexOf(TYPE_NAMES[kind] ?? 'UNKNOWN')) : 0;
    const count = has(PERF_SAMPLE_BRANCH.NO_CYCLES) ? 0n : cycles;
    // System calls, interrupts and their ways back are not predicted.
    const judged = mispred !== undefined && !has(PERF_SAMPLE_BRANCH.NO_FLAGS) && NEAR.has(kind);
    const flags = judged ? { mispred, predicted: !mispred } : {};
    out.push({ from, to, flags: PERF_BRANCH_ENTRY.pack({ cycles: count, type: BigInt(type), ...flags }) });
  }
  return out;
}
