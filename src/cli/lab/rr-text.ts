/** `lab rr` as text: the table, and what it says. */
import { CHECK_BRANCHES, type RrPair, type RrResult } from '#lab/rr/experiment.ts';
import { table } from '../table.ts';

export function rrText(r: RrResult): string {
  const [a, b] = r.skids;
  const total = r.truth.at(-1) ?? 0;
  const out = [
    '',
    ` A record-replay debugger on ${r.model}: ${r.event}:u, an interrupt every ${r.slice}; ${r.truth.length} stops, ${total} branches in all`,
    ` Run twice with its interrupts at other places: PMI latency ${a}, seed ${r.seeds[0]}, and ${b}, seed ${r.seeds[1]}`,
    '',
    ' missing: branches that happened and were not read.  frozen: the same number as the ledger has it, counted while the PMU stood still.',
    ` checks: what such a tool looks at when it starts: ${CHECK_BRANCHES} branches count as at least ${CHECK_BRANCHES}; with an interrupt among them, as no more.`,
    '',
  ];
  const rows: (string | number)[][] = [
    ['handler', 'run', 'interrupts', 'first stop', 'last stop', 'missing', 'frozen', 'checks', 'the two runs'],
  ];
  for (const p of r.pairs) {
    for (const [name, run] of [
      ['recording', p.recording],
      ['replay', p.replay],
    ] as const) {
      const first = name === 'recording';
      rows.push([
        first ? p.handler : '',
        name,
        run.interrupts,
        run.stops[0] ?? 0,
        run.stops.at(-1) ?? 0,
        run.missing,
        run.frozen,
        `${run.checks.counts} ${run.checks.interrupted}`,
        first ? verdict(p) : '',
      ]);
    }
    rows.push(['']);
  }
  out.push(table(rows, ' ', [0, 1, 8]));
  const blind = r.pairs.find((p) => p.divergence !== undefined && p.checksPass);
  if (blind !== undefined)
    out.push(
      ` With ${blind.handler} the overflowing counter loses its own branches from the overflow to the PMI: how many depends on where the PMI lands, so a`,
      ' replay never meets the numbers of its recording. The checks pass all the same: they ask whether the counter counts at all and whether it',
      ' counts too much (hypervisors did that), and freezing only ever loses, a few branches at each interrupt, where no check expects a number exactly.',
      '',
    );
  return `${out.join('\n')}\n`;
}

const verdict = (p: RrPair): string =>
  p.divergence === undefined
    ? 'agree at every stop'
    : `diverge at stop ${p.divergence + 1}: ${p.recording.stops[p.divergence]}, ${p.replay.stops[p.divergence]}`;
