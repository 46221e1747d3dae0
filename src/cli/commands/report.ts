/** `perfglass report`: a histogram of the samples (or of the branches in them), and the header or the counts of a recording. */
import { headerText } from '#formats/perf-data/header-text.ts';
import type { Recording } from '#formats/perf-data/recording.ts';
import {
  type EventReport,
  hasBranches,
  hasCallchains,
  Reporter,
  SORT_ALIASES,
  SORT_KEYS,
  type SortKey,
} from '#formats/perf-data/report.ts';
import { eventReportText, statsText } from '#formats/perf-data/report-text.ts';
import type { RecordSink } from '#formats/perf-data/scan.ts';
import { Session } from '#formats/perf-data/session.ts';
import { CliError, type DefineCommand } from '../command.ts';
import { DiskSymbols } from '../disk-symbols.ts';
import { type OpenInput, openInput } from '../perf-data-input.ts';
import { reportReading } from '../reading-report.ts';

interface Options {
  input: string;
  header?: boolean;
  headerOnly?: boolean;
  stats?: boolean;
  sort?: string;
  fields?: string;
  showNrSamples?: boolean;
  children: boolean;
  callGraph?: string;
  branchStack?: boolean;
  percentLimit: string;
  stdio?: boolean;
  group: boolean;
  symfs?: string;
  kallsyms?: string;
  vmlinux?: string;
}

function sortKeys(text: string): SortKey[] {
  return text.split(',').map((raw) => {
    const name = SORT_ALIASES[raw.trim()] ?? raw.trim();
    if (!(SORT_KEYS as readonly string[]).includes(name))
      throw new CliError(`--sort ${raw}: no such key; known are ${SORT_KEYS.join(', ')}`, 129);
    return name as SortKey;
  });
}

type Graph = 'caller' | 'callee' | 'none';

/** perf's list: print type, smallest share, order; what is not there is refused by name. */
function callGraph(text: string, order: Graph): { order: Graph; percent: number } {
  const out = { order, percent: 0.5 };
  for (const part of text.split(',').filter((t) => t !== '')) {
    if (part === 'none' || part === 'caller' || part === 'callee') out.order = part;
    else if (/^\d+(\.\d+)?$/.test(part)) out.percent = Number(part);
    else if (part !== 'graph' && part !== 'function' && part !== 'percent')
      throw new CliError(`-g ${part}: graph, none, caller, callee and a smallest percentage are there`, 129);
  }
  return out;
}

function ctime(ms: number | undefined): string {
  if (ms === undefined) return 'unknown (a pipe)';
  const d = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][d.getDay()] ?? '';
  const month = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][d.getMonth()] ?? '';
  return `${day} ${month} ${String(d.getDate()).padStart(2)} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())} ${d.getFullYear()}`;
}

export const define: DefineCommand = (program, setExit) => {
  program
    .option('-i, --input <file>', 'recording to read, - for standard input', 'perf.data')
    .option('--header', 'the header before the report')
    .option('--header-only', 'the header and nothing else')
    .option('--stats', 'records by type')
    .option('-s, --sort <keys>', `keys of a row: ${SORT_KEYS.join(', ')} (default comm,dso,sym)`)
    .option('-F, --fields <list>', 'columns: overhead, sample and sort keys')
    .option('-n, --show-nr-samples', 'the number of samples of each row')
    .option('--children', 'rows for callers, too, where callchains were recorded', true)
    .option('--no-children', 'no rows for callers')
    .option('-g, --call-graph <how>', 'the trees under each row: none, caller, callee, smallest percentage (default graph,0.5,caller)')
    .option('-b, --branch-stack', 'count branches, where they were recorded (the default then)')
    .option('--no-branch-stack', 'count samples although branches were recorded')
    .option('--no-group', 'a table for each event, not one for the members of a group')
    .option('--percent-limit <percent>', 'leave out smaller rows', '0')
    .option('--symfs <dir>', 'look for the recorded files under this directory')
    .option('--kallsyms <file>', 'symbols of the recorded kernel')
    .option('-k, --vmlinux <file>', 'the recorded kernel, uncompressed, at the addresses that it ran at: its symbols')
    .option('--stdio', 'as is: there is no other interface')
    .action(async (options: Options) => {
      const input = await openInput(options.input);
      try {
        setExit(await report(input, options));
      } finally {
        input.close();
      }
    });
};

/** Events as they are printed: each in its own table, the members of a group (GROUP_DESC) in one. */
function tables(recording: Recording, reporter: Reporter, grouped: boolean): { name: string | undefined; members: EventReport[] }[] {
  const groups = grouped ? (recording.features.groupDesc ?? []).filter((g) => g.members > 1) : [];
  const out: { name: string | undefined; members: EventReport[] }[] = [];
  for (let i = 0; i < recording.events.length; i++) {
    const group = groups.find((g) => g.leader === i);
    const events = recording.events.slice(i, i + (group?.members ?? 1));
    if (events.some((e) => reporter.events[e.index] !== undefined)) {
      const name = group?.name === '{anon_group}' ? 'anon group' : group?.name;
      out.push({
        name: name === undefined ? undefined : `${name} { ${events.map((e) => e.name).join(', ')} }`,
        members: events.map((e) => reporter.eventReport(e)),
      });
    }
    i += events.length - 1;
  }
  return out;
}

async function report(input: OpenInput, options: Options): Promise<number> {
  const recording = input.data.recording;
  if (options.headerOnly === true) {
    const result = await input.data.scan({ record: () => undefined });
    process.stdout.write(headerText(recording, ctime(input.changedMs)));
    return reportReading(input.name, recording, result);
  }
  // a pipe tells its events only with its records: the reporter is made when the first of them is there
  let reporter: Reporter | undefined;
  let plan: { sort: readonly SortKey[]; children: boolean; graph: Graph; chainPercent: number; samples: boolean } | undefined;
  const symbols = new DiskSymbols({
    ...(options.symfs === undefined ? {} : { symfs: options.symfs }),
    ...(options.kallsyms === undefined ? {} : { kallsyms: options.kallsyms }),
    ...(options.vmlinux === undefined ? {} : { vmlinux: options.vmlinux }),
  });
  const make = (): Reporter => {
    const branch = options.branchStack !== false && hasBranches(recording);
    if (options.branchStack === true && !branch) throw new CliError(`-b: no event of ${input.name} was recorded with branches`, 129);
    const listed = options.fields?.split(',').map((f) => f.trim());
    const keyNames = listed?.filter((f) => !['overhead', 'sample', 'overhead_children'].includes(f));
    const sort = sortKeys(
      keyNames !== undefined && keyNames.length > 0
        ? keyNames.join(',')
        : (options.sort ?? (branch ? 'comm,dso_from,symbol_from,symbol_to,cycles' : 'comm,dso,sym')),
    );
    const chains = hasCallchains(recording) && !branch;
    const asked = callGraph(options.callGraph ?? '', options.children ? 'caller' : 'callee');
    const graph = chains ? asked.order : 'none';
    plan = {
      sort,
      children: chains && options.children,
      graph,
      chainPercent: asked.percent,
      samples: options.showNrSamples === true || (listed?.includes('sample') ?? false),
    };
    return new Reporter(recording, new Session(recording), {
      sort,
      children: plan.children,
      callGraph: graph,
      branch: branch && options.stats !== true,
      resolver: symbols,
    });
  };
  const sink: RecordSink = {
    record: (cursor) => {
      if (reporter === undefined && (recording.mode === 'file' || (cursor.type < 64 && recording.events.length > 0))) reporter = make();
      reporter?.record(cursor);
      if (reporter === undefined) early.set(cursor.type, (early.get(cursor.type) ?? 0) + 1);
    },
  };
  const early = new Map<number, number>();
  const result = await input.data.scan(sink, { ordered: true });
  reporter ??= make();
  const events = reporter.finish();
  for (const [type, n] of early) reporter.counts.set(type, (reporter.counts.get(type) ?? 0) + n);
  if (options.stats === true) process.stdout.write(statsText(reporter.counts, events));
  else if (plan !== undefined) {
    if (options.header === true) process.stdout.write(headerText(recording, ctime(input.changedMs)));
    else process.stdout.write('# To display the perf.data header info, please use --header/--header-only options.\n#\n');
    process.stdout.write(`#\n# Total Lost Samples: ${events.reduce((n, e) => n + e.lost, 0)}\n#\n`);
    const text = {
      sort: plan.sort,
      showSamples: plan.samples,
      children: plan.children,
      callGraph: plan.graph,
      chainPercent: plan.chainPercent,
      symbolFirst: options.fields === undefined && /^(sym|symbol)\b/.test(options.sort ?? ''),
      percentLimit: Number(options.percentLimit),
    };
    for (const { name, members } of tables(recording, reporter, options.group)) {
      process.stdout.write(`${eventReportText(members, text, name)}\n\n`);
    }
    if (events.length === 0) process.stdout.write('# no samples\n');
  }
  for (const [name, why] of symbols.problems)
    if (why.startsWith('another build')) process.stderr.write(`perfglass: no symbols of ${name}: ${why}\n`);
  return reportReading(input.name, recording, result);
}
