/** Core 2, 2008: PerfMon v2, 2 + 3 counters of 40 bits. Sources: docs/machine/cpuid.md, docs/machine/events.md; costs and latency are chosen (docs/model.md). */
import { featureWords } from '../cpuid-features.ts';
import { CORE2_EVENTS } from '../pmu/event-lists.ts';
import { CORE2 as FEATURES } from './feature-sets.ts';
import type { CpuModel } from './model.ts';
import { OBSERVED_CORE2 } from './observed.ts';

export const CORE2: CpuModel = {
  name: 'core2',
  description: 'Core 2, 2008: PerfMon v2, 2 + 3 counters of 40 bits',
  family: 6,
  model: 0x17,
  stepping: 10,
  brand: 'Intel(R) Core(TM)2 Duo CPU     E8400  @ 3.00GHz',
  tscHz: 2_999_999_997,
  busHz: 333_333_333,
  crystalHz: undefined,
  maxLeaf: 0x0d,
  cpuid: { descriptors: [0x05b0_b101, 0x0056_57f0, 0, 0x2cb4_304e] },
  physicalAddressBits: 36,
  caches: [
    { level: 1, type: 'data', sizeKib: 32, ways: 8 },
    { level: 1, type: 'instruction', sizeKib: 32, ways: 8 },
    { level: 2, type: 'unified', sizeKib: 6144, ways: 24 },
  ],
  observed: OBSERVED_CORE2,
  pmu: {
    version: 2,
    gpCounters: 2,
    gpWidth: 40,
    fixedCounters: 3,
    fixedWidth: 40,
    fullWidthWrite: false,
    architecturalEvents: 7,
  },
  offcore: undefined,
  events: CORE2_EVENTS,
  lbr: { depth: 4, format: 1 },
  pt: undefined,
  vmxPtInVmx: false,
  features: featureWords(FEATURES),
  pmiLatency: { unit: 'instructions', min: 45, max: 45 },
  costs: {
    slotsPerCycle: 4,
    simple: 2,
    load: 3,
    store: 3,
    branch: 3,
    mul: 6,
    div: 80,
    repIteration: 2,
    vector: 2,
    vectorDivide: 48,
    x87: 6,
    locked: 80,
    ringTransition: 200,
    systemRegister: 440,
  },
};
