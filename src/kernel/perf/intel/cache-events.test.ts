import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRNO } from '#abi/errno.ts';
import { HW_CACHE_NAMES, PERF_TYPE } from '#abi/perf-event/attr.ts';
import { CPU_MODELS } from '#arch/cpu-models/index-of-models.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { eventMeaning } from '#arch/pmu/event-select.ts';
import { ensure } from '#base/assert.ts';
import { makeAttr } from '../attr.ts';
import { initEvent } from '../open.ts';
import { eventConstraint } from './constraints.ts';
import { cacheSelect } from './generic-events.ts';

const model = (name: string): CpuModel =>
  ensure(
    CPU_MODELS.find((m) => m.name === name),
    name,
  );

/** What a generic cache event is on a model: quantity, 'refused' (Linux has it, we cannot count it), or Linux's errno. */
function outcome(m: CpuModel, cache: number, op: number, result: number): string {
  const config = BigInt(cache | (op << 8) | (result << 16));
  const found = cacheSelect(m, config);
  if ('errno' in found) return found.errno === ERRNO.EINVAL ? 'EINVAL' : 'ENOENT';
  const init = initEvent(makeAttr({ type: PERF_TYPE.HW_CACHE, config }), m, 1n << 31n);
  const meaning = eventMeaning(m, found.select);
  assert.equal('errno' in init, meaning.kind !== 'counts');
  return meaning.kind === 'counts' ? meaning.row.quantity : 'refused';
}

/**
 * Linux 6.12, arch/x86/events/intel/core.c: which of the tables core2, nehalem, hsw (with Broadwell's words), skl, glm and glc intel_pmu_init takes, and
 * what the names in them count. Loads, load misses, stores, store misses; what is left out is ENOENT.
 */
const EXPECTED: Readonly<Record<string, Readonly<Record<string, readonly [string, string, string, string]>>>> = {
  yonah: {},
  core2: {
    'L1-dcache': ['loads', 'load-l1-misses', 'stores', 'store-l1-misses'],
    'L1-icache': ['refused', 'l1i-misses', 'EINVAL', 'EINVAL'],
    LLC: ['llc-loads', 'llc-load-misses', 'llc-stores', 'llc-store-misses'],
    dTLB: ['loads', 'dtlb-load-walks', 'stores', 'dtlb-store-walks'],
    iTLB: ['instructions', 'itlb-walks', 'EINVAL', 'EINVAL'],
    branch: ['branches', 'branch-misses', 'EINVAL', 'EINVAL'],
  },
  nehalem: {
    'L1-dcache': ['loads', 'l1d-replacement', 'stores', 'refused'],
    'L1-icache': ['refused', 'l1i-misses', 'EINVAL', 'EINVAL'],
    LLC: ['llc-loads', 'llc-load-misses', 'llc-stores', 'llc-store-misses'],
    dTLB: ['loads', 'dtlb-load-walks', 'stores', 'refused'],
    iTLB: ['instructions', 'refused', 'EINVAL', 'EINVAL'],
    branch: ['branches', 'refused', 'EINVAL', 'EINVAL'],
    node: ['llc-load-misses', 'refused', 'llc-store-misses', 'refused'],
  },
  broadwell: {
    'L1-dcache': ['loads', 'l1d-replacement', 'stores', 'ENOENT'],
    'L1-icache': ['ENOENT', 'l1i-misses', 'EINVAL', 'EINVAL'],
    LLC: ['llc-loads', 'llc-load-misses', 'llc-stores', 'llc-store-misses'],
    dTLB: ['loads', 'dtlb-load-walks', 'stores', 'dtlb-store-walks'],
    iTLB: ['itlb-stlb-hits', 'itlb-walks', 'EINVAL', 'EINVAL'],
    branch: ['branches', 'branch-misses', 'EINVAL', 'EINVAL'],
    node: ['llc-load-misses', 'refused', 'llc-store-misses', 'refused'],
  },
  goldmont: {
    'L1-dcache': ['loads', 'ENOENT', 'stores', 'ENOENT'],
    'L1-icache': ['refused', 'l1i-misses', 'EINVAL', 'EINVAL'],
    LLC: ['llc-loads', 'llc-load-misses', 'llc-stores', 'llc-store-misses'],
    dTLB: ['loads', 'ENOENT', 'stores', 'ENOENT'],
    iTLB: ['instructions', 'itlb-walks', 'EINVAL', 'EINVAL'],
    branch: ['branches', 'branch-misses', 'EINVAL', 'EINVAL'],
  },
};
const skylake = ensure(EXPECTED['broadwell'], 'hsw');
const icelake = { ...skylake, iTLB: ['EINVAL', 'itlb-walks', 'EINVAL', 'EINVAL'] } as const;
const BY_MODEL: typeof EXPECTED = {
  ...EXPECTED,
  skylake,
  icelake,
  sapphirerapids: {
    ...icelake,
    'L1-dcache': ['loads', 'l2-data-reads', 'stores', 'ENOENT'],
    node: ['llc-load-misses', 'refused', 'ENOENT', 'ENOENT'],
  },
};

test('generic cache events are what Linux asks for on each processor, counted or refused', () => {
  for (const m of CPU_MODELS) {
    const expected = ensure(BY_MODEL[m.name], m.name);
    for (const [cache, name] of HW_CACHE_NAMES.entries()) {
      const found = [0, 1].flatMap((op) => [0, 1].map((result) => outcome(m, cache, op, result)));
      assert.deepEqual(found, expected[name] ?? ['ENOENT', 'ENOENT', 'ENOENT', 'ENOENT'], `${m.name} ${name}`);
    }
  }
});

test('off-core words of LLC events: *_hw_cache_extra_regs', () => {
  const word = (name: string, op: number, result: number): bigint => {
    const found = cacheSelect(model(name), BigInt(2 | (op << 8) | (result << 16)));
    assert.ok('select' in found);
    return found.select;
  };
  const rows: readonly (readonly [string, bigint, bigint, bigint, bigint])[] = [
    ['nehalem', 0xf701n, 0xf001n, 0xf70an, 0xf00an],
    ['broadwell', 0x10001n, 0x1fbc000001n, 0x10002n, 0x1fbc000002n],
    ['skylake', 0x3fc0010001n, 0x3ffc020001n, 0x3fc0010002n, 0x3ffc020002n],
    ['goldmont', 0x10001n, 0x3600000001n, 0x10002n, 0x3600000002n],
    ['icelake', 0x3fc0010001n, 0x3ffc020001n, 0x3fc0010002n, 0x3ffc020002n],
    ['sapphirerapids', 0x10001n, 0x3fbfc00001n, 0x3f3ffc0002n, 0x3f3fc00002n],
  ];
  for (const [name, load, loadMiss, store, storeMiss] of rows) {
    const code = name === 'sapphirerapids' ? 0x12an : 0x1b7n;
    const words = [word(name, 0, 0), word(name, 0, 1), word(name, 1, 0), word(name, 1, 1)];
    assert.deepEqual(
      words.map((w) => [w >> 32n, w & 0xffff_ffffn]),
      [load, loadMiss, store, storeMiss].map((w) => [w, code]),
      name,
    );
  }
});

test('constraints: intel_*_event_constraints, and the lists of Intel agree', () => {
  const fixed = (i: number): bigint => 1n << BigInt(32 + i);
  const rows: readonly (readonly [string, bigint, bigint])[] = [
    ['yonah', 0xc0n, 3n],
    ['core2', 0xc0n, 3n | fixed(0)],
    ['core2', 0x1cbn, 1n], // MEM_LOAD_RETIRED
    ['nehalem', 0x151n, 3n], // L1D
    ['nehalem', 0xf40n, 3n], // L1D_CACHE_LD
    ['nehalem', 0x1c0n, 15n],
    ['broadwell', 0x81d0n, 15n],
    ['skylake', 0x300n, fixed(2)],
    ['goldmont', 0x3cn, 15n | fixed(1)],
    ['icelake', 0x100n, fixed(0)], // INST_RETIRED.PREC_DIST
    ['icelake', 0x400n, fixed(3)],
    ['icelake', 0xe08n, 15n], // 03H to 0AH
    ['icelake', 0x151n, 15n], // 48H to 56H
    ['icelake', 0x283n, 15n], // 60H to 8BH
    ['icelake', 0x1b0n, 15n], // A8H to B0H
    ['icelake', 0x1b7n | (0x10001n << 32n), 15n], // B7H to BDH
    ['icelake', 0x412en, 255n],
    ['icelake', 0xc5n, 255n],
    ['sapphirerapids', 0x13cn, 255n | fixed(2)], // REF_TSC_P
    ['sapphirerapids', 0xe12n, 15n], // 01H to 8FH …
    ['sapphirerapids', 0x412en, 255n], // … but not 2EH
    ['sapphirerapids', 0x12an | (0x10001n << 32n), 15n],
    ['sapphirerapids', 0x1c4n, 255n],
  ];
  for (const [name, select, counters] of rows)
    assert.equal(eventConstraint(model(name), select), counters, `${name} ${select.toString(16)}`);
});
