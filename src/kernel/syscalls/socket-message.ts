/** struct msghdr and what goes along with a message. */
import { ERRNO } from '#abi/errno.ts';
import { SCM, SOL_SOCKET } from '#abi/socket.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import type { FileDescription } from '../vfs/file-description.ts';
import type { Segment } from './sys-file-common.ts';

export interface Header {
  readonly name: number;
  readonly nameLength: number;
  readonly segments: readonly Segment[];
  readonly control: number;
  readonly controlLength: number;
}

/** struct msghdr. */
export function readHeader(t: Task, va: number): Header | number {
  const bytes = t.memory.read(va, 56);
  if (bytes === undefined) return -ERRNO.EFAULT;
  const v = new DataView(bytes.buffer);
  const n = (at: number): number => v.getUint32(at + 4, true) * 2 ** 32 + v.getUint32(at, true);
  const count = n(24);
  if (count > 1024) return -ERRNO.EMSGSIZE;
  const vectors = t.memory.read(n(16), count * 16);
  if (vectors === undefined) return -ERRNO.EFAULT;
  const iov = new DataView(vectors.buffer);
  const segments: Segment[] = [];
  for (let i = 0; i < count; i++) {
    const at = (o: number): number => iov.getUint32(i * 16 + o + 4, true) * 2 ** 32 + iov.getUint32(i * 16 + o, true);
    segments.push({ va: at(0), length: at(8) });
  }
  return { name: n(0), nameLength: v.getUint32(8, true), segments, control: n(32), controlLength: n(40) };
}

/** SCM_RIGHTS of a message that is sent: each descriptor with a reference more, or -errno. */
export function readRights(k: Kernel, t: Task, h: Header): FileDescription[] | number {
  const files: FileDescription[] = [];
  const fail = (errno: number): number => {
    for (const f of files) f.release();
    return -errno;
  };
  if (h.control === 0 || h.controlLength === 0) return files;
  const bytes = t.memory.read(h.control, Math.min(h.controlLength, 65536));
  if (bytes === undefined) return -ERRNO.EFAULT;
  const v = new DataView(bytes.buffer);
  for (let at = 0; at + 16 <= bytes.length; ) {
    const length = v.getUint32(at, true);
    if (length < 16 || at + length > bytes.length) return fail(ERRNO.EINVAL);
    if (v.getInt32(at + 8, true) === SOL_SOCKET && v.getInt32(at + 12, true) === SCM.RIGHTS) {
      for (let i = at + 16; i + 4 <= at + length; i += 4) {
        const file = t.files.get(v.getInt32(i, true));
        if (file === undefined) return fail(ERRNO.EBADF);
        files.push(file.retain());
      }
    } else if (v.getInt32(at + 12, true) !== SCM.CREDENTIALS) {
      k.unsupported(`socket control message ${v.getInt32(at + 12, true)}`);
      return fail(ERRNO.EINVAL);
    }
    at += Math.ceil(length / 8) * 8;
  }
  return files;
}
