/** `perfglass evlist`: the events of a recording; -v: every field of their attrs that is not zero. */
import { attrTextFields } from '#formats/perf-data/attr-text.ts';
import { defaultEventName } from '#formats/perf-data/event-name.ts';
import type { DefineCommand } from '../command.ts';
import { openInput } from '../perf-data-input.ts';
import { reportReading } from '../reading-report.ts';

export const define: DefineCommand = (program, setExit) => {
  program
    .option('-i, --input <file>', 'recording to read, - for standard input', 'perf.data')
    .option('-v, --verbose', 'the fields of each attr')
    .action(async (options: { input: string; verbose?: boolean }) => {
      const input = await openInput(options.input);
      const recording = input.data.recording;
      // names stand in a feature behind the data, events of a pipe in its records
      const result = await input.data.scan({ record: () => undefined });
      input.close();
      for (const e of recording.events) {
        // of a pipe perf does not read the names here
        const name = recording.mode === 'pipe' ? defaultEventName(e.attr) : e.name;
        const fields = attrTextFields(e.attr).map(([n, v]) => `${n}: ${v}`);
        process.stdout.write(options.verbose === true ? `${name}: ${fields.join(', ')}\n` : `${name}\n`);
      }
      setExit(reportReading(input.name, recording, result));
    });
};
