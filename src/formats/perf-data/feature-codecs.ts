/** One feature section each: read and write together. tools/perf/util/header.c write_* and process_*. */
import { ByteReader, ByteWriter } from '#base/bytes.ts';
import { attrBytes, parseAttr } from './attr.ts';
import type { FeatureName } from './constants.ts';
import type { BuildId, CpuTopology, Features } from './features.ts';

/** perf pads strings to 64 (NAME_ALIGN). */
const NAME_ALIGN = 64;

function readString(r: ByteReader, what: string): string {
  const size = r.u32(`length of ${what}`);
  return r.cstring(size, what);
}

function writeString(w: ByteWriter, text: string): void {
  const utf8 = new ByteWriter(text.length + 1).cstring(text);
  const size = Math.ceil(utf8.length / NAME_ALIGN) * NAME_ALIGN;
  w.u32(size)
    .raw(utf8.bytes)
    .zeros(size - utf8.length);
}

/** A count whose elements take at least `least` bytes each: an absurd one is refused before anything is allocated. */
function readCount(r: ByteReader, least: number, what: string): number {
  const at = r.position;
  const n = r.u32(`number of ${what}`);
  if (n * least > r.remaining) {
    r.position = at;
    r.fail(`${n} ${what} do not fit in ${r.remaining} bytes`);
  }
  return n;
}

function readList<T>(r: ByteReader, least: number, what: string, one: (r: ByteReader) => T): T[] {
  const n = readCount(r, least, what);
  const out: T[] = [];
  for (let i = 0; i < n; i++) out.push(one(r));
  return out;
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
const unhex = (text: string): Uint8Array =>
  Uint8Array.from({ length: text.length >> 1 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));

const MISC_BUILD_ID_SIZE = 1 << 15; // PERF_RECORD_MISC_BUILD_ID_SIZE: byte 20 tells the length

/** The body of a build-id event: also record 67. */
export function readBuildIdBody(r: ByteReader, misc: number): BuildId {
  const pid = r.i32('pid of a build id');
  const id = r.take(24, 'build id');
  const size = (misc & MISC_BUILD_ID_SIZE) !== 0 ? Math.min(20, id[20] ?? 20) : 20;
  return { pid, misc, buildId: hex(id.subarray(0, size)), filename: r.cstring() };
}

export function writeBuildIdEvent(w: ByteWriter, b: BuildId): void {
  const id = unhex(b.buildId);
  const name = new ByteWriter().cstring(b.filename).align(NAME_ALIGN);
  const sized = id.byteLength !== 20;
  w.u32(67)
    .u16(sized ? b.misc | MISC_BUILD_ID_SIZE : b.misc)
    .u16(8 + 4 + 24 + name.length)
    .u32(b.pid)
    .raw(id)
    .zeros(20 - id.byteLength);
  w.u8(sized ? id.byteLength : 0)
    .zeros(3)
    .raw(name.bytes);
}

function readBuildIds(r: ByteReader): BuildId[] {
  const out: BuildId[] = [];
  while (r.remaining >= 8) {
    r.u32();
    const misc = r.u16();
    const size = r.u16();
    if (size < 36) r.fail(`build id entry of ${size} bytes`);
    out.push(readBuildIdBody(r.sub(size - 8, 'build id entry'), misc));
  }
  return out;
}

function readTopology(r: ByteReader, cpus: number): CpuTopology {
  const out: CpuTopology = {
    coreSiblings: readList(r, 4, 'core sibling lists', (x) => readString(x, 'core siblings')),
    threadSiblings: readList(r, 4, 'thread sibling lists', (x) => readString(x, 'thread siblings')),
  };
  if (r.remaining < cpus * 8 || cpus === 0) return out;
  const list: { coreId: number; socketId: number; dieId?: number }[] = [];
  for (let i = 0; i < cpus; i++) list.push({ coreId: r.u32(), socketId: r.u32() });
  out.cpus = list;
  if (r.remaining < 4) return out;
  out.dieSiblings = readList(r, 4, 'die sibling lists', (x) => readString(x, 'die siblings'));
  if (r.remaining >= cpus * 4) for (const cpu of list) cpu.dieId = r.u32();
  return out;
}

const pair = (r: ByteReader): { name: string; value: string } => ({ name: readString(r, 'name'), value: readString(r, 'value') });

export interface FeatureCodec<K extends keyof Features = keyof Features> {
  readonly key: K;
  /** `cpus`: nr_cpus available, which CPU_TOPOLOGY needs and does not hold itself. */
  readonly read: (r: ByteReader, cpus: number) => NonNullable<Features[K]>;
  readonly write: (w: ByteWriter, value: NonNullable<Features[K]>) => void;
}

const codec = <K extends keyof Features>(
  key: K,
  read: (r: ByteReader, cpus: number) => NonNullable<Features[K]>,
  write: (w: ByteWriter, value: NonNullable<Features[K]>) => void,
): FeatureCodec => ({ key, read, write }) as unknown as FeatureCodec;

const text = (key: 'hostname' | 'osRelease' | 'version' | 'arch' | 'cpuDesc' | 'cpuId'): FeatureCodec =>
  codec(
    key,
    (r) => readString(r, key),
    (w, v) => writeString(w, v),
  );

const strings = (w: ByteWriter, list: readonly string[]): void => {
  w.u32(list.length);
  for (const s of list) writeString(w, s);
};

export const FEATURE_CODECS: Readonly<Record<FeatureName, FeatureCodec>> = {
  TRACING_DATA: codec(
    'tracingData',
    (r) => r.take(r.remaining).slice(),
    (w, v) => w.raw(v),
  ),
  BUILD_ID: codec('buildIds', readBuildIds, (w, list) => {
    for (const b of list) writeBuildIdEvent(w, b);
  }),
  HOSTNAME: text('hostname'),
  OSRELEASE: text('osRelease'),
  VERSION: text('version'),
  ARCH: text('arch'),
  NRCPUS: codec(
    'nrCpus',
    (r) => ({ available: r.u32('nr cpus'), online: r.u32('nr cpus') }),
    (w, v) => w.u32(v.available).u32(v.online),
  ),
  CPUDESC: text('cpuDesc'),
  CPUID: text('cpuId'),
  TOTAL_MEM: codec(
    'totalMem',
    (r) => r.u64('total memory'),
    (w, v) => w.u64(v),
  ),
  CMDLINE: codec('cmdline', (r) => readList(r, 4, 'arguments', (x) => readString(x, 'argument')), strings),
  EVENT_DESC: codec(
    'eventDesc',
    (r) => {
      const n = r.u32('number of events');
      const attrSize = r.u32('attr size');
      if (n * (attrSize + 8) > r.remaining) r.fail(`${n} events of attr size ${attrSize} do not fit in ${r.remaining} bytes`);
      const out = [];
      for (let i = 0; i < n; i++) {
        const base = r.offset;
        const attr = parseAttr(r.take(attrSize, 'attr'), r.littleEndian, base);
        const ids = r.u32('number of ids');
        const name = readString(r, 'event name');
        if (ids * 8 > r.remaining) r.fail(`${ids} ids do not fit in ${r.remaining} bytes`);
        out.push({ attr, name, ids: Array.from({ length: ids }, () => r.u64()) });
      }
      return out;
    },
    (w, list) => {
      const size = list[0]?.attr.size ?? 128;
      w.u32(list.length).u32(size);
      for (const e of list) {
        w.raw(attrBytes(e.attr, size)).u32(e.ids.length);
        writeString(w, e.name);
        for (const id of e.ids) w.u64(id);
      }
    },
  ),
  CPU_TOPOLOGY: codec('cpuTopology', readTopology, (w, v) => {
    strings(w, v.coreSiblings);
    strings(w, v.threadSiblings);
    if (v.cpus === undefined) return;
    for (const c of v.cpus) w.u32(c.coreId).u32(c.socketId);
    if (v.dieSiblings === undefined) return;
    strings(w, v.dieSiblings);
    for (const c of v.cpus) w.u32(c.dieId ?? 0);
  }),
  NUMA_TOPOLOGY: codec(
    'numaTopology',
    (r) => readList(r, 24, 'nodes', (x) => ({ node: x.u32(), memTotal: x.u64(), memFree: x.u64(), cpus: readString(x, 'cpus of a node') })),
    (w, list) => {
      w.u32(list.length);
      for (const n of list) {
        w.u32(n.node).u64(n.memTotal).u64(n.memFree);
        writeString(w, n.cpus);
      }
    },
  ),
  BRANCH_STACK: codec(
    'branchStack',
    () => true,
    () => undefined,
  ),
  PMU_MAPPINGS: codec(
    'pmuMappings',
    (r) => readList(r, 8, 'PMUs', (x) => ({ type: x.u32(), name: readString(x, 'PMU name') })),
    (w, list) => {
      w.u32(list.length);
      for (const p of list) {
        w.u32(p.type);
        writeString(w, p.name);
      }
    },
  ),
  GROUP_DESC: codec(
    'groupDesc',
    (r) => readList(r, 12, 'groups', (x) => ({ name: readString(x, 'group name'), leader: x.u32(), members: x.u32() })),
    (w, list) => {
      w.u32(list.length);
      for (const g of list) {
        writeString(w, g.name);
        w.u32(g.leader).u32(g.members);
      }
    },
  ),
  AUXTRACE: codec(
    'auxtrace',
    (r) => {
      const n = r.size64('number of AUXTRACE index entries');
      if (n * 16 > r.remaining) r.fail(`${n} AUXTRACE index entries do not fit in ${r.remaining} bytes`);
      return Array.from({ length: n }, () => ({ fileOffset: r.u64(), size: r.u64() }));
    },
    (w, list) => {
      w.u64(list.length);
      for (const e of list) w.u64(e.fileOffset).u64(e.size);
    },
  ),
  STAT: codec(
    'stat',
    () => true,
    () => undefined,
  ),
  CACHE: codec(
    'cache',
    (r) => {
      const version = r.u32('cache version');
      if (version !== 1) r.fail(`cache description of version ${version}`);
      return readList(r, 28, 'caches', (x) => ({
        level: x.u32(),
        lineSize: x.u32(),
        sets: x.u32(),
        ways: x.u32(),
        type: readString(x, 'cache type'),
        size: readString(x, 'cache size'),
        map: readString(x, 'cache map'),
      }));
    },
    (w, list) => {
      w.u32(1).u32(list.length);
      for (const c of list) {
        w.u32(c.level).u32(c.lineSize).u32(c.sets).u32(c.ways);
        writeString(w, c.type);
        writeString(w, c.size);
        writeString(w, c.map);
      }
    },
  ),
  SAMPLE_TIME: codec(
    'sampleTime',
    (r) => ({ first: r.u64(), last: r.u64() }),
    (w, v) => w.u64(v.first).u64(v.last),
  ),
  MEM_TOPOLOGY: codec(
    'memTopology',
    (r) => {
      const version = r.u64();
      const blockSizeBytes = r.u64();
      const n = r.size64('number of memory nodes');
      if (n * 16 > r.remaining) r.fail(`${n} memory nodes do not fit in ${r.remaining} bytes`);
      const nodes = [];
      for (let i = 0; i < n; i++) {
        const node = r.u64();
        const size = r.u64();
        const bits = r.size64('bits of a memory node');
        const words = Math.ceil(bits / 64);
        if (words * 8 > r.remaining) r.fail(`a set of ${bits} bits does not fit in ${r.remaining} bytes`);
        nodes.push({ node, size, words: Array.from({ length: words }, () => r.u64()) });
      }
      return { version, blockSizeBytes, nodes };
    },
    (w, v) => {
      w.u64(v.version).u64(v.blockSizeBytes).u64(v.nodes.length);
      for (const n of v.nodes) {
        w.u64(n.node)
          .u64(n.size)
          .u64(n.words.length * 64);
        for (const word of n.words) w.u64(word);
      }
    },
  ),
  CLOCKID: codec(
    'clockId',
    (r) => r.u64(),
    (w, v) => w.u64(v),
  ),
  DIR_FORMAT: codec(
    'dirFormat',
    (r) => r.u64(),
    (w, v) => w.u64(v),
  ),
  BPF_PROG_INFO: codec(
    'bpfProgInfo',
    (r) => r.take(r.remaining).slice(),
    (w, v) => w.raw(v),
  ),
  BPF_BTF: codec(
    'bpfBtf',
    (r) =>
      readList(r, 8, 'BTF blobs', (x) => {
        const id = x.u32();
        return { id, data: x.take(x.u32('size of a BTF blob'), 'BTF blob').slice() };
      }),
    (w, list) => {
      w.u32(list.length);
      for (const b of list) w.u32(b.id).u32(b.data.byteLength).raw(b.data);
    },
  ),
  COMPRESSED: codec(
    'compressed',
    (r) => ({ version: r.u32(), type: r.u32(), level: r.u32(), ratio: r.u32(), mmapLen: r.u32() }),
    (w, v) => w.u32(v.version).u32(v.type).u32(v.level).u32(v.ratio).u32(v.mmapLen),
  ),
  CPU_PMU_CAPS: codec(
    'cpuPmuCaps',
    (r) => readList(r, 8, 'capabilities', pair),
    (w, list) => {
      w.u32(list.length);
      for (const c of list) strings2(w, c);
    },
  ),
  CLOCK_DATA: codec(
    'clockData',
    (r) => ({ version: r.u32(), clockId: r.u32(), wallClockNs: r.u64(), clockIdTimeNs: r.u64() }),
    (w, v) => w.u32(v.version).u32(v.clockId).u64(v.wallClockNs).u64(v.clockIdTimeNs),
  ),
  HYBRID_TOPOLOGY: codec(
    'hybridTopology',
    (r) => readList(r, 8, 'hybrid PMUs', (x) => ({ pmu: readString(x, 'PMU name'), cpus: readString(x, 'cpus') })),
    (w, list) => {
      w.u32(list.length);
      for (const h of list) {
        writeString(w, h.pmu);
        writeString(w, h.cpus);
      }
    },
  ),
  PMU_CAPS: codec(
    'pmuCaps',
    (r) =>
      readList(r, 8, 'PMUs', (x) => {
        const caps = readList(x, 8, 'capabilities', pair);
        return { pmu: readString(x, 'PMU name'), caps };
      }),
    (w, list) => {
      w.u32(list.length);
      for (const p of list) {
        w.u32(p.caps.length);
        for (const c of p.caps) strings2(w, c);
        writeString(w, p.pmu);
      }
    },
  ),
};

function strings2(w: ByteWriter, c: { name: string; value: string }): void {
  writeString(w, c.name);
  writeString(w, c.value);
}

/** Reads feature `bit` from its bytes into `features`. Throws FormatError where the bytes do not hold what they should. */
export function readFeature(features: Features, name: FeatureName, bytes: Uint8Array, littleEndian: boolean, base: number): void {
  const c = FEATURE_CODECS[name];
  const value = c.read(new ByteReader(bytes, { littleEndian, base }), features.nrCpus?.available ?? 0);
  (features as Record<string, unknown>)[c.key] = value;
}
