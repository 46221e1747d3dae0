/**
 * AVX, AVX2, FMA and F16C: a statement for every form that the engine has and every way its operands can coincide, in registers, in unaligned memory
 * and across pages; immediates; MXCSR's modes. ymm0 = (A, B, ~A, A), ymm1 = (B, A, D, ~A), ymm2 = (~A, A, B, A), ymm3 = ymm1's quadwords, permuted.
 */
import { allForms } from '../../src/machine/engine/semantics/forms.ts';
import { ALL, type Statement } from './emit.ts';

const list: Statement[] = [];
const intel = (code: string): string => `.intel_syntax noprefix; ${code}; .att_syntax prefix`;
const add = (name: string, code: string, defined = ALL): void => {
  list.push({ name, code: intel(code), defined });
};

const POINTER: Readonly<Record<string, string>> = {
  m1: 'byte',
  m2: 'word',
  m4: 'dword',
  m8: 'qword',
  m16: 'xmmword',
  m32: 'ymmword',
};
const GPR: Readonly<Record<string, string>> = { r4: 'eax', r8: 'rax' };
type Addresses = (bytes: number) => string;
/** Aligned to 32, odd, across a page, with an index. */
const ADDRESSES: Readonly<Record<string, Addresses>> = {
  aligned: () => '[rdi+32]',
  odd: () => '[rdi+3]',
  cross: (bytes) => (bytes === 1 ? '[r15+3]' : `[r15+4-${bytes >> 1}]`),
  indexed: () => '[rdi+r9*2+5]',
};

/** Intel syntax of a form with registers by number. */
function text(name: string, shape: string, registers: readonly number[], address: Addresses, imm: number): string {
  let n = 0;
  const operands = shape.split(',').map((s) => {
    if (s === 'i') return `${imm}`;
    if (s.startsWith('m')) return `${POINTER[s]} ptr ${address(Number(s.slice(1)))}`;
    if (s.startsWith('r')) return GPR[s];
    return `${s === 'x32' ? 'ymm' : 'xmm'}${registers[n++]}`;
  });
  // GNU as calls the form with 64-bit lengths so, and takes VNNI for AVX-512's otherwise.
  const prefix = name.startsWith('vpdp') ? '{vex} ' : '';
  return `${prefix}${name.replace(/64$/, 'q')} ${operands.join(',')}`;
}

const IMMEDIATES: readonly (readonly [RegExp, readonly number[]])[] = [
  [/^vcmp/, Array.from({ length: 32 }, (_, i) => i)],
  [/^vround/, [0, 1, 2, 3, 4, 8, 9, 10, 11, 12]],
  [/^vcvtps2ph/, [0, 1, 2, 3, 4]],
  [/^vp(sll|srl|sra)/, [0, 1, 7, 15, 16, 31, 33, 64, 200]],
  [/^vpalignr/, [0, 1, 7, 15, 16, 17, 31, 32, 255]],
  [/^vperm2/, [0, 1, 2, 3, 0x20, 0x31, 0x13, 0x08, 0x80, 0x88, 0xff]],
  [/^v(insert|extract)[fi]128/, [0, 1, 255]],
  [/^vpcmp[ei]str/, [0, 0x0c, 0x18, 0x44, 0x3a, 0x71]],
  [/./, [0, 1, 0x1b, 0x4e, 0x93, 0xe4, 0xaa, 0xff]],
];
const ALIGNED = /^vmov(aps|apd|dqa|nt)/;
/** What looks at MXCSR, or changes it. */
const FLOAT =
  /^v(add|sub|mul|div|min|max|sqrt|hadd|hsub|addsub|cmp|comi|ucomi|round|dp|cvt|fmadd|fmsub|fnmadd|fnmsub|fmaddsub|fmsubadd)(?!.*str).*/;
const MODES: Readonly<Record<string, number>> = {
  flags: 0x1f80,
  sticky: 0x1fa0,
  down: 0x3f80,
  up: 0x5f80,
  zero: 0x7f80,
  ftz: 0x9f80,
  daz: 0x1fc0,
  'both down': 0xbfc0,
  'both sticky': 0x9fe0,
};

/** Which registers, destination first: all different; the destination is also the first, the second source; all the same. */
const COINCIDENCES: readonly (readonly number[])[] = [
  [0, 1, 2, 3],
  [0, 0, 1, 2],
  [0, 1, 0, 3],
  [2, 1, 3, 2],
  [1, 1, 1, 1],
];

function addForm(key: string): void {
  const colon = key.indexOf(':');
  const [name, shape] = [key.slice(0, colon), key.slice(colon + 1)];
  const parts = shape.split(',');
  const vectors = parts.filter((s) => s.startsWith('x')).length;
  const hasMemory = parts.some((s) => s.startsWith('m'));
  const imms = parts.includes('i') ? (IMMEDIATES.find(([r]) => r.test(name))?.[1] ?? []) : [0];
  const places = hasMemory ? (ALIGNED.test(name) ? ['aligned'] : ['odd', 'cross', 'indexed']) : [''];
  const seen = new Set<string>();
  const one = (what: string, registers: readonly number[], place: string, imm: number, before = '', after = ''): void => {
    const code = text(name, shape, registers, ADDRESSES[place] ?? (() => ''), imm);
    if (seen.has(what + code)) return;
    seen.add(what + code);
    add(`${what}${code.replaceAll(' ', '_')}`, before + code + after);
  };
  const coincidences = vectors === 0 ? [[0]] : COINCIDENCES.filter((c, i) => i === 0 || new Set(c.slice(0, vectors)).size < vectors);
  for (const place of places)
    for (const imm of place === places[0] ? imms : imms.slice(-1)) one('', COINCIDENCES[0] as readonly number[], place, imm);
  for (const registers of coincidences) one('', registers, places[0] as string, imms.at(-1) ?? 0);
  // Memory operands meet the modes in their flags alone.
  if (!FLOAT.test(name)) return;
  for (const [mode, mxcsr] of Object.entries(MODES)) {
    if (hasMemory && mode !== 'flags') continue;
    // The immediates of compares and rounding matter to the flags, too.
    for (const imm of mode === 'flags' && !hasMemory ? imms : imms.slice(-1)) {
      const before = `mov dword ptr [rdi+60],${mxcsr}; vldmxcsr dword ptr [rdi+60]; `;
      const after = '; vstmxcsr dword ptr [rdi+40]; mov dword ptr [rdi+60],0x1f80; vldmxcsr dword ptr [rdi+60]';
      one(`${mode.replaceAll(' ', '_')}_`, [0, 1, 2, 3], places[0] as string, imm, before, after);
    }
  }
}

/** Below; RCPPS and RSQRTPS are approximations of each maker's own. */
const SEPARATE = /^v(p?gather|zero|maskmovdqu|ldmxcsr|stmxcsr|p?maskmov|rcp|rsqrt)/;
for (const f of allForms()) {
  if (!/^v[a-z]/.test(f.key) || /^ver[rw]/.test(f.key) || SEPARATE.test(f.key)) continue;
  addForm(f.key);
}

// What an approximation leaves of the register.
for (const op of ['vrcp', 'vrsqrt']) {
  add(`${op}ss`, `${op}ss xmm0,xmm1,xmm2; vinsertps xmm0,xmm0,xmm0,1; ${op}ss xmm2,xmm3,dword ptr [rdi+3]; vinsertps xmm2,xmm2,xmm2,1`);
  add(`${op}ps`, `${op}ps xmm0,xmm1; vpxor xmm1,xmm1,xmm1; vblendps ymm0,ymm0,ymm1,15`);
}
add('vzeroupper', 'vzeroupper');
add('vzeroall', 'vzeroall');
add(
  'vldmxcsr',
  'mov dword ptr [rdi+60],0x5fa1; vldmxcsr dword ptr [rdi+60]; vstmxcsr dword ptr [rdi+40]; mov dword ptr [rdi+60],0x1f80; vldmxcsr dword ptr [rdi+60]',
);
add('vmaskmovdqu', 'vmaskmovdqu xmm1,xmm2');
for (const name of ['vmaskmovps', 'vmaskmovpd', 'vpmaskmovd', 'vpmaskmovq']) {
  for (const [r, p] of [
    ['xmm', 'xmmword'],
    ['ymm', 'ymmword'],
  ] as const) {
    for (const at of ['[rdi+3]', '[r15-6]', '[r15-13]']) {
      add(`${name}_${r}_load_${at}`, `${name} ${r}0,${r}1,${p} ptr ${at}; ${name} ${r}2,${r}2,${p} ptr ${at}`);
      add(`${name}_${r}_store_${at}`, `${name} ${p} ptr ${at},${r}1,${r}2`);
    }
  }
}

// Gathers: the mask is ymm2 or ymm3, the index from a table.
for (const [name, element, index] of [
  ['vpgatherdd', 4, 4],
  ['vpgatherdq', 8, 4],
  ['vpgatherqd', 4, 8],
  ['vpgatherqq', 8, 8],
  ['vgatherdps', 4, 4],
  ['vgatherdpd', 8, 4],
  ['vgatherqps', 4, 8],
  ['vgatherqpd', 8, 8],
] as const) {
  for (const wide of [false, true]) {
    const count = (wide ? 32 : 16) / Math.max(element, index);
    const data = count * element > 16 ? 'ymm' : 'xmm';
    const indices = count * index > 16 ? 'ymm' : 'xmm';
    for (const scale of [1, 2, 4, 8])
      for (const base of ['rdi', 'r15']) {
        const load = `vmovdqu ymm1,ymmword ptr indices${index * 8}[rip]`;
        const memory = `${element === 4 ? 'dword' : 'qword'} ptr [${base}+${indices}1*${scale}${base === 'rdi' ? '+8' : '-8'}]`;
        add(`${name}_${data}_${indices}_${scale}_${base}`, `${load}; ${name} ${data}0,${memory},${data}2`);
        add(`${name}_${data}_${indices}_${scale}_${base}_all`, `${load}; vpcmpeqd ymm3,ymm3,ymm3; ${name} ${data}2,${memory},${data}3`);
      }
  }
}

export const AVX: readonly Statement[] = list;
