/** The PMI handlers by name, and which one a model gets by default. */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { FREEZE_ON_DELIVERY } from './freeze-on-delivery.ts';
import { FREEZE_ON_OVERFLOW } from './freeze-on-overflow.ts';
import { GENERIC } from './generic.ts';
import type { PmiHandler } from './handler.ts';
import { STOP_IN_HANDLER } from './stop-in-handler.ts';

export const PMI_HANDLERS: readonly PmiHandler[] = [STOP_IN_HANDLER, FREEZE_ON_OVERFLOW, FREEZE_ON_DELIVERY, GENERIC];

export const defaultHandler = (model: CpuModel): PmiHandler => (model.pmu.version < 2 ? GENERIC : STOP_IN_HANDLER);

export const findHandler = (name: string): PmiHandler | undefined => PMI_HANDLERS.find((h) => h.name === name);

export const handlersFor = (model: CpuModel): readonly PmiHandler[] => PMI_HANDLERS.filter((h) => h.unsupported(model) === undefined);
