/** Sapphire Rapids, 2023: PerfMon v5, 8 + 4, architectural LBR. Sources: docs/machine/cpuid.md, docs/machine/events.md; costs and latency are chosen (docs/model.md). */
import { featureWords } from '../cpuid-features.ts';
import { SAPPHIRERAPIDS_EVENTS } from '../pmu/event-lists.ts';
import { OFFCORE_SAPPHIRERAPIDS } from '../pmu/offcore.ts';
import { SAPPHIRERAPIDS as FEATURES } from './feature-sets.ts';
import type { CpuModel } from './model.ts';
import { OBSERVED_SAPPHIRERAPIDS } from './observed.ts';

export const SAPPHIRERAPIDS: CpuModel = {
  name: 'sapphirerapids',
  description: 'Sapphire Rapids, 2023: PerfMon v5, 8 + 4, architectural LBR',
  family: 6,
  model: 0x8f,
  stepping: 8,
  brand: 'Intel(R) Xeon(R) Gold 6426Y',
  tscHz: 2_500_000_000,
  busHz: 25_000_000,
  crystalHz: 25_000_000,
  maxLeaf: 0x20,
  cpuid: { descriptors: [0x00fe_ff01, 0x0000_00f0, 0, 0], tellsCrystal: true, secondLevel: 0x0800_7040 },
  physicalAddressBits: 46,
  caches: [
    { level: 1, type: 'data', sizeKib: 48, ways: 12 },
    { level: 1, type: 'instruction', sizeKib: 32, ways: 8 },
    { level: 2, type: 'unified', sizeKib: 2048, ways: 16 },
    { level: 3, type: 'unified', sizeKib: 38400, ways: 15 },
  ],
  observed: OBSERVED_SAPPHIRERAPIDS,
  pmu: {
    version: 5,
    gpCounters: 8,
    gpWidth: 48,
    fixedCounters: 4,
    fixedWidth: 48,
    fullWidthWrite: true,
    architecturalEvents: 8,
  },
  offcore: OFFCORE_SAPPHIRERAPIDS,
  events: SAPPHIRERAPIDS_EVENTS,
  lbr: { depth: 32, format: 'arch' },
  pt: {
    multipleEntryTopa: true,
    mtc: true,
    psbCyc: true,
    addressRanges: 2,
    ptwrite: true,
    branchEnForced: false,
    preservesPmi: true,
    periods: 0x003f_003f,
  },
  vmxPtInVmx: true,
  features: featureWords(FEATURES),
  pmiLatency: { unit: 'instructions', min: 60, max: 60 },
  costs: {
    slotsPerCycle: 6,
    simple: 2,
    load: 3,
    store: 3,
    branch: 3,
    mul: 5,
    div: 72,
    repIteration: 2,
    vector: 2,
    vectorDivide: 30,
    x87: 8,
    locked: 96,
    ringTransition: 220,
    systemRegister: 560,
  },
};
