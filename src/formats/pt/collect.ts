/** Gathers from the records of a perf.data what `decodeSession` needs. A sink for `PerfData.scan`, in the order of the file or by time. */
import type { RecordCursor } from '../perf-data/cursor.ts';
import { attrFlag } from '../perf-data/attr.ts';
import { decodeRecord } from '../perf-data/read.ts';
import type { Recording } from '../perf-data/recording.ts';
import type { RecordSink } from '../perf-data/scan.ts';
import { PERF_RECORD } from '#abi/perf-event/record.ts';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { type PtInfo, readPtInfo } from './info.ts';
import type { ItraceOptions } from './itrace-options.ts';
import type { AuxQueue, PtSessionInput } from './session.ts';
import type { CodeProvider, SidebandRecord } from './world.ts';

const INTEL_PT = 1;
const SIDEBAND = new Set(['MMAP', 'MMAP2', 'COMM', 'FORK', 'EXIT', 'ITRACE_START', 'SWITCH', 'SWITCH_CPU_WIDE']);

interface Piece {
  readonly offset: bigint;
  readonly data: Uint8Array;
}

interface Queue {
  readonly idx: number;
  readonly cpu: number;
  readonly tid: number;
  readonly pieces: Piece[];
}

/** AUX flags that mean lost or partial data, with where they were seen. */
export interface AuxNote {
  readonly time: bigint | undefined;
  readonly cpu: number | undefined;
  readonly auxOffset: bigint;
  readonly auxSize: bigint;
  readonly flags: bigint;
}

export class PtCollector implements RecordSink {
  private readonly recording: Recording;
  private info: PtInfo | undefined;
  private readonly sideband: SidebandRecord[] = [];
  private readonly queues = new Map<number, Queue>();
  private current: { readonly data: Uint8Array } | undefined;
  /** AUX records with TRUNCATED, PARTIAL or other flags. */
  readonly auxNotes: AuxNote[] = [];
  /** Why there is nothing to decode, if so. */
  problem: string | undefined;

  constructor(recording: Recording) {
    this.recording = recording;
  }

  record(cursor: RecordCursor): void {
    if (cursor.type === PERF_RECORD.SAMPLE) return;
    const r = decodeRecord(cursor, this.recording);
    if (r.user?.type === 'AUXTRACE_INFO') {
      if (r.user.auxType !== INTEL_PT) this.problem = `AUX data of type ${r.user.auxType}, not Intel PT`;
      else this.info = readPtInfo(r.user.priv);
    } else if (r.user?.type === 'AUXTRACE') {
      const { idx, cpu, tid, offset, size } = r.user;
      let queue = this.queues.get(idx);
      if (queue === undefined) {
        queue = { idx, cpu: cpu === 0xffff_ffff ? -1 : cpu, tid, pieces: [] };
        this.queues.set(idx, queue);
      }
      const piece = { offset, data: new Uint8Array(size) };
      queue.pieces.push(piece);
      this.current = piece;
    } else if (r.kernel !== undefined) {
      const { time, cpu, pid, tid } = r.sampleId ?? {};
      if (r.kernel.type === 'AUX' && (r.kernel.flags & ~2n) !== 0n)
        this.auxNotes.push({ time, cpu, auxOffset: r.kernel.auxOffset, auxSize: r.kernel.auxSize, flags: r.kernel.flags });
      // A record without a time (made by perf at the start) has time 0: it holds from the beginning.
      if (SIDEBAND.has(r.kernel.type)) this.sideband.push({ record: r.kernel, misc: r.misc, time, cpu, pid, tid });
    }
  }

  auxData(piece: Uint8Array, offsetInPayload: number): void {
    this.current?.data.set(piece, offsetInPayload);
  }

  /** The input of a session; undefined with `problem` set when the recording has no Intel PT. */
  finish(options: ItraceOptions, code: CodeProvider): PtSessionInput | undefined {
    const { info, recording } = this;
    if (info === undefined) {
      this.problem ??= 'the recording has no AUXTRACE_INFO: nothing was traced with Intel PT';
      return undefined;
    }
    const event = recording.events.find((e) => e.attr.type === info.pmuType);
    if (event === undefined) {
      this.problem = `no event of PMU type ${info.pmuType}, which AUXTRACE_INFO names`;
      return undefined;
    }
    const timed = recording.events.every((e) => (e.attr.sample_type & PERF_SAMPLE.TIME) !== 0 && attrFlag(e.attr, 'sample_id_all'));
    const sideband = this.sideband
      .map((r, i) => ({ r, i }))
      .sort((a, b) => {
        const [x, y] = [a.r.time ?? 0n, b.r.time ?? 0n];
        return x < y ? -1 : x > y ? 1 : a.i - b.i;
      })
      .map(({ r }) => r);
    const queues: AuxQueue[] = [...this.queues.values()]
      .sort((a, b) => a.idx - b.idx)
      .map((q) => ({ ...q, pieces: q.pieces.sort((a, b) => (a.offset < b.offset ? -1 : a.offset > b.offset ? 1 : 0)) }));
    return { info, config: event.attr.config, timed, sideband, queues, code, options };
  }
}
