/** The debug registers of a CPU and who has them. arch/x86/kernel/hw_breakpoint.c: arch_install_hw_breakpoint, hw_breakpoint_handler. */
import { DR6, DR7_RW } from '#arch/registers.ts';
import type { DebugPort } from '#port/debug.ts';
import type { RingTotals } from '#port/truth.ts';
import type { InterruptFrame } from '../perf-hooks.ts';
import { type BreakpointSpec, dr7Bits } from './breakpoint.ts';
import { SLOTS } from './slots.ts';

/** A breakpoint that can be in force. */
export interface HwBreakpoint {
  readonly spec: BreakpointSpec;
  /** What comes of it is perf's own work. */
  readonly byPerf: boolean;
  /** It was met; `overhead`: in perf's own work. */
  triggered(frame: InterruptFrame, overhead: boolean): void;
}

/** What a debug exception was for, once the breakpoints have been told. */
export interface Served {
  /** DR6, active bits only. */
  readonly status: number;
  /** The same without those of breakpoints that somebody has. */
  readonly rest: number;
  /** An instruction breakpoint: RF, so that the way back gets past it. */
  readonly resume: boolean;
  readonly perfOnly: boolean;
}

export class CpuDebug {
  private readonly port: DebugPort;
  private readonly slots: (HwBreakpoint | undefined)[] = Array.from({ length: SLOTS });
  private readonly overhead = [0, 0, 0, 0];
  private control = 0n;

  constructor(port: DebugPort) {
    this.port = port;
  }

  /** false: all four are taken, which `BreakpointSlots` does not let happen. */
  install(b: HwBreakpoint): boolean {
    const n = this.slots.indexOf(undefined);
    if (n < 0) return false;
    this.slots[n] = b;
    this.port.write(n, b.spec.address);
    this.control |= dr7Bits(n, b.spec);
    if (b.byPerf) this.port.ownedByPerf |= 1 << n;
    this.port.write(7, this.control);
    return true;
  }
  uninstall(b: HwBreakpoint): void {
    const n = this.slots.indexOf(b);
    if (n < 0) return;
    this.slots[n] = undefined;
    this.port.ownedByPerf &= ~(1 << n);
    this.control &= ~dr7Bits(n, { address: 0n, bytes: 4, access: DR7_RW.READ_WRITE }); // all its bits
    this.port.write(7, this.control);
  }
  /** The debug register that holds it; -1: none. */
  indexOf(b: HwBreakpoint): number {
    return this.slots.indexOf(b);
  }

  /** How often its register has reported; it is installed. */
  hits(b: HwBreakpoint): RingTotals {
    return this.port.hits(this.indexOf(b));
  }

  /** Reads and clears DR6, as Linux does, and tells whose breakpoints were met. */
  serve(frame: InterruptFrame): Served {
    const status = (Number(this.port.read(6)) ^ DR6.RESERVED) >>> 0;
    this.port.write(6, BigInt(DR6.RESERVED));
    let rest = status;
    let resume = false;
    let perfOnly = (status & DR6.TRAPS) !== 0 && (status & ~DR6.TRAPS) === 0;
    for (const [n, b] of this.slots.entries()) {
      if ((status & (1 << n)) === 0 || b === undefined) continue;
      rest &= ~(1 << n);
      resume ||= b.spec.access === DR7_RW.EXECUTE;
      perfOnly &&= b.byPerf;
      const { overhead } = this.port.hits(n);
      b.triggered(frame, overhead !== this.overhead[n]);
      this.overhead[n] = overhead;
    }
    return { status, rest, resume, perfOnly };
  }
}
