/**
 * Watched bytes. Their pages have no fast rights (tier0/runtime.ts), so that every access to them goes through the walk; the instruction then leaves
 * before it and is run again by itself (engine.ts accessWatched). Nothing else notices.
 */
import * as L from './layout.ts';

/** Bytes within a page, accesses to which are noted. */
export interface Watchpoint {
  readonly first: bigint;
  readonly bytes: number;
  /** 1 reads, 2 writes. */
  readonly accesses: number;
  /** In `take`. */
  readonly bit: number;
}
/** (linear address, bytes, 0 read or 1 write) → bits of the watchpoints that it touches. */
export type WatchedFunction = (va: bigint, bytes: number, access: number) => number;

export class Watchpoints {
  private readonly i32: Int32Array;
  private readonly i64: BigInt64Array;
  private readonly watched: WatchedFunction;
  private readonly dropRights: (va: bigint) => void;

  constructor(buffer: ArrayBuffer, watched: WatchedFunction, dropRights: (va: bigint) => void) {
    this.i32 = new Int32Array(buffer, 0, L.PHYSICAL / 4);
    this.i64 = new BigInt64Array(buffer, 0, L.PHYSICAL / 8);
    this.watched = watched;
    this.dropRights = dropRights;
  }

  /** At most four. */
  set(all: readonly Watchpoint[]): void {
    this.i32[L.BOX.WATCH >> 2] = all.length;
    for (let n = 0; n < L.WATCH.COUNT; n++) {
      const at = L.WATCH.TABLE + n * L.WATCH.BYTES;
      const w = all[n];
      this.i32[(at + L.WATCH.ACCESSES) >> 2] = w?.accesses ?? 0;
      if (w === undefined) continue;
      this.i64[(at + L.WATCH.FIRST) >> 3] = BigInt.asIntN(64, w.first);
      this.i64[(at + L.WATCH.LAST) >> 3] = BigInt.asIntN(64, w.first + BigInt(w.bytes - 1));
      this.i32[(at + L.WATCH.BIT) >> 2] = w.bit;
      this.dropRights(w.first);
    }
  }
  /** An access that TypeScript makes for an instruction or an exception. */
  access(va: bigint, bytes: number, write: boolean): void {
    if (this.i32[L.BOX.WATCH >> 2] === 0) return;
    const hits = this.watched(BigInt.asIntN(64, va), bytes, write ? 1 : 0);
    this.i32[L.BOX.WATCH_HITS >> 2] = (this.i32[L.BOX.WATCH_HITS >> 2] as number) | hits;
  }
  /** What was touched since the last call. */
  take(): number {
    const hits = this.i32[L.BOX.WATCH_HITS >> 2] as number;
    if (hits !== 0) this.i32[L.BOX.WATCH_HITS >> 2] = 0;
    return hits;
  }
}
