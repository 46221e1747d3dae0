/** `perfglass list`: events of the modelled processor, with codes and what they mean. */
import { HARDWARE_EVENT_NAMES, SOFTWARE_EVENT_NAMES } from '#abi/perf-event/attr.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { eventMeaning } from '#arch/pmu/event-select.ts';
import { isModelled } from '#arch/pmu/events.ts';
import { nearest } from '#base/nearest.ts';
import { makeAttr } from '#kernel/perf/attr.ts';
import { isRefusal } from '#kernel/perf/attr-checks.ts';
import { initEvent } from '#kernel/perf/open.ts';
import { cacheNames, eventNames, HARDWARE_ALIASES, intelEvents, rowConfig, SOFTWARE_ALIASES } from '#system/events/names.ts';
import { isModelledEvent } from '#system/events/modelled.ts';
import { CliError, type DefineCommand } from '../command.ts';
import { modelList, modelOption } from '../options.ts';

/** By the cache, TLB and predictor models: docs/machine/models.md. */
const MODELLED = '(modelled)';

interface Row {
  readonly name: string;
  readonly kind: 'Hardware event' | 'Software event' | 'Hardware cache event' | 'Kernel PMU event';
  readonly note: string;
}

const KINDS: Readonly<Record<string, Row['kind']>> = {
  hw: 'Hardware event',
  hardware: 'Hardware event',
  sw: 'Software event',
  software: 'Software event',
  cache: 'Hardware cache event',
  hwcache: 'Hardware cache event',
  pmu: 'Kernel PMU event',
};

export const define: DefineCommand = (program, setExit) => {
  program
    .usage('[hw|sw|cache|pmu|GLOB]...')
    .argument('[what...]', 'kinds, or patterns with * and ?')
    .option('--cpu <model>', "modelled processor; 'list' shows them")
    .option('-j, --json', 'as JSON')
    .action((what: string[], o: { cpu?: string; json?: boolean }) => {
      if (o.cpu === 'list') process.stdout.write(modelList());
      else print(what, modelOption(o.cpu), o.json === true);
      setExit(0);
    });
};

function print(what: readonly string[], model: CpuModel, json: boolean): void {
  const all = rows(model);
  const chosen = what.length === 0 ? all : all.filter((r) => what.some((w) => matches(r, w)));
  if (chosen.length === 0) {
    const near = what.flatMap((w) => nearest(w, eventNames(model).keys()));
    throw new CliError(`no event of ${model.name} matches ${what.join(' ')}${near.length === 0 ? '' : `; nearest: ${near.join(', ')}`}`);
  }
  if (json) {
    process.stdout.write(`${JSON.stringify({ cpu: model.name, events: chosen }, undefined, 2)}\n`);
    return;
  }
  process.stdout.write(`\nEvents of ${model.name}: ${model.description}\n\n`);
  for (const r of chosen) process.stdout.write(`  ${r.name.padEnd(50)} [${r.kind}]${r.note === '' ? '' : `  ${r.note}`}\n`);
  process.stdout.write(`  ${'mem:<addr>[/len][:access]'.padEnd(50)} [Hardware breakpoint]\n`);
  process.stdout.write(`  ${'rNNN'.padEnd(50)} [Raw event: NNN = umask and event in hex]\n`);
  process.stdout.write(`  ${'cpu/event=E,umask=U,cmask=C,inv,edge/modifiers'.padEnd(50)} [Raw event]\n\n`);
}

function matches(row: Row, what: string): boolean {
  const kind = KINDS[what.toLowerCase()];
  if (kind !== undefined) return row.kind === kind;
  const pattern = what.includes('*') || what.includes('?') ? what : `*${what}*`;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return row.name.split(' OR ').some((n) => new RegExp(`^${source}$`, 'i').test(n));
}

function rows(model: CpuModel): Row[] {
  const out: Row[] = [];
  const withAliases = (name: string, aliases: Readonly<Record<string, string>>): string =>
    [...Object.keys(aliases).filter((a) => aliases[a] === name), name].reverse().join(' OR ');
  const noteOf = (type: number, config: bigint): string => {
    const found = initEvent(makeAttr({ type, config }), model, 1n << 31n);
    if (isRefusal(found)) return `(${found.reason})`;
    return isModelledEvent({ type, config }, model) ? MODELLED : '';
  };
  for (const [id, name] of HARDWARE_EVENT_NAMES.entries())
    out.push({ name: withAliases(name, HARDWARE_ALIASES), kind: 'Hardware event', note: noteOf(0, BigInt(id)) });
  for (const [id, name] of SOFTWARE_EVENT_NAMES.entries())
    out.push({ name: withAliases(name, SOFTWARE_ALIASES), kind: 'Software event', note: noteOf(1, BigInt(id)) });
  for (const [name, code] of cacheNames()) {
    const note = noteOf(3, code.config);
    if (note === '' || note === MODELLED) out.push({ name, kind: 'Hardware cache event', note });
  }
  for (const { row, meaning } of intelEvents(model)) {
    const config = rowConfig(row);
    const code = `event=0x${(config & 0xffn).toString(16)},umask=0x${(config >> 8n).toString(16)}`;
    const reason = meaning.kind === 'not modelled' ? ` (not modelled yet: ${meaning.reason})` : '';
    const where = row.event === 0 ? ', fixed counter' : row.architectural === undefined ? '' : ', architectural';
    const limited =
      eventMeaning(model, config).kind === 'counts' && row.counters !== undefined ? `, counters ${counters(row.counters)}` : '';
    out.push({
      name: [row.name, ...(row.aliases ?? [])].join(' OR ').toLowerCase(),
      kind: 'Kernel PMU event',
      note: `cpu/${code}/${where}${limited}${reason}${isModelled(row.quantity) ? `  ${MODELLED}` : ''}`,
    });
  }
  return out;
}

const counters = (mask: number): string =>
  [...mask.toString(2)]
    .reverse()
    .flatMap((b, i) => (b === '1' ? [i] : []))
    .join(',');
