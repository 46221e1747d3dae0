/** `perfglass diff A B`: what differs between two runs, and so why a count changed. */
import { CliError, type DefineCommand } from '../command.ts';
import { compare } from '../manifest/diff.ts';
import { readComparable } from '../manifest/read.ts';

export const define: DefineCommand = (program, setExit) => {
  program
    .usage('[options] A B')
    .description(
      "Two manifests (--inputs FILE) or two outputs of 'stat -j': counts side by side, and what differs. Exit code 0: nothing, 1: something.",
    )
    .argument('[files...]')
    .option('--counts', 'the exit code is of the counts alone')
    .option('-q, --quiet', 'no output')
    .action((files: string[], o: { counts?: boolean; quiet?: boolean }) => {
      const [a, b] = files;
      if (a === undefined || b === undefined || files.length > 2)
        throw new CliError("what to compare? perfglass diff A B ('perfglass diff --help')", 129);
      const { counts, inputs, text } = compare(readComparable(a), readComparable(b));
      if (o.quiet !== true) process.stdout.write(text);
      setExit(counts || (inputs && o.counts !== true) ? 1 : 0);
    });
};
