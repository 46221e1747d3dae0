/**
 * docs/support.md, the one support matrix: system calls from their table, ioctls from theirs, and what /dev, /proc and /sys hold, listed from a
 * kernel that runs. `node tools/support-matrix.ts --write` writes it; a test compares.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { S } from '#abi/fs.ts';
import { PERF_EVENT_IOC } from '#abi/perf-event/syscall.ts';
import { IOCTL } from '#abi/termios.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { findHandler } from '#kernel/perf/intel/pmi/handlers.ts';
import { SYSCALL_ROWS } from '#kernel/syscalls/table.ts';
import { MemoryHost } from '#kernel/testing/memory-host.ts';
import type { Node } from '#kernel/vfs/node.ts';
import { Session } from '#system/session.ts';

export const MATRIX_FILE: URL = new URL('../docs/support.md', import.meta.url);
const ROOT = new URL('..', import.meta.url).pathname;

/** What a request does that is not simply done. */
const IOCTL_NOTES: Readonly<Record<string, string>> = {
  TCSETS: 'kept for the session; the host’s terminal keeps its own mode, a pty acts on it',
  FICLONE: '-EOPNOTSUPP, as file systems that cannot share blocks',
  FICLONERANGE: 'as FICLONE',
  TCSETSW: 'as TCSETS',
  TCSETSF: 'as TCSETS',
  TCSBRK: 'accepted: output is never held back',
  TCSBRKP: 'accepted',
  TCXONC: 'accepted',
  TCFLSH: 'drops a pty’s input; the host terminal’s input is the host’s',
  TIOCOUTQ: '0: output is never held back',
  FIOASYNC: 'SIGIO of perf events; other files keep the flag without effect',
};

function ioctls(): string[] {
  const source = readFileSync(`${ROOT}src/kernel/syscalls/sys-file-ioctl.ts`, 'utf8');
  return Object.entries(IOCTL)
    .toSorted(([, a], [, b]) => a - b)
    .map(([name, number]) => {
      const done = new RegExp(`IOCTL\\.${name}\\b`).test(source);
      const support = done ? (IOCTL_NOTES[name] === undefined ? 'full' : 'partial') : 'none';
      return `| 0x${number.toString(16)} | ${name} | ${support} | ${done ? (IOCTL_NOTES[name] ?? '') : '-ENOTTY, on terminals -EINVAL'} |`;
    });
}

/** A program that never runs: its process fills /proc/PID. */
function listedTrees(): string[] {
  const elf = new Uint8Array(0x1001);
  const v = new DataView(elf.buffer);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  for (const [at, value] of [
    [16, 2],
    [18, 62],
    [54, 56],
    [56, 1],
  ] as const)
    v.setUint16(at, value, true);
  v.setBigUint64(24, 0x40_1000n, true);
  v.setBigUint64(32, 64n, true);
  v.setUint32(64, 1, true);
  v.setUint32(68, 5, true);
  for (const [i, x] of [0n, 0x40_0000n, 0x40_0000n, 0x1001n, 0x1001n, 0x1000n].entries()) v.setBigUint64(72 + i * 8, x, true);
  const host = new MemoryHost({ '/prog': '' });
  host.write(host.open('/prog', 2, 0), elf, 0);
  host.chmod('/prog', 0o755);
  const handler = findHandler('stop-in-handler');
  if (handler === undefined) throw new Error('no default handler');
  const session = new Session({ model: SKYLAKE, handler, host });
  const failure = session.start({ path: '/prog', argv: ['prog'], envp: [], cwd: '/' });
  if (failure !== undefined) throw new Error(failure);
  const { root } = session.kernel.vfs;
  const rows: string[] = [];
  const walk = (node: Node, path: string): void => {
    const type = node.type();
    if (type !== S.IFDIR) {
      rows.push(`| ${path.replace('/1000', '/PID')} | ${type === S.IFLNK ? 'link' : type === S.IFCHR ? 'device' : 'file'} |`);
      return;
    }
    const names = node.list();
    const all = typeof names === 'number' ? [] : names.map((e) => e.name);
    const numbered = /\/(fd|fdinfo|task)$/.test(path);
    if (all.length === 0 || numbered) rows.push(`| ${path.replace('/1000', '/PID')}/ | folder |`);
    for (const name of all) {
      if (numbered && /^\d+$/.test(name)) continue; // one for each descriptor, thread
      const child = node.overlay?.get(name) ?? node.lookup(name);
      if (typeof child !== 'number') walk(child, `${path}/${name}`);
    }
    for (const [name, child] of node.overlay ?? []) if (!all.includes(name)) walk(child, `${path}/${name}`);
  };
  for (const name of ['dev', 'proc', 'sys']) {
    const top = root.overlay?.get(name);
    if (top !== undefined) walk(top, `/${name}`);
  }
  return rows.toSorted();
}

export function supportMatrix(): string {
  const rows = SYSCALL_ROWS.map((r) => `| ${r.number} | ${r.name} | ${r.support} | ${r.note.replaceAll('|', '\\|')} |`);
  const count = (support: string): number => SYSCALL_ROWS.filter((r) => r.support === support).length;
  return [
    '# What is supported',
    '',
    'Made from the tables in `src/kernel` by `tools/support-matrix.ts`; a unit test holds it to them.',
    '',
    '## System calls',
    '',
    `${count('full')} full, ${count('partial')} partial, ${count('none')} refused on purpose. Every other number is -ENOSYS, and \`-v\` names it.`,
    '',
    '| number | name | support | what is lacking, or different |',
    '| -: | - | - | - |',
    ...rows,
    '',
    '## ioctl',
    '',
    'FIO requests act on files, pipes and sockets, T requests on terminals and ptys. Every other request is -ENOTTY.',
    '',
    '| number | name | support | what is lacking, or different |',
    '| -: | - | - | - |',
    ...ioctls(),
    '',
    `On perf events: ${Object.keys(PERF_EVENT_IOC).join(', ')} (docs/kernel/perf-events.md).`,
    '',
    '## /dev, /proc, /sys',
    '',
    'Everything that is there, with the default CPU model; PID stands for each process, /proc/PID/task/TID holds the same for each thread. The rest is not there.',
    '',
    '| path | |',
    '| - | - |',
    ...listedTrees(),
    '',
  ].join('\n');
}

if (import.meta.filename === process.argv[1]) {
  if (process.argv.includes('--write')) writeFileSync(MATRIX_FILE, supportMatrix());
  else console.log(supportMatrix());
}
