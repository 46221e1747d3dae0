/** `script --itrace`: events made from the Processor Trace of a recording, printed in perf script's form. */
import { once } from 'node:events';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import type { PerfData } from '#formats/perf-data/read.ts';
import { PtCollector } from '#formats/pt/collect.ts';
import { eventLine } from '#formats/pt/flow-text.ts';
import { type ItraceOptions, parseItrace } from '#formats/pt/itrace-options.ts';
import { decodeSession } from '#formats/pt/session.ts';
import type { SynthEvent } from '#formats/pt/synth.ts';
import { CliError } from './command.ts';
import { DiskCode } from './code-provider.ts';
import { DiskSymbols } from './disk-symbols.ts';
import { byReason } from './reading-report.ts';

export interface ItraceRun {
  readonly itrace: string;
  readonly symfs?: string;
  readonly kallsyms?: string;
  /** The recorded kernel, uncompressed and with its code, at the addresses that it ran at. */
  readonly vmlinux?: string;
  /** Print perf's words for branches (call, return, tr strt …). */
  readonly flags?: boolean;
  readonly ns?: boolean;
}

function options(text: string): ItraceOptions {
  try {
    return parseItrace(text);
  } catch (error) {
    throw new CliError((error as Error).message, 129);
  }
}

/** Reads the recording, decodes, prints. Returns the exit code: 1 if something could not be decoded. */
export async function runItrace(data: PerfData, run: ItraceRun): Promise<number> {
  const wanted = options(run.itrace);
  const collector = new PtCollector(data.recording);
  const end = await data.scan(collector);
  if (end.damage !== undefined) process.stderr.write(`perfglass: ${end.damage.message}; what came before is decoded\n`);
  const buildIds = new Map((data.recording.features.buildIds ?? []).map((b) => [b.filename, b.buildId]));
  const code = new DiskCode({
    buildIds,
    ...(run.symfs === undefined ? {} : { symfs: run.symfs }),
    ...(run.vmlinux === undefined ? {} : { vmlinux: run.vmlinux }),
  });
  const input = collector.finish(wanted, code.provide);
  if (input === undefined) throw new CliError(collector.problem ?? 'nothing to decode');
  const printer = new SynthPrinter(data, run);
  let errors = 0;
  let batch = '';
  for (const event of decodeSession(input)) {
    if (event.kind === 'error') errors++;
    batch += printer.line(event);
    if (batch.length > 65536) {
      if (!process.stdout.write(batch)) await once(process.stdout, 'drain');
      batch = '';
    }
  }
  process.stdout.write(batch);
  for (const note of collector.auxNotes)
    process.stderr.write(
      `perfglass: AUX record at offset 0x${note.auxOffset.toString(16)} has flags 0x${note.flags.toString(16)} (1 truncated, 4 partial)\n`,
    );
  for (const [why, files] of byReason(code.problems)) process.stderr.write(`perfglass: no code: ${why}: ${files.join(', ')}\n`);
  return errors > 0 || end.damage !== undefined ? 1 : 0;
}

/** One line for each event. Instructions and branches as perf prints them; the rest by name. */
export class SynthPrinter {
  private readonly symbols: DiskSymbols;
  private readonly run: ItraceRun;
  private readonly width: number;
  private readonly suffix: string;
  private readonly cpu: boolean;

  constructor(data: PerfData, run: ItraceRun) {
    this.run = run;
    this.symbols = new DiskSymbols({
      ...(run.symfs === undefined ? {} : { symfs: run.symfs }),
      ...(run.kallsyms === undefined ? {} : { kallsyms: run.kallsyms }),
    });
    const pt = data.recording.events.find((e) => e.name.startsWith('intel_pt'));
    this.cpu = ((pt?.attr.sample_type ?? 0) & PERF_SAMPLE.CPU) !== 0;
    this.suffix =
      /:(\w+)$|\/\/?(\w+)$/
        .exec(pt?.name ?? '')
        ?.slice(1)
        .find((x) => x !== undefined) ?? '';
    const wanted = options(run.itrace);
    const names = data.recording.events.map((e) => e.name);
    if (wanted.instructions !== undefined) names.push(this.name('instructions'));
    if (wanted.branches || wanted.calls || wanted.returns) names.push(this.name('branches'));
    this.width = names.reduce((w, n) => Math.max(w, n.length), 0);
  }

  private name(kind: string): string {
    return this.suffix === '' ? kind : `${kind}:${this.suffix}`;
  }

  private place(e: SynthEvent, ip: bigint): string {
    const place = e.space.locate(ip);
    const address = ip.toString(16).padStart(16);
    if (place === undefined) return `${address} [unknown] ([unknown])`;
    const dso = { name: place.filename, longName: place.filename, kernel: place.kernel };
    const symbol = this.symbols.resolve(dso, place.kernel ? ip : place.offset, e.pid);
    const name = symbol === undefined ? '[unknown]' : `${symbol.name}+0x${symbol.offset.toString(16)}`;
    return `${address} ${name} (${place.filename.replace(/^(\[kernel\.kallsyms\]).*/, '$1')})`;
  }

  private head(e: SynthEvent): string {
    let text = `${e.comm.padStart(16)} ${`${e.tid}`.padStart(5)} `;
    if (this.cpu && e.cpu >= 0) text += `[${`${e.cpu}`.padStart(3, '0')}] `;
    if (e.time !== undefined) {
      const digits = this.run.ns === true ? 9 : 6;
      const fraction = `${e.time % 1_000_000_000n}`.padStart(9, '0').slice(0, digits);
      text += `${`${e.time / 1_000_000_000n}`.padStart(5)}.${fraction}: `;
    }
    return text;
  }

  line(e: SynthEvent): string {
    if (e.kind === 'error' || e.kind === 'gap')
      return ` instruction trace ${e.kind} cpu ${e.cpu} pid ${e.pid} tid ${e.tid}: ${e.event === undefined ? '' : eventLine(e.event)}\n`;
    if (e.kind !== 'instructions' && e.kind !== 'branches') {
      const what = e.event === undefined ? e.kind : eventLine(e.event);
      return `${this.head(e)}${''.padStart(10)} ${e.kind.padStart(this.width)}:  ${what}\n`;
    }
    const flags = this.run.flags === true ? `  ${(e.flags ?? '').padEnd(19)}` : '';
    let text = `${this.head(e)}${`${e.period ?? 1}`.padStart(10)} ${this.name(e.kind).padStart(this.width)}: ${flags} ${this.place(e, e.ip)}`;
    if (e.kind === 'branches') text += ` => ${this.place(e, e.addr ?? 0n)}`;
    return `${text}\n`;
  }
}
