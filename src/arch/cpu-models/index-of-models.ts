/** The CPU models by name, oldest first, and the default. */
import { BROADWELL } from './broadwell.ts';
import { CORE2 } from './core2.ts';
import { GOLDMONT } from './goldmont.ts';
import { ICELAKE } from './icelake.ts';
import type { CpuModel } from './model.ts';
import { NEHALEM } from './nehalem.ts';
import { SAPPHIRERAPIDS } from './sapphirerapids.ts';
import { SKYLAKE } from './skylake.ts';
import { YONAH } from './yonah.ts';

export const CPU_MODELS: readonly CpuModel[] = [YONAH, CORE2, NEHALEM, BROADWELL, SKYLAKE, GOLDMONT, ICELAKE, SAPPHIRERAPIDS];
export const DEFAULT_CPU_MODEL = SKYLAKE;

export type ModelLookup =
  | { readonly kind: 'found'; readonly model: CpuModel }
  /** `nearest` is the name that the user probably meant. */
  | { readonly kind: 'unknown'; readonly nearest: string };

/** By exact name, letter case aside. */
export function findCpuModel(name: string): ModelLookup {
  const wanted = name.toLowerCase();
  const model = CPU_MODELS.find((m) => m.name === wanted);
  if (model !== undefined) return { kind: 'found', model };
  let nearest = DEFAULT_CPU_MODEL.name;
  let best = Number.POSITIVE_INFINITY;
  for (const m of CPU_MODELS) {
    const d = m.name.startsWith(wanted) && wanted !== '' ? 0 : editDistance(wanted, m.name);
    if (d < best) [best, nearest] = [d, m.name];
  }
  return { kind: 'unknown', nearest };
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
