/** `perfglass script`: each sample as a line of text, as perf script prints it; -D: every record. */
import { PERF_RECORD } from '#abi/perf-event/record.ts';
import { FormatError } from '#base/format-error.ts';
import { TextBuffer } from '#base/text-buffer.ts';
import { USER_RECORD_START } from '#formats/perf-data/constants.ts';
import type { RecordCursor } from '#formats/perf-data/cursor.ts';
import { RecordDumper } from '#formats/perf-data/dump.ts';
import type { RecordSink } from '#formats/perf-data/scan.ts';
import { missingFields, parseFields } from '#formats/perf-data/script-fields.ts';
import { SamplePrinter, type ScriptOptions } from '#formats/perf-data/script-line.ts';
import { Session } from '#formats/perf-data/session.ts';
import { PtAuxDumper } from '#formats/pt/aux-dump.ts';
import { CliError, type DefineCommand } from '../command.ts';
import { DiskSymbols } from '../disk-symbols.ts';
import { runItrace } from '../itrace.ts';
import { openInput } from '../perf-data-input.ts';
import { reportReading } from '../reading-report.ts';
import { writeStdout } from '../stdout.ts';

interface Options {
  input: string;
  fields?: string;
  dumpRawTrace?: boolean;
  guest?: boolean;
  hideCallGraph?: boolean;
  ns?: boolean;
  itrace?: string | true;
  symfs?: string;
  kallsyms?: string;
  vmlinux?: string;
}

export const define: DefineCommand = (program, setExit) => {
  program
    .option('-i, --input <file>', 'recording to read, - for standard input', 'perf.data')
    .option(
      '-F, --fields <list>',
      'fields to print: comm,tid,pid,cpu,time,event,period,ip,sym,symoff,dso,addr,brstack…; or changes: +addr,-period',
    )
    .option('-D, --dump-raw-trace', 'every record: its bytes in hex and its meaning')
    .option('-G, --hide-call-graph', 'no callchains')
    .option('--ns', 'nine digits of time')
    .option('--itrace [letters]', 'events from the Processor Trace of the recording: i b c r x p w o e, i with a period (i1i, i10us), q')
    .option('--symfs <dir>', 'look for the recorded files under this directory')
    .option('--vmlinux <file>', 'the recorded kernel, for --itrace through kernel code')
    .option('--kallsyms <file>', 'symbols of the recorded kernel')
    .option('--guest', 'samples of guests too (perf drops them)')
    .action(async (options: Options) => {
      const choice = options.fields === undefined ? undefined : parseFields(options.fields);
      if (choice !== undefined && 'error' in choice) throw new CliError(choice.error, 129);
      const input = await openInput(options.input);
      const recording = input.data.recording;
      const places = {
        ...(options.symfs === undefined ? {} : { symfs: options.symfs }),
        ...(options.kallsyms === undefined ? {} : { kallsyms: options.kallsyms }),
      };
      if (options.itrace !== undefined) {
        const itrace = options.itrace === true ? '' : options.itrace;
        const flags = options.fields?.includes('flags') === true;
        try {
          setExit(
            await runItrace(input.data, {
              itrace,
              flags,
              ns: options.ns === true,
              ...(options.vmlinux === undefined ? {} : { vmlinux: options.vmlinux }),
              ...places,
            }),
          );
        } finally {
          input.close();
        }
        return;
      }
      const missing = missingFields(
        recording.events.map((e) => e.attr),
        choice,
      );
      if (missing.length > 0) throw new CliError(`-F ${missing.join(',')}: no event of ${options.input} was recorded with it`, 129);
      const out = new TextBuffer(writeStdout);
      const session = new Session(recording);
      const scriptOptions: ScriptOptions = {
        ...(choice === undefined ? {} : { fields: choice }),
        guest: options.guest === true,
        hideCallGraph: options.hideCallGraph === true,
        ns: options.ns === true,
        resolver: new DiskSymbols(places),
      };
      const printer = new SamplePrinter(recording, session, out, scriptOptions);
      let sink: RecordSink = new ScriptSink(session, printer);
      if (options.dumpRawTrace === true) {
        const name = recording.mode === 'pipe' ? 'pipe' : input.name;
        sink = new RecordDumper(session, printer, out, name, new PtAuxDumper(out));
      }
      let result;
      try {
        result = await input.data.scan(sink, { ordered: true });
      } finally {
        out.flush();
        input.close();
      }
      setExit(reportReading(input.name, recording, result, printer));
    });
};

/** Keeps threads and maps up to date and prints the samples. */
class ScriptSink implements RecordSink {
  readonly #session: Session;
  readonly #printer: SamplePrinter;

  constructor(session: Session, printer: SamplePrinter) {
    this.#session = session;
    this.#printer = printer;
  }

  record(cursor: RecordCursor): void {
    if (cursor.type >= USER_RECORD_START) return;
    const event = this.#session.recording.eventOf(cursor);
    try {
      if (cursor.type !== PERF_RECORD.SAMPLE) this.#session.process(cursor, event);
      else if (event !== undefined) this.#printer.print(cursor, event);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#session.recording.issues.push(error);
    }
  }
}
