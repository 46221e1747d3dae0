/** Which known names a mistyped one probably meant. */

/** Levenshtein distance with transposition of neighbours as one step. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (before[j - 2] ?? 0) + 1);
      next.push(best);
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}

/** At most `most` of `names`, nearest first, none farther than a third of the word (at least 2 steps). Letter case is no difference. */
export function nearest(wanted: string, names: Iterable<string>, most = 3): string[] {
  const word = wanted.toLowerCase();
  const limit = Math.max(2, Math.floor(word.length / 3));
  return [...new Set(names)]
    .map((name) => {
      const lower = name.toLowerCase();
      return { name, distance: word.length >= 3 && lower.includes(word) ? 1 : editDistance(word, lower) };
    })
    .filter((n) => n.distance <= limit)
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, most)
    .map((n) => n.name);
}
