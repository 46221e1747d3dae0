/** A model with features switched on or off: `skylake,-avx2,+sha`. What needs a feature goes with it; what it needs comes with it. */
import { nearest } from '#base/nearest.ts';
import { type Feature, features, featureWords, unitedFeatures, withoutFeatures } from '../cpuid-features.ts';
import type { CpuModel } from './model.ts';

/** A feature and what it is built on. SDM Vol. 1 §14.3, §14.7, §12.13, §13.2. */
const NEEDS: Partial<Record<Feature, readonly Feature[]>> = {
  SSSE3: ['SSE3'],
  SSE41: ['SSSE3'],
  SSE42: ['SSE41'],
  SHA: ['SSE41'],
  AVX: ['SSE42', 'XSAVE'],
  AVX2: ['AVX'],
  FMA: ['AVX'],
  F16C: ['AVX'],
  AVX_VNNI: ['AVX2'],
  VAES: ['AVX', 'AES'],
  VPCLMULQDQ: ['AVX', 'PCLMULQDQ'],
  XSAVEOPT: ['XSAVE'],
  XSAVEC: ['XSAVE'],
  XGETBV1: ['XSAVE'],
  XSAVES: ['XSAVEC', 'XGETBV1'],
};
/** Instruction sets that the engine executes and that a program can do without. */
export const SWITCHABLE: readonly Feature[] = features(
  'SSE3 SSSE3 SSE41 SSE42 POPCNT LZCNT MOVBE AES PCLMULQDQ SHA GFNI ADX BMI1 BMI2 RDRAND RDSEED RDPID FSGSBASE ERMS FSRM CLFLUSHOPT CLWB CLDEMOTE ' +
    'MOVDIRI MOVDIR64B PREFETCHW SERIALIZE WAITPKG XSAVE XSAVEOPT XSAVEC XGETBV1 XSAVES AVX AVX2 FMA F16C AVX_VNNI VAES VPCLMULQDQ',
);
/** As /proc/cpuinfo and compilers write them. */
const ALIAS: Readonly<Record<string, string>> = {
  SSE4_1: 'SSE41',
  'SSE4.1': 'SSE41',
  SSE4_2: 'SSE42',
  'SSE4.2': 'SSE42',
  PNI: 'SSE3',
  ABM: 'LZCNT',
};

const lower = (names: readonly string[]): string => names.join(', ').toLowerCase();
function withNeeds(f: Feature): Feature[] {
  return [f, ...(NEEDS[f] ?? []).flatMap(withNeeds)];
}
const dependents = (f: Feature): Feature[] =>
  (Object.keys(NEEDS) as Feature[]).filter((other) => other !== f && withNeeds(other).includes(f));

/** The model with the switches (`+avx`, `-avx2`) applied in order, or what is wrong with one. */
export function switchFeatures(model: CpuModel, switches: readonly string[]): CpuModel | string {
  let words = model.features;
  for (const text of switches) {
    const sign = text[0];
    const wanted = text.slice(1).toUpperCase();
    if (sign !== '+' && sign !== '-') return `'${text}': a feature is switched with + or -, as in ${model.name},-avx2`;
    const feature = SWITCHABLE.find((f) => f === (ALIAS[wanted] ?? wanted));
    if (feature === undefined) {
      const near = nearest(wanted, SWITCHABLE);
      const offer = near.length > 0 ? `nearest: ${lower(near)}` : `there are: ${lower(SWITCHABLE)}`;
      return `no instruction set '${text.slice(1)}' that can be switched; ${offer}`;
    }
    if (sign === '+') words = unitedFeatures(words, featureWords(withNeeds(feature)));
    else words = withoutFeatures(words, featureWords([feature, ...dependents(feature)]));
  }
  return switches.length === 0 ? model : { ...model, name: [model.name, ...switches].join(','), features: words };
}
