/**
 * VEX forms of what SSE has. A form of SSE is read as a function on 128 bits: its first operand gives the first source, where it is one, and takes
 * the result. `lift` makes of it the VEX form with a destination of its own, on one half or on both, with the upper half zeroed otherwise. All halves
 * are computed before the first is written, so that a source may be the destination and nothing is half done. SDM Vol. 1 §14.1, Vol. 2A §2.3.
 */
import { k64, shrU, type Val } from '#base/wasm/ops.ts';
import type { Machine, Place, Width } from '../machine.ts';
import type { Form, FormTable, Semantics } from './registry.ts';
import { ZERO } from './sse-int.ts';

export interface LiftOptions {
  /** 2: on 256 bits. */
  readonly halves: 1 | 2;
  /**
   * What the first operand of the SSE function reads: nothing, the VEX form's second operand (VEX.vvvv), or the destination's old value (FMA).
   */
  readonly first: 'none' | 'second' | 'own';
  /** The upper half's immediate is the immediate shifted by so much. */
  readonly immShift?: number;
  /** The sources of a half are so many bytes wide, and the upper half's are the next ones (VPMOVSX, VCVTPS2PD). */
  readonly sourceBytes?: Width;
  /** The results of the two halves are 8 bytes each, and fill a 128-bit destination. */
  readonly narrow?: (low: Val, high: Val) => Val;
}

const refuse = (): never => {
  throw new Error('an SSE function uses its first operand in a way that VEX forms do not have');
};
/** The first operand of an SSE function: reads `from`, writes `into`. */
function destination(from: Place | undefined, into: { set(v: Val): void }): Place {
  return {
    w: 16,
    kind: 'x',
    get: () => (from ?? refuse()).get(),
    getVector: () => (from ?? refuse()).getVector(),
    scalar: (ty) => (from ?? refuse()).scalar(ty),
    set: (v) => into.set(v),
    setLow: refuse,
    setVector: refuse,
    check: refuse,
    ea: refuse,
    part: refuse,
  };
}
/** An operand as one half sees it. */
function halfOf(m: Machine, p: Place, half: number, o: LiftOptions): Place {
  if (o.halves === 1) return p;
  if (p.kind === 'i') {
    const shift = half * (o.immShift ?? 0);
    return shift === 0 ? p : { ...p, get: () => m.let(shrU(p.get(), k64(shift))) };
  }
  if (o.sourceBytes !== undefined) return p.part(half * o.sourceBytes, o.sourceBytes);
  return p.w === 32 ? p.part(half * 16, 16) : p;
}

export const lift =
  (semantics: Semantics, o: LiftOptions): Semantics =>
  (m, ...places) => {
    const d = places[0] as Place;
    const first = o.first === 'none' ? undefined : o.first === 'own' ? d : places[1];
    const rest = places.slice(o.first === 'second' ? 2 : 1);
    const half = (n: number): Val => {
      const result = m.variable(ZERO);
      const from = first === undefined ? undefined : halfOf(m, first, n, o);
      semantics(m, destination(from, result), ...rest.map((p) => halfOf(m, p, n, o)));
      return result.get();
    };
    if (o.halves === 1) {
      d.setVector(half(0), ZERO);
      return;
    }
    const results: Val[] = [];
    m.together(() => results.push(half(0), half(1)));
    const [low, high] = results as [Val, Val];
    if (o.narrow !== undefined) d.setVector(o.narrow(low, high), ZERO);
    else d.setVector(low, high);
  };

/** Keys and shapes: every 16 becomes 32 but for the operands that `keep` names by position. */
export const widen = (shape: string, keep: readonly number[] = []): string =>
  shape
    .split(',')
    .map((s, i) => (keep.includes(i) ? s : s.replace('16', '32')))
    .join(',');
/** VEX memory operands need no alignment, but for the aligned moves. */
const unaligned = (shape: string): string => shape.replaceAll(/m(16|32)/g, 'u$1');
const ALIGNED = /^mov(aps|apd|dqa|nt)/;
const vexShape = (name: string, shape: string): string => (ALIGNED.test(name) ? shape : unaligned(shape));

export const shapeOfForm = (f: Form): string => f.key.slice(f.key.indexOf(':') + 1);
const options = (f: Form): { cost: Form['cost']; ends: boolean } => ({ cost: f.cost, ends: f.ends });
const accessOf = (f: Form): string => f.operands.map((o) => o.access).join();

/** `a32 maskmovdqu` becomes `a32 vmaskmovdqu`. */
const vexName = (name: string): string => name.replace(/(\w+)$/, 'v$1');

/** The VEX.128 form of an SSE form. */
export function vex128(t: FormTable, name: string, f: Form): void {
  const shape = vexShape(name, shapeOfForm(f));
  const d = f.operands[0];
  const access = accessOf(f);
  if (d === undefined || d.kind !== 'x' || d.access === 'r') {
    // Nothing of a vector register is written: the same instruction.
    t.def(vexName(name), [shape], access, f.semantics, options(f));
  } else if (d.access === 'rw') {
    t.def(`v${name}`, [`x16,${shape}`], `w,r${access.slice(2)}`, lift(f.semantics, { halves: 1, first: 'second' }), options(f));
  } else t.def(`v${name}`, [shape], access, lift(f.semantics, { halves: 1, first: 'none' }), options(f));
}

/** The VEX.256 form: both halves by the same function. `keep`: operands (of the SSE form) that stay 128 bits wide and serve both. */
export function vex256(t: FormTable, name: string, f: Form, immShift = 0, keep: readonly number[] = []): void {
  const shape = vexShape(name, widen(shapeOfForm(f), keep));
  const access = accessOf(f);
  const d = f.operands[0];
  if (d?.kind === 'm')
    t.def(
      `v${name}`,
      [shape],
      access,
      (_m, to, from) => to?.setVector((from as Place).part(0, 16).get(), (from as Place).part(16, 16).get()),
      options(f),
    );
  else if (d?.access === 'rw') {
    const semantics = lift(f.semantics, { halves: 2, first: 'second', immShift });
    t.def(`v${name}`, [`x32,${shape}`], `w,r${access.slice(2)}`, semantics, options(f));
  } else t.def(`v${name}`, [shape], access, lift(f.semantics, { halves: 2, first: 'none', immShift }), options(f));
}
