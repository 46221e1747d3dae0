/** Two runs beside each other: which counts differ, and which inputs do. */
import type { Input } from '#host/inputs.ts';
import { table } from '../table.ts';
import type { Count, Manifest } from './manifest.ts';
import type { Comparable } from './read.ts';

export interface Difference {
  readonly counts: boolean;
  readonly inputs: boolean;
  readonly text: string;
}

/** One input that differs; `weak`: it seldom matters. */
interface Cause {
  readonly what: string;
  readonly before: string;
  readonly after: string;
  readonly weak?: true;
}

export function compare(a: Comparable, b: Comparable): Difference {
  const rows = countRows(a.counts, b.counts);
  const counts = rows.some((r) => r.differs);
  const causes = a.manifest === undefined || b.manifest === undefined ? undefined : causesOf(a.manifest, b.manifest);
  const out: string[] = [countTable(a.name, b.name, rows), ''];
  const strong = causes?.filter((c) => c.weak !== true) ?? [];
  const weak = causes?.filter((c) => c.weak === true) ?? [];
  if (causes === undefined) {
    if (counts) out.push('Why cannot be told from counts alone: record both runs with --inputs FILE and compare those.');
  } else if (causes.length === 0) {
    out.push(
      counts
        ? 'No input differs: the same program, files, environment and perfglass must give the same counts. This is a bug of perfglass.'
        : 'No input differs.',
    );
  } else {
    if (strong.length > 0) out.push('What differs:', listed(strong));
    else if (counts) out.push('Nothing differs but this, which seldom changes a count:');
    if (weak.length > 0)
      out.push(...(strong.length > 0 ? ['', 'And this, which seldom changes a count:'] : counts ? [] : ['What differs:']), listed(weak));
  }
  return { counts, inputs: (causes?.length ?? 0) > 0, text: `${out.join('\n').trimEnd()}\n` };
}

interface CountRow {
  readonly event: string;
  readonly before: number | string | undefined;
  readonly after: number | string | undefined;
  readonly differs: boolean;
}

function countRows(a: readonly Count[], b: readonly Count[]): CountRow[] {
  const later = new Map(b.map((c) => [c.event, c.value]));
  const earlier = new Map(a.map((c) => [c.event, c.value]));
  return [...new Set([...earlier.keys(), ...later.keys()])].map((event) => {
    const before = earlier.get(event);
    const after = later.get(event);
    return { event, before, after, differs: before !== after };
  });
}

function countTable(a: string, b: string, rows: readonly CountRow[]): string {
  if (rows.length === 0) return 'Neither run counted anything.';
  const show = (v: number | string | undefined): string => (v === undefined ? '-' : typeof v === 'number' ? v.toLocaleString('en-US') : v);
  const body = rows.map((r) => {
    if (!r.differs) return [r.event, show(r.before), show(r.after), '=', ''];
    if (typeof r.before !== 'number' || typeof r.after !== 'number') return [r.event, show(r.before), show(r.after), 'differs', ''];
    const by = r.after - r.before;
    const percent = r.before === 0 ? '' : `${by > 0 ? '+' : ''}${((100 * by) / r.before).toFixed(3)} %`;
    return [r.event, show(r.before), show(r.after), `${by > 0 ? '+' : ''}${by.toLocaleString('en-US')}`, percent];
  });
  return table([['count', a, b, 'change', ''], ...body]);
}

const listed = (causes: readonly Cause[]): string =>
  causes.map((c) => ` ${c.what}\n    ${c.before}${c.after === '' ? '' : `\n    ${c.after}`}`).join('\n');

function causesOf(a: Manifest, b: Manifest): Cause[] {
  const out: Cause[] = [];
  const differ = (what: string, before: unknown, after: unknown): void => {
    const show = (v: unknown): string => (v === undefined ? '(not given)' : typeof v === 'string' ? v : JSON.stringify(v));
    if (JSON.stringify(before) !== JSON.stringify(after)) out.push({ what, before: `A: ${show(before)}`, after: `B: ${show(after)}` });
  };
  const names = (x: object, y: object): string[] => [...new Set([...Object.keys(x), ...Object.keys(y)])].sort();
  differ('perfglass', `${a.perfglass.version}, build ${a.perfglass.build}`, `${b.perfglass.version}, build ${b.perfglass.build}`);
  differ('command', a.command, b.command);
  for (const name of names(a.options, b.options)) differ(`option ${name}`, a.options[name], b.options[name]);
  differ('arguments', a.program.argv, b.program.argv);
  differ('working directory', a.program.cwd, b.program.cwd);
  for (const key of ['uid', 'gid', 'umask'] as const) differ(key, a.program[key], b.program[key]);
  for (const name of names(a.environment, b.environment)) {
    const [before, after] = [a.environment[name], b.environment[name]];
    if (before === after) continue;
    const what = `environment variable ${name}`;
    if (before === undefined || after === undefined) out.push({ what, before: `only in ${before === undefined ? 'B' : 'A'}`, after: '' });
    else out.push({ what, before: `another value: sha256 ${before} in A, ${after} in B`, after: '' });
  }
  differ('standard input', streamText(a), streamText(b));
  for (const key of ['stdout', 'stderr', 'terminal'] as const) differ(key, a.streams[key], b.streams[key]);
  out.push(...fileCauses(a.files, b.files));
  differ('exit code', a.exit, b.exit);
  if (a.recording !== undefined || b.recording !== undefined) differ('recording', recordingText(a), recordingText(b));
  return out;
}

const streamText = ({ streams: { stdin } }: Manifest): string =>
  `${stdin.type}, ${stdin.bytes} bytes read${stdin.bytes > 0 ? `, sha256 ${stdin.sha256.slice(0, 16)}` : ''}`;
const recordingText = ({ recording: r }: Manifest): string =>
  r === undefined ? 'none' : `${r.samples} samples, ${r.bytes} bytes, sha256 ${r.sha256.slice(0, 16)}`;

function fileCauses(a: readonly Input[], b: readonly Input[]): Cause[] {
  const earlier = new Map(a.map((f) => [f.path, f]));
  const later = new Map(b.map((f) => [f.path, f]));
  const strong: Cause[] = [];
  const weak: Cause[] = [];
  for (const path of [...new Set([...earlier.keys(), ...later.keys()])].sort()) {
    const before = earlier.get(path);
    const after = later.get(path);
    const what = `file ${path}`;
    if (before === undefined || after === undefined) {
      strong.push({
        what,
        before: `${before === undefined ? 'A' : 'B'} did not ask for it; ${before === undefined ? 'B' : 'A'}: ${fileText(before ?? after)}`,
        after: '',
      });
    } else if (contentText(before) !== contentText(after)) {
      strong.push({ what, before: `A: ${fileText(before)}`, after: `B: ${fileText(after)}` });
    } else if ('mtime' in before && 'mtime' in after && before.mtime !== after.mtime) {
      weak.push({ what, before: `modified at ${dateText(before.mtime)} in A, ${dateText(after.mtime)} in B`, after: '', weak: true });
    }
  }
  return [...strong, ...shortened(weak)];
}

/** A fresh copy of a tree has other times everywhere: three show it. */
function shortened(weak: readonly Cause[]): Cause[] {
  if (weak.length <= 4) return [...weak];
  return [
    ...weak.slice(0, 3),
    { what: `and ${weak.length - 3} files more`, before: 'differ in the time of their last change only', after: '', weak: true },
  ];
}

const dateText = (seconds: string): string => new Date(Number(seconds) * 1000).toISOString().replace(/\.000Z$/, 'Z');

/** What of an entry stands for its content: all but the time. */
const contentText = (f: Input): string => JSON.stringify({ ...f, mtime: undefined });

function fileText(f: Input | undefined): string {
  switch (f?.kind) {
    case 'read':
      return `read, ${f.size} bytes, sha256 ${f.sha256.slice(0, 16)}${f.changed === true ? ' (changed by others while it ran)' : ''}`;
    case 'seen':
      return `looked at (not read), ${f.size} bytes, mode ${f.mode}`;
    case 'link':
      return `a symbolic link to ${f.target}`;
    case 'listed':
      return `a directory, listed: ${f.entries} names, sha256 ${f.sha256.slice(0, 16)}`;
    case 'missing':
      return 'looked for and not there';
    case 'refused':
      return `refused (errno ${f.errno})`;
    default:
      return 'nothing';
  }
}
