/**
 * FIFOs (fifo(7)): a name whose two ends meet inside the kernel. Those that mkfifo makes live in the kernel only; one that is on the
 * host already joins the guest's processes, never a process outside.
 */
import { ERRNO } from '#abi/errno.ts';
import { O, S } from '#abi/fs.ts';
import type { Wait } from '../syscalls/types.ts';
import type { Opened } from './file-description.ts';
import type { InodeTable } from './inodes.ts';
import { type FileStat, type NewTimes, Node } from './node.ts';
import { Pipe, PipeEnd } from './pipe.ts';
import { waitFor } from './wait.ts';

interface OpenWait extends Wait {
  readonly end: PipeEnd;
}
const isOpenWait = (wait: Wait | undefined, pipe: Pipe): wait is OpenWait =>
  wait !== undefined && 'opens' in wait && 'end' in wait && wait.end instanceof PipeEnd && wait.end.pipe === pipe;

/** Opening one end waits for the other, unless O_NONBLOCK or O_RDWR. */
export function openFifo(node: Node, pipe: Pipe, flags: number, resumed: Wait | undefined): Opened {
  if (isOpenWait(resumed, pipe)) return resumed.end;
  const mode = flags & O.ACCMODE;
  const nonBlocking = (flags & O.NONBLOCK) !== 0;
  if (mode === O.WRONLY && nonBlocking && pipe.readers === 0) return -ERRNO.ENXIO;
  const end = new PipeEnd(node, flags, pipe);
  if (mode === O.RDWR || nonBlocking) return end;
  if (mode === O.RDONLY ? pipe.writers > 0 : pipe.readers > 0) return end;
  const opens = mode === O.RDONLY ? pipe.writerOpens : pipe.readerOpens;
  const wait = waitFor('open of a FIFO', () => (mode === O.RDONLY ? pipe.writerOpens : pipe.readerOpens) !== opens, {
    interrupted: () => {
      end.release();
      return -ERRNO.EINTR;
    },
  });
  return Object.assign(wait, { end, opens });
}

/** A special file that the kernel itself keeps: a name in a directory's overlay. */
export abstract class NamedNode extends Node {
  private readonly ino: number;
  private readonly inodes: InodeTable;
  private mode: number;
  private uid: number;
  private gid: number;
  private atimeNs: bigint;
  private mtimeNs: bigint;
  private ctimeNs: bigint;

  constructor(inodes: InodeTable, parent: Node, name: string, mode: number, owner: { readonly uid: number; readonly gid: number }) {
    super(parent.kind, parent, name);
    this.inodes = inodes;
    this.ino = inodes.nextNumber();
    this.mode = mode;
    this.uid = owner.uid;
    this.gid = owner.gid;
    this.atimeNs = this.mtimeNs = this.ctimeNs = inodes.now();
  }
  override stat(): FileStat {
    const { ino, uid, gid, atimeNs, mtimeNs, ctimeNs } = this;
    const own = { ino, uid, gid, atimeNs, mtimeNs, ctimeNs, mode: this.type() | this.mode };
    return { ...own, dev: this.kind.device, nlink: this.unlinked ? 0 : 1, rdev: 0, size: 0, blksize: 4096, blocks: 0 };
  }
  override chmod(mode: number): number {
    this.mode = mode & S.PERMISSIONS;
    this.ctimeNs = this.inodes.now();
    return 0;
  }
  override chown(uid: number, gid: number): number {
    if (uid !== -1) this.uid = uid;
    if (gid !== -1) this.gid = gid;
    this.ctimeNs = this.inodes.now();
    return 0;
  }
  override setTimes(times: NewTimes): number {
    const now = this.inodes.now();
    this.atimeNs = times.atimeNs === 'now' ? now : (times.atimeNs ?? this.atimeNs);
    this.mtimeNs = times.mtimeNs === 'now' ? now : (times.mtimeNs ?? this.mtimeNs);
    this.ctimeNs = now;
    return 0;
  }
}

/** A FIFO that mknod made. */
export class FifoNode extends NamedNode {
  private readonly pipe = new Pipe();

  override type(): number {
    return S.IFIFO;
  }
  override open(flags: number, resumed?: Wait): Opened {
    return openFifo(this, this.pipe, flags, resumed);
  }
}
