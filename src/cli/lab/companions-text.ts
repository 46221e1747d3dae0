/** The smaller tables of `lab freeze`: last branch records, and throttling. */
import type { LbrRow, ThrottleRow } from '#lab/freeze/companions.ts';
import { table } from '../table.ts';

export function lbrText(rows: readonly LbrRow[] | undefined): string {
  if (rows === undefined) return ' Last branch records: the model has none that Linux drives.\n';
  const head = ['records', 'skid', 'FREEZE_LBRS_ON_PMI', 'samples', 'younger than the overflow', 'older ones agree'];
  const body = rows.map((r) => [
    r.mode,
    r.skid,
    r.freezeBit ? 'set' : 'clear',
    r.samples,
    r.younger === undefined ? '-' : `${r.younger.mean.toFixed(1)} / ${r.younger.greatest}`,
    r.agree === undefined ? '-' : `${r.agree.good}/${r.agree.of}`,
  ]);
  return [
    ' Last branch records of near taken branches, user mode. younger: records made behind the branch that overflowed, mean and greatest.',
    ' Frozen, the newest record is that branch (A13). A call stack is kept running, for it would miss the calls and returns of the skid (A14).',
    '',
    table([head, ...body], ' ', [0, 1, 2]),
    '',
  ].join('\n');
}

export function throttleText(rows: readonly ThrottleRow[]): string {
  const head = ['throttled', 'event', 'true', '= counted', '+ throttled', 'per instruction'];
  const body = rows.map((r) => {
    const leader = rows.find((o) => o.policy === r.policy) ?? r;
    return [
      r.event.startsWith('instr') ? r.policy : '',
      r.event,
      r.true,
      r.counted,
      r.throttled,
      leader === r ? '' : (r.counted / leader.counted).toFixed(3),
    ];
  });
  return [
    ' Throttling, no freeze involved: Linux 6.12 stops the leader alone, and its siblings run on (A25); newer kernels stop the group.',
    '',
    table([head, ...body], ' ', [0, 1]),
    '',
  ].join('\n');
}
