/** Reading what stands before (and, for features, after) the records. */
import { ByteReader } from '#base/bytes.ts';
import { FormatError } from '#base/format-error.ts';
import { parseAttr } from './attr.ts';
import {
  FEATURE,
  FEATURE_BITMAP_OFFSET,
  FEATURE_BITS,
  type FeatureName,
  FILE_HEADER_SIZE,
  MAGIC1,
  MAGIC2,
  PIPE_HEADER_SIZE,
  SECTION_SIZE,
} from './constants.ts';
import { readFeature } from './feature-codecs.ts';
import { type FileHeader, Recording, type Section } from './recording.ts';
import type { Reading } from './source.ts';

const MAX_ATTRS_BYTES = 0x100_0000;
const MAX_IDS_BYTES = 0x200_0000;
const MAX_FEATURE_BYTES = 0x400_0000;

const same = (bytes: Uint8Array, magic: readonly number[], reversed = false): boolean =>
  magic.every((m, i) => bytes[reversed ? magic.length - 1 - i : i] === m);

function section(r: ByteReader, what: string): Section {
  return { offset: r.size64(`offset of ${what}`), size: r.size64(`size of ${what}`) };
}

/** Reads exactly `length` bytes; a short answer is the end of the file. */
export function* exactly(offset: number, length: number, what: string): Reading<Uint8Array> {
  const bytes = yield { kind: 'bytes', offset, length };
  if (bytes.byteLength < length) throw new FormatError(offset + bytes.byteLength, `the file ends inside ${what}`);
  return bytes;
}

/** Header, attrs and ids (file mode) or the 16 bytes of pipe mode. `fileSize`: when known, sizes are held against it first. */
export function* readHeader(fileSize: number | undefined): Reading<Recording> {
  const start = yield { kind: 'bytes', offset: 0, length: PIPE_HEADER_SIZE };
  if (start.byteLength === 0) throw new FormatError(0, 'the file is empty');
  if (start.byteLength < 8) throw new FormatError(start.byteLength, 'the file is too short for a magic');
  if (same(start, MAGIC1) || same(start, MAGIC1, true))
    throw new FormatError(0, 'perf.data version 1 (magic PERFFILE, before 2010) is not supported: record again');
  const littleEndian = same(start, MAGIC2);
  if (!littleEndian && !same(start, MAGIC2, true)) throw new FormatError(0, 'not a perf.data file: magic PERFILE2 expected');
  if (start.byteLength < PIPE_HEADER_SIZE) throw new FormatError(start.byteLength, 'the file ends inside its header');
  const headerSize = new ByteReader(start.subarray(8), { littleEndian, base: 8 }).size64('header size');
  if (headerSize === PIPE_HEADER_SIZE) return new Recording('pipe', littleEndian);
  if (headerSize !== FILE_HEADER_SIZE)
    throw new FormatError(8, `header size ${headerSize}: ${FILE_HEADER_SIZE} (file) or ${PIPE_HEADER_SIZE} (pipe) expected`);
  const r = new ByteReader(yield* exactly(0, FILE_HEADER_SIZE, 'the header'), { littleEndian });
  r.skip(16);
  const attrSize = r.size64('attr size');
  const attrs = section(r, 'attrs');
  const data = section(r, 'data');
  const eventTypes = section(r, 'event types');
  const featureBits: number[] = [];
  for (let word = 0; word < FEATURE_BITS / 64; word++) {
    const bits = r.u64();
    for (let b = 0n; b < 64n; b++) if (((bits >> b) & 1n) === 1n) featureBits.push(word * 64 + Number(b));
  }
  const header: FileHeader = { attrSize, attrs, data, eventTypes, featureBits };
  const recording = new Recording('file', littleEndian, header);
  yield* readAttrs(recording, header, fileSize);
  return recording;
}

function* readAttrs(recording: Recording, header: FileHeader, fileSize: number | undefined): Reading<void> {
  const { attrs, attrSize } = header;
  if (attrs.size === 0) return;
  if (attrSize < 64 + SECTION_SIZE || attrSize > 4096) throw new FormatError(16, `absurd attr size ${attrSize}`);
  if (attrs.size > MAX_ATTRS_BYTES || attrs.offset + attrs.size > (fileSize ?? Number.MAX_SAFE_INTEGER))
    throw new FormatError(24, `attrs of ${attrs.size} bytes at 0x${attrs.offset.toString(16)} lie outside of the file`);
  if (attrs.size % attrSize !== 0) throw new FormatError(32, `attrs of ${attrs.size} bytes are no multiple of ${attrSize}`);
  const bytes = yield* exactly(attrs.offset, attrs.size, 'the attrs');
  for (let at = 0; at < attrs.size; at += attrSize) {
    const base = attrs.offset + at;
    const attr = parseAttr(bytes.subarray(at, at + attrSize - SECTION_SIZE), recording.littleEndian, base);
    const idsAt = attrSize - SECTION_SIZE;
    const ids = section(
      new ByteReader(bytes.subarray(at + idsAt, at + attrSize), { littleEndian: recording.littleEndian, base: base + idsAt }),
      'ids',
    );
    if (ids.size > MAX_IDS_BYTES || ids.offset + ids.size > (fileSize ?? Number.MAX_SAFE_INTEGER))
      throw new FormatError(base + idsAt, `ids of ${ids.size} bytes at 0x${ids.offset.toString(16)} lie outside of the file`);
    const list: bigint[] = [];
    if (ids.size >= 8) {
      const count = Math.floor(ids.size / 8);
      const idReader = new ByteReader(yield* exactly(ids.offset, count * 8, 'the ids of an event'), {
        littleEndian: recording.littleEndian,
      });
      for (let i = 0; i < count; i++) list.push(idReader.u64());
    }
    recording.addEvent(attr, list);
  }
}

const BY_BIT = new Map<number, FeatureName>(Object.entries(FEATURE).map(([name, b]) => [b, name as FeatureName]));

export function readFeatureBytes(recording: Recording, bit: number, bytes: Uint8Array, base: number): void {
  const name = BY_BIT.get(bit);
  if (name === undefined) {
    recording.features.unknown = [...(recording.features.unknown ?? []), { bit, data: bytes.slice() }];
    return;
  }
  try {
    readFeature(recording.features, name, bytes, recording.littleEndian, base);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    recording.issues.push(new FormatError(error.offset, `feature ${name}: ${error.what}`));
  }
}

/** The feature table after the data, and each feature. What is damaged becomes an issue of the recording; the others are read. */
export function* readFeatures(recording: Recording, fileSize: number | undefined): Reading<void> {
  const header = recording.header;
  if (header === undefined || header.featureBits.length === 0 || recording.featuresRead) return;
  recording.featuresRead = true;
  const tableAt = header.data.offset + header.data.size;
  let table: Uint8Array;
  try {
    table = yield* exactly(tableAt, header.featureBits.length * SECTION_SIZE, 'the feature table');
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    recording.issues.push(error);
    return;
  }
  const r = new ByteReader(table, { littleEndian: recording.littleEndian, base: tableAt });
  for (const bit of header.featureBits) {
    const entryAt = r.offset;
    try {
      const s = section(r, `feature ${BY_BIT.get(bit) ?? bit}`);
      if (s.size > MAX_FEATURE_BYTES || s.offset + s.size > (fileSize ?? Number.MAX_SAFE_INTEGER))
        throw new FormatError(
          entryAt,
          `feature ${BY_BIT.get(bit) ?? bit} of ${s.size} bytes at 0x${s.offset.toString(16)} lies outside of the file`,
        );
      const bytes = s.size === 0 ? new Uint8Array(0) : yield* exactly(s.offset, s.size, `feature ${BY_BIT.get(bit) ?? bit}`);
      readFeatureBytes(recording, bit, bytes, s.offset);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      recording.issues.push(error);
      r.position = entryAt - tableAt + SECTION_SIZE;
    }
  }
  recording.applyEventDesc();
}

/** Offset of the feature bitmap, for writers that patch it. */
export { FEATURE_BITMAP_OFFSET };
