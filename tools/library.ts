/** The library in `dist/`: a bundle for Node, one for browsers, iced-x86's wasm beside it, and the declarations. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build, type BuildOptions, type Plugin } from 'esbuild';

const ROOT = new URL('..', import.meta.url).pathname;
const ENTRY = `${ROOT}src/formats/library.ts`;
export const ICED_WASM = `${ROOT}node_modules/iced-x86/iced_x86_bg.wasm`;

/** The lines of iced_x86.js (wasm-bindgen's Node glue) that only Node can run, and what stands in for them in a browser. */
const NODE_ONLY: readonly (readonly [string, string])[] = [
  ['const { TextDecoder, TextEncoder } = require(`util`);', ''], // globals there
  [
    `const path = require('path').join(__dirname, 'iced_x86_bg.wasm');
const bytes = require('fs').readFileSync(path);

const wasmModule = new WebAssembly.Module(bytes);
const wasmInstance = new WebAssembly.Instance(wasmModule, imports);
wasm = wasmInstance.exports;
module.exports.__wasm = wasm;`,
    `wasm = new Proxy({}, { get() { throw new Error('perfglass: call initDecoder(bytes of iced_x86_bg.wasm) before code is decoded'); } });
let perfglassReady = false;
module.exports.perfglassInit = (bytes) => {
  if (perfglassReady) return;
  wasm = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports;
  perfglassReady = true;
};`,
  ],
];

const icedForBrowsers: Plugin = {
  name: 'iced-for-browsers',
  setup: (b) => {
    b.onLoad({ filter: /iced_x86\.js$/ }, (args) => {
      let contents = readFileSync(args.path, 'utf8');
      for (const [from, to] of NODE_ONLY) {
        if (!contents.includes(from))
          throw new Error(`${args.path} is not the iced-x86 that tools/library.ts knows: no '${from.slice(0, 60)}'`);
        contents = contents.replace(from, () => to);
      }
      return { contents, loader: 'js' };
    });
  },
};

const COMMON: BuildOptions = {
  entryPoints: { library: ENTRY },
  bundle: true,
  format: 'esm',
  legalComments: 'none',
  logLevel: 'warning',
};

/** Nothing stays outside: any Node module left in would fail the build. */
export const BROWSER: BuildOptions = {
  ...COMMON,
  platform: 'browser',
  target: 'es2022',
  entryNames: '[name].browser',
  plugins: [icedForBrowsers],
};

export async function buildLibrary(out: string, external: string[]): Promise<void> {
  await build({ ...COMMON, platform: 'node', target: 'node22', outdir: out, external });
  await build({ ...BROWSER, outdir: out });
  copyFileSync(ICED_WASM, join(out, 'iced_x86_bg.wasm'));
}

/** Declarations as tsc wrote them, those that the library reaches, with `#layer/` made relative. */
export function buildDeclarations(out: string): void {
  const tsc = spawnSync(process.execPath, [`${ROOT}node_modules/typescript/bin/tsc`, '-b', `${ROOT}src/formats`], { encoding: 'utf8' });
  if (tsc.status !== 0) throw new Error(`tsc: ${tsc.stdout}${tsc.stderr}`);
  const from = `${ROOT}.tsbuild/`;
  const queue = ['formats/library.d.ts'];
  const seen = new Set(queue);
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    const text = readFileSync(from + file, 'utf8').replace(/((?:from|import\()\s*')([#.][^']*)\.ts'/g, (_, head: string, spec: string) => {
      const target = spec.startsWith('#') ? spec.slice(1) : join(dirname(file as string), spec);
      if (!seen.has(`${target}.d.ts`)) {
        seen.add(`${target}.d.ts`);
        queue.push(`${target}.d.ts`);
      }
      const path = relative(dirname(file as string), target);
      return `${head}${path.startsWith('.') ? path : `./${path}`}.js'`;
    });
    mkdirSync(dirname(join(out, file)), { recursive: true });
    writeFileSync(join(out, file), text);
  }
}
