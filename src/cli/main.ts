/** Entry of the command line: finds the command, runs it, turns errors into one line and an exit code. */
import { Command, CommanderError } from 'commander';
import { CliError, USAGE } from './command.ts';
import { COMMANDS } from './commands.ts';
import { tuneV8 } from './tune-v8.ts';

function usage(): string {
  const width = COMMANDS.reduce((w, c) => Math.max(w, c.name.length), 8);
  const rows = COMMANDS.map((c) => `   ${c.name.padEnd(width)}  ${c.summary}`);
  return ['', ' usage: perfglass COMMAND [ARGS]', '', ' The commands are:', ...rows, '', " See 'perfglass COMMAND --help'.", ''].join('\n');
}

async function main(argv: readonly string[]): Promise<number> {
  const name = argv[0];
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(`${usage()}\n`);
    return name === undefined ? USAGE : 0;
  }
  const entry = COMMANDS.find((c) => c.name === name);
  if (entry === undefined) {
    process.stderr.write(`perfglass: '${name}' is not a perfglass command. See 'perfglass --help'.\n`);
    return USAGE;
  }
  tuneV8();
  let exit = 0;
  const program = new Command(`perfglass ${name}`).description(entry.summary).exitOverride();
  program.configureOutput({ writeOut: (s) => process.stdout.write(s), writeErr: (s) => process.stderr.write(s) });
  const { define } = await entry.load();
  define(program, (code) => {
    exit = code;
  });
  try {
    await program.parseAsync(argv.slice(1) as string[], { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    if (error instanceof CliError) {
      process.stderr.write(`perfglass: ${error.message}\n`);
      return error.exitCode;
    }
    if ((error as { code?: string }).code === 'EPIPE') return 0;
    const text = error instanceof Error ? error.message : String(error);
    process.stderr.write(`perfglass: internal error: ${text}\n  this is a bug of perfglass; PERFGLASS_DEBUG=1 shows where\n`);
    if (process.env['PERFGLASS_DEBUG'] !== undefined) process.stderr.write(`${error instanceof Error ? error.stack : ''}\n`);
    return 1;
  }
}

process.stdout.on('error', (e: NodeJS.ErrnoException) => {
  if (e.code === 'EPIPE') process.exit(0);
});
process.exitCode = await main(process.argv.slice(2));
