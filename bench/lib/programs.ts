/** What the bench runs: four small loops, six large programs of the distribution, and their inputs. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Rng } from '#base/rng.ts';
import { PROGRAMS } from '../../test/lib/perfglass.ts';
import { ENV, which } from '../../test/lib/run.ts';

export interface Program {
  readonly name: string;
  readonly argv: readonly string[];
  readonly absent?: string;
}

export function smallPrograms(quick: boolean): Program[] {
  const sizes = [
    ['sieve', '240', '25'],
    ['fib', '40', '34'],
    ['hash', '40000', '3000'],
    ['interp', '20000', '2500'],
  ] as const;
  return sizes.map(([name, full, small]) => ({ name, argv: [PROGRAMS + name, quick ? small : full] }));
}

const SHELL = `declare -A seen; s=0
for ((i = 0; i < 20000; i++)); do k=$((i * 7919 % 4093)); seen[$k]=$((\${seen[$k]:-0} + i)); if [[ $k == *7* ]]; then s=$((s + \${#seen[@]})); fi; done
echo $s \${#seen[@]}
`;
const PYTHON = `import json, re
words = open('text').read().split()
count = {}
for w in words:
    count[w] = count.get(w, 0) + 1
top = sorted(count.items(), key=lambda p: (-p[1], p[0]))[:200]
again = json.loads(json.dumps(dict(top)))
hits = sum(1 for w in words[:40000] if re.match(r'[aeiou]\\w*[rstln]$', w))
primes = [n for n in range(2, 6000) if all(n % d for d in range(2, int(n ** 0.5) + 1))]
print(len(words), len(count), sum(again.values()), hits, len(primes))
`;
const SQL = `CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, s TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
INSERT INTO t SELECT i, i * 7919 % 10007, printf('%08x-%d', i * 2654435761 % 4294967296, i) FROM n;
CREATE INDEX tk ON t(k);
SELECT count(*), sum(k), max(s) FROM t WHERE s LIKE '%7f%';
SELECT k, count(*) c, min(s) FROM t GROUP BY k HAVING c > 3 ORDER BY c DESC, k LIMIT 5;
SELECT sum(a.id * b.k) FROM t a JOIN t b ON a.k = b.id WHERE a.id % 5 = 0;
`;

/** Words of a Zipf-like distribution: it packs as prose does. */
function text(bytes: number): string {
  const rng = new Rng(7);
  const fraction = (): number => rng.next() / 0x1_0000_0000;
  const below = (n: number): number => rng.between(0, n - 1);
  const words = Array.from({ length: 5000 }, () =>
    Array.from({ length: 2 + below(9) }, () => 'etaoinshrdlucmfw'[Math.floor(fraction() ** 2 * 16)]).join(''),
  );
  const out: string[] = [];
  for (let n = 0; n < bytes; ) {
    const w = words[Math.floor(fraction() ** 3 * words.length)] as string;
    out.push(w);
    n += w.length + 1;
  }
  return out.join(' ').replaceAll(/((?:\S+ ){12})/g, '$1\n');
}
/** A C file of many small functions, none like the other. */
function source(functions: number): string {
  const out = ['typedef unsigned u;'];
  for (let i = 0; i < functions; i++) {
    const k = (i * 37) % 61;
    out.push(
      `struct s${i} { u a, b; u t[${8 + (i % 9)}]; };`,
      `u f${i}(struct s${i} *s, u n, const u *v) { u r = s->a ^ ${k}u; for (u i = 0; i < n; i++) { s->t[i % ${8 + (i % 9)}u] += v[i] * ${k + 3}u;`,
      `  switch ((r + i) & 3) { case 0: r += s->t[i & 7] >> ${1 + (i % 5)}; break; case 1: r = r * ${2 * k + 1}u + i; break; case 2: if (v[i] > r) r -= v[i]; break;`,
      `  default: r ^= ${i > 0 ? `f${i - 1}((struct s${i - 1} *)v, n & 3, v)` : 's->b'}; } } s->b = r; return r / ${k + 7}u; }`,
    );
  }
  return `${out.join('\n')}\n`;
}

/** A program of the distribution, as the runs' environment finds it. */
function command(name: string, program: string, ...args: readonly string[]): Program {
  const path = which(program, ENV['PATH']);
  return path === undefined ? { name, argv: [], absent: `${program} is not installed` } : { name, argv: [path, ...args] };
}

/** Writes the inputs into `dir`. */
export function largePrograms(dir: string): Program[] {
  const file = (name: string, content: string): string => {
    writeFileSync(join(dir, name), content);
    return name;
  };
  file('text', text(1_500_000));
  // The driver would start its compiler outside the peers that follow no exec; so the compiler itself.
  const cc1 = which('gcc') === undefined ? '' : spawnSync('gcc', ['-print-prog-name=cc1'], { encoding: 'utf8' }).stdout.trim();
  const gcc: Program = cc1.startsWith('/')
    ? { name: 'gcc -O2', argv: [cc1, '-quiet', '-O2', file('code.c', source(60)), '-o', '-'] }
    : { name: 'gcc -O2', argv: [], absent: 'gcc is not installed' };
  return [
    command('gzip', 'gzip', '-c', '-6', 'text'),
    command('xz', 'xz', '-c', '-1', 'text'),
    command('bash', 'bash', file('loop.bash', SHELL)),
    command('python3', 'python3', file('words.py', PYTHON)),
    command('sqlite3', 'sqlite3', ':memory:', `.read ${file('queries.sql', SQL)}`),
    gcc,
  ];
}

export function startPrograms(): Program[] {
  return [command('true', 'true'), command('python3 -c pass', 'python3', '-c', 'pass')];
}
