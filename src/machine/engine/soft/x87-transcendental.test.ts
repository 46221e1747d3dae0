import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DOUBLE, EXTENDED, type Num, pack, type Raw, round, unpack } from './float.ts';
import { toExtended } from './x87-state.ts';
import { atan2, cos, exp2Minus1, outOfRange, sin, tan, yLog2, yLog2Plus1 } from './x87-transcendental.ts';

const num = (x: number): Num => {
  const v = new DataView(new ArrayBuffer(8));
  v.setFloat64(0, x);
  return unpack(v.getBigUint64(0), DOUBLE);
};
const value = (r: Raw): number => {
  assert.notEqual(r, 'invalid');
  if (r === 'invalid') return Number.NaN;
  const n = 'done' in r ? r.done : round(r.exact, DOUBLE, 0).value;
  const v = new DataView(new ArrayBuffer(8));
  v.setBigUint64(0, pack(n, DOUBLE));
  return v.getFloat64(0);
};
const near = (got: number, want: number, what: string): void =>
  assert.ok(Math.abs(got - want) <= 4 * Number.EPSILON * Math.abs(want), `${what}: ${got}, want ${want}`);

test('functions agree with the double library', () => {
  for (const x of [1e-30, 0.001, 0.3, -0.5, 0.9, -0.99]) {
    near(value(exp2Minus1(num(x))), Math.expm1(x * Math.LN2), `f2xm1 ${x}`);
    near(value(yLog2Plus1(num(x / 4), num(3))), (3 * Math.log1p(x / 4)) / Math.LN2, `fyl2xp1 ${x}`);
    near(value(sin(num(x))), Math.sin(x), `fsin ${x}`);
    near(value(cos(num(x))), Math.cos(x), `fcos ${x}`);
    near(value(tan(num(x))), Math.tan(x), `fptan ${x}`);
  }
  for (const [x, y] of [
    [1, 2],
    [-3, 0.1],
    [-1e-5, -7],
    [5, -1e-300],
    [1e300, 1e-300],
  ] as const)
    near(value(atan2(num(y), num(x))), Math.atan2(y, x), `fpatan ${y} ${x}`);
  for (const x of [3, 0.7, 1.0000001, 1e300, 5e-324]) near(value(yLog2(num(x), num(-2))), -2 * Math.log2(x), `fyl2x ${x}`);
});

test('results have 64 correct bits: values of a host processor', () => {
  const bits = (r: Raw): string => {
    assert.ok(r !== 'invalid' && 'exact' in r);
    return toExtended(round(r.exact, EXTENDED, 0).value).significand.toString(16);
  };
  assert.equal(bits(atan2(num(1), num(1))), 'c90fdaa22168c235');
  assert.equal(bits(yLog2(num(10), num(1))), 'd49a784bcd1b8afe');
  assert.equal(bits(atan2(num(0), num(-1))), 'c90fdaa22168c235');
});

test('exact cases and specials', () => {
  assert.equal(value(exp2Minus1(num(-1))), -0.5);
  assert.equal(value(yLog2(num(8), num(5))), 15);
  assert.equal(value(yLog2(num(0), num(5))), Number.NEGATIVE_INFINITY);
  for (const bad of [
    yLog2(num(-1), num(1)),
    yLog2(num(0), num(0)),
    sin(num(Number.POSITIVE_INFINITY)),
    yLog2(num(1), num(Number.POSITIVE_INFINITY)),
  ])
    assert.equal(bad, 'invalid');
  assert.ok(Object.is(value(sin(num(-0))), -0));
  assert.equal(value(cos(num(0))), 1);
  assert.deepEqual([outOfRange(num(2 ** 63)), outOfRange(num(2 ** 62))], [true, false]);
});
