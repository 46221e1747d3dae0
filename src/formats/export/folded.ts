/** Collapsed stacks (Brendan Gregg's stackcollapse form): `comm;outer;inner WEIGHT`, one line for each distinct stack. */
import type { ExportSample } from './model.ts';

/** `;` and line ends cannot stand in a frame's name; a blank before the last word is allowed. */
const clean = (name: string): string => name.replace(/[;\n\r]/g, ':');

/** Lines in order of first appearance, each with its line end. Memory is one entry for each distinct stack. */
export function* toFolded(samples: Iterable<ExportSample>): Generator<string> {
  const weights = new Map<string, number>();
  for (const s of samples) {
    const key = [s.thread, ...s.stack.map((f) => f.name)].map(clean).join(';');
    weights.set(key, (weights.get(key) ?? 0) + s.weight);
  }
  for (const [stack, weight] of weights) yield `${stack} ${weight}\n`;
}
