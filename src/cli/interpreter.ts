/**
 * The generated interpreter: the bundle finds it ready beside itself (tools/build.ts); where the sources themselves run it is made on the
 * spot (0.1 s), so that a change of semantics can never meet a stale module.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { Generated } from '#machine/engine/tier0/generate.ts';
import { provideInterpreter } from '#system/interpreter.ts';

export function loadInterpreter(): void {
  const bytes = new URL('./interpreter.wasm', import.meta.url);
  const manifest = new URL('./interpreter.json', import.meta.url);
  if (!existsSync(bytes) || !existsSync(manifest)) return;
  provideInterpreter({
    bytes: readFileSync(bytes),
    manifest: JSON.parse(readFileSync(manifest, 'utf8')) as Generated['manifest'],
    traces: false,
  });
}
