/** struct perf_event_attr as a record, to and from bytes, in both byte orders. Layout: abi/perf-event/attr.ts. */
import { ATTR_FIELDS, PERF_ATTR_SIZE_VER0, PERF_ATTR_SIZE_VER8, PERF_ATTR_SIZES } from '#abi/perf-event/attr.ts';
import { attrFlag, makeAttr, NUMBER_FIELDS, type PerfEventAttr } from '#abi/perf-event/attr-record.ts';
import { ByteReader, ByteWriter } from '#base/bytes.ts';
import { FormatError } from '#base/format-error.ts';

export { attrFlag, makeAttr, type PerfEventAttr };

const REVERSED = Uint8Array.from({ length: 256 }, (_, b) => {
  let r = 0;
  for (let i = 0; i < 8; i++) r |= ((b >> i) & 1) << (7 - i);
  return r;
});

/** Bit fields of a big-endian compiler fill each byte from its top: the byte order stays, the bits of each byte turn round. */
function flagWord(bytes: Uint8Array, littleEndian: boolean): bigint {
  let word = 0n;
  for (let i = 7; i >= 0; i--) word = (word << 8n) | BigInt(littleEndian ? (bytes[i] ?? 0) : (REVERSED[bytes[i] ?? 0] ?? 0));
  return word;
}

/**
 * Parses an attr from the start of `bytes` (which may hold more). `base` is the offset of `bytes` in the file.
 * Throws FormatError for a size under 64, over the bytes given, or over 136 with a non-zero tail: such an attr asks for what we do not know.
 */
export function parseAttr(bytes: Uint8Array, littleEndian: boolean, base: number): PerfEventAttr {
  const head = new ByteReader(bytes, { littleEndian, base });
  head.skip(4, 'attr.type');
  let size = head.u32('attr.size');
  if (size === 0) size = PERF_ATTR_SIZE_VER0; // as the kernel takes it
  if (size < PERF_ATTR_SIZE_VER0) throw new FormatError(base + 4, `attr size ${size} is less than ${PERF_ATTR_SIZE_VER0}`);
  if (size > bytes.byteLength) throw new FormatError(base + 4, `attr size ${size} is more than the ${bytes.byteLength} bytes that hold it`);
  for (let i = PERF_ATTR_SIZE_VER8; i < size; i++)
    if (bytes[i] !== 0)
      throw new FormatError(base + i, `attr of size ${size} sets a field beyond the ${PERF_ATTR_SIZE_VER8} bytes that are known`);
  const full = new Uint8Array(PERF_ATTR_SIZE_VER8);
  full.set(bytes.subarray(0, Math.min(size, PERF_ATTR_SIZE_VER8)));
  const r = new ByteReader(full, { littleEndian, base });
  const out: Record<string, number | bigint> = {};
  for (const [name, field] of Object.entries(ATTR_FIELDS)) {
    r.position = field.at;
    if (name === 'flags') out[name] = flagWord(full.subarray(field.at, field.at + 8), littleEndian);
    else if (field.as === 'u64') out[name] = NUMBER_FIELDS.has(name) ? r.size64(`attr.${name}`) : r.u64();
    else out[name] = field.as === 's32' ? r.i32() : field.as === 'u16' ? r.u16() : r.u32();
  }
  return { ...(out as unknown as PerfEventAttr), size };
}

/** The bytes of an attr, `size` of them (one of 64…136). Fields beyond `size` must be zero: they would be lost. */
export function attrBytes(attr: PerfEventAttr, size: number): Uint8Array {
  if (!(PERF_ATTR_SIZES as readonly number[]).includes(size))
    throw new RangeError(`attr size ${size} is none of ${PERF_ATTR_SIZES.join(', ')}`);
  const w = new ByteWriter(PERF_ATTR_SIZE_VER8).zeros(PERF_ATTR_SIZE_VER8);
  for (const [name, field] of Object.entries(ATTR_FIELDS)) {
    const value = name === 'size' ? size : (attr[name as keyof PerfEventAttr] as number | bigint);
    if (field.at >= size && Number(value) !== 0) throw new RangeError(`attr.${name} does not fit in an attr of size ${size}`);
    if (field.as === 'u64') w.patchU64(field.at, value);
    else if (field.as === 'u16') w.patchU16(field.at, Number(value));
    else w.patchU32(field.at, Number(value) >>> 0);
  }
  return w.toBytes().subarray(0, size);
}
