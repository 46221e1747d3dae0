/** Integer statements: every operation over its widths and operand forms, with the flags that the SDM (vol. 2) defines after it. */
import { ALL, F, type Statement } from './emit.ts';

const W = [1, 2, 4, 8] as const;
type Width = (typeof W)[number];
const SUFFIX: Record<Width, string> = { 1: 'b', 2: 'w', 4: 'l', 8: 'q' };
const A: Record<Width, string> = { 1: '%al', 2: '%ax', 4: '%eax', 8: '%rax' };
const B: Record<Width, string> = { 1: '%bl', 2: '%bx', 4: '%ebx', 8: '%rbx' };
const D: Record<Width, string> = { 1: '%dl', 2: '%dx', 4: '%edx', 8: '%rdx' };
const R9: Record<Width, string> = { 1: '%r9b', 2: '%r9w', 4: '%r9d', 8: '%r9' };

/** What each condition reads. */
const CONDITIONS: Record<string, number> = {
  o: F.OF,
  no: F.OF,
  b: F.CF,
  ae: F.CF,
  e: F.ZF,
  ne: F.ZF,
  be: F.CF | F.ZF,
  a: F.CF | F.ZF,
  s: F.SF,
  ns: F.SF,
  p: F.PF,
  np: F.PF,
  l: F.SF | F.OF,
  ge: F.SF | F.OF,
  le: F.ZF | F.SF | F.OF,
  g: F.ZF | F.SF | F.OF,
};

const list: Statement[] = [];
const add = (name: string, code: string, defined: Statement['defined'], setup?: string): void => {
  list.push(setup === undefined ? { name, code, defined } : { name, code, defined, setup });
};
const always = (defined: Statement['defined']): number => {
  if (typeof defined === 'number') return defined;
  let mask = ALL;
  for (let i = 0; i < 64; i++) mask &= defined(i);
  return mask;
};

/** The same statement with every condition that it defines read at once by SETcc and by Jcc: a lazy-flags machine takes other paths there. */
function consumers(name: string, code: string, defined: Statement['defined'], setup?: string): void {
  add(name, code, defined, setup);
  const usable = Object.entries(CONDITIONS).filter(([, reads]) => (reads & ~always(defined)) === 0);
  if (usable.length === 0) return;
  const reads = usable.map(([cc], k) => `set${cc} ${40 + k}(%rdi)`);
  add(`${name} +set`, [code, ...reads].join('; '), defined, `${setup ?? 'nop'}`);
  const jumps = usable.map(([cc], k) => `j${cc} ${100 + k}f; lea ${1 << k}(%r8),%r8; ${100 + k}:`);
  add(`${name} +jcc`, [code, ...jumps].join('; '), defined, `${setup ?? 'nop'}`);
}

const NO_AF = ALL & ~F.AF;

for (const op of ['add', 'adc', 'sub', 'sbb', 'cmp', 'and', 'or', 'xor', 'test']) {
  const defined = ['and', 'or', 'xor', 'test'].includes(op) ? NO_AF : ALL;
  for (const w of W) {
    const o = op + SUFFIX[w];
    consumers(`${o} r,r`, `${o} ${B[w]},${A[w]}`, defined);
    add(`${o} r,r same`, `${o} ${A[w]},${A[w]}`, defined);
    add(`${o} r,r9`, `${o} ${R9[w]},${A[w]}`, defined);
    consumers(`${o} r,m`, `${o} ${B[w]},(%rdi)`, defined);
    if (op !== 'test') consumers(`${o} m,r`, `${o} 8(%rdi),${A[w]}`, defined);
    add(`${o} r,m index`, `${o} ${B[w]},6(%rdi,%r9,8)`, defined);
    add(`${o} r,m rip`, `${o} ${B[w]},cell+3(%rip)`, defined);
    add(`${o} r,m cross`, `${o} ${B[w]},(%r15)`, defined);
    add(`${o} i8,r`, `${o} $-3,${B[w]}`, defined);
    add(`${o} i8,m`, `${o} $0x7f,(%rdi)`, defined);
    const big = w === 1 ? '0x81' : w === 2 ? '0x8765' : '-0x789abcde';
    add(`${o} i,acc`, `${o} $${w === 1 ? '-0x7f' : big},${A[w]}`, defined);
    add(`${o} i,r`, `${o} $${w === 1 ? '-0x7f' : big},${D[w]}`, defined);
    add(`${o} i,m`, `${o} $${w === 1 ? '-0x7f' : big},1(%rdi)`, defined);
    if (!['cmp', 'test'].includes(op)) add(`lock ${o} r,m`, `lock ${o} ${B[w]},(%rdi)`, defined);
    // one consumer right behind: the pairs that an interpreter fuses
    if (['cmp', 'test', 'sub', 'and', 'add'].includes(op))
      for (const [cc, reads] of Object.entries(CONDITIONS)) {
        if ((reads & ~defined) !== 0) continue;
        add(`${o}+j${cc} r,r`, `${o} ${B[w]},${A[w]}; j${cc} 1f; inc %r8; 1:`, 0);
        if (op === 'cmp') add(`${o}+cmov${cc} r,r`, `${o} ${B[w]},${A[w]}; cmov${cc} %rdx,%rcx`, defined);
      }
  }
}

for (const op of ['inc', 'dec', 'neg', 'not']) {
  for (const w of W) {
    const o = op + SUFFIX[w];
    consumers(`${o} r`, `${o} ${A[w]}`, ALL);
    consumers(`${o} m`, `${o} (%rdi)`, ALL);
    add(`${o} r9`, `${o} ${R9[w]}`, ALL);
    add(`${o} m cross`, `${o} (%r15)`, ALL);
    add(`lock ${o} m`, `lock ${o} (%rdi)`, ALL);
    if (op !== 'not') for (const [cc] of Object.entries(CONDITIONS)) add(`${o}+j${cc} r`, `${o} ${A[w]}; j${cc} 1f; inc %r8; 1:`, 0);
  }
}

// Shifts: OF is defined for a count of one, AF never (unless nothing is shifted); CF of SHL and SHR is undefined from the operand's size on.
const counted = (w: Width, op: string, n: number): number => {
  const c = n & (w === 8 ? 63 : 31);
  if (c === 0) return ALL;
  const of = c === 1 ? F.OF : 0;
  if (op === 'rol' || op === 'ror' || op === 'rcl' || op === 'rcr') return (ALL & ~F.OF) | of;
  const cf = op !== 'sar' && c >= w * 8 ? 0 : F.CF;
  return F.SF | F.ZF | F.PF | cf | of;
};
for (const op of ['shl', 'shr', 'sar', 'rol', 'ror', 'rcl', 'rcr']) {
  for (const w of W) {
    const o = op + SUFFIX[w];
    consumers(`${o} 1,r`, `${o} ${A[w]}`, counted(w, op, 1));
    add(`${o} 1,m`, `${o} (%rdi)`, counted(w, op, 1));
    consumers(`${o} cl,r`, `${o} %cl,${A[w]}`, (n) => counted(w, op, n));
    consumers(`${o} cl,m`, `${o} %cl,(%rdi)`, (n) => counted(w, op, n));
    add(`${o} cl,m cross`, `${o} %cl,(%r15)`, (n) => counted(w, op, n));
    add(`${o} cl,cl`, `${o} %cl,${w === 1 ? '%cl' : w === 2 ? '%cx' : w === 4 ? '%ecx' : '%rcx'}`, (n) => counted(w, op, n));
    for (const n of [0, 3, 8, 9, 17, 31, 33, 63]) {
      consumers(`${o} ${n},r`, `${o} $${n},${A[w]}`, counted(w, op, n));
    }
    add(`${o} 5,m`, `${o} $5,3(%rdi)`, counted(w, op, 5));
  }
}

const doubled = (w: Width, n: number): number => {
  const c = n & (w === 8 ? 63 : 31);
  if (c === 0) return ALL;
  return F.SF | F.ZF | F.PF | F.CF | (c === 1 ? F.OF : 0);
};
for (const op of ['shld', 'shrd']) {
  for (const w of [2, 4, 8] as const) {
    const o = op + SUFFIX[w];
    for (const n of [0, 1, 7, 15, ...(w > 2 ? [31] : []), ...(w > 4 ? [47] : [])]) {
      consumers(`${o} ${n},r,r`, `${o} $${n},${D[w]},${A[w]}`, doubled(w, n));
      add(`${o} ${n},r,m`, `${o} $${n},${D[w]},(%rdi)`, doubled(w, n));
    }
    // more than the operand's size is undefined: 16-bit counts stay below
    const setup = w === 2 ? 'and $15,%ecx; mov %rcx,%r11' : 'nop';
    consumers(`${o} cl,r,r`, `${o} %cl,${D[w]},${A[w]}`, (n) => doubled(w, n), setup);
    add(`${o} cl,r,m`, `${o} %cl,${D[w]},(%rdi)`, (n) => doubled(w, n), setup);
  }
}

const PRODUCT = F.CF | F.OF;
for (const w of W) {
  const s = SUFFIX[w];
  for (const op of ['mul', 'imul']) {
    consumers(`${op}${s} r`, `${op}${s} ${B[w]}`, PRODUCT);
    add(`${op}${s} m`, `${op}${s} 8(%rdi)`, PRODUCT);
  }
  if (w > 1) {
    consumers(`imul${s} r,r`, `imul${s} ${B[w]},${A[w]}`, PRODUCT);
    add(`imul${s} m,r`, `imul${s} 8(%rdi),${A[w]}`, PRODUCT);
    add(`imul${s} i8,r,r`, `imul${s} $-5,${B[w]},${A[w]}`, PRODUCT);
    add(`imul${s} i,m,r`, `imul${s} $0x3456,(%rdi),${A[w]}`, PRODUCT);
  }
}

// Division: quotients that fit. The divisor's top bit is set, the high half is below it; signed ones take their high half by sign extension.
add('divb r', 'divb %bl', 0, 'or $0x80,%bl; and $0x7fff,%eax');
add('divb m', 'divb 8(%rdi)', 0, 'orb $0x80,8(%rdi); and $0x7fff,%eax');
add('divw r', 'divw %bx', 0, 'or $0x8000,%bx; and $0x7fff,%edx');
add('divl r', 'divl %ebx', 0, 'or $0x80000000,%ebx; and $0x7fffffff,%edx');
add('divl m', 'divl 8(%rdi)', 0, 'orl $0x80000000,8(%rdi); and $0x7fffffff,%edx');
add('divq r', 'divq %rbx', 0, 'shl %rbx; stc; rcr %rbx; shl %rdx; shr %rdx');
add('divq r small', 'divq %rbx', 0, 'or $1,%rbx; xor %edx,%edx');
add('divq r high', 'divq %rbx', 0, 'shr %cl,%rbx; or $1,%rbx; mov %rbx,%rdx; shr %rdx');
add('idivb r', 'idivb %bl', 0, 'and $0xfb,%bl; or $1,%bl; cbw');
add('idivw r', 'idivw %bx', 0, 'and $0xfffb,%bx; or $1,%bx; cwd');
add('idivl r', 'idivl %ebx', 0, 'and $-5,%ebx; or $1,%ebx; cdq');
add('idivq r', 'idivq %rbx', 0, 'and $-5,%rbx; or $1,%rbx; cqo');
add('idivq m', 'idivq 8(%rdi)', 0, 'andb $-5,8(%rdi); orb $1,8(%rdi); cqo');

const BIT = F.CF | F.ZF;
for (const op of ['bt', 'bts', 'btr', 'btc']) {
  for (const w of [2, 4, 8] as const) {
    const o = op + SUFFIX[w];
    add(`${o} r,r`, `${o} ${B[w]},${A[w]}; setc %r8b`, BIT);
    add(`${o} r,r +jc`, `${o} ${B[w]},${A[w]}; jc 1f; lea 1(%r8),%r8; 1:`, BIT);
    for (const n of [0, 5, 15, 35]) add(`${o} ${n},r`, `${o} $${n},${A[w]}; setc %r8b`, BIT);
    add(`${o} 9,m`, `${o} $9,(%rdi)`, BIT);
    // the register form of a memory operand reaches beyond it: 0..255 here, and below the address
    add(`${o} r,m`, `${o} ${B[w]},(%rdi); adc $0,%r8`, 0, `and $0xff,%ebx`);
    add(`${o} r,m low`, `${o} ${B[w]},32(%rdi); adc $0,%r8`, 0, `and $0xff,%ebx; neg %rbx`);
    if (op !== 'bt') add(`lock ${o} r,m`, `lock ${o} ${B[w]},(%rdi)`, BIT, `and $0xff,%ebx`);
  }
}

for (const w of [2, 4, 8] as const) {
  const s = SUFFIX[w];
  // the destination is undefined for a source of zero: a bit is set for the value, and ZF is looked at alone
  add(`bsf${s} r,r`, `bsf${s} ${B[w]},${A[w]}`, F.ZF, 'or $0x4000,%ebx; mov %rbx,%r11');
  add(`bsr${s} r,r`, `bsr${s} ${B[w]},${A[w]}`, F.ZF, 'or $2,%rbx');
  add(`bsf${s} m,r zf`, `bsf${s} 8(%rdi),${A[w]}; mov $0,%eax`, F.ZF);
  add(`bsr${s} m,r zf`, `bsr${s} 8(%rdi),${A[w]}; mov $0,%eax`, F.ZF);
  add(`bsf${s}+jz`, `bsf${s} ${B[w]},${A[w]}; mov $0,%eax; jz 1f; inc %r8; 1:`, 0);
  consumers(`popcnt${s} r,r`, `popcnt${s} ${B[w]},${A[w]}`, ALL);
  add(`popcnt${s} m,r`, `popcnt${s} 8(%rdi),${A[w]}`, ALL);
  for (const op of ['lzcnt', 'tzcnt']) {
    consumers(`${op}${s} r,r`, `${op}${s} ${B[w]},${A[w]}`, F.CF | F.ZF);
    add(`${op}${s} m,r`, `${op}${s} 8(%rdi),${A[w]}`, F.CF | F.ZF);
  }
}

for (const w of W) {
  const s = SUFFIX[w];
  consumers(`cmpxchg${s} r,r`, `cmpxchg${s} ${D[w]},${B[w]}`, ALL);
  add(`cmpxchg${s} r,m`, `cmpxchg${s} ${D[w]},8(%rdi)`, ALL);
  add(`cmpxchg${s} r,m equal`, `cmpxchg${s} ${D[w]},(%rdi)`, ALL);
  add(`lock cmpxchg${s} r,m`, `lock cmpxchg${s} ${D[w]},8(%rdi)`, ALL);
  consumers(`xadd${s} r,r`, `xadd${s} ${A[w]},${B[w]}`, ALL);
  add(`xadd${s} r,r same`, `xadd${s} ${A[w]},${A[w]}`, ALL);
  add(`xadd${s} r,m`, `xadd${s} ${A[w]},8(%rdi)`, ALL);
  add(`lock xadd${s} r,m`, `lock xadd${s} ${A[w]},8(%rdi)`, ALL);
  add(`xchg${s} r,r`, `xchg${s} ${A[w]},${B[w]}`, ALL);
  add(`xchg${s} r,m`, `xchg${s} ${A[w]},8(%rdi)`, ALL);
  add(`xchg${s} r,m cross`, `xchg${s} ${D[w]},(%r15)`, ALL);
  add(`mov${s} r,r`, `mov${s} ${A[w]},${B[w]}`, ALL);
  add(`mov${s} m,r`, `mov${s} 5(%rdi),${B[w]}`, ALL);
  add(`mov${s} r,m cross`, `mov${s} ${D[w]},1(%r15)`, ALL);
  add(`mov${s} m,r cross`, `mov${s} (%r15),${D[w]}`, ALL);
  add(`mov${s} i,r`, `mov${s} $-77,${B[w]}`, ALL);
  add(`mov${s} i,m`, `mov${s} $-77,9(%rdi)`, ALL);
}
add('movabs i,r', 'movabs $0x8877665544332211,%rbx', ALL);
add('cmpxchg8b m', 'cmpxchg8b (%rdi)', ALL);
add('cmpxchg8b m equal', 'cmpxchg8b (%rdi)', ALL, 'mov (%rdi),%eax; mov 4(%rdi),%edx');
add('lock cmpxchg16b m', 'lock cmpxchg16b (%rdi)', ALL);
add('lock cmpxchg16b m equal', 'lock cmpxchg16b (%rdi)', ALL, 'mov 8(%rdi),%rdx');

for (const [cc] of Object.entries(CONDITIONS)) {
  add(`set${cc} r`, `set${cc} %al`, ALL);
  add(`set${cc} ah`, `set${cc} %ah`, ALL);
  add(`set${cc} m`, `set${cc} 3(%rdi)`, ALL);
  for (const w of [2, 4, 8] as const) add(`cmov${cc}${SUFFIX[w]} r,r`, `cmov${cc} ${B[w]},${A[w]}`, ALL);
  add(`cmov${cc} m,r`, `cmov${cc} 8(%rdi),%eax`, ALL);
  add(`j${cc}`, `j${cc} 1f; inc %r8; 1:`, 0);
  add(`j${cc} near`, `j${cc} 1f; inc %r8; .skip 140, 0x90; 1:`, 0);
  // the flags that POPF brought, and those of another instruction, read after something that leaves flags alone
  add(`add..j${cc}`, `add %bl,%al; mov %rax,16(%rdi); lea 3(%rbx,%rax),%rdx; j${cc} 1f; inc %r8; 1:`, 0);
}

for (const [from, froms] of [
  ['b', 1],
  ['w', 2],
] as const) {
  for (const [to, tos] of [
    ['w', 2],
    ['l', 4],
    ['q', 8],
  ] as const) {
    if (tos <= froms) continue;
    for (const op of ['movz', 'movs']) {
      add(`${op}${from}${to} r,r`, `${op}${from}${to} ${B[froms]},${A[tos]}`, ALL);
      add(`${op}${from}${to} m,r`, `${op}${from}${to} 9(%rdi),${A[tos]}`, ALL);
    }
  }
}
add('movslq r,r', 'movslq %ebx,%rax', ALL);
add('movslq m,r', 'movslq 8(%rdi),%rax', ALL);
add('movzbl ah', 'movzbl %ah,%ebx', ALL);
add('movsbl bh', 'movsbl %bh,%eax', ALL);
for (const op of ['cbw', 'cwde', 'cdqe', 'cwd', 'cdq', 'cqo', 'cmc', 'stc', 'clc', 'bswap %eax', 'bswap %rax', 'bswap %r9', 'nop']) {
  add(op.replace(/ %/, ' '), op, ALL);
}
add('lahf', 'lahf', ALL, 'xor %eax,%eax');
add('sahf', 'sahf', ALL);
add('sahf all', 'and $0xd5,%ah; sahf; seto %r8b', ALL);
add('pushf', 'lea -64(%rsp),%rsp; pushfq; pop %rax; lea 64(%rsp),%rsp', ALL, 'nop');
add('popf', 'mov %rax,%r8; and $0x8d5,%r8d; push %r8; popfq', ALL);
add('popfw', 'mov %rax,%r8; and $0x8d5,%r8d; push %r8; popfw; lea 6(%rsp),%rsp', ALL);
add('std', 'std; pushfq; pop %r8; cld', ALL);
add('push pop', 'push %rax; push %rbx; pop %rax; pop %rbx', ALL);
add('push pop m', 'pushq (%rdi); popq 16(%rdi)', ALL);
add('push pop w', 'pushw %ax; pushw 8(%rdi); popw %bx; popw 24(%rdi)', ALL);
add('push i', 'push $-5; pop %rax; push $0x12345678; pop %rbx', ALL);
add('pop rsp-relative', 'push %rax; push %rbx; popq 8(%rsp); pop %rax', ALL); // the address is taken after the increment
add('push rsp', 'push %rsp; pop %r8; sub %rsp,%r8; neg %r8', ALL);
add('enter leave', 'mov %rbp,%r8; enter $40,$0; leave; sub %rbp,%r8', ALL);
add('loop a32', 'mov $0x100000003,%rcx; 1: inc %r8; addr32 loop 1b', ALL & ~F.CF & ~F.AF & ~F.OF & ~F.PF & ~F.SF & ~F.ZF);
add(
  'enter leave 16',
  'mov %rbp,%rdx; mov %rsp,%rbp; data16 enter $40,$0; mov %rsp,%r8; data16 leave; sub %rsp,%r8; mov %rdx,%rbp; mov $0,%edx',
  0,
);
for (const level of [1, 2, 5]) {
  const clean = 'mov %r8,%rbp; mov %rdx,%rsp; xor %ecx,%ecx; xor %edx,%edx; xor %r8d,%r8d';
  add(
    `enter level ${level}`,
    `mov %rbp,%r8; mov %rsp,%rdx; lea 48(%rdi),%rbp; enter $24,$${level}; mov ${level > 1 ? -8 : 0}(%rbp),%rax; mov %rdx,%rcx; sub %rsp,%rcx; mov %rcx,%rbx; ${clean}`,
    0,
  );
}
add('pushw i', 'pushw $-5; popw %ax; pushw $0x1234; popw %bx', ALL);
add('movsxd w', '.byte 0x66,0x63,0xc3; .byte 0x63,0xd3', ALL); // movsxd ax,bx; movsxd edx,ebx
add('movzww', '.byte 0x66,0x0f,0xb7,0xc3; .byte 0x66,0x0f,0xbf,0xd3', ALL); // movzx ax,bx; movsx dx,bx
add('bsf keeps', 'bsfl %r8d,%eax; bsrl %r8d,%ebx; bsfq %r8,%rcx; bsfw %r8w,%dx', F.ZF);
add('mov sreg', 'mov %ds,%eax; mov %es,%bx; mov %ss,%rcx; mov %cs,%edx; mov %cs,16(%rdi); mov %ds,24(%rdi)', ALL);
add('mov to sreg', 'mov %ss,%eax; mov %eax,%ds; mov %ax,%es; mov %ds,%ebx; mov %r8d,%ds; mov %r8d,%es', ALL);
add('push pop sreg', 'push %fs; pop %rax; push %gs; pop %rbx; mov %fs,%ecx; push %rcx; pop %fs; pushw %gs; popw %gs', ALL);
add(
  'lar lsl',
  'mov %ss,%r8d; lar %r8d,%eax; setz %bl; lsl %r8d,%ecx; setz %bh; mov %cs,%r8d; lar %r8w,%dx; mov $0x40,%r8d; lsl %r8d,%r8d; setz 40(%rdi)',
  F.CF | F.OF | F.SF,
);
add('verr verw', 'mov %cs,%eax; verr %ax; setz %bl; verw %ax; setz %bh; mov %ss,24(%rdi); verw 24(%rdi); setz %cl; verr %r8w', ALL);
add('lret', 'mov %cs,%ecx; push %rcx; lea 1f(%rip),%rax; push %rax; lretq; inc %r8; 1: mov $0,%ecx', ALL);
add(
  'iretq',
  'mov %rsp,%r8; mov %ss,%ecx; push %rcx; push %r8; pushq 16(%r12); mov %cs,%ecx; push %rcx; lea 1f(%rip),%rax; push %rax; iretq; inc %r8; 1: mov $0,%r8d; mov $0,%ecx; mov $0,%eax',
  ALL,
);
add('xlat a32', 'lea cell(%rip),%rbx; and $63,%al; addr32 xlat; xor %ebx,%ebx', NO_AF);
add('mov abs32 a32', 'addr32 mov cell+1,%edx', ALL);
add('moffs', 'movabs cell+1,%eax; movabs %ax,cell+9', ALL);
for (const op of ['nopl 0x10(%rax,%rbx)', '.byte 0x0f,0x18,0x30', '.byte 0x0f,0x19,0xc0', 'prefetchw (%rdi)'])
  add(op.replaceAll(/[%,]/g, ' '), op, ALL);
add('xlat', 'lea cell(%rip),%rbx; and $63,%al; xlat; xor %ebx,%ebx', NO_AF);
add('lea sib', 'lea 5(%rax,%rbx,4),%rdx', ALL);
add('lea 32', 'lea -7(%rax,%rcx,8),%edx', ALL);
add('lea 16', 'lea 3(%rbx,%rbx,2),%dx', ALL);
add('lea addr32', 'lea 9(%eax,%ebx,2),%rdx', ALL);
add('mov addr32', 'mov (%edi),%rdx', ALL);
add('mov abs', 'mov cell+1,%edx', ALL);
add('lodsb', 'lodsb; mov $0,%esi', ALL);

// High-byte registers
for (const op of ['add', 'adc', 'sub', 'sbb', 'cmp', 'xor', 'and', 'or']) {
  const defined = ['and', 'or', 'xor'].includes(op) ? NO_AF : ALL;
  consumers(`${op} ah,bl`, `${op} %ah,%bl`, defined);
  add(`${op} bl,ah`, `${op} %bl,%ah`, defined);
  add(`${op} ah,al`, `${op} %ah,%al`, defined);
  add(`${op} bh,ch`, `${op} %bh,%ch`, defined);
  add(`${op} m,dh`, `${op} 9(%rdi),%dh`, defined);
  add(`${op} dh,m`, `${op} %dh,9(%rdi)`, defined);
  add(`${op} i,ch`, `${op} $0x5a,%ch`, defined);
}
for (const op of ['inc', 'dec', 'neg', 'not']) add(`${op} ah`, `${op} %ah`, ALL);
for (const op of ['shl', 'sar', 'rol', 'rcr']) {
  add(`${op} cl,ah`, `${op} %cl,%ah`, (n) => counted(1, op, n));
  add(`${op} cl,ch`, `${op} %cl,%ch`, (n) => counted(1, op, n));
}
add('mul bh', 'mul %bh', PRODUCT);
add('imul ah', 'imul %ah', PRODUCT);
add('xchg ah,al', 'xchg %ah,%al', ALL);
add('xchg bh,m', 'xchg %bh,2(%rdi)', ALL);
add('mov ah,bh', 'mov %ah,%bh', ALL);
add('mov i,dh', 'mov $0x99,%dh', ALL);
add('cmpxchg bh,ch', 'cmpxchg %bh,%ch', ALL);
add('xadd ah,al', 'xadd %ah,%al', ALL);

// Chains: carry and overflow through several instructions
add('adc chain', 'add %rbx,%rax; adc %rax,%rdx; adc $0,%r8; sbb %rcx,%rcx', ALL);
add('inc keeps CF', 'add %rbx,%rax; inc %rdx; adc $0,%r8; dec %rcx; rcl $1,%r8', F.CF | F.ZF | F.SF | F.PF | F.OF | F.AF);
add('shl keeps', 'sub %rbx,%rax; shl %cl,%dl; setne %r8b', (n) => counted(1, 'shl', n));
add('neg sbb', 'neg %eax; sbb %edx,%edx; and %ecx,%edx', NO_AF);
add('rcl chain', 'add %eax,%ebx; rcl $1,%rax; rcr $1,%dl; adc %cx,%cx', ALL);

export const INTEGER: readonly Statement[] = list;
