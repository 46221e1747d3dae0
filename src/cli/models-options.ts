/** Options of the cache, TLB and predictor models, shared by the commands that run programs. docs/machine/models.md. */
import type { Command } from 'commander';
import { CACHE_NAMES, type CacheGeometry, type CacheName, cacheComplaint, LINE_BYTES } from '#machine/models/geometry.ts';
import { CliError, USAGE } from './command.ts';

export interface ModelSettings {
  readonly models: boolean;
  readonly caches?: Partial<Record<CacheName, CacheGeometry | null>>;
  readonly detailedCycles: boolean;
}
export interface ModelOptions {
  models?: string;
  cache?: string[];
  cycles?: string;
}

export function addModelOptions(program: Command): Command {
  return program
    .option('--models <on|auto>', 'caches, TLBs and branch predictor observe: always, or when an event needs them (auto)')
    .option(
      '--cache <name=bytes,ways[,64]>',
      'a cache of another size: L1D, L1I, L2, LLC; L2=none: there is none',
      (v: string, before: string[] | undefined) => [...(before ?? []), v],
    )
    .option('--cycles <static|detailed>', 'detailed: misses and wrong predictions take modelled time, measured or not');
}

export function modelSettings(o: ModelOptions): ModelSettings {
  if (o.models !== undefined && o.models !== 'on' && o.models !== 'auto') throw new CliError(`--models '${o.models}': on or auto`, USAGE);
  if (o.cycles !== undefined && o.cycles !== 'static' && o.cycles !== 'detailed')
    throw new CliError(`--cycles '${o.cycles}': static or detailed`, USAGE);
  const caches: Partial<Record<CacheName, CacheGeometry | null>> = {};
  for (const text of o.cache ?? []) {
    const [name, geometry] = cacheOption(text);
    caches[name] = geometry;
  }
  return { models: o.models === 'on', detailedCycles: o.cycles === 'detailed', ...(o.cache === undefined ? {} : { caches }) };
}

function cacheOption(text: string): readonly [CacheName, CacheGeometry | null] {
  const m = /^(\w+)=(?:(none)|(\d+)(k|m)?,(\d+)(?:,(\d+))?)$/i.exec(text);
  const name = CACHE_NAMES.find((n) => n === m?.[1]?.toUpperCase());
  if (m === null || name === undefined)
    throw new CliError(`--cache '${text}': NAME=BYTES,WAYS is wanted, NAME one of ${CACHE_NAMES.join(', ')}`, USAGE);
  if (m[2] !== undefined) {
    if (name !== 'L2') throw new CliError(`--cache '${text}': only L2 may be missing`, USAGE);
    return [name, null];
  }
  const unit = { k: 1024, m: 1_048_576 }[(m[4] ?? '').toLowerCase()] ?? 1;
  const geometry = { bytes: Number(m[3]) * unit, ways: Number(m[5]) };
  if (m[6] !== undefined && Number(m[6]) !== LINE_BYTES)
    throw new CliError(`--cache '${text}': lines are ${LINE_BYTES} bytes on all models`, USAGE);
  const why = cacheComplaint(name, geometry);
  if (why !== undefined) throw new CliError(`--cache '${text}': ${why}`, USAGE);
  return [name, geometry];
}
