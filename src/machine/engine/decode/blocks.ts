/**
 * Blocks: straight runs of pre-decoded instructions, at most one page. A block belongs to (guest-physical page, linear address), so that
 * processes share translated code; links go straight from block to block only inside one page, everything else passes the jump cache,
 * which holds for the current address space only.
 */
import { Code, Decoder, DecoderOptions, Formatter, FormatterSyntax, Instruction, OpKind, Register } from 'iced-x86';
import type { CycleCosts } from '#arch/cpu-models/model.ts';
import type { Feature, FeatureWords } from '#arch/cpuid-features.ts';
import * as L from '../layout.ts';
import type { FormEntry, Manifest } from '../tier0/generate.ts';
import { lacking, withoutFeature } from './features.ts';
import { isMemory, REGISTERS, shapeOf } from './operands.ts';

const MAX_RECORDS = 64;
const PAGE = 4096;
const MAX_DECODERS = 512;

/** What is translated of one guest-physical page. */
interface CodePage {
  /** Linear page address → offset in the page → block. */
  readonly blocks: Map<bigint, Map<number, number>>;
  decoder: Decoder | undefined;
}

interface CachedShape {
  readonly entry: FormEntry;
  readonly imm: bigint | undefined;
}

/** Reads code: host address of a linear address for execution, or 0 (the fault is in the mailbox). */
export type FetchTranslate = (rip: bigint) => number;

export class Blocks {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly forms = new Map<string, FormEntry>();
  private readonly manifest: Manifest;
  private readonly costs: CycleCosts;
  private readonly features: FeatureWords;
  private readonly pages = new Map<number, CodePage>();
  private readonly shapes: (CachedShape | null | undefined)[] = [];
  private readonly classes = new Map<number, number>();
  private readonly instruction = new Instruction();
  private readonly crossing = new Set<number>();
  private readonly linkKinds = new Map<number, 'both' | 'taken' | 'fall'>();
  private next = L.CODE;
  private decoders = 0;
  /** Bumped whenever blocks die: pointers kept outside are void then. */
  epoch = 0;
  /** Pages that got their first block: their write rights must go. */
  onCodePage: () => void = () => {};

  /** `features`: what the processor has; an instruction of another feature is undefined. */
  constructor(memory: Uint8Array, view: DataView, manifest: Manifest, costs: CycleCosts, features: FeatureWords) {
    this.bytes = memory;
    this.view = view;
    this.manifest = manifest;
    this.costs = costs;
    this.features = features;
    for (const f of manifest.forms) {
      this.forms.set(f.key, f);
      if (f.branch === 'cond') this.linkKinds.set(f.function, 'both');
      else if (f.branch === 'jmp' || f.branch === 'call') this.linkKinds.set(f.function, 'taken');
    }
    this.linkKinds.set(manifest.fallFunction, 'fall');
    this.classOf(0, 0, 0, null, 0); // class 0: free (closing records)
  }

  /** The block at `rip`, decoded if need be; 0 = the fetch faults. `translate` is asked for the page(s). */
  at(rip: bigint, translate: FetchTranslate): number {
    const host = translate(rip);
    if (host === 0) return 0;
    const page = (host - L.PHYSICAL) >>> 12;
    const linear = rip & ~0xfffn;
    const offset = Number(rip & 0xfffn);
    const found = this.pages.get(page)?.blocks.get(linear)?.get(offset);
    if (found !== undefined) return found;
    return this.decode(rip, page, linear, offset, translate);
  }

  private pageOf(number: number): CodePage {
    let p = this.pages.get(number);
    if (p === undefined) {
      p = { blocks: new Map(), decoder: undefined };
      this.pages.set(number, p);
      this.bytes[L.CODE_FLAGS + number] = 1;
      this.onCodePage();
    }
    return p;
  }
  private register(page: number, linear: bigint, offset: number, block: number): void {
    const p = this.pageOf(page);
    let table = p.blocks.get(linear);
    if (table === undefined) {
      table = new Map();
      p.blocks.set(linear, table);
    }
    table.set(offset, block);
  }

  private decoderOf(page: number): Decoder {
    const p = this.pageOf(page);
    if (p.decoder === undefined) {
      if (this.decoders >= MAX_DECODERS) {
        for (const other of this.pages.values()) {
          other.decoder?.free();
          other.decoder = undefined;
        }
        this.decoders = 0;
      }
      const from = L.PHYSICAL + page * PAGE;
      p.decoder = new Decoder(64, this.bytes.subarray(from, from + PAGE), DecoderOptions.None);
      this.decoders++;
    }
    return p.decoder;
  }

  private decode(rip: bigint, page: number, linear: bigint, offset: number, translate: FetchTranslate): number {
    if (this.next + (MAX_RECORDS + 2) * L.RECORD.BYTES > L.CODE + L.CODE_BYTES) this.flush();
    const decoder = this.decoderOf(page);
    const kernel = rip >> 63n === 1n;
    const block = this.next;
    let rec = block + L.BLOCK.BYTES;
    let at = offset;
    let n = 0;
    let slots = 0;
    let evaLow = 0n;
    let evb = 0n;
    let ended = false;
    const i = this.instruction;
    while (n < MAX_RECORDS && at < PAGE && !ended) {
      decoder.position = at;
      decoder.ip = linear + BigInt(at);
      decoder.decodeOut(i);
      if (i.code === Code.INVALID && at + 15 > PAGE) {
        // It may continue on the next page: a block of its own, never linked (entered through the jump cache only).
        if (n > 0) break;
        const next = translate(linear + BigInt(PAGE));
        if (next === 0) return 0;
        const both = new Uint8Array(30);
        both.set(this.bytes.subarray(L.PHYSICAL + page * PAGE + at, L.PHYSICAL + (page + 1) * PAGE));
        both.set(this.bytes.subarray(next, next + 15), PAGE - at);
        const d = new Decoder(64, both, DecoderOptions.None);
        d.ip = linear + BigInt(at);
        d.decodeOut(i);
        d.free();
        this.crossing.add(block);
        this.register((next - L.PHYSICAL) >>> 12, linear + BigInt(PAGE), -1 - at, block);
      }
      const cls = this.emit(i, rec, at - offset, kernel);
      const row = L.CLASSES + cls.id * L.CLASS_BYTES;
      slots += this.view.getInt32(row, true);
      evaLow += this.view.getBigUint64(row + 8, true);
      evb += this.view.getBigUint64(row + 16, true);
      n++;
      rec += L.RECORD.BYTES;
      at += Math.max(i.length, 1);
      ended = cls.ends;
      if (ended && cls.transfers) break;
      if (ended) this.closing(rec, at - offset);
    }
    if (!ended) this.closing(rec, at - offset);
    rec += L.RECORD.BYTES;
    this.view.setInt32(block + L.BLOCK.COST, slots, true);
    this.view.setInt32(block + L.BLOCK.COST + 4, n, true);
    this.view.setBigUint64(block + L.BLOCK.EVA, evaLow, true);
    this.view.setBigUint64(block + L.BLOCK.EVB, evb, true);
    this.view.setBigUint64(block + L.BLOCK.RIP, rip, true);
    this.next = rec;
    this.register(page, linear, offset, block);
    return block;
  }

  /** The record that leads on when the block ends without a transfer. */
  private closing(rec: number, offset: number): void {
    this.bytes.fill(0, rec, rec + L.RECORD.BYTES);
    this.view.setUint16(rec + L.RECORD.HOT, this.manifest.fallHot, true);
    this.view.setUint16(rec + L.RECORD.FUNCTION, this.manifest.fallFunction, true);
    this.view.setUint16(rec + L.RECORD.OFFSET, offset, true);
  }

  private shape(i: Instruction, kernel: boolean): CachedShape | null {
    const hasMemory = [i.op0Kind, i.op1Kind, i.op2Kind].includes(OpKind.Memory);
    // Prefixes and control registers change the form: those are not cached.
    const cacheable = !i.isStringInstruction && !(kernel && i.code === Code.Nop_rm32) && i.mnemonic !== 0;
    const key = i.code * 4 + (hasMemory ? 2 : 0) + (kernel ? 1 : 0);
    const cached = cacheable ? this.shapes[key] : undefined;
    if (cached !== undefined) return cached;
    const s = shapeOf(i, kernel);
    const lacks = s.keys.length > 0 && lacking(i, this.features) !== undefined;
    let found: CachedShape | null = null;
    for (const key of s.keys) {
      const k = lacks ? withoutFeature(key) : key;
      const entry = k === undefined ? undefined : this.forms.get(k);
      if (entry !== undefined) {
        found = { entry, imm: s.imm };
        break;
      }
    }
    if (cacheable && s.imm === undefined) this.shapes[key] = found;
    return found;
  }

  private emit(i: Instruction, rec: number, offset: number, kernel: boolean): { id: number; ends: boolean; transfers: boolean } {
    const v = this.view;
    this.bytes.fill(0, rec, rec + L.RECORD.BYTES);
    const found = i.code === Code.INVALID ? null : this.shape(i, kernel);
    const entry = found?.entry ?? (this.forms.get('undefined') as FormEntry);
    v.setUint16(rec + L.RECORD.FUNCTION, entry.function, true);
    v.setUint8(rec + L.RECORD.LENGTH, i.length);
    v.setUint16(rec + L.RECORD.OFFSET, offset, true);
    let hot: number | undefined = entry.hot[''];
    if (found !== null) {
      let registers = 0;
      for (let n = 0; n < i.opCount; n++) {
        const kind = i.opKind(n);
        if (kind === OpKind.Register) {
          const r = REGISTERS[i.opRegister(n)];
          if (r === undefined) continue;
          if (registers < entry.registers.length) v.setUint16(rec + (entry.registers[registers] as number), r.offset, true);
          registers++;
        } else if (isMemory(kind)) hot = this.memory(i, rec, offset, entry);
        else if (kind >= OpKind.Immediate8 && kind <= OpKind.Immediate32to64)
          v.setBigUint64(rec + L.RECORD.IMM, immediateOf(i, n, entry.key), true);
        else if (kind === OpKind.NearBranch64) v.setInt32(rec + L.RECORD.DISP, Number(i.nearBranchTarget - i.nextIP), true);
      }
      if (found.imm !== undefined) v.setBigUint64(rec + L.RECORD.IMM, found.imm, true);
    }
    v.setUint16(rec + L.RECORD.HOT, hot ?? 0, true);
    const id = this.classOf(1, entry.loads, entry.stores, entry.branch, this.slotsOf(entry));
    v.setUint16(rec + L.RECORD.CLASS, id, true);
    return { id, ends: entry.ends, transfers: entry.branch !== null };
  }

  /** Fills the memory fields; returns the hot case for the operand's shape. */
  private memory(i: Instruction, rec: number, offset: number, entry: FormEntry): number | undefined {
    const v = this.view;
    let scale = [0, 0, 1, 0, 2, 0, 0, 0, 3][i.memoryIndexScale] ?? 0;
    let shape: 'b' | 'x' | 'a' = 'b';
    let base: number = L.REG.ZERO;
    let index: number = L.REG.ZERO;
    let segment: number = L.REG.ZERO;
    let disp: number;
    if (i.isIpRelMemoryOperand) {
      scale |= L.SCALE_RIP;
      shape = 'a';
      disp = Number(BigInt.asIntN(64, i.ipRelMemoryAddress - (i.ip - BigInt(offset))));
    } else {
      disp = Number(BigInt.asIntN(64, i.memoryDisplacement));
      const b = i.memoryBase;
      const x = i.memoryIndex;
      // POP m computes its address with RSP as already incremented.
      if (b === Register.RSP && entry.key.startsWith('pop:m')) disp += Number(entry.key.slice(5));
      if (b !== Register.None) base = REGISTERS[b]?.offset ?? L.REG.ZERO;
      if (x !== Register.None) {
        index = REGISTERS[x]?.offset ?? L.REG.ZERO;
        shape = 'x';
      }
      if (REGISTERS[b]?.w === 4 || REGISTERS[x]?.w === 4) scale |= L.SCALE_ADDR32;
    }
    const s = i.memorySegment;
    if (!entry.key.startsWith('lea')) {
      if (s === Register.FS) segment = L.REG.FS_BASE;
      if (s === Register.GS) segment = L.REG.GS_BASE;
    }
    if (segment !== L.REG.ZERO && shape === 'b') shape = 'x';
    v.setUint16(rec + L.RECORD.BASE, base, true);
    v.setUint16(rec + L.RECORD.INDEX, index, true);
    v.setUint8(rec + L.RECORD.SCALE, scale);
    v.setUint16(rec + L.RECORD.SEGMENT, segment, true);
    v.setInt32(rec + L.RECORD.DISP, disp, true);
    const odd = (scale & L.SCALE_ADDR32) !== 0 || (shape === 'a' && segment !== L.REG.ZERO) || disp !== (disp | 0);
    return odd ? 0 : entry.hot[shape];
  }

  private slotsOf(e: FormEntry): number {
    const c = this.costs;
    const own: Record<FormEntry['cost'], number> = {
      simple: c.simple,
      branch: c.branch,
      mul: c.mul,
      div: c.div,
      vector: c.vector,
      vectorDivide: c.vectorDivide,
      x87: c.x87,
      locked: c.locked,
      rep: c.simple,
      ringTransition: c.ringTransition,
      systemRegister: c.systemRegister,
    };
    return own[e.cost] + e.loads * c.load + e.stores * c.store;
  }
  private classOf(n: number, loads: number, stores: number, branch: FormEntry['branch'], slots: number): number {
    const kinds = ['cond', 'jmp', 'jmpInd', 'call', 'callInd', 'ret'] as const;
    const b = branch === null || branch === undefined ? 0 : kinds.indexOf(branch) + 1;
    const key = (((slots * 8 + b) * 16 + loads) * 16 + stores) * 2 + n;
    const known = this.classes.get(key);
    if (known !== undefined) return known;
    const id = this.classes.size;
    if (id >= L.CLASS_MAX) throw new Error('instruction classes exhausted');
    this.classes.set(key, id);
    const row = L.CLASSES + id * L.CLASS_BYTES;
    const evb: Record<string, bigint> = { cond: 1n, jmp: 1n << 16n, jmpInd: 1n << 32n, call: 1n << 48n };
    this.view.setInt32(row, slots, true);
    this.view.setInt32(row + 4, n, true);
    this.view.setBigUint64(row + 8, BigInt(loads) | (BigInt(stores) << 20n) | (branch === 'ret' ? 1n << 40n : 0n), true);
    this.view.setBigUint64(row + 16, (branch && evb[branch]) ?? 0n, true);
    return id;
  }

  /** Kills all blocks read from a guest-physical page. */
  invalidatePage(page: number): void {
    const p = this.pages.get(page);
    if (p === undefined) return;
    // A page-crossing block is listed with both its pages; the other entry may stay: its first page is looked up by RIP again.
    for (const [linear, table] of p.blocks) {
      for (const [offset] of table) if (offset < 0) this.forget(linear - BigInt(PAGE), -1 - offset);
    }
    p.decoder?.free();
    if (p.decoder !== undefined) this.decoders--;
    this.pages.delete(page);
    this.bytes[L.CODE_FLAGS + page] = 0;
    this.epoch++;
  }
  private forget(linear: bigint, offset: number): void {
    for (const p of this.pages.values()) p.blocks.get(linear)?.delete(offset);
  }
  /** The block's only instruction continues on the next page. */
  crosses(block: number): boolean {
    return this.crossing.has(block);
  }
  /** Which link fields the records of a form have. */
  linkKind(formFunction: number): 'both' | 'taken' | 'fall' | 'none' {
    return this.linkKinds.get(formFunction) ?? 'none';
  }
  isCode(page: number): boolean {
    return this.bytes[L.CODE_FLAGS + page] === 1;
  }
  flush(): void {
    for (const page of this.pages.keys()) this.invalidatePage(page);
    this.next = L.CODE;
    this.crossing.clear();
    this.epoch++;
  }

  /** The instruction at `rip` as text, for messages, and the feature that this processor lacks for it. */
  describe(code: Uint8Array, rip: bigint): { readonly text: string; readonly lacks: Feature | undefined } {
    const d = new Decoder(64, code, DecoderOptions.None);
    d.ip = rip;
    const i = d.decode();
    const f = new Formatter(FormatterSyntax.Intel);
    const known = i.code !== Code.INVALID;
    const described = { text: known ? f.format(i) : '', lacks: known ? lacking(i, this.features) : undefined };
    for (const x of [d, i, f]) x.free();
    return described;
  }
}

/** Truncated to the first operand's width, or raw for SIMD forms. */
function immediateOf(i: Instruction, n: number, key: string): bigint {
  const v = i.immediate(n);
  const w = Number(/:[rm](\d+)/.exec(key)?.[1] ?? 8);
  return BigInt.asUintN(Math.min(w, 8) * 8, v);
}
