/** Fuchsia trace format (fuchsia.dev/fuchsia-src/reference/tracing/trace-format), read by Perfetto and magic-trace's viewer. */
import { ByteWriter } from '#base/bytes.ts';
import { encodeUtf8 } from '#base/utf8.ts';
import type { ExportSlice } from './model.ts';

const MAGIC = 0x0016_5478_4604_0010n;
const RECORD = { INITIALIZATION: 1n, STRING: 2n, THREAD: 3n, EVENT: 4n, KERNEL_OBJECT: 7n } as const;
const EVENT_DURATION_COMPLETE = 4n;
const KOBJ = { PROCESS: 1n, THREAD: 2n } as const;
const ARG_KOID = 8n;
const MAX_STRINGS = 0x7fff;
const MAX_THREADS = 0xff;
const MAX_STRING_BYTES = 32_000;

/** Tables that the stream refers to by small numbers. When one is full, its oldest entries are given anew, as the format allows. */
class FxtWriter {
  readonly w = new ByteWriter(4096);
  private readonly strings = new Map<string, number>();
  private nextString = 1;
  private readonly threads = new Map<string, number>();
  private nextThread = 1;

  private header(type: bigint, words: number, rest: bigint): void {
    this.w.u64(type | (BigInt(words) << 4n) | rest);
  }

  start(): void {
    this.w.u64(MAGIC);
    this.header(RECORD.INITIALIZATION, 2, 0n);
    this.w.u64(1_000_000_000); // ticks are ns
  }

  string(text: string): bigint {
    if (text === '') return 0n;
    let id = this.strings.get(text);
    if (id === undefined) {
      if (this.nextString > MAX_STRINGS) {
        this.strings.clear();
        this.nextString = 1;
      }
      id = this.nextString++;
      this.strings.set(text, id);
      const bytes = encodeUtf8(text).subarray(0, MAX_STRING_BYTES);
      this.header(RECORD.STRING, 1 + Math.ceil(bytes.length / 8), (BigInt(id) << 16n) | (BigInt(bytes.length) << 32n));
      this.w.raw(bytes).align(8);
    }
    return BigInt(id);
  }

  thread(pid: number, tid: number): bigint {
    const key = `${pid}/${tid}`;
    let id = this.threads.get(key);
    if (id === undefined) {
      if (this.nextThread > MAX_THREADS) {
        this.threads.clear();
        this.nextThread = 1;
      }
      id = this.nextThread++;
      this.threads.set(key, id);
      this.header(RECORD.THREAD, 3, BigInt(id) << 16n);
      this.w.u64(BigInt.asUintN(64, BigInt(pid))).u64(BigInt.asUintN(64, BigInt(tid)));
    }
    return BigInt(id);
  }

  /** Names a process, or a thread of one. */
  object(kind: bigint, koid: number, name: string, process?: number): void {
    const ref = this.string(name);
    const arg = process === undefined ? undefined : this.string('process');
    this.header(RECORD.KERNEL_OBJECT, arg === undefined ? 2 : 4, (kind << 16n) | (ref << 24n) | (arg === undefined ? 0n : 1n << 40n));
    this.w.u64(BigInt.asUintN(64, BigInt(koid)));
    if (arg === undefined || process === undefined) return;
    this.w.u64(ARG_KOID | (2n << 4n) | (arg << 16n));
    this.w.u64(BigInt.asUintN(64, BigInt(process)));
  }

  slice(s: ExportSlice): void {
    const thread = this.thread(s.pid, s.tid);
    const category = this.string('perfglass');
    const name = this.string(s.name);
    this.header(RECORD.EVENT, 3, (EVENT_DURATION_COMPLETE << 16n) | (thread << 24n) | (category << 32n) | (name << 48n));
    this.w.u64(s.begin).u64(s.end);
  }

  take(): Uint8Array {
    const out = this.w.toBytes();
    this.w.clear();
    return out;
  }
}

/** The file's bytes in pieces. Times are ns. Slices may come in any order. */
export function* toFxt(slices: Iterable<ExportSlice>): Generator<Uint8Array> {
  const f = new FxtWriter();
  f.start();
  const named = new Set<string>();
  for (const s of slices) {
    if (!named.has(`${s.pid}`)) {
      named.add(`${s.pid}`);
      f.object(KOBJ.PROCESS, s.pid, s.process ?? s.thread);
    }
    if (!named.has(`${s.pid}/${s.tid}`)) {
      named.add(`${s.pid}/${s.tid}`);
      f.object(KOBJ.THREAD, s.tid, s.thread, s.pid);
    }
    f.slice(s);
    if (f.w.length > 65536) yield f.take();
  }
  yield f.take();
}
