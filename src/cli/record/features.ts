/** The recording's features: what the modelled computer is, nothing of the host. */
import { isElf } from '#abi/elf.ts';
import { PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { buildId, readElf } from '#formats/elf/reader.ts';
import type { BuildId, Features } from '#formats/perf-data/features.ts';
import type { PerfEventAttr } from '#kernel/perf/attr.ts';
import { countsFromEpoch } from '#kernel/perf/attr-checks.ts';
import { DEFAULT_EPOCH_NS } from '#kernel/kernel.ts';
import { UTSNAME } from '#kernel/identity.ts';
import type { KernelImage } from '#kernel/text/image.ts';
import { kernelBuildIdText } from '#kernel/text/symbols.ts';
import type { Planned } from './attrs.ts';

export const KERNEL_DSO = '[kernel.kallsyms]';

export function featuresOf(
  model: CpuModel,
  memoryBytes: number,
  argv: readonly string[],
  events: readonly Planned[],
  branches: boolean,
): Features {
  const groups = groupsOf(events);
  return {
    hostname: UTSNAME.nodename,
    osRelease: UTSNAME.release,
    version: 'perfglass',
    arch: UTSNAME.machine,
    nrCpus: { available: 1, online: 1 },
    cpuDesc: model.brand,
    cpuId: `GenuineIntel,${model.family},${model.model},${model.stepping}`,
    totalMem: BigInt(Math.floor(memoryBytes / 1024)),
    cmdline: ['perfglass', 'record', ...argv],
    pmuMappings: [
      { type: 1, name: 'software' },
      { type: 4, name: 'cpu' },
    ],
    ...(groups.length === 0 ? {} : { groupDesc: groups }),
    ...(branches ? { branchStack: true as const } : {}),
  };
}

/** CLOCKID and CLOCK_DATA: the clock of -k, and what it and the wall clock show at the same moment; `nowNs` of the perf clock. */
export function clockFeatures(attr: PerfEventAttr, nowNs: bigint): Pick<Features, 'clockId' | 'clockData'> {
  const wall = DEFAULT_EPOCH_NS + nowNs;
  const shown = countsFromEpoch(attr) ? wall : nowNs;
  return { clockId: RESOLUTION_NS, clockData: { version: 1, clockId: attr.clockid, wallClockNs: wall, clockIdTimeNs: shown } };
}
/** As clock_getres tells it inside. */
const RESOLUTION_NS = 1n;

function groupsOf(events: readonly Planned[]): { name: string; leader: number; members: number }[] {
  const out: { name: string; leader: number; members: number }[] = [];
  for (const [i, e] of events.entries()) {
    if (e.group.explicit && !e.inGroup && e.group.events.length > 1)
      out.push({ name: '{anon_group}', leader: i, members: e.group.events.length });
  }
  return out;
}

/** BUILD_ID entries of the files that were mapped with execute permission, in the order in which they came, and of the kernel if it was hit. */
export function buildIds(
  files: Iterable<string>,
  readFile: (path: string) => Uint8Array | undefined,
  kernel: KernelImage | undefined,
): BuildId[] {
  const out: BuildId[] = [];
  if (kernel !== undefined) out.push({ pid: -1, misc: PERF_RECORD_MISC.KERNEL, buildId: kernelBuildIdText(kernel), filename: KERNEL_DSO });
  for (const filename of files) {
    const id = buildIdOf(readFile(filename));
    if (id !== undefined) out.push({ pid: -1, misc: PERF_RECORD_MISC.USER, buildId: id, filename });
  }
  return out;
}

/** Undefined: gone, or no ELF: perf takes it by its name. */
function buildIdOf(bytes: Uint8Array | undefined): string | undefined {
  try {
    return bytes !== undefined && isElf(bytes) ? buildId(readElf(bytes)) : undefined;
  } catch {
    return undefined; // a broken one
  }
}
