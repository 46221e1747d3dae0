/** CPUID as this machine answers it: the model's leaves ∩ what the engine executes, for one processor of the machine. */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { type CpuidContext, cpuid } from '#arch/cpuid.ts';
import type { CpuidResult } from '#arch/cpuid-result.ts';

/**
 * A function of (EAX, ECX) that remembers its answers; programs ask the same leaves again and again. `xcr0`: see CpuidContext; answers depend
 * on it.
 */
export function makeCpuid(
  model: CpuModel,
  context: CpuidContext,
  xcr0: () => number | undefined,
): (leaf: number, subleaf: number) => CpuidResult {
  const known = new Map<string, CpuidResult>();
  return (leaf, subleaf) => {
    const now = xcr0();
    const key = `${leaf >>> 0}.${subleaf >>> 0}.${now}`;
    const old = known.get(key);
    if (old !== undefined) return old;
    const fresh = cpuid(model, { ...context, xcr0: now }, leaf, subleaf);
    if (known.size < 256) known.set(key, fresh);
    return fresh;
  };
}
