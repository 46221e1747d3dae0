/**
 * What a guest sees: a small root from the host's own files (busybox-static, and a dynamic program with its libraries), as a folder and as tar
 * in several forms, against chroot(8) natively; --read-only, --overlay, --hermetic; manifests and `perfglass diff`; bad input.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { ROOT, leaks, perfglass } from '../lib/perfglass.ts';
import { ENV, type Outcome, type RunOptions, run, which } from '../lib/run.ts';
import { Suite, difference } from '../lib/suite.ts';
import { listing } from '../lib/tree.ts';

const suite = new Suite('root');
const work = mkdtempSync(join(tmpdir(), 'perfglass-root-'));
const at = (...names: string[]): string => join(work, ...names);
const guest = (args: readonly string[], options: RunOptions = {}): Outcome => run(perfglass(...args), { limit: 120, ...options });
const text = (o: Outcome): string => o.stdout.toString();

/** A program with the libraries that ldd names, each at its own path. */
function install(root: string, program: string): boolean {
  if (!existsSync(program)) return false;
  const libraries = run(['ldd', program], { env: { ...ENV, PATH: process.env['PATH'] ?? '' } });
  const files = [program, ...[...libraries.stdout.toString().matchAll(/(\/\S+) \(0x/g)].map((m) => m[1] ?? '')];
  for (const file of files.filter((f) => f !== '')) {
    mkdirSync(dirname(root + file), { recursive: true });
    copyFileSync(realpathSync(file), root + file);
  }
  return true;
}

function makeRoot(root: string): boolean {
  const busybox = which('busybox');
  if (busybox === undefined || run(['ldd', busybox]).status === 0) return false; // a dynamic one
  for (const name of ['bin', 'etc', 'dev', 'proc', 'sys', 'tmp', 'long/'.repeat(40)]) mkdirSync(join(root, name), { recursive: true });
  copyFileSync(busybox, join(root, 'bin/busybox'));
  for (const name of ['sh', 'cat', 'ls', 'ln', 'rm', 'mv', 'mkdir', 'echo', 'readlink', 'sort', 'env', 'touch', 'chmod', 'find', 'wc'])
    symlinkSync('busybox', join(root, 'bin', name));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  writeFileSync(join(root, 'etc/inside'), 'of the root\n');
  writeFileSync(join(root, `${'long/'.repeat(40)}name`), 'deep\n');
  writeFileSync(join(root, 'bin/script'), '#!/bin/sh\necho script "$0" "$@"\n', { mode: 0o755 });
  symlinkSync('/etc/inside', join(root, 'etc/absolute'));
  symlinkSync('../../../../../../../../../../etc/inside', join(root, 'etc/up'));
  symlinkSync('/proc/self/root/../../etc/inside', join(root, 'etc/magic'));
  symlinkSync('/etc/hostname', join(root, 'etc/outside')); // there on the host, not here
  return install(root, '/usr/bin/sha256sum');
}

/** Programs whose output is equal natively under chroot: what is in the tree, and that nothing else is. */
const CASES: readonly (readonly [name: string, ...argv: string[]])[] = [
  ['names', '/bin/sh', '-c', 'pwd; cd /etc; pwd; ls; cat absolute up; cd ..; cd ../../..; pwd; ls'],
  ['outside', '/bin/sh', '-c', 'cat /etc/outside; cat /etc/../../etc/hostname; cat /proc/self/root/etc/hostname; ls /usr/bin /work 2>&1'],
  ['a dynamic program', '/usr/bin/sha256sum', '/etc/inside', '/etc/up'],
  ['a script', '/bin/script', 'a', 'b c'],
  ['found on PATH', 'script', 'x'],
  ['long names', 'find', '/long', '-name', 'name'],
  [
    'changes',
    '/bin/sh',
    '-c',
    'cd /tmp; mkdir a; echo 1 >a/f; ln a/f a/g; ln -s f a/s; mv a b; cat b/s; rm b/f; chmod 640 b/g; ls -l b | wc -l; cat b/g; mv /etc/inside /etc/moved; cat /etc/up; rm -r b; rm /etc/moved; ls /tmp /etc',
  ],
];

function inTheRoot(images: readonly string[]): void {
  for (const [i, [name, ...argv]] of CASES.entries()) {
    cpSync(at('plain'), at('native'), { recursive: true, verbatimSymlinks: true });
    cpSync(at('plain'), at('folder'), { recursive: true, verbatimSymlinks: true });
    const env = { ...ENV, PATH: '/usr/bin:/bin' };
    // Without root there is no chroot: then the folder is the reference for the archives.
    const native = process.getuid?.() === 0 ? run(['/usr/sbin/chroot', at('native'), ...argv], { env }) : undefined;
    const folder = guest(['run', '--root', at('folder'), '--', ...argv], { env });
    // chroot(8) sees no /proc, /sys, /dev beyond empty folders; what they say is held by other suites.
    const complaints = leaks(folder.stderr.toString());
    const compare = (what: string, want: Outcome, got: Outcome): void => {
      if (want.status !== got.status) complaints.push(`${what}: status ${got.status}, ${want.status} wanted: ${got.stderr}`);
      const d = difference(what, want.stdout, got.stdout);
      if (d !== undefined) complaints.push(d);
    };
    if (native !== undefined) {
      compare('folder', native, folder);
      const d = difference('what is left behind', listing(at('native')), listing(at('folder')));
      if (d !== undefined) complaints.push(d);
    }
    // All forms hold the same tree: each case takes two of them in turn.
    const chosen = [images[i % images.length] ?? '', images[(i + 3) % images.length] ?? ''];
    for (const image of chosen) compare(image, native ?? folder, guest(['run', '--root', at(image), '--', ...argv], { env }));
    suite.judge(`--root: ${name}`, complaints, `${native === undefined ? '' : 'chroot, '}folder, ${chosen.join(', ')}`);
    for (const made of ['native', 'folder']) rmSync(at(made), { recursive: true });
  }
}

/** By links of /proc, by a descriptor of a folder outside, by chroot and what it leaves open. */
function noWayOut(images: readonly string[]): void {
  const script =
    'cat /etc/magic; cat /proc/self/root/etc/hostname; cat /proc/1000/root/etc/hostname; cat /proc/self/cwd/../../../etc/hostname; ls /proc/self/fd/0/; cd /proc/self/fd/0/..; readlink /proc/self/root';
  const complaints: string[] = [];
  for (const root of ['plain', images[0] ?? '']) {
    // A folder of the host as standard input is a descriptor of something outside.
    const o = run(['sh', '-c', '"$@" </etc', 'sh', ...perfglass('run', '--root', at(root), '--', '/bin/sh', '-c', script)]);
    complaints.push(...leaks(o.stderr.toString()));
    if (text(o) !== 'of the root\n/\n') complaints.push(`${root}: ${o.stdout}`);
  }
  suite.judge('--root: no way out', complaints, 'links of /proc, descriptors of folders outside');
}

const CHANGES = 'echo x >>etc/inside; cat etc/inside; mkdir q; rm etc/passwd; mv bin/script s; touch etc/inside; ls';

function readOnly(): void {
  const before = listing(at('plain'));
  const complaints: string[] = [];
  for (const root of ['plain', 'pax.tar']) {
    const o = guest([
      'run',
      '--root',
      at(root),
      '--read-only',
      '--',
      '/bin/sh',
      '-c',
      `${CHANGES}; echo to >/dev/null; echo to >/dev/shm/f; cat /dev/shm/f`,
    ]);
    const refused = o.stderr.toString().split('Read-only file system').length - 1;
    if (refused !== 5) complaints.push(`${root}: ${refused} changes refused, 5 wanted: ${o.stderr}`);
    if (text(o) !== 'of the root\nbin\ndev\netc\nlib\nlib64\nlong\nproc\nsys\ntmp\nusr\nto\n') complaints.push(`${root}: ${text(o)}`);
  }
  const d = difference('the host’s files', before, listing(at('plain')));
  if (d !== undefined) complaints.push(d);
  suite.judge('--read-only', complaints, 'EROFS, nothing changed; streams and /dev/shm can be written');
}

function overlay(): void {
  const before = listing(at('plain'));
  const complaints: string[] = [];
  const root = ['--root', at('plain')];
  cpSync(at('plain'), at('native'), { recursive: true, verbatimSymlinks: true });
  const script = `${CHANGES}; mv usr u; rm -r long; mkdir long; echo n >long/n; chmod 600 s; find . -path ./proc -prune -o -path ./dev -prune -o -path ./sys -prune -o -print | sort`;
  const native = run(['busybox', 'sh', '-c', `cd ${at('native')}; ${script}`]);
  const once = guest(['run', ...root, '--overlay', '--', '/bin/sh', '-c', script]);
  const kept = guest(['run', ...root, `--overlay=${at('kept')}`, '--', '/bin/sh', '-c', script]);
  for (const [name, o] of [
    ['in memory', once],
    ['in a folder', kept],
  ] as const) {
    complaints.push(...leaks(o.stderr.toString()));
    const d = difference(name, native.stdout, o.stdout);
    if (d !== undefined) complaints.push(`${d}${o.stderr}`);
  }
  const again = guest([
    'run',
    ...root,
    `--overlay=${at('kept')}`,
    '--',
    '/bin/sh',
    '-c',
    'find . -path ./proc -prune -o -path ./dev -prune -o -path ./sys -prune -o -print | sort; cat long/n etc/inside',
  ]);
  const tail = `${run(['busybox', 'sh', '-c', `cd ${at('native')}; find . -path ./proc -prune -o -path ./dev -prune -o -path ./sys -prune -o -print | sort; cat long/n etc/inside`]).stdout}`;
  if (text(again) !== tail) complaints.push(`a second run finds ${text(again)}instead of ${tail}`);
  const d = difference('the host’s files', before, listing(at('plain')));
  if (d !== undefined) complaints.push(d);
  suite.judge('--overlay', complaints, 'as natively, kept for the next run, the host unchanged');

  // Random calls: results as natively although nothing of it reaches the host.
  const fuzz: string[] = [];
  for (const seed of ['1', '2', '3']) {
    const folder = mkdtempSync(at('fuzz-'));
    const argv = [`${ROOT}test/files/bin/filefuzz`, seed, '3000'];
    const o = guest(['run', '--overlay', '--', ...argv], { cwd: folder });
    const left = run(['ls', '-A', folder]).stdout.toString();
    const natively = run(argv, { cwd: folder });
    const diff = difference(`seed ${seed}`, natively.stdout, o.stdout);
    fuzz.push(...leaks(o.stderr.toString()), ...(diff === undefined ? [] : [diff]), ...(left === '' ? [] : [`the host has ${left}`]));
  }
  suite.judge('--overlay: random calls', fuzz, '3 × 3000');
  rmSync(at('native'), { recursive: true });
}

function hermetic(): void {
  const complaints: string[] = [];
  const script =
    'pwd; id; env | sort; ls -la --time-style=+%s; tty; umask; ulimit -n; hostname; date; cat data; stat -c "%u %b %h %x" data';
  const results: string[] = [];
  // Two folders, environments, masks and kinds of streams, as on two machines.
  for (const [i, place] of ['one', 'another-place/further/down'].entries()) {
    mkdirSync(at(place), { recursive: true });
    writeFileSync(at(place, 'data'), 'the same\n');
    copyFileSync(`${ROOT}programs/bin/fib`, at(place, 'prog'));
    run(['touch', '-d', '@1500000000', at(place, 'data'), at(place, 'prog')]);
    run(['chmod', '755', at(place, 'prog')]);
    const env =
      i === 0
        ? { ...ENV }
        : { PATH: '/bin:/usr/bin', HOME: '/root', LC_ALL: 'C.UTF-8', TZ: 'Asia/Tokyo', MORE: 'x'.repeat(5000), TERM: 'xterm' };
    const counts = at(`counts-${i}`);
    const argv = perfglass(
      'stat',
      '--hermetic',
      '-j',
      '-o',
      counts,
      '-e',
      'instructions:u,instructions:k,branches:u',
      '--',
      'bash',
      '-c',
      script,
    );
    const o =
      i === 0
        ? run(argv, { cwd: at(place), env })
        : run(['sh', '-c', `umask 077; ulimit -n 512; "$@" >${at('out')} </dev/null; cat ${at('out')}`, 'sh', ...argv], {
            cwd: at(place),
            env,
          });
    const prog = guest(['stat', '--hermetic', '-x,', '-e', 'instructions:u,instructions:k', '--', at(place, 'prog')], {
      cwd: at(place),
      env,
    });
    complaints.push(...leaks(o.stderr.toString()));
    results.push(`${text(o)}${readFileSync(counts, 'utf8')}${prog.stderr}`);
  }
  const d = difference('the second place', Buffer.from(results[0] ?? ''), Buffer.from(results[1] ?? ''));
  if (d !== undefined) complaints.push(d);
  if (!(results[0] ?? '').startsWith('/cwd\nuid=0(root)')) complaints.push(results[0] ?? '');
  suite.judge('--hermetic', complaints, 'two folders, environments, masks, limits, streams: the same output and counts');
}

function manifests(): void {
  mkdirSync(at('m'));
  writeFileSync(at('m', 'data'), 'one\n');
  const options = { cwd: at('m') };
  const record = (name: string, ...more: string[]): Outcome =>
    guest(
      [
        'stat',
        '-e',
        'instructions:u',
        '--hermetic',
        '--overlay',
        '--inputs',
        at(name),
        ...more,
        '--',
        'sh',
        '-c',
        'cat data no-such; echo changed >data; cat data; read x',
      ],
      { ...options, input: 'line\n' },
    );
  const complaints: string[] = [];
  const expect = (what: string, o: Outcome, status: number, ...patterns: RegExp[]): void => {
    complaints.push(...leaks(o.stderr.toString()));
    if (o.status !== status) complaints.push(`${what}: status ${o.status}, ${status} wanted: ${o.stdout}${o.stderr}`);
    for (const p of patterns) if (!p.test(text(o) + o.stderr.toString())) complaints.push(`${what}: no ${p} in ${o.stdout}${o.stderr}`);
  };
  record('a.json');
  record('b.json');
  if (readFileSync(at('a.json'), 'utf8') !== readFileSync(at('b.json'), 'utf8')) complaints.push('two runs, two manifests');
  const manifest = JSON.parse(readFileSync(at('a.json'), 'utf8')) as { files: { path: string; kind: string; sha256?: string }[] };
  const find = (path: string): string => JSON.stringify(manifest.files.find((f) => f.path === path)?.kind);
  if (find('/cwd/data') !== '"read"' || find('/cwd/no-such') !== '"missing"')
    complaints.push(`data ${find('/cwd/data')}, no-such ${find('/cwd/no-such')}`);
  const sum = run(['sha256sum', at('m', 'data')])
    .stdout.toString()
    .slice(0, 64);
  if (manifest.files.find((f) => f.path === '/cwd/data')?.sha256 !== sum)
    complaints.push('the hash is not that of the file as it was first opened');
  expect('the same', guest(['diff', at('a.json'), at('b.json')]), 0, /instructions:u .* =\n/, /No input differs/);
  writeFileSync(at('m', 'data'), 'longer than before\n');
  record('c.json', '--env', 'EXTRA=1', '--cpu', 'nehalem');
  expect(
    'changed',
    guest(['diff', at('a.json'), at('c.json')]),
    1,
    /file \/cwd\/data\n +A: read, 4 bytes.*\n +B: read, 19 bytes/,
    /variable EXTRA\n +only in B/,
    /option cpu\n +A: skylake\n +B: nehalem/,
  );
  for (const name of ['r1', 'r2'])
    guest([
      'record',
      '-q',
      '-c',
      '1009',
      '-e',
      'instructions:u',
      '--hermetic',
      '--root',
      at('plain'),
      '--read-only',
      '-o',
      at(`${name}.data`),
      '--inputs',
      at(`${name}.json`),
      '--',
      'sh',
      '-c',
      'ls /',
    ]);
  expect('two recordings', guest(['diff', at('r1.json'), at('r2.json')]), 0, /No input differs/);
  // Without an overlay the guest changes the file itself: it counts as it was.
  const direct = guest(
    ['run', '--inputs', at('d.json'), '--', 'sh', '-c', 'cat data >/dev/null; echo later >data; mv data moved; rm moved'],
    options,
  );
  expect('direct', direct, 0);
  const hash = (JSON.parse(readFileSync(at('d.json'), 'utf8')) as typeof manifest).files.find((f) => f.path.endsWith('/m/data'))?.sha256;
  if (hash !== run(['sha256sum'], { input: 'longer than before\n' }).stdout.toString().slice(0, 64))
    complaints.push('a file that was changed, renamed and removed is not hashed as it was');
  writeFileSync(at('s1'), guest(['stat', '-j', '--ledger', '-e', 'instructions:u', '--', `${ROOT}programs/bin/fib`]).stderr);
  writeFileSync(at('s2'), guest(['stat', '-j', '--ledger', '-e', 'instructions:u', '--', `${ROOT}programs/bin/div`]).stderr);
  expect('counts', guest(['diff', at('s1'), at('s1')]), 0);
  expect('other counts', guest(['diff', at('s1'), at('s2')]), 1, /Why cannot be told/);
  for (const [what, file, pattern] of [
    ['missing', at('nothing'), /nothing: cannot be read: ENOENT/],
    ['empty', '/dev/null', /is empty/],
    ['no JSON', `${ROOT}README.md`, /line \d+ is no JSON/],
    ['another format', at('odd.json'), /its format is 'x'/],
    ['cut', at('cut.json'), /no JSON/],
    ['lacking', at('lack.json'), /a manifest without 'perfglass'/],
  ] as const) {
    writeFileSync(at('odd.json'), '{"format":"x"}');
    writeFileSync(at('cut.json'), readFileSync(at('a.json')).subarray(0, 700));
    writeFileSync(at('lack.json'), '{"format":"perfglass inputs 1"}');
    expect(what, guest(['diff', at('a.json'), file]), 129, pattern);
  }
  suite.judge('--inputs and diff', complaints, 'same bytes twice; file, environment, option named; bad manifests refused');
}

function badInput(): void {
  const whole = readFileSync(at('gnu.tar'));
  writeFileSync(at('cut.tar'), whole.subarray(0, 10_000));
  writeFileSync(at('cut.tar.gz'), gzipSync(whole).subarray(0, 5000));
  writeFileSync(at('x.tar.xz'), Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2]));
  mkdirSync(at('bare/usr/bin'), { recursive: true });
  copyFileSync('/usr/bin/sha256sum', at('bare/usr/bin/sha256sum'));
  mkdirSync(at('full'), { recursive: true });
  writeFileSync(at('full', 'file'), '');
  run(['tar', '-C', at('plain'), '-P', '--transform', 's,^,/,', '-cf', at('abs.tar'), 'etc/inside']);
  run(['tar', '-C', at('plain'), '-P', '--transform', 's,^,../,', '-cf', at('dots.tar'), 'etc/inside']);
  const rows: readonly (readonly [name: string, status: number, pattern: RegExp, ...args: string[]])[] = [
    ['no such root', 129, /--root \S+nowhere: no such folder or tar/, '--root', at('nowhere')],
    ['a device as root', 129, /neither a folder nor a tar/, '--root', '/dev/null'],
    ['no tar', 1, /no usable tar: no tar archive/, '--root', `${ROOT}README.md`],
    ['tar cut short', 1, /no usable tar: the archive is cut short.* at byte offset/, '--root', at('cut.tar')],
    ['gzip cut short', 1, /the gzip data is broken or cut short/, '--root', at('cut.tar.gz')],
    ['xz', 129, /packed with xz, .*unpack it first/, '--root', at('x.tar.xz')],
    ['an absolute name', 1, /member '\/etc\/inside' is absolute/, '--root', at('abs.tar')],
    ['a name with ..', 1, /leads out of the tree/, '--root', at('dots.tar')],
    ['no ld.so in the root', 127, /interpreter \/lib64\/ld-linux-x86-64.so.2: no such file \(in --root/, '--root', at('bare')],
    ['two that exclude each other', 129, /exclude each other/, '--read-only', '--overlay'],
    ['overlay in a folder of others', 129, /is not empty and holds no overlay/, `--overlay=${at('full')}`],
    ['overlay under a file', 1, /ENOTDIR|EEXIST/, `--overlay=${at('full', 'file', 'x')}`],
    ['--env without a name', 129, /NAME=VALUE/, '--env', '=x'],
    ['--inputs where nothing can be', 1, /cannot write/, '--inputs', at('nowhere', 'x')],
  ];
  for (const [name, status, pattern, ...args] of rows) {
    const o = guest(['run', ...args, '--', '/usr/bin/sha256sum', '/dev/null']);
    const complaints = leaks(o.stderr.toString());
    if (o.status !== status) complaints.push(`status ${o.status}, ${status} wanted: ${o.stderr}`);
    if (!pattern.test(o.stderr.toString())) complaints.push(`no ${pattern} in: ${o.stderr}`);
    suite.judge(`bad input: ${name}`, complaints);
  }
}

if (!makeRoot(at('plain'))) suite.skip('everything', 'no busybox-static, or no sha256sum');
else {
  const tar = (out: string, format: string): Outcome =>
    run(['tar', '--format', format, '--numeric-owner', '--sort=name', '-C', at('plain'), '-cf', at(out), '.']);
  for (const format of ['pax', 'gnu', 'ustar', 'oldgnu']) tar(`${format}.tar`, format);
  writeFileSync(at('pax.tar.gz'), gzipSync(readFileSync(at('pax.tar'))));
  writeFileSync(at('gnu.tar.zst'), zstdCompressSync(readFileSync(at('gnu.tar'))));
  const images = ['pax.tar', 'gnu.tar', 'ustar.tar', 'oldgnu.tar', 'pax.tar.gz', 'gnu.tar.zst'];
  inTheRoot(images);
  noWayOut(images);
  readOnly();
  overlay();
  hermetic();
  manifests();
  badInput();
}
rmSync(work, { recursive: true });
suite.end();
