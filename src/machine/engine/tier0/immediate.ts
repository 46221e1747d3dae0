/** An immediate as a place: it is read, and that is all. */
function noWrite(): never {
  throw new Error('an immediate cannot be written');
}
/** What an immediate cannot do. */
export const IMMEDIATE = {
  kind: 'i',
  set: noWrite,
  setLow: noWrite,
  scalar: noWrite,
  check: noWrite,
  ea: noWrite,
  part: noWrite,
  setVector: noWrite,
} as const;
