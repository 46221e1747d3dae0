/** Skylake, 2015: PerfMon v4 with streamlined freezing, 4 + 3. Sources: docs/machine/cpuid.md, docs/machine/events.md; costs and latency are chosen (docs/model.md). */
import { featureWords } from '../cpuid-features.ts';
import { SKYLAKE_EVENTS } from '../pmu/event-lists.ts';
import { OFFCORE_SKYLAKE } from '../pmu/offcore.ts';
import { SKYLAKE as FEATURES } from './feature-sets.ts';
import type { CpuModel } from './model.ts';
import { OBSERVED_SKYLAKE } from './observed.ts';

export const SKYLAKE: CpuModel = {
  name: 'skylake',
  description: 'Skylake, 2015: PerfMon v4 with streamlined freezing, 4 + 3',
  family: 6,
  model: 0x4e,
  stepping: 3,
  brand: 'Intel(R) Core(TM) i5-6300U CPU @ 2.40GHz',
  tscHz: 2_400_000_000,
  busHz: 24_000_000,
  crystalHz: 24_000_000,
  maxLeaf: 0x16,
  cpuid: { descriptors: [0x7603_6301, 0x00f0_b5ff, 0, 0x00c3_0000], secondLevel: 0x0100_6040 },
  physicalAddressBits: 39,
  caches: [
    { level: 1, type: 'data', sizeKib: 32, ways: 8 },
    { level: 1, type: 'instruction', sizeKib: 32, ways: 8 },
    { level: 2, type: 'unified', sizeKib: 256, ways: 4 },
    { level: 3, type: 'unified', sizeKib: 3072, ways: 12 },
  ],
  observed: OBSERVED_SKYLAKE,
  pmu: {
    version: 4,
    gpCounters: 4,
    gpWidth: 48,
    fixedCounters: 3,
    fixedWidth: 48,
    fullWidthWrite: true,
    architecturalEvents: 7,
  },
  offcore: OFFCORE_SKYLAKE,
  events: SKYLAKE_EVENTS,
  lbr: { depth: 32, format: 5 },
  pt: {
    multipleEntryTopa: true,
    mtc: true,
    psbCyc: true,
    addressRanges: 2,
    ptwrite: false,
    branchEnForced: false,
    periods: 0x003f_3fff,
  },
  vmxPtInVmx: true,
  features: featureWords(FEATURES),
  pmiLatency: { unit: 'instructions', min: 50, max: 50 },
  costs: {
    slotsPerCycle: 4,
    simple: 2,
    load: 3,
    store: 3,
    branch: 3,
    mul: 4,
    div: 64,
    repIteration: 2,
    vector: 2,
    vectorDivide: 28,
    x87: 6,
    locked: 72,
    ringTransition: 160,
    systemRegister: 400,
  },
};
