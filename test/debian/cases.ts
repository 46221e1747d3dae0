import { fileURLToPath } from 'node:url';

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
  { name: 'find', argv: ['sh', '-c', "find tree/sub -type f -size -9 -printf '%p %s %m %TY %l\\n' -o -type l | sort"], needs: ['find'] },
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
  {
    name: 'openssl enc',
    argv: ['sh', '-c', 'openssl enc -aes-128-cbc -k p -S 0011223344556677 -pbkdf2 < tree/numbers | openssl sha256'],
    needs: ['openssl'],
  },
  { name: 'openssl dgst', argv: ['openssl', 'dgst', '-sha512', 'tree/words.txt'] },
];

const SOURCES: string = fileURLToPath(new URL('src/', import.meta.url));

const shells: readonly DebianCase[] = [
  { name: 'dash', argv: ['dash', '-c', 'for f in tree/*; do echo "$f"; done; x=$(wc -c < tree/words.txt); echo $x; kill -9 $$'] },
  { name: 'bash', argv: ['bash', `${SOURCES}shell.bash`] },
  { name: 'bash -c true', argv: ['bash', '-c', 'true'] },
  { name: 'perl', argv: ['perl', `${SOURCES}text.pl`, 'tree/words.txt'] },
];

const PYTHON = '/usr/bin/python3';
const python: readonly DebianCase[] = [
  { name: 'python3 -c pass', argv: [PYTHON, '-c', 'pass'], limit: 120 },
  ...['print', 'json_', 'regex', 'digests', 'decimals', 'processes', 'threads', 'loops', 'forks', 'files', 'ptys', 'inet', 'timers'].map(
    (name) => ({
      name: `python3 ${name}`,
      argv: [PYTHON, '-S', `${SOURCES}${name}.py`],
      limit: 120,
    }),
  ),
];

const languages: readonly DebianCase[] = [
  { name: 'sqlite3', argv: ['sqlite3', ':memory:', `.read ${SOURCES}queries.sql`] },
  {
    name: 'sqlite3 file',
    argv: [
      'sqlite3',
      'd.db',
      'create table t(a,b); insert into t values(1,2.5),(3,"x"); begin; update t set a=a+1; commit; select * from t; pragma integrity_check;',
    ],
  },
];

const GIT = `git init -q -b main . && git config user.name a && git config user.email a@b && for i in 1 2 3; do
  echo $i >> f; cp tree/numbers n$i; git add f n$i
  GIT_AUTHOR_DATE="100000000$i +0000" GIT_COMMITTER_DATE="100000000$i +0000" git commit -qm "commit $i"
done`;
const builders: readonly DebianCase[] = [
  { name: 'gcc -S', argv: ['gcc', '-O2', '-S', '-o', '-', `${SOURCES}threads.c`], limit: 300 },
  { name: 'gcc and run', argv: ['sh', '-c', `gcc -O1 -o h ${SOURCES}hello.c && ./h a b`], needs: ['gcc'], limit: 300 },
  {
    name: 'make -j2',
    argv: ['make', '-j2', '-Otarget', '-s', 'all'],
    prepare: `cp ${SOURCES}Makefile.three Makefile && touch -d @5 Makefile`,
  },
  { name: 'git log', argv: ['git', '--no-pager', 'log', '--stat', '-p'], prepare: GIT, limit: 120 },
  { name: 'git gc', argv: ['sh', '-c', 'git gc -q && git fsck && git log --format=%H'], needs: ['git'], prepare: GIT, limit: 120 },
  { name: 'g++ and run', argv: ['sh', '-c', `g++ -O0 -pthread -o h ${SOURCES}hello.cc && ./h`], needs: ['g++'], limit: 300 },
  { name: 'node', argv: ['node', `${SOURCES}worker.cjs`], limit: 120 },
  {
    name: 'lua',
    argv: [
      'lua5.4',
      '-e',
      'for i = 1, 3 do print(i, i / 3, string.format("%5.2f", math.sin(i))) end print(select("#", string.byte("abc", 1, -1)))',
    ],
  },
];

/** Programs of this suite, built where it runs. */
const built: readonly DebianCase[] = ['threads', 'sockets', 'signals', 'stress', 'calls'].flatMap((name) =>
  ['', ' -static', ' -no-pie'].map((how) => ({
    name: `${name}${how}`,
    argv: ['sh', '-c', `exec ./${name}`],
    needs: ['gcc'],
    prepare: `gcc -O1 -pthread${how} -o ${name} ${SOURCES}${name}.c`,
  })),
);

const rights: readonly DebianCase[] = [
  {
    name: 'rights of another user',
    argv: ['bash', `${SOURCES}rights.bash`],
    needs: ['setpriv', PYTHON],
    prepare: '[ "$(id -u)" = 0 ] || { echo only root becomes another user >&2; exit 1; }',
    limit: 120,
  },
];

const once: readonly DebianCase[] = ['sysvipc', 'packets'].map((name) => ({
  name,
  argv: ['sh', '-c', `exec ./${name}`],
  needs: ['gcc'],
  prepare: `gcc -O1 -pthread -o ${name} ${SOURCES}${name}.c`,
}));

export const DEBIAN_CASES: readonly DebianCase[] = [
  ...coreutils,
  ...tools,
  ...shells,
  ...python,
  ...languages,
  ...builders,
  ...built,
  ...rights,
  ...once,
];
