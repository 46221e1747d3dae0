/** State that XSAVE manages, as data. SDM Vol. 1 §13.1 to §13.4. */
import { type FeatureWords, hasFeature } from './cpuid-features.ts';

/** State components by their bits in XCR0. */
export const XFEATURE = { X87: 1, SSE: 2, AVX: 4 } as const;
/** The legacy region (FXSAVE's image) and the header. */
export const LEGACY_BYTES = 512;
export const HEADER_BYTES = 64;
/** Header: XSTATE_BV, XCOMP_BV. */
export const XSTATE_BV = 512;
export const XCOMP_BV = 520;
/** AVX state: the upper halves of YMM0-15. The only extended component there is, so that the compacted format has it at the same place. */
export const YMM_AREA = { at: LEGACY_BYTES + HEADER_BYTES, bytes: 256 } as const;

/** XCR0's bits that a processor with these features has. */
export const xcr0Mask = (words: FeatureWords): number => XFEATURE.X87 | XFEATURE.SSE | (hasFeature(words, 'AVX') ? XFEATURE.AVX : 0);
/** Size of the area for the components of `xcr0`. */
export const xsaveBytes = (xcr0: number): number => ((xcr0 & XFEATURE.AVX) !== 0 ? YMM_AREA.at + YMM_AREA.bytes : YMM_AREA.at);
