/** `perfglass convert`: a recording to the formats of other viewers. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { PERF_RECORD, PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
import { encodeUtf8 } from '#base/utf8.ts';
import { FormatError } from '#base/format-error.ts';
import { toFirefox } from '#formats/export/firefox.ts';
import { toFolded } from '#formats/export/folded.ts';
import { toFxt } from '#formats/export/fxt.ts';
import { type ExportFrame, type ExportSample, type ExportSlice, slicesOfSamples } from '#formats/export/model.ts';
import { toPerfetto } from '#formats/export/perfetto.ts';
import { toPprof } from '#formats/export/pprof.ts';
import { toSpeedscope } from '#formats/export/speedscope.ts';
import { USER_RECORD_START } from '#formats/perf-data/constants.ts';
import { attrFlag } from '#formats/perf-data/attr.ts';
import { chainFrames } from '#formats/perf-data/callchain.ts';
import type { RecordCursor } from '#formats/perf-data/cursor.ts';
import { AddressNamer } from '#formats/perf-data/resolve.ts';
import type { EventEntry } from '#formats/perf-data/recording.ts';
import { decodeSample, type Sample } from '#formats/perf-data/sample.ts';
import { readsCounters, SampleReads } from '#formats/perf-data/sample-read.ts';
import { Session, type Thread } from '#formats/perf-data/session.ts';
import { CliError, type DefineCommand } from '../command.ts';
import { DiskSymbols } from '../disk-symbols.ts';
import { openInput } from '../perf-data-input.ts';
import { reportReading } from '../reading-report.ts';
import { writeStdout } from '../stdout.ts';

interface Options {
  input: string;
  to: string;
  output: string;
  event?: string;
  symfs?: string;
  kallsyms?: string;
}

type Pieces = Iterable<string | Uint8Array>;
const FORMATS: Readonly<Record<string, (samples: readonly ExportSample[], name: string, event: string) => Pieces>> = {
  folded: (samples) => toFolded(samples),
  firefox: (samples, product) => toFirefox(samples, { product }),
  speedscope: (samples, name) => toSpeedscope(samples, { name }),
  pprof: (samples, _, event) => toPprof(samples, { event }),
  perfetto: (samples) => toPerfetto(timed(samples)),
  fxt: (samples) => toFxt(timed(samples)),
};

function timed(samples: readonly ExportSample[]): Iterable<ExportSlice> {
  if (samples.some((s) => s.time === undefined))
    throw new CliError('this format needs times, and the recording has none (record with -T or a frequency)');
  return slicesOfSamples(samples);
}

/** Collects samples; equal stacks are one array, so that a sample costs little. */
class Collector {
  readonly samples: ExportSample[] = [];
  private readonly session: Session;
  private readonly reads: SampleReads;
  private readonly namer: AddressNamer;
  private readonly event: string | undefined;
  private readonly stacks = new Map<string, readonly ExportFrame[]>();
  readonly events = new Map<string, number>();

  constructor(session: Session, symbols: DiskSymbols, event: string | undefined) {
    this.session = session;
    this.reads = new SampleReads(session.recording);
    this.namer = new AddressNamer(symbols, { sym: true, symoff: false, dso: false });
    this.event = event;
  }

  record(cursor: RecordCursor): void {
    if (cursor.type >= USER_RECORD_START) return;
    const event = this.session.recording.eventOf(cursor);
    try {
      if (cursor.type !== PERF_RECORD.SAMPLE) this.session.process(cursor, event);
      else if (event !== undefined) {
        const sample = decodeSample(cursor, event.attr);
        if (!readsCounters(event)) this.take(sample, cursor.misc, event);
        else for (const d of this.reads.deliver(cursor, event)) this.take({ ...sample, period: d.period }, cursor.misc, d.event);
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.session.recording.issues.push(error);
    }
  }

  private take(sample: Sample, misc: number, event: EventEntry): void {
    this.events.set(event.name, (this.events.get(event.name) ?? 0) + 1);
    if (this.event !== undefined && this.event !== event.name) return;
    this.sample(sample, misc, event.name, attrFlag(event.attr, 'freq') ? 1n : event.attr.sample_period);
  }

  private sample(s: Sample, misc: number, event: string, period: bigint): void {
    const thread = this.session.thread(s.pid ?? -1, s.tid ?? -1);
    this.samples.push({
      ...(s.time === undefined ? {} : { time: s.time }),
      pid: s.pid ?? -1,
      tid: s.tid ?? -1,
      thread: thread.comm,
      stack: this.stack(thread, s, misc & PERF_RECORD_MISC.CPUMODE_MASK),
      weight: Number(s.period ?? (period > 0n ? period : 1n)),
      event,
    });
  }

  private stack(thread: Thread, s: Sample, cpumode: number): readonly ExportFrame[] {
    const chain = s.callchain !== undefined && s.callchain.length > 0 ? s.callchain : s.ip === undefined ? [] : [s.ip];
    const key = `${thread.pid} ${cpumode} ${chain.join(' ')}`;
    let stack = this.stacks.get(key);
    if (stack !== undefined) return stack;
    const walked = chainFrames(chain, cpumode);
    // a discarded chain leaves the hit
    if (walked.length === 0 && s.ip !== undefined) walked.push({ mode: cpumode, ip: s.ip });
    const frames = walked.map(({ mode, ip }) => this.frame(thread, mode, ip));
    stack = frames.reverse();
    this.stacks.set(key, stack);
    return stack;
  }

  private frame(thread: Thread, mode: number, address: bigint): ExportFrame {
    const hi = Number(address >> 32n);
    const lo = Number(address & 0xffff_ffffn);
    const map = this.session.findMap(thread, mode, hi, lo);
    const symbol = this.namer.symbol(map, hi, lo, thread.pid);
    const name =
      symbol?.name ??
      `[${map?.dso.name.replace(/^.*\//, '') ?? 'unknown'}+0x${(map === undefined || map.dso.kernel ? address : address - map.start + map.pgoff).toString(16)}]`;
    return { name, address, ...(map === undefined ? {} : { file: map.dso.longName }) };
  }
}

function writePieces(pieces: Pieces, output: string): void {
  const fd = output === '-' ? undefined : openSync(output, 'w');
  try {
    for (const piece of pieces) {
      const bytes = typeof piece === 'string' ? encodeUtf8(piece) : piece;
      if (fd === undefined) writeStdout(bytes);
      else for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    }
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

export const define: DefineCommand = (program, setExit) => {
  program
    .option('-i, --input <file>', 'recording to read, - for standard input', 'perf.data')
    .requiredOption('--to <format>', `one of ${Object.keys(FORMATS).join(', ')}`)
    .option('-o, --output <file>', 'file to write, - for standard output', '-')
    .option('-e, --event <name>', 'only samples of this event (default: all)')
    .option('--symfs <dir>', 'look for the recorded files under this directory')
    .option('--kallsyms <file>', 'symbols of the recorded kernel')
    .action(async (options: Options) => {
      const format = FORMATS[options.to];
      if (format === undefined) throw new CliError(`--to ${options.to}: one of ${Object.keys(FORMATS).join(', ')}`, 129);
      const input = await openInput(options.input);
      try {
        const { recording } = input.data;
        const symbols = new DiskSymbols({
          ...(options.symfs === undefined ? {} : { symfs: options.symfs }),
          ...(options.kallsyms === undefined ? {} : { kallsyms: options.kallsyms }),
        });
        const collector = new Collector(new Session(recording), symbols, options.event);
        const result = await input.data.scan({ record: (cursor) => collector.record(cursor) }, { ordered: true });
        if (options.event !== undefined && !collector.events.has(options.event))
          throw new CliError(
            `-e ${options.event}: no samples of it; there are ${[...collector.events.keys()].join(', ') || 'none at all'}`,
          );
        if (collector.samples.length === 0) throw new CliError(`${input.name} has no samples`);
        const event = options.event ?? [...collector.events.keys()].join('+');
        writePieces(format(collector.samples, input.name, event), options.output);
        setExit(reportReading(input.name, recording, result));
      } finally {
        input.close();
      }
    });
};
