/** C's `%.Nf`: an exact tie goes to the even digit (glibc), where JavaScript's toFixed takes the larger. */
export function fixed(value: number, digits: number): string {
  const up = value.toFixed(digits);
  const [whole = '', fraction = ''] = value.toFixed(Math.min(digits + 60, 100)).split('.');
  if (!/^50*$/.test(fraction.slice(digits))) return up;
  if (Number(up.at(-1)) % 2 === 0) return up;
  return digits === 0 ? whole : `${whole}.${fraction.slice(0, digits)}`;
}
