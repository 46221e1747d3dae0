/** Where an event takes place in the instruction flow: at an IP, or at an instruction that can cause it. The rules are libipt's. */
import { ip64 } from './addr-map.ts';
import type { PtEvent } from './events.ts';
import { CLS, type InsnTable } from './insn-table.ts';

/**
 * 'ip': before the instruction at `event.ip`. 'end': after an instruction that switches tracing off. 'instruction': at an
 * instruction that can cause it; it is executed after the event.
 */
export type Binding = 'ip' | 'end' | 'instruction';

/** How an event binds while tracing is on; undefined: right here. */
export function bindingOf(event: PtEvent): Binding | undefined {
  switch (event.kind) {
    case 'asyncDisabled':
    case 'asyncBranch':
      return 'ip';
    case 'disabled':
      return 'end';
    case 'paging':
    case 'vmcs':
      return 'instruction';
    case 'ptwrite':
      return event.ip === undefined ? 'instruction' : 'ip';
    case 'psb':
      if (event.psb?.ip === undefined) return undefined;
      event.ip = event.psb.ip;
      return 'ip';
    case 'tsx':
    case 'mode':
    case 'asyncPaging':
    case 'asyncVmcs':
    case 'exstop':
    case 'mwait':
    case 'block':
    case 'cfe':
      return event.ip === undefined ? undefined : 'ip';
    default:
      return undefined;
  }
}

/** 0: not this instruction; −1: before it; 1: after it. */
export function bindsTo(insns: InsnTable, insn: number, event: PtEvent, binding: Binding): number {
  const cls = insns.cls[insn]!;
  switch (binding) {
    case 'ip':
      return ip64(insns.lo[insn]!, insns.hi[insn]!) === event.ip ? -1 : 0;
    case 'end':
      return endsTracing(insns, insn, cls, event.to) ? 1 : 0;
    case 'instruction':
      if (cls === CLS.FAR || cls === CLS.VMENTRY) return event.kind === 'ptwrite' ? 0 : -1;
      if (event.kind === 'paging') return cls === CLS.MOV_CR3 ? -1 : 0;
      if (event.kind === 'vmcs') return cls === CLS.VMPTRLD ? -1 : 0;
      return cls === CLS.PTWRITE ? -1 : 0;
  }
}

/**
 * Whether tracing can end with this instruction. With a target: a branch that can go there. Without: what changes the privilege
 * level or the address space, or a branch whose outcome the trace would have to tell (its filter exit tells none).
 */
function endsTracing(insns: InsnTable, insn: number, cls: number, to: bigint | undefined): boolean {
  switch (cls) {
    case CLS.FAR:
    case CLS.VMENTRY:
    case CLS.COND:
    case CLS.RET:
    case CLS.JMP_IND:
    case CLS.CALL_IND:
      return true;
    case CLS.MOV_CR3:
      return to === undefined;
    case CLS.JMP:
    case CLS.CALL:
      return to !== undefined && ip64(insns.targetLo[insn]!, insns.targetHi[insn]!) === to;
    default:
      return false;
  }
}
