/** `node test/flags/main.ts OUT.s integer|sse|sse4|x87|mmx|bmi|crypto|avx`: writes the assembly program. */
import { writeFileSync } from 'node:fs';
import { kindOf, program } from './emit.ts';
import { AVX } from './avx.ts';
import { BMI } from './bmi.ts';
import { CRYPTO } from './crypto.ts';
import { INTEGER } from './integer.ts';
import { SSE } from './sse.ts';
import { MMX } from './mmx.ts';
import { SSE4 } from './sse4.ts';
import { X87 } from './x87.ts';

const KINDS = { integer: INTEGER, sse: SSE, sse4: SSE4, x87: X87, mmx: MMX, bmi: BMI, crypto: CRYPTO, avx: AVX } as const;
const [out, kind] = process.argv.slice(2);
if (out === undefined || kind === undefined || !Object.hasOwn(KINDS, kind))
  throw new Error('usage: main.ts OUT.s integer|sse|sse4|x87|mmx|bmi|crypto|avx');
const statements = KINDS[kind as keyof typeof KINDS];
writeFileSync(out, program(statements, kindOf(kind)));
console.log(`${statements.length} statements`);
