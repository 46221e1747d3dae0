/** CPUID feature bits by name: word, bit. SDM Vol. 2A, CPUID, feature tables of leaves 1, 7, 0DH and 80000001H. Names as there, short. */

import { assert } from '#base/assert.ts';

/** The words that CpuModel.features holds. */
export type FeatureWord =
  | 'leaf1Ecx'
  | 'leaf1Edx'
  | 'leaf7Ebx'
  | 'leaf7Ecx'
  | 'leaf7Edx'
  | 'leaf71Eax'
  | 'leafD1Eax'
  | 'ext1Ecx'
  | 'ext1Edx';
export type FeatureWords = Readonly<Record<FeatureWord, number>>;

const BITS = {
  leaf1Edx:
    'FPU VME DE PSE TSC MSR PAE MCE CX8 APIC - SEP MTRR PGE MCA CMOV PAT PSE36 PSN CLFSH - DS ACPI MMX FXSR SSE SSE2 SS HTT TM - PBE',
  leaf1Ecx:
    'SSE3 PCLMULQDQ DTES64 MONITOR DS_CPL VMX SMX EIST TM2 SSSE3 CNXT_ID SDBG FMA CX16 XTPR PDCM - PCID DCA SSE41 SSE42 X2APIC MOVBE POPCNT TSC_DEADLINE AES XSAVE OSXSAVE AVX F16C RDRAND',
  leaf7Ebx:
    'FSGSBASE TSC_ADJUST SGX BMI1 HLE AVX2 - SMEP BMI2 ERMS INVPCID RTM PQM - MPX PQE AVX512F AVX512DQ RDSEED ADX SMAP AVX512_IFMA - CLFLUSHOPT CLWB PT - - AVX512CD SHA AVX512BW AVX512VL',
  leaf7Ecx:
    'PREFETCHWT1 AVX512_VBMI UMIP PKU - WAITPKG AVX512_VBMI2 - GFNI VAES VPCLMULQDQ AVX512_VNNI AVX512_BITALG - AVX512_VPOPCNTDQ - - - - - - - RDPID - - CLDEMOTE - MOVDIRI MOVDIR64B',
  leaf7Edx: '- - - - FSRM - - - - - MD_CLEAR - - - SERIALIZE - - - - ARCH_LBR',
  leaf71Eax: '- - - - AVX_VNNI',
  leafD1Eax: 'XSAVEOPT XSAVEC XGETBV1 XSAVES',
  ext1Ecx: 'LAHF - - - - LZCNT - - PREFETCHW',
  ext1Edx: '- - - - - - - - - - - SYSCALL - - - - - - - - NX - - - - - PDPE1GB RDTSCP - LM',
} as const satisfies Record<FeatureWord, string>;

type Split<S extends string> = S extends `${infer A} ${infer B}` ? A | Split<B> : S;
export type Feature = Exclude<Split<(typeof BITS)[FeatureWord]>, '-'>;

const PLACE = new Map<string, { word: FeatureWord; bit: number }>();
for (const word of Object.keys(BITS) as FeatureWord[]) {
  for (const [bit, name] of BITS[word].split(' ').entries()) if (name !== '-') PLACE.set(name, { word, bit });
}

export const featureNamed = (name: string): Feature | undefined => (PLACE.has(name) ? (name as Feature) : undefined);

/** Names from a space-separated list; an unknown one is our bug. */
export function features(list: string): readonly Feature[] {
  for (const name of list.split(' ')) assert(PLACE.has(name), `CPUID feature ${name}`);
  return list.split(' ') as Feature[];
}

/** All words, empty. */
export const NO_FEATURES: FeatureWords = Object.fromEntries(Object.keys(BITS).map((word) => [word, 0])) as FeatureWords;

/** The words with the named features set. */
export function featureWords(features: Iterable<Feature>): FeatureWords {
  const words: Record<FeatureWord, number> = { ...NO_FEATURES };
  for (const name of features) {
    const place = PLACE.get(name);
    if (place !== undefined) words[place.word] = (words[place.word] | (1 << place.bit)) >>> 0;
  }
  return words;
}

export function hasFeature(words: FeatureWords, feature: Feature): boolean {
  const place = PLACE.get(feature);
  return place !== undefined && ((words[place.word] >>> place.bit) & 1) === 1;
}

/** `a` and `b`, word by word. */
export const commonFeatures = (a: FeatureWords, b: FeatureWords): FeatureWords => combine(a, b, (x, y) => x & y);
/** `a` or `b`, word by word. */
export const unitedFeatures = (a: FeatureWords, b: FeatureWords): FeatureWords => combine(a, b, (x, y) => x | y);
/** `a` without `b`. */
export const withoutFeatures = (a: FeatureWords, b: FeatureWords): FeatureWords => combine(a, b, (x, y) => x & ~y);
function combine(a: FeatureWords, b: FeatureWords, f: (x: number, y: number) => number): FeatureWords {
  const words: Record<FeatureWord, number> = { ...NO_FEATURES };
  for (const word of Object.keys(BITS) as FeatureWord[]) words[word] = f(a[word], b[word]) >>> 0;
  return words;
}

/** Instructions on the upper halves of vector registers: #UD unless the system has turned that state on (XCR0[2:1]). */
export const AVX_STATE_FEATURES: readonly Feature[] = features('AVX AVX2 FMA F16C VAES VPCLMULQDQ AVX_VNNI');

/** What the engine executes and the kernel may use. A guest sees model ∩ engine, so that a library never picks code that would #UD. */
export const ENGINE_FEATURES: readonly Feature[] = features(
  'FPU DE PSE TSC MSR PAE CX8 APIC PGE CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2 SSE3 SSSE3 SSE41 SSE42 CX16 PDCM X2APIC TSC_DEADLINE POPCNT ERMS ' +
    'LAHF LZCNT SYSCALL NX RDTSCP LM ARCH_LBR ' +
    'XSAVE XSAVEOPT XSAVEC XGETBV1 XSAVES AVX AVX2 FMA F16C VAES VPCLMULQDQ AVX_VNNI ' +
    'ADX AES BMI1 BMI2 CLDEMOTE CLFLUSHOPT CLWB FSGSBASE FSRM GFNI MOVBE MOVDIR64B MOVDIRI PCLMULQDQ PREFETCHW PREFETCHWT1 RDPID RDRAND RDSEED ' +
    'SERIALIZE SHA WAITPKG',
);
