/** A text table: `left` columns (the first by default) to the left, the others to the right, two blanks between. */

export function table(rows: readonly (readonly (string | number)[])[], indent = ' ', left: readonly number[] = [0]): string {
  const text = rows.map((r) => r.map((c) => (typeof c === 'number' ? c.toLocaleString('en-US') : c)));
  const widths: number[] = [];
  for (const row of text) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return text
    .map((row) =>
      (indent + row.map((c, i) => (left.includes(i) ? c.padEnd(widths[i] ?? 0) : c.padStart(widths[i] ?? 0))).join('  ')).trimEnd(),
    )
    .join('\n');
}
