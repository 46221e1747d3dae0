/** `perfglass inspect`: what a recording lost: how much, when, which thread. Exit code 0; 1 when the file is damaged. */
import { Inspector, inspectText, summarize } from '#formats/perf-data/inspect.ts';
import { Session } from '#formats/perf-data/session.ts';
import { PtCollector } from '#formats/pt/collect.ts';
import { parseItrace } from '#formats/pt/itrace-options.ts';
import { PtLosses } from '#formats/pt/losses.ts';
import { DiskCode } from '../code-provider.ts';
import type { DefineCommand } from '../command.ts';
import { openInput } from '../perf-data-input.ts';

interface Options {
  input: string;
  verbose?: boolean;
  json?: boolean;
  decode?: boolean;
  symfs?: string;
  vmlinux?: string;
}

export const define: DefineCommand = (program, setExit) => {
  program
    .option('-i, --input <file>', 'recording to read, - for standard input', 'perf.data')
    .option('--decode', 'walk the code of a Processor Trace, too: spans that cannot be decoded (default: what its packets tell)')
    .option('--symfs <dir>', 'with --decode: look for the recorded files under this directory')
    .option('--vmlinux <file>', 'with --decode: the recorded kernel')
    .option('-v, --verbose', 'every occurrence on its own line')
    .option('--json', 'the findings as JSON, times in ns')
    .action(async (options: Options) => {
      const input = await openInput(options.input);
      const recording = input.data.recording;
      const inspector = new Inspector(recording, new Session(recording));
      const collector = new PtCollector(recording);
      const result = await input.data.scan(
        {
          record: (cursor) => {
            inspector.record(cursor);
            collector.record(cursor);
          },
          auxData: (piece, at) => collector.auxData(piece, at),
        },
        { ordered: true },
      );
      input.close();
      const losses = inspector.finish(result);
      const code = new DiskCode({
        buildIds: new Map((recording.features.buildIds ?? []).map((b) => [b.filename, b.buildId])),
        ...(options.symfs === undefined ? {} : { symfs: options.symfs }),
        ...(options.vmlinux === undefined ? {} : { vmlinux: options.vmlinux }),
      });
      const trace = collector.finish(parseItrace(options.decode === true ? 'e' : 'qqe'), code.provide);
      if (trace !== undefined) losses.push(...new PtLosses(trace).losses());
      const shown = options.verbose === true ? losses : summarize(losses);
      if (options.json === true)
        process.stdout.write(`${JSON.stringify(shown, (_, v: unknown) => (typeof v === 'bigint' ? Number(v) : v), 1)}\n`);
      else process.stdout.write(inspectText(input.name, losses, shown));
      setExit(result.damage === undefined ? 0 : 1);
    });
};
