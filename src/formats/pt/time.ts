/**
 * Time from TSC, TMA, MTC, CYC and CBR packets, in TSC ticks. A TSC packet is exact; MTC counts crystal clock ticks since the TMA
 * that ties both clocks; CYC counts core cycles, converted by the core:bus ratio or by what the last MTC interval measured.
 * (SDM, "Timing Packets", "Tracking Time"; spec.md §3.5.) Time never runs backwards between two TSC packets.
 */

export interface PtTimeConfig {
  /** RTIT_CTL.MTCFreq: an MTC for each toggle of crystal clock bit n. */
  readonly mtcFreq: number;
  /** CPUID.15H: TSC ticks per crystal tick = numerator (EBX) / denominator (EAX). 0: unknown, MTC is ignored. */
  readonly tscCtcNumerator: number;
  readonly tscCtcDenominator: number;
  /** Maximum non-turbo ratio (MSR 0CEH bits 15:8). 0: unknown, CYC needs two MTCs to calibrate. */
  readonly nominalRatio: number;
}

export const NO_TIME_CONFIG: PtTimeConfig = { mtcFreq: 0, tscCtcNumerator: 0, tscCtcDenominator: 0, nominalRatio: 0 };

export class PtTime {
  private readonly config: PtTimeConfig;
  private baseLo = 0;
  private baseHi = 0;
  /** TSC ticks since the last TSC packet. */
  private delta = 0;
  private known = false;
  private ctcBase = 0;
  private ctcTicks = 0;
  private lastMtc = -1;
  private deltaAtMtc = 0;
  private cycles = 0;
  private tscPerCycle = 0;
  private measured = false;
  /** Core:bus ratio of the last CBR packet; 0: none yet. */
  cbr = 0;
  /** Changes with each update that moved the time. */
  stamp = 0;

  constructor(config: PtTimeConfig = NO_TIME_CONFIG) {
    this.config = config;
  }

  /** Forgets the clock, not the ratio: after lost packets the counts since the last TSC are worthless. */
  reset(): void {
    this.known = false;
    this.lastMtc = -1;
    this.cycles = 0;
    this.delta = 0;
  }

  /** OVF: MTC and CYC may be missing; time stands still until the next exact packet. */
  lost(): void {
    this.cycles = 0;
    this.lastMtc = -1;
  }

  tsc(lo: number, hi: number): void {
    this.baseLo = lo >>> 0;
    this.baseHi = hi >>> 0;
    this.delta = 0;
    this.deltaAtMtc = 0;
    this.cycles = 0;
    this.lastMtc = -1;
    this.known = true;
    this.stamp++;
  }

  /** CTC of the moment of the TSC packet, and the TSC ticks that passed since the CTC's last tick. */
  tma(ctc: number, fastCounter: number): void {
    const shift = this.config.mtcFreq;
    this.lastMtc = (ctc >> shift) & 0xff;
    this.ctcTicks = -(ctc & ((1 << shift) - 1));
    this.ctcBase = -fastCounter;
  }

  mtc(ctc: number): void {
    const { tscCtcNumerator: n, tscCtcDenominator: d, mtcFreq } = this.config;
    if (!this.known || n === 0 || d === 0) return;
    if (this.lastMtc < 0) {
      // No TMA since the TSC: this MTC is where counting starts.
      this.ctcBase = this.delta;
      this.ctcTicks = 0;
    } else this.ctcTicks += ((ctc - this.lastMtc) & 0xff) * 2 ** mtcFreq;
    this.lastMtc = ctc;
    const now = this.ctcBase + (this.ctcTicks * n) / d;
    if (this.cycles > 0 && now > this.deltaAtMtc) {
      this.tscPerCycle = (now - this.deltaAtMtc) / this.cycles;
      this.measured = true;
    }
    this.deltaAtMtc = now;
    this.cycles = 0;
    this.advance(now);
  }

  setCbr(ratio: number): void {
    this.cbr = ratio;
    this.measured = false;
    if (ratio !== 0 && this.config.nominalRatio !== 0) this.tscPerCycle = this.config.nominalRatio / ratio;
  }

  cyc(cycles: number): void {
    this.cycles += cycles;
    if (this.known && this.tscPerCycle > 0) this.advance(this.deltaAtMtc + this.cycles * this.tscPerCycle);
  }

  private advance(now: number): void {
    if (now <= this.delta) return;
    this.delta = now;
    this.stamp++;
  }

  /** Whether the TSC-per-cycle ratio comes from two MTCs (true) or from CBR (false). */
  get calibrated(): boolean {
    return this.measured;
  }

  /** The TSC now, or undefined before the first TSC packet. */
  get now(): bigint | undefined {
    if (!this.known) return undefined;
    return (BigInt(this.baseHi) << 32n) + BigInt(this.baseLo) + BigInt(Math.floor(this.delta));
  }
}
