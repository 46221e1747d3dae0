/**
 * The generated interpreter: the bundle finds it ready beside itself (tools/build.ts); where the sources themselves run it is made on the
 * spot (0.1 s), so that a change of semantics can never meet a stale module.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { Generated } from '#machine/engine/tier0/generate.ts';
import { provideInterpreter } from '#system/interpreter.ts';

export function loadInterpreter(): void {
  const manifestFile = new URL('./interpreter.json', import.meta.url);
  if (!existsSync(manifestFile)) return;
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as Generated['manifest'];
  for (const [file, observes] of [
    ['./interpreter.wasm', false],
    ['./observer.wasm', true],
  ] as const) {
    const wasm = new URL(file, import.meta.url);
    if (existsSync(wasm)) provideInterpreter({ bytes: readFileSync(wasm), manifest, traces: false, observes });
  }
}
