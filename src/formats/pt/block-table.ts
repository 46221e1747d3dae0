/**
 * Blocks: runs of instructions that end where the trace is needed. A block follows direct jumps, so that one block is one decision.
 * Columns of numbers; successors are block ids, resolved once and then read. Ids are never reused: a stream of block ids stays
 * readable after the code image changed.
 */
import { AddrMap } from './addr-map.ts';
import type { CodeImage } from './code-image.ts';
import { CLS, InsnTable } from './insn-table.ts';

/** How a block ends. */
export const END = {
  /** Conditional branch: one TNT result; `taken`, `fall`. */
  COND: 0,
  /** Direct call: `taken` is the callee, `fall` the return place. */
  CALL: 1,
  /** Near return: compressed (TNT) or TIP. */
  RET: 2,
  /** Indirect jump or far transfer: TIP. */
  TIP: 3,
  /** Indirect call: TIP; `fall` is the return place. */
  CALL_TIP: 4,
  /** Length limit or a cut: goes on at `taken`. */
  GOES_ON: 5,
  /** The next address has no code. */
  NOCODE: 6,
  /** The next bytes are no instruction. */
  BAD: 7,
  /** Part of a block that an event cut; it has no successor of its own. */
  PART: 8,
} as const;

/** Longest block, in instructions. Bounds one step of the walk, and makes `jmp .` end. */
export const MAX_BLOCK = 256;

export class BlockTable {
  readonly insns: InsnTable;
  count = 0;
  /** Instructions of block b: `pool[first[b]] … pool[first[b] + n[b] − 1]`, ids of `insns`. */
  first = new Int32Array(1024);
  n = new Int32Array(1024);
  end = new Uint8Array(1024);
  mode = new Uint8Array(1024);
  taken = new Int32Array(1024);
  fall = new Int32Array(1024);
  /** Address after the last instruction (or of the missing code). */
  nextLo = new Int32Array(1024);
  nextHi = new Int32Array(1024);
  pool = new Int32Array(8192);
  private poolUsed = 0;
  private readonly maps = [new AddrMap(), new AddrMap(), new AddrMap(4096)];
  private readonly parts = new Map<number, number>();
  private version: number;

  constructor(image: CodeImage) {
    this.insns = new InsnTable(image);
    this.version = image.version;
  }

  /** Drops what was decoded if the code image changed since. Call before walking; ids in hand must be looked up again. */
  refresh(): boolean {
    if (this.version === this.insns.image.version) return false;
    this.version = this.insns.image.version;
    for (const m of this.maps) m.clear();
    this.insns.forget();
    this.taken.fill(-1);
    this.fall.fill(-1);
    return true;
  }

  /** Id of the block that starts at an address. A place without code has a block, too: of no instructions, END.NOCODE. */
  at(lo: number, hi: number, mode: number): number {
    const known = this.maps[mode]!.get(lo, hi);
    return known >= 0 ? known : this.build(lo, hi, mode);
  }

  /** Successor if the conditional branch at the end is taken, the callee, or where a cut block goes on. */
  resolveTaken(b: number): number {
    const known = this.taken[b]!;
    if (known >= 0) return known;
    const { insns } = this;
    let lo = this.nextLo[b]!;
    let hi = this.nextHi[b]!;
    if (this.end[b] !== END.GOES_ON) {
      const last = this.lastInsn(b);
      lo = insns.targetLo[last]!;
      hi = insns.targetHi[last]!;
    }
    const id = this.at(lo, hi, this.mode[b]!);
    this.taken[b] = id;
    return id;
  }

  /** Successor in memory order: the branch not taken, or the return place of a call. */
  resolveFall(b: number): number {
    const known = this.fall[b]!;
    if (known >= 0) return known;
    const id = this.at(this.nextLo[b]!, this.nextHi[b]!, this.mode[b]!);
    this.fall[b] = id;
    return id;
  }

  /** Id of the block's last instruction; only for blocks with n > 0. */
  lastInsn(b: number): number {
    return this.pool[this.first[b]! + this.n[b]! - 1]!;
  }

  /** The first `count` instructions of block `b`, as a block of its own. */
  part(b: number, count: number): number {
    const key = b * (MAX_BLOCK + 1) + count;
    const known = this.parts.get(key);
    if (known !== undefined) return known;
    const id = this.allocate();
    this.first[id] = this.first[b]!;
    this.n[id] = count;
    this.end[id] = END.PART;
    this.mode[id] = this.mode[b]!;
    if (count < this.n[b]!) {
      const insn = this.pool[this.first[b]! + count]!;
      this.nextLo[id] = this.insns.lo[insn]!;
      this.nextHi[id] = this.insns.hi[insn]!;
    }
    this.parts.set(key, id);
    return id;
  }

  /** The instructions of `b` from its `from`-th on, as the block that starts there. */
  rest(b: number, from: number): number {
    const insn = this.pool[this.first[b]! + from]!;
    return this.at(this.insns.lo[insn]!, this.insns.hi[insn]!, this.mode[b]!);
  }

  /** An empty block that stands for a call whose return place is known, but whose code is another table's. */
  returnPlace(lo: number, hi: number, mode: number): number {
    const id = this.allocate();
    this.end[id] = END.CALL;
    this.mode[id] = mode;
    this.nextLo[id] = lo;
    this.nextHi[id] = hi;
    return id;
  }

  private allocate(): number {
    const id = this.count++;
    if (id >= this.n.length) this.growBlocks();
    this.taken[id] = -1;
    this.fall[id] = -1;
    return id;
  }

  private growBlocks(): void {
    const n = this.n.length * 2;
    const copy = <T extends Int32Array | Uint8Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.first = copy(new Int32Array(n), this.first);
    this.n = copy(new Int32Array(n), this.n);
    this.end = copy(new Uint8Array(n), this.end);
    this.mode = copy(new Uint8Array(n), this.mode);
    this.taken = copy(new Int32Array(n).fill(-1), this.taken);
    this.fall = copy(new Int32Array(n).fill(-1), this.fall);
    this.nextLo = copy(new Int32Array(n), this.nextLo);
    this.nextHi = copy(new Int32Array(n), this.nextHi);
  }

  private build(startLo: number, startHi: number, mode: number): number {
    const id = this.allocate();
    const { insns } = this;
    const first = this.poolUsed;
    if (first + MAX_BLOCK > this.pool.length) {
      const bigger = new Int32Array(this.pool.length * 2);
      bigger.set(this.pool);
      this.pool = bigger;
    }
    let n = 0;
    let lo = startLo;
    let hi = startHi;
    let end: number = END.GOES_ON;
    while (n < MAX_BLOCK) {
      const insn = insns.at(lo, hi, mode);
      const cls = insns.cls[insn]!;
      if (cls === CLS.NOCODE || cls === CLS.BAD) {
        end = cls === CLS.NOCODE ? END.NOCODE : END.BAD;
        break;
      }
      this.pool[first + n++] = insn;
      const sum = (lo >>> 0) + insns.len[insn]!;
      let nextLo = sum | 0;
      let nextHi = sum >= 4294967296 ? (hi + 1) | 0 : hi;
      if (cls === CLS.JMP || (cls === CLS.CALL && insns.targetLo[insn] === nextLo && insns.targetHi[insn] === nextHi)) {
        // A call to the next instruction only reads the IP: it is not on the return stack (SDM, "RET Compression").
        nextLo = insns.targetLo[insn]!;
        nextHi = insns.targetHi[insn]!;
        lo = nextLo;
        hi = nextHi;
        continue;
      }
      lo = nextLo;
      hi = nextHi;
      const ends = END_OF_CLASS[cls]!;
      if (ends >= 0) {
        end = ends;
        break;
      }
    }
    this.poolUsed = first + n;
    this.first[id] = first;
    this.n[id] = n;
    this.end[id] = end;
    this.mode[id] = mode;
    this.nextLo[id] = lo;
    this.nextHi[id] = hi;
    this.maps[mode]!.set(startLo, startHi, id);
    return id;
  }
}

const END_OF_CLASS = new Int8Array(16).fill(-1);
END_OF_CLASS[CLS.COND] = END.COND;
END_OF_CLASS[CLS.CALL] = END.CALL;
END_OF_CLASS[CLS.RET] = END.RET;
END_OF_CLASS[CLS.JMP_IND] = END.TIP;
END_OF_CLASS[CLS.FAR] = END.TIP;
END_OF_CLASS[CLS.VMENTRY] = END.TIP;
END_OF_CLASS[CLS.CALL_IND] = END.CALL_TIP;
