/** From the walk to perf's synthesized events: instructions at a period, branches with their kind, and what the packets tell. */
import { ip64 } from './addr-map.ts';
import type { BlockTable } from './block-table.ts';
import type { PtEvent } from './events.ts';
import { CLS } from './insn-table.ts';
import type { ItraceOptions } from './itrace-options.ts';
import type { Space } from './world.ts';

export type SynthKind = 'instructions' | 'branches' | 'transactions' | 'ptwrite' | 'power' | 'other' | 'error' | 'gap';

export interface SynthEvent {
  readonly kind: SynthKind;
  /** ns of perf's clock; absent: the trace has no time, or none yet. */
  readonly time?: bigint;
  readonly cpu: number;
  readonly pid: number;
  readonly tid: number;
  readonly comm: string;
  /** For names of files and symbols: valid until the next event is asked for. */
  readonly space: Space;
  /** Address of the instruction, the branch's source. 0n: not known (tracing was off). */
  readonly ip: bigint;
  /** Branches: the target; 0n: not known. */
  readonly addr?: bigint;
  /** Instructions since the sample before. */
  readonly period?: number;
  /** perf's words for the branch: call, return, jcc, jmp, syscall, sysret, int, iret, hw int, tx abrt, tr strt, tr end … */
  readonly flags?: string;
  /** For what packets tell: the event itself. */
  readonly event?: PtEvent;
}

/** Who runs, and when; filled by the session as the walk goes on. */
export interface Where {
  time: bigint | undefined;
  cpu: number;
  pid: number;
  tid: number;
  comm: string;
  space: Space;
}

const POWER = new Set(['pwre', 'pwrx', 'exstop', 'mwait', 'cbr']);

/** perf's word for a far transfer, by its opcode. */
export function farKind(bytes: readonly number[]): string {
  let i = 0;
  while (i < bytes.length && [0x66, 0x67, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65].includes(bytes[i]!)) i++;
  if ((bytes[i]! & 0xf0) === 0x40) i++; // REX
  const [a, b] = [bytes[i], bytes[i + 1]];
  if (a === 0x0f) {
    if (b === 0x05 || b === 0x34) return 'syscall';
    if (b === 0x07 || b === 0x35) return 'sysret';
    return 'vmentry';
  }
  if (a === 0xcf) return 'iret';
  if (a === 0xcc || a === 0xcd || a === 0xce || a === 0xf1) return 'int';
  if (a === 0xca || a === 0xcb) return 'return';
  if (a === 0x9a) return 'call';
  if (a === 0xff) return ((bytes[i + 1]! >> 3) & 7) === 3 ? 'call' : 'jmp';
  return 'jmp';
}

export class Synth {
  private readonly options: ItraceOptions;
  private readonly where: Where;
  /** Instructions since the last sample. */
  private since = 0;
  private nextAt: number;
  private nextTime: bigint | undefined;
  /** Last instruction walked, whose branch is not told yet; −1: none. */
  private last = -1;
  private lastIp = 0n;
  private readonly wantsBranches: boolean;
  /** Filled by `block` and `event`; the caller empties it. */
  out: SynthEvent[] = [];

  constructor(options: ItraceOptions, where: Where) {
    this.options = options;
    this.where = where;
    this.nextAt = options.instructions?.unit === 'instructions' ? options.instructions.every : Number.POSITIVE_INFINITY;
    this.wantsBranches = options.branches || options.calls || options.returns;
  }

  private push(kind: SynthKind, ip: bigint, more: Partial<SynthEvent> = {}): void {
    const { where } = this;
    const time = where.time === undefined ? {} : { time: where.time };
    this.out.push({ kind, cpu: where.cpu, pid: where.pid, tid: where.tid, comm: where.comm, space: where.space, ip, ...time, ...more });
  }

  /** A block was walked. */
  block(table: BlockTable, b: number): void {
    const count = table.n[b]!;
    if (count === 0) return;
    const { insns, pool } = table;
    const first = table.first[b]!;
    if (this.last >= 0 && this.wantsBranches) this.branchTo(table, insns.lo[pool[first]!]!, insns.hi[pool[first]!]!);
    if (this.wantsBranches && this.options.branches) {
      // Direct jumps inside the block are branches, too.
      for (let k = first; k < first + count - 1; k++) {
        const insn = pool[k]!;
        if (insns.cls[insn] === CLS.JMP || insns.cls[insn] === CLS.CALL)
          this.branch(
            ip64(insns.lo[insn]!, insns.hi[insn]!),
            ip64(insns.lo[pool[k + 1]!]!, insns.hi[pool[k + 1]!]!),
            insns.cls[insn] === CLS.JMP ? 'jmp' : 'call',
          );
      }
    }
    this.instructions(table, first, count);
    this.last = pool[first + count - 1]!;
  }

  private instructions(table: BlockTable, first: number, count: number): void {
    const { insns, pool } = table;
    const sampling = this.options.instructions;
    if (sampling === undefined) return;
    if (sampling.unit === 'ns') {
      this.since += count;
      const { time } = this.where;
      if (time === undefined) return;
      this.nextTime ??= time;
      if (time < this.nextTime) return;
      const insn = pool[first]!;
      this.push('instructions', ip64(insns.lo[insn]!, insns.hi[insn]!), { period: this.since });
      this.since = 0;
      const every = BigInt(sampling.every);
      this.nextTime += ((time - this.nextTime) / every + 1n) * every;
      return;
    }
    let at = 0;
    while (this.since + (count - at) >= this.nextAt) {
      at += this.nextAt - this.since;
      const insn = pool[first + at - 1]!;
      this.push('instructions', ip64(insns.lo[insn]!, insns.hi[insn]!), { period: this.nextAt });
      this.since = 0;
    }
    this.since += count - at;
  }

  /** The instruction walked last goes to an address: tells the branch, if it is one. */
  private branchTo(table: BlockTable, lo: number, hi: number): void {
    const { insns } = table;
    const { last } = this;
    const cls = insns.cls[last]!;
    if (cls === CLS.OTHER || cls === CLS.PTWRITE || cls === CLS.MOV_CR3 || cls === CLS.VMPTRLD) return;
    const from = ip64(insns.lo[last]!, insns.hi[last]!);
    const to = ip64(lo, hi);
    if (cls === CLS.COND && to === from + BigInt(insns.len[last]!)) return; // not taken
    this.branch(from, to, this.flagsOf(table, last));
  }

  private flagsOf(table: BlockTable, insn: number): string {
    const { insns } = table;
    switch (insns.cls[insn]!) {
      case CLS.COND:
        return 'jcc';
      case CLS.CALL:
      case CLS.CALL_IND:
        return 'call';
      case CLS.RET:
        return 'return';
      case CLS.JMP:
      case CLS.JMP_IND:
        return 'jmp';
      case CLS.VMENTRY:
        return 'vmentry';
      case CLS.FAR: {
        const bytes = new Uint8Array(insns.len[insn]!);
        insns.image.read(insns.lo[insn]!, insns.hi[insn]!, bytes);
        return farKind([...bytes]);
      }
      default:
        return '';
    }
  }

  private branch(ip: bigint, addr: bigint, flags: string): void {
    const { options } = this;
    const call = /call|syscall|int|vmentry/.test(flags) && !flags.includes('iret');
    const ret = /return|iret|sysret/.test(flags);
    if (options.branches || (options.calls && (call || flags.startsWith('tr'))) || (options.returns && (ret || flags.startsWith('tr'))))
      this.push('branches', ip, { addr, flags });
  }

  /** Something happened between two blocks. `table` is that of the blocks before. */
  event(table: BlockTable, e: PtEvent): void {
    const { options, last } = this;
    const from = last >= 0 ? ip64(table.insns.lo[last]!, table.insns.hi[last]!) : this.lastIp;
    switch (e.kind) {
      case 'enabled':
      case 'sync':
        this.last = -1;
        if (e.ip !== undefined) this.branch(0n, e.ip, 'tr strt');
        break;
      case 'disabled': {
        const flags = last >= 0 ? this.flagsOf(table, last) : '';
        this.last = -1;
        this.branch(from, e.to ?? 0n, `tr end${flags === '' ? '' : `  ${flags}`}`);
        break;
      }
      case 'asyncDisabled':
      case 'asyncBranch': {
        const ip = e.ip ?? 0n;
        if (last >= 0 && this.wantsBranches) this.branchTo(table, Number(BigInt.asIntN(32, ip)), Number(BigInt.asIntN(32, ip >> 32n)));
        this.last = -1;
        this.branch(ip, e.to ?? 0n, e.kind === 'asyncBranch' ? 'hw int' : 'tr end  async');
        break;
      }
      case 'overflow':
        this.last = -1;
        if (options.errors) this.push('error', e.ip ?? 0n, { event: { ...e, cause: 'overflow packet: the processor lost packets' } });
        break;
      case 'error':
        this.last = -1;
        if (options.errors) this.push('error', e.ip ?? from, { event: e });
        break;
      case 'gap':
        this.last = -1;
        if (options.errors) this.push('gap', from, { event: e });
        break;
      case 'tsx':
        if (options.transactions)
          this.push('transactions', e.ip ?? from, {
            event: e,
            flags: e.abort === true ? 'tx abrt' : e.inTx === true ? 'tx begin' : 'tx end',
          });
        break;
      case 'ptwrite':
        if (options.ptwrites) this.push('ptwrite', e.ip ?? from, { event: e });
        break;
      case 'block':
      case 'cfe':
        if (options.other) this.push('other', e.ip ?? from, { event: e });
        break;
      default:
        if (options.power && POWER.has(e.kind)) this.push('power', e.ip ?? from, { event: e });
    }
    if (this.last < 0) this.lastIp = from;
  }
}
