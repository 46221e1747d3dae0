/** Nehalem, 2008: PerfMon v3, 4 + 3 counters of 48 bits. Sources: docs/machine/cpuid.md, docs/machine/events.md; costs and latency are chosen (docs/model.md). */
import { featureWords } from '../cpuid-features.ts';
import { NEHALEM_EVENTS } from '../pmu/event-lists.ts';
import { OFFCORE_NEHALEM } from '../pmu/offcore.ts';
import { NEHALEM as FEATURES } from './feature-sets.ts';
import type { CpuModel } from './model.ts';
import { OBSERVED_NEHALEM } from './observed.ts';

export const NEHALEM: CpuModel = {
  name: 'nehalem',
  description: 'Nehalem, 2008: PerfMon v3, 4 + 3 counters of 48 bits',
  family: 6,
  model: 0x1a,
  stepping: 5,
  brand: 'Intel(R) Core(TM) i7 CPU         920  @ 2.67GHz',
  tscHz: 2_666_666_660,
  busHz: 133_333_333,
  crystalHz: undefined,
  maxLeaf: 0x0b,
  cpuid: { descriptors: [0x5503_5a01, 0x00f0_b2e4, 0, 0x09ca_212c] },
  physicalAddressBits: 36,
  caches: [
    { level: 1, type: 'data', sizeKib: 32, ways: 8 },
    { level: 1, type: 'instruction', sizeKib: 32, ways: 4 },
    { level: 2, type: 'unified', sizeKib: 256, ways: 8 },
    { level: 3, type: 'unified', sizeKib: 8192, ways: 16 },
  ],
  observed: OBSERVED_NEHALEM,
  pmu: {
    version: 3,
    gpCounters: 4,
    gpWidth: 48,
    fixedCounters: 3,
    fixedWidth: 48,
    fullWidthWrite: false,
    architecturalEvents: 7,
  },
  offcore: OFFCORE_NEHALEM,
  events: NEHALEM_EVENTS,
  lbr: { depth: 16, format: 3 },
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
    mul: 4,
    div: 80,
    repIteration: 2,
    vector: 2,
    vectorDivide: 40,
    x87: 6,
    locked: 80,
    ringTransition: 190,
    systemRegister: 420,
  },
};
