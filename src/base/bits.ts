/**
 * Packed words. A register or record word is declared once as a layout of named fields; the layout packs, unpacks, prints, and
 * knows its reserved bits, so that #GP checks, dumps and documents come from the same table.
 */

/** A field of a packed word: bit numbers inclusive, `hi` ≥ `lo`, both 0-63. */
export interface Field {
  readonly hi: number;
  readonly lo: number;
}

export const bits = (hi: number, lo: number): Field => ({ hi, lo });
export const bit = (n: number): Field => ({ hi: n, lo: n });

export interface Packed<K extends string> {
  readonly fields: Readonly<Record<K, Field>>;
  /** Mask of the bits that no field covers. */
  readonly reserved: bigint;
  /** Mask of one field, in place. */
  mask(name: K): bigint;
  /** Value of one field, shifted down. */
  get(word: bigint, name: K): bigint;
  /** `word` with one field replaced; excess bits of `value` are dropped. */
  set(word: bigint, name: K, value: bigint | number | boolean): bigint;
  pack(values: Partial<Record<K, bigint | number | boolean>>): bigint;
  unpack(word: bigint): Record<K, bigint>;
  /** Non-zero fields as `name=0x…`, reserved bits that are set as `reserved=0x…`. */
  format(word: bigint): string;
}

const fieldMask = (f: Field): bigint => ((1n << BigInt(f.hi - f.lo + 1)) - 1n) << BigInt(f.lo);

/** Declares the layout of a 64-bit word. */
export function packed<const T extends Record<string, Field>>(fields: T): Packed<Extract<keyof T, string>> {
  type K = Extract<keyof T, string>;
  const names = Object.keys(fields) as K[];
  const field = (name: K): Field => fields[name] as Field;
  let covered = 0n;
  for (const name of names) covered |= fieldMask(field(name));
  const reserved = ~covered & 0xffff_ffff_ffff_ffffn;
  const get = (word: bigint, name: K): bigint => (word & fieldMask(field(name))) >> BigInt(field(name).lo);
  const set = (word: bigint, name: K, value: bigint | number | boolean): bigint => {
    const m = fieldMask(field(name));
    return (word & ~m) | ((BigInt(value) << BigInt(field(name).lo)) & m);
  };
  return {
    fields: fields as Readonly<Record<K, Field>>,
    reserved,
    mask: (name) => fieldMask(field(name)),
    get,
    set,
    pack(values) {
      let word = 0n;
      for (const name of names) word = set(word, name, values[name] ?? 0n);
      return word;
    },
    unpack(word) {
      const out = {} as Record<K, bigint>;
      for (const name of names) out[name] = get(word, name);
      return out;
    },
    format(word) {
      const parts = names.filter((n) => get(word, n) !== 0n).map((n) => `${n}=0x${get(word, n).toString(16)}`);
      if ((word & reserved) !== 0n) parts.push(`reserved=0x${(word & reserved).toString(16)}`);
      return parts.join(' ');
    },
  };
}
