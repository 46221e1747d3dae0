/** One or more runs of a program with events on it, as numbers. Printing is the files beside. */
import { SIG } from '#abi/signals.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { attrFlag, type PerfEventAttr } from '#kernel/perf/attr.ts';
import type { PmiHandler } from '#kernel/perf/intel/pmi/handler.ts';
import { DEFAULT_SAMPLE_RATE } from '#kernel/perf/settings.ts';
import type { Interruption, RunResult } from '#kernel/kernel.ts';
import type { PmiLatency } from '#machine/apic/pmi-latency.ts';
import { isObservedEvent } from '#system/events/modelled.ts';
import type { EventGroup } from '#system/events/parse.ts';
import { Session } from '#system/session.ts';
import { CANNOT_RUN, CliError, NOT_FOUND } from '../command.ts';
import type { Observed } from '../manifest/manifest.ts';
import type { ModelSettings } from '../models-options.ts';
import type { Watched } from '../target.ts';
import type { World } from '../world/world.ts';
import { Alarm } from './alarm.ts';
import { type Counted, StatEvents } from './events.ts';

export interface MeasureOptions {
  readonly model: CpuModel;
  readonly handler: PmiHandler;
  readonly pmiLatency: PmiLatency | undefined;
  readonly seed: number;
  readonly memoryBytes: number | undefined;
  readonly inherit: boolean;
  /** Default: the command. */
  readonly watched?: Watched;
  /** One row an event, or one for each CPU (-A) or thread (--per-thread). Default: one. */
  readonly rows?: 'sum' | 'cpu' | 'thread';
  readonly schedule?: Schedule;
  readonly models: ModelSettings;
  /** True once for every Ctrl-C. */
  readonly interrupted: () => Interruption;
  /** Lets the host's signals in; called now and then. */
  readonly breathe: () => Promise<void>;
}

/** When it counts and when it looks; all in modelled milliseconds. */
export interface Schedule {
  /** -D: counting begins so late; -1: never. */
  readonly delayMs?: number;
  /** --timeout: SIGTERM to the command. */
  readonly timeoutMs?: number;
  /** -I, and at most so many times. */
  readonly intervalMs?: number;
  readonly intervalCount?: number;
  /** `timeNs`: since counting began. */
  readonly onInterval?: (events: readonly Counted[], timeNs: number) => void;
  /** perf's "Events disabled" and "Events enabled". */
  readonly say?: (text: string) => void;
}

export interface RunOutcome {
  readonly events: readonly Counted[];
  readonly elapsedNs: number;
  readonly userNs: number;
  readonly systemNs: number;
  readonly result: RunResult;
  /** Lines for the user about what went wrong. */
  readonly messages: readonly string[];
  /** What programs asked for and the model lacks, with how often. */
  readonly missing: ReadonlyMap<string, number>;
  readonly pmis: { readonly served: number; readonly spurious: number };
  /** What it depended on, with --inputs. */
  readonly observed: Observed | undefined;
}

/** Loads, runs and reads. Throws CliError when the program cannot be started. */
export async function measure(groups: readonly EventGroup[], world: World, options: MeasureOptions): Promise<RunOutcome> {
  const schedule = options.schedule ?? {};
  let terminate = false;
  const interrupted = (): Interruption => {
    if (!terminate) return options.interrupted();
    terminate = false;
    return SIG.SIGTERM;
  };
  const session = new Session({
    model: options.model,
    handler: options.handler,
    host: world.host,
    seed: options.seed,
    interrupted,
    ...options.models,
    models: options.models.models || groups.some((g) => g.events.some((e) => isObservedEvent(e, options.model))),
    uid: world.uid,
    gid: world.gid,
    umask: world.umask,
    files: world.files,
    maxSampleRate: DEFAULT_SAMPLE_RATE, // for what programs open inside: nothing here samples
    ...(options.pmiLatency === undefined ? {} : { pmiLatency: options.pmiLatency }),
    ...(options.memoryBytes === undefined ? {} : { memoryBytes: options.memoryBytes }),
  });
  world.attach(session);
  const failure = session.start(world.program);
  if (failure !== undefined) throw new CliError(failure + world.where, session.programMissing ? NOT_FOUND : CANNOT_RUN);
  const { delayMs = 0 } = schedule;
  const events = new StatEvents(session, groups, {
    inherit: options.inherit,
    watched: options.watched ?? { kind: 'command' },
    rows: options.rows ?? 'sum',
    disabled: delayMs !== 0,
  });
  const clock = new Timetable(session, events, schedule, () => {
    terminate = true;
    // As from another processor: an interrupt, so that the program, or the idle task, need not wait for the tick.
    session.kernel.perfFiles?.wakeUp();
  });
  let result: RunResult | undefined;
  let last = performance.now();
  for (;;) {
    result = session.step();
    clock.look(result !== undefined);
    if (result !== undefined) break;
    const now = performance.now();
    if (now - last < 50) continue;
    await options.breathe();
    last = performance.now();
  }
  const observed = world.finish();
  const times = session.task?.process.times();
  const child = session.task?.childTimes;
  const missed = [...session.perf.futures.keys()].map((pid) => `no task had pid ${pid}: nothing was counted of it`);
  return {
    events: events.read(),
    elapsedNs: clock.elapsedNs,
    userNs: (times?.userNs ?? 0) + (child?.userNs ?? 0),
    systemNs: (times?.systemNs ?? 0) + (child?.systemNs ?? 0),
    result,
    messages: [...session.messages(), ...missed],
    missing: session.kernel.missing,
    pmis: session.perf.pmis,
    observed,
  };
}

/** perf stat's dispatch_events: what falls due between the start and the end of the command. */
class Timetable {
  private readonly session: Session;
  private readonly events: StatEvents;
  private readonly schedule: Schedule;
  private readonly terminate: () => void;
  private delay: Alarm | undefined;
  private timeout: Alarm | undefined;
  private interval: Alarm | undefined;
  private printed = 0;
  private startNs: number;

  constructor(session: Session, events: StatEvents, schedule: Schedule, terminate: () => void) {
    this.session = session;
    this.events = events;
    this.schedule = schedule;
    this.terminate = terminate;
    this.startNs = session.nowNs();
    const { delayMs = 0, say } = schedule;
    if (delayMs !== 0) say?.('Events disabled');
    if (delayMs > 0) this.delay = new Alarm(session, delayMs);
    else this.begin();
  }

  /** The measured time begins, as in perf, once the delay is over. */
  private begin(): void {
    this.startNs = this.session.nowNs();
    const { timeoutMs, intervalMs } = this.schedule;
    if (timeoutMs !== undefined) this.timeout = new Alarm(this.session, timeoutMs);
    if (intervalMs !== undefined) this.interval = new Alarm(this.session, intervalMs);
  }

  look(ended: boolean): void {
    if (this.delay !== undefined && (ended || this.delay.rang())) {
      this.delay.off();
      this.delay = undefined;
      this.schedule.say?.('Events enabled');
      this.startNs = this.session.nowNs();
      if (ended) return;
      this.events.enable();
      this.begin();
    }
    if (this.timeout?.rang() === true) {
      this.timeout.off();
      this.timeout = undefined;
      this.terminate();
    }
    // The end of the command prints what is left, too: its SIGCHLD interrupts perf's sleep.
    if (this.interval === undefined || !(this.interval.rang() || ended)) return;
    this.schedule.onInterval?.(this.events.readInterval(), this.elapsedNs);
    if (++this.printed !== this.schedule.intervalCount) return;
    this.interval.off();
    this.interval = undefined;
  }

  get elapsedNs(): number {
    return this.session.nowNs() - this.startNs;
  }
}

/** u, k or both: events are compared in metrics only with others of the same rings. */
export const ringsOf = (attr: PerfEventAttr): string =>
  `${attrFlag(attr, 'exclude_user') ? '' : 'u'}${attrFlag(attr, 'exclude_kernel') ? '' : 'k'}`;
