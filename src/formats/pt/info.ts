/** What perf records beside a trace: AUXTRACE_INFO (spec.md §7.3) and the event's config; and the conversion of TSC to perf's clock. */
import type { PtTimeConfig } from './time.ts';

export interface PtInfo {
  readonly pmuType: number;
  readonly timeShift: number;
  readonly timeMult: bigint;
  readonly timeZero: bigint;
  readonly capUserTimeZero: boolean;
  readonly tscBit: bigint;
  readonly noretcompBit: bigint;
  /** 0 none, 1 sched:sched_switch, 2 context_switch, 3 CPU-wide context_switch. */
  readonly haveSchedSwitch: number;
  readonly snapshotMode: boolean;
  readonly perCpuMmaps: boolean;
  readonly mtcBit: bigint;
  readonly mtcFreqBits: bigint;
  readonly tscCtcN: number;
  readonly tscCtcD: number;
  readonly cycBit: bigint;
  readonly maxNonturboRatio: number;
}

/** Reads priv[]; at least the ten words up to PER_CPU_MMAPS must be there. Throws RangeError with the number found. */
export function readPtInfo(priv: readonly bigint[]): PtInfo {
  if (priv.length < 10) throw new RangeError(`AUXTRACE_INFO of Intel PT has ${priv.length} words, needs 10`);
  const word = (i: number): bigint => priv[i] ?? 0n;
  const number = (i: number): number => Number(word(i) & 0xffff_ffffn);
  return {
    pmuType: number(0),
    timeShift: number(1) & 63,
    timeMult: word(2),
    timeZero: word(3),
    capUserTimeZero: word(4) !== 0n,
    tscBit: word(5),
    noretcompBit: word(6),
    haveSchedSwitch: number(7),
    snapshotMode: word(8) !== 0n,
    perCpuMmaps: word(9) !== 0n,
    mtcBit: word(10),
    mtcFreqBits: word(11),
    tscCtcN: number(12),
    tscCtcD: number(13),
    cycBit: word(14),
    maxNonturboRatio: number(15),
  };
}

/** TSC → ns of perf's clock, wrapping at 64 bits as the kernel's arithmetic does (perf_event_mmap_page, time_zero). */
export function tscToNs(info: Pick<PtInfo, 'timeShift' | 'timeMult' | 'timeZero'>, tsc: bigint): bigint {
  const shift = BigInt(info.timeShift);
  const quot = tsc >> shift;
  const rem = tsc & ((1n << shift) - 1n);
  return BigInt.asUintN(64, info.timeZero + quot * info.timeMult + ((rem * info.timeMult) >> shift));
}

/** ns of perf's clock → TSC, the inverse up to rounding. */
export function nsToTsc(info: Pick<PtInfo, 'timeShift' | 'timeMult' | 'timeZero'>, ns: bigint): bigint {
  if (info.timeMult === 0n) return 0n;
  const t = BigInt.asUintN(64, ns - info.timeZero);
  const shift = BigInt(info.timeShift);
  return ((t / info.timeMult) << shift) + ((t % info.timeMult) << shift) / info.timeMult;
}

/** What the decoder needs of the event's config (RTIT_CTL bits as the driver's format files place them). */
export function timeConfigOf(info: PtInfo, config: bigint): PtTimeConfig {
  let freq = 0;
  if (info.mtcFreqBits !== 0n && (config & info.mtcBit) !== 0n) {
    let shift = 0n;
    while (((info.mtcFreqBits >> shift) & 1n) === 0n) shift++;
    freq = Number((config & info.mtcFreqBits) >> shift);
  }
  return { mtcFreq: freq, tscCtcNumerator: info.tscCtcN, tscCtcDenominator: info.tscCtcD, nominalRatio: info.maxNonturboRatio };
}
