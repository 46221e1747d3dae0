/** x86_pmu_handle_irq, arch/x86/events/core.c: the handler of version 1. It never stops the counters, so the handler is counted (A24). */
import type { PmiHandler } from './handler.ts';

export const GENERIC: PmiHandler = {
  name: 'generic',
  summary: 'counters run through the handler (PerfMon version 1)',
  needsFreezeOnDelivery: false,
  unsupported: (model) => (model.pmu.version >= 2 ? 'Linux uses it on PerfMon version 1 only' : undefined),

  handleIrq(core, frame) {
    core.registers.unmaskLvtpc();
    const topBit = 1n << BigInt(core.registers.width - 1);
    let handled = 0;
    for (const event of core.active.values()) {
      // Counters count up from -left to overflow: the top bit still set means that this one has not got there.
      if ((core.update(event) & topBit) !== 0n) continue;
      handled++;
      core.restart(event, frame);
    }
    return handled;
  },
};
