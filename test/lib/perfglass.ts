/**
 * The command under test. Suites start perfglass from outside, as a user does; `--self` puts qemu-x86_64 in its place, which tests the suite
 * itself where no engine is needed.
 */
import { fileURLToPath } from 'node:url';
import { type Outcome, type RunOptions, run, which } from './run.ts';

export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));
export const CACHE: string = `${ROOT}.cache/`;
export const PROGRAMS: string = `${ROOT}programs/bin/`;
export const SELF: boolean = process.argv.includes('--self');

/** The command line that starts perfglass: the sources under this Node, or what PERFGLASS names (a bundle, an installed command). */
export function perfglass(...args: readonly string[]): string[] {
  const other = process.env['PERFGLASS'];
  if (other !== undefined && other !== '') return [...other.split(' '), ...args];
  return [process.execPath, `${ROOT}src/cli/main.ts`, ...args];
}

/** Runs a guest program for its own output: nothing of perfglass on stdout or stderr. */
export function runGuest(argv: readonly string[], options: RunOptions = {}): Outcome {
  if (SELF) return run([which('qemu-x86_64') ?? 'qemu-x86_64', '-cpu', 'max', ...argv], options);
  return run(perfglass('stat', '-o', '/dev/null', '-e', 'instructions:u', '--', ...argv), options);
}

/** A line of perfglass's stderr that shows our own stack or an internal error: never right, whatever the input was. */
export function leaks(text: string): string[] {
  const found: string[] = [];
  for (const line of text.split('\n')) {
    if (/^\s+at .*(:\d+:\d+\)?|<anonymous>\)?)$/.test(line)) found.push(`a JavaScript stack trace: ${line.trim()}`);
    if (line.includes('internal error')) found.push(`an internal error: ${line.trim()}`);
    if (/\b(TypeError|RangeError|ReferenceError|RuntimeError|SyntaxError)\b/.test(line)) found.push(`a JavaScript error: ${line.trim()}`);
  }
  return found;
}
