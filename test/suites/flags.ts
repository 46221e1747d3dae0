/**
 * The flags test: some thousand instruction statements × operand cases, one static ELF, the same lines natively, under qemu and under perfglass.
 * Undefined flags are masked in the program, so that hosts of every make agree. `--keep` says where the program and the outputs stay.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { kindOf, program } from '../flags/emit.ts';
import { AVX } from '../flags/avx.ts';
import { BMI } from '../flags/bmi.ts';
import { CRYPTO } from '../flags/crypto.ts';
import { INTEGER } from '../flags/integer.ts';
import { SSE } from '../flags/sse.ts';
import { MMX } from '../flags/mmx.ts';
import { SSE4 } from '../flags/sse4.ts';
import { X87 } from '../flags/x87.ts';
import { CACHE, SELF, leaks, perfglass, ROOT } from '../lib/perfglass.ts';
import { run, which } from '../lib/run.ts';
import { Suite } from '../lib/suite.ts';

const DIR = `${CACHE}flags/`;
const SHOWN = 12;

/**
 * Where qemu 7.2 is known to be wrong, so that only the host judges: of two NaNs it takes x87's choice (the larger significand) also for SSE, it
 * does not set MXCSR.DE, knows no 64-bit lengths of PCMPESTRI, and of MMX's effect on x87 only half; BSF of zero clears half a register; its
 * descriptor table is not Linux's (LAR, LSL). Left out of qemu's comparison, never out of
 * perfglass's.
 */
const QEMU_IS_WRONG = new RegExp(
  [
    '^(add|sub|mul|div|dp|hadd|hsub|addsub)[sp][sd] ',
    '^(add|sub|mul|div|min|max|sqrt)[sp][sd] (flags|sticky)$',
    '^(cmp|cvt|u?comi).* flags$',
    ' (ftz|daz|both|both down|both sticky)$',
    '^pcmpestri64$',
    '^bsf keeps$',
    '^lar lsl$',
    '^(state|seen by x87)$',
  ].join('|'),
);
/** qemu's x87 sets neither C1 nor PE as the processor does: nine tenths of the statements differ; it has no MOVDIRI and its ADCX is wrong. */
const QEMU_JUDGES: ReadonlySet<string> = new Set(['integer', 'sse', 'sse4', 'mmx']);

/** Of the newest model's instructions: a host may lack some. */
const MODERN: ReadonlySet<string> = new Set(['bmi', 'crypto', 'avx']);

/** name → hash */
function parse(text: string): Map<string, string> {
  const lines = text.split('\n').filter((l) => l !== '');
  return new Map(lines.map((l) => [l.slice(0, l.lastIndexOf(' ')), l.slice(l.lastIndexOf(' ') + 1)]));
}

function compare(want: ReadonlyMap<string, string>, got: ReadonlyMap<string, string>, who: string): string[] {
  const wrong: string[] = [];
  let lacking = 0;
  for (const [name, hash] of want) {
    const other = got.get(name);
    if (other === undefined) lacking++;
    else if (other !== hash) wrong.push(name);
  }
  const complaints: string[] = [];
  if (wrong.length > 0)
    complaints.push(
      `${wrong.length} of ${want.size} statements differ under ${who}: ${wrong.slice(0, SHOWN).join(' | ')}${wrong.length > SHOWN ? ' | …' : ''}`,
    );
  if (lacking > 0)
    complaints.push(`${lacking} of ${want.size} statements give no line under ${who}; the last line is '${[...got.keys()].at(-1) ?? ''}'`);
  return complaints;
}

const suite = new Suite('flags');
if (which('gcc') === undefined) suite.skip('all', 'gcc is not installed (it assembles the program)');
else {
  mkdirSync(DIR, { recursive: true });
  for (const [kind, statements] of [
    ['integer', INTEGER],
    ['sse', SSE],
    ['sse4', SSE4],
    ['x87', X87],
    ['mmx', MMX],
    ['bmi', BMI],
    ['crypto', CRYPTO],
    ['avx', AVX],
  ] as const) {
    const elf = DIR + kind;
    writeFileSync(`${elf}.s`, program(statements, kindOf(kind)));
    const built = run(['gcc', '-nostdlib', '-static', '-no-pie', '-Wl,--build-id=none', '-o', elf, `${elf}.s`], { limit: 120 });
    if (built.status !== 0) {
      suite.fail(`${kind}: assembles`, built.stderr.toString().slice(0, 1500));
      continue;
    }
    const native = run([elf]);
    if (native.status === 132 && MODERN.has(kind)) {
      suite.skip(kind, 'the host processor lacks an instruction of it (SIGILL)');
      continue;
    }
    const want = parse(native.stdout.toString());
    suite.judge(
      `${kind}: natively`,
      want.size === statements.length && native.status === 0
        ? []
        : [`${want.size} lines for ${statements.length} statements, status ${native.status}`],
      `${want.size} statements`,
    );
    const qemu = which('qemu-x86_64');
    if (!QEMU_JUDGES.has(kind)) suite.skip(`${kind}: qemu equals the host`, 'the host alone judges');
    else if (qemu === undefined) suite.skip(`${kind}: qemu equals the host`, 'qemu-x86_64 is not installed');
    else {
      const other = run([qemu, '-cpu', 'max', elf], { limit: 120 });
      writeFileSync(`${elf}.qemu`, other.stdout);
      const judged = new Map([...want].filter(([name]) => !QEMU_IS_WRONG.test(name)));
      suite.judge(`${kind}: qemu equals the host`, compare(judged, parse(other.stdout.toString()), 'qemu'), `${judged.size} statements`);
    }
    writeFileSync(`${elf}.native`, native.stdout);
    if (SELF) continue;
    const model = MODERN.has(kind) ? 'sapphirerapids' : 'skylake';
    const ours = run(perfglass('stat', '--cpu', model, '-o', '/dev/null', '-e', 'instructions:u', '--', elf), { limit: 300 });
    writeFileSync(`${elf}.perfglass`, ours.stdout);
    const complaints = [...leaks(ours.stderr.toString()), ...compare(want, parse(ours.stdout.toString()), 'perfglass')];
    if (ours.status !== 0) complaints.push(`status ${ours.status}; stderr: ${JSON.stringify(ours.stderr.toString().slice(-400))}`);
    suite.judge(`${kind}: perfglass equals the host`, complaints, `${want.size} statements; ${elf}.{native,perfglass} hold the lines`);
    // What traces is the branches: AVX has none.
    const variants = ['functions', ...(kind === 'avx' ? [] : ['trace']), ...(kind === 'sse' || kind === 'avx' ? ['observe'] : [])];
    for (const variant of variants) {
      const other = run([process.execPath, `${ROOT}test/lib/variant.ts`, variant, elf, model], { limit: 300 });
      suite.judge(
        `${kind}: variant ${variant} equals the host`,
        compare(want, parse(other.stdout.toString()), variant),
        `${want.size} statements`,
      );
    }
  }
}
suite.end();
