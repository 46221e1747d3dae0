/** Broadwell, 2014: PerfMon v3, 4 + 3; first Intel PT, lost while VMX is on. Sources: docs/machine/cpuid.md, docs/machine/events.md; costs and latency are chosen (docs/model.md). */
import { featureWords } from '../cpuid-features.ts';
import { BROADWELL_EVENTS } from '../pmu/event-lists.ts';
import { OFFCORE_BROADWELL } from '../pmu/offcore.ts';
import { BROADWELL as FEATURES } from './feature-sets.ts';
import type { CpuModel } from './model.ts';
import { OBSERVED_BROADWELL } from './observed.ts';

export const BROADWELL: CpuModel = {
  name: 'broadwell',
  description: 'Broadwell, 2014: PerfMon v3, 4 + 3; first Intel PT, lost while VMX is on',
  family: 6,
  model: 0x3d,
  stepping: 4,
  brand: 'Intel(R) Core(TM) i7-5600U CPU @ 2.60GHz',
  tscHz: 2_600_000_000,
  busHz: 100_000_000,
  crystalHz: undefined,
  maxLeaf: 0x14,
  cpuid: { descriptors: [0x7603_6301, 0x00f0_b5ff, 0, 0x00c3_0000] },
  physicalAddressBits: 39,
  caches: [
    { level: 1, type: 'data', sizeKib: 32, ways: 8 },
    { level: 1, type: 'instruction', sizeKib: 32, ways: 8 },
    { level: 2, type: 'unified', sizeKib: 256, ways: 8 },
    { level: 3, type: 'unified', sizeKib: 4096, ways: 16 },
  ],
  observed: OBSERVED_BROADWELL,
  pmu: {
    version: 3,
    gpCounters: 4,
    gpWidth: 48,
    fixedCounters: 3,
    fixedWidth: 48,
    fullWidthWrite: true,
    architecturalEvents: 7,
  },
  offcore: OFFCORE_BROADWELL,
  events: BROADWELL_EVENTS,
  lbr: { depth: 16, format: 4 },
  pt: {
    multipleEntryTopa: false,
    mtc: false,
    psbCyc: false,
    addressRanges: 0,
    ptwrite: false,
    branchEnForced: true,
  },
  vmxPtInVmx: false,
  features: featureWords(FEATURES),
  pmiLatency: { unit: 'instructions', min: 50, max: 50 },
  costs: {
    slotsPerCycle: 4,
    simple: 2,
    load: 3,
    store: 3,
    branch: 3,
    mul: 4,
    div: 72,
    repIteration: 2,
    vector: 2,
    vectorDivide: 32,
    x87: 6,
    locked: 72,
    ringTransition: 160,
    systemRegister: 400,
  },
};
