/** MMX statements in the harness of sse.ts: mm0 = A, mm1 = B, mm2 = B ^ …; results go to the cell, then EMMS. */
import type { Statement } from './emit.ts';

const list: Statement[] = [];
const add = (name: string, code: string): void => {
  list.push({
    name,
    code: `fninit; movq (%rdi),%mm0; movq 8(%rdi),%mm1; movq 48(%rdi),%mm2; ${code}; movq %mm0,16(%rdi); movq %mm2,24(%rdi); emms`,
    defined: 0,
  });
};
const BINARY = [
  'paddb paddw paddd paddq psubb psubw psubd psubq paddsb paddsw paddusb paddusw psubsb psubsw psubusb psubusw pand pandn por pxor',
  'pcmpeqb pcmpeqw pcmpeqd pcmpgtb pcmpgtw pcmpgtd pminub pmaxub pminsw pmaxsw pavgb pavgw pmullw pmulhw pmulhuw pmuludq pmaddwd psadbw',
  'punpcklbw punpcklwd punpckldq punpckhbw punpckhwd punpckhdq packsswb packssdw packuswb psllw pslld psllq psrlw psrld psrlq psraw psrad',
  'pshufb phaddw phaddd phaddsw phsubw phsubd phsubsw pmaddubsw pmulhrsw psignb psignw psignd pabsb pabsw pabsd',
]
  .join(' ')
  .split(' ');
for (const op of BINARY) add(op, `${op} %mm1,%mm0; ${op} 5(%rdi),%mm2`);
for (const op of ['psllw', 'pslld', 'psllq', 'psrlw', 'psrld', 'psrlq', 'psraw', 'psrad'])
  for (const n of [0, 1, 15, 31, 64, 200]) add(`${op} ${n}`, `${op} $${n},%mm0`);
for (const n of [0, 1, 7, 8, 13, 16, 255]) add(`palignr ${n}`, `palignr $${n},%mm1,%mm0; palignr $${n},3(%rdi),%mm2`);
for (const n of [0, 0x1b, 0x93, 0xff]) add(`pshufw ${n}`, `pshufw $${n},%mm1,%mm0; pshufw $${n},3(%rdi),%mm2`);
for (const n of [0, 3, 6]) add(`pextrw pinsrw ${n}`, `pextrw $${n},%mm0,%ecx; pinsrw $${n},%eax,%mm0; pinsrw $${n},3(%rdi),%mm2`);
add('pmovmskb', 'pmovmskb %mm0,%ecx');
add('movd', 'movd %eax,%mm0; movd 3(%rdi),%mm2; movd %mm1,%ecx; movd %mm1,61(%rdi)'.replace('61', '57'));
add('movq', 'movq %rax,%mm0; movq %mm1,%mm2; movq %mm1,%rcx');
add('movq cross', 'movq 1(%r15),%mm0; movq %mm1,(%r15)');
add('movntq', 'movntq %mm1,32(%rdi)');
add('movq2dq movdq2q', 'movq2dq %mm1,%xmm0; movdq2q %xmm1,%mm0');
add('maskmovq', 'mov %rdi,%r10; lea 32(%rdi),%rdi; maskmovq %mm1,%mm0; mov %r10,%rdi');
add('state', 'fld1; fnstsw %ax; mov %ax,56(%rdi)');
add('state after', 'emms; fnstsw %ax; mov %ax,56(%rdi); fldz; fstpt 32(%rdi)');
add('seen by x87', 'sub $112,%rsp; fnsave (%rsp); mov 8(%rsp),%ecx; mov 28(%rsp),%rdx; mov 36(%rsp),%ax; frstor (%rsp); add $112,%rsp');
for (const op of ['cvtps2pi', 'cvttps2pi']) add(op, `${op} %xmm0,%mm0; ${op} 3(%rdi),%mm2`);
for (const op of ['cvtpd2pi', 'cvttpd2pi']) add(op, `${op} %xmm0,%mm0; ${op} (%rdi),%mm2`);
for (const op of ['cvtpi2ps', 'cvtpi2pd']) add(op, `${op} %mm0,%xmm0; ${op} 3(%rdi),%xmm2`);
for (const op of ['cvtps2pi %xmm0,%mm0', 'cvtpd2pi %xmm0,%mm0', 'cvttps2pi %xmm0,%mm0', 'cvtpi2ps %mm0,%xmm0'])
  add(`${op} flags`, `ldmxcsr mxcsr+4(%rip); ${op}; stmxcsr 40(%rdi); ldmxcsr mxcsr(%rip)`);

export const MMX: readonly Statement[] = list;
