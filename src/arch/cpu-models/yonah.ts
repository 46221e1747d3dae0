/** Core Duo, 2006: PerfMon v1, no fixed counters, no global control. Sources: docs/machine/cpuid.md, docs/machine/events.md; costs and latency are chosen (docs/model.md). */
import { featureWords } from '../cpuid-features.ts';
import { YONAH_EVENTS } from '../pmu/event-lists.ts';
import { YONAH as FEATURES } from './feature-sets.ts';
import type { CpuModel } from './model.ts';
import { OBSERVED_YONAH } from './observed.ts';

export const YONAH: CpuModel = {
  name: 'yonah',
  description: 'Core Duo, 2006: PerfMon v1, no fixed counters, no global control',
  family: 6,
  model: 0x0e,
  stepping: 12,
  brand: 'Genuine Intel(R) CPU           T2500  @ 2.00GHz',
  tscHz: 1_999_999_992,
  busHz: 166_666_666,
  crystalHz: undefined,
  maxLeaf: 0x0a,
  cpuid: { descriptors: [0x02b3_b001, 0x0000_00f0, 0, 0x2c04_307d] },
  physicalAddressBits: 32,
  caches: [
    { level: 1, type: 'data', sizeKib: 32, ways: 8 },
    { level: 1, type: 'instruction', sizeKib: 32, ways: 8 },
    { level: 2, type: 'unified', sizeKib: 2048, ways: 8 },
  ],
  observed: OBSERVED_YONAH,
  pmu: {
    version: 1,
    gpCounters: 2,
    gpWidth: 40,
    fixedCounters: 0,
    fixedWidth: 0,
    fullWidthWrite: false,
    architecturalEvents: 7,
  },
  offcore: undefined,
  events: YONAH_EVENTS,
  lbr: { depth: 8, format: 0 },
  pt: undefined,
  vmxPtInVmx: undefined,
  features: featureWords(FEATURES),
  pmiLatency: { unit: 'instructions', min: 40, max: 40 },
  costs: {
    slotsPerCycle: 3,
    simple: 2,
    load: 3,
    store: 3,
    branch: 3,
    mul: 6,
    div: 90,
    repIteration: 3,
    vector: 3,
    vectorDivide: 45,
    x87: 6,
    locked: 75,
    ringTransition: 180,
    systemRegister: 390,
  },
};
