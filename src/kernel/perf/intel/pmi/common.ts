/** What the version 2 and later handlers share: intel_pmu_handle_irq's loop, handle_pmi_common. arch/x86/events/intel/core.c; spec §2.1. */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { DEBUGCTL } from '#arch/pmu/debugctl.ts';
import { CTR_FRZ, GLOBAL_STATUS, LBR_FRZ } from '#arch/pmu/global.ts';
import type { InterruptFrame } from '../../../perf-hooks.ts';
import type { CorePmu } from '../core-pmu.ts';

/** After so many rounds Linux warns "irq loop stuck!" and resets the PMU. */
export const MAX_LOOPS = 100;

export const FREEZE_PERFMON_ON_PMI = DEBUGCTL.mask('FREEZE_PERFMON_ON_PMI');

/** Status bits that are no counter's. */
const NOT_COUNTERS = GLOBAL_STATUS.mask('CondChgd') | GLOBAL_STATUS.mask('Asci') | LBR_FRZ | CTR_FRZ;

/** Big cores from Haswell on unmask LVTPC last (x86_pmu.late_ack), which avoids spurious NMIs. */
const LATE_ACK_MODELS: ReadonlySet<string> = new Set(['broadwell', 'skylake', 'icelake', 'sapphirerapids']);
export const lateAck = (model: CpuModel): boolean => LATE_ACK_MODELS.has(model.name);

/** handle_pmi_common: each counter that overflowed is folded and programmed anew, and sampled if its period has passed. */
export function handleOverflows(core: CorePmu, status: bigint, frame: InterruptFrame): number {
  let handled = 0;
  const counters = status & ~NOT_COUNTERS;
  for (let idx = 0; counters >> BigInt(idx) !== 0n; idx++) {
    if (((counters >> BigInt(idx)) & 1n) === 0n) continue;
    handled++;
    const event = core.active.get(idx);
    if (event === undefined) continue; // scheduled out in the skid window
    core.update(event);
    core.restart(event, frame);
  }
  return handled;
}

/** Acknowledges and handles until GLOBAL_STATUS stays 0. */
export function drainStatus(core: CorePmu, frame: InterruptFrame): number {
  let handled = 0;
  for (let loops = 0; loops < MAX_LOOPS; loops++) {
    const status = core.registers.readGlobalStatus();
    if (status === 0n) break;
    core.lbr.read();
    core.registers.acknowledge(status);
    handled += handleOverflows(core, status, frame);
  }
  return handled;
}
