/** The header of a recording in the words of `perf report --header-only`. tools/perf/util/header.c print_*. */
import { attrTextFields } from './attr-text.ts';
import { FEATURE } from './constants.ts';
import type { EventDesc, Features } from './features.ts';
import type { Recording } from './recording.ts';

const available = (name: string): string => `# ${name} info available, use -I to display\n`;

function eventLine(e: EventDesc): string {
  const ids = e.ids.length === 0 ? '' : `, id = { ${e.ids.join(', ')} }`;
  return `# event : name = ${e.name}, ${ids}${attrTextFields(e.attr)
    .map(([n, v]) => `, ${n} = ${v}`)
    .join('')}\n`;
}

const CLOCKS: Readonly<Record<number, string>> = {
  0: 'realtime',
  1: 'monotonic',
  2: 'process_cputime_id',
  3: 'thread_cputime_id',
  4: 'monotonic_raw',
  5: 'realtime_coarse',
  6: 'monotonic_coarse',
  7: 'boottime',
  11: 'tai',
};

const seconds = (ns: bigint): string => `${String(ns / 1_000_000_000n)}.${String((ns % 1_000_000_000n) / 1000n).padStart(6, '0')}`;

function caps(name: string, list: readonly { name: string; value: string }[]): string {
  if (list.length === 0) return `# ${name} capabilities: not available\n`;
  return `# ${name} capabilities: ${list.map((c) => `${c.name}=${c.value}`).join(', ')}\n`;
}

/** One feature's line or lines, in the order of the bits; '' where perf prints nothing. */
const PRINTERS: { [K in keyof Features]-?: (v: NonNullable<Features[K]>, all: Features) => string } = {
  tracingData: () => '',
  buildIds: () => '',
  hostname: (v) => `# hostname : ${v}\n`,
  osRelease: (v) => `# os release : ${v}\n`,
  version: (v) => `# perf version : ${v}\n`,
  arch: (v) => `# arch : ${v}\n`,
  nrCpus: (v) => `# nrcpus online : ${v.online}\n# nrcpus avail : ${v.available}\n`,
  cpuDesc: (v) => `# cpudesc : ${v}\n`,
  cpuId: (v) => `# cpuid : ${v}\n`,
  totalMem: (v) => `# total memory : ${v} kB\n`,
  cmdline: (v) => `# cmdline : ${v.map((a) => `${a.replaceAll("'", "\\'")} `).join('')}\n`,
  eventDesc: (v) => v.map(eventLine).join(''),
  cpuTopology: () => available('CPU_TOPOLOGY'),
  numaTopology: () => available('NUMA_TOPOLOGY'),
  branchStack: () => '# contains samples with branch stack\n',
  pmuMappings: (v) => `# pmu mappings: ${v.map((p) => `${p.name} = ${p.type}`).join(', ')}\n`,
  groupDesc: (v, all) =>
    v
      .filter((g) => g.members > 1)
      .map((g) => {
        const names = (all.eventDesc ?? []).slice(g.leader, g.leader + g.members).map((e) => e.name);
        return `# group: ${g.name === '{anon_group}' ? '' : g.name}{${names.join(',')}}\n`;
      })
      .join(''),
  auxtrace: () => '# contains AUX area data (e.g. instruction trace)\n',
  stat: () => '# contains stat data\n',
  cache: () => available('CACHE'),
  sampleTime: (v) =>
    `# time of first sample : ${seconds(v.first)}\n# time of last sample : ${seconds(v.last)}\n# sample duration : ${(Number(v.last - v.first) / 1e6).toFixed(3).padStart(10)} ms\n`,
  memTopology: () => available('MEM_TOPOLOGY'),
  clockId: (v) => `# clockid frequency: ${v * 1000n} MHz\n`,
  dirFormat: (v) => `# directory data version : ${v}\n`,
  // both begin with their number
  bpfProgInfo: (v) => (v.subarray(0, 4).some((b) => b !== 0) ? available('BPF_PROG_INFO') : ''),
  bpfBtf: (v) => (v.length > 0 ? available('BPF_BTF') : ''),
  compressed: (v) => `# compressed : ${v.type === 1 ? 'Zstd' : 'Unknown'}, level = ${v.level}, ratio = ${v.ratio}\n`,
  cpuPmuCaps: (v) => caps('cpu pmu', v),
  clockData: (v) => {
    const name = CLOCKS[v.clockId] ?? 'unknown';
    const day = new Date(Number(v.wallClockNs / 1_000_000n)).toISOString().slice(0, 19).replace('T', ' ');
    const tod = seconds(v.wallClockNs);
    const ns = `${v.clockIdTimeNs / 1_000_000_000n}.${String(v.clockIdTimeNs % 1_000_000_000n).padStart(9, '0')}`;
    return `# clockid: ${name} (${v.clockId})\n# reference time: ${day}.${tod.slice(-6)} = ${tod} (TOD) = ${ns} (${name})\n`;
  },
  hybridTopology: (v) => `# hybrid cpu system:\n${v.map((h) => `# ${h.pmu} cpu list : ${h.cpus}\n`).join('')}`,
  pmuCaps: (v) => v.map((p) => caps(`${p.pmu} pmu`, p.caps)).join(''),
  // 32 without bytes is how perf 6 ends the features of a pipe
  unknown: (v) =>
    v
      .filter((u) => u.data.byteLength > 0)
      .map((u) => `# feature ${u.bit}: ${u.data.byteLength} bytes, not known here\n`)
      .join(''),
};

const KEYS = Object.keys(PRINTERS) as (keyof Features)[];

function featureLines(f: Features): string {
  return KEYS.map((key) => {
    const value = f[key];
    return value === undefined ? '' : (PRINTERS[key] as (v: unknown, all: Features) => string)(value, f);
  }).join('');
}

/** `capturedOn`: the time of the file's last change, as ctime writes it. */
export function headerText(recording: Recording, capturedOn: string): string {
  const h = recording.header;
  const head =
    `# ========\n# captured on    : ${capturedOn}\n# header version : 1\n# data offset    : ${h?.data.offset ?? 0}\n` +
    `# data size      : ${h?.data.size ?? 0}\n# feat offset    : ${h === undefined ? 0 : h.data.offset + h.data.size}\n`;
  const features = featureLines(recording.features);
  if (h === undefined) return `${head}# ========\n#\n${features}`;
  const missing = Object.entries(FEATURE)
    .filter(([, bit]) => !h.featureBits.includes(bit))
    .map(([name]) => `${name} `);
  return `${head}${features}# missing features: ${missing.join('')}\n# ========\n#\n`;
}
