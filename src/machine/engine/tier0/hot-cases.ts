/**
 * The instructions that get a case in the interpreter's hot function: what a histogram found (generated/hot-set.ts), and what it cannot find.
 * Libraries hold AVX code beside all the other code, but where the processor has AVX2 it is run all the time: these were counted while ls and python3
 * ran. There are few of them on purpose: each case costs every program some of V8's time (docs/decisions/0003-avx.md).
 */
import { HOT_SET } from './generated/hot-set.ts';

/** The string functions of the C library. */
const STRINGS: readonly string[] = [
  'vzeroupper',
  'vpxor:x16,x16,x16',
  'vpor:x32,x32,x32',
  'vpandn:x32,x32,x32',
  'vpminub:x32,x32,x32',
  'vpminub:x32,x32,m32@b',
  'vpcmpeqb:x32,x32,x32',
  'vpcmpeqb:x32,x32,m32@b',
  'vpmovmskb:r4,x32',
  'vpbroadcastb:x32,x16',
  'vmovd:x16,r4',
  'vmovdqu:x32,m32@b',
  'vmovdqu:x32,m32@x',
  'vmovdqu:m32,x32@b',
  'vmovdqu:m32,x32@x',
  'vmovdqa:x32,m32@b',
  'vmovdqa:m32,x32@b',
  'vmovdqu:x16,m16@b',
  'vmovdqu:m16,x16@b',
];
/** Numerical programs built for AVX. */
const NUMBERS: readonly string[] = [
  ...['vaddsd', 'vsubsd', 'vmulsd'].flatMap((name) => [`${name}:x16,x16,x16`, `${name}:x16,x16,m8@b`]),
  'vmovsd:x16,m8@b',
  'vmovsd:m8,x16@b',
  'vaddps:x32,x32,x32',
  'vmulps:x32,x32,x32',
];

export const HOT_CASES: ReadonlySet<string> = new Set([...HOT_SET, ...STRINGS, ...NUMBERS]);
