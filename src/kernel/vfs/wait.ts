/** Makes a `Wait`. */
import type { Wait } from '../syscalls/types.ts';

export interface WaitOptions {
  readonly deadlineNs?: bigint | undefined;
  readonly interrupted?: (() => number) | undefined;
}

export function waitFor(what: string, ready: () => boolean, options: WaitOptions = {}): Wait {
  return {
    kind: 'wait',
    what,
    ready,
    ...(options.deadlineNs === undefined ? {} : { deadlineNs: options.deadlineNs }),
    ...(options.interrupted === undefined ? {} : { interrupted: options.interrupted }),
  };
}

/** Input of the host that is not there yet. */
export const waitForHost = (what: string): Wait => ({ kind: 'wait', what, ready: () => false, host: true });
