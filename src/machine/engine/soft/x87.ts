/**
 * x87 in TypeScript: extended precision, rounding and precision control, masked and unmasked responses. SDM Vol. 1 ch. 8, Vol. 2.
 * FIP, FDP and FOP stay 0.
 */
import { VECTOR } from '#arch/registers.ts';
import { SOFT } from '../layout.ts';
import {
  addRaw,
  bitLength,
  compare,
  DEFAULT_NAN,
  divRaw,
  DOUBLE,
  exact,
  EXTENDED,
  FLAG,
  type Format,
  infinite,
  mulRaw,
  negate,
  type Num,
  pack,
  quiet,
  type Raw,
  round,
  type Rounding,
  SINGLE,
  sqrtRaw,
  toInteger,
  unpack,
  zero,
} from './float.ts';
import { FPU_BASE, FPU_CONTROL, FPU_MEMORY, FPU_OPERATIONS, type FpuMemory, type FpuOperation } from './operations.ts';
import { fromBcd, toBcd } from './x87-bcd.ts';
import { partialRemainder } from './x87-remainder.ts';
import { atan2, cos, exp2Minus1, outOfRange, sin, tan, yLog2, yLog2Plus1 } from './x87-transcendental.ts';
import { chooseNan, CONSTANTS, indefinite, integer, scaled } from './x87-values.ts';
import { fromExtended, FpuState, STATUS, UNSUPPORTED } from './x87-state.ts';

const PRE = FLAG.IE | FLAG.DE | FLAG.ZE;
/** Lane 3 of the result: memory may be written. */
const WRITE_OK = SOFT.RESULT + 12;
/** Exponents are wrapped by this much when overflow or underflow is unmasked. */
const WRAP = 24576;

export function softX87(view: DataView): (operation: number, imm: number) => number {
  const x87 = new X87(view);
  return (operation, imm) => x87.execute(FPU_OPERATIONS[operation - FPU_BASE] as FpuOperation, imm);
}

const target = (imm: number): number => imm & 7;
const source = (imm: number): number => (imm >> 4) & 7;
const memory = (imm: number): FpuMemory => ((imm >> FPU_CONTROL.MEMORY) & 15) as FpuMemory;

/** Do not wait for pending exceptions: FNxxx. */
const NO_WAIT: ReadonlySet<FpuOperation> = new Set(['initialize', 'clearExceptions', 'readStatus', 'readControl']);

class X87 {
  private readonly s: FpuState;
  private readonly view: DataView;

  constructor(view: DataView) {
    this.view = view;
    this.s = new FpuState(view);
  }

  execute(name: FpuOperation, imm: number): number {
    if ((this.s.status & STATUS.ES) !== 0 && !NO_WAIT.has(name)) return VECTOR.MF;
    this.view.setUint32(WRITE_OK, 1, true);
    this.run(name, imm);
    return 0;
  }
  private run(name: FpuOperation, imm: number): void {
    const s = this.s;
    switch (name) {
      case 'add':
      case 'sub':
      case 'mul':
      case 'div':
        return this.arithmetic(name, imm);
      case 'load':
        return this.load(imm);
      case 'store':
        return this.store(imm);
      case 'compare':
      case 'compareUnordered':
      case 'compareFlags':
      case 'compareFlagsUnordered':
        return this.compare(name, imm);
      case 'moveIf':
        if (s.empty(0) || s.empty(source(imm))) {
          if (s.underflow()) s.set(0, DEFAULT_NAN);
        } else if ((imm & FPU_CONTROL.HOLDS) !== 0) s.setRaw(0, s.raw(source(imm)));
        return;
      case 'exchange':
        return this.exchange(source(imm));
      case 'changeSign':
      case 'absolute':
        return this.signs(name);
      case 'squareRoot':
        return this.unary((n) => sqrtRaw(n), s.format);
      case 'round':
        return this.roundToInteger();
      case 'remainder':
      case 'remainderNearest':
        return this.remainder(name === 'remainderNearest');
      case 'scale':
        return this.scale();
      case 'extract':
        return this.extract();
      case 'test':
        this.order(s.empty(0), s.get(0), zero(0), false);
        return;
      case 'examine':
        return this.examine();
      case 'constant':
        return this.constant(imm >> FPU_CONTROL.CONSTANT);
      case 'free':
        s.tag(target(imm), false);
        if ((imm >> FPU_CONTROL.POPS) & 1) s.top++;
        return;
      case 'increment':
        s.top++;
        return s.setC1(false);
      case 'decrement':
        s.top--;
        return s.setC1(false);
      case 'initialize':
        return s.initialize();
      case 'clearExceptions':
        s.status &= 0x7f00;
        return;
      case 'readStatus':
        return this.view.setBigUint64(SOFT.RESULT, BigInt(s.status), true);
      case 'readControl':
        return this.view.setBigUint64(SOFT.RESULT, BigInt(s.control), true);
      case 'writeControl':
        s.control = this.view.getUint16(SOFT.A, true);
        return;
      case 'mmx':
        s.top = 0;
        s.tags = 255;
        return;
      case 'sine':
      case 'cosine':
      case 'sineCosine':
      case 'tangent':
        return this.trigonometric(name);
      case 'exponential':
        return this.unary(exp2Minus1, EXTENDED);
      case 'arcTangent':
        return this.binaryPop((x, y) => atan2(y, x));
      case 'logarithm':
        return this.binaryPop(yLog2);
      case 'logarithmPlus1':
        return this.binaryPop(yLog2Plus1);
      case 'emptyMmx':
        s.tags = 0;
        return;
      default:
        return;
    }
  }

  // ---- operands and results

  /** A memory operand as a number, without exceptions. Denormal singles and doubles keep their mark. */
  private operand(format: FpuMemory): Num {
    const v = this.view;
    const at = SOFT.A;
    switch (format) {
      case FPU_MEMORY.F32:
        return unpack(BigInt(v.getUint32(at, true)), SINGLE);
      case FPU_MEMORY.F64:
        return unpack(v.getBigUint64(at, true), DOUBLE);
      case FPU_MEMORY.F80:
        return fromExtended({ significand: v.getBigUint64(at, true), top: v.getUint16(at + 8, true) });
      case FPU_MEMORY.I16:
        return integer(BigInt(v.getInt16(at, true)));
      case FPU_MEMORY.I32:
        return integer(BigInt(v.getInt32(at, true)));
      case FPU_MEMORY.I64:
        return integer(v.getBigInt64(at, true));
      default:
        return fromBcd(v.getBigUint64(at, true), v.getUint16(at + 8, true));
    }
  }
  /** Flags and value of an operation on a and b; `undefined` when an unmasked pre-computation exception keeps it from happening. */
  private evaluate(raw: () => Raw, f: Format, ...operands: Num[]): Num | undefined {
    const s = this.s;
    s.setC1(false);
    const [a, b = a] = operands as [Num, Num?];
    const special = chooseNan(a, b);
    let pre: number;
    let r: Raw;
    if (special !== undefined) {
      pre = special.flags;
      r = { done: special.value };
    } else {
      r = raw();
      if (r === 'invalid') pre = FLAG.IE;
      else pre = ('done' in r ? (r.flags ?? 0) : 0) || (operands.some((n) => n.kind === 'finite' && n.denormal) ? FLAG.DE : 0);
    }
    s.raise(pre);
    if (!s.masked(pre & PRE)) return undefined;
    if (r === 'invalid') return DEFAULT_NAN;
    if ('done' in r) return r.done;
    return this.rounded(r.exact, f);
  }
  /** Rounds into a register, with the unmasked responses' wrapped exponents. */
  private rounded(x: Parameters<typeof round>[0], f: Format): Num {
    const s = this.s;
    const r = round(x, f, s.rounding);
    const overflow = (r.flags & FLAG.OE) !== 0;
    if ((overflow && !s.masked(FLAG.OE)) || (r.tiny && !s.masked(FLAG.UE))) {
      const by = overflow ? -WRAP : WRAP;
      const wrapped = round({ ...x, exp: x.exp + by }, f, s.rounding);
      s.raise((overflow ? FLAG.OE : FLAG.UE) | (wrapped.flags & FLAG.PE));
      s.setC1(wrapped.up);
      return wrapped.value;
    }
    s.raise(r.flags);
    s.setC1(r.up);
    return r.value;
  }

  // ---- instructions

  private arithmetic(name: 'add' | 'sub' | 'mul' | 'div', imm: number): void {
    const s = this.s;
    const format = memory(imm);
    const [d, other] = [target(imm), source(imm)];
    const fromMemory = format !== FPU_MEMORY.NONE;
    if (s.empty(d) || (!fromMemory && s.empty(other))) {
      if (s.underflow()) {
        s.set(d, DEFAULT_NAN);
        this.pops(imm);
      }
      return;
    }
    const x = s.get(d);
    const y = fromMemory ? this.operand(format) : s.get(other);
    const [a, b] = (imm & FPU_CONTROL.REVERSE) !== 0 ? [y, x] : [x, y];
    const raw = (): Raw => {
      if (name === 'add') return addRaw(a, b, s.rounding);
      if (name === 'sub') return addRaw(a, negate(b), s.rounding);
      return name === 'mul' ? mulRaw(a, b) : divRaw(a, b);
    };
    const r = this.evaluate(raw, s.format, a, b);
    if (r === undefined) return;
    s.set(d, r);
    this.pops(imm);
  }
  private unary(f: (n: Num) => Raw, format: Format): void {
    const s = this.s;
    if (s.empty(0)) {
      if (s.underflow()) s.set(0, DEFAULT_NAN);
      return;
    }
    const a = s.get(0);
    const r = this.evaluate(() => f(a), format, a);
    if (r !== undefined) s.set(0, r);
  }
  private pops(imm: number): void {
    for (let n = (imm >> FPU_CONTROL.POPS) & 3; n > 0; n--) this.s.pop();
  }
  private load(imm: number): void {
    const s = this.s;
    const format = memory(imm);
    if (format === FPU_MEMORY.NONE) {
      const i = target(imm);
      // An empty source comes before a full stack.
      if (s.empty(i)) {
        if (s.underflow()) {
          s.top--;
          s.set(0, DEFAULT_NAN);
        }
        return;
      }
      this.pushRaw(s.raw(i));
      return;
    }
    if (format === FPU_MEMORY.F80) {
      this.pushRaw({ significand: this.view.getBigUint64(SOFT.A, true), top: this.view.getUint16(SOFT.A + 8, true) });
      return;
    }
    s.push(() => {
      const n = this.operand(format);
      s.setC1(false);
      const pre = n.kind === 'nan' && n.signalling ? FLAG.IE : n.kind === 'finite' && n.denormal ? FLAG.DE : 0;
      s.raise(pre);
      return s.masked(pre) ? quiet(n) : undefined;
    });
  }
  /** Pushes all 80 bits as they are: FLD of a register or of m80 changes no encoding, not even an invalid one. */
  private pushRaw(x: { readonly significand: bigint; readonly top: number }): void {
    const { s } = this;
    let done = false;
    s.push(() => {
      done = true;
      return zero(0);
    });
    if (!done) return;
    s.setRaw(0, x);
    s.setC1(false);
  }
  private constant(n: number): void {
    const [sig, exp] = CONSTANTS[n] as readonly [bigint, number];
    this.s.push(() => {
      this.s.setC1(false);
      if (sig === 0n) return zero(0);
      return round({ sign: 0, sig, exp, sticky: n !== 0 }, EXTENDED, this.s.rounding).value;
    });
  }
  private store(imm: number): void {
    const s = this.s;
    const format = memory(imm);
    if (format === FPU_MEMORY.NONE) {
      if (s.empty(0)) {
        if (!s.underflow()) return;
        s.set(target(imm), DEFAULT_NAN);
      } else {
        s.setC1(false);
        s.setRaw(target(imm), s.raw(0));
      }
      return this.pops(imm);
    }
    let stack = true;
    if (s.empty(0)) stack = s.underflow();
    const bits = stack ? (s.empty(0) ? indefinite(format) : this.converted(s.get(0), format, imm)) : undefined;
    if (bits === undefined) return this.view.setUint32(WRITE_OK, 0, true);
    this.view.setBigUint64(SOFT.RESULT, bits.low, true);
    this.view.setUint16(SOFT.RESULT + 8, bits.high, true);
    this.pops(imm);
  }
  /** What goes to memory; undefined: an unmasked exception forbids it. */
  private converted(n: Num, format: FpuMemory, imm: number): { low: bigint; high: number } | undefined {
    const s = this.s;
    s.setC1(false);
    if (format === FPU_MEMORY.F80) {
      const x = s.raw(0);
      return { low: x.significand, high: x.top };
    }
    if (format === FPU_MEMORY.F32 || format === FPU_MEMORY.F64) return this.toFloat(n, format === FPU_MEMORY.F32 ? SINGLE : DOUBLE);
    const bits = { [FPU_MEMORY.I16]: 16, [FPU_MEMORY.I32]: 32, [FPU_MEMORY.I64]: 64 }[format as number] ?? 0;
    const mode: Rounding = (imm & FPU_CONTROL.REVERSE) !== 0 ? 3 : s.rounding;
    const r = n.kind === 'finite' ? toInteger(n, mode) : { value: 0n, inexact: false, up: false };
    const fits = bits === 0 ? r.value > -(10n ** 18n) && r.value < 10n ** 18n : BigInt.asIntN(bits, r.value) === r.value;
    if ((n.kind !== 'finite' && n.kind !== 'zero') || !fits) {
      s.raise(FLAG.IE);
      return s.masked(FLAG.IE) ? indefinite(format) : undefined;
    }
    if (r.inexact) s.raise(FLAG.PE);
    s.setC1(r.up);
    if (bits === 0) return toBcd(r.value, n.sign);
    return { low: BigInt.asUintN(bits, r.value), high: 0 };
  }
  private toFloat(n: Num, f: Format): { low: bigint; high: number } | undefined {
    const s = this.s;
    if (n.kind === 'nan') {
      const flags = n.signalling ? FLAG.IE : 0;
      s.raise(flags);
      if (!s.masked(flags)) return undefined;
      return { low: pack(n === UNSUPPORTED ? DEFAULT_NAN : quiet(n), f), high: 0 };
    }
    if (n.kind !== 'finite') return { low: pack(n, f), high: 0 };
    const r = round(exact(n), f, s.rounding);
    const serious = (r.flags & FLAG.OE) | (r.tiny && !s.masked(FLAG.UE) ? FLAG.UE : 0);
    if (!s.masked(serious)) {
      s.raise(serious);
      return undefined;
    }
    s.raise(r.flags);
    s.setC1(r.up);
    return { low: pack(r.value, f), high: 0 };
  }

  private compare(name: FpuOperation, imm: number): void {
    const s = this.s;
    const format = memory(imm);
    const other = source(imm);
    const isQuiet = name === 'compareUnordered' || name === 'compareFlagsUnordered';
    const empty = s.empty(0) || (format === FPU_MEMORY.NONE && s.empty(other));
    const b = format === FPU_MEMORY.NONE ? s.get(other) : this.operand(format);
    const flagsOnly = name === 'compareFlags' || name === 'compareFlagsUnordered';
    if (!this.order(empty, s.get(0), b, isQuiet, flagsOnly)) return;
    this.pops(imm);
  }
  /** Sets C3, C2, C0 (or, for FCOMI, result lane 0: 0 greater, 1 less, 2 equal, 3 unordered). False when an unmasked exception stops it. */
  private order(empty: boolean, a: Num, b: Num, isQuiet: boolean, flagsOnly = false): boolean {
    const s = this.s;
    let result: -1 | 0 | 1 | undefined;
    let carryOn = true;
    if (empty) carryOn = s.underflow();
    else {
      result = compare(a, b);
      const signalling = (a.kind === 'nan' && a.signalling) || (b.kind === 'nan' && b.signalling);
      const denormal = [a, b].some((n) => n.kind === 'finite' && n.denormal);
      const flags = result === undefined ? (signalling || !isQuiet ? FLAG.IE : 0) : denormal ? FLAG.DE : 0;
      s.raise(flags);
      carryOn = s.masked(flags);
    }
    this.view.setUint32(SOFT.RESULT + 4, carryOn ? 1 : 0, true);
    const n = result === undefined ? 3 : result === 0 ? 2 : result === -1 ? 1 : 0;
    this.view.setUint32(SOFT.RESULT, n, true);
    if (flagsOnly) s.setC1(false);
    else s.conditions([0, STATUS.C0, STATUS.C3, STATUS.C0 | STATUS.C2 | STATUS.C3][n] as number);
    return carryOn;
  }

  private exchange(i: number): void {
    const s = this.s;
    if (s.empty(0) || s.empty(i)) {
      if (!s.underflow()) return;
      if (s.empty(0)) s.set(0, DEFAULT_NAN);
      if (s.empty(i)) s.set(i, DEFAULT_NAN);
    } else s.setC1(false);
    const [a, b] = [s.raw(0), s.raw(i)];
    s.setRaw(0, b);
    s.setRaw(i, a);
  }
  private signs(name: 'changeSign' | 'absolute'): void {
    const s = this.s;
    if (s.empty(0)) {
      if (s.underflow()) s.set(0, DEFAULT_NAN);
      return;
    }
    const x = s.raw(0);
    s.setC1(false);
    s.setRaw(0, { ...x, top: name === 'absolute' ? x.top & 0x7fff : x.top ^ 0x8000 });
  }
  private roundToInteger(): void {
    const s = this.s;
    let up = false;
    this.unary((n) => {
      if (n.kind !== 'finite') return { done: n };
      const r = toInteger(n, s.rounding);
      up = r.up;
      const done: Num = r.value === 0n ? zero(n.sign) : { ...n, sig: r.value < 0n ? -r.value : r.value, exp: 0, denormal: false };
      // Only precision can be raised beside a denormal operand, which `evaluate` looks for when no flag is given.
      if (!r.inexact) return { done };
      s.raise(n.denormal ? FLAG.DE : 0);
      return { done, flags: FLAG.PE };
    }, EXTENDED);
    if (up) s.setC1(true);
  }
  private remainder(nearest: boolean): void {
    const s = this.s;
    if (s.empty(0) || s.empty(1)) {
      if (s.underflow()) s.set(0, DEFAULT_NAN);
      return;
    }
    const [a, b] = [s.get(0), s.get(1)];
    let conditions = 0;
    const r = this.evaluate(
      () => {
        const p = partialRemainder(a, b, nearest);
        if (p === undefined) return 'invalid';
        conditions =
          (p.quotient & 1 ? STATUS.C1 : 0) |
          (p.quotient & 2 ? STATUS.C3 : 0) |
          (p.quotient & 4 ? STATUS.C0 : 0) |
          (p.partial ? STATUS.C2 : 0);
        return p.value.kind === 'finite' ? { exact: exact(p.value) } : { done: p.value };
      },
      EXTENDED,
      a,
      b,
    );
    if (r === undefined) return;
    s.set(0, r);
    s.conditions(conditions);
  }
  private scale(): void {
    const s = this.s;
    if (s.empty(0) || s.empty(1)) {
      if (s.underflow()) s.set(0, DEFAULT_NAN);
      return;
    }
    const [a, b] = [s.get(0), s.get(1)];
    const r = this.evaluate(() => scaled(a, b), EXTENDED, a, b);
    if (r !== undefined) s.set(0, r);
  }
  private extract(): void {
    const s = this.s;
    if (s.empty(0)) {
      if (s.underflow()) {
        s.set(0, DEFAULT_NAN);
        s.top--;
        s.set(0, DEFAULT_NAN);
      }
      return;
    }
    if ((s.tags & (1 << ((s.top - 1) & 7))) !== 0) {
      s.raise(FLAG.IE | STATUS.SF);
      s.setC1(true);
      if (!s.masked(FLAG.IE)) return;
      s.set(0, DEFAULT_NAN);
      s.top--;
      s.set(0, DEFAULT_NAN);
      return;
    }
    const a = s.get(0);
    let significand: Num = a;
    const e = this.evaluate(
      () => {
        if (a.kind === 'zero') return { done: infinite(1), flags: FLAG.ZE };
        if (a.kind !== 'finite') return { done: infinite(0) };
        const bits = bitLength(a.sig) - 1;
        significand = { ...a, exp: -bits, denormal: false };
        return { done: integer(BigInt(a.exp + bits)) };
      },
      EXTENDED,
      a,
    );
    if (e === undefined) return;
    if (e.kind === 'nan') significand = e;
    s.set(0, e);
    s.top--;
    s.set(0, significand);
  }
  /** ST(1) = f(ST(0), ST(1)), pop. */
  private binaryPop(f: (x: Num, y: Num) => Raw): void {
    const s = this.s;
    if (s.empty(0) || s.empty(1)) {
      if (!s.underflow()) return;
      s.set(1, DEFAULT_NAN);
      return s.pop();
    }
    const [x, y] = [s.get(0), s.get(1)];
    const r = this.evaluate(() => f(x, y), EXTENDED, x, y);
    if (r === undefined) return;
    s.set(1, r);
    s.pop();
  }
  /** FSIN, FCOS; FSINCOS and FPTAN push a second result. Beyond ±2^63 only C2 is set. */
  private trigonometric(name: 'sine' | 'cosine' | 'sineCosine' | 'tangent'): void {
    const s = this.s;
    const pushes = name === 'sineCosine' || name === 'tangent';
    if (s.empty(0)) {
      if (!s.underflow()) return;
      s.set(0, DEFAULT_NAN);
      if (pushes) this.pushUnchecked(DEFAULT_NAN);
      return;
    }
    if (pushes && (s.tags & (1 << ((s.top - 1) & 7))) !== 0) {
      s.raise(FLAG.IE | STATUS.SF);
      s.setC1(true);
      if (!s.masked(FLAG.IE)) return;
      s.set(0, DEFAULT_NAN);
      return this.pushUnchecked(DEFAULT_NAN);
    }
    const x = s.get(0);
    if (outOfRange(x)) return s.conditions((s.status & (STATUS.C0 | STATUS.C3)) | STATUS.C2);
    s.conditions(s.status & (STATUS.C0 | STATUS.C3));
    const first = this.evaluate(() => ({ sine: sin, cosine: cos, sineCosine: sin, tangent: tan })[name](x), EXTENDED, x);
    if (first === undefined) return;
    if (!pushes) return s.set(0, first);
    const one: Num = { kind: 'finite', sign: 0, sig: 1n, exp: 0, denormal: false };
    const second = name === 'sineCosine' ? this.evaluate(() => cos(x), EXTENDED, x) : first.kind === 'nan' ? first : one;
    s.set(0, first);
    this.pushUnchecked(second ?? DEFAULT_NAN);
  }
  private pushUnchecked(n: Num): void {
    this.s.top--;
    this.s.set(0, n);
  }
  private examine(): void {
    const s = this.s;
    const n = s.get(0);
    const kinds = { nan: STATUS.C0, infinite: STATUS.C2 | STATUS.C0, zero: STATUS.C3, finite: STATUS.C2 } as const;
    let bits: number = kinds[n.kind];
    if (n === UNSUPPORTED) bits = 0;
    else if (n.kind === 'finite' && n.denormal) bits = STATUS.C3 | STATUS.C2;
    if (s.empty(0)) bits = STATUS.C3 | STATUS.C0;
    s.conditions(bits | ((s.raw(0).top & 0x8000) !== 0 ? STATUS.C1 : 0));
  }
}
