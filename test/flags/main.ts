/** `node test/flags/main.ts OUT.s integer|sse`: writes the assembly program. */
import { writeFileSync } from 'node:fs';
import { program } from './emit.ts';
import { INTEGER } from './integer.ts';
import { SSE } from './sse.ts';

const [out, kind] = process.argv.slice(2);
if (out === undefined || (kind !== 'integer' && kind !== 'sse')) throw new Error('usage: main.ts OUT.s integer|sse');
const statements = kind === 'integer' ? INTEGER : SSE;
writeFileSync(out, program(statements, kind));
console.log(`${statements.length} statements`);
