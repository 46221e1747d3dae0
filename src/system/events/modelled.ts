/** Which events need the cache, TLB and predictor models: the session turns them on from its start then. */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { eventMeaning } from '#arch/pmu/event-select.ts';
import { isModelled, needsObserver, type Quantity } from '#arch/pmu/events.ts';
import { makeAttr } from '#kernel/perf/attr.ts';
import { isRefusal } from '#kernel/perf/attr-checks.ts';
import { initEvent } from '#kernel/perf/open.ts';
import { attrTerms, type EventSpec } from './parse.ts';

type Code = Pick<EventSpec, 'type' | 'config' | 'config1'>;

/** Is it a figure of a model? */
export const isModelledEvent = (event: Code, model: CpuModel): boolean => counts(event, model, isModelled);
/** Is it counted only while the engine observes, modelled or exact? */
export const isObservedEvent = (event: Code, model: CpuModel): boolean => counts(event, model, needsObserver);

function counts(event: Code, model: CpuModel, what: (q: Quantity) => boolean): boolean {
  const found = initEvent(makeAttr(attrTerms(event)), model, 1n << 31n);
  if (isRefusal(found) || found.kind !== 'core') return false;
  const meaning = eventMeaning(model, found.hw.select);
  return meaning.kind === 'counts' && what(meaning.row.quantity);
}
