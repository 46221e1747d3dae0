/**
 * The ledger (design.md §6). For every event: true + over = counted + Σ lost[cause]. No column is a remainder: `true` comes from the retire
 * stream, `counted` from the counter deltas that the driver folds, each loss from the place where it happens. Samples are a book of their own:
 * due = delivered + Σ lost[cause].
 */
import type { RingTotals } from '#port/truth.ts';

/** In the order in which they claim an event: the first that holds has it. */
export const LOST_CAUSES = ['failed', 'not scheduled', 'throttled', 'host-guest switch', 'vmx', 'frozen', 'handler'] as const;
export type LostCause = (typeof LOST_CAUSES)[number];

export const SAMPLE_LOST_CAUSES = ['skipped period', 'sched-out', 'throttled', 'ring full', 'no record'] as const;
export type SampleLostCause = (typeof SAMPLE_LOST_CAUSES)[number];

/** What became of an enabled event whose task runs. `undefined` elsewhere: not asked for. */
export type Standing = 'counting' | 'not scheduled' | 'failed' | 'throttled';

/** Running totals of the event's own quantity, since power-on. */
export interface TruthSource {
  total(): RingTotals;
  /** The part that retired while the PMU was frozen, from overflow to delivery. */
  frozen(): RingTotals;
}

const zeroes = <K extends string>(names: readonly K[]): Record<K, number> =>
  Object.fromEntries(names.map((n) => [n, 0])) as Record<K, number>;

export class SampleBook {
  due = 0;
  delivered = 0;
  readonly lost: Record<SampleLostCause, number> = zeroes(SAMPLE_LOST_CAUSES);

  get imbalance(): number {
    let sum = this.due - this.delivered;
    for (const cause of SAMPLE_LOST_CAUSES) sum -= this.lost[cause];
    return sum;
  }
  merge(other: SampleBook): void {
    this.due += other.due;
    this.delivered += other.delivered;
    for (const cause of SAMPLE_LOST_CAUSES) this.lost[cause] += other.lost[cause];
  }
}

/** One event's account. Exact integers in doubles. */
export class Account {
  true = 0;
  /** Counted but not true: what the counter saw of perf's own work (A23). */
  over = 0;
  counted = 0;
  readonly lost: Record<LostCause, number> = zeroes(LOST_CAUSES);
  /** Perf's own work that the event's predicate would match, while the event was asked for. Outside the equation. */
  overhead = 0;
  readonly samples = new SampleBook();

  private readonly source: TruthSource | undefined;
  private readonly user: boolean;
  private readonly kernel: boolean;
  private standing: Standing | undefined;
  private matched = 0;
  private matchedFrozen = 0;
  private matchedOverhead = 0;

  /** `source` undefined: the retire stream has no such total (CMASK, EDGE), so the event is counted without a ledger. */
  constructor(source: TruthSource | undefined, user: boolean, kernel: boolean) {
    this.source = source;
    this.user = user;
    this.kernel = kernel;
  }

  /** Books what happened since the last call under the standing until now; from now on `standing` holds. */
  enter(standing: Standing | undefined): void {
    if (this.source === undefined) return;
    const total = this.source.total();
    const frozen = this.source.frozen();
    const matched = this.match(total);
    const matchedFrozen = this.match(frozen);
    const matchedOverhead = this.kernel ? total.overhead : 0;
    if (this.standing !== undefined) {
      const happened = matched - this.matched;
      this.true += happened;
      this.overhead += matchedOverhead - this.matchedOverhead;
      if (this.standing === 'counting') this.lost.frozen += matchedFrozen - this.matchedFrozen;
      else this.lost[this.standing] += happened;
    }
    this.matched = matched;
    this.matchedFrozen = matchedFrozen;
    this.matchedOverhead = matchedOverhead;
    this.standing = standing;
  }

  get audited(): boolean {
    return this.source !== undefined;
  }

  /** Books up to now, standing unchanged. */
  settle(): void {
    this.enter(this.standing);
  }

  /** 0, or the ledger is wrong. To be asked when the event's counter has been read and `settle` called at the same instant. */
  get imbalance(): number {
    if (this.source === undefined) return 0;
    let sum = this.true + this.over - this.counted;
    for (const cause of LOST_CAUSES) sum -= this.lost[cause];
    return sum;
  }

  /** Takes an inherited event's account over. */
  merge(child: Account): void {
    this.true += child.true;
    this.over += child.over;
    this.counted += child.counted;
    this.overhead += child.overhead;
    for (const cause of LOST_CAUSES) this.lost[cause] += child.lost[cause];
    this.samples.merge(child.samples);
  }

  private match(totals: RingTotals): number {
    return (this.user ? totals.user : 0) + (this.kernel ? totals.kernel : 0);
  }
}
