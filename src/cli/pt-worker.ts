/** A worker thread that decodes parts of a trace, see pt-parallel.ts. */
import { parentPort } from 'node:worker_threads';
import { BlockTable } from '#formats/pt/block-table.ts';
import { CodeImage } from '#formats/pt/code-image.ts';
import { PtFlow } from '#formats/pt/flow.ts';
import { collectStats } from '#formats/pt/stats.ts';
import type { PtJob, PtReply } from './pt-parallel.ts';

/** Of this thread; 0 on a Node before 23.9, which cannot tell. */
function cpuMicroseconds(): number {
  if (typeof process.threadCpuUsage !== 'function') return 0;
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

let image = new CodeImage();
let table = new BlockTable(image);

parentPort?.on('message', (job: PtJob) => {
  if (job.regions !== undefined) {
    image = new CodeImage();
    for (const r of [...job.regions].reverse()) image.add(r.start, r.bytes, r.name); // listed newest first
    table = new BlockTable(image);
  }
  const flow = new PtFlow(image, job.trace, {
    begin: job.begin,
    stopAt: job.stopAt,
    retCompression: job.retCompression,
    table,
    ...(job.time === undefined ? {} : { time: job.time }),
  });
  let reply: PtReply;
  try {
    const before = cpuMicroseconds();
    const stats = collectStats(flow);
    reply = { stats, cpuSeconds: (cpuMicroseconds() - before) / 1e6 };
  } catch (error) {
    reply = { failed: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(reply);
});
