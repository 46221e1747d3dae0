/** What an administrator of the modelled system may set of perf: kernel.perf_event_* and its neighbours, the files of the core PMU in sysfs. */

export class PerfSettings {
  /** kernel.perf_event_paranoid: -1 everything is allowed (the default here: perf inside must not need root). spec §6.7. */
  paranoid = -1;
  /** kernel.perf_event_mlock_kb: memory for rings, per user and CPU. */
  mlockKb = 516;
  /** kernel.perf_event_max_sample_rate; infinite: nothing is throttled (a session's choice, not a program's). */
  maxSampleRate = Number.POSITIVE_INFINITY;
  /** kernel.perf_event_max_stack: addresses in a callchain. */
  maxStack = 127;
  /** kernel.perf_event_max_contexts_per_stack. */
  maxContextsPerStack = 8;
  /** kernel.perf_cpu_time_max_percent. Handlers take no time here, so nothing is ever lowered by it. */
  cpuTimeMaxPercent = 25;
  /** kernel.kptr_restrict */
  kptrRestrict = 0;
  /** /sys/bus/event_source/devices/cpu/rdpmc: RDPMC in user mode 0 never, 1 where an event is mapped, 2 always. */
  rdpmc: 0 | 1 | 2 = 1;

  /** The rate that files show and that attr.sample_freq is held to. */
  get sampleRate(): number {
    return Number.isFinite(this.maxSampleRate) ? this.maxSampleRate : DEFAULT_SAMPLE_RATE;
  }
}

export const DEFAULT_SAMPLE_RATE = 100_000;
