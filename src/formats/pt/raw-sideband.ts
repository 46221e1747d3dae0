/** Kernel records as they stand in a perf ring buffer, without a perf.data around them (as lldb stores context switches). */
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { ByteReader } from '#base/bytes.ts';
import { FormatError } from '#base/format-error.ts';
import { decodeKernelRecord } from '../perf-data/records.ts';
import type { SidebandRecord } from './world.ts';

/** The sample_id trailer's fields in the order of the kernel (perf_event__output_id_sample). */
const TRAILER: readonly (readonly [bigint, 'tid' | 'time' | 'id' | 'streamId' | 'cpu' | 'identifier'])[] = [
  [BigInt(PERF_SAMPLE.TID), 'tid'],
  [BigInt(PERF_SAMPLE.TIME), 'time'],
  [BigInt(PERF_SAMPLE.ID), 'id'],
  [BigInt(PERF_SAMPLE.STREAM_ID), 'streamId'],
  [BigInt(PERF_SAMPLE.CPU), 'cpu'],
  [BigInt(PERF_SAMPLE.IDENTIFIER), 'identifier'],
];

/** Reads records with a trailer of `sampleType`; `cpu` is taken for records that do not tell theirs. */
export function readRawSideband(bytes: Uint8Array, sampleType: bigint, cpu: number | undefined): SidebandRecord[] {
  const fields = TRAILER.filter(([bit]) => (sampleType & bit) !== 0n).map(([, name]) => name);
  const trailer = fields.length * 8;
  const out: SidebandRecord[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 8 <= bytes.length; ) {
    const type = view.getUint32(at, true);
    const misc = view.getUint16(at + 4, true);
    const size = view.getUint16(at + 6, true);
    if (size < 8 + trailer) throw new FormatError(at, `record of ${size} bytes, too short for its trailer of ${trailer}`);
    if (at + size > bytes.length) throw new FormatError(at, `record of ${size} bytes is cut`);
    const record = decodeKernelRecord(type, misc, new ByteReader(bytes.subarray(at + 8, at + size - trailer), { base: at + 8 }), 0);
    const id = { pid: undefined as number | undefined, tid: undefined as number | undefined, time: undefined as bigint | undefined, cpu };
    for (const [i, name] of fields.entries()) {
      const p = at + size - trailer + i * 8;
      if (name === 'tid') {
        id.pid = view.getInt32(p, true);
        id.tid = view.getInt32(p + 4, true);
      } else if (name === 'time') id.time = view.getBigUint64(p, true);
      else if (name === 'cpu') id.cpu = view.getUint32(p, true);
    }
    if (record !== undefined) out.push({ record, misc, ...id });
    at += size;
  }
  return out;
}
