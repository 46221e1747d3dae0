/** The generated interpreter, made once per process. The build may put ready bytes in its place (`provideInterpreter`). */
import { allForms } from '#machine/engine/semantics/forms.ts';
import { type Generated, generateInterpreter } from '#machine/engine/tier0/generate.ts';
import { HOT_CASES } from '#machine/engine/tier0/hot-cases.ts';

let ready: Generated | undefined;
let tracing: Generated | undefined;

export function interpreter(): Generated {
  ready ??= generateInterpreter(allForms(), HOT_CASES);
  return ready;
}

/** The variant that hashes the retired path. */
export function tracingInterpreter(): Generated {
  tracing ??= generateInterpreter(allForms(), HOT_CASES, true);
  return tracing;
}

/** Bytes that the build made from the same sources. */
export function provideInterpreter(generated: Generated): void {
  ready = generated;
}
