/**
 * Turns statements into an assembly program (GNU as, freestanding) that runs each over all operand cases, hashes results and defined flags,
 * and writes one line `name hash` per statement. The same static ELF runs natively, under qemu and under perfglass.
 *
 * Registers at a statement: rax = A, rbx = B, rcx = B, rdx = A ^ rotated B, r8 = 0, r9 = 2, rdi = a 64-byte cell (A, B, ~A, A, …),
 * rsi = cell + 32, r15 = an address 4 bytes below a page boundary (holds A, B), flags = the case's. All of these are hashed afterwards
 * except rdi, rsi, r15; r10-r14 belong to the harness.
 */

/** Arithmetic flags of RFLAGS. */
export const F = { CF: 1, PF: 4, AF: 0x10, ZF: 0x40, SF: 0x80, DF: 0x400, OF: 0x800 } as const;
export const ALL: number = F.CF | F.PF | F.AF | F.ZF | F.SF | F.OF;

export interface Statement {
  readonly name: string;
  /** AT&T syntax, lines separated by `;`. */
  readonly code: string;
  /** Flags that are defined after it: one mask, or one per count (CL & 63). */
  readonly defined: number | ((count: number) => number);
  /** Prepares operands; runs before the flags are loaded. A change of CL that counts must be copied to r11. */
  readonly setup?: string;
}

const hex = (v: bigint): string => `0x${BigInt.asUintN(64, v).toString(16)}`;

/** Doubles and pairs of floats: zeros, ones, limits, denormals, infinities, NaNs quiet and signalling, halves, values at integer limits. */
export const FLOATS: readonly bigint[] = [
  0n,
  0x8000000000000000n, // -0
  0x3ff0000000000000n, // 1
  0xbff8000000000000n, // -1.5
  0x4004000000000000n, // 2.5: a tie
  0x400c000000000000n, // 3.5: a tie
  0x41dfffffffe00000n, // 2^31 - 0.5
  0xc1e0000000000000n, // -2^31
  0x43e0000000000000n, // 2^63
  0x7fefffffffffffffn, // the largest
  0x0010000000000000n, // the smallest normal
  0x000fffffffffffffn, // a denormal
  0x7ff0000000000000n, // infinity
  0xfff0000000000000n,
  0x7ff8000000000123n, // quiet NaN with a payload
  0xfff4000000000456n, // signalling NaN
  0x3fb999999999999an, // 0.1
  0x3f8000003fc00000n, // floats 1.5, 1
  0xbf8000007f800000n, // inf, -1
  0x7fc0004200000001n, // the smallest denormal, NaN
  0xcf0000004effffffn, // 2^31 - 128, -2^31
  0x3dcccccd7fa00077n, // signalling NaN, 0.1
  0x4020000040600000n, // 3.5, 2.5: ties
  0x800000007f7fffffn, // the largest, -0
];

/** Operand values: the corners of every width, counts around the widths, and a few without structure. */
export const VALUES: readonly bigint[] = [
  0n,
  1n,
  7n,
  8n,
  33n,
  0x7fn,
  0x80n,
  0xffffn,
  0x8000n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xffffffffffffffffn,
  0x0123456789abcdefn,
  0xfedcba9876543210n,
  0xa5a5f00f3c3c1ec9n,
];

/** How vectors are loaded and hashed. */
const VECTORS = {
  integer: { load: '', save: '' },
  sse: {
    load: 'movups (%rdi),%xmm0; movups 32(%rdi),%xmm1; movups 16(%rdi),%xmm2',
    save: 'lea vectors(%rip),%r10; movups %xmm0,(%r10); movups %xmm1,16(%r10); movups %xmm2,32(%r10)',
  },
  avx: {
    load: 'vmovups (%rdi),%ymm0; vmovups 32(%rdi),%ymm1; vmovups 16(%rdi),%ymm2; vpermq $0x8d,%ymm1,%ymm3; vmovups %ymm1,-20(%r15); mov %rax,(%r15); mov %rbx,8(%r15)',
    save: 'lea vectors(%rip),%r10; vmovups %ymm0,(%r10); vmovups %ymm1,32(%r10); vmovups %ymm2,64(%r10); vmovups %ymm3,96(%r10)',
  },
} as const;
const MIXED = { integer: 0, sse: 6, avx: 16 } as const;
/** Bytes around the page boundary, from cross + 4092. */
const CROSSED = { integer: [0, 8], sse: [0, 8], avx: [-20, -12, -4, 4, 12, 20] } as const;
export type Kind = keyof typeof VECTORS;
/** The harness of a set of statements, by the set's name. */
export const kindOf = (set: string): Kind => (set === 'integer' || set === 'bmi' ? 'integer' : set === 'avx' ? 'avx' : 'sse');

const harness = (kind: Kind): string => `
  .globl _start
  .text
/* rdi: text, rsi: its length */
write: mov %rsi,%rdx; mov %rdi,%rsi; mov $1,%edi; mov $1,%eax; syscall; ret
/* r14 as 16 digits and a newline */
digits: lea line(%rip),%rdi; mov $16,%ecx
1: mov %r14,%rax; shr $60,%rax; cmp $10,%al; jb 2f; add $39,%al
2: add $48,%al; mov %al,(%rdi); inc %rdi; shl $4,%r14; dec %ecx; jnz 1b
  movb $10,(%rdi); lea line(%rip),%rdi; mov $17,%esi; jmp write
/* loads the operands of the case at r12 */
load: mov (%r12),%rax; mov 8(%r12),%rbx
  mov %rbx,%rcx; mov %rbx,%r11; mov %rbx,%rdx; rol $17,%rdx; xor %rax,%rdx
  lea cell(%rip),%rdi; lea 32(%rdi),%rsi; lea cross+4092(%rip),%r15
  mov %rax,%r10; not %r10
  mov %rax,(%rdi); mov %rbx,8(%rdi); mov %r10,16(%rdi); mov %rax,24(%rdi)
  mov %rbx,32(%rdi); mov %rax,40(%rdi); mov %rdx,48(%rdi); mov %r10,56(%rdi)
  mov %rax,(%r15); mov %rbx,8(%r15)
  ${VECTORS[kind].load}
  xor %r8d,%r8d; mov $2,%r9d; ret
/* hashes registers, memory and the defined flags; r13 = table of masks by count */
.macro MIX src
  rol $13,%r14; xor \\src,%r14; lea 1(%r14,%r14,4),%r14
.endm
save: pushfq; pop %r10; and $63,%r11d; movzwl (%r13,%r11,2),%r11d; and %r11,%r10
  MIX %r10; MIX %rax; MIX %rbx; MIX %rcx; MIX %rdx; MIX %r8; MIX %r9
  lea cell(%rip),%r10
  MIX (%r10); MIX 8(%r10); MIX 16(%r10); MIX 24(%r10); MIX 32(%r10); MIX 40(%r10); MIX 48(%r10); MIX 56(%r10)
  lea cross+4092(%rip),%r10
  ${CROSSED[kind].map((at) => `MIX ${at}(%r10)`).join('; ')}
  ${VECTORS[kind].save}
  ${Array.from({ length: MIXED[kind] }, (_, i) => `MIX ${i * 8}(%r10)`).join('; ')}
  push $2; popfq; cld; ret
`;

function maskTable(defined: Statement['defined']): string {
  const row = Array.from({ length: 64 }, (_, i) => (typeof defined === 'number' ? defined : defined(i)));
  return row.join(',');
}

const VALUES_OF: Record<Kind, readonly bigint[]> = {
  integer: VALUES,
  sse: [...VALUES.slice(0, 3), ...VALUES.slice(11), ...FLOATS],
  avx: [...VALUES.slice(15), ...FLOATS],
};
/** The program's text. Cases are value × value × {no flag, every flag}; `sse` and `avx` load vector registers from the values too and hash them. */
export function program(statements: readonly Statement[], kind: Kind = 'integer'): string {
  const values = VALUES_OF[kind];
  const masks = new Map<string, string>();
  const names = new Set<string>();
  const text: string[] = [harness(kind), '_start:'];
  const data: string[] = ['  .section .rodata'];
  for (const [i, s] of statements.entries()) {
    if (names.has(s.name)) throw new Error(`two statements are called ${s.name}`);
    names.add(s.name);
    const table = maskTable(s.defined);
    let mask = masks.get(table);
    if (mask === undefined) {
      mask = `mask${masks.size}`;
      masks.set(table, mask);
    }
    const body = s.code.split(';').map((l) => l.trim());
    text.push(
      `  lea name${i}(%rip),%rdi; mov $${s.name.length + 1},%esi; call write`,
      `  lea cases(%rip),%r12; lea ${mask}(%rip),%r13; xor %r14d,%r14d`,
      `s${i}: call load`,
      ...(s.setup === undefined ? [] : s.setup.split(';').map((l) => `  ${l.trim()}`)),
      '  pushq 16(%r12)',
      '  popfq',
      ...body.map((l) => `  ${l}`),
      '  call save',
      `  add $24,%r12; lea cases_end(%rip),%r10; cmp %r10,%r12; jne s${i}`,
      '  call digits',
    );
    data.push(`name${i}: .ascii "${s.name} "`);
  }
  text.push('  mov $231,%eax; xor %edi,%edi; syscall');
  data.push('  .balign 8', 'cases:');
  // AVX has so many statements that every third pair must do.
  const isUsed = (i: number, j: number): boolean => kind !== 'avx' || i === j || (i + j) % 3 === 0;
  for (const [i, a] of values.entries())
    for (const b of values.filter((_, j) => isUsed(i, j)))
      for (const flags of kind === 'avx' ? [2 | ALL] : [2, 2 | ALL]) data.push(`  .quad ${hex(a)},${hex(b)},${flags}`);
  data.push('cases_end:', 'mxcsr: .long 0x1f80,0x3f80,0x5f80,0x7f80');
  if (kind === 'avx') data.push('indices32: .long 3,0,7,-1,5,2,4,1', 'indices64: .quad 2,-1,5,1');
  for (const [table, label] of masks) data.push(`${label}: .short ${table}`);
  data.push(
    '  .bss',
    '  .balign 4096',
    'cross: .skip 8192',
    '  .balign 64',
    'cell: .skip 64',
    'vectors: .skip 128',
    'line: .skip 24',
    '  .section .note.GNU-stack,"",@progbits',
  );
  return `${[...text, ...data].join('\n')}\n`;
}
