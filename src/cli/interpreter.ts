/**
 * The generated interpreter: built beside the bundle by tools/build.ts; made on the spot (0.1 s) when the sources themselves run, so that a
 * change of semantics can never meet a stale module.
 */
import { existsSync, readFileSync } from 'node:fs';
import { HOT_SET } from '#machine/engine/tier0/generated/hot-set.ts';
import type { Generated } from '#machine/engine/tier0/generate.ts';

export async function loadInterpreter(): Promise<Generated> {
  const bytes = new URL('./interpreter.wasm', import.meta.url);
  const manifest = new URL('./interpreter.json', import.meta.url);
  if (existsSync(bytes) && existsSync(manifest)) {
    return { bytes: readFileSync(bytes), manifest: JSON.parse(readFileSync(manifest, 'utf8')) as Generated['manifest'] };
  }
  const { allForms } = await import('#machine/engine/semantics/forms.ts');
  const { generateInterpreter } = await import('#machine/engine/tier0/generate.ts');
  return generateInterpreter(allForms(), new Set(HOT_SET));
}
