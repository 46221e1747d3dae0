/** /sys: only what the C library asks for; the rest of the tree is left clear for the perf and PMU directories to come. */
import { FS_MAGIC, ST } from '#abi/fs.ts';
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

export function makeSys(tree: PseudoTree, parent: Node, cpus: number): PseudoDirectory {
  const sys = new PseudoDirectory(tree, parent, 'sys');
  for (const name of ['online', 'possible', 'present']) sys.file(`devices/system/cpu/${name}`, () => range(cpus));
  for (let cpu = 0; cpu < cpus; cpu++) sys.directory(`devices/system/cpu/cpu${cpu}`);
  return sys;
}
