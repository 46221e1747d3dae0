/** Goldmont (Atom), 2016: PerfMon v4, 4 + 3. Sources: docs/machine/cpuid.md, docs/machine/events.md; costs and latency are chosen (docs/model.md). */
import { featureWords } from '../cpuid-features.ts';
import { GOLDMONT_EVENTS } from '../pmu/event-lists.ts';
import { OFFCORE_GOLDMONT } from '../pmu/offcore.ts';
import { GOLDMONT as FEATURES } from './feature-sets.ts';
import type { CpuModel } from './model.ts';
import { OBSERVED_GOLDMONT } from './observed.ts';

export const GOLDMONT: CpuModel = {
  name: 'goldmont',
  description: 'Goldmont (Atom), 2016: PerfMon v4, 4 + 3',
  family: 6,
  model: 0x5c,
  stepping: 9,
  brand: 'Intel(R) Celeron(R) CPU N3350 @ 1.10GHz',
  tscHz: 1_094_400_000,
  busHz: 19_200_000,
  crystalHz: 19_200_000,
  maxLeaf: 0x15,
  cpuid: { descriptors: [0x6164_a001, 0x0000_ffc4, 0, 0], tscDenominator: 3, tellsCrystal: true },
  physicalAddressBits: 39,
  caches: [
    { level: 1, type: 'data', sizeKib: 24, ways: 6 },
    { level: 1, type: 'instruction', sizeKib: 32, ways: 8 },
    { level: 2, type: 'unified', sizeKib: 1024, ways: 16 },
  ],
  observed: OBSERVED_GOLDMONT,
  pmu: {
    version: 4,
    gpCounters: 4,
    gpWidth: 48,
    fixedCounters: 3,
    fixedWidth: 48,
    fullWidthWrite: true,
    architecturalEvents: 7,
  },
  offcore: OFFCORE_GOLDMONT,
  events: GOLDMONT_EVENTS,
  lbr: { depth: 32, format: 6 },
  pt: {
    multipleEntryTopa: true,
    mtc: true,
    psbCyc: true,
    addressRanges: 2,
    ptwrite: false,
    branchEnForced: false,
    linearAddresses: true,
    periods: 0x003f_ffff,
  },
  vmxPtInVmx: true,
  features: featureWords(FEATURES),
  pmiLatency: { unit: 'instructions', min: 40, max: 40 },
  costs: {
    slotsPerCycle: 3,
    simple: 2,
    load: 3,
    store: 3,
    branch: 3,
    mul: 6,
    div: 75,
    repIteration: 3,
    vector: 3,
    vectorDivide: 60,
    x87: 9,
    locked: 60,
    ringTransition: 180,
    systemRegister: 450,
  },
};
