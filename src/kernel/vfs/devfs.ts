/** /dev: devices of our own instead of the host's, so that a session is the same everywhere. */
import { DEVFS, DeviceNode, TtyNode, deviceTable } from './devices.ts';
import type { Node } from './node.ts';
import { PseudoDirectory, PseudoLink, type PseudoTree } from './pseudo.ts';

export { DEVFS };

/** `terminal`: the session's terminal, if a standard stream is one. */
export function makeDev(
  tree: PseudoTree,
  parent: Node,
  random: (length: number) => Uint8Array,
  terminal: () => Node | undefined,
): PseudoDirectory {
  const dev = new PseudoDirectory(tree, parent, 'dev', 0o755);
  for (const row of deviceTable(random)) dev.add(new DeviceNode(tree, dev, row));
  dev.add(new TtyNode(tree, dev, terminal));
  const link = (name: string, target: string): void => {
    dev.add(new PseudoLink(tree, dev, name, () => target));
  };
  link('fd', '/proc/self/fd');
  link('stdin', '/proc/self/fd/0');
  link('stdout', '/proc/self/fd/1');
  link('stderr', '/proc/self/fd/2');
  return dev;
}
