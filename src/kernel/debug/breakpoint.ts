/** What a breakpoint may be. hw_breakpoint_arch_parse (arch/x86/kernel/hw_breakpoint.c) and hw_breakpoint_parse (kernel/events/hw_breakpoint.c). */
import { ERRNO } from '#abi/errno.ts';
import { BREAKPOINT_TYPE } from '#abi/perf-event/breakpoint.ts';
import { DR7, DR7_LENGTHS, DR7_RW } from '#arch/registers.ts';

/** As a debug register takes it. */
export interface BreakpointSpec {
  readonly address: bigint;
  readonly bytes: 1 | 2 | 4 | 8;
  /** R/W field of DR7. */
  readonly access: number;
}

/** TASK_SIZE_MAX: user space ends here. */
const USER_END = 0x7fff_ffff_f000n;
/** sizeof(long): what perf wants for the length of an instruction breakpoint. */
const EXECUTE_LENGTH = 8n;

/** bp_type, bp_addr and bp_len of an attr, or -errno. `forbidden`: the kernel's own entry code and its data. */
export function parseBreakpoint(
  type: number,
  address: bigint,
  length: bigint,
  forbidden: (first: bigint, last: bigint) => boolean = () => false,
): BreakpointSpec | number {
  const last = address + length - 1n;
  if (last >> 64n !== 0n || last < address || forbidden(address, last)) return -ERRNO.EINVAL;
  if (type === BREAKPOINT_TYPE.X) return length === EXECUTE_LENGTH ? { address, bytes: 1, access: DR7_RW.EXECUTE } : -ERRNO.EINVAL;
  if (type !== BREAKPOINT_TYPE.W && type !== BREAKPOINT_TYPE.RW) return -ERRNO.EINVAL;
  if ((length & (length - 1n)) !== 0n || (address & (length - 1n)) !== 0n) return -ERRNO.EINVAL;
  if (length > 8n) return -ERRNO.EOPNOTSUPP; // ranges: AMD's
  return { address, bytes: Number(length) as 1 | 2 | 4 | 8, access: type === BREAKPOINT_TYPE.W ? DR7_RW.WRITE : DR7_RW.READ_WRITE };
}

/** arch_check_bp_in_kernelspace. */
export const inKernelSpace = (b: BreakpointSpec): boolean => b.address + BigInt(b.bytes) - 1n >= USER_END;

/** The bits of breakpoint n in DR7, enabled globally. encode_dr7. */
export function dr7Bits(n: number, b: BreakpointSpec): bigint {
  const field = (DR7_LENGTHS.indexOf(b.bytes) << 2) | b.access;
  return (BigInt(field) << BigInt(DR7.CONTROL_SHIFT + DR7.CONTROL_BITS * n)) | (2n << BigInt(2 * n));
}
