/** The events of one run: opened on whom they watch, read as one row each, or one a thread. */
import { ERRNO } from '#abi/errno.ts';
import { makeAttr, type PerfEventAttr } from '#kernel/perf/attr.ts';
import { isRefusal, type Refusal } from '#kernel/perf/attr-checks.ts';
import type { PerfEvent } from '#kernel/perf/event.ts';
import type { Account } from '#kernel/perf/ledger.ts';
import { isModelledEvent } from '#system/events/modelled.ts';
import { attrTerms, type EventGroup, type EventSpec } from '#system/events/parse.ts';
import type { Session } from '#system/session.ts';
import { CliError } from '../command.ts';
import { targetsOf, type Watched } from '../target.ts';

/** Where a row's count comes from, when rows are not summed: -A, --per-thread. */
export type Place = { readonly kind: 'cpu'; readonly cpu: number } | { readonly kind: 'thread'; readonly name: string };

/** One row's result of one run, or of one interval. */
export interface Counted {
  readonly spec: EventSpec;
  readonly attr: PerfEventAttr;
  /** Why it was not counted. */
  readonly refusal: Refusal | undefined;
  readonly value: number;
  readonly enabledNs: number;
  readonly runningNs: number;
  readonly account: Account | undefined;
  /** Counted by the cache, TLB or predictor models. */
  readonly modelled: boolean;
  readonly place?: Place;
}

export interface OpenOptions {
  readonly inherit: boolean;
  readonly watched: Watched;
  readonly rows: 'sum' | 'cpu' | 'thread';
  /** Opened, and counting only from `enable` on. */
  readonly disabled: boolean;
}

interface Opened {
  readonly spec: EventSpec;
  readonly attr: PerfEventAttr;
  /** One for each target, in the targets' order. */
  readonly events: (PerfEvent | Refusal)[];
}

export const errnoName = (errno: number): string => Object.entries(ERRNO).find(([, n]) => n === errno)?.[0] ?? `errno ${errno}`;

export class StatEvents {
  private readonly session: Session;
  private readonly options: OpenOptions;
  private readonly opened: Opened[] = [];
  /** pid of each target, where targets are tasks. */
  private readonly pids: readonly number[];
  /** What the rows held when the last interval ended. */
  private before: readonly Counted[] = [];

  /** Throws CliError when a group cannot be measured as a whole. */
  constructor(session: Session, groups: readonly EventGroup[], options: OpenOptions) {
    this.session = session;
    this.options = options;
    this.pids = options.watched.kind === 'pids' ? options.watched.pids : [session.task?.pid ?? 0];
    for (const group of groups) this.openGroup(group);
  }

  private openGroup(group: EventGroup): void {
    const { inherit, disabled, watched } = this.options;
    const rows = group.events.map((spec, i): Opened => {
      const off = disabled && (i === 0 || !group.explicit);
      const attr = makeAttr({ ...attrTerms(spec), flags: { ...spec.flags, inherit, disabled: off } });
      return { spec, attr, events: [] };
    });
    for (const target of targetsOf(this.session, watched)) {
      let leader: PerfEvent | undefined;
      for (const { spec, attr, events } of rows) {
        const event = this.session.open(attr, leader, undefined, target);
        if (isRefusal(event) && group.explicit && group.events.length > 1) {
          // As perf: a group is measured as a whole or not at all.
          throw new CliError(`the group cannot be measured: ${spec.name}: ${event.reason} (${errnoName(event.errno)})`);
        }
        if (!isRefusal(event)) leader ??= group.explicit ? event : undefined;
        events.push(event);
      }
    }
    this.opened.push(...rows);
  }

  /** -D is over. */
  enable(): void {
    for (const { events } of this.opened) for (const e of events) if (!isRefusal(e) && e.leader === e) this.session.perf.enable(e);
  }

  /** Since the opening. */
  read(): Counted[] {
    return this.opened.flatMap((o) => {
      if (this.options.rows === 'thread') return o.events.map((e, i) => this.row(o, [e], { kind: 'thread', name: this.nameOf(e, i) }));
      return [this.row(o, o.events, this.options.rows === 'cpu' ? { kind: 'cpu', cpu: 0 } : undefined)];
    });
  }

  /** Since the last call. */
  readInterval(): Counted[] {
    const now = this.read();
    const rows = now.map((c, i) => {
      const b = this.before[i];
      if (b === undefined) return c;
      return { ...c, value: c.value - b.value, enabledNs: c.enabledNs - b.enabledNs, runningNs: c.runningNs - b.runningNs };
    });
    this.before = now;
    return rows;
  }

  private row(o: Opened, events: readonly (PerfEvent | Refusal)[], place: Place | undefined): Counted {
    const sum = { value: 0, enabledNs: 0, runningNs: 0 };
    let account: Account | undefined;
    let refusal: Refusal | undefined;
    for (const event of events) {
      if (isRefusal(event)) {
        refusal = event;
        continue;
      }
      const read = this.session.read(event);
      sum.value += Number(read.values[0]?.value ?? 0n);
      sum.enabledNs += read.timeEnabledNs;
      sum.runningNs += read.timeRunningNs;
      const own = this.session.account(event);
      if (account === undefined) account = own;
      else account.merge(own);
    }
    const modelled = isModelledEvent(o.spec, this.session.model);
    return { spec: o.spec, attr: o.attr, refusal, ...sum, account, modelled, ...(place === undefined ? {} : { place }) };
  }

  private nameOf(event: PerfEvent | Refusal, i: number): string {
    const pid = this.pids[i] ?? 0;
    const task = isRefusal(event) ? undefined : (event.context?.task ?? undefined);
    return `${task?.comm ?? ''}-${pid}`;
  }
}
