/** What a trace does not cover, as findings for `inspect`: overflows, gaps and errors, each with its time, thread and place. */
import type { Loss, LossSource } from '../perf-data/inspect.ts';
import { type PtSessionInput, decodeSession } from './session.ts';
import type { SynthEvent } from './synth.ts';

export class PtLosses implements LossSource {
  private readonly input: PtSessionInput;

  /** The options must ask for errors (`e`); with `q` only what the packets tell, without code. */
  constructor(input: PtSessionInput) {
    this.input = input;
  }

  *losses(): Generator<Loss> {
    for (const e of decodeSession(this.input)) if (e.event !== undefined && (e.kind === 'error' || e.kind === 'gap')) yield loss(e);
  }
}

function loss(e: SynthEvent): Loss {
  const { event } = e;
  const note = `trace offset 0x${(event?.offset ?? 0).toString(16)}: ${event?.cause ?? ''}`;
  const where = {
    count: 1,
    firstNs: e.time,
    lastNs: e.time,
    pid: e.pid < 0 ? undefined : e.pid,
    tid: e.tid < 0 ? undefined : e.tid,
    comm: e.comm === '' ? undefined : e.comm,
    cpu: e.cpu < 0 ? undefined : e.cpu,
    event: undefined,
    note,
  };
  if (event?.kind === 'gap') return { kind: 'PT_GAP', amount: event.size, unit: 'bytes', ...where };
  // An overflow does not tell how many packets it lost.
  if (event?.kind === 'overflow') return { kind: 'PT_OVERFLOW', amount: undefined, unit: 'spans', ...where };
  return { kind: 'PT_UNDECODED', amount: 1, unit: 'errors', ...where };
}
