/**
 * The handler that Linux had from 4.20 to 5.11 (intel_pmu_handle_irq_v4, removed by 3daa96d67274; spec §2.2): FREEZE_PERFMON_ON_PMI is set, the
 * handler writes no GLOBAL_CTRL, and the acknowledgement of GLOBAL_STATUS lets the counters go. On version 2 and 3 the freeze is the legacy
 * one: the processor has cleared GLOBAL_CTRL at the overflow, and the handler writes it again (spec §1.11); Linux never used that.
 * Goldmont's early microcodes, on which 4.20 declined to use it, are not modelled.
 */
import type { InterruptFrame } from '../../../perf-hooks.ts';
import type { CorePmu } from '../core-pmu.ts';
import { drainStatus, FREEZE_PERFMON_ON_PMI, handleOverflows, MAX_LOOPS } from './common.ts';
import type { PmiHandler } from './handler.ts';

export const FREEZE_ON_OVERFLOW: PmiHandler = {
  name: 'freeze-on-overflow',
  summary: 'the processor freezes all counters when one overflows (Linux 4.20-5.11; FREEZE_PERFMON_ON_PMI)',
  needsFreezeOnDelivery: false,
  unsupported: (model) => (model.pmu.version < 2 ? `${model.name} has PerfMon version 1: no FREEZE_PERFMON_ON_PMI` : undefined),

  boot(core) {
    core.registers.writeDebugControl(FREEZE_PERFMON_ON_PMI);
  },

  handleIrq: (core, frame) => (core.model.pmu.version >= 4 ? streamlined(core, frame) : legacy(core, frame)),
};

/**
 * No register is written to stop anything. LVTPC is unmasked first and the status acknowledged last, because counters run from there on.
 * A status of 0 means that an earlier PMI served both; one more may have come since, so it is read again.
 */
function streamlined(core: CorePmu, frame: InterruptFrame): number {
  const wasEnabled = core.enabled;
  core.enabled = false;
  let handled = 0;
  let status = core.registers.readGlobalStatus();
  core.lbr.read();
  for (let loops = 0; loops < MAX_LOOPS; loops++) {
    handled += handleOverflows(core, status, frame);
    core.registers.unmaskLvtpc();
    if (status !== 0n) {
      core.registers.acknowledge(status);
      break;
    }
    status = core.registers.readGlobalStatus();
    if (status === 0n) break;
  }
  core.enabled = wasEnabled;
  return handled;
}

function legacy(core: CorePmu, frame: InterruptFrame): number {
  const wasEnabled = core.enabled;
  core.registers.unmaskLvtpc();
  core.enabled = false;
  const handled = drainStatus(core, frame);
  core.enabled = wasEnabled;
  if (wasEnabled) core.startAll(true);
  return handled;
}
