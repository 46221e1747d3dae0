/** The generated interpreter, made once per process. The build may put ready bytes in its place (`provideInterpreter`). */
import { allForms } from '#machine/engine/semantics/forms.ts';
import { type Generated, generateInterpreter } from '#machine/engine/tier0/generate.ts';
import type { Variant } from '#machine/engine/tier0/emitter.ts';
import { HOT_CASES } from '#machine/engine/tier0/hot-cases.ts';

const made = new Map<string, Generated>();

function variant(v: Variant): Generated {
  const key = variantName(v);
  let found = made.get(key);
  if (found === undefined) {
    found = generateInterpreter(allForms(), HOT_CASES, v);
    made.set(key, found);
  }
  return found;
}
const variantName = (v: Variant): string => `${v.trace ? 'trace' : ''}${v.observe ? 'observe' : ''}`;

export const interpreter = (): Generated => variant({ trace: false, observe: false });

/** The variant that hashes the retired path. */
export const tracingInterpreter = (): Generated => variant({ trace: true, observe: false });

/** The variant that writes the models' log; with or without the path's hash. */
export const observingInterpreter = (trace: boolean): Generated => variant({ trace, observe: true });

/** Bytes that the build made from the same sources. */
export function provideInterpreter(generated: Generated): void {
  made.set(variantName({ trace: generated.traces, observe: generated.observes }), generated);
}
