/** PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM. SDM Vol. 2A §4.1; on vectors in SOFT, result and flags there. */
import { RFLAGS } from '#arch/registers.ts';
import { SOFT } from '../layout.ts';
import { IMPLICIT_LENGTH } from './operations.ts';

const AGGREGATION = { EQUAL_ANY: 0, RANGES: 1, EQUAL_EACH: 2, EQUAL_ORDERED: 3 } as const;

interface Elements {
  readonly values: readonly number[];
  /** How many of them are valid. */
  readonly length: number;
}

function elements(view: DataView, at: number, imm: number, length: number): Elements {
  const words = (imm & 1) !== 0;
  const signed = (imm & 2) !== 0;
  const n = words ? 8 : 16;
  const values = Array.from({ length: n }, (_, i) => {
    if (words) return signed ? view.getInt16(at + i * 2, true) : view.getUint16(at + i * 2, true);
    return signed ? view.getInt8(at + i) : view.getUint8(at + i);
  });
  const zero = values.indexOf(0);
  return { values, length: length === IMPLICIT_LENGTH ? (zero < 0 ? n : zero) : Math.min(length, n) };
}

/** IntRes1: one bit per element of the second operand (of the first position for EQUAL_ORDERED). */
function aggregate(kind: number, a: Elements, b: Elements): number {
  const n = b.values.length;
  const at = (e: Elements, i: number): number => e.values[i] as number;
  const test = (j: number): boolean => {
    switch (kind) {
      case AGGREGATION.EQUAL_ANY:
        return j < b.length && a.values.slice(0, a.length).includes(at(b, j));
      case AGGREGATION.RANGES:
        if (j >= b.length) return false;
        for (let i = 0; i + 1 < a.length; i += 2) if (at(a, i) <= at(b, j) && at(b, j) <= at(a, i + 1)) return true;
        return false;
      case AGGREGATION.EQUAL_EACH:
        return j < a.length && j < b.length ? at(a, j) === at(b, j) : j >= a.length && j >= b.length;
      default:
        for (let i = 0; i < a.length && i + j < n; i++) if (i + j >= b.length || at(a, i) !== at(b, i + j)) return false;
        return true;
    }
  };
  let bits = 0;
  for (let j = 0; j < n; j++) if (test(j)) bits |= 1 << j;
  return bits;
}

/** Operands in SOFT.A and SOFT.B. INDEX: result lane 0 = index, lane 1 = flags in RFLAGS positions; MASK: the mask for XMM0. */
export function compareStrings(view: DataView, wantMask: boolean, control: number): void {
  const imm = control & 255;
  const a = elements(view, SOFT.A, imm, (control >> 8) & 31);
  const b = elements(view, SOFT.B, imm, (control >> 16) & 31);
  const n = b.values.length;
  const valid = (1 << b.length) - 1;
  let bits = aggregate((imm >> 2) & 3, a, b);
  const polarity = (imm >> 4) & 3;
  if (polarity === 1) bits ^= (1 << n) - 1;
  else if (polarity === 3) bits ^= valid;
  for (let i = 0; i < 16; i += 4) view.setUint32(SOFT.RESULT + i, 0, true);
  if (wantMask) {
    if ((imm & 0x40) === 0) return view.setUint16(SOFT.RESULT, bits, true);
    const bytes = 16 / n;
    for (let i = 0; i < 16; i++) view.setUint8(SOFT.RESULT + i, (bits >> Math.floor(i / bytes)) & 1 ? 255 : 0);
    return;
  }
  const index = bits === 0 ? n : (imm & 0x40) === 0 ? 31 - Math.clz32(bits & -bits) : 31 - Math.clz32(bits);
  const flags =
    (bits !== 0 ? RFLAGS.CF : 0) | (b.length < n ? RFLAGS.ZF : 0) | (a.length < n ? RFLAGS.SF : 0) | ((bits & 1) !== 0 ? RFLAGS.OF : 0);
  view.setUint32(SOFT.RESULT, index, true);
  view.setUint32(SOFT.RESULT + 4, flags, true);
}
