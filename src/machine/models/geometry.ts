/** Sizes of the models' tables: those of the CPU model, or a user's own (`--cache`). */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import type { MissCosts, ObservedModels } from '#arch/cpu-models/observed.ts';
import { ROOM } from './memory.ts';

export const LINE_BYTES = 64;

export interface CacheGeometry {
  readonly bytes: number;
  readonly ways: number;
}
export const CACHE_NAMES = ['L1D', 'L1I', 'L2', 'LLC'] as const;
export type CacheName = (typeof CACHE_NAMES)[number];
/** `L2` undefined: a miss of the first level goes to the last one. */
export type CacheGeometries = Readonly<Record<Exclude<CacheName, 'L2'>, CacheGeometry>> & { readonly L2: CacheGeometry | undefined };

export interface Geometry extends Pick<ObservedModels, 'tlb' | 'predictor' | 'inclusive'> {
  readonly caches: CacheGeometries;
  /** In slots; all zero: misses take no time. */
  readonly costs: MissCosts;
}

const FREE: MissCosts = { l2: 0, llc: 0, memory: 0, stlb: 0, walk: 0, mispredict: 0 };

function modelCaches(model: CpuModel): CacheGeometries {
  const find = (level: number, type: string): CacheGeometry | undefined => {
    const c = model.caches.find((x) => x.level === level && x.type === type);
    return c && { bytes: c.sizeKib * 1024, ways: c.ways };
  };
  const [L1D, L1I, second, third] = [find(1, 'data'), find(1, 'instruction'), find(2, 'unified'), find(3, 'unified')];
  const LLC = third ?? second;
  if (L1D === undefined || L1I === undefined || LLC === undefined) throw new Error(`${model.name}: caches`);
  return { L1D, L1I, L2: third === undefined ? undefined : second, LLC };
}

/** `own`: caches that replace the model's; null: no L2. `detailed`: misses take time. */
export function geometryOf(model: CpuModel, own: Partial<Record<CacheName, CacheGeometry | null>>, detailed: boolean): Geometry {
  const base = modelCaches(model);
  const L2 = own.L2 === undefined ? base.L2 : (own.L2 ?? undefined);
  const caches = { L1D: own.L1D ?? base.L1D, L1I: own.L1I ?? base.L1I, L2, LLC: own.LLC ?? base.LLC };
  const { inclusive, tlb, predictor, costs } = model.observed;
  const slots = Object.fromEntries(Object.entries(costs).map(([k, v]) => [k, v * model.costs.slotsPerCycle])) as unknown as MissCosts;
  return { caches, inclusive, tlb, predictor, costs: detailed ? slots : FREE };
}

/** Why a cache cannot be so, or undefined. */
export function cacheComplaint(name: CacheName, { bytes, ways }: CacheGeometry): string | undefined {
  const sets = bytes / LINE_BYTES / ways;
  if (!Number.isInteger(sets) || sets < 1) return `${bytes} bytes are no whole number of sets of ${ways} lines of ${LINE_BYTES} bytes`;
  const first = name === 'L1D' || name === 'L1I';
  if (first && (sets & (sets - 1)) !== 0) return `${sets} sets: a first-level cache has a power of two`;
  const most = first ? ROOM.l1 : name === 'L2' ? ROOM.l2 : ROOM.llc;
  if (bytes / LINE_BYTES > most) return `more than ${(most * LINE_BYTES) / 1024} KiB`;
  return undefined;
}
