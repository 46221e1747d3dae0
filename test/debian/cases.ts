/** What the debian suite runs. Each case names one program (argv[0], from PATH) and what else must be installed for it. */

export interface DebianCase {
  readonly name: string;
  readonly argv: readonly string[];
  readonly input?: string;
  /** Files that the program leaves behind, compared too. */
  readonly leaves?: boolean;
  /** Further programs that it starts. */
  readonly needs?: readonly string[];
  /** Shell commands run natively in the fresh tree before each run. */
  readonly prepare?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Seconds; 60 unless told. */
  readonly limit?: number;
}

const coreutils: readonly DebianCase[] = [
  { name: 'true', argv: ['true'] },
  { name: 'false', argv: ['false'] },
  { name: 'ls', argv: ['ls', '-la', '--time-style=full-iso', 'tree', 'tree/sub'] },
  { name: 'ls -R', argv: ['ls', '-RF', '--color=always', '.'] },
  { name: 'cat', argv: ['cat', '-A', 'tree/words.txt', 'tree/sub/bytes.bin', 'tree/missing'] },
  { name: 'cat stdin', argv: ['cat', '-n'], input: 'one\ntwo\n' },
  { name: 'sort', argv: ['sort', 'tree/words.txt'] },
  { name: 'sort keys', argv: ['sort', '-k1,1nr', '-k3', 'tree/numbers'] },
  { name: 'wc', argv: ['wc', 'tree/words.txt', 'tree/numbers', 'tree/sub/bytes.bin'] },
  { name: 'sha256sum', argv: ['sha256sum', 'tree/words.txt', 'tree/sub/bytes.bin', 'tree/sub/deep/no-newline'] },
  { name: 'md5sum', argv: ['md5sum', 'tree/words.txt', 'tree/sub/bytes.bin'] },
  { name: 'env', argv: ['env', '-i', 'A=1', 'B=two words', 'env'] },
  { name: 'date', argv: ['date', '-u', '-d', '@1700000000', '+%Y-%m-%dT%H:%M:%S %j %A'] },
  { name: 'date zone', argv: ['date', '-d', '2001-02-03 04:05:06', '-R'], env: { TZ: 'Europe/Berlin' } },
  { name: 'dd', argv: ['dd', 'if=tree/sub/bytes.bin', 'bs=100', 'skip=3', 'count=7', 'status=noxfer', 'conv=swab'] },
  { name: 'od', argv: ['od', '-A', 'x', '-t', 'x1z', 'tree/sub/bytes.bin'] },
  { name: 'cut', argv: ['cut', '-f', '1,3', 'tree/numbers'] },
  { name: 'stat', argv: ['stat', '-c', '%n %s %a %F %Y %U', 'tree', 'tree/words.txt', 'tree/link'] },
  { name: 'seq', argv: ['seq', '-w', '1', '3', '40'] },
  { name: 'expr', argv: ['expr', '12', '*', '34', '+', '5'] },
  { name: 'tac', argv: ['tac', 'tree/words.txt'] },
  { name: 'base64', argv: ['base64', 'tree/sub/bytes.bin'] },
  { name: 'cp', argv: ['cp', '-a', 'tree', 'copy'], leaves: true },
];

const tools: readonly DebianCase[] = [
  { name: 'find', argv: ['find', 'tree/sub', '-type', 'f', '-printf', '%p %s %m %TY\n'] },
  { name: 'find -exec', argv: ['find', 'tree/sub/deep', '-type', 'f', '-exec', 'wc', '-c', '{}', ';'] },
  { name: 'xargs', argv: ['xargs', '-n', '2', 'echo', 'x'], input: 'a b c d e\n' },
  { name: 'grep', argv: ['grep', '-n', 'lost[0-9]*[05] ', 'tree/words.txt'] },
  { name: 'grep -E', argv: ['grep', '-cE', '(name1|event9)[[:digit:]]?', 'tree/numbers', 'tree/words.txt'] },
  { name: 'grep none', argv: ['grep', 'nothing-like-this', 'tree/words.txt'] },
  { name: 'sed', argv: ['sed', '-e', 's/\\([a-z]*\\)\\([0-9]\\)/\\2-\\1/g', '-e', '3,5d', '-e', '$!N;P;D', 'tree/words.txt'] },
  { name: 'sed -i', argv: ['sed', '-i', 's/0/O/', 'tree/numbers'] },
  { name: 'gzip', argv: ['gzip', '-c', '-9', 'tree/words.txt'] },
  { name: 'gunzip', argv: ['gzip', '-dc', 'w.gz'], prepare: 'gzip -n < tree/words.txt > w.gz' },
  { name: 'xz', argv: ['xz', '-c', '-0', 'tree/words.txt'] },
  { name: 'xz -d', argv: ['xz', '-dc', 'w.xz'], prepare: 'xz < tree/words.txt > w.xz' },
  { name: 'tar c', argv: ['tar', 'cf', '-', '--sort=name', '--owner=0', '--group=0', 'tree'] },
  { name: 'tar x', argv: ['tar', 'xvf', 't.tar'], prepare: 'tar cf t.tar --sort=name tree; rm -r tree', leaves: true },
  { name: 'tar z', argv: ['tar', 'tzf', 't.tgz'], prepare: 'tar czf t.tgz --sort=name tree', needs: ['gzip'] },
  {
    name: 'mawk',
    argv: [
      'mawk',
      '{ n[$3] += $1; c++ } END { for (i = 0; i < 13; i++) print i, n["name" i], c / 7; printf "%.6f %d\\n", c / 9, 7 % 3 }',
      'tree/numbers',
    ],
  },
  {
    name: 'mawk floats',
    argv: ['mawk', 'BEGIN { for (i = 1; i < 9; i++) print i / 3, sin(i), exp(-i), log(i), sqrt(i), int(-i / 2), i ^ 7.5 }'],
  },
  { name: 'diff', argv: ['diff', '-u', 'tree/numbers', 'n2'], prepare: 'sed s/name7/NAME7/ tree/numbers > n2; touch -d @5 n2' },
  { name: 'bc', argv: ['bc', '-l'], input: 'scale=40\n4*a(1)\n2^200\n' },
  { name: 'openssl dgst', argv: ['openssl', 'dgst', '-sha512', 'tree/words.txt'] },
];

const BASH_PROGRAM = `
shopt -s extglob
a=(one two three); a+=(four); declare -A m=([x]=1 [y]=2)
for i in "\${!a[@]}"; do echo "$i \${a[i]^^}"; done
echo "\${m[x]}\${m[y]} \${#a[@]} \${a[@]:1:2}"
trap 'echo got TERM; n=1' TERM
kill -TERM $$
trap 'echo leaving with $?' EXIT
f() { local x=$1; (( x > 0 )) && { echo -n "$x "; f $((x - 1)); }; }
f 5; echo
(cd tree/sub; pwd | sed 's/.*work//'; exit 3); echo "sub $?"
printf '%s\\n' {a..e}{1,2} | sort -r | head -n 4 | tr a-z A-Z
while read -r x y rest; do (( s += x )); done < tree/numbers; echo "$s"
x=$(echo in | cat; echo again); echo "$x"
cat <<< "here string"; diff <(echo a) <(echo b)
[[ abc123 =~ ([a-z]+)([0-9]+) ]] && echo "\${BASH_REMATCH[2]}"
set -o pipefail; false | true; echo "pipe $?"
sleep 0.05 & wait $!; echo "waited $?"
coproc cat; echo hello >&"\${COPROC[1]}"; read -r line <&"\${COPROC[0]}"; echo "$line"
exit 7
`;

const shells: readonly DebianCase[] = [
  { name: 'dash', argv: ['dash', '-c', 'for f in tree/*; do echo "$f"; done; x=$(wc -c < tree/words.txt); echo $x; kill -9 $$'] },
  { name: 'bash', argv: ['bash', '-c', BASH_PROGRAM] },
  { name: 'bash -c true', argv: ['bash', '-c', 'true'] },
  {
    name: 'perl',
    argv: [
      'perl',
      '-e',
      'my %h; while (<>) { $h{$1}++ while /([a-z]+)\\d/g } printf "%s %d\\n", $_, $h{$_} for sort keys %h; print join(",", map { $_ ** 2 } 1..9), "\\n"; my $o = `echo sub`; print $o; printf "%.10f\\n", atan2(1,1)*4; exit 3',
      'tree/words.txt',
    ],
  },
];

const PYTHON = '/usr/bin/python3';
const py = (name: string, program: string, more: Partial<DebianCase> = {}): DebianCase => ({
  name: `python3 ${name}`,
  argv: [PYTHON, '-S', '-c', program],
  limit: 120,
  ...more,
});
const languages: readonly DebianCase[] = [
  py('pass', 'pass'),
  py('print', 'print(sum(i * i for i in range(1000)), 0.1 + 0.2, [x / 7 for x in range(5)], hash(3.5))'),
  py(
    'json',
    'import json; d = json.loads(\'{"a": [1, 2.5, null, true], "b": {"c": "\\\\u00e9"}}\'); print(json.dumps(d, indent=1, sort_keys=True))',
  ),
  py('re', 'import re; t = open("tree/words.txt").read(); print(re.findall(r"lost(\\d+)", t)[:20], len(re.sub(r"[aeiou]", "", t)))'),
  py(
    'hashlib',
    'import hashlib; d = open("tree/words.txt", "rb").read(); print(hashlib.sha256(d).hexdigest(), hashlib.md5(d).hexdigest(), hashlib.blake2b(d).hexdigest())',
  ),
  py('decimal', 'from decimal import Decimal, getcontext; getcontext().prec = 50; print(Decimal(2).sqrt(), Decimal(1) / Decimal(7))'),
  py(
    'subprocess',
    'import subprocess; r = subprocess.run(["wc", "-l", "tree/numbers"], capture_output=True, text=True); print(r.stdout, r.returncode); p = subprocess.Popen("cat | tr a-z A-Z", shell=True, stdin=-1, stdout=-1); print(p.communicate(b"hello"))',
  ),
  py(
    'threading',
    'import threading, queue; q = queue.Queue(); o = []; l = threading.Lock()\\ndef w():\\n  while True:\\n    i = q.get()\\n    if i is None: break\\n    with l: o.append(i * i)\\nt = [threading.Thread(target=w) for _ in range(4)]\\n[x.start() for x in t]\\n[q.put(i) for i in range(50)]\\n[q.put(None) for _ in t]\\n[x.join() for x in t]\\nprint(sorted(o))',
  ),
  py(
    'asyncio',
    'import asyncio\\nasync def f(n):\\n  await asyncio.sleep(n / 100)\\n  return n\\nasync def m():\\n  print(await asyncio.gather(*[f(i) for i in range(5)]))\\nasyncio.run(m())',
  ),
  py(
    'multiprocessing',
    'import multiprocessing as m, os\\nc = m.get_context("fork")\\nq = c.SimpleQueue()\\np = c.Process(target=lambda: q.put(6 * 7)); p.start(); print(q.get()); p.join(); print(p.exitcode)',
  ),
  py(
    'files',
    'import os, tempfile, mmap, shutil; d = tempfile.mkdtemp(dir="."); f = open(d + "/x", "w+b"); f.write(b"0" * 5000); f.flush(); m = mmap.mmap(f.fileno(), 0); m[4096:4100] = b"abcd"; m.flush(); print(os.stat(d + "/x").st_size, open(d + "/x", "rb").read()[4090:4104]); shutil.rmtree(d); print(sorted(os.listdir("tree")))',
  ),
  {
    name: 'sqlite3',
    argv: ['sqlite3', ':memory:'],
    input:
      'create table t(a integer primary key, b text);\\nwith recursive c(x) as (select 1 union all select x+1 from c where x<200) insert into t select x, "n" || (x*7%13) from c;\\nselect b, count(*), avg(a) from t group by b order by b;\\n'.replaceAll(
        '\\n',
        '\n',
      ),
  },
  {
    name: 'sqlite3 file',
    argv: [
      'sqlite3',
      'd.db',
      'create table t(a,b); insert into t values(1,2.5),(3,"x"); begin; update t set a=a+1; commit; select * from t; pragma integrity_check;',
    ],
  },
];

const C_PROGRAM =
  '#include <stdio.h>\nint main(int c, char **v) { for (int i = 0; i < 3; i++) printf("%d %s\\n", i * c, v[0] ? "ok" : ""); return 5; }';
const builders: readonly DebianCase[] = [
  { name: 'gcc -S', argv: ['gcc', '-O2', '-S', '-o', '-', 'h.c'], prepare: `cat > h.c <<'END'\n${C_PROGRAM}\nEND`, limit: 200 },
  {
    name: 'gcc and run',
    argv: ['sh', '-c', 'gcc -O1 -o h h.c && ./h a b'],
    needs: ['gcc'],
    prepare: `cat > h.c <<'END'\n${C_PROGRAM}\nEND`,
    limit: 200,
  },
  {
    name: 'make -j2',
    argv: ['make', '-j2', '-Otarget', '-s', 'all'],
    prepare: "printf 'all: a b c\\n\\tcat a b c\\na b c:\\n\\techo $@ > $@; sleep 0.01\\n' > Makefile",
  },
  {
    name: 'git log',
    argv: ['git', 'log', '--stat', '--oneline', '-p'],
    prepare:
      'git init -q -b main . && git config user.name a && git config user.email a@b && for i in 1 2 3; do echo $i >> f; git add f; GIT_AUTHOR_DATE="100000000$i +0000" GIT_COMMITTER_DATE="100000000$i +0000" git commit -qm "c $i"; done',
  },
  {
    name: 'git gc',
    argv: ['sh', '-c', 'git gc -q && git fsck && git log --format=%H'],
    needs: ['git'],
    prepare:
      'git init -q -b main . && git config user.name a && git config user.email a@b && for i in 1 2 3; do echo $i >> f; git add f tree; GIT_AUTHOR_DATE="100000000$i +0000" GIT_COMMITTER_DATE="100000000$i +0000" git commit -qm "c $i"; done',
    limit: 120,
  },
  {
    name: 'lua',
    argv: [
      'lua5.4',
      '-e',
      'for i = 1, 3 do print(i, i / 3, string.format("%5.2f", math.sin(i))) end; print(select("#", string.byte("abc", 1, -1)))',
    ],
  },
];

export const DEBIAN_CASES: readonly DebianCase[] = [...coreutils, ...tools, ...shells, ...languages, ...builders];
