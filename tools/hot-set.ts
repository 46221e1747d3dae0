/**
 * Chooses the instructions that get a case in the interpreter's hot function: `node tools/hot-set.ts` runs programs of the distribution,
 * looks at every 4999th instruction, and rewrites src/machine/engine/tier0/generated/hot-set.ts. Each program weighs the same, and a twentieth goes to what libraries hold but did not run.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Decoder, DecoderOptions, Instruction, OpKind, Register } from 'iced-x86';
import { DEFAULT_CPU_MODEL } from '#arch/cpu-models/index-of-models.ts';
import { NodeHost } from '#cli/host-node.ts';
import { defaultHandler } from '#kernel/perf/intel/pmi/handlers.ts';
import { Session } from '#system/session.ts';
import { largePrograms } from '../bench/lib/programs.ts';
import { ENV } from '../test/lib/run.ts';
import { shapeOf } from '../src/machine/engine/decode/operands.ts';
import { allForms } from '../src/machine/engine/semantics/forms.ts';

const CASES = 340;
const PERIOD = 4999;
const SAMPLES = 30_000;
const LIBRARIES = ['/lib/x86_64-linux-gnu/libc.so.6', '/usr/bin/python3.11', '/usr/bin/bash', '/usr/lib/x86_64-linux-gnu/libstdc++.so.6'];
const LIBRARY_WEIGHT = 0.05;
/** Shells and libraries run few of them, numerical programs little else (1.45 times faster in an n-body loop with these in). */
const DOUBLES = [
  ...['addsd', 'subsd', 'mulsd'].flatMap((name) => [`${name}:x16,x16`, `${name}:x16,m8@b`, `${name}:x16,m8@x`]),
  'addsd:x16,m8@a',
  'mulsd:x16,m8@a',
  'divsd:x16,x16',
  'divsd:x16,m8@b',
  'sqrtsd:x16,x16',
  'movsd:x16,m8@x',
  'movsd:m8,x16@x',
  'cvtsi2sd:x16,r4',
  'cvttsd2si:r4,x16',
];
/** In `dir`, beside the bench's inputs. */
const MORE: readonly (readonly string[])[] = [
  ['/usr/bin/perl', '-e', 'open F, "text"; while (<F>) { $c{$_}++ for split; s/(\\w+)s\\b/<$1>/g; $n += length } print $n + keys %c'],
  ['/usr/bin/sort', 'text'],
  ['/usr/bin/sed', '-E', 's/([aeiou]+)([rst])/\\2\\1/g', 'text'],
  ['/usr/bin/mawk', '{ for (i = 1; i <= NF; i++) c[$i] += length($i) } END { for (w in c) n += c[w] % 7; print n }', 'text'],
  ['/usr/bin/as', '-o', 'code.o', 'code.s'],
];
const forms = new Map(allForms().map((f) => [f.key, f]));
/** Their cases would only leave, or they run too long to matter. */
const rare = /^(rep|repne|syscall|undefined|int|gate|fx|div|idiv|hlt|cpuid|rdtsc|(movs|stos|lods|scas|cmps)[bwdq]$)/;

function memoryShape(i: Instruction): string {
  if (i.isIpRelMemoryOperand) return 'a';
  if (i.memoryIndex !== Register.None || i.memorySegment === Register.FS || i.memorySegment === Register.GS) return 'x';
  return 'b';
}
/** Form and memory shape; undefined: no form, or one that gets no case. */
function nameOf(i: Instruction): string | undefined {
  const key = shapeOf(i, false).keys.find((k) => forms.has(k));
  if (key === undefined || rare.test(key)) return undefined;
  return [i.op0Kind, i.op1Kind, i.op2Kind].includes(OpKind.Memory) ? `${key}@${memoryShape(i)}` : key;
}

const singles = new Map<string, number>(DOUBLES.map((k) => [k, 0]));
const add = (to: Map<string, number>, key: string, n: number): void => void to.set(key, (to.get(key) ?? 0) + n);

/** Adds the shares of what one program executes. */
function sampleProgram(argv: readonly string[], cwd: string, weight: number): void {
  class Quiet extends NodeHost {
    override write(_fd: number, from: Uint8Array): number {
      return from.length;
    }
  }
  const session = new Session({ model: DEFAULT_CPU_MODEL, handler: defaultHandler(DEFAULT_CPU_MODEL), host: new Quiet() });
  const envp = Object.entries(ENV).map(([k, v]) => `${k}=${v}`);
  const failed = session.start({ path: argv[0] as string, argv, envp, cwd });
  if (failed !== undefined) throw new Error(failed);
  const { engine } = session.machine.core.parts;
  const i = new Instruction();
  const found: string[] = [];
  const executed = (): number => session.machine.retire.sum(0);
  for (let at = executed() + PERIOD; found.length < SAMPLES && session.step(at - executed()) === undefined; ) {
    if (executed() !== at) continue;
    at += PERIOD;
    const rip = session.machine.core.rip;
    const host = engine.translate(rip, 2);
    if (host === 0) continue;
    const d = new Decoder(64, engine.bytes.slice(host, Math.min(host + 15, (host | 4095) + 1)), DecoderOptions.None);
    d.ip = rip;
    d.decodeOut(i);
    const name = nameOf(i);
    if (name !== undefined) found.push(name);
    d.free();
  }
  for (const name of found) add(singles, name, weight / found.length);
  console.log(`${argv.slice(0, 2).join(' ')}: ${found.length} samples`);
}

function scanLibrary(file: string, weight: number): void {
  const elf = readFileSync(file);
  const v = new DataView(elf.buffer, elf.byteOffset, elf.length);
  const [at, size, n] = [Number(v.getBigUint64(40, true)), v.getUint16(58, true), v.getUint16(60, true)];
  const names: string[] = [];
  const i = new Instruction();
  for (let s = 0; s < n; s++) {
    const h = at + s * size;
    if ((v.getBigUint64(h + 8, true) & 4n) === 0n || v.getUint32(h + 4, true) !== 1) continue;
    const from = Number(v.getBigUint64(h + 24, true));
    const d = new Decoder(64, elf.subarray(from, from + Number(v.getBigUint64(h + 32, true))), DecoderOptions.None);
    while (d.canDecode) {
      d.decodeOut(i);
      const name = nameOf(i);
      if (name !== undefined) names.push(name);
    }
  }
  for (const name of names) add(singles, name, weight / names.length);
}

const dir = mkdtempSync(`${tmpdir()}/perfglass-hot-`);
try {
  const programs = largePrograms(dir).flatMap((p) => (p.absent === undefined ? [p.argv] : []));
  execFileSync('gcc', ['-O2', '-S', 'code.c'], { cwd: dir });
  const all = [...programs, ...MORE];
  for (const argv of all) sampleProgram(argv, dir, (1 - LIBRARY_WEIGHT) / all.length);
} finally {
  rmSync(dir, { recursive: true });
}
for (const file of LIBRARIES) scanLibrary(file, LIBRARY_WEIGHT / LIBRARIES.length);

const ranked = (m: Map<string, number>): [string, number][] => [...m].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
const chosen = ranked(singles)
  .filter(([k], i) => DOUBLES.includes(k) || i < CASES - DOUBLES.length)
  .slice(0, CASES);
const percent = (list: readonly (readonly [string, number])[]): string => `${(list.reduce((s, [, n]) => s + n, 0) * 100).toFixed(1)} %`;
const rows = chosen.map(([k]) => `  '${k}',`).join('\n');
writeFileSync(
  new URL('../src/machine/engine/tier0/generated/hot-set.ts', import.meta.url),
  `/** Made by tools/hot-set.ts: the ${chosen.length} commonest (form, memory shape) pairs, ${percent(chosen)} of the instructions looked at. */
export const HOT_SET: readonly string[] = [
${rows}
];
`,
);
console.log(`${chosen.length} cases cover ${percent(chosen)}`);
