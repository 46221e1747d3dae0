/**
 * x87 statements in the harness of sse.ts. Operands come from the cell: doubles A and B, 64-bit integers A and B, or 80-bit patterns
 * (significand A, exponent from B; significand B, exponent from ~A), so that every class occurs, pseudo-denormals and unnormals too.
 * Each statement stores the status word, then the two topmost registers as 80-bit values.
 */
import type { Statement } from './emit.ts';

const list: Statement[] = [];
const add = (name: string, code: string): void => {
  list.push({ name, code, defined: 0 });
};
const LOADS = {
  d: 'fldl 8(%rdi); fldl (%rdi)',
  q: 'fildq 8(%rdi); fildq (%rdi)',
  t: 'fldt 8(%rdi); fldt (%rdi)',
  s: 'flds 4(%rdi); flds (%rdi)',
} as const;
/** C0, C2 and C3 are undefined after arithmetic: kept out, C1 stays in. */
const ARITHMETIC_STATUS = 'fnstsw %ax; and $0xbaff,%ax; mov %ax,56(%rdi); xor %eax,%eax';
const FULL_STATUS = 'fnstsw 56(%rdi)';
const VALUES = 'fnclex; fstpt 16(%rdi); fstpt 32(%rdi)';
const control = (word: number): string => `movw $${word},60(%rdi); fldcw 60(%rdi)`;

function operation(op: string, status = ARITHMETIC_STATUS, loads: readonly (keyof typeof LOADS)[] = ['d', 'q', 't']): void {
  for (const l of loads) add(`${op} ${l}`, `fninit; ${LOADS[l]}; ${op}; ${status}; ${VALUES}`);
}
const BINARY = ['fadd', 'fsub', 'fsubr', 'fmul', 'fdiv', 'fdivr'];
for (const op of BINARY) {
  operation(`${op} %st(1),%st`);
  operation(`${op} %st,%st(1)`, ARITHMETIC_STATUS, ['d', 't']);
  operation(`${op}p`, ARITHMETIC_STATUS, ['t']);
  for (const m of ['s', 'l']) operation(`${op}${m} 4(%rdi)`, ARITHMETIC_STATUS, ['t', 'd']);
  const i = `fi${op.slice(1)}`;
  for (const m of ['s', 'l']) operation(`${i}${m} 3(%rdi)`, ARITHMETIC_STATUS, ['t']);
  // Precision × rounding; 1 is reserved.
  for (const pc of [0, 2, 3])
    for (const rc of [0, 1, 2, 3])
      for (const l of ['d', 'q', 't'] as const)
        add(
          `${op} pc${pc} rc${rc} ${l}`,
          `fninit; ${LOADS[l]}; ${control(0x7f | (pc << 8) | (rc << 10))}; ${op} %st(1),%st; ${ARITHMETIC_STATUS}; ${VALUES}`,
        );
  // Unmasked, one by one.
  for (const bit of [0, 1, 2, 3, 4, 5])
    for (const l of ['d', 't'] as const)
      add(
        `${op} unmasked ${bit} ${l}`,
        `fninit; ${LOADS[l]}; fnclex; ${control(0x37f & ~(1 << bit))}; ${op}p; ${ARITHMETIC_STATUS}; ${VALUES}; fninit`,
      );
}
for (const op of ['fsqrt', 'frndint', 'fchs', 'fabs', 'fscale', 'fxtract', 'fld %st(1)', 'fxch']) operation(op);
for (const op of ['fprem', 'fprem1']) operation(op, 'fnstsw %ax; mov %ax,56(%rdi); xor %eax,%eax', ['d', 'q']);
// An unfinished reduction differs between processors by its steps, not by its end.
for (const op of ['fprem', 'fprem1'])
  add(`${op} loop`, `fninit; ${LOADS.t}; 1: ${op}; fnstsw %ax; test $0x400,%ax; jnz 1b; mov %ax,56(%rdi); xor %eax,%eax; ${VALUES}`);
for (const rc of [0, 1, 2, 3]) {
  const c = control(0x37f | (rc << 10));
  for (const l of ['d', 'q', 't'] as const) {
    for (const op of ['frndint', 'fsqrt', 'fscale'])
      add(`${op} rc${rc} ${l}`, `fninit; ${LOADS[l]}; ${c}; ${op}; ${ARITHMETIC_STATUS}; ${VALUES}`);
    for (const op of ['fistps', 'fistpl', 'fistpll', 'fists', 'fistl', 'fsts', 'fstl', 'fstps', 'fstpl', 'fisttps', 'fisttpl', 'fisttpll'])
      add(`${op} rc${rc} ${l}`, `fninit; ${LOADS[l]}; ${c}; ${op} 48(%rdi); ${ARITHMETIC_STATUS}; ${VALUES}`);
  }
  for (const k of ['fld1', 'fldl2t', 'fldl2e', 'fldpi', 'fldlg2', 'fldln2', 'fldz'])
    add(`${k} rc${rc}`, `fninit; ${c}; ${k}; ${ARITHMETIC_STATUS}; ${VALUES}`);
}
for (const bit of [0, 3, 4, 5])
  for (const op of ['fistpl', 'fstps', 'fstpl'])
    for (const l of ['d', 't'] as const)
      add(
        `${op} unmasked ${bit} ${l}`,
        `fninit; ${LOADS[l]}; fnclex; ${control(0x37f & ~(1 << bit))}; ${op} 48(%rdi); ${ARITHMETIC_STATUS}; ${VALUES}; fninit`,
      );
for (const op of [
  'fcom',
  'fcomp',
  'fcompp',
  'fucom',
  'fucomp',
  'fucompp',
  'ftst',
  'fxam',
  'fcoms (%rdi)',
  'fcompl 8(%rdi)',
  'ficoms 3(%rdi)',
  'ficompl 5(%rdi)',
])
  operation(op, FULL_STATUS);
for (const op of ['fcomi', 'fcomip', 'fucomi', 'fucomip'])
  for (const l of ['d', 't'] as const) {
    const name = `${op} ${l}`;
    list.push({
      name,
      code: `fninit; ${LOADS[l]}; ${op} %st(1),%st; pushfq; popq 48(%rdi); andl $0x45,48(%rdi); movl $0,52(%rdi); ${ARITHMETIC_STATUS}; ${VALUES}`,
      defined: 0,
    });
  }
for (const cc of ['b', 'e', 'be', 'u', 'nb', 'ne', 'nbe', 'nu'])
  add(`fcmov${cc}`, `fninit; ${LOADS.d}; cmp %rbx,%rax; fcmov${cc} %st(1),%st; ${ARITHMETIC_STATUS}; ${VALUES}`);
for (const [l, size] of [
  ['flds', 4],
  ['fldl', 8],
  ['fldt', 10],
  ['fildl', 4],
  ['fildll', 8],
  ['filds', 2],
] as const)
  add(`${l} cross ${size}`, `fninit; ${l} (%r15); ${FULL_STATUS}; fstpt -4(%r15); fnclex`);
add('fbstp', `fninit; ${LOADS.q}; fbstp 16(%rdi); ${ARITHMETIC_STATUS}; fbstp 32(%rdi)`);
add('fbstp d', `fninit; ${LOADS.d}; fbstp 16(%rdi); ${ARITHMETIC_STATUS}; fbstp 32(%rdi)`);
add('fbld', `fninit; movabs $0x1234567890123456,%r10; mov %r10,(%rdi); movw $0x8099,8(%rdi); fbld (%rdi); ${FULL_STATUS}; fstpt 16(%rdi)`);
// The stack: overflow and underflow, masked.
add('overflow', `fninit; fld1; fld1; fld1; fld1; fld1; fld1; fld1; fldz; fldpi; ${FULL_STATUS}; ${VALUES}`);
add(
  'overflow unmasked',
  `fninit; fld1; fld1; fld1; fld1; fld1; fld1; fld1; fldz; fnclex; ${control(0x37e)}; fldpi; ${FULL_STATUS}; fnclex; ${VALUES}; fninit`,
);
for (const op of [
  'fadd %st(1),%st',
  'fsqrt',
  'fxch',
  'fchs',
  'fstps 48(%rdi)',
  'fistpll 48(%rdi)',
  'fcom',
  'fucomi %st(1),%st',
  'fxam',
  'fprem',
  'fscale',
  'fxtract',
  'fld %st(3)',
  'fst %st(2)',
  'fcmove %st(1),%st',
])
  add(`${op} empty`, `fninit; movq $0,48(%rdi); fldl (%rdi); fincstp; ${op}; ${FULL_STATUS}; ${VALUES}`);
add('fincstp fdecstp ffree', `fninit; ${LOADS.d}; fincstp; ffree %st(0); fdecstp; fdecstp; ${FULL_STATUS}; fldz; ${VALUES}`);
add(
  'fnstenv',
  `fninit; ${LOADS.t}; fcom; mov %rdi,%r10; sub $28,%rsp; fnstenv (%rsp); mov (%rsp),%eax; mov 4(%rsp),%ebx; mov 8(%rsp),%ecx; add $28,%rsp; fnstcw 48(%rdi); ${FULL_STATUS}`,
);
add(
  'fldenv',
  `fninit; ${LOADS.d}; sub $32,%rsp; fnstenv (%rsp); fninit; fldenv (%rsp); add $32,%rsp; fnstcw 48(%rdi); ${FULL_STATUS}; ${VALUES}`,
);
add(
  'fnsave frstor',
  `fninit; ${LOADS.t}; fldpi; sub $112,%rsp; fnsave (%rsp); fnstcw 48(%rdi); fnstsw 50(%rdi); frstor (%rsp); mov 28(%rsp),%rax; mov 38(%rsp),%rbx; add $112,%rsp; ${FULL_STATUS}; ${VALUES}`,
);
add(
  'fxsave fxrstor',
  `fninit; ${LOADS.t}; fldpi; mov %rsp,%r10; sub $528,%rsp; and $-16,%rsp; fxsave (%rsp); fninit; mov 32(%rsp),%rax; mov 48(%rsp),%rbx; mov (%rsp),%ecx; mov 4(%rsp),%dl; fxrstor (%rsp); mov %r10,%rsp; ${FULL_STATUS}; ${VALUES}`,
);
for (const w of [0xffff, 0, 0x1234]) add(`fldcw ${w}`, `fninit; ${control(w)}; fnstcw 48(%rdi); ${FULL_STATUS}; fninit`);
add('fnstsw ax', 'fninit; fldz; fnstsw %ax; fninit');
add('wait', 'fninit; wait; fnop; fldz; fstpt 16(%rdi)');

export const X87: readonly Statement[] = list;
