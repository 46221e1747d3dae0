/** The ledger as a table: true + over = counted + lost, one row an event, and the book of samples. */
import { LOST_CAUSES, SAMPLE_LOST_CAUSES } from '#kernel/perf/ledger.ts';
import { table } from '../table.ts';
import type { Counted } from './measure.ts';

export function printLedger(events: readonly Counted[]): string {
  const rows = events.flatMap((e) => (e.account === undefined ? [] : [{ name: e.spec.name, account: e.account }]));
  const causes = LOST_CAUSES.filter((c) => rows.some((r) => r.account.lost[c] !== 0));
  const head = ['event', 'true', '+ over', '= counted', ...causes.map((c) => `+ ${c}`), 'overhead', 'books'];
  const body = rows.map(({ name, account: a }) =>
    a.audited
      ? [
          name,
          a.true,
          a.over,
          a.counted,
          ...causes.map((c) => a.lost[c]),
          a.overhead,
          a.imbalance === 0 ? 'closed' : `OFF BY ${a.imbalance}`,
        ]
      : [name, 'no total of its own (CMASK or EDGE)', '', a.counted, ...causes.map(() => ''), '', 'none'],
  );
  const out = [
    ' Ledger: true + over = counted + lost. `true` is what the processor retired for the event; `overhead` is perf’s own work.',
    '',
  ];
  out.push(table([head, ...body]));
  const sampling = rows.filter((r) => r.account.samples.due > 0);
  if (sampling.length > 0) {
    const lost = SAMPLE_LOST_CAUSES.filter((c) => sampling.some((r) => r.account.samples.lost[c] !== 0));
    out.push(
      '',
      table([
        ['samples', 'due', '= delivered', ...lost.map((c) => `+ ${c}`)],
        ...sampling.map(({ name, account: { samples: s } }) => [name, s.due, s.delivered, ...lost.map((c) => s.lost[c])]),
      ]),
    );
  }
  return `${out.join('\n')}\n\n`;
}
