/** BMI1, BMI2, ADX, LZCNT, MOVBE, FSGSBASE, MOVDIRI and the like, in the harness of integer.ts. Each needs its CPUID bit of the host. */
import { ALL, F, type Statement } from './emit.ts';

const list: Statement[] = [];
const add = (name: string, code: string, defined: Statement['defined'], setup?: string): void => {
  list.push(setup === undefined ? { name, code, defined } : { name, code, defined, setup });
};

const REGS = {
  l: { a: '%eax', b: '%ebx', c: '%ecx', d: '%edx', r8: '%r8d', r9: '%r9d' },
  q: { a: '%rax', b: '%rbx', c: '%rcx', d: '%rdx', r8: '%r8', r9: '%r9' },
} as const;
/** What is read by SETcc behind it, one consumer for each defined flag. */
const readers: Record<string, number> = { c: F.CF, z: F.ZF, s: F.SF, o: F.OF };
function consumers(name: string, code: string, defined: number, setup?: string): void {
  add(name, code, defined, setup);
  const usable = Object.entries(readers).filter(([, f]) => (defined & f) !== 0);
  add(`${name} +set`, [code, ...usable.map(([cc], k) => `set${cc} ${40 + k}(%rdi)`)].join('; '), defined, setup);
  add(
    `${name} +jcc`,
    [code, ...usable.map(([cc], k) => `j${cc} ${100 + k}f; lea ${1 << k}(%r8),%r8; ${100 + k}:`)].join('; '),
    defined,
    setup,
  );
}

const LOGIC = F.CF | F.ZF | F.SF | F.OF;
for (const w of ['l', 'q'] as const) {
  const r = REGS[w];
  consumers(`andn${w} r,r,r`, `andn${w} ${r.b},${r.d},${r.a}`, LOGIC);
  consumers(`andn${w} m,r,r`, `andn${w} 5(%rdi),${r.d},${r.a}`, LOGIC);
  add(`andn${w} same`, `andn${w} ${r.a},${r.a},${r.a}`, LOGIC);
  add(`andn${w} m,r,r cross`, `andn${w} (%r15),${r.d},${r.r9}`, LOGIC);
  for (const op of ['blsi', 'blsmsk', 'blsr']) {
    consumers(`${op}${w} r,r`, `${op}${w} ${r.b},${r.a}`, LOGIC);
    add(`${op}${w} m,r`, `${op}${w} 8(%rdi),${r.d}`, LOGIC);
    add(`${op}${w} same`, `${op}${w} ${r.a},${r.a}`, LOGIC);
  }
  consumers(`bextr${w} r,r,r`, `bextr${w} ${r.b},${r.a},${r.d}`, F.CF | F.ZF | F.OF);
  add(`bextr${w} r,m,r`, `bextr${w} ${r.b},16(%rdi),${r.a}`, F.CF | F.ZF | F.OF);
  // starts and lengths around the width
  add(`bextr${w} near`, `bextr${w} ${r.c},${r.a},${r.d}`, F.CF | F.ZF | F.OF, 'and $0x3f,%cl; mov %al,%ch; and $0x3f,%ch');
  consumers(`bzhi${w} r,r,r`, `bzhi${w} ${r.b},${r.a},${r.d}`, LOGIC);
  add(`bzhi${w} r,m,r`, `bzhi${w} ${r.b},(%rdi),${r.a}`, LOGIC);
  add(`mulx${w} r,r,r`, `mulx${w} ${r.b},${r.a},${r.r8}`, ALL);
  add(`mulx${w} m,r,r`, `mulx${w} 8(%rdi),${r.r9},${r.d}`, ALL);
  add(`mulx${w} one target`, `mulx${w} ${r.b},${r.a},${r.a}`, ALL);
  add(`mulx${w} source and target`, `mulx${w} ${r.a},${r.a},${r.d}`, ALL);
  for (const op of ['pdep', 'pext']) {
    add(`${op}${w} r,r,r`, `${op}${w} ${r.b},${r.a},${r.d}`, ALL);
    add(`${op}${w} m,r,r`, `${op}${w} 8(%rdi),${r.a},${r.a}`, ALL);
  }
  for (const op of ['shlx', 'shrx', 'sarx']) {
    add(`${op}${w} r,r,r`, `${op}${w} ${r.c},${r.a},${r.d}`, ALL);
    add(`${op}${w} r,m,r`, `${op}${w} ${r.b},3(%rdi),${r.a}`, ALL);
  }
  for (const n of [0, 1, 8, 17, 31, 33, 63]) {
    add(`rorx${w} ${n} r,r`, `rorx${w} $${n},${r.b},${r.a}`, ALL);
    add(`rorx${w} ${n} m,r`, `rorx${w} $${n},7(%rdi),${r.d}`, ALL);
  }
  for (const op of ['adcx', 'adox']) {
    add(`${op}${w} r,r`, `${op}${w} ${r.b},${r.a}`, ALL);
    add(`${op}${w} m,r`, `${op}${w} 8(%rdi),${r.a}`, ALL);
    add(`${op}${w} +set`, `${op}${w} ${r.b},${r.a}; seto %r8b; setc 40(%rdi); setz 41(%rdi); sets 42(%rdi); setp 43(%rdi)`, ALL);
    add(`${op}${w} after add`, `add ${r.b},${r.d}; ${op}${w} ${r.b},${r.a}; jc 1f; lea 1(%r8),%r8; 1: jo 1f; lea 2(%r8),%r8; 1:`, ALL);
  }
  add(`adcx adox${w} chain`, `adcx${w} ${r.b},${r.a}; adox${w} ${r.a},${r.d}; adcx${w} ${r.d},${r.c}; adox${w} ${r.b},${r.r9}`, ALL);
  add(`movbe${w} m,r`, `movbe${w} 1(%rdi),${r.a}`, ALL);
  add(`movbe${w} r,m`, `movbe${w} ${r.b},9(%rdi)`, ALL);
  add(`movdiri${w}`, `movdiri ${r.b},8(%rdi)`, ALL);
}
add('movbew', 'movbew 3(%rdi),%ax; movbew %bx,(%rdi)', ALL);
for (const [s, a, b] of [
  ['w', '%ax', '%bx'],
  ['l', '%eax', '%ebx'],
  ['q', '%rax', '%rbx'],
] as const) {
  for (const op of ['lzcnt', 'tzcnt']) {
    consumers(`${op}${s} r,r`, `${op}${s} ${b},${a}`, F.CF | F.ZF);
    add(`${op}${s} m,r`, `${op}${s} 8(%rdi),${a}`, F.CF | F.ZF);
  }
}
add('movdir64b', 'lea vectors(%rip),%r8; movdir64b (%rdi),%r8; mov 24(%r8),%rax; mov 56(%r8),%rbx; xor %r8d,%r8d', 0);
for (const s of ['fs', 'gs'] as const) {
  add(`${s}base q`, `wr${s}base %r8; rd${s}base %rdx; rd${s}base %ebx; mov %${s}:8,%rcx; xor %r8d,%r8d; wr${s}base %r8`, 0, 'mov %rdi,%r8');
  add(`${s}base l`, `wr${s}base %eax; rd${s}base %rdx; xor %r8d,%r8d; wr${s}base %r8`, 0);
}
for (const op of ['clflush', 'clflushopt', 'clwb', 'prefetchw', 'prefetchwt1', 'cldemote']) add(op, `${op} 3(%rdi)`, ALL);
// what they give is chance; that they give, their flags and what they leave alone is not
for (const op of ['rdrand', 'rdseed']) {
  const again = `1: ${op}`;
  add(`${op} w`, `${again} %ax; jnc 1b; pushfq; pop %rdx; and $0x8d5,%edx; mov $0,%ax`, 0);
  add(`${op} l`, `${again} %eax; jnc 1b; pushfq; pop %rdx; and $0x8d5,%edx; shr $32,%rax`, 0);
  add(`${op} q`, `${again} %rax; jnc 1b; pushfq; pop %rdx; and $0x8d5,%edx; xor %eax,%eax`, 0);
}

export const BMI: readonly Statement[] = list;
