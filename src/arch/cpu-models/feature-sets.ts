/**
 * CPUID features by generation, each the one before it and what it added. Compared with dumps of real processors (docs/machine/cpuid.md);
 * what the engine lacks is taken away before a guest sees it, so only the intersection matters today.
 */
import { type Feature, features } from '../cpuid-features.ts';

const base = features(
  'FPU VME DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH DS ACPI MMX FXSR SSE SSE2 SS HTT TM PBE ' +
    'SSE3 MONITOR EIST TM2 XTPR NX',
);
/**
 * Core Duo itself is a 32-bit processor. Guest programs here are x86-64, so the model has the 64-bit features (docs/model.md), with the
 * local APIC of later ones.
 */
export const YONAH: readonly Feature[] = [...base, ...features('PDCM CX16 X2APIC TSC_DEADLINE LAHF SYSCALL LM RDTSCP')];
export const CORE2: readonly Feature[] = [...YONAH, ...features('DTES64 DS_CPL VMX SSSE3')];
export const NEHALEM: readonly Feature[] = [...CORE2, ...features('SSE41 SSE42 POPCNT')];
export const BROADWELL: readonly Feature[] = [
  ...NEHALEM,
  ...features(
    'PCLMULQDQ SDBG FMA PCID MOVBE AES XSAVE OSXSAVE AVX F16C RDRAND FSGSBASE TSC_ADJUST BMI1 HLE AVX2 SMEP BMI2 ERMS INVPCID RTM XSAVEOPT',
  ),
  ...features('RDSEED ADX SMAP PT LZCNT PREFETCHW PDPE1GB'),
];
export const SKYLAKE: readonly Feature[] = [...BROADWELL, ...features('SGX MPX CLFLUSHOPT MD_CLEAR XSAVEC XGETBV1 XSAVES')];
export const GOLDMONT: readonly Feature[] = [
  ...NEHALEM,
  ...features(
    'PCLMULQDQ SDBG MOVBE AES XSAVE OSXSAVE RDRAND FSGSBASE TSC_ADJUST SMEP ERMS MPX RDSEED SMAP CLFLUSHOPT PT SHA PREFETCHW PDPE1GB XSAVEOPT XSAVEC XGETBV1 XSAVES',
  ),
];
const AVX512 =
  'AVX512F AVX512DQ AVX512_IFMA CLWB AVX512CD SHA AVX512BW AVX512VL AVX512_VBMI UMIP PKU AVX512_VBMI2 GFNI VAES VPCLMULQDQ AVX512_VNNI';
export const ICELAKE: readonly Feature[] = [
  ...SKYLAKE.filter((f) => f !== 'MPX' && f !== 'MD_CLEAR'),
  ...features(`${AVX512} AVX512_BITALG AVX512_VPOPCNTDQ RDPID FSRM`),
];
export const SAPPHIRERAPIDS: readonly Feature[] = [
  ...ICELAKE,
  ...features('WAITPKG CLDEMOTE MOVDIRI MOVDIR64B SERIALIZE ARCH_LBR AVX_VNNI'),
];
