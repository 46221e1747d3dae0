/**
 * What CPUID tells of caches and TLBs: leaves 2, 4, 18H and 80000006H. SDM Vol. 2A, CPUID. Leaf 2 and 80000006H are the words of a real processor
 * (github.com/InstLatx64/InstLatx64 at 087af2c, the dump named in docs/machine/cpuid.md); 4 and 18H are made from what the models are.
 */
import type { CacheDescription, CpuModel } from './cpu-models/model.ts';
import type { Ways } from './cpu-models/observed.ts';
import { type CpuidResult, out, ZERO } from './cpuid-result.ts';

export function cacheLeaf(model: CpuModel, subleaf: number, cpus: number): CpuidResult {
  const cache = model.caches[subleaf];
  if (cache === undefined) return ZERO;
  const type = { data: 1, instruction: 2, unified: 3 }[cache.type];
  const sharing = cache.level === 3 ? cpus - 1 : 0;
  const sets = (cache.sizeKib * 1024) / (cache.ways * 64);
  // EDX[2], complex indexing, stays 0: a set is the line's number modulo the sets here.
  const inclusive = cache.level === 3 && model.observed.inclusive ? 2 : 0;
  const eax = type | (cache.level << 5) | (1 << 8) | (sharing << 14) | ((cpus - 1) << 26);
  return out(eax, 63 | ((cache.ways - 1) << 22), sets - 1, inclusive);
}

/** Leaf 18H, types of translation caches. */
const TLB = { DATA: 1, CODE: 2, UNIFIED: 3 } as const;
const SIZE_4K = 1;

/** As the models have them: one first-level TLB each for data and code, one second-level one, of 4 KiB pages. Leaf 2 has descriptor FEH then. */
export function tlbLeaf(model: CpuModel, subleaf: number): CpuidResult {
  const { data, code, second } = model.observed.tlb;
  const rows: readonly (readonly [t: Ways, type: number, level: number])[] = [
    [code, TLB.CODE, 1],
    [data, TLB.DATA, 1],
    ...(second === undefined ? [] : [[second, TLB.UNIFIED, 2] as const]),
  ];
  if (subleaf === 0) return out(rows.length, 0, 0, 0);
  const row = rows[subleaf - 1];
  if (row === undefined) return ZERO;
  const [t, type, level] = row;
  return out(0, SIZE_4K | (t.ways << 16), t.entries / t.ways, type | (level << 5) | (t.ways === t.entries ? 1 << 8 : 0));
}

/** 80000006H:ECX. */
export function secondLevelWord(model: CpuModel): number {
  if (model.cpuid.secondLevel !== undefined) return model.cpuid.secondLevel;
  const l2: CacheDescription | undefined = model.caches.find((c) => c.level === 2);
  return l2 === undefined ? 0 : (l2.sizeKib << 16) | (associativity(l2.ways) << 12) | 64;
}

/** ECX[15:12] of it. */
const associativity = (ways: number): number => (ways >= 16 ? 8 : ways >= 8 ? 6 : ways >= 4 ? 4 : 2);
