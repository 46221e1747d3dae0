/**
 * Blocks: straight runs of pre-decoded instructions, at most one page. A block belongs to (guest-physical page, linear address), so that
 * processes share translated code; links go straight from block to block only inside one page, everything else passes the jump cache,
 * which holds for the current address space only.
 */
import { Code, Decoder, DecoderOptions, Formatter, FormatterSyntax, Instruction } from 'iced-x86';
import type { CycleCosts } from '#arch/cpu-models/model.ts';
import type { Feature, FeatureWords } from '#arch/cpuid-features.ts';
import * as L from '../layout.ts';
import type { Manifest } from '../tier0/generate.ts';
import { lacking } from './features.ts';
import { arithmeticSums } from './arithmetic.ts';
import { branchIndex, packSums, Records } from './records.ts';

const MAX_RECORDS = 64;
const PAGE = 4096;
const MAX_DECODERS = 512;

/** What is translated of one guest-physical page. */
interface CodePage {
  /** Linear page number → offset in the page → block. */
  readonly blocks: Map<number, Map<number, number>>;
  decoder: Decoder | undefined;
}

/** Reads code: host address of a linear address (in halves) for execution, or 0 (the fault is in the mailbox). */
export type FetchTranslate = (low: number, high: number) => number;

/** Linear page number: exact in a double. */
const pageNumber = (low: number, high: number): number => (high >>> 0) * 0x10_0000 + (low >>> 12);

/** The page behind the one of a linear address, as its halves. */
const nextPage = (low: number, high: number): [low: number, high: number] => [
  ((low & ~0xfff) + PAGE) | 0,
  (low | 0xfff) === -1 ? high + 1 : high,
];

export class Blocks {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly manifest: Manifest;
  private features: FeatureWords;
  private readonly records: Records;
  private readonly pages = new Map<number, CodePage>();
  private readonly instruction = new Instruction();
  /** Blocks whose only instruction goes on in a second page → that page. */
  private readonly crossing = new Map<number, number>();
  private readonly linkKinds = new Map<number, 'both' | 'taken' | 'fall'>();
  private next = L.CODE;
  private decoders = 0;
  /** Linear addresses at which a block begins, whatever leads there. */
  breaks: readonly bigint[] = [];
  /** Bumped whenever blocks die: pointers kept outside are void then. */
  epoch = 0;
  /** Pages that got their first block: their write rights must go. */
  onCodePage: () => void = () => {};
  /** All blocks and records are about to be overwritten. */
  onFlush: () => void = () => {};

  /** `features`: what the processor has; an instruction of another feature is undefined. */
  constructor(memory: Uint8Array, view: DataView, manifest: Manifest, costs: CycleCosts, features: FeatureWords) {
    this.bytes = memory;
    this.view = view;
    this.manifest = manifest;
    this.features = features;
    this.records = new Records(memory, view, manifest, costs, features);
    for (const f of manifest.forms) {
      if (f.branch === 'cond') this.linkKinds.set(f.function, 'both');
      else if (f.branch === 'jmp' || f.branch === 'call') this.linkKinds.set(f.function, 'taken');
    }
    this.linkKinds.set(manifest.fallFunction, 'fall');
  }

  /** XCR0 or CR4 changed what may be executed: everything is decoded anew. */
  setFeatures(words: FeatureWords): void {
    this.features = words;
    this.records.setFeatures(words);
    this.flush();
  }

  /** The block at a linear address, decoded if need be; 0 = the fetch faults. `translate` is asked for the page(s). */
  at(low: number, high: number, translate: FetchTranslate): number {
    const host = translate(low, high);
    if (host === 0) return 0;
    const page = (host - L.PHYSICAL) >>> 12;
    const found = this.pages
      .get(page)
      ?.blocks.get(pageNumber(low, high))
      ?.get(low & 0xfff);
    if (found === undefined) return this.decode(low, high, page, translate);
    const second = this.crossing.get(found);
    if (second === undefined) return found;
    // The second page may have lost its rights since, or be another one.
    const next = translate(...nextPage(low, high));
    if (next === 0) return 0;
    return (next - L.PHYSICAL) >>> 12 === second ? found : this.decode(low, high, page, translate);
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
  private register(page: number, linear: number, offset: number, block: number): void {
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

  private decode(low: number, high: number, page: number, translate: FetchTranslate): number {
    if (this.next + (MAX_RECORDS + 2) * L.RECORD.BYTES > L.CODE + L.CODE_BYTES) this.flush();
    const rip = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    const linear = pageNumber(low, high);
    const offset = low & 0xfff;
    const start = L.PHYSICAL + page * PAGE;
    const kernel = high < 0;
    const block = this.next;
    const i = this.instruction;
    let decoder = this.decoderOf(page);
    decoder.position = offset;
    decoder.ip = rip;
    let code = this.view;
    let end = start + offset;
    let rec = block + L.BLOCK.BYTES;
    let at = offset;
    let [n, slots, loads, stores] = [0, 0, 0, 0];
    const arithmetic = [0, 0]; // at most 2 of each of MAX_RECORDS: no byte overflows
    const branches = [0, 0, 0, 0, 0, 0];
    let ended = false;
    let second = 0;
    const breaks = this.breaks.filter((a) => a >> 12n === rip >> 12n).map((a) => Number(a & 0xfffn));
    while (n < MAX_RECORDS && at < PAGE && !ended) {
      if (n > 0 && breaks.includes(at)) break;
      decoder.decodeOut(i);
      let spare: Decoder | undefined;
      if (i.code === Code.INVALID && at + 15 > PAGE) {
        // It may continue on the next page: a block of its own, never linked (entered through the jump cache only).
        if (n > 0) break;
        const [nextLow, nextHigh] = nextPage(low, high);
        const next = translate(nextLow, nextHigh);
        if (next === 0) return 0;
        const both = new Uint8Array(30);
        both.set(this.bytes.subarray(start + at, start + PAGE));
        both.set(this.bytes.subarray(next, next + 15), PAGE - at);
        decoder = spare = new Decoder(64, both, DecoderOptions.None);
        decoder.ip = rip;
        decoder.decodeOut(i);
        code = new DataView(both.buffer);
        end = 0;
        second = (next - L.PHYSICAL) >>> 12;
        this.crossing.set(block, second);
        this.register(second, pageNumber(nextLow, nextHigh), -1 - at, block);
      }
      const length = Math.max(i.length, 1);
      end += length;
      const plan = this.records.write({ decoder, instruction: i, code, end }, rec, at - offset, kernel);
      spare?.free();
      slots += plan.slots;
      loads += plan.loads;
      stores += plan.stores;
      if (plan.arithmetic !== 0)
        for (const [k, more] of arithmeticSums(plan.arithmetic).entries()) arithmetic[k] = (arithmetic[k] as number) + more;
      const kind = branchIndex(plan.branch);
      if (kind >= 0) branches[kind] = 1; // a branch ends its block
      n++;
      rec += L.RECORD.BYTES;
      at += length;
      ended = plan.ends;
      if (ended && plan.transfers) break;
      if (ended) this.closing(rec, at - offset);
    }
    if (!ended) this.closing(rec, at - offset);
    rec += L.RECORD.BYTES;
    const v = this.view;
    v.setInt32(block + L.BLOCK.COST, slots, true);
    v.setInt32(block + L.BLOCK.COST + 4, n, true);
    const words = packSums(loads, stores, branches);
    for (let k = 0; k < 4; k++) v.setInt32(block + L.BLOCK.EVA + k * 4, words[k] as number, true);
    for (let k = 0; k < 2; k++) v.setInt32(block + L.BLOCK.ARITHMETIC + k * 4, arithmetic[k] as number, true);
    v.setInt32(block + L.BLOCK.RIP, low, true);
    v.setInt32(block + L.BLOCK.RIP + 4, high, true);
    v.setInt32(block + L.BLOCK.PLACE, start + offset, true);
    v.setInt32(block + L.BLOCK.SPAN, (at - offset) | (second << 12), true);
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

  /** Kills all blocks read from a guest-physical page. */
  invalidatePage(page: number): void {
    const p = this.pages.get(page);
    if (p === undefined) return;
    // A page-crossing block is listed with both its pages; the other entry may stay: its first page is looked up by RIP again.
    for (const [linear, table] of p.blocks) {
      for (const [offset] of table) if (offset < 0) this.forget(linear - 1, -1 - offset);
    }
    p.decoder?.free();
    if (p.decoder !== undefined) this.decoders--;
    this.pages.delete(page);
    this.bytes[L.CODE_FLAGS + page] = 0;
    this.epoch++;
  }
  /** Blocks that run over a new one, or point at it, die. */
  setBreaks(addresses: readonly bigint[]): void {
    const pages = addresses.filter((a) => !this.breaks.includes(a)).map((a) => Number(a >> 12n));
    this.breaks = addresses;
    if (pages.length === 0) return;
    for (const [number, p] of this.pages) if (pages.some((linear) => p.blocks.has(linear))) this.invalidatePage(number);
  }
  isBreak(low: number, high: number): boolean {
    return this.breaks.length > 0 && this.breaks.includes((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
  }
  private forget(linear: number, offset: number): void {
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
    this.onFlush();
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
