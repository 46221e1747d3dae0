/** The section "Kernel cost: modelled" of docs/model.md, from the cost table. `node tools/kernel-cost.ts` prints it; a test compares. */
import { costRows, OTHER_COST, workCounts } from '#kernel/text/cost-table.ts';
import { FRAME_INSTRUCTIONS } from '#kernel/text/image.ts';

/** Markdown rows, one for each amount, the functions that have it in the order of the table. */
export function costTable(): string[] {
  const groups = new Map<string, { names: string[]; before: number; after: number }>();
  for (const [name, c] of [...costRows(), ['every other system call', OTHER_COST] as const]) {
    const key = `${c.before}+${c.after}`;
    const g = groups.get(key) ?? { names: [], before: c.before, after: c.after };
    g.names.push(name);
    groups.set(key, g);
  }
  const out = ['| functions | turns | instructions | loads | stores | conditional branches |', '| - | - | - | - | - | - |'];
  for (const { names, before, after } of groups.values()) {
    const [b, a] = [workCounts(before), workCounts(after)];
    const glue = after > 0 ? 3 : 0;
    const memory = after > 0 ? 1 : 0;
    out.push(
      `| ${names.join(', ')} | ${before} + ${after} | ${b.instructions + a.instructions + FRAME_INSTRUCTIONS + glue} | ${b.loads + a.loads + memory} | ${b.stores + a.stores + memory} | ${b.branches + a.branches} |`,
    );
  }
  return out;
}

if (import.meta.filename === process.argv[1]) console.log(costTable().join('\n'));
