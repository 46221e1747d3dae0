/** Ice Lake server, 2021: PerfMon v5, 8 + 4 with TOPDOWN.SLOTS. Sources: docs/machine/cpuid.md, docs/machine/events.md; costs and latency are chosen (docs/model.md). */
import { featureWords } from '../cpuid-features.ts';
import { ICELAKE_EVENTS } from '../pmu/event-lists.ts';
import { OFFCORE_ICELAKE } from '../pmu/offcore.ts';
import { ICELAKE as FEATURES } from './feature-sets.ts';
import type { CpuModel } from './model.ts';
import { OBSERVED_ICELAKE } from './observed.ts';

export const ICELAKE: CpuModel = {
  name: 'icelake',
  description: 'Ice Lake server, 2021: PerfMon v5, 8 + 4 with TOPDOWN.SLOTS',
  family: 6,
  model: 0x6a,
  stepping: 6,
  brand: 'Intel(R) Xeon(R) Gold 6326 CPU @ 2.90GHz',
  tscHz: 2_900_000_000,
  busHz: 25_000_000,
  crystalHz: 25_000_000,
  maxLeaf: 0x1b,
  cpuid: { descriptors: [0x00fe_ff01, 0x0000_00f0, 0, 0], secondLevel: 0x0100_6040 },
  physicalAddressBits: 46,
  caches: [
    { level: 1, type: 'data', sizeKib: 48, ways: 12 },
    { level: 1, type: 'instruction', sizeKib: 32, ways: 8 },
    { level: 2, type: 'unified', sizeKib: 1280, ways: 20 },
    { level: 3, type: 'unified', sizeKib: 24576, ways: 12 },
  ],
  observed: OBSERVED_ICELAKE,
  pmu: {
    version: 5,
    gpCounters: 8,
    gpWidth: 48,
    fixedCounters: 4,
    fixedWidth: 48,
    fullWidthWrite: true,
    architecturalEvents: 8,
  },
  offcore: OFFCORE_ICELAKE,
  events: ICELAKE_EVENTS,
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
  pmiLatency: { unit: 'instructions', min: 55, max: 55 },
  costs: {
    slotsPerCycle: 5,
    simple: 2,
    load: 3,
    store: 3,
    branch: 3,
    mul: 5,
    div: 75,
    repIteration: 2,
    vector: 2,
    vectorDivide: 30,
    x87: 7,
    locked: 90,
    ringTransition: 200,
    systemRegister: 500,
  },
};
