/** Tidy: file length, leftovers, banned words. Each rule has its reason; the exceptions are data. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const MAX_LINES = 600; // about 150 is a file that fits in a head; rarely over 500
/** Tables may be long. */
const LONG_TABLES: readonly string[] = [];
const BANNED: readonly (readonly [RegExp, string])[] = [
  [/\bFIXME\b|\bXXX\b/, 'leftover marker'],
  [/\bDate\.now\(|\bperformance\.now\(|\bMath\.random\(/, 'host time or randomness below cli (determinism)'],
  [/^\s*(export\s+)?(const\s+)?enum\s/, 'enums are not erasable'],
];

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts'], { encoding: 'utf8' })
  .split('\n')
  .filter((f) => f !== '' && !f.includes('/generated/') && !f.endsWith('.d.ts'));

let bad = 0;
const complain = (what: string): void => {
  bad++;
  console.error(what);
};
for (const file of files) {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    continue; // deleted but still in the index
  }
  const lines = text.split('\n');
  if (lines.length > MAX_LINES && !LONG_TABLES.includes(file)) complain(`${file}: ${lines.length} lines, more than ${MAX_LINES}`);
  if (!file.startsWith('src/') || file.startsWith('src/cli/')) continue;
  for (const [i, line] of lines.entries()) {
    for (const [pattern, why] of BANNED) if (pattern.test(line)) complain(`${file}:${i + 1}: ${why}`);
  }
}
console.log(`tidy: ${files.length} files, ${bad} complaints`);
if (bad > 0 || files.length === 0) process.exitCode = 1;
