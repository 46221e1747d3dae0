/** Linux's handler since 5.12, and before 4.20: counters run until the handler stops them, and again when it lets them. spec §2.1. */
import { drainStatus, lateAck } from './common.ts';
import type { PmiHandler } from './handler.ts';

export const STOP_IN_HANDLER: PmiHandler = {
  name: 'stop-in-handler',
  summary: 'counters run on until the handler clears GLOBAL_CTRL (Linux 6.12)',
  needsFreezeOnDelivery: false,
  unsupported: (model) => (model.pmu.version < 2 ? `${model.name} has PerfMon version 1: no GLOBAL_CTRL to stop counters with` : undefined),

  handleIrq(core, frame) {
    const late = lateAck(core.model);
    const wasEnabled = core.enabled;
    if (!late) core.registers.unmaskLvtpc();
    core.enabled = false;
    core.stopAll();
    const handled = drainStatus(core, frame);
    core.enabled = wasEnabled;
    if (wasEnabled) core.startAll(true);
    if (late) core.registers.unmaskLvtpc();
    return handled;
  },
};
