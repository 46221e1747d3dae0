/** A worker thread that decodes parts of a trace, see pt-parallel.ts. */
import { parentPort } from 'node:worker_threads';
import { BlockTable } from '#formats/pt/block-table.ts';
import { CodeImage } from '#formats/pt/code-image.ts';
import { PtFlow } from '#formats/pt/flow.ts';
import { collectStats } from '#formats/pt/stats.ts';
import type { PtJob, PtReply } from './pt-parallel.ts';

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
    reply = { stats: collectStats(flow) };
  } catch (error) {
    reply = { failed: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(reply);
});
