import type { CycleCosts } from '#arch/cpu-models/model.ts';

/** Round numbers for tests of the engine alone. */
export const SKYLAKE_TEST_COSTS: CycleCosts = {
  slotsPerCycle: 4,
  simple: 1,
  load: 1,
  store: 1,
  branch: 1,
  mul: 3,
  div: 40,
  repIteration: 2,
  vector: 1,
  vectorDivide: 16,
  x87: 4,
  locked: 20,
  ringTransition: 100,
  systemRegister: 40,
};
