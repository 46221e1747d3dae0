/** struct perf_event_attr from user memory, with the size negotiation of its many versions. kernel/events/core.c perf_copy_attr; spec §6.8. */
import { ERRNO } from '#abi/errno.ts';
import { PERF_ATTR_SIZE_VER0, PERF_ATTR_SIZE_VER8 } from '#abi/perf-event/attr.ts';
import { decodeAttr, type PerfEventAttr } from '#abi/perf-event/attr-record.ts';
import { PAGE } from '../../mm/frames.ts';
import type { UserMemory } from '../../mm/user-memory.ts';

const SIZE_AT = 4;
const RESERVED_2_AT = 110;

/** The attr, or -errno. A size that this kernel does not know comes back with -E2BIG and the size that it does know. */
export function copyAttr(memory: UserMemory, va: number): PerfEventAttr | number {
  const told = memory.readU32(va + SIZE_AT);
  if (told === undefined) return -ERRNO.EFAULT;
  const size = told === 0 ? PERF_ATTR_SIZE_VER0 : told;
  if (size < PERF_ATTR_SIZE_VER0 || size > PAGE) return tooBig(memory, va);
  const bytes = memory.read(va, size);
  if (bytes === undefined) return -ERRNO.EFAULT;
  if (bytes.subarray(PERF_ATTR_SIZE_VER8).some((b) => b !== 0)) return tooBig(memory, va);
  const { attr, wide } = decodeAttr(bytes);
  const reserved2 = size > RESERVED_2_AT + 1 && (bytes[RESERVED_2_AT] !== 0 || bytes[RESERVED_2_AT + 1] !== 0);
  // aux_action was __reserved_3 until 6.13.
  if (wide || reserved2 || attr.aux_action !== 0) return -ERRNO.EINVAL;
  return { ...attr, size };
}

const tooBig = (memory: UserMemory, va: number): number =>
  memory.writeU32(va + SIZE_AT, PERF_ATTR_SIZE_VER8) ? -ERRNO.E2BIG : -ERRNO.EFAULT;
