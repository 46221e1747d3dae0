/** Perfetto's trace (protos/perfetto/trace): TrackEvent packets, one track for each thread. */
import type { ExportSlice } from './model.ts';
import { ProtoWriter } from './protobuf.ts';

const TRACE_PACKET = 1;
const PACKET = { timestamp: 8, trusted_packet_sequence_id: 10, track_event: 11, sequence_flags: 13, track_descriptor: 60 } as const;
const DESCRIPTOR = { uuid: 1, process: 3, thread: 4, parent_uuid: 5 } as const;
const PROCESS = { pid: 1, process_name: 6 } as const;
const THREAD = { pid: 1, tid: 2, thread_name: 5 } as const;
const EVENT = { type: 9, track_uuid: 11, name: 23 } as const;
const TYPE = { BEGIN: 1, END: 2 } as const;
const SEQUENCE = 1;
const INCREMENTAL_STATE_CLEARED = 1;

/**
 * Slices must nest within a thread. They may come in any order: each is written as its begin and its end, and Perfetto sorts by time;
 * at equal times an outer slice's begin must come first, so slices of one thread are ordered here (memory: one thread's slices).
 */
export function* toPerfetto(slices: Iterable<ExportSlice>): Generator<Uint8Array> {
  const threads = new Map<string, { uuid: number; slices: ExportSlice[] }>();
  const w = new ProtoWriter();
  const processes = new Set<number>();
  let fresh = true;
  const packet = (fill: (p: ProtoWriter) => void): void => {
    w.message(TRACE_PACKET, (p) => {
      fill(p);
      p.int(PACKET.trusted_packet_sequence_id, SEQUENCE);
      if (fresh) p.int(PACKET.sequence_flags, INCREMENTAL_STATE_CLEARED);
      fresh = false;
    });
  };
  const processUuid = (pid: number): bigint => (1n << 32n) + BigInt(pid);
  for (const s of slices) {
    const key = `${s.pid}/${s.tid}`;
    let t = threads.get(key);
    if (t === undefined) {
      t = { uuid: threads.size + 1, slices: [] };
      threads.set(key, t);
      const { uuid } = t;
      if (!processes.has(s.pid)) {
        processes.add(s.pid);
        packet((p) =>
          p.message(PACKET.track_descriptor, (d) =>
            d
              .int(DESCRIPTOR.uuid, processUuid(s.pid))
              .message(DESCRIPTOR.process, (x) => x.int(PROCESS.pid, s.pid).string(PROCESS.process_name, s.process ?? s.thread)),
          ),
        );
      }
      packet((p) =>
        p.message(PACKET.track_descriptor, (d) =>
          d
            .int(DESCRIPTOR.uuid, uuid)
            .int(DESCRIPTOR.parent_uuid, processUuid(s.pid))
            .message(DESCRIPTOR.thread, (x) => x.int(THREAD.pid, s.pid).int(THREAD.tid, s.tid).string(THREAD.thread_name, s.thread)),
        ),
      );
      yield w.take();
    }
    t.slices.push(s);
  }
  for (const { uuid, slices: own } of threads.values()) {
    own.sort(outerFirst);
    const open: ExportSlice[] = [];
    const end = (time: bigint): void => {
      packet((p) =>
        p.int(PACKET.timestamp, time).message(PACKET.track_event, (e) => e.int(EVENT.type, TYPE.END).int(EVENT.track_uuid, uuid)),
      );
    };
    for (const s of own) {
      while (open.length > 0 && isOver(open[open.length - 1]!, s)) end(open.pop()!.end);
      packet((p) =>
        p
          .int(PACKET.timestamp, s.begin)
          .message(PACKET.track_event, (e) => e.int(EVENT.type, TYPE.BEGIN).int(EVENT.track_uuid, uuid).string(EVENT.name, s.name)),
      );
      open.push(s);
      yield w.take();
    }
    while (open.length > 0) end(open.pop()!.end);
    yield w.take();
  }
}

const depth = (s: ExportSlice): number => s.depth ?? 0;

function outerFirst(a: ExportSlice, b: ExportSlice): number {
  if (a.begin !== b.begin) return a.begin < b.begin ? -1 : 1;
  if (a.end !== b.end) return a.end > b.end ? -1 : 1;
  return depth(a) - depth(b);
}

/** Whether `open` ended before `next` begins. */
const isOver = (open: ExportSlice, next: ExportSlice): boolean =>
  open.end < next.begin || (open.end === next.begin && depth(open) >= depth(next));
