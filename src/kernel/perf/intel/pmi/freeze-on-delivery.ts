/**
 * What the name of FREEZE_PERFMON_ON_PMI promises, and the first letter would accept: the processor freezes when the PMI is delivered (spec A5).
 * No such processor exists; the machine must be built with freezeOnDelivery. The handler is the one of freeze-on-overflow.
 */
import { FREEZE_ON_OVERFLOW } from './freeze-on-overflow.ts';
import type { PmiHandler } from './handler.ts';

export const FREEZE_ON_DELIVERY: PmiHandler = {
  ...FREEZE_ON_OVERFLOW,
  name: 'freeze-on-delivery',
  summary: 'the processor freezes all counters when the PMI is delivered (hypothetical)',
  needsFreezeOnDelivery: true,
};
