/** What perf_event_open refuses before any PMU is asked. perf_copy_attr and perf_event_open in kernel/events/core.c; spec §6.8, in its order. */
import { ERRNO } from '#abi/errno.ts';
import { ATTR_FLAGS } from '#abi/perf-event/attr.ts';
import { CLOCK } from '#abi/process.ts';
import { PERF_SAMPLE_BRANCH } from '#abi/perf-event/branch.ts';
import { PERF_SAMPLE, PERF_SAMPLE_KNOWN } from '#abi/perf-event/sample.ts';
import type { Task } from '../task/task.ts';
import { attrFlag, type PerfEventAttr } from './attr.ts';
import { MAX_STACK } from './callchain.ts';
import type { EventContext } from './context.ts';
import type { PerfEvent } from './event.ts';
import { readSize } from './read.ts';
import { validRegisterMask } from './sample-registers.ts';

/** An event that cannot be opened: Linux's errno (positive) and the reason in words. */
export interface Refusal {
  readonly errno: number;
  readonly reason: string;
}
export const isRefusal = (x: object): x is Refusal => 'errno' in x;
export const refuse = (errno: number, reason: string): Refusal => ({ errno, reason });

const LATER = 'not there yet (issue 5)';
const { EINVAL, EOPNOTSUPP } = ERRNO;
/** Branch levels and kinds: PERF_SAMPLE_BRANCH_PLM_ALL and the rest. */
const LEVELS = PERF_SAMPLE_BRANCH.USER | PERF_SAMPLE_BRANCH.KERNEL | PERF_SAMPLE_BRANCH.HV;
/** "16 KiB should be enough": perf_event_validate_size. */
const LARGEST_READ = 16 * 1024;

/** The attr's own consistency. */
export function checkAttr(attr: PerfEventAttr): Refusal | undefined {
  const has = (bit: number): boolean => (attr.sample_type & bit) !== 0;
  const flag = (name: Parameters<typeof attrFlag>[1]): boolean => attrFlag(attr, name);
  if ((attr.flags & ATTR_FLAGS.reserved) !== 0n) return refuse(EINVAL, 'unknown flag bits in attr');
  if ((attr.sample_type & ~PERF_SAMPLE_KNOWN) !== 0) return refuse(EINVAL, 'unknown sample_type bits');
  if ((attr.read_format & ~0x1f) !== 0) return refuse(EINVAL, 'unknown read_format bits');
  if (has(PERF_SAMPLE.BRANCH_STACK)) {
    if (attr.branch_sample_type >= BigInt(PERF_SAMPLE_BRANCH.COUNTERS) << 1n) return refuse(EINVAL, 'unknown branch_sample_type bits');
    if ((Number(attr.branch_sample_type) & ~LEVELS) === 0) return refuse(EINVAL, 'branch_sample_type asks for no branch');
  }
  if (has(PERF_SAMPLE.REGS_USER) && !validRegisterMask(attr.sample_regs_user))
    return refuse(EINVAL, 'sample_regs_user names no register, or one that 64-bit samples cannot hold');
  if (has(PERF_SAMPLE.STACK_USER) && (attr.sample_stack_user >= 0xffff || attr.sample_stack_user % 8 !== 0 || attr.sample_stack_user < 0))
    return refuse(EINVAL, 'sample_stack_user is no multiple of 8 below 65535');
  if (has(PERF_SAMPLE.REGS_INTR) && !validRegisterMask(attr.sample_regs_intr))
    return refuse(EINVAL, 'sample_regs_intr names no register, or one that 64-bit samples cannot hold');
  if (has(PERF_SAMPLE.CGROUP)) return refuse(EINVAL, 'PERF_SAMPLE_CGROUP: the modelled system has no cgroup controllers');
  if (has(PERF_SAMPLE.WEIGHT) && has(PERF_SAMPLE.WEIGHT_STRUCT)) return refuse(EINVAL, 'WEIGHT and WEIGHT_STRUCT exclude each other');
  if (flag('inherit_thread') && !flag('inherit')) return refuse(EINVAL, 'inherit_thread without inherit');
  if (flag('remove_on_exec') && flag('enable_on_exec')) return refuse(EINVAL, 'remove_on_exec with enable_on_exec');
  if (flag('sigtrap') && !flag('remove_on_exec')) return refuse(EINVAL, 'sigtrap without remove_on_exec');
  return undefined;
}

/** What depends on whom it watches; `sampleRate`: kernel.perf_event_max_sample_rate. */
export function checkTarget(
  attr: PerfEventAttr,
  task: Task | undefined,
  leader: PerfEvent | undefined,
  sampleRate: number,
): Refusal | undefined {
  const has = (bit: number): boolean => (attr.sample_type & bit) !== 0;
  if (attrFlag(attr, 'freq')) {
    if (attr.sample_period > BigInt(sampleRate))
      return refuse(EINVAL, `sample_freq is more than kernel.perf_event_max_sample_rate, ${sampleRate}`);
  } else if (attr.sample_period >> 63n !== 0n) return refuse(EINVAL, 'sample_period has bit 63 set');
  if (task !== undefined && leader !== undefined && attrFlag(attr, 'inherit') !== attrFlag(leader.attr, 'inherit'))
    return refuse(EINVAL, 'group members differ in inherit');
  if (attrFlag(attr, 'sigtrap') && task === undefined) return refuse(EINVAL, 'sigtrap without a task');
  if (attrFlag(attr, 'inherit') && has(PERF_SAMPLE.READ)) return refuse(EINVAL, 'inherit with PERF_SAMPLE_READ');
  return undefined;
}

/** What Linux finds out once the PMU has taken the event. */
export function checkTaken(attr: PerfEventAttr): Refusal | undefined {
  const has = (bit: number): boolean => (attr.sample_type & bit) !== 0;
  if (has(PERF_SAMPLE.AUX) || attrFlag(attr, 'aux_output')) return refuse(EOPNOTSUPP, `AUX is ${LATER}`);
  if (has(PERF_SAMPLE.CODE_PAGE_SIZE)) return refuse(EOPNOTSUPP, `PERF_SAMPLE_CODE_PAGE_SIZE is ${LATER}`);
  if (attr.sample_max_stack > MAX_STACK)
    return refuse(ERRNO.EOVERFLOW, `sample_max_stack is more than kernel.perf_event_max_stack, ${MAX_STACK}`);
  return undefined;
}

/** An event joins a group: leader a leader, same clock, CPU and context, sibling neither pinned nor exclusive. */
export function checkGroup(attr: PerfEventAttr, leader: PerfEvent, context: EventContext, cpu: number): Refusal | undefined {
  if (leader.leader !== leader) return refuse(EINVAL, 'the group leader is itself a sibling');
  const clock = (a: PerfEventAttr): number | undefined => (attrFlag(a, 'use_clockid') ? a.clockid : undefined);
  if (clock(attr) !== clock(leader.attr)) return refuse(EINVAL, 'the group leader uses another clock');
  if (leader.cpu !== cpu) return refuse(EINVAL, 'the group leader counts on another CPU');
  if (leader.context !== context || leader.state === 'exit') return refuse(EINVAL, "the group leader watches another task's events");
  if (attrFlag(attr, 'pinned') || attrFlag(attr, 'exclusive')) return refuse(EINVAL, 'only a group leader can be pinned or exclusive');
  if (readSize(leader) + 24 > LARGEST_READ) return refuse(ERRNO.E2BIG, 'reading the group would take more than 16 KiB');
  return undefined;
}

/** Clocks of events, and which of them an NMI may read (perf_event_set_clock). */
const NMI_SAFE: readonly number[] = [CLOCK.MONOTONIC, CLOCK.MONOTONIC_RAW];
const WALL: readonly number[] = [CLOCK.REALTIME, CLOCK.TAI];
const CLOCKS: readonly number[] = [...NMI_SAFE, ...WALL, CLOCK.BOOTTIME];

/** `nmi`: the event's PMU interrupts by NMI, so that its clock must be readable there. */
export function checkClock(attr: PerfEventAttr, nmi: boolean): Refusal | undefined {
  if (!attrFlag(attr, 'use_clockid')) return undefined;
  if (!CLOCKS.includes(attr.clockid)) return refuse(EINVAL, `no clock ${attr.clockid} for events`);
  if (nmi && !NMI_SAFE.includes(attr.clockid)) return refuse(EINVAL, `clock ${attr.clockid} cannot be read in an NMI`);
  return undefined;
}

/** Stamps count from 1970: the others, and the perf clock, count from boot. Nobody has told the modelled system leap seconds: TAI is the wall clock. */
export const countsFromEpoch = (attr: PerfEventAttr): boolean => attrFlag(attr, 'use_clockid') && WALL.includes(attr.clockid);

/** perf_allow_cpu and perf_check_permission: what an unprivileged caller may watch. */
export function checkRights(caller: Task | undefined, task: Task | undefined, paranoid: number): Refusal | undefined {
  if (caller === undefined || caller.credentials.euid === 0) return undefined;
  if (task === undefined)
    return paranoid > 0 ? refuse(ERRNO.EACCES, `kernel.perf_event_paranoid is ${paranoid}: no event of a CPU`) : undefined;
  const { uid, gid } = caller.credentials;
  const t = task.credentials;
  const mine = [t.uid, t.euid, t.suid].every((id) => id === uid) && [t.gid, t.egid, t.sgid].every((id) => id === gid);
  return mine ? undefined : refuse(ERRNO.EACCES, "another user's task");
}
