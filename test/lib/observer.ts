/**
 * An observer that shares nothing with the machine's own counting: runs the processor one instruction at a time, looks at RIP before each, and
 * classifies the bytes there with iced-x86. What it sums is held against Retire, the PMU and the ledger.
 */
import { Decoder, DecoderOptions, FlowControl, Mnemonic } from 'iced-x86';
import { PHYSICAL } from '../../src/machine/engine/layout.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { EV, MODE } from '../../src/machine/retire.ts';
import type { Exit } from '../../src/port/exit.ts';

export interface Observed {
  readonly rip: bigint;
  readonly mode: number;
  readonly branch: boolean;
  readonly conditional: boolean;
}

const IF = 1n << 9n;
const BRANCHES: ReadonlySet<FlowControl> = new Set([
  FlowControl.UnconditionalBranch,
  FlowControl.IndirectBranch,
  FlowControl.ConditionalBranch,
  FlowControl.Return,
  FlowControl.Call,
  FlowControl.IndirectCall,
  FlowControl.Interrupt,
]);

/** Calls `see` for every instruction that retires from now on. A REP counts once, when it completes. */
export function observe(machine: Machine, see: (o: Observed) => void): void {
  const core = machine.core;
  const { engine, retire } = core.parts;
  const run = core.run.bind(core);
  const known = new Map<string, { branch: boolean; conditional: boolean }>();
  const classify = (rip: bigint): { branch: boolean; conditional: boolean } => {
    const code = new Uint8Array(15);
    for (let i = 0; i < 15; i++) {
      const host = engine.translate(BigInt.asUintN(64, rip + BigInt(i)), 2);
      if (host < PHYSICAL) break;
      code[i] = engine.bytes[host] as number;
    }
    const key = code.join();
    const old = known.get(key);
    if (old !== undefined) return old;
    const decoder = new Decoder(64, code, DecoderOptions.None);
    const i = decoder.decode();
    const flow = i.flowControl;
    const undefined_ = i.mnemonic === Mnemonic.Ud2;
    const fresh = { branch: BRANCHES.has(flow) && !undefined_, conditional: flow === FlowControl.ConditionalBranch };
    i.free();
    decoder.free();
    known.set(key, fresh);
    return fresh;
  };
  core.run = (max = Number.MAX_SAFE_INTEGER): Exit => {
    for (let n = 0; n < max; n++) {
      const rip = core.rip;
      const interrupted = core.parts.apic.pending((core.rflags & IF) !== 0n) !== undefined;
      const kind = classify(rip);
      const before = [MODE.USER, MODE.KERNEL, MODE.OVERHEAD].map((m) => retire.total(m, EV.INSTRUCTIONS));
      const exit = run(1);
      const mode = before.findIndex((b, m) => retire.total(m as 0 | 1 | 2, EV.INSTRUCTIONS) > b);
      // An interrupt was taken first: what retired is the first instruction of its stub, which is no branch.
      if (mode >= 0) see(interrupted ? { rip: 0n, mode, branch: false, conditional: false } : { rip, mode, ...kind });
      if (exit.kind !== 'budget') return exit;
    }
    return { kind: 'budget' };
  };
}
