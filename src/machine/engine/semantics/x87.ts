/** x87 instructions: operands here, meaning in soft/x87.ts. SDM Vol. 1 ch. 8. */
import { eq, k32, or, select, type Val, wrap } from '#base/wasm/ops.ts';
import { lane32, lane64, withLane64 } from '#base/wasm/simd.ts';
import type { Cc, Machine, Place } from '../machine.ts';
import { FPU_CONTROL, FPU_MEMORY, type FpuMemory, type FpuOperation, fpuOperation } from '../soft/operations.ts';
import { SYSTEM_OP, type SystemOp } from '../system-ops.ts';
import { condition } from './flags.ts';
import type { FormTable } from './registry.ts';
import { setComparison } from './sse-float.ts';
import { ZERO } from './sse-int.ts';

const X87 = { cost: 'x87' } as const;
const SOURCE_ST1 = 1 << 4;
const pops = (n: number): number => n << FPU_CONTROL.POPS;
const memory = (format: FpuMemory): number => format << FPU_CONTROL.MEMORY;

/** The record's immediate holds the stack positions; see decode/operands.ts. */
function run(m: Machine, operation: FpuOperation, control: number, value: Val = ZERO): Val {
  return m.soft(fpuOperation(operation), or(k32(control), wrap(m.imm())), value, ZERO);
}
const vector = (m: Machine, p: Place): Val => {
  const x = p.get();
  return p.w === 10 ? x : m.let(withLane64(ZERO, 0, x));
};

const FLOATS = [
  ['m4', FPU_MEMORY.F32],
  ['m8', FPU_MEMORY.F64],
] as const;
const INTEGERS = [
  ['m2', FPU_MEMORY.I16],
  ['m4', FPU_MEMORY.I32],
] as const;
const INTEGERS64 = [...INTEGERS, ['m8', FPU_MEMORY.I64]] as const;
type Formats = readonly (readonly [string, FpuMemory])[];

function defineArithmetic(t: FormTable): void {
  const simple = (name: string, operation: FpuOperation, control = 0): void =>
    t.def(name, [''], '', (m) => m.rare(() => void run(m, operation, control)), X87);
  const fromMemory = (name: string, formats: Formats, operation: FpuOperation, control: number): void => {
    for (const [shape, format] of formats)
      t.def(
        name,
        [shape],
        'r',
        (m, s) => {
          const value = vector(m, s as Place);
          m.rare(() => void run(m, operation, control | memory(format), value));
        },
        X87,
      );
  };
  for (const [name, operation] of [
    ['add', 'add'],
    ['sub', 'sub'],
    ['mul', 'mul'],
    ['div', 'div'],
  ] as const) {
    for (const [suffix, control] of [
      ['', 0],
      ['r', FPU_CONTROL.REVERSE],
    ] as const) {
      if (suffix === 'r' && (name === 'add' || name === 'mul')) continue;
      fromMemory(`f${name}${suffix}`, FLOATS, operation, control);
      fromMemory(`fi${name}${suffix}`, INTEGERS, operation, control);
      simple(`f${name}${suffix}:st`, operation, control);
      simple(`f${name}${suffix}p:st`, operation, control | pops(1));
    }
  }
  for (const [suffix, n] of [
    ['', 0],
    ['p', 1],
  ] as const) {
    fromMemory(`fcom${suffix}`, FLOATS, 'compare', pops(n));
    fromMemory(`ficom${suffix}`, INTEGERS, 'compare', pops(n));
    simple(`fcom${suffix}:st`, 'compare', pops(n));
    simple(`fucom${suffix}:st`, 'compareUnordered', pops(n));
  }
  simple('fcompp', 'compare', SOURCE_ST1 | pops(2));
  simple('fucompp', 'compareUnordered', SOURCE_ST1 | pops(2));
  fromMemory('fld', [...FLOATS, ['m10', FPU_MEMORY.F80]], 'load', 0);
  fromMemory('fild', INTEGERS64, 'load', 0);
  fromMemory('fbld', [['m10', FPU_MEMORY.BCD]], 'load', 0);
  simple('fld:st', 'load');
  simple('fst:st', 'store');
  simple('fstp:st', 'store', pops(1));
  simple('fxch:st', 'exchange');
  simple('ffree:st', 'free');
  simple('ffreep:st', 'free', pops(1));
  const plain: Readonly<Record<string, FpuOperation>> = {
    fchs: 'changeSign',
    fabs: 'absolute',
    fsqrt: 'squareRoot',
    frndint: 'round',
    fprem: 'remainder',
    fprem1: 'remainderNearest',
    fscale: 'scale',
    fxtract: 'extract',
    ftst: 'test',
    fxam: 'examine',
    fsin: 'sine',
    fcos: 'cosine',
    fsincos: 'sineCosine',
    fptan: 'tangent',
    fpatan: 'arcTangent',
    f2xm1: 'exponential',
    fyl2x: 'logarithm',
    fyl2xp1: 'logarithmPlus1',
    fincstp: 'increment',
    fdecstp: 'decrement',
    fninit: 'initialize',
    fnclex: 'clearExceptions',
    wait: 'wait',
    fnop: 'nothing',
  };
  for (const [name, operation] of Object.entries(plain)) simple(name, operation);
  for (const [i, name] of ['fld1', 'fldl2t', 'fldl2e', 'fldpi', 'fldlg2', 'fldln2', 'fldz'].entries())
    simple(name, 'constant', i << FPU_CONTROL.CONSTANT);
}

function defineStores(t: FormTable): void {
  const one = (name: string, formats: Formats, control: number): void => {
    for (const [shape, format] of formats)
      t.def(
        name,
        [shape],
        'w',
        (m, d) => {
          const p = d as Place;
          p.check();
          m.rare(() => {
            const r = run(m, 'store', control | memory(format));
            m.if(lane32(r, 3), () => p.set(p.w === 10 ? r : m.let(lane64(r, 0))));
          });
        },
        X87,
      );
  };
  one('fst', FLOATS, 0);
  one('fstp', [...FLOATS, ['m10', FPU_MEMORY.F80]], pops(1));
  one('fist', INTEGERS, 0);
  one('fistp', INTEGERS64, pops(1));
  one('fisttp', INTEGERS64, pops(1) | FPU_CONTROL.REVERSE);
  one('fbstp', [['m10', FPU_MEMORY.BCD]], pops(1));
}

function defineFlags(t: FormTable): void {
  const compare = (name: string, operation: FpuOperation, n: number): void =>
    t.def(
      `${name}:st`,
      [''],
      '',
      (m) =>
        m.rare(() => {
          const r = run(m, operation, pops(n));
          m.if(lane32(r, 1), () => {
            const order = m.let(lane32(r, 0));
            const unordered = m.let(eq(order, k32(3)));
            setComparison(m, or(eq(order, k32(2)), unordered), unordered, or(eq(order, k32(1)), unordered));
          });
        }),
      X87,
    );
  compare('fcomi', 'compareFlags', 0);
  compare('fcomip', 'compareFlags', 1);
  compare('fucomi', 'compareFlagsUnordered', 0);
  compare('fucomip', 'compareFlagsUnordered', 1);
  const conditions: Readonly<Record<string, Cc>> = { b: 2, nb: 3, e: 4, ne: 5, be: 6, nbe: 7, u: 10, nu: 11 };
  for (const [suffix, cc] of Object.entries(conditions))
    t.def(
      `fcmov${suffix}:st`,
      [''],
      '',
      (m) => {
        const holds = m.let(select(condition(m, cc), k32(FPU_CONTROL.HOLDS), k32(0)));
        m.rare(() => void m.soft(fpuOperation('moveIf'), or(holds, wrap(m.imm())), ZERO, ZERO));
      },
      X87,
    );
}

function defineControl(t: FormTable): void {
  t.def(
    'fldcw',
    ['m2'],
    'r',
    (m, s) => {
      const value = vector(m, s as Place);
      m.rare(() => void run(m, 'writeControl', 0, value));
    },
    X87,
  );
  const read = (name: string, shapes: readonly string[], operation: FpuOperation): void =>
    t.def(
      name,
      shapes,
      'w',
      (m, d) => {
        const p = d as Place;
        p.check();
        m.rare(() => p.set(m.let(lane64(run(m, operation, 0), 0))));
      },
      X87,
    );
  read('fnstcw', ['m2'], 'readControl');
  read('fnstsw', ['m2', 'r2'], 'readStatus');
  const withMemory = (name: string, op: SystemOp): void =>
    t.def(name, ['m8'], 'a', (m, p) => m.system(op, (p as Place).ea()), { cost: 'x87', ends: true });
  withMemory('fnstenv', SYSTEM_OP.FNSTENV);
  withMemory('fldenv', SYSTEM_OP.FLDENV);
  withMemory('fnsave', SYSTEM_OP.FNSAVE);
  withMemory('frstor', SYSTEM_OP.FRSTOR);
  withMemory('fnstenv16', SYSTEM_OP.FNSTENV16);
  withMemory('fldenv16', SYSTEM_OP.FLDENV16);
  withMemory('fnsave16', SYSTEM_OP.FNSAVE16);
  withMemory('frstor16', SYSTEM_OP.FRSTOR16);
  // Of the 8087 and 80287: nothing since.
  for (const name of ['fneni', 'fndisi', 'fnsetpm']) t.def(name, [''], '', () => {}, X87);
}

export function defineX87(t: FormTable): void {
  defineArithmetic(t);
  defineStores(t);
  defineFlags(t);
  defineControl(t);
}
