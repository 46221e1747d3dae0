/** Counts the samples of a recording by command, with bounded memory: `node examples/read.ts perf.data`. */
import { openSync, fstatSync, readSync } from 'node:fs';
import { decodeRecord, openPerfData, PERF_RECORD, Session } from 'perfglass';

const fd = openSync(process.argv[2] ?? 'perf.data', 'r');
const data = await openPerfData({
  size: fstatSync(fd).size,
  read: (offset, length) => {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
  },
});
for (const event of data.recording.events) console.log(`event ${event.name}`);

const session = new Session(data.recording); // who ran what where
const counts = new Map<string, number>();
const end = await data.scan(
  {
    record: (cursor) => {
      if (cursor.type !== PERF_RECORD.SAMPLE) return session.process(cursor, data.recording.eventOf(cursor));
      const { sample } = decodeRecord(cursor, data.recording); // an object that may be kept
      const { comm } = session.thread(sample?.pid ?? -1, sample?.tid ?? -1);
      counts.set(comm, (counts.get(comm) ?? 0) + 1);
    },
  },
  { ordered: true }, // by time
);
for (const [comm, n] of counts) console.log(`${comm}: ${n} samples`);
if (end.damage !== undefined) console.error(end.damage.message); // what, and at which byte; all before it was counted
