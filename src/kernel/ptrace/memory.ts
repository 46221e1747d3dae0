/** Another task's memory: PEEK and POKE, /proc/PID/mem, process_vm_readv and _writev. mm/memory.c __access_remote_vm. */
import type { AddressSpace } from '../mm/address-space.ts';
import { forcePage } from '../mm/fault.ts';
import { PAGE } from '../mm/frames.ts';
import { physicalOf } from '../mm/user-memory.ts';

/**
 * Physical address behind `va`, or -1. `force` (FOLL_FORCE): whatever the mapping's rights; a write to a private page that the program cannot
 * write makes its copy.
 */
function reach(mm: AddressSpace, va: number, write: boolean, force: boolean): number {
  return force ? forcePage(mm, va, write) : physicalOf(mm, va, write);
}

/** As many bytes as can be read from `va` on. */
export function readForeign(mm: AddressSpace, va: number, length: number, force: boolean): Uint8Array {
  const { bytes } = mm.context.frames.memory;
  const parts: Uint8Array[] = [];
  let done = 0;
  while (done < length) {
    const at = reach(mm, va + done, false, force);
    if (at < 0) break;
    const n = Math.min(length - done, PAGE - (at % PAGE));
    parts.push(bytes.slice(at, at + n));
    done += n;
  }
  if (parts.length === 1) return parts[0] as Uint8Array;
  const out = new Uint8Array(done);
  let to = 0;
  for (const p of parts) {
    out.set(p, to);
    to += p.length;
  }
  return out;
}

/** How many bytes could be written. Code among them is translated anew. */
export function writeForeign(mm: AddressSpace, va: number, from: Uint8Array, force: boolean): number {
  const { memory } = mm.context.frames;
  let done = 0;
  while (done < from.length) {
    const at = reach(mm, va + done, true, force);
    if (at < 0) break;
    const n = Math.min(from.length - done, PAGE - (at % PAGE));
    memory.bytes.set(from.subarray(done, done + n), at);
    memory.written(at, n);
    done += n;
  }
  return done;
}
