/**
 * The layer check: which folder of `src/` may import which. The rules are data; the reasons stand beside them.
 * `npm run layers` fails with every import that no rule allows. Project references forbid unreachable edges; this table forbids the rest.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'oxc-parser';

const ROOT = new URL('..', import.meta.url).pathname;

/** layer → layers it may import. ARCHITECTURE.md draws it. */
export const ALLOWED: Record<string, readonly string[]> = {
  base: [], // no domain knowledge
  arch: ['base'], // Intel as data
  abi: ['base'], // Linux uapi as data
  port: ['base', 'arch'], // interfaces only
  formats: ['base', 'arch', 'abi'], // files; knows neither machine nor kernel
  host: ['base', 'abi', 'port'], // implements port/host.ts over images and other hosts: overlay, tar
  machine: ['base', 'arch', 'port'], // implements port
  kernel: ['base', 'arch', 'abi', 'port'], // uses port; never machine, never formats
  system: ['base', 'arch', 'abi', 'port', 'machine', 'kernel', 'formats'], // where machine and kernel meet
  lab: ['base', 'arch', 'abi', 'port', 'machine', 'kernel', 'formats', 'system'],
  cli: ['base', 'arch', 'abi', 'port', 'host', 'machine', 'kernel', 'formats', 'system', 'lab'],
};

/** Packages that a layer may import. Node's own modules are for `cli` only (and tests): everything below runs in a browser too. */
export const PACKAGES: Record<string, readonly string[]> = {
  machine: ['iced-x86'],
  formats: ['iced-x86'],
  cli: ['node:', 'iced-x86', 'commander'],
};

export interface Violation {
  readonly file: string;
  readonly specifier: string;
  readonly why: string;
}

/** Checks one source text; `file` is relative to the repository. */
export function checkImports(file: string, text: string): Violation[] {
  const layer = file.split('/')[1] ?? '';
  const parsed = parseSync(file, text);
  const specifiers = [
    ...parsed.module.staticImports.map((i) => i.moduleRequest.value),
    ...parsed.module.staticExports.flatMap((e) => e.entries.flatMap((x) => (x.moduleRequest ? [x.moduleRequest.value] : []))),
    ...parsed.module.dynamicImports.map((i) => text.slice(i.moduleRequest.start + 1, i.moduleRequest.end - 1)),
  ];
  const isTest = file.endsWith('.test.ts');
  const out: Violation[] = [];
  for (const specifier of specifiers) {
    if (specifier.startsWith('./')) continue;
    if (specifier.startsWith('../')) {
      if (join(file, '..', specifier).split('/')[1] !== layer)
        out.push({ file, specifier, why: 'leaves its layer by a relative path: write #layer/file.ts' });
      continue;
    }
    if (specifier.startsWith('#')) {
      const to = specifier.slice(1).split('/')[0] ?? '';
      if (to === layer) out.push({ file, specifier, why: 'inside a layer imports are relative' });
      else if (!isTest && !(ALLOWED[layer] ?? []).includes(to)) out.push({ file, specifier, why: `${layer} may not import ${to}` });
      continue;
    }
    if (isTest && specifier.startsWith('node:')) continue;
    if (!(PACKAGES[layer] ?? []).some((p) => (p.endsWith(':') ? specifier.startsWith(p) : specifier === p))) {
      out.push({ file, specifier, why: `${layer} may not import the package ${specifier}` });
    }
  }
  return out;
}

function main(): void {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((f) => f.endsWith('.ts') && !f.endsWith('.d.ts'))
    .map((f) => `src/${f}`)
    .sort();
  if (files.length === 0) throw new Error('layers: no source files found');
  const violations = files.flatMap((f) => checkImports(f, readFileSync(join(ROOT, f), 'utf8')));
  for (const v of violations) console.error(`${v.file}: ${v.specifier}: ${v.why}`);
  console.log(`layers: ${files.length} files, ${violations.length} violations`);
  if (violations.length > 0) process.exitCode = 1;
}

if (import.meta.filename === process.argv[1]) main();
