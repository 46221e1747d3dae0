/** A PMI handler: one answer to the first letter's question of when counters stand still. */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import type { InterruptFrame } from '../../../perf-hooks.ts';
import type { CorePmu } from '../core-pmu.ts';

export const PMI_HANDLER_NAMES = ['stop-in-handler', 'freeze-on-overflow', 'freeze-on-delivery', 'generic'] as const;
export type PmiHandlerName = (typeof PMI_HANDLER_NAMES)[number];

export interface PmiHandler {
  readonly name: PmiHandlerName;
  /** One line, for --help and doctor. */
  readonly summary: string;
  /** The processor must freeze at the delivery of the PMI: a hypothetical one (machine option freezeOnDelivery). */
  readonly needsFreezeOnDelivery: boolean;
  /** Why it cannot work on the model; undefined: it can. */
  unsupported(model: CpuModel): string | undefined;
  /** Per CPU, before the first event. */
  boot?(core: CorePmu): void;
  /** How many counters had overflowed; 0: not ours. */
  handleIrq(core: CorePmu, frame: InterruptFrame): number;
}
