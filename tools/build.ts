/**
 * `npm run build`: dist/ = the command as one bundle, the generated interpreter beside it, and the library; with --types its declarations, too.
 * The command's dependencies are in its bundle, since finding and checking their files costs more at each start than reading the whole; the
 * library's stay outside: npm installs them.
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
  minifyWhitespace: true,
  minifySyntax: true,
  // What CommonJS dependencies expect to find; iced-x86 reads its wasm from __dirname, and buildLibrary puts it there.
  banner: {
    js: "#!/usr/bin/env node\nimport{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url),__dirname=import.meta.dirname;",
  },
  legalComments: 'none',
  logLevel: 'warning',
});
await buildLibrary(out, Object.keys(dependencies));
if (process.argv.includes('--types')) buildDeclarations(`${out}types/`);
chmodSync(`${out}perfglass.js`, 0o755);
console.log(`dist: interpreter ${generated.bytes.length} bytes, ${generated.manifest.forms.length} forms`);
