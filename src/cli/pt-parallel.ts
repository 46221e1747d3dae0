/** Decoding over worker threads: the trace is cut at PSBs, each part decoded by a worker, the results joined in order. */
import { Worker } from 'node:worker_threads';
import type { CodeImage } from '#formats/pt/code-image.ts';
import { splitAtPsb } from '#formats/pt/split.ts';
import { type PtStats, mergeStats } from '#formats/pt/stats.ts';
import type { PtTimeConfig } from '#formats/pt/time.ts';

export interface PtJob {
  readonly trace: Uint8Array;
  /** Names the code image; a worker keeps what it decoded of the last one. */
  readonly image: string;
  /** Only with the first job for an image. */
  readonly regions?: readonly { readonly start: bigint; readonly bytes: Uint8Array; readonly name: string }[];
  readonly begin: number;
  readonly stopAt: number;
  readonly retCompression: boolean;
  readonly time?: PtTimeConfig;
}

/** `cpuSeconds`: of the worker's own thread. */
export type PtReply = { readonly stats: PtStats; readonly cpuSeconds: number } | { readonly failed: string };

/** Beside this file: `pt-worker.ts` when run from sources, `pt-worker.js` when bundled. */
export function workerUrl(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './pt-worker.ts' : './pt-worker.js', import.meta.url);
}

/** One pool for several traces: starting a thread costs more than a small decode. */
export class PtPool {
  private readonly workers: Worker[];
  private readonly known: string[];
  private readonly keys = new WeakMap<CodeImage, number>();
  private images = 0;
  /** CPU time of each part of the last job: its longest is what the job takes on a machine with free processors. */
  cpuSeconds: number[] = [];

  constructor(threads: number) {
    this.workers = Array.from({ length: threads }, () => new Worker(workerUrl()));
    this.known = this.workers.map(() => '');
  }

  private ask(i: number, job: PtJob): Promise<PtStats> {
    const worker = this.workers[i]!;
    return new Promise((resolve, reject) => {
      const done = (): void => {
        worker.off('message', onMessage);
        worker.off('error', onError);
      };
      const onMessage = (reply: PtReply): void => {
        done();
        if ('stats' in reply) {
          this.cpuSeconds[i] = reply.cpuSeconds;
          resolve(reply.stats);
        } else reject(new Error(reply.failed));
      };
      const onError = (error: Error): void => {
        done();
        reject(error);
      };
      worker.on('message', onMessage);
      worker.on('error', onError);
      worker.postMessage(job);
    });
  }

  async stats(trace: Uint8Array, image: CodeImage, options: { retCompression?: boolean; time?: PtTimeConfig } = {}): Promise<PtStats> {
    const shared = share(trace);
    if (!this.keys.has(image)) this.keys.set(image, this.images++);
    const key = `${this.keys.get(image)}.${image.version}`;
    const parts = splitAtPsb(trace, this.workers.length);
    const time = options.time === undefined ? {} : { time: options.time };
    this.cpuSeconds = parts.map(() => 0);
    const results = await Promise.all(
      parts.map((part, i) => {
        const regions =
          this.known[i] === key ? {} : { regions: image.list().map((r) => ({ start: r.start, bytes: share(r.bytes), name: r.name })) };
        this.known[i] = key;
        return this.ask(i, {
          trace: shared,
          image: key,
          ...regions,
          ...part,
          retCompression: options.retCompression ?? true,
          ...time,
        });
      }),
    );
    return mergeStats(results);
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((w) => w.terminate()));
  }
}

const sharedCopies = new WeakMap<Uint8Array, Uint8Array>();

/** The bytes in memory that threads share; copied once. */
function share(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  let copy = sharedCopies.get(bytes);
  if (copy === undefined) {
    copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
    copy.set(bytes);
    sharedCopies.set(bytes, copy);
  }
  return copy;
}
