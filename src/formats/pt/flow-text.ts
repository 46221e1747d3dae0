/** The walk as text: one line for each instruction and event. For tests, `decode` and for people. */
import { ip64 } from './addr-map.ts';
import type { PtEvent } from './events.ts';
import type { PtFlow } from './flow.ts';

/** One line for an event; routine status updates (`psb`, `cbr`) included. */
export function eventLine(e: PtEvent): string {
  let text: string = e.kind;
  if (e.ip !== undefined) text += ` ${e.ip.toString(16)}`;
  if (e.kind === 'gap') return `${text} at ${e.offset} size ${e.size}: ${e.cause}`;
  if (e.kind === 'error') return `${text} at ${e.offset}: ${e.cause}`;
  if (e.to !== undefined) text += ` -> ${e.to.toString(16)}`;
  if (e.value !== undefined) text += ` 0x${e.value.toString(16)}`;
  if (e.nonRoot === true) text += ' NR';
  if (e.inTx !== undefined) text += e.abort === true ? ' abort' : e.inTx ? ' in transaction' : ' no transaction';
  if (e.vector !== undefined) text += ` vector ${e.vector}`;
  for (const item of e.items ?? []) text += ` ${item.id}=0x${item.value.toString(16)}`;
  if (e.tsc !== undefined) text += ` tsc ${e.tsc}`;
  return text;
}

/** Runs the flow to its end. Instructions are their address in hex. */
export function* flowLines(flow: PtFlow): Generator<string> {
  const { table } = flow;
  for (let chunk = flow.run(); chunk !== undefined; chunk = flow.run()) {
    let m = 0;
    for (let i = 0; i <= chunk.count; i++) {
      for (; m < chunk.marks.length && chunk.marks[m]!.at === i; m++) yield eventLine(chunk.marks[m]!.event);
      if (i === chunk.count) break;
      const b = chunk.blocks[i]!;
      const from = table.first[b]!;
      for (let k = from; k < from + table.n[b]!; k++) {
        const insn = table.pool[k]!;
        yield ip64(table.insns.lo[insn]!, table.insns.hi[insn]!).toString(16);
      }
    }
  }
}
