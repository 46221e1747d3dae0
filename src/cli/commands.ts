/** The commands, in the order of the help. Each line: name, summary, the file that defines it. */
import type { DefineCommand } from './command.ts';

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ define: DefineCommand }>;
}

export const COMMANDS: readonly CommandEntry[] = [
  { name: 'stat', summary: 'Run a command and count its events, exactly', load: () => import('./commands/stat.ts') },
  { name: 'record', summary: 'Run a command and record samples of its events (perf.data)', load: () => import('./commands/record.ts') },
  { name: 'run', summary: 'Run a command on the modelled processor without measuring', load: () => import('./commands/run.ts') },
  { name: 'diff', summary: 'Say what differs between two runs, and so why a count changed', load: () => import('./commands/diff.ts') },
  { name: 'list', summary: 'List the events of a modelled processor', load: () => import('./commands/list.ts') },
  { name: 'decode', summary: 'Decode raw Processor Trace bytes', load: () => import('./commands/decode.ts') },
  { name: 'script', summary: 'Print the samples of a recording, or with -D every record', load: () => import('./commands/script.ts') },
  { name: 'lab', summary: 'Experiments: lab freeze, the first letter as a table', load: () => import('./commands/lab.ts') },
  { name: 'doctor', summary: 'Say what is there and what is not', load: () => import('./commands/doctor.ts') },
  { name: 'report', summary: 'Histogram of a recording by symbol, file, command or caller', load: () => import('./commands/report.ts') },
  {
    name: 'annotate',
    summary: 'The code of the symbols that samples hit, instruction by instruction',
    load: () => import('./commands/annotate.ts'),
  },
  { name: 'evlist', summary: 'List the events of a recording', load: () => import('./commands/evlist.ts') },
  { name: 'convert', summary: 'Write a recording in the format of another viewer', load: () => import('./commands/convert.ts') },
  { name: 'inspect', summary: 'What a recording lost: how much, when, whose', load: () => import('./commands/inspect.ts') },
];
