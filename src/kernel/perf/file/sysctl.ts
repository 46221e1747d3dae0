/** kernel.perf_event_* and kptr_restrict under /proc/sys, as an administrator may set them. kernel/sysctl.c, kernel/events/core.c. */
import { ERRNO } from '#abi/errno.ts';
import type { PerfSettings } from '../settings.ts';

export interface Setting {
  readonly read: () => number;
  readonly write: (value: number) => number;
}

/** proc_dointvec_minmax over one field. */
function within(
  settings: PerfSettings,
  field: 'paranoid' | 'mlockKb' | 'cpuTimeMaxPercent' | 'kptrRestrict',
  min: number,
  max: number,
): Setting {
  return {
    read: () => settings[field],
    write: (value) => {
      if (value < min || value > max) return -ERRNO.EINVAL;
      settings[field] = value;
      return 0;
    },
  };
}

const INT_MAX = 0x7fff_ffff;

/** By path below /proc/sys. */
export const perfSysctls = (s: PerfSettings): Readonly<Record<string, Setting>> => ({
  'kernel/kptr_restrict': within(s, 'kptrRestrict', 0, 2),
  'kernel/perf_event_paranoid': within(s, 'paranoid', -INT_MAX - 1, INT_MAX),
  'kernel/perf_event_mlock_kb': within(s, 'mlockKb', -INT_MAX - 1, INT_MAX),
  'kernel/perf_cpu_time_max_percent': within(s, 'cpuTimeMaxPercent', 0, 100),
  'kernel/perf_event_max_sample_rate': {
    read: () => s.sampleRate,
    write: (value) => {
      // With the automatic lowering switched off (0 or 100 %) the rate is not to be touched.
      if (value < 1 || s.cpuTimeMaxPercent === 100 || s.cpuTimeMaxPercent === 0) return -ERRNO.EINVAL;
      s.maxSampleRate = value;
      return 0;
    },
  },
});

/** The text of a write: one decimal number; undefined: something else. */
export function parseNumber(text: string): number | undefined {
  const trimmed = text.trim();
  const value = /^-?[0-9]{1,10}$/.test(trimmed) ? Number(trimmed) : Number.NaN;
  return value >= -INT_MAX - 1 && value <= INT_MAX ? value : undefined;
}
