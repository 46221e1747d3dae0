/** What perf makes of a recorded callchain: tools/perf/util/machine.c thread__resolve_callchain_sample and add_callchain_ip. */
import { PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
import { PERF_CONTEXT } from '#abi/perf-event/sample.ts';

/** perf_event_max_stack; perf's readers stop there, too. */
export const MAX_STACK = 127;

const FIRST_MARKER = BigInt.asUintN(64, PERF_CONTEXT.MAX);
const CONTEXT_MODE = new Map<bigint, number>([
  [BigInt.asUintN(64, PERF_CONTEXT.HV), PERF_RECORD_MISC.HYPERVISOR],
  [BigInt.asUintN(64, PERF_CONTEXT.KERNEL), PERF_RECORD_MISC.KERNEL],
  [BigInt.asUintN(64, PERF_CONTEXT.USER), PERF_RECORD_MISC.USER],
]);

export interface ChainFrame {
  /** CPUMODE of the context that the address was found in. */
  readonly mode: number;
  readonly ip: bigint;
}

/**
 * The frames, the hit first, each with the mode of the context marker before it; `sampleMode` holds for those before the first marker. A walk by
 * frame pointers may read any word as a return address: one in the range of the markers that is none makes perf discard the whole chain, so it is
 * empty here.
 */
export function chainFrames(chain: readonly bigint[], sampleMode: number): ChainFrame[] {
  const out: ChainFrame[] = [];
  let mode = sampleMode;
  for (const ip of chain) {
    if (ip >= FIRST_MARKER) {
      const next = CONTEXT_MODE.get(ip);
      if (next === undefined) return [];
      mode = next;
    } else out.push({ mode, ip });
    if (out.length === MAX_STACK) break;
  }
  return out;
}
