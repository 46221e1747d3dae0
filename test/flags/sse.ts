/**
 * SSE and SSE2 statements: integer vectors, moves, and scalar and packed floats. xmm0 = (A, B), xmm1 = (B, A), xmm2 = (~A, A);
 * MXCSR is the default (round to nearest, no exception taken), its sticky flags are looked at by statements of their own.
 */
import { ALL, type Statement } from './emit.ts';

const list: Statement[] = [];
const add = (name: string, code: string, defined: Statement['defined'] = ALL, setup?: string): void => {
  list.push(setup === undefined ? { name, code, defined } : { name, code, defined, setup });
};

/** dst op= src, from a register, from aligned memory, and onto itself. */
function vector(op: string): void {
  add(`${op} x,x`, `${op} %xmm1,%xmm0`);
  add(`${op} m,x`, `${op} 32(%rdi),%xmm2`);
  add(`${op} x,x same`, `${op} %xmm1,%xmm1`);
}

const INTEGER_OPS = [
  ['paddb', 'paddw', 'paddd', 'paddq', 'psubb', 'psubw', 'psubd', 'psubq', 'paddsb', 'paddsw', 'paddusb', 'paddusw'],
  ['psubsb', 'psubsw', 'psubusb', 'psubusw', 'pand', 'pandn', 'por', 'pxor', 'pcmpeqb', 'pcmpeqw', 'pcmpeqd'],
  ['pcmpgtb', 'pcmpgtw', 'pcmpgtd', 'pminub', 'pmaxub', 'pminsw', 'pmaxsw', 'pavgb', 'pavgw', 'pmullw', 'pmulhw', 'pmulhuw'],
  ['pmuludq', 'pmaddwd', 'psadbw', 'punpcklbw', 'punpcklwd', 'punpckldq', 'punpcklqdq', 'punpckhbw', 'punpckhwd', 'punpckhdq'],
  ['punpckhqdq', 'packsswb', 'packssdw', 'packuswb', 'psllw', 'pslld', 'psllq', 'psrlw', 'psrld', 'psrlq', 'psraw', 'psrad'],
  ['andps', 'andnps', 'orps', 'xorps', 'andpd', 'andnpd', 'orpd', 'xorpd', 'unpcklps', 'unpckhps', 'unpcklpd', 'unpckhpd'],
].flat();
for (const op of INTEGER_OPS) vector(op);
for (const op of ['psllw', 'pslld', 'psllq', 'psrlw', 'psrld', 'psrlq', 'psraw', 'psrad']) {
  for (const n of [0, 1, 7, 15, 16, 31, 33, 64, 200]) add(`${op} ${n}`, `${op} $${n},%xmm0`);
  add(`${op} x small`, `movd %r9d,%xmm1; ${op} %xmm1,%xmm0`);
}
for (const op of ['pslldq', 'psrldq']) for (const n of [0, 1, 3, 8, 15, 16, 255]) add(`${op} ${n}`, `${op} $${n},%xmm0`);
for (const op of ['pshufd', 'pshuflw', 'pshufhw']) {
  for (const n of [0, 0x1b, 0x4e, 0xe4, 0xff, 0x93]) add(`${op} ${n}`, `${op} $${n},%xmm1,%xmm0; ${op} $${n},32(%rdi),%xmm2`);
}
for (const op of ['shufps', 'shufpd'])
  for (const n of [0, 1, 2, 3, 0x1b, 0xb1]) add(`${op} ${n}`, `${op} $${n},%xmm1,%xmm0; ${op} $${n},(%rdi),%xmm2`);
for (const op of ['pmovmskb', 'movmskps', 'movmskpd']) add(op, `${op} %xmm0,%eax; ${op} %xmm2,%ebx`);
for (const n of [0, 3, 7]) {
  add(`pextrw ${n}`, `pextrw $${n},%xmm0,%eax`);
  add(`pinsrw ${n}`, `pinsrw $${n},%eax,%xmm0; pinsrw $${7 - n},2(%rdi),%xmm1`);
}
for (const op of ['movaps', 'movups', 'movapd', 'movupd', 'movdqa', 'movdqu']) {
  add(`${op} x,x`, `${op} %xmm1,%xmm0`);
  add(`${op} m,x`, `${op} 16(%rdi),%xmm0`);
  add(`${op} x,m`, `${op} %xmm2,32(%rdi)`);
}
for (const op of ['movups', 'movupd', 'movdqu']) {
  add(`${op} m,x odd`, `${op} 3(%rdi),%xmm0`);
  add(`${op} x,m odd`, `${op} %xmm2,5(%rdi)`);
  add(`${op} m,x cross`, `${op} -6(%r15),%xmm0`);
  add(`${op} x,m cross`, `${op} %xmm1,-3(%r15)`);
}
add('movntdq', 'movntdq %xmm1,(%rdi)');
add('movntps', 'movntps %xmm1,16(%rdi)');
add('movnti', 'movnti %rax,8(%rdi); movnti %ebx,20(%rdi)');
add('movd r,x', 'movd %eax,%xmm0');
add('movd x,r', 'movd %xmm0,%ebx');
add('movd m,x', 'movd 5(%rdi),%xmm0');
add('movd x,m', 'movd %xmm1,5(%rdi)');
add('movq r,x', 'movq %rax,%xmm1');
add('movq x,r', 'movq %xmm0,%rbx');
add('movq x,x', 'movq %xmm1,%xmm0');
add('movq m,x', 'movq 3(%rdi),%xmm0');
add('movq x,m', 'movq %xmm1,11(%rdi)');
add('movq cross', 'movq (%r15),%xmm0; movq %xmm1,1(%r15)');
add('movhps', 'movhps 8(%rdi),%xmm1; movhps %xmm0,32(%rdi)');
add('movlps', 'movlps 8(%rdi),%xmm1; movlps %xmm0,32(%rdi)');
add('movhpd', 'movhpd 9(%rdi),%xmm0; movhpd %xmm1,33(%rdi)');
add('movlpd', 'movlpd 9(%rdi),%xmm0; movlpd %xmm1,33(%rdi)');
add('movhlps', 'movhlps %xmm1,%xmm0');
add('movlhps', 'movlhps %xmm1,%xmm2');
add('movss', 'movss %xmm1,%xmm0; movss 4(%rdi),%xmm2; movss %xmm1,9(%rdi)');
add('movsd', 'movsd %xmm1,%xmm0; movsd 4(%rdi),%xmm2; movsd %xmm1,9(%rdi)');
add(
  'high registers',
  'movaps %xmm0,%xmm8; movaps %xmm1,%xmm15; paddd %xmm15,%xmm8; movaps %xmm8,%xmm2; movdqu 1(%rdi,%r9,4),%xmm11; pxor %xmm11,%xmm0',
);
add('pause fences', 'pause; lfence; mfence; sfence; prefetcht0 (%rdi); prefetchnta 1(%rdi); clflush (%rdi)');

// Floats. What a NaN becomes is part of it: the first operand that is one, made quiet (SDM vol. 1, table 4-7); MIN and MAX give the second.
for (const op of ['add', 'sub', 'mul', 'div', 'min', 'max', 'sqrt']) {
  for (const t of ['sd', 'ss', 'pd', 'ps']) {
    add(`${op}${t} x,x`, `${op}${t} %xmm1,%xmm0`);
    add(`${op}${t} m,x`, `${op}${t} ${t[0] === 'p' ? 16 : 8}(%rdi),%xmm1`);
    add(`${op}${t} flags`, `ldmxcsr mxcsr(%rip); ${op}${t} %xmm1,%xmm0; stmxcsr 40(%rdi); ldmxcsr mxcsr(%rip)`);
  }
}
for (const n of [0, 1, 2, 3, 4, 5, 6, 7]) {
  for (const t of ['sd', 'ss', 'pd', 'ps']) add(`cmp${t} ${n}`, `cmp${t} $${n},%xmm1,%xmm0; cmp${t} $${n},32(%rdi),%xmm2`);
}
for (const op of ['ucomisd', 'comisd', 'ucomiss', 'comiss']) {
  add(`${op} x,x`, `${op} %xmm1,%xmm0`, ALL);
  add(`${op} m,x`, `${op} 8(%rdi),%xmm0`, ALL);
  for (const cc of ['a', 'ae', 'b', 'be', 'e', 'ne', 'p', 'np']) add(`${op}+j${cc}`, `${op} %xmm1,%xmm0; j${cc} 1f; inc %r8; 1:`, 0);
  add(`${op} +set`, `${op} %xmm1,%xmm0; seta %al; setp %bl; sete %cl; setb %dl`, ALL);
}
for (const t of ['sd', 'ss']) {
  for (const r of ['l', 'q']) {
    const a = r === 'l' ? '%eax' : '%rax';
    add(`cvtsi2${t}${r} r`, `cvtsi2${t}${r} ${a},%xmm0`);
    add(`cvtsi2${t}${r} m`, `cvtsi2${t}${r} 8(%rdi),%xmm1`);
    add(`cvtt${t}2si${r} x`, `cvtt${t}2si %xmm0,${a}`);
    add(`cvtt${t}2si${r} m`, `cvtt${t}2si 8(%rdi),${a}`);
    add(`cvt${t}2si${r} x`, `cvt${t}2si %xmm0,${a}`);
  }
}
for (const op of ['cvtsd2ss', 'cvtss2sd', 'cvtpd2ps', 'cvtps2pd', 'cvtdq2pd', 'cvtdq2ps', 'cvttpd2dq', 'cvttps2dq', 'cvtpd2dq', 'cvtps2dq'])
  vector(op);
for (const [name, mode] of [
  ['down', 1],
  ['up', 2],
  ['zero', 3],
] as const) {
  const set = `ldmxcsr mxcsr+${mode * 4}(%rip)`;
  for (const op of ['addsd', 'mulsd', 'divsd', 'addps', 'sqrtsd', 'cvtsd2ss'])
    add(`${op} round ${name}`, `${set}; ${op} %xmm1,%xmm0; ldmxcsr mxcsr(%rip)`);
  add(`cvtsd2si round ${name}`, `${set}; cvtsd2si %xmm0,%rax; ldmxcsr mxcsr(%rip)`);
}

export const SSE: readonly Statement[] = list;
