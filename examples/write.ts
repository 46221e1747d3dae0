/** Writes a recording that Linux perf reads: `node examples/write.ts out.data`, then `perf script -i out.data`. */
import { writeFileSync } from 'node:fs';
import { makeAttr, PERF_SAMPLE, writePerfData } from 'perfglass';

const attr = makeAttr({
  type: 1, // PERF_TYPE_SOFTWARE
  config: 0n, // PERF_COUNT_SW_CPU_CLOCK
  sample_type: PERF_SAMPLE.IP | PERF_SAMPLE.TID | PERF_SAMPLE.TIME,
  sample_period: 1_000_000n,
  flags: { sample_id_all: true, comm: true, mmap2: true },
});
const at = (time: bigint) => ({ pid: 100, tid: 100, time }); // ns
const bytes = writePerfData({ events: [{ attr, name: 'cpu-clock' }], features: { hostname: 'example', arch: 'x86_64' } }, [
  { kernel: { type: 'COMM', pid: 100, tid: 100, comm: 'demo' }, sampleId: at(1_000n) },
  { sample: { ip: 0x401000n, ...at(2_000n) } },
  { sample: { ip: 0x401010n, ...at(3_000n) } },
]);
const file = process.argv[2] ?? 'example.data';
writeFileSync(file, bytes);
console.log(`${file}: ${bytes.length} bytes`);
