/** /sys: the CPUs, the PMUs (kernel/perf/file/sysfs.ts) and the kernel's notes. What is not modelled is not there. */
import { FS_MAGIC, ST } from '#abi/fs.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import type { FileSystemKind, Node } from './node.ts';
import { PseudoDirectory, type PseudoTree } from './pseudo.ts';

export const SYSFS: FileSystemKind = {
  type: 'sysfs',
  source: 'sysfs',
  magic: FS_MAGIC.SYSFS,
  flags: ST.NOSUID | ST.NODEV | ST.NOEXEC | ST.RELATIME | ST.VALID,
  device: 0x14,
};

/** cpulist format: `0` or `0-3`. */
const range = (cpus: number): string => (cpus > 1 ? `0-${cpus - 1}\n` : '0\n');
/** cpumask format: hexadecimal. */
const mask = (bits: number): string => `${bits.toString(16)}\n`;

const LINE_BYTES = 64;
const CACHE_TYPES = { data: 'Data', instruction: 'Instruction', unified: 'Unified' } as const;

export interface SysParts {
  readonly model: CpuModel;
  readonly cpus: number;
  /** /sys/kernel/notes */
  readonly notes: () => Uint8Array;
}

export function makeSys(tree: PseudoTree, parent: Node, parts: SysParts): PseudoDirectory {
  const { cpus } = parts;
  const sys = new PseudoDirectory(tree, parent, 'sys');
  for (const name of ['online', 'possible', 'present']) sys.file(`devices/system/cpu/${name}`, () => range(cpus));
  for (let cpu = 0; cpu < cpus; cpu++) addCpu(sys.directory(`devices/system/cpu/cpu${cpu}`), cpu, parts);
  sys.file('kernel/notes', parts.notes);
  return sys;
}

/** One package of single-threaded cores, as CPUID leaves 4 and 0BH tell it. */
function addCpu(at: PseudoDirectory, cpu: number, { model, cpus }: SysParts): void {
  const all = range(cpus);
  const own = `${cpu}\n`;
  const texts: Readonly<Record<string, string>> = {
    physical_package_id: '0\n',
    die_id: '0\n',
    core_id: own,
    core_cpus: mask(1 << cpu),
    core_cpus_list: own,
    thread_siblings: mask(1 << cpu),
    thread_siblings_list: own,
    package_cpus: mask((1 << cpus) - 1),
    package_cpus_list: all,
    die_cpus: mask((1 << cpus) - 1),
    die_cpus_list: all,
    core_siblings: mask((1 << cpus) - 1),
    core_siblings_list: all,
  };
  for (const [name, text] of Object.entries(texts)) at.file(`topology/${name}`, () => text);
  for (const [i, cache] of model.caches.entries()) {
    const shared = cache.level === 3 ? all : own;
    const rows: Readonly<Record<string, string | number>> = {
      level: cache.level,
      type: CACHE_TYPES[cache.type],
      size: `${cache.sizeKib}K`,
      coherency_line_size: LINE_BYTES,
      number_of_sets: (cache.sizeKib * 1024) / (LINE_BYTES * cache.ways),
      ways_of_associativity: cache.ways,
      shared_cpu_list: shared.trim(),
    };
    for (const [name, value] of Object.entries(rows)) at.file(`cache/index${i}/${name}`, () => `${value}\n`);
  }
}
