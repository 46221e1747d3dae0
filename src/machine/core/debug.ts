/**
 * The debug registers. SDM Vol. 3B ch. 18 (debug, branch profile): what is armed goes to the engine as watchpoints and break addresses, so that code
 * that meets none runs as ever; what is met comes back from it.
 */
import { DR6, DR7, DR7_LENGTHS, DR7_RW } from '#arch/registers.ts';
import type { DebugPort } from '#port/debug.ts';
import type { RingTotals } from '#port/truth.ts';
import type { Engine } from '../engine/engine.ts';
import type { Watchpoint } from '../engine/watchpoints.ts';
import { MODE, type Mode } from '../retire.ts';

const COUNT = 4;
const HIGH = 0xffff_ffffn << 32n;
/** Reserved bits of DR7 read as zero; RTM (bit 11) counts as one of them: no model has TSX. */
const DR7_KEPT = 0xffff_23ffn;
/** What software may set of DR6. */
const DR6_KEPT = BigInt(DR6.TRAPS | DR6.BD | DR6.BS | DR6.BT);

export class DebugUnit implements DebugPort {
  ownedByPerf = 0;
  private readonly engine: Engine;
  private readonly addresses = [0n, 0n, 0n, 0n];
  private status = BigInt(DR6.RESERVED);
  private control = BigInt(DR7.FIXED1);
  /** Bits of the instruction breakpoints. */
  private readonly breaks = new Map<bigint, number>();
  private readonly counts = Array.from({ length: COUNT }, () => [0, 0, 0] as [number, number, number]);

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** The register that MOV DR means; undefined: #UD. DR4 and DR5 are DR6 and DR7 unless CR4.DE is set. */
  index(n: number, debuggingExtensions: boolean): number | undefined {
    if (n === 4 || n === 5) return debuggingExtensions ? undefined : n + 2;
    return n < 8 ? n : undefined;
  }
  /** DR7.GD: any access to a debug register is a debug exception. */
  get detects(): boolean {
    return (this.control & BigInt(DR7.GD)) !== 0n;
  }

  read(n: number): bigint {
    if (n < COUNT) return this.addresses[n] as bigint;
    return n === 6 ? this.status : this.control;
  }
  write(n: number, value: bigint): boolean {
    if (n < COUNT) this.addresses[n] = value;
    else if ((value & HIGH) !== 0n) return false;
    else if (n === 6) this.status = (value & DR6_KEPT) | BigInt(DR6.RESERVED);
    else this.control = (value & DR7_KEPT) | BigInt(DR7.FIXED1);
    if (n !== 6) this.arm();
    return true;
  }
  hits(n: number): RingTotals {
    const [user, kernel, overhead] = this.counts[n] as [number, number, number];
    return { user, kernel, overhead };
  }

  private arm(): void {
    const watch: Watchpoint[] = [];
    this.breaks.clear();
    const control = Number(this.control);
    for (const [n, address] of this.addresses.entries()) {
      if (((control >> (2 * n)) & 3) === 0) continue;
      const field = control >>> (DR7.CONTROL_SHIFT + DR7.CONTROL_BITS * n);
      const bit = 1 << n;
      const bytes = DR7_LENGTHS[(field >> 2) & 3] as number;
      const first = address & ~BigInt(bytes - 1);
      switch (field & 3) {
        case DR7_RW.EXECUTE:
          this.breaks.set(address, (this.breaks.get(address) ?? 0) | bit);
          break;
        case DR7_RW.WRITE:
          watch.push({ first, bytes, accesses: 2, bit });
          break;
        case DR7_RW.READ_WRITE:
          watch.push({ first, bytes, accesses: 3, bit });
          break;
        default: // I/O: nothing here has I/O ports
      }
    }
    this.engine.watchpoints.set(watch);
    this.engine.setBreaks([...this.breaks.keys()]);
  }

  /** The bits of the instruction breakpoints at `rip`. */
  breaksAt(rip: bigint): number {
    return this.breaks.get(rip) ?? 0;
  }

  /**
   * A debug exception for these causes (DR6's bits) is about to be delivered. true: it is perf's own work.
   * B0 to B3 tell of this exception alone (assumed: "certain debug exceptions may clear bits 0-3"), the others stay until software clears them.
   */
  raised(causes: number, mode: Mode): boolean {
    this.status = (this.status & ~BigInt(DR6.TRAPS)) | BigInt(causes);
    this.control &= ~BigInt(DR7.GD);
    for (const [n, rings] of this.counts.entries()) if ((causes & (1 << n)) !== 0) rings[mode]++;
    return mode === MODE.OVERHEAD || (causes !== 0 && (causes & ~this.ownedByPerf) === 0);
  }
}
