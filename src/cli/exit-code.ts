/** The exit code of a command that ran a program: the program's own, as a shell sees it. */
import type { RunResult } from '#kernel/kernel.ts';

export function exitCodeOf(result: RunResult): number {
  switch (result.kind) {
    case 'ended': {
      const signal = result.status & 0x7f;
      return signal !== 0 ? 128 + signal : (result.status >> 8) & 255;
    }
    case 'interrupted':
      return 130;
    case 'deadlock':
    case 'shutdown':
      return 1;
  }
}
