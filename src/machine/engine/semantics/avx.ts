/** AVX and AVX2: which SSE instructions have VEX forms on 128 and on 256 bits, and how the irregular ones become what they are. SDM Vol. 2. */
import { eqz, extU, k32, or, shl, type Val } from '#base/wasm/ops.ts';
import { anyTrue, bitmask32, bitmask64, bitmask8, shuffleLanes, V, v } from '#base/wasm/simd.ts';
import type { Machine, Place, Width } from '../machine.ts';
import { defineAvxMemory } from './avx-memory.ts';
import { defineAvxPermutes } from './avx-permute.ts';
import { defineAvxVnni } from './avx-vnni.ts';
import { defineFma } from './fma.ts';
import type { Form, FormTable, Semantics } from './registry.ts';
import { comparePacked, compareScalar, FORMATS, scalarShapes, setComparison } from './sse-float.ts';
import { binary, ZERO } from './sse-int.ts';
import { BLEND_BY_SIGN } from './sse4.ts';
import { lift, shapeOfForm, vex128, vex256 } from './vex.ts';

const VECTOR = { cost: 'vector' } as const;

const words = (...lists: string[]): string[] => lists.join(' ').split(' ');
const packed = (names: string): string[] => names.split(' ').flatMap((n) => [`${n}ps`, `${n}pd`]);
const scalars = (names: string): string[] => names.split(' ').flatMap((n) => [`${n}ss`, `${n}sd`]);

/** On 128 and 256 bits, half by half. */
const BOTH: readonly string[] = [
  ...packed('add sub mul div min max sqrt and andn or xor unpckl unpckh hadd hsub addsub shuf blend round movnt mova movu'),
  ...words(
    'rcpps rsqrtps dpps cvtdq2ps cvtps2dq cvttps2dq movsldup movshdup movdqa movdqu lddqu movntdq movntdqa',
    'paddb paddw paddd paddq psubb psubw psubd psubq paddsb paddsw paddusb paddusw psubsb psubsw psubusb psubusw',
    'pmullw pmulhw pmulhuw pmaddwd pmuludq psadbw pand pandn por pxor pcmpeqb pcmpeqw pcmpeqd pcmpgtb pcmpgtw pcmpgtd',
    'pminub pmaxub pminsw pmaxsw pavgb pavgw packsswb packssdw packuswb',
    'punpcklbw punpcklwd punpckldq punpcklqdq punpckhbw punpckhwd punpckhdq punpckhqdq pshufd pshuflw pshufhw pslldq psrldq',
    'pshufb phaddw phaddd phaddsw phsubw phsubd phsubsw pmaddubsw pmulhrsw psignb psignw psignd pabsb pabsw pabsd palignr',
    'aesenc aesenclast aesdec aesdeclast gf2p8mulb gf2p8affineqb gf2p8affineinvqb pclmulqdq',
    'packusdw pcmpeqq pcmpgtq pmaxsb pmaxsd pmaxud pmaxuw pminsb pminsd pminud pminuw pmulld pmuldq pblendw mpsadbw',
  ),
];
/** Shifts: a count in an XMM register (or memory), or an immediate, serves both halves. */
const SHIFTS = words('psllw pslld psllq psrlw psrld psrlq psraw psrad');
/** On 128 bits only, or with a 256-bit form of its own below. */
const ONLY_128: readonly string[] = [
  ...scalars('add sub mul div min max sqrt round'),
  ...words('rcpss rsqrtss comiss comisd ucomiss ucomisd cvtss2sd cvtsd2ss cvtsi2ss cvtsi2sd cvtss2si cvtsd2si cvttss2si cvttsd2si'),
  ...words('movss movsd movlps movlpd movhps movhpd movhlps movlhps movd movq movddup maskmovdqu movmskps movmskpd pmovmskb'),
  ...words(
    'pextrb pextrw pextrd pextrq extractps aesimc aeskeygenassist pinsrb pinsrw pinsrd pinsrq insertps dppd phminposuw ptest ldmxcsr stmxcsr',
  ),
  ...words('cvtdq2pd cvtps2pd cvtpd2ps cvtpd2dq cvttpd2dq'),
  ...['s', 'z'].flatMap((l) => ['bw', 'bd', 'bq', 'wd', 'wq', 'dq'].map((x) => `pmov${l}x${x}`)),
  ...words('pcmpistri pcmpestri pcmpestri64'),
];
/** The result is XMM0. */
const TO_XMM0 = words('pcmpistrm pcmpestrm pcmpestrm64');
/** The upper half takes its immediate from higher bits. */
const IMM_SHIFT: Readonly<Record<string, number>> = { shufpd: 2, blendps: 4, blendpd: 2, mpsadbw: 3 };

/** Sources of half the width: bytes for each half. */
const WIDENING: Readonly<Record<string, Width>> = {
  cvtdq2pd: 8,
  cvtps2pd: 8,
  ...Object.fromEntries(
    ['s', 'z'].flatMap((l) => Object.entries({ bw: 8, wd: 8, dq: 8, bd: 4, wq: 4, bq: 2 }).map(([x, n]) => [`pmov${l}x${x}`, n])),
  ),
};
const NARROWING = words('cvtpd2ps cvtpd2dq cvttpd2dq');
export const lowHalves = (low: Val, high: Val): Val => shuffleLanes(8, low, high, [0, 2]);

function defineIrregular(t: FormTable, one: (name: string, shape: string) => Form): void {
  for (const [name, bytes] of Object.entries(WIDENING)) {
    const f = one(name, 'x16,x16');
    const memory = bytes === 8 ? 'u16' : `m${bytes * 2}`;
    t.def(`v${name}`, ['x32,x16', `x32,${memory}`], 'w,r', lift(f.semantics, { halves: 2, first: 'none', sourceBytes: bytes }), VECTOR);
  }
  for (const name of NARROWING) {
    const f = one(name, 'x16,x16');
    t.def(`v${name}`, ['x16,x32', 'x16,u32'], 'w,r', lift(f.semantics, { halves: 2, first: 'none', narrow: lowHalves }), VECTOR);
  }
  t.def('vmovddup', ['x32,x32', 'x32,u32'], 'w,r', lift(one('movddup', 'x16,x16').semantics, { halves: 2, first: 'none' }), VECTOR);
  const mask = (name: string, f: (a: Val) => Val, lanes: number): void =>
    t.def(
      name,
      ['r4,x32', 'r8,x32'],
      'w,r',
      (m, d, s) => {
        const [low, high] = [0, 16].map((at) => f((s as Place).part(at, 16).get())) as [Val, Val];
        (d as Place).set(m.let(extU(or(low, shl(high, k32(lanes))))));
      },
      VECTOR,
    );
  mask('vpmovmskb', bitmask8, 16);
  mask('vmovmskps', bitmask32, 4);
  mask('vmovmskpd', bitmask64, 2);
}

/** ZF: nothing in common; CF: nothing in the second source that is not in the first. */
function test(m: Machine, d: Place, s: Place, some: (x: Val) => Val): void {
  const halves = (p: Place): Val[] => (p.w === 32 ? [0, 16].map((at) => p.part(at, 16).get()) : [p.get()]);
  const [b, a] = [halves(s), halves(d)];
  const none = (f: (x: Val, y: Val) => Val): Val => eqz(a.map((x, i) => some(f(x, b[i] as Val))).reduce(or));
  setComparison(
    m,
    none((x, y) => v(V.and, x, y)),
    k32(0),
    none((x, y) => v(V.andnot, y, x)),
  );
}

/** Compare and blend: VEX encodes what SSE does not. */
function defineExtended(t: FormTable): void {
  for (const { suffix, ty, bytes } of FORMATS) {
    t.def(
      `vcmpp${suffix}`,
      ['x16,x16,x16,i', 'x16,x16,u16,i'],
      'w,r,r,r',
      lift(comparePacked(ty, 31), { halves: 1, first: 'second' }),
      VECTOR,
    );
    t.def(
      `vcmpp${suffix}`,
      ['x32,x32,x32,i', 'x32,x32,u32,i'],
      'w,r,r,r',
      lift(comparePacked(ty, 31), { halves: 2, first: 'second' }),
      VECTOR,
    );
    const shapes = scalarShapes(bytes).map((s) => `x16,${s},i`);
    t.def(`vcmps${suffix}`, shapes, 'w,r,r,r', lift(compareScalar(ty, 31), { halves: 1, first: 'second' }), VECTOR);
    const some = ty === 'f64' ? bitmask64 : bitmask32;
    t.def(
      `vtestp${suffix}`,
      ['x16,x16', 'x16,u16', 'x32,x32', 'x32,u32'],
      'r,r',
      (m, d, s) => test(m, d as Place, s as Place, some),
      VECTOR,
    );
  }
  t.def('vptest', ['x32,x32', 'x32,u32'], 'r,r', (m, d, s) => test(m, d as Place, s as Place, anyTrue), VECTOR);
  for (const [name, mask] of Object.entries(BLEND_BY_SIGN)) {
    const blend = (m: Machine, d?: Place, s?: Place, k?: Place): void => {
      const [b, which] = [(s as Place).get(), (k as Place).get()];
      binary((a) => v(V.bitselect, b, a, mask(which)))(m, d as Place, s as Place);
    };
    t.def(`v${name}`, ['x16,x16,x16,x16', 'x16,x16,u16,x16'], 'w,r,r,r', lift(blend, { halves: 1, first: 'second' }), VECTOR);
    t.def(`v${name}`, ['x32,x32,x32,x32', 'x32,x32,u32,x32'], 'w,r,r,r', lift(blend, { halves: 2, first: 'second' }), VECTOR);
  }
}

/** `t` holds the SSE forms already. */
export function defineAvx(t: FormTable): void {
  const byName = new Map<string, Form[]>();
  for (const f of t.forms.values()) {
    const name = f.key.split(':')[0] as string;
    byName.set(name, [...(byName.get(name) ?? []), f]);
  }
  // MMX and the string instructions share mnemonics.
  const of = (name: string): Form[] => {
    const forms = (byName.get(name) ?? []).filter((f) => f.operands.length > 0 && !f.operands.some((o) => o.kind === 'x' && o.w === 8));
    if (forms.length === 0) throw new Error(`no SSE form ${name}`);
    return forms;
  };
  const one = (name: string, shape: string): Form => of(name).find((f) => shapeOfForm(f) === shape) as Form;
  for (const name of [...BOTH, ...SHIFTS, ...ONLY_128, 'a32 maskmovdqu']) for (const f of of(name)) vex128(t, name, f);
  for (const name of BOTH) for (const f of of(name)) vex256(t, name, f, IMM_SHIFT[name] ?? 0);
  for (const name of SHIFTS) for (const f of of(name)) vex256(t, name, f, 0, [1]);
  for (const name of TO_XMM0)
    for (const f of of(name)) {
      const semantics: Semantics = (m, ...places) => {
        f.semantics(m, ...places);
        const result = m.xmm(0);
        result.setVector(result.get(), ZERO);
      };
      t.def(`v${name}`, [shapeOfForm(f).replace('m16', 'u16')], 'r,r,r', semantics, VECTOR);
    }
  defineIrregular(t, one);
  defineExtended(t);
  defineAvxPermutes(t);
  defineAvxMemory(t);
  defineFma(t);
  defineAvxVnni(t);
  t.def('vzeroupper', [''], '', (m) => m.zeroVectors('upper'), VECTOR);
  t.def('vzeroall', [''], '', (m) => m.zeroVectors('all'), VECTOR);
}
