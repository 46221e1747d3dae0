/**
 * `npm run build`: dist/ = the command as one bundle, the generated interpreter beside it, and the library; with --types its declarations, too.
 * iced-x86 and the other runtime dependencies stay outside the bundle: npm installs them.
 */
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { interpreter, observingInterpreter } from '../src/system/interpreter.ts';
import { buildDeclarations, buildLibrary } from './library.ts';

const root = new URL('..', import.meta.url).pathname;
const out = `${root}dist/`;
const { dependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { dependencies: Record<string, string> };

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const generated = interpreter();
writeFileSync(`${out}interpreter.wasm`, generated.bytes);
writeFileSync(`${out}observer.wasm`, observingInterpreter(false).bytes);
writeFileSync(`${out}interpreter.json`, JSON.stringify(generated.manifest));
await build({
  // The worker that `decode -j` starts is a file of its own; cli/pt-parallel.ts looks for it beside the bundle.
  entryPoints: { perfglass: `${root}src/cli/main.ts`, 'pt-worker': `${root}src/cli/pt-worker.ts` },
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  outdir: out,
  entryNames: '[name]',
  chunkNames: 'chunk-[name]-[hash]',
  banner: { js: '#!/usr/bin/env node' },
  external: Object.keys(dependencies),
  legalComments: 'none',
  logLevel: 'warning',
});
await buildLibrary(out, Object.keys(dependencies));
if (process.argv.includes('--types')) buildDeclarations(`${out}types/`);
chmodSync(`${out}perfglass.js`, 0o755);
console.log(`dist: interpreter ${generated.bytes.length} bytes, ${generated.manifest.forms.length} forms`);
