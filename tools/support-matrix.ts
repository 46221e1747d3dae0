/** docs/syscalls.md from the system call table. `node tools/support-matrix.ts --write` writes it; a test compares. */
import { writeFileSync } from 'node:fs';
import { SYSCALL_ROWS } from '#kernel/syscalls/table.ts';

export const MATRIX_FILE: URL = new URL('../docs/syscalls.md', import.meta.url);

export function supportMatrix(): string {
  const rows = SYSCALL_ROWS.map((r) => `| ${r.number} | ${r.name} | ${r.support} | ${r.note.replaceAll('|', '\\|')} |`);
  const count = (support: string): number => SYSCALL_ROWS.filter((r) => r.support === support).length;
  return [
    '# System calls',
    '',
    `Made from \`src/kernel/syscalls/table.ts\` by \`tools/support-matrix.ts\`: ${count('full')} full, ${count('partial')} partial, ${count('none')} refused on purpose. Every other number is -ENOSYS, and \`-v\` names it.`,
    '',
    '| number | name | support | what is lacking, or different |',
    '| -: | - | - | - |',
    ...rows,
    '',
  ].join('\n');
}

if (import.meta.filename === process.argv[1]) {
  if (process.argv.includes('--write')) writeFileSync(MATRIX_FILE, supportMatrix());
  else console.log(supportMatrix());
}
