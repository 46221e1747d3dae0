/** What sysfs tells of the PMUs: /sys/bus/event_source/devices. arch/x86/events/core.c, intel/core.c; spec §6.9. What the model lacks is absent. */
import { ERRNO } from '#abi/errno.ts';
import { PERF_TYPE } from '#abi/perf-event/attr.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { eventMeaning } from '#arch/pmu/event-select.ts';
import { type PseudoDirectory, PseudoLink } from '../../vfs/pseudo.ts';
import type { PerfSettings } from '../settings.ts';
import { parseNumber } from './sysctl.ts';

/** intel_arch3_formats_attr; AnyThread came with version 3 and went with 5. */
const FORMATS: readonly (readonly [name: string, bits: string, min: number, max: number])[] = [
  ['event', 'config:0-7', 1, 5],
  ['umask', 'config:8-15', 1, 5],
  ['edge', 'config:18', 1, 5],
  ['pc', 'config:19', 1, 5],
  ['any', 'config:21', 3, 4],
  ['inv', 'config:23', 1, 5],
  ['cmask', 'config:24-31', 1, 5],
];

/** pmu_name_str of intel_pmu_init, by CPUID model. */
const PMU_NAMES: Readonly<Record<number, string>> = {
  0x0e: 'core',
  0x17: 'core2',
  0x1a: 'nehalem',
  0x3d: 'broadwell',
  0x4e: 'skylake',
  0x5c: 'goldmont',
  0x6a: 'icelake',
  0x8f: 'sapphire_rapids',
};

/** nhm_format_attr and, from Skylake on, skl_format_attr; the Atom has slm_format_attr. What ldlat and frontend belong to is refused by name. */
export function extraFormats(model: CpuModel): readonly (readonly [name: string, bits: string])[] {
  if (model.offcore === undefined) return [];
  const word = ['offcore_rsp', 'config1:0-63'] as const;
  if (model.model === 0x5c) return [word];
  const frontend = [0x4e, 0x6a, 0x8f].includes(model.model) ? [['frontend', 'config1:0-23'] as const] : [];
  return [word, ['ldlat', 'config1:0-15'], ...frontend];
}

/** x86_pmu_events_group: generic names and their codes. */
const EVENTS: readonly (readonly [name: string, event: number, umask: number])[] = [
  ['cpu-cycles', 0x3c, 0],
  ['instructions', 0xc0, 0],
  ['cache-references', 0x2e, 0x4f],
  ['cache-misses', 0x2e, 0x41],
  ['branch-instructions', 0xc4, 0],
  ['branch-misses', 0xc5, 0],
  ['bus-cycles', 0x3c, 1],
  ['ref-cycles', 0, 3],
];
const hex = (n: number): string => `0x${n.toString(16).padStart(2, '0')}`;

const DEVICES = 'bus/event_source/devices';

/** `rdpmcChanged`: CR4.PCE has to follow. */
export function makeEventSources(sys: PseudoDirectory, model: CpuModel, settings: PerfSettings, rdpmcChanged: () => void): void {
  const device = (name: string, type: number): PseudoDirectory => {
    const at = sys.directory(`devices/${name}`);
    at.file('type', () => `${type}\n`).file('perf_event_mux_interval_ms', () => '4\n');
    const list = sys.directory(DEVICES);
    list.add(new PseudoLink(list.tree, list, name, () => `../../../devices/${name}`));
    return at;
  };
  device('software', PERF_TYPE.SOFTWARE);
  device('breakpoint', PERF_TYPE.BREAKPOINT);
  const cpu = device('cpu', PERF_TYPE.RAW);
  for (const [name, bits, min, max] of FORMATS)
    if (model.pmu.version >= min && model.pmu.version <= max) cpu.file(`format/${name}`, () => `${bits}\n`);
  for (const [name, bits] of extraFormats(model)) cpu.file(`format/${name}`, () => `${bits}\n`);
  for (const [name, event, umask] of EVENTS) {
    if (eventMeaning(model, BigInt(event | (umask << 8))).kind !== 'counts') continue;
    const text = umask === 0 ? `event=${hex(event)}\n` : `event=${hex(event)},umask=${hex(umask)}\n`;
    cpu.file(`events/${name}`, () => text);
  }
  cpu.file('caps/pmu_name', () => `${PMU_NAMES[model.model] ?? 'generic_arch'}\n`).file('caps/max_precise', () => '0\n');
  const { lbr } = model;
  if (lbr !== undefined && model.pmu.version >= 2) cpu.file('caps/branches', () => `${lbr.depth}\n`);
  cpu.file(
    'rdpmc',
    () => `${settings.rdpmc}\n`,
    (text) => {
      const value = parseNumber(text);
      if (value !== 0 && value !== 1 && value !== 2) return -ERRNO.EINVAL;
      settings.rdpmc = value;
      rdpmcChanged();
      return 0;
    },
  );
}
