/** The features that a corpus names, as CPUID features; a name that is not here is no feature of an Intel processor of ours. */
import type { Feature } from '../../src/arch/cpuid-features.ts';

export const CORPUS_FEATURES: Readonly<Record<string, readonly Feature[]>> = {
  AVX: ['AVX', 'AVX2', 'FMA', 'F16C'],
  RAND: ['RDRAND', 'RDSEED'],
  SHA: ['SHA'],
  BMI1: ['BMI1'],
  BMI2: ['BMI2'],
  CLWB: ['CLWB'],
  LINUX: [],
  AES256: ['VAES'],
  SSSE3: ['SSSE3'],
  'SSE4.1': ['SSE41'],
  'SSE4.2': ['SSE42'],
  AES: ['AES'],
  PCLMUL: ['PCLMULQDQ'],
  MOVBE: ['MOVBE'],
  ADX: ['ADX'],
  XSAVE: ['XSAVE'],
  RDPID: ['RDPID'],
  CLFLOPT: ['CLFLUSHOPT'],
  FSGSBASE: ['FSGSBASE'],
};
