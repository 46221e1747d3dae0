/** Where a process stands (fs_struct): root, working directory, umask. */
import type { TaskFs } from '../vfs-interface.ts';
import type { Node } from './node.ts';

export class FsContext implements TaskFs {
  root: Node;
  cwd: Node;
  umask: number;

  constructor(root: Node, cwd: Node, umask: number) {
    this.root = root;
    this.cwd = cwd;
    this.umask = umask;
  }

  clone(): FsContext {
    return new FsContext(this.root, this.cwd, this.umask);
  }
}
