/** What a command file exports. `main.ts` loads a command's file only when it is asked for. */
import { closeSync, openSync } from 'node:fs';
import type { Command } from 'commander';

export interface CommandContext {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Exit code of wrong options, as perf's. */
export const USAGE = 129;
/** Exit codes when a program cannot be started, as shells and env have them. */
export const CANNOT_RUN = 126;
export const NOT_FOUND = 127;

/** A failure with its exit code; the message is printed as `perfglass: …`. USAGE, or 1 for ours. */
export class CliError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Declares a command's options and action on `program`. The action returns the exit code of the process
 * through `setExit`; it never calls process.exit, so that buffered output is written.
 */
export type DefineCommand = (program: Command, setExit: (code: number) => void) => void;

/** An option that may be given several times. */
export const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

/** Before a long run, not after it: can its result be written? */
export function checkWritable(file: string): void {
  try {
    closeSync(openSync(file, 'a'));
  } catch (e) {
    throw new CliError(`cannot write ${file}: ${(e as NodeJS.ErrnoException).code ?? 'error'}`);
  }
}
