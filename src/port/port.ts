/** The kernel's whole view of hardware. Implemented by the machine, and later by KVM for its guests. */
import type { CpuModel } from '#arch/cpu-models/model.ts';
import type { Clock } from './clock.ts';
import type { Cpu } from './cpu.ts';
import type { PhysicalMemory } from './memory.ts';
import type { Truth } from './truth.ts';

export interface Port {
  readonly model: CpuModel;
  readonly cpus: readonly Cpu[];
  readonly memory: PhysicalMemory;
  readonly clock: Clock;
  readonly truth: Truth;
}
