/**
 * The models once more, plainly, for the tests: sets as arrays, newest first, numbers as they come. Shares no code with src/machine/models.
 * It is fed with accesses, fetches and branches; the counts have the names of docs/machine/models.md.
 */

export interface Sizes {
  readonly l1d: readonly [sets: number, ways: number];
  readonly l1i: readonly [sets: number, ways: number];
  readonly l2: readonly [sets: number, ways: number] | undefined;
  readonly llc: readonly [sets: number, ways: number];
  readonly inclusive: boolean;
  readonly dtlb: readonly [sets: number, ways: number];
  readonly itlb: readonly [sets: number, ways: number];
  readonly stlb: readonly [sets: number, ways: number] | undefined;
  readonly bimodal: number;
  readonly gshare: number;
  readonly history: number;
  readonly btb: number;
  readonly path: number;
  readonly returns: number;
}

/** A set-associative table with least-recently-used replacement. */
class Lru {
  readonly sets: bigint[][];
  readonly ways: number;
  constructor([sets, ways]: readonly [number, number]) {
    this.sets = Array.from({ length: sets }, () => []);
    this.ways = ways;
  }
  private at(key: bigint): bigint[] {
    return this.sets[Number(BigInt.asUintN(40, key) % BigInt(this.sets.length))] as bigint[];
  }
  /** Was it there? It is now, and the newest. */
  use(key: bigint): { hit: boolean; out: bigint | undefined } {
    const set = this.at(key);
    const i = set.indexOf(key);
    if (i >= 0) set.splice(i, 1);
    set.unshift(key);
    return { hit: i >= 0, out: set.length > this.ways ? set.pop() : undefined };
  }
  remove(key: bigint): void {
    const set = this.at(key);
    const i = set.indexOf(key);
    if (i >= 0) set.splice(i, 1);
  }
  retain(stays: (key: bigint) => boolean): void {
    for (const [i, set] of this.sets.entries()) this.sets[i] = set.filter(stays);
  }
}

export type Ring = 'user' | 'kernel';
export type Kind = 'cond' | 'jmp' | 'jmpInd' | 'call' | 'callInd' | 'ret';
const PAGE = 4096n;

export class Reference {
  readonly counts = new Map<string, number>();
  ring: Ring = 'kernel';
  private readonly l1d: Lru;
  private readonly l1i: Lru;
  private readonly l2: Lru | undefined;
  private readonly llc: Lru;
  private readonly dtlb: Lru;
  private readonly itlb: Lru;
  private readonly stlb: Lru | undefined;
  private readonly s: Sizes;
  private line = -1n;
  private codePage: bigint | undefined;
  private dataPage: bigint | undefined;
  private readonly bimodal: number[];
  private readonly chooser: number[];
  private readonly gshare: number[];
  private history = 0;
  private path = 0;
  private readonly lastTarget = new Map<number, readonly [rip: bigint, target: bigint]>();
  private readonly pathTarget = new Map<number, readonly [rip: bigint, target: bigint]>();
  private stack: bigint[] = [];

  constructor(s: Sizes) {
    this.s = s;
    this.l1d = new Lru(s.l1d);
    this.l1i = new Lru(s.l1i);
    this.l2 = s.l2 && new Lru(s.l2);
    this.llc = new Lru(s.llc);
    this.dtlb = new Lru(s.dtlb);
    this.itlb = new Lru(s.itlb);
    this.stlb = s.stlb && new Lru(s.stlb);
    this.bimodal = Array<number>(s.bimodal).fill(1);
    this.chooser = Array<number>(s.bimodal).fill(1);
    this.gshare = Array<number>(s.gshare).fill(1);
  }

  private count(name: string): void {
    const key = `${this.ring} ${name}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  /** Level that had the line: 1 to 4. */
  private lookUp(first: Lru, line: bigint, cause: 'LOAD' | 'STORE' | 'CODE'): number {
    if (first.use(line).hit) return 1;
    this.count(cause === 'CODE' ? 'L1I_MISS' : 'L1D_REPLACEMENT');
    if (cause === 'STORE') this.count('L1D_RFO');
    if (this.l2?.use(line).hit === true) return 2;
    this.count(`LLC_${cause}`);
    const { hit, out } = this.llc.use(line);
    if (hit) return 3;
    this.count(`LLC_${cause}_MISS`);
    if (this.s.inclusive && out !== undefined) {
      for (const c of [this.l1d, this.l1i, this.l2]) c?.remove(out);
      if (this.line === out) this.line = -1n;
    }
    return 4;
  }
  /** Did it walk? */
  private translate(first: Lru, page: bigint, name: string): boolean {
    if (first.use(page).hit) return false;
    const hit = this.stlb?.use(page).hit === true;
    this.count(hit ? `${name}_STLB_HIT` : `${name}_WALK`);
    return !hit;
  }
  /** SSE and AVX arithmetic, and NOPs. */
  retire(name: string, times: number): void {
    for (let k = 0; k < times; k++) this.count(name);
  }

  /** `place`: physical address of a linear one. `own`: an instruction's own access. */
  access(va: bigint, bytes: number, write: boolean, place: (va: bigint) => bigint, own = true): void {
    const cause = write ? 'STORE' : 'LOAD';
    let level = 1;
    let walked = false;
    const last = va + BigInt(bytes) - 1n;
    for (let at = va; at <= last; at = (at | 63n) + 1n) {
      const page = at / PAGE;
      if (page !== this.dataPage) walked = this.translate(this.dtlb, BigInt.asIntN(52, page), `DTLB_${cause}`) || walked;
      this.dataPage = page;
      level = Math.max(level, this.lookUp(this.l1d, place(at) >> 6n, cause));
    }
    if (own && walked) this.count(`${cause}_STLB_MISS`);
    if (own && va >> 6n !== last >> 6n) this.count(`SPLIT_${cause}`);
    if (!own || level === 1) return;
    this.count(`${cause}_L1_MISS`);
    if (write) return;
    if (level > 2) this.count('LOAD_L2_MISS');
    if (level > 3) this.count('LOAD_LLC_MISS');
  }

  fetch(rip: bigint, bytes: number, place: (va: bigint) => bigint): void {
    for (let at = rip; at < rip + BigInt(bytes); at = (at | 63n) + 1n) {
      const line = place(at) >> 6n;
      if (line === this.line) continue;
      this.line = line;
      const page = at / PAGE;
      if (page !== this.codePage) this.translate(this.itlb, BigInt.asIntN(52, page), 'ITLB');
      this.codePage = page;
      this.lookUp(this.l1i, line, 'CODE');
    }
  }

  /** CR3 was written: supervisor pages stay. */
  flush(): void {
    for (const t of [this.dtlb, this.itlb, this.stlb]) t?.retain((page) => page < 0n);
    this.codePage = undefined;
    this.dataPage = undefined;
  }
  invalidate(va: bigint): void {
    for (const t of [this.dtlb, this.itlb, this.stlb]) t?.remove(BigInt.asIntN(52, va / PAGE));
    this.codePage = undefined;
    this.dataPage = undefined;
  }

  /** Mispredicted? */
  branch(kind: Kind, rip: bigint, bytes: number, taken: boolean, target: bigint): boolean {
    const next = rip + BigInt(bytes);
    const low = Number(BigInt.asUintN(32, rip));
    switch (kind) {
      case 'cond': {
        const local = (low ^ (low >>> 13)) & (this.s.bimodal - 1);
        const global = (low ^ this.history) & (this.s.gshare - 1);
        const [b, g, c] = [this.bimodal[local], this.gshare[global], this.chooser[local]] as [number, number, number];
        const says = (c > 1 ? g : b) > 1;
        const move = (table: number[], i: number, up: boolean): void => {
          table[i] = Math.min(3, Math.max(0, (table[i] as number) + (up ? 1 : -1)));
        };
        move(this.bimodal, local, taken);
        move(this.gshare, global, taken);
        if (b > 1 !== g > 1) move(this.chooser, local, g > 1 === taken);
        this.history = (this.history * 2 + (taken ? 1 : 0)) % this.s.history;
        if (says === taken) return false;
        this.count(taken ? 'MISPREDICTED_TAKEN' : 'MISPREDICTED_NOT_TAKEN');
        return true;
      }
      case 'call':
        this.push(next);
        return false;
      case 'ret': {
        const wrong = this.stack.pop() !== target;
        if (wrong) this.count('MISPREDICTED_RET');
        return wrong;
      }
      case 'callInd':
        this.push(next);
        return this.indirect('MISPREDICTED_CALL', rip, low, target);
      case 'jmpInd':
        return this.indirect('MISPREDICTED_JMP', rip, low, target);
      case 'jmp':
        return false;
    }
  }
  private push(next: bigint): void {
    this.stack.push(next);
    if (this.stack.length > this.s.returns) this.stack.shift();
  }
  private indirect(name: string, rip: bigint, low: number, target: bigint): boolean {
    const onPath = (low ^ (low >>> 11) ^ this.path) & (this.s.path - 1);
    const last = (low ^ (low >>> 12)) & (this.s.btb - 1);
    const [a, b] = [this.pathTarget.get(onPath), this.lastTarget.get(last)];
    const says = a?.[0] === rip ? a[1] : b?.[0] === rip ? b[1] : undefined;
    this.pathTarget.set(onPath, [rip, target]);
    this.lastTarget.set(last, [rip, target]);
    this.path = ((this.path << 3) | Number((target ^ (target >> 4n)) & 7n)) & 0x7fff;
    if (says === target) return false;
    this.count(name);
    return true;
  }
}
