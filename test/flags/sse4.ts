/**
 * SSE3, SSSE3, SSE4.1, SSE4.2 statements, and SSE2's under FTZ and DAZ, in the harness of sse.ts: xmm0 = (A, B), xmm1 = (B, A), xmm2 = (~A, A).
 */
import { ALL, type Statement } from './emit.ts';

const list: Statement[] = [];
const add = (name: string, code: string): void => {
  list.push({ name, code, defined: ALL });
};
function vector(op: string): void {
  add(`${op} x,x`, `${op} %xmm1,%xmm0`);
  add(`${op} m,x`, `${op} 32(%rdi),%xmm2`);
  add(`${op} x,x same`, `${op} %xmm1,%xmm1`);
}
const withImm = (op: string, imms: readonly number[]): void => {
  for (const n of imms) add(`${op} ${n}`, `${op} $${n},%xmm1,%xmm0; ${op} $${n},32(%rdi),%xmm2`);
};

const BINARY = [
  ['pshufb', 'phaddw', 'phaddd', 'phaddsw', 'phsubw', 'phsubd', 'phsubsw', 'pmaddubsw', 'pmulhrsw', 'psignb', 'psignw', 'psignd'],
  ['pabsb', 'pabsw', 'pabsd', 'movsldup', 'movshdup', 'packusdw', 'pcmpeqq', 'pcmpgtq', 'pmaxsb', 'pmaxsd', 'pmaxud', 'pmaxuw'],
  ['pminsb', 'pminsd', 'pminud', 'pminuw', 'pmulld', 'pmuldq', 'phminposuw', 'ptest'],
].flat();
for (const op of BINARY) vector(op);
for (const op of ['haddps', 'haddpd', 'hsubps', 'hsubpd', 'addsubps', 'addsubpd']) {
  vector(op);
  add(`${op} flags`, `ldmxcsr mxcsr(%rip); ${op} %xmm1,%xmm0; stmxcsr 40(%rdi); ldmxcsr mxcsr(%rip)`);
}
add('movddup', 'movddup %xmm1,%xmm0; movddup 3(%rdi),%xmm2');
add('lddqu', 'lddqu 3(%rdi),%xmm2');
add('movntdqa', 'movntdqa 16(%rdi),%xmm2');
for (const op of ['pblendvb', 'blendvps', 'blendvpd']) add(op, `${op} %xmm0,%xmm1,%xmm2; ${op} %xmm0,32(%rdi),%xmm1`);
for (const s of ['s', 'z']) {
  for (const [suffix, at] of [
    ['bw', 3],
    ['wd', 5],
    ['dq', 7],
    ['bd', 3],
    ['wq', 9],
    ['bq', 6],
  ] as const)
    add(`pmov${s}x${suffix}`, `pmov${s}x${suffix} %xmm1,%xmm0; pmov${s}x${suffix} ${at}(%rdi),%xmm2`);
}
const BITS = [0, 1, 2, 5, 8, 0x1b, 0x55, 0xaa, 0xe4, 0xff];
for (const op of ['pblendw', 'blendps', 'blendpd', 'mpsadbw', 'dpps', 'dppd'])
  withImm(op, op.startsWith('dp') ? [...BITS, 0x31, 0xf1, 0x7f] : BITS);
for (const n of [0xff, 0x33])
  for (const op of ['dpps', 'dppd'])
    add(`${op} ${n} flags`, `ldmxcsr mxcsr(%rip); ${op} $${n},%xmm1,%xmm0; stmxcsr 40(%rdi); ldmxcsr mxcsr(%rip)`);
withImm('palignr', [0, 1, 7, 8, 15, 16, 17, 31, 32, 240, 255]);
for (const t of ['ps', 'pd', 'ss', 'sd']) {
  for (const n of [0, 1, 2, 3, 4, 8, 9, 10, 11, 12]) {
    const m = t[0] === 'p' ? 32 : 8;
    add(`round${t} ${n}`, `round${t} $${n},%xmm1,%xmm0; round${t} $${n},${m}(%rdi),%xmm2`);
    add(`round${t} ${n} flags`, `ldmxcsr mxcsr+8(%rip); round${t} $${n},%xmm1,%xmm0; stmxcsr 40(%rdi); ldmxcsr mxcsr(%rip)`);
  }
}
for (const n of [0, 3, 9, 15, 200]) {
  add(`pextrb ${n}`, `pextrb $${n},%xmm0,%eax; pextrb $${n},%xmm1,5(%rdi)`);
  add(`pextrw m ${n}`, `pextrw $${n},%xmm1,5(%rdi)`);
  add(`pextrd ${n}`, `pextrd $${n},%xmm0,%eax; pextrd $${n},%xmm1,5(%rdi)`);
  add(`pextrq ${n}`, `pextrq $${n},%xmm0,%rax; pextrq $${n},%xmm1,5(%rdi)`);
  add(`extractps ${n}`, `extractps $${n},%xmm0,%eax; extractps $${n},%xmm1,5(%rdi)`);
  add(`pinsrb ${n}`, `pinsrb $${n},%eax,%xmm0; pinsrb $${n},5(%rdi),%xmm1`);
  add(`pinsrd ${n}`, `pinsrd $${n},%eax,%xmm0; pinsrd $${n},5(%rdi),%xmm1`);
  add(`pinsrq ${n}`, `pinsrq $${n},%rax,%xmm0; pinsrq $${n},5(%rdi),%xmm1`);
}
for (const n of [0, 0x1c, 0x4b, 0x90, 0xe3, 0xff, 0x27]) add(`insertps ${n}`, `insertps $${n},%xmm1,%xmm0; insertps $${n},12(%rdi),%xmm2`);
for (const r of ['%al', '%ax', '%eax'])
  add(`crc32 ${r}`, `crc32 ${r},%ebx; crc32${{ '%al': 'b', '%ax': 'w', '%eax': 'l' }[r]} 3(%rdi),%ecx`);
add('crc32 q', 'crc32q %rax,%rbx; crc32q 3(%rdi),%rcx; crc32b %al,%rdx');

// Strings: every mode on the values as they are, and on values with zero bytes in the middle.
for (let mode = 0; mode < 128; mode++) {
  const s = `$${mode}`;
  add(`pcmpistri ${mode}`, `pcmpistri ${s},%xmm1,%xmm0`);
  add(`pcmpistrm ${mode}`, `pcmpistrm ${s},3(%rdi),%xmm2`);
  add(`pcmpestri ${mode}`, `mov $7,%eax; mov $-11,%edx; pcmpestri ${s},%xmm1,%xmm2`);
  add(`pcmpestrm ${mode}`, `movsbl %al,%eax; mov $3,%edx; pcmpestrm ${s},1(%rdi),%xmm1`);
}
add('pcmpestri64', 'neg %rax; mov $5,%edx; pcmpestriq $0x0c,%xmm1,%xmm0');

// FTZ, DAZ, both; with directed rounding too. Bits as the processor leaves them.
for (const [name, mxcsr] of [
  ['ftz', 0x9f80],
  ['daz', 0x1fc0],
  ['both', 0x9fc0],
  ['both sticky', 0x9fe0],
  ['both down', 0xbfc0],
] as const) {
  const set = `movl $${mxcsr},60(%rdi); ldmxcsr 60(%rdi)`;
  const end = 'stmxcsr 40(%rdi); ldmxcsr mxcsr(%rip)';
  for (const op of ['add', 'sub', 'mul', 'div', 'min', 'max', 'sqrt'])
    for (const t of ['ss', 'sd', 'ps', 'pd']) add(`${op}${t} ${name}`, `${set}; ${op}${t} %xmm1,%xmm0; ${end}`);
  for (const op of [
    'cvtss2sd',
    'cvtsd2ss',
    'cvtps2pd',
    'cvtpd2ps',
    'cvtps2dq',
    'cvttpd2dq',
    'roundps $2,',
    'roundpd $4,',
    'cmpltps',
    'cmpneqsd',
    'ucomiss',
    'comisd',
  ])
    add(`${op} ${name}`, `${set}; ${op} %xmm1,%xmm0; ${end}`);
  add(`cvtsd2si ${name}`, `${set}; cvtsd2si %xmm0,%rax; ${end}`);
}
// Sticky flags of what sse.ts does not look at.
for (const op of [
  'cvtss2sd',
  'cvtsd2ss',
  'cvtps2pd',
  'cvtpd2ps',
  'cvtps2dq',
  'cvttpd2dq',
  'cvtpd2dq',
  'cvttps2dq',
  'cvtdq2ps',
  'cvtdq2pd',
  'cmpltps',
  'cmpeqpd',
  'cmpunordss',
  'cmpnlesd',
  'ucomiss',
  'ucomisd',
  'comiss',
  'comisd',
])
  add(`${op} flags`, `ldmxcsr mxcsr(%rip); ${op} %xmm1,%xmm0; stmxcsr 40(%rdi); ldmxcsr mxcsr(%rip)`);
for (const op of [
  'cvtsd2si %xmm0,%rax',
  'cvttsd2si %xmm0,%eax',
  'cvtss2si %xmm0,%eax',
  'cvttss2si %xmm0,%rax',
  'cvtsi2sd %rax,%xmm0',
  'cvtsi2ss %eax,%xmm0',
  'cvtsi2ss %rax,%xmm0',
])
  add(`${op} flags`, `ldmxcsr mxcsr(%rip); ${op}; stmxcsr 40(%rdi); ldmxcsr mxcsr(%rip)`);
// The flags are sticky: after a first inexact operation the fast path is another one.
for (const op of ['add', 'sub', 'mul', 'div', 'min', 'max', 'sqrt'])
  for (const t of ['ss', 'sd', 'ps', 'pd'])
    add(`${op}${t} sticky`, `movl $0x1fa0,60(%rdi); ldmxcsr 60(%rdi); ${op}${t} %xmm1,%xmm0; stmxcsr 40(%rdi); ldmxcsr mxcsr(%rip)`);

export const SSE4: readonly Statement[] = list;
