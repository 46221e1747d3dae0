import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CPU_MODELS } from '../cpu-models/index-of-models.ts';
import { GOLDMONT } from '../cpu-models/goldmont.ts';
import { ICELAKE } from '../cpu-models/icelake.ts';
import { CORE2 } from '../cpu-models/core2.ts';
import { SKYLAKE } from '../cpu-models/skylake.ts';
import { eventMeaning, listEvents } from './event-select.ts';
import { PERFEVTSEL, PERFEVTSEL_EDGE, PERFEVTSEL_EN, PERFEVTSEL_INT, PERFEVTSEL_INV, PERFEVTSEL_OS, PERFEVTSEL_USR } from './perfevtsel.ts';

test('the numeric masks agree with the layout', () => {
  const pairs = {
    usr: PERFEVTSEL_USR,
    os: PERFEVTSEL_OS,
    edge: PERFEVTSEL_EDGE,
    int: PERFEVTSEL_INT,
    en: PERFEVTSEL_EN,
    inv: PERFEVTSEL_INV,
  };
  for (const [name, mask] of Object.entries(pairs)) assert.equal(PERFEVTSEL.mask(name as keyof typeof pairs), BigInt(mask >>> 0));
});

test('the same code means different things on different models', () => {
  const quantity = (model: typeof SKYLAKE, select: bigint): string | undefined => {
    const m = eventMeaning(model, select);
    return m.kind === 'counts' ? m.row.quantity : m.kind;
  };
  assert.equal(quantity(SKYLAKE, 0x01c4n), 'conditional');
  assert.equal(quantity(ICELAKE, 0x01c4n), 'conditional-taken');
  assert.equal(quantity(ICELAKE, 0x11c4n), 'conditional');
  assert.equal(quantity(SKYLAKE, 0x11c4n), 'unknown');
  assert.equal(quantity(GOLDMONT, 0x7ec4n), 'conditional');
  assert.equal(quantity(SKYLAKE, 0x0300n), 'ref-tsc');
  assert.equal(quantity(SKYLAKE, 0x0400n), 'unknown');
  assert.equal(quantity(ICELAKE, 0x0400n), 'slots');
});

test('every model has the architectural events that its CPUID tells, once each, and codes are unique', () => {
  for (const model of CPU_MODELS) {
    for (let n = 0; n < model.pmu.architecturalEvents; n++) {
      assert.equal(model.events.filter((e) => e.architectural === n).length, 1, `${model.name} event ${n}`);
    }
    const codes = model.events.map((e) => (e.umask << 8) | e.event);
    assert.equal(new Set(codes).size, codes.length, model.name);
  }
});

test('conditions that the retirement model cannot express are refused with a reason', () => {
  const reason = (select: bigint): string => {
    const m = eventMeaning(SKYLAKE, select);
    return m.kind === 'not modelled' ? m.reason : m.kind;
  };
  assert.equal(reason(0xc5n), 'counts');
  assert.equal(reason(0x412en), 'counts');
  assert.equal(reason(0x0100_00c5n), 'counts');
  assert.match(reason(0x0100_412en), /accesses/);
  assert.match(reason(0x0100_003cn | (1n << 18n)), /EDGE/);
  assert.match(reason(0x0200_003cn), /CMASK/);
  assert.match(reason(0x0100_81d0n), /accesses/);
  assert.equal(reason(0x0100_00c0n), 'counts');
  assert.equal(reason(0x0080_00c0n), 'counts');
});

test('off-core responses: what the request word means, with Linux’s words', () => {
  const meaning = (word: bigint, code = 0x1b7n): string => {
    const m = eventMeaning(SKYLAKE, code | (word << 32n));
    return m.kind === 'counts' ? m.row.quantity : m.kind;
  };
  assert.equal(meaning(0x1_0001n), 'llc-loads');
  assert.equal(meaning(0x1_0002n, 0x1bbn), 'llc-stores');
  assert.equal(meaning(0x3f_c001_0001n), 'llc-loads');
  assert.equal(meaning(0x3f_fc02_0001n), 'llc-load-misses');
  assert.equal(meaning(0x3f_fc02_0002n), 'llc-store-misses');
  assert.equal(meaning(0x3f_c400_0001n), 'llc-load-misses');
  assert.equal(meaning(0x1_0004n), 'llc-code');
  // One supplier among several, what a snoop found, two requests: refused, as Linux's node-load-misses is.
  for (const word of [0n, 1n, 0x1_0003n, 0x1_0010n, 0x4_0001n, 0x10_0400_0001n, 0x400_0001n, 0x1f_f800_0001n])
    assert.equal(meaning(word), 'not modelled', word.toString(16));
  assert.equal(eventMeaning(CORE2, 0x1b7n).kind, 'unknown');
  // Goldmont's second register has a unit mask, not an event, of its own (intel_glm_extra_regs).
  assert.equal(eventMeaning(GOLDMONT, 0x2b7n | (0x1_0001n << 32n)).kind, 'counts');
  assert.equal(eventMeaning(GOLDMONT, 0x1bbn | (0x1_0001n << 32n)).kind, 'unknown');
});

test('FP_ARITH_INST_RETIRED: unit masks add up, where there is the event', () => {
  const quantity = (model: typeof SKYLAKE, select: bigint): string => {
    const m = eventMeaning(model, select);
    return m.kind === 'counts' ? m.row.quantity : m.kind;
  };
  assert.equal(quantity(SKYLAKE, 0x01c7n), 'fp-arith-1');
  assert.equal(quantity(SKYLAKE, 0x15c7n), 'fp-arith-21');
  assert.equal(quantity(SKYLAKE, 0x00c7n), 'unknown');
  assert.equal(quantity(CORE2, 0x01c7n), 'unknown');
  assert.equal(quantity(SKYLAKE, 0x0100_01c7n), 'not modelled');
});

test('list: every event of the model, the fixed ones behind', () => {
  const rows = listEvents(SKYLAKE);
  assert.equal(rows.length, SKYLAKE.events.length + 3);
  assert.equal(rows.at(-1)?.row.name, 'CPU_CLK_UNHALTED.REF_TSC');
  assert.equal(rows.filter((r) => r.meaning.kind === 'not modelled').length, 0);
});
