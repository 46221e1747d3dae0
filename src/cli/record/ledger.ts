/** The ledger of a recording: what became of every event and of every sample that was due. */
import type { Account } from '#kernel/perf/ledger.ts';
import { LOST_CAUSES, SAMPLE_LOST_CAUSES } from '#kernel/perf/ledger.ts';
import type { Session } from '#system/session.ts';
import type { Opened } from './recorder.ts';

const lost = <K extends string>(causes: readonly K[], of: Readonly<Record<K, number>>): string => {
  const parts = causes.filter((c) => of[c] !== 0).map((c) => `${of[c]} ${c}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
};

/** Closes: true + over = counted + lost; due = delivered + lost. An equation that does not is marked. */
export function ledgerText(session: Session, opened: readonly Opened[]): string {
  const lines: string[] = ['Ledger:'];
  for (const { planned, event } of opened) {
    session.read(event);
    lines.push(...accountLines(planned.spec.name, session.account(event)));
  }
  return `${lines.join('\n')}\n`;
}

function accountLines(name: string, a: Account): string[] {
  const book = a.samples;
  const events = a.audited
    ? `  events   true ${a.true} + over ${a.over} = counted ${a.counted} + lost: ${lost(LOST_CAUSES, a.lost)}${a.imbalance === 0 ? '' : `; OFF BY ${a.imbalance}`}`
    : `  events   counted ${a.counted} (no total of its own to hold it against)`;
  const samples = `  samples  due ${book.due} = delivered ${book.delivered} + lost: ${lost(SAMPLE_LOST_CAUSES, book.lost)}${book.imbalance === 0 ? '' : `; OFF BY ${book.imbalance}`}`;
  return [`${name}:`, events, samples];
}
