/** AES-NI, PCLMULQDQ, SHA and GFNI, in the harness of sse.ts: xmm0 = (A, B), xmm1 = (B, A), xmm2 = (~A, A). */
import { ALL, type Statement } from './emit.ts';

const list: Statement[] = [];
const add = (name: string, code: string): void => {
  list.push({ name, code, defined: ALL });
};
for (const op of [
  'aesenc',
  'aesenclast',
  'aesdec',
  'aesdeclast',
  'aesimc',
  'sha1nexte',
  'sha1msg1',
  'sha1msg2',
  'sha256msg1',
  'sha256msg2',
]) {
  add(`${op} x,x`, `${op} %xmm1,%xmm0`);
  add(`${op} m,x`, `${op} 32(%rdi),%xmm2`);
  add(`${op} same`, `${op} %xmm1,%xmm1`);
}
for (const n of [0, 1, 0x1b, 0x36, 0xff])
  add(`aeskeygenassist ${n}`, `aeskeygenassist $${n},%xmm1,%xmm0; aeskeygenassist $${n},32(%rdi),%xmm2`);
for (const n of [0, 1, 0x10, 0x11, 0xee, 0xff]) add(`pclmulqdq ${n}`, `pclmulqdq $${n},%xmm1,%xmm0; pclmulqdq $${n},32(%rdi),%xmm2`);
for (const n of [0, 1, 2, 3, 7]) add(`sha1rnds4 ${n}`, `sha1rnds4 $${n},%xmm1,%xmm0; sha1rnds4 $${n},32(%rdi),%xmm2`);
add('sha256rnds2', 'sha256rnds2 %xmm0,%xmm1,%xmm2; sha256rnds2 %xmm0,32(%rdi),%xmm1');
add('gf2p8mulb', 'gf2p8mulb %xmm1,%xmm0; gf2p8mulb 32(%rdi),%xmm2; gf2p8mulb %xmm2,%xmm2');
for (const op of ['gf2p8affineqb', 'gf2p8affineinvqb'])
  for (const n of [0, 0x63, 0xff]) add(`${op} ${n}`, `${op} $${n},%xmm1,%xmm0; ${op} $${n},32(%rdi),%xmm2; ${op} $${n},%xmm0,%xmm0`);
// whole rounds, so that every byte of the tables comes by
const many = (op: string): string => Array.from({ length: 6 }, () => `${op} %xmm1,%xmm0; ${op} %xmm0,%xmm1; ${op} %xmm2,%xmm0`).join('; ');
for (const op of ['aesenc', 'aesdec', 'sha1msg2', 'sha256msg2']) add(`${op} rounds`, many(op));

export const CRYPTO: readonly Statement[] = list;
