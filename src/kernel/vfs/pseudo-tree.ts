/** Makes the numbering of one pseudo file system. */
import type { FileSystemKind } from './node.ts';
import type { PseudoTree } from './pseudo.ts';

export function pseudoTree(kind: FileSystemKind, bootNs: bigint, owner: { readonly uid: number; readonly gid: number }): PseudoTree {
  let ino = 0;
  return { kind, nextIno: () => ++ino, bootNs: () => bootNs, owner: () => owner };
}
