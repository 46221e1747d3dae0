/**
 * The first page of a mapping, struct perf_event_mmap_page, in guest memory: what perf_event_init_userpage, perf_event_update_userpage and
 * arch_perf_update_userpage keep there. spec §6.4.
 */
import { MMAP_PAGE_CAP, PERF_EVENT_MMAP_PAGE } from '#abi/perf-event/syscall.ts';
import type { PhysicalMemory } from '#port/memory.ts';
import { PAGE } from '../../mm/frames.ts';

const AT = PERF_EVENT_MMAP_PAGE.fields;
/** offsetof(__reserved): the bytes that mean something. */
const SIZE = 104;

/** What the page tells of an event at one moment. */
export interface PageContent {
  /** RDPMC's ECX + 1; 0: no counter now. */
  readonly index: number;
  /** To be added to what RDPMC gives, sign-extended from pmcWidth. */
  readonly offset: bigint;
  readonly timeEnabledNs: number;
  readonly timeRunningNs: number;
  readonly userRdpmc: boolean;
  readonly pmcWidth: number;
  /** perf's clock now, TSC now. */
  readonly nowNs: number;
  readonly tsc: number;
  /** The event's own clock is another one (attr.use_clockid): no time_zero. */
  readonly otherClock: boolean;
}

/** ns = tsc * mult >> shift. kernel/time/clocksource.c clocks_calc_mult_shift, then arch/x86/kernel/tsc.c: shift at most 31. */
export function tscScale(tscHz: number): { readonly mult: bigint; readonly shift: number } {
  const from = BigInt(Math.round(tscHz / 1000));
  for (let shift = 32; ; shift--) {
    const mult = ((1_000_000n << BigInt(shift)) + from / 2n) / from;
    if (mult >> 32n !== 0n && shift > 1) continue;
    return shift === 32 ? { mult: mult >> 1n, shift: 31 } : { mult, shift };
  }
}

export class MmapPage {
  /** Guest-physical address of the page. */
  readonly frame: number;
  private readonly memory: PhysicalMemory;
  private readonly scale: { readonly mult: bigint; readonly shift: number };

  constructor(memory: PhysicalMemory, frame: number, dataSize: number, tscHz: number) {
    this.memory = memory;
    this.frame = frame;
    this.scale = tscScale(tscHz);
    this.set64(AT.capabilities.at, MMAP_PAGE_CAP.BIT0_IS_DEPRECATED);
    this.set32(AT.size.at, SIZE);
    this.set64(AT.data_offset.at, BigInt(PAGE));
    this.set64(AT.data_size.at, BigInt(dataSize));
  }

  update(c: PageContent): void {
    const { mult, shift } = this.scale;
    const zero = BigInt(c.nowNs) - ((BigInt(c.tsc) * mult) >> BigInt(shift));
    const lock = this.memory.view.getUint32(this.frame + AT.lock.at, true);
    this.set32(AT.lock.at, lock + 1);
    this.set32(AT.index.at, c.index);
    this.set64(AT.offset.at, c.offset);
    this.set64(AT.time_enabled.at, BigInt(c.timeEnabledNs));
    this.set64(AT.time_running.at, BigInt(c.timeRunningNs));
    let capabilities: bigint = MMAP_PAGE_CAP.BIT0_IS_DEPRECATED | MMAP_PAGE_CAP.USER_TIME;
    if (c.userRdpmc) capabilities |= MMAP_PAGE_CAP.USER_RDPMC;
    if (!c.otherClock) capabilities |= MMAP_PAGE_CAP.USER_TIME_ZERO;
    this.set64(AT.capabilities.at, capabilities);
    this.set16(AT.pmc_width.at, c.pmcWidth);
    this.set16(AT.time_shift.at, shift);
    this.set32(AT.time_mult.at, Number(mult));
    this.set64(AT.time_offset.at, zero - BigInt(c.nowNs));
    if (!c.otherClock) this.set64(AT.time_zero.at, zero);
    this.set32(AT.lock.at, lock + 2);
    this.memory.written(this.frame, SIZE);
  }

  publishHead(head: number): void {
    this.set64(AT.data_head.at, BigInt(head));
  }
  /** The low half of data_tail: rings are smaller than 4 GiB. */
  tail(): number {
    return this.memory.view.getUint32(this.frame + AT.data_tail.at, true);
  }

  /** Where the program wants the AUX buffer. */
  aux(): { readonly offset: number; readonly size: number } {
    const word = (at: number): number => Number(this.memory.view.getBigUint64(this.frame + at, true));
    return { offset: word(AT.aux_offset.at), size: word(AT.aux_size.at) };
  }

  private set16(at: number, value: number): void {
    this.memory.view.setUint16(this.frame + at, value, true);
  }
  private set32(at: number, value: number): void {
    this.memory.view.setUint32(this.frame + at, value, true);
  }
  private set64(at: number, value: bigint): void {
    this.memory.view.setBigUint64(this.frame + at, BigInt.asUintN(64, value), true);
  }
}
