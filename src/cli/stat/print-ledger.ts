/** The ledger as a table: true + over = counted + lost, one row an event, and the book of samples. */
import { type Account, LOST_CAUSES, SAMPLE_LOST_CAUSES } from '#kernel/perf/ledger.ts';
import { table } from '../table.ts';
import type { Counted } from './events.ts';
import { placeName } from './statistics.ts';

interface Row {
  readonly name: string;
  readonly account: Account;
  /** count × enabled / running, where that is not the count. */
  readonly estimated: number | undefined;
}

const rowsOf = (events: readonly Counted[]): Row[] =>
  events.flatMap((e) => {
    if (e.account === undefined) return [];
    const scaled = e.runningNs !== e.enabledNs && e.runningNs > 0;
    return [
      {
        name: `${e.spec.name}${e.place === undefined ? '' : ` ${placeName(e.place)}`}${e.modelled ? ' (modelled)' : ''}`,
        account: e.account,
        estimated: scaled ? Math.floor((e.value * e.enabledNs) / e.runningNs + 0.5) : undefined,
      },
    ];
  });

export function printLedger(events: readonly Counted[]): string {
  const rows = rowsOf(events);
  const causes = LOST_CAUSES.filter((c) => rows.some((r) => r.account.lost[c] !== 0));
  const estimates = rows.some((r) => r.estimated !== undefined);
  const head = [
    'event',
    'true',
    '+ over',
    '= counted',
    ...causes.map((c) => `+ ${c}`),
    ...(estimates ? ['estimated'] : []),
    'overhead',
    'books',
  ];
  const body = rows.map(({ name, account: a, estimated }) => {
    const estimate = estimates ? [estimated ?? ''] : [];
    return a.audited
      ? [
          name,
          a.true,
          a.over,
          a.counted,
          ...causes.map((c) => a.lost[c]),
          ...estimate,
          a.overhead,
          a.imbalance === 0 ? 'closed' : `OFF BY ${a.imbalance}`,
        ]
      : [name, 'no total of its own (CMASK or EDGE)', '', a.counted, ...causes.map(() => ''), ...estimate, '', 'none'];
  });
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

/** One object a line, for -j. */
export function printLedgerJson(events: readonly Counted[]): string {
  return rowsOf(events)
    .map(({ name, account: a, estimated }) => {
      const { true: truth, over, counted, lost, overhead, audited, samples } = a;
      const book = { due: samples.due, delivered: samples.delivered, lost: samples.lost };
      return `${JSON.stringify({ ledger: name, audited, true: truth, over, counted, lost, overhead, ...(estimated === undefined ? {} : { estimated }), samples: book })}\n`;
    })
    .join('');
}
