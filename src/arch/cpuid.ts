/**
 * CPUID by model. SDM Vol. 2A, CPUID. Feature words are the model's intersected with what the engine executes; leaves that describe
 * something the machine does not have (MONITOR, PT without its block …) read as zero.
 */
import { commonFeatures, type Feature, type FeatureWords, featureWords, hasFeature } from './cpuid-features.ts';
import type { CpuModel } from './cpu-models/model.ts';
import { cacheLeaf, secondLevelWord, tlbLeaf } from './cpuid-caches.ts';
import { type CpuidResult, out, ZERO } from './cpuid-result.ts';
import { lbrDepths } from './lbr.ts';
import { xcr0Mask, xsaveBytes, YMM_AREA } from './xstate.ts';

/** What CPUID needs to know beside the model. */
export interface CpuidContext {
  /** What the engine executes (cpuid-features.ts ENGINE_FEATURES, or more). */
  readonly engine: Iterable<Feature>;
  readonly apicId: number;
  /** Logical processors of the machine, one thread per core. */
  readonly cpus: number;
  /** CR4.OSXSAVE and XCR0 as they are now; undefined: OSXSAVE is clear. */
  readonly xcr0?: number | undefined;
}

const MAX_EXTENDED = 0x8000_0008;

/** model ∩ engine, word by word. */
export const visibleFeatures = (model: CpuModel, engine: Iterable<Feature>): FeatureWords =>
  commonFeatures(model.features, featureWords(engine));

/** EAX, EBX, ECX, EDX of one leaf. A leaf above the highest basic one reads as that one, as on Intel processors. */
export function cpuid(model: CpuModel, context: CpuidContext, leaf: number, subleaf: number): CpuidResult {
  const words = visibleFeatures(model, context.engine);
  const n = leaf >>> 0;
  if (n >= 0x8000_0000 && n <= MAX_EXTENDED) return extended(model, words, n);
  return basic(model, context, words, Math.min(n, model.maxLeaf), subleaf >>> 0);
}

function basic(model: CpuModel, context: CpuidContext, words: FeatureWords, leaf: number, subleaf: number): CpuidResult {
  switch (leaf) {
    case 0:
      return out(model.maxLeaf, ascii('Genu'), ascii('ntel'), ascii('ineI'));
    case 1:
      return out(signature(model), (context.apicId << 24) | (context.cpus << 16) | (8 << 8), leaf1Ecx(context, words), words.leaf1Edx);
    case 2:
      return out(...model.cpuid.descriptors);
    case 4:
      return cacheLeaf(model, subleaf, context.cpus);
    case 6:
      return out(1 << 2, 0, 0, 0); // ARAT: the APIC timer never stops
    case 7:
      if (subleaf === 0) return out(words.leaf71Eax === 0 ? 0 : 1, words.leaf7Ebx, words.leaf7Ecx, words.leaf7Edx);
      return subleaf === 1 ? out(words.leaf71Eax, 0, 0, 0) : ZERO;
    case 0x0a:
      return perfmonLeaf(model);
    case 0x0b:
    case 0x1f: // the same two levels: there are no modules, tiles or dies
      return topologyLeaf(context, subleaf);
    case 0x0d:
      return hasFeature(words, 'XSAVE') ? xsaveLeaf(context, words, subleaf) : ZERO;
    case 0x14:
      return hasFeature(words, 'PT') ? ptLeaf(model, subleaf) : ZERO;
    case 0x15:
      return clockLeaf(model);
    case 0x16: {
      const mhz = Math.round(model.tscHz / 1e6);
      return out(mhz, mhz, 100, 0); // no turbo; the reference clock is 100 MHz wherever there is this leaf
    }
    case 0x18:
      return tlbLeaf(model, subleaf);
    case 0x1c:
      return hasFeature(words, 'ARCH_LBR') && model.lbr?.format === 'arch' ? archLbrLeaf(model.lbr.depth) : ZERO;
    default:
      return ZERO; // 3 serial number, 5 MONITOR, 9 DCA, 0FH.. QoS, 12H SGX: none modelled
  }
}

const OSXSAVE = 1 << 27;
const leaf1Ecx = (context: CpuidContext, words: FeatureWords): number =>
  (words.leaf1Ecx & ~OSXSAVE) | (context.xcr0 === undefined ? 0 : OSXSAVE);

/** SDM Vol. 1 §13.2. No state is managed by IA32_XSS. */
function xsaveLeaf(context: CpuidContext, words: FeatureWords, subleaf: number): CpuidResult {
  const supported = xcr0Mask(words);
  const now = context.xcr0 ?? 1;
  if (subleaf === 0) return out(supported, xsaveBytes(now), xsaveBytes(supported), 0);
  if (subleaf === 1) return out(words.leafD1Eax, hasFeature(words, 'XSAVES') ? xsaveBytes(now) : 0, 0, 0);
  return subleaf === 2 && (supported & 4) !== 0 ? out(YMM_AREA.bytes, YMM_AREA.at, 0, 0) : ZERO;
}

/**
 * SDM Vol. 2A, leaf 1CH. EBX: filters by CPL and by branch, call-stack mode. ECX: cycles and branch types, but no mispredictions: there is no
 * predictor, and this is how software is told. EAX[31] = 0: the addresses are effective ones (the same, but for a CS base, which is 0); EAX[30], reset
 * in a deep C-state, as real ones tell.
 */
const archLbrLeaf = (depth: number): CpuidResult => out(lbrDepths(depth) | (1 << 30), 7, 6, 0);

/** CPUID.1:EAX. */
export function signature(model: CpuModel): number {
  return ((model.model >> 4) << 16) | (model.family << 8) | ((model.model & 15) << 4) | model.stepping;
}

/** Leaf 15H: TSC = crystal × EBX / EAX. Where ECX is 0 software knows the crystal by the model (Linux: native_calibrate_tsc). */
function clockLeaf(model: CpuModel): CpuidResult {
  if (model.crystalHz === undefined) return ZERO;
  const denominator = model.cpuid.tscDenominator ?? 2;
  return out(denominator, (denominator * model.tscHz) / model.crystalHz, model.cpuid.tellsCrystal === true ? model.crystalHz : 0, 0);
}

/** SDM Vol. 2A, leaf 0AH; Vol. 3B, Performance Monitoring, enumeration. */
function perfmonLeaf(model: CpuModel): CpuidResult {
  const p = model.pmu;
  const eax = p.version | (p.gpCounters << 8) | (p.gpWidth << 16) | (p.architecturalEvents << 24);
  const ecx = p.version >= 5 ? (1 << p.fixedCounters) - 1 : 0;
  const edx = p.version >= 2 ? p.fixedCounters | (p.fixedWidth << 5) | (p.version >= 5 ? 1 << 15 : 0) : 0;
  return out(eax, unavailableEvents(model), ecx, edx);
}

/** EBX: 1 = the model has no such architectural event. */
function unavailableEvents(model: CpuModel): number {
  let ebx = 0;
  for (let n = 0; n < model.pmu.architecturalEvents; n++) if (!model.events.some((e) => e.architectural === n)) ebx |= 1 << n;
  return ebx;
}

/** Leaf 0BH: one thread per core, all cores in one package. */
function topologyLeaf(context: CpuidContext, subleaf: number): CpuidResult {
  if (subleaf === 0) return out(0, 1, (1 << 8) | 0, context.apicId);
  if (subleaf === 1) return out(32 - Math.clz32(Math.max(context.cpus - 1, 0)), context.cpus, (2 << 8) | 1, context.apicId);
  return out(0, 0, subleaf & 255, context.apicId);
}

/** SDM Vol. 2A, leaf 14H. Subleaf 1's words are real processors'. */
function ptLeaf(model: CpuModel, subleaf: number): CpuidResult {
  const pt = model.pt;
  if (pt === undefined) return ZERO;
  const filters = pt.addressRanges > 0;
  if (subleaf === 0) {
    const ebx =
      1 | (pt.psbCyc ? 2 : 0) | (filters ? 4 : 0) | (pt.mtc ? 8 : 0) | (pt.ptwrite ? 16 : 0) | (pt.preservesPmi === true ? 64 : 0);
    const ecx = 1 | (pt.multipleEntryTopa ? 2 : 0) | (pt.multipleEntryTopa ? 4 : 0) | (pt.linearAddresses === true ? 1 << 31 : 0);
    return out(filters || pt.mtc ? 1 : 0, ebx, ecx, 0);
  }
  if (subleaf === 1 && (filters || pt.mtc)) return out(pt.addressRanges | (0x0249 << 16), pt.periods ?? 0, 0, 0);
  return ZERO;
}

function extended(model: CpuModel, words: FeatureWords, leaf: number): CpuidResult {
  switch (leaf) {
    case 0x8000_0000:
      return out(MAX_EXTENDED, 0, 0, 0);
    case 0x8000_0001:
      return out(0, 0, words.ext1Ecx, words.ext1Edx);
    case 0x8000_0002:
    case 0x8000_0003:
    case 0x8000_0004: {
      const at = (leaf - 0x8000_0002) * 16;
      const text = model.brand.padEnd(48, '\0').slice(at, at + 16);
      return out(ascii(text.slice(0, 4)), ascii(text.slice(4, 8)), ascii(text.slice(8, 12)), ascii(text.slice(12, 16)));
    }
    case 0x8000_0006: {
      return out(0, 0, secondLevelWord(model), 0);
    }
    case 0x8000_0007:
      return out(0, 0, 0, 1 << 8); // invariant TSC
    case 0x8000_0008:
      return out((48 << 8) | model.physicalAddressBits, 0, 0, 0);
    default:
      return ZERO;
  }
}

/** Four characters as a little-endian word. */
function ascii(text: string): number {
  let word = 0;
  for (let i = 0; i < 4; i++) word |= text.charCodeAt(i) << (8 * i);
  return word;
}
