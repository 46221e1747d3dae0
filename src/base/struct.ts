/**
 * C structures as data: a layout names every field with its offset and type once; encoding, decoding and the tests read the same table.
 * Little endian. Fields that a caller leaves out are zero, as are the gaps.
 */

export type FieldType = 'u8' | 's8' | 'u16' | 's16' | 'u32' | 's32' | 'u64' | 's64';

export interface StructField {
  readonly type: FieldType;
  /** Byte offset in the structure. */
  readonly at: number;
}

export const u8 = (at: number): StructField => ({ type: 'u8', at });
export const u16 = (at: number): StructField => ({ type: 'u16', at });
export const s16 = (at: number): StructField => ({ type: 's16', at });
export const u32 = (at: number): StructField => ({ type: 'u32', at });
export const s32 = (at: number): StructField => ({ type: 's32', at });
export const u64 = (at: number): StructField => ({ type: 'u64', at });
export const s64 = (at: number): StructField => ({ type: 's64', at });

export const FIELD_SIZE: Record<FieldType, number> = { u8: 1, s8: 1, u16: 2, s16: 2, u32: 4, s32: 4, u64: 8, s64: 8 };

export interface Struct<K extends string> {
  /** sizeof, padding included. */
  readonly size: number;
  readonly fields: Readonly<Record<K, StructField>>;
  /** The bytes of one structure. Values are taken modulo the field's width. */
  encode(values: Partial<Record<K, number | bigint>>): Uint8Array;
  encodeInto(into: Uint8Array, at: number, values: Partial<Record<K, number | bigint>>): void;
  /** One field as a number: exact up to 2^53. */
  get(bytes: Uint8Array, name: K, at?: number): number;
  /** One field as a bigint: exact always. */
  getBig(bytes: Uint8Array, name: K, at?: number): bigint;
  /** All fields as numbers. */
  decode(bytes: Uint8Array, at?: number): Record<K, number>;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function put(view: DataView, field: StructField, at: number, value: number | bigint): void {
  const where = at + field.at;
  switch (field.type) {
    case 'u8':
    case 's8':
      view.setUint8(where, Number(value));
      return;
    case 'u16':
    case 's16':
      view.setUint16(where, Number(value), true);
      return;
    case 'u32':
    case 's32':
      view.setUint32(where, Number(value), true);
      return;
    case 'u64':
    case 's64':
      view.setBigInt64(where, BigInt(value), true);
  }
}

function take(view: DataView, field: StructField, at: number): number | bigint {
  const where = at + field.at;
  switch (field.type) {
    case 'u8':
      return view.getUint8(where);
    case 's8':
      return view.getInt8(where);
    case 'u16':
      return view.getUint16(where, true);
    case 's16':
      return view.getInt16(where, true);
    case 'u32':
      return view.getUint32(where, true);
    case 's32':
      return view.getInt32(where, true);
    case 'u64':
      return view.getBigUint64(where, true);
    case 's64':
      return view.getBigInt64(where, true);
  }
}

/** Declares a structure. `size` is its sizeof. */
export function struct<const T extends Record<string, StructField>>(size: number, fields: T): Struct<Extract<keyof T, string>> {
  type K = Extract<keyof T, string>;
  const names = Object.keys(fields) as K[];
  const field = (name: K): StructField => fields[name] as StructField;
  for (const name of names) {
    const f = field(name);
    if (f.at + FIELD_SIZE[f.type] > size) throw new Error(`assertion failed: field ${name} lies outside its structure of ${size} bytes`);
  }
  return {
    size,
    fields: fields as Readonly<Record<K, StructField>>,
    encode(values) {
      const bytes = new Uint8Array(size);
      this.encodeInto(bytes, 0, values);
      return bytes;
    },
    encodeInto(into, at, values) {
      const view = viewOf(into);
      into.fill(0, at, at + size);
      for (const name of names) {
        const value = values[name];
        if (value !== undefined) put(view, field(name), at, value);
      }
    },
    get(bytes, name, at = 0) {
      return Number(take(viewOf(bytes), field(name), at));
    },
    getBig(bytes, name, at = 0) {
      return BigInt(take(viewOf(bytes), field(name), at));
    },
    decode(bytes, at = 0) {
      const view = viewOf(bytes);
      const out = {} as Record<K, number>;
      for (const name of names) out[name] = Number(take(view, field(name), at));
      return out;
    },
  };
}
