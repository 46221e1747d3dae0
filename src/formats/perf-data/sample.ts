/** Samples as objects, all fields of spec §6.6. The hot loops read the fixed fields through `SampleLayout` instead; this is for everything else. */
import { PERF_BRANCH_ENTRY_SIZE, PERF_SAMPLE_BRANCH } from '#abi/perf-event/branch.ts';
import { PERF_FORMAT, PERF_SAMPLE, PERF_SAMPLE_KNOWN } from '#abi/perf-event/sample.ts';
import { ByteReader, type ByteWriter } from '#base/bytes.ts';
import type { PerfEventAttr } from './attr.ts';
import type { RecordCursor } from './cursor.ts';

/** Values of a read(): one, or one for each member of the group, leader first. Times in ns. */
export interface ReadValues {
  timeEnabled?: bigint;
  timeRunning?: bigint;
  values: { value: bigint; id?: bigint; lost?: bigint }[];
}

export interface BranchEntry {
  from: bigint;
  to: bigint;
  /** The third word: abi PERF_BRANCH_ENTRY, in the bit order of a little-endian recorder. */
  flags: bigint;
}

export interface BranchStack {
  hwIdx?: bigint;
  entries: BranchEntry[];
  counters?: bigint[];
}

export interface Registers {
  /** 0 none, 1 32 bits, 2 64 bits. */
  abi: bigint;
  /** One for each bit of the mask, ascending. */
  values: bigint[];
}

/** Fields are there when sample_type says so. */
export interface Sample {
  identifier?: bigint;
  ip?: bigint;
  pid?: number;
  tid?: number;
  /** ns */
  time?: bigint;
  addr?: bigint;
  id?: bigint;
  streamId?: bigint;
  cpu?: number;
  period?: bigint;
  read?: ReadValues;
  /** With the context markers. */
  callchain?: bigint[];
  /** As recorded, with its padding. */
  raw?: Uint8Array;
  branchStack?: BranchStack;
  regsUser?: Registers;
  stackUser?: { data: Uint8Array; dynSize: bigint /** in the record; made by the reader */; offset?: number };
  /** WEIGHT, or WEIGHT_STRUCT as one word: var1 u32, var2 u16, var3 u16. */
  weight?: bigint;
  dataSrc?: bigint;
  transaction?: bigint;
  regsIntr?: Registers;
  physAddr?: bigint;
  cgroup?: bigint;
  dataPageSize?: bigint;
  codePageSize?: bigint;
  aux?: Uint8Array;
  /** sample_type bits that are not known here: what they hold, and all after it, is not decoded. */
  unknownBits?: number;
}

export function readReadValues(r: ByteReader, format: number): ReadValues {
  const out: ReadValues = { values: [] };
  const one = (): ReadValues['values'][number] => {
    const v: ReadValues['values'][number] = { value: r.u64('read value') };
    return v;
  };
  const idLost = (v: ReadValues['values'][number]): void => {
    if ((format & PERF_FORMAT.ID) !== 0) v.id = r.u64('read id');
    if ((format & PERF_FORMAT.LOST) !== 0) v.lost = r.u64('read lost');
  };
  let nr = 1;
  const group = (format & PERF_FORMAT.GROUP) !== 0;
  let single: ReadValues['values'][number] | undefined;
  if (group) nr = r.size64('group size');
  else single = one();
  if ((format & PERF_FORMAT.TOTAL_TIME_ENABLED) !== 0) out.timeEnabled = r.u64('time enabled');
  if ((format & PERF_FORMAT.TOTAL_TIME_RUNNING) !== 0) out.timeRunning = r.u64('time running');
  if (single !== undefined) {
    idLost(single);
    out.values.push(single);
    return out;
  }
  if (nr * 8 > r.remaining) r.fail(`group of ${nr} values does not fit in ${r.remaining} bytes`);
  for (let i = 0; i < nr; i++) {
    const v = one();
    idLost(v);
    out.values.push(v);
  }
  return out;
}

const popcount = (mask: bigint): number => {
  let n = 0;
  for (let m = mask; m !== 0n; m &= m - 1n) n++;
  return n;
};

function readRegisters(r: ByteReader, mask: bigint): Registers {
  const abi = r.u64('register abi');
  const n = abi === 0n ? 0 : popcount(mask);
  if (n * 8 > r.remaining) r.fail(`${n} registers do not fit in ${r.remaining} bytes`);
  return { abi, values: Array.from({ length: n }, () => r.u64()) };
}

/** A big-endian compiler lays the branch flags out from the top of the word. */
function branchFlags(word: bigint, littleEndian: boolean): bigint {
  if (littleEndian) return word;
  let out = 0n;
  let at = 0n;
  for (const width of [1n, 1n, 1n, 1n, 16n, 4n, 2n, 4n, 3n]) {
    out |= ((word >> (64n - at - width)) & ((1n << width) - 1n)) << at;
    at += width;
  }
  return out;
}

function readBranchStack(r: ByteReader, attr: PerfEventAttr): BranchStack {
  const nr = r.size64('number of branches');
  const out: BranchStack = { entries: [] };
  if ((attr.branch_sample_type & BigInt(PERF_SAMPLE_BRANCH.HW_INDEX)) !== 0n) out.hwIdx = r.u64('hw_idx');
  if (nr * PERF_BRANCH_ENTRY_SIZE > r.remaining) r.fail(`${nr} branches do not fit in ${r.remaining} bytes`);
  for (let i = 0; i < nr; i++) out.entries.push({ from: r.u64(), to: r.u64(), flags: branchFlags(r.u64(), r.littleEndian) });
  if ((attr.branch_sample_type & BigInt(PERF_SAMPLE_BRANCH.COUNTERS)) !== 0n) {
    if (nr * 8 > r.remaining) r.fail(`${nr} branch counters do not fit in ${r.remaining} bytes`);
    out.counters = Array.from({ length: nr }, () => r.u64());
  }
  return out;
}

/** Decodes the sample under the cursor; it must be a SAMPLE of `attr`. Throws FormatError where a field does not fit in the record. */
export function decodeSample(cursor: RecordCursor, attr: PerfEventAttr): Sample {
  const r = new ByteReader(cursor.record, { littleEndian: cursor.littleEndian, base: cursor.fileOffset });
  r.skip(8);
  const type = attr.sample_type;
  const has = (bit: number): boolean => (type & bit) !== 0;
  const out: Sample = {};
  if (has(PERF_SAMPLE.IDENTIFIER)) out.identifier = r.u64('identifier');
  if (has(PERF_SAMPLE.IP)) out.ip = r.u64('ip');
  if (has(PERF_SAMPLE.TID)) {
    out.pid = r.i32('pid');
    out.tid = r.i32('tid');
  }
  if (has(PERF_SAMPLE.TIME)) out.time = r.u64('time');
  if (has(PERF_SAMPLE.ADDR)) out.addr = r.u64('addr');
  if (has(PERF_SAMPLE.ID)) out.id = r.u64('id');
  if (has(PERF_SAMPLE.STREAM_ID)) out.streamId = r.u64('stream id');
  if (has(PERF_SAMPLE.CPU)) {
    out.cpu = r.u32('cpu');
    r.skip(4, 'reserved');
  }
  if (has(PERF_SAMPLE.PERIOD)) out.period = r.u64('period');
  if (has(PERF_SAMPLE.READ)) out.read = readReadValues(r, attr.read_format);
  if (has(PERF_SAMPLE.CALLCHAIN)) {
    const nr = r.size64('length of the callchain');
    if (nr * 8 > r.remaining) r.fail(`callchain of ${nr} does not fit in ${r.remaining} bytes`);
    out.callchain = Array.from({ length: nr }, () => r.u64());
  }
  if (has(PERF_SAMPLE.RAW)) out.raw = r.take(r.u32('size of raw data'), 'raw data');
  if (has(PERF_SAMPLE.BRANCH_STACK)) out.branchStack = readBranchStack(r, attr);
  if (has(PERF_SAMPLE.REGS_USER)) out.regsUser = readRegisters(r, attr.sample_regs_user);
  if (has(PERF_SAMPLE.STACK_USER)) {
    const offset = r.position;
    const size = r.size64('size of the user stack');
    const data = r.take(size, 'user stack');
    out.stackUser = { data, dynSize: size === 0 ? 0n : r.u64('dynamic size of the user stack'), offset };
  }
  if (has(PERF_SAMPLE.WEIGHT | PERF_SAMPLE.WEIGHT_STRUCT)) {
    if (r.littleEndian || has(PERF_SAMPLE.WEIGHT)) out.weight = r.u64('weight');
    else {
      const var3 = BigInt(r.u16('weight'));
      const var2 = BigInt(r.u16('weight'));
      out.weight = (var3 << 48n) | (var2 << 32n) | BigInt(r.u32('weight'));
    }
  }
  if (has(PERF_SAMPLE.DATA_SRC)) out.dataSrc = r.u64('data_src');
  if (has(PERF_SAMPLE.TRANSACTION)) out.transaction = r.u64('transaction');
  if (has(PERF_SAMPLE.REGS_INTR)) out.regsIntr = readRegisters(r, attr.sample_regs_intr);
  if (has(PERF_SAMPLE.PHYS_ADDR)) out.physAddr = r.u64('phys_addr');
  if (has(PERF_SAMPLE.CGROUP)) out.cgroup = r.u64('cgroup');
  if (has(PERF_SAMPLE.DATA_PAGE_SIZE)) out.dataPageSize = r.u64('data page size');
  if (has(PERF_SAMPLE.CODE_PAGE_SIZE)) out.codePageSize = r.u64('code page size');
  if (has(PERF_SAMPLE.AUX)) out.aux = r.take(r.size64('size of AUX data'), 'AUX data');
  const unknown = type - (type % (PERF_SAMPLE_KNOWN + 1));
  if (unknown !== 0) out.unknownBits = unknown;
  return out;
}

/** Writes the body of a sample (after the record header). Fields that sample_type asks for and `sample` lacks are written as zero. */
export function writeSampleBody(w: ByteWriter, sample: Sample, attr: PerfEventAttr): void {
  const type = attr.sample_type;
  const has = (bit: number): boolean => (type & bit) !== 0;
  if (has(PERF_SAMPLE.IDENTIFIER)) w.u64(sample.identifier ?? sample.id ?? 0n);
  if (has(PERF_SAMPLE.IP)) w.u64(sample.ip ?? 0n);
  if (has(PERF_SAMPLE.TID)) w.u32(sample.pid ?? 0).u32(sample.tid ?? 0);
  if (has(PERF_SAMPLE.TIME)) w.u64(sample.time ?? 0n);
  if (has(PERF_SAMPLE.ADDR)) w.u64(sample.addr ?? 0n);
  if (has(PERF_SAMPLE.ID)) w.u64(sample.id ?? sample.identifier ?? 0n);
  if (has(PERF_SAMPLE.STREAM_ID)) w.u64(sample.streamId ?? 0n);
  if (has(PERF_SAMPLE.CPU)) w.u32(sample.cpu ?? 0).u32(0);
  if (has(PERF_SAMPLE.PERIOD)) w.u64(sample.period ?? 0n);
  if (has(PERF_SAMPLE.READ)) writeReadValues(w, sample.read ?? { values: [{ value: 0n }] }, attr.read_format);
  if (has(PERF_SAMPLE.CALLCHAIN)) {
    const chain = sample.callchain ?? [];
    w.u64(chain.length);
    for (const ip of chain) w.u64(ip);
  }
  if (has(PERF_SAMPLE.RAW)) {
    // size and data together end on 8 bytes
    const raw = sample.raw ?? new Uint8Array(0);
    const padded = Math.ceil((raw.byteLength + 4) / 8) * 8 - 4;
    w.u32(padded)
      .raw(raw)
      .zeros(padded - raw.byteLength);
  }
  if (has(PERF_SAMPLE.BRANCH_STACK)) {
    const stack = sample.branchStack ?? { entries: [] };
    w.u64(stack.entries.length);
    if ((attr.branch_sample_type & BigInt(PERF_SAMPLE_BRANCH.HW_INDEX)) !== 0n) w.u64(stack.hwIdx ?? -1n);
    for (const e of stack.entries) w.u64(e.from).u64(e.to).u64(e.flags);
    if ((attr.branch_sample_type & BigInt(PERF_SAMPLE_BRANCH.COUNTERS)) !== 0n)
      for (let i = 0; i < stack.entries.length; i++) w.u64(stack.counters?.[i] ?? 0n);
  }
  if (has(PERF_SAMPLE.REGS_USER)) writeRegisters(w, sample.regsUser, attr.sample_regs_user);
  if (has(PERF_SAMPLE.STACK_USER)) {
    const data = sample.stackUser?.data ?? new Uint8Array(0);
    w.u64(data.byteLength).raw(data);
    if (data.byteLength > 0) w.u64(sample.stackUser?.dynSize ?? 0n);
  }
  if (has(PERF_SAMPLE.WEIGHT | PERF_SAMPLE.WEIGHT_STRUCT)) w.u64(sample.weight ?? 0n);
  if (has(PERF_SAMPLE.DATA_SRC)) w.u64(sample.dataSrc ?? 0n);
  if (has(PERF_SAMPLE.TRANSACTION)) w.u64(sample.transaction ?? 0n);
  if (has(PERF_SAMPLE.REGS_INTR)) writeRegisters(w, sample.regsIntr, attr.sample_regs_intr);
  if (has(PERF_SAMPLE.PHYS_ADDR)) w.u64(sample.physAddr ?? 0n);
  if (has(PERF_SAMPLE.CGROUP)) w.u64(sample.cgroup ?? 0n);
  if (has(PERF_SAMPLE.DATA_PAGE_SIZE)) w.u64(sample.dataPageSize ?? 0n);
  if (has(PERF_SAMPLE.CODE_PAGE_SIZE)) w.u64(sample.codePageSize ?? 0n);
  if (has(PERF_SAMPLE.AUX)) {
    const aux = sample.aux ?? new Uint8Array(0);
    w.u64(aux.byteLength).raw(aux);
  }
}

function writeRegisters(w: ByteWriter, regs: Registers | undefined, mask: bigint): void {
  w.u64(regs?.abi ?? 0n);
  if (regs === undefined || regs.abi === 0n) return;
  if (regs.values.length !== popcount(mask)) throw new RangeError(`${regs.values.length} registers for a mask of ${popcount(mask)}`);
  for (const v of regs.values) w.u64(v);
}

export function writeReadValues(w: ByteWriter, read: ReadValues, format: number): void {
  const group = (format & PERF_FORMAT.GROUP) !== 0;
  const idLost = (v: ReadValues['values'][number]): void => {
    if ((format & PERF_FORMAT.ID) !== 0) w.u64(v.id ?? 0n);
    if ((format & PERF_FORMAT.LOST) !== 0) w.u64(v.lost ?? 0n);
  };
  const first = read.values[0] ?? { value: 0n };
  if (group) w.u64(read.values.length);
  else w.u64(first.value);
  if ((format & PERF_FORMAT.TOTAL_TIME_ENABLED) !== 0) w.u64(read.timeEnabled ?? 0n);
  if ((format & PERF_FORMAT.TOTAL_TIME_RUNNING) !== 0) w.u64(read.timeRunning ?? 0n);
  if (!group) return idLost(first);
  for (const v of read.values) {
    w.u64(v.value);
    idLost(v);
  }
}
