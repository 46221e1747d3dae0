/**
 * Which CPUID features an instruction needs, and what a processor without them does instead: #UD, or, where the encoding meant something before,
 * that. SDM Vol. 2, the exception lists; what an absent prefix-selected instruction decodes as: its page in Vol. 2.
 */
import { CpuidFeature, type Instruction } from 'iced-x86';
import { type Feature, type FeatureWords, featureNamed, hasFeature } from '#arch/cpuid-features.ts';

/** iced-x86's names where they are not ours. */
const ALIAS: Readonly<Record<string, string>> = { SSE4_1: 'SSE41', SSE4_2: 'SSE42', CMPXCHG16B: 'CX16' };

/** iced-x86's number → our name; undefined: always there (the 8086 …), or not in our words: then the forms alone decide. */
const FEATURES: readonly (Feature | undefined)[] = (() => {
  const out: (Feature | undefined)[] = [];
  for (const [k, v] of Object.entries(CpuidFeature)) if (typeof v === 'number') out[v] = featureNamed(ALIAS[k] ?? k);
  return out;
})();

/** The first feature that the instruction needs and the processor lacks. */
export function lacking(i: Instruction, words: FeatureWords): Feature | undefined {
  for (const n of i.cpuidFeatures()) {
    const feature = FEATURES[n];
    if (feature !== undefined && !hasFeature(words, feature)) return feature;
  }
  return undefined;
}

/** A mnemonic without its feature → what the same bytes mean then; all others raise #UD. */
const WITHOUT: Readonly<Record<string, string>> = {
  // F3 is ignored before BSF and BSR.
  tzcnt: 'bsf',
  lzcnt: 'bsr',
  // 0F 0D and 0F 1C are hints: NOPs where they say nothing.
  prefetchw: 'prefetchw',
  prefetchwt1: 'prefetchwt1',
  cldemote: 'cldemote',
};

/** The form key that stands for `key` on a processor without the feature. */
export function withoutFeature(key: string): string | undefined {
  const colon = key.indexOf(':');
  const other = WITHOUT[colon < 0 ? key : key.slice(0, colon)];
  return other === undefined ? undefined : other + (colon < 0 ? '' : key.slice(colon));
}
