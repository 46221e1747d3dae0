/** Reads what `perfglass diff` compares: a manifest, or the counts that `stat -j` and `--ledger` print. */
import { readFileSync } from 'node:fs';
import { CliError } from '../command.ts';
import { type Count, MANIFEST_FORMAT, type Manifest } from './manifest.ts';

export interface Comparable {
  readonly name: string;
  readonly counts: readonly Count[];
  /** Undefined: counts alone, nothing is known of where they came from. */
  readonly manifest: Manifest | undefined;
}

const UNUSABLE = 129;

/** Throws CliError with what is wrong with the file. */
export function readComparable(name: string): Comparable {
  let text: string;
  try {
    text = readFileSync(name, 'utf8');
  } catch (e) {
    throw new CliError(`${name}: cannot be read: ${(e as NodeJS.ErrnoException).code ?? 'error'}`, UNUSABLE);
  }
  if (text.trim() === '') throw new CliError(`${name}: is empty`, UNUSABLE);
  const whole = parse(text);
  if (whole !== undefined && isObject(whole) && 'format' in whole) return { name, ...manifestOf(name, whole) };
  return { name, counts: countsOf(name, text), manifest: undefined };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);

function manifestOf(name: string, v: Record<string, unknown>): { readonly counts: readonly Count[]; readonly manifest: Manifest } {
  if (v['format'] !== MANIFEST_FORMAT)
    throw new CliError(`${name}: its format is '${String(v['format'])}', '${MANIFEST_FORMAT}' is wanted`, UNUSABLE);
  for (const key of ['perfglass', 'options', 'program', 'environment', 'streams'])
    if (!isObject(v[key])) throw new CliError(`${name}: a manifest without '${key}'`, UNUSABLE);
  for (const key of ['files', 'counts'])
    if (!Array.isArray(v[key]) || !v[key].every(isObject)) throw new CliError(`${name}: a manifest without '${key}'`, UNUSABLE);
  const manifest = v as unknown as Manifest;
  return { counts: manifest.counts, manifest };
}

/** Lines of `stat -j`; the ledger's lines among them add what was lost, by cause. */
function countsOf(name: string, text: string): Count[] {
  const counts: Count[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const v = parse(line);
    if (!isObject(v)) throw new CliError(`${name}: line ${i + 1} is no JSON: a manifest (--inputs), or 'stat -j', is wanted`, UNUSABLE);
    if (typeof v['event'] === 'string') counts.push({ event: v['event'], value: numberOr(v['counter-value']) });
    else if (typeof v['ledger'] === 'string') counts.push(...ledgerCounts(v['ledger'], v));
    else throw new CliError(`${name}: line ${i + 1} is no count of 'stat -j' or '--ledger'`, UNUSABLE);
  }
  if (counts.length === 0) throw new CliError(`${name}: holds no counts`, UNUSABLE);
  return counts;
}

function numberOr(value: unknown): number | string {
  const n = Number(value);
  return typeof value === 'string' && value !== '' && !Number.isNaN(n) ? n : String(value);
}

function ledgerCounts(event: string, v: Record<string, unknown>): Count[] {
  const out: Count[] = [];
  for (const key of ['true', 'over', 'overhead']) if (typeof v[key] === 'number') out.push({ event: `${event} ${key}`, value: v[key] });
  if (isObject(v['lost']))
    for (const [cause, n] of Object.entries(v['lost'])) if (typeof n === 'number') out.push({ event: `${event} lost: ${cause}`, value: n });
  return out;
}
