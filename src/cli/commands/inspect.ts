/** `perfglass inspect`: what a recording lost: how much, when, which thread. Exit code 0; 1 when the file is damaged. */
import { Inspector, inspectText, summarize } from '#formats/perf-data/inspect.ts';
import { Session } from '#formats/perf-data/session.ts';
import type { DefineCommand } from '../command.ts';
import { openInput } from '../perf-data-input.ts';

export const define: DefineCommand = (program, setExit) => {
  program
    .option('-i, --input <file>', 'recording to read, - for standard input', 'perf.data')
    .option('-v, --verbose', 'every occurrence on its own line')
    .option('--json', 'the findings as JSON, times in ns')
    .action(async (options: { input: string; verbose?: boolean; json?: boolean }) => {
      const input = await openInput(options.input);
      const recording = input.data.recording;
      const inspector = new Inspector(recording, new Session(recording));
      const result = await input.data.scan(inspector, { ordered: true });
      input.close();
      const losses = inspector.finish(result);
      const shown = options.verbose === true ? losses : summarize(losses);
      if (options.json === true)
        process.stdout.write(`${JSON.stringify(shown, (_, v: unknown) => (typeof v === 'bigint' ? Number(v) : v), 1)}\n`);
      else process.stdout.write(inspectText(input.name, losses, shown));
      setExit(result.damage === undefined ? 0 : 1);
    });
};
