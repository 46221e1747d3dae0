/**
 * Decoded instructions as columns: address, length, class, branch target. Decoding itself is `iced-x86`; this file is its only
 * user in `formats`, and every instruction goes through it once. Hot code reads the columns.
 */
import { Code, type Decoder, DecoderOptions, Decoder as IcedDecoder, FlowControl, Instruction, Register } from 'iced-x86';
import { AddrMap, ip64, ipHi, ipLo } from './addr-map.ts';
import type { CodeImage } from './code-image.ts';

/** What an instruction means to a trace. FAR: any far transfer (needs a TIP). NOCODE and BAD are places, not instructions. */
export const CLS = {
  OTHER: 0,
  COND: 1,
  JMP: 2,
  JMP_IND: 3,
  CALL: 4,
  CALL_IND: 5,
  RET: 6,
  FAR: 7,
  PTWRITE: 8,
  MOV_CR3: 9,
  VMPTRLD: 10,
  /** VMLAUNCH, VMRESUME: a far transfer that also loads CR3 and the VMCS context. */
  VMENTRY: 11,
  BAD: 12,
  NOCODE: 13,
} as const;

/** Execution mode as the decoder's bitness index. */
export const MODE = { BITS16: 0, BITS32: 1, BITS64: 2 } as const;
const BITNESS = [16, 32, 64] as const;

const PAGE = 4096;
const LOOKAHEAD = 15;
const MAX_DECODERS = 2048;

const NEXT_SPECIAL = new Map<number, number>([
  [Code.Mov_cr_r32, CLS.MOV_CR3],
  [Code.Mov_cr_r64, CLS.MOV_CR3],
  [Code.Vmptrld_m64, CLS.VMPTRLD],
  [Code.Ptwrite_rm32, CLS.PTWRITE],
  [Code.Ptwrite_rm64, CLS.PTWRITE],
]);
/** AMD's own transfers and the SGX/TDX leaves leave no packet of their own on a traced Intel processor. */
const NOT_TRANSFERS = new Set<number>([Code.Vmmcall, Code.Vmgexit, Code.Vmgexit_F2, Code.Vmrunw, Code.Vmrund, Code.Vmrunq, Code.Skinit]);
const NEAR_RETS = new Set<number>([Code.Retnw, Code.Retnd, Code.Retnq, Code.Retnw_imm16, Code.Retnd_imm16, Code.Retnq_imm16]);
const NEAR_JMP_IND = new Set<number>([Code.Jmp_rm16, Code.Jmp_rm32, Code.Jmp_rm64]);
const NEAR_CALL_IND = new Set<number>([Code.Call_rm16, Code.Call_rm32, Code.Call_rm64]);
const NEAR_JMP = new Set<number>([
  Code.Jmp_rel8_16,
  Code.Jmp_rel8_32,
  Code.Jmp_rel8_64,
  Code.Jmp_rel16,
  Code.Jmp_rel32_32,
  Code.Jmp_rel32_64,
]);
const NEAR_CALL = new Set<number>([Code.Call_rel16, Code.Call_rel32_32, Code.Call_rel32_64]);
const VM_ENTRIES = new Set<number>([Code.Vmlaunch, Code.Vmresume]);

/** The instruction table of one code image. Ids are dense; columns grow by doubling, so re-read them after `at()`. */
export class InsnTable {
  readonly image: CodeImage;
  count = 0;
  lo = new Int32Array(4096);
  hi = new Int32Array(4096);
  cls = new Uint8Array(4096);
  len = new Uint8Array(4096);
  /** Target of a direct branch; otherwise 0. */
  targetLo = new Int32Array(4096);
  targetHi = new Int32Array(4096);
  private readonly maps = [new AddrMap(), new AddrMap(), new AddrMap(4096)];
  private decoders = new Map<string, Decoder>();
  private readonly pageBytes = new Uint8Array(PAGE + LOOKAHEAD);
  private readonly insn = new Instruction();

  constructor(image: CodeImage) {
    this.image = image;
  }

  /** Forgets everything (the code image changed); ids of before stay readable, new lookups decode again. */
  forget(): void {
    for (const m of this.maps) m.clear();
    this.dropDecoders();
  }

  private dropDecoders(): void {
    for (const d of this.decoders.values()) d.free();
    this.decoders.clear();
  }

  private grow(): void {
    const n = this.lo.length * 2;
    const copy = <T extends Int32Array | Uint8Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.lo = copy(new Int32Array(n), this.lo);
    this.hi = copy(new Int32Array(n), this.hi);
    this.cls = copy(new Uint8Array(n), this.cls);
    this.len = copy(new Uint8Array(n), this.len);
    this.targetLo = copy(new Int32Array(n), this.targetLo);
    this.targetHi = copy(new Int32Array(n), this.targetHi);
  }

  /** Id of the instruction at an address; places without code or without a valid instruction have ids too (class NOCODE, BAD). */
  at(lo: number, hi: number, mode: number): number {
    const map = this.maps[mode]!;
    const known = map.get(lo, hi);
    if (known >= 0) return known;
    const id = this.count++;
    if (id >= this.lo.length) this.grow();
    this.lo[id] = lo;
    this.hi[id] = hi;
    this.decode(id, lo, hi, mode);
    map.set(lo, hi, id);
    return id;
  }

  /** The page's decoder, holding its bytes and the 15 that follow. */
  private decoder(pageLo: number, hi: number, mode: number): Decoder | undefined {
    const key = `${mode}:${hi}:${pageLo}`;
    const known = this.decoders.get(key);
    if (known !== undefined) return known;
    const n = this.image.read(pageLo, hi, this.pageBytes);
    if (n === 0) return undefined;
    if (this.decoders.size >= MAX_DECODERS) this.dropDecoders();
    const d = new IcedDecoder(BITNESS[mode]!, this.pageBytes.slice(0, n), DecoderOptions.None);
    this.decoders.set(key, d);
    return d;
  }

  private decode(id: number, lo: number, hi: number, mode: number): void {
    const pageLo = lo & ~(PAGE - 1);
    const offset = lo & (PAGE - 1);
    let d = this.decoder(pageLo, hi, mode);
    let own: Decoder | undefined;
    if (d === undefined || offset + LOOKAHEAD > d.maxPosition) {
      // The page is not wholly mapped, or the instruction may cross into other bytes: decode just this one.
      const bytes = new Uint8Array(LOOKAHEAD);
      const n = this.image.read(lo, hi, bytes);
      if (n === 0) {
        this.cls[id] = CLS.NOCODE;
        return;
      }
      own = new IcedDecoder(BITNESS[mode]!, bytes.subarray(0, n), DecoderOptions.None);
      d = own;
      d.position = 0;
    } else d.position = offset;
    const { insn } = this;
    d.decodeOut(insn);
    const flow = insn.flowControl;
    const { code } = insn;
    this.len[id] = insn.length;
    let cls: number = CLS.OTHER;
    if (code === Code.INVALID) cls = CLS.BAD;
    else if (flow === FlowControl.Next) {
      cls = NEXT_SPECIAL.get(code) ?? CLS.OTHER;
      if (cls === CLS.MOV_CR3 && !this.writesCr3()) cls = CLS.OTHER;
    } else if (flow === FlowControl.ConditionalBranch) cls = CLS.COND;
    else cls = this.transferClass(code, flow);
    this.cls[id] = cls;
    if (cls === CLS.COND || cls === CLS.JMP || cls === CLS.CALL) this.setTarget(id, lo, hi, mode);
    own?.free();
  }

  private writesCr3(): boolean {
    return this.insn.op0Register === Register.CR3;
  }

  private transferClass(code: number, flow: number): number {
    if (NEAR_RETS.has(code)) return CLS.RET;
    if (NEAR_JMP.has(code)) return CLS.JMP;
    if (NEAR_CALL.has(code)) return CLS.CALL;
    if (NEAR_JMP_IND.has(code)) return CLS.JMP_IND;
    if (NEAR_CALL_IND.has(code)) return CLS.CALL_IND;
    if (VM_ENTRIES.has(code)) return CLS.VMENTRY;
    if (flow === FlowControl.XbeginXabortXend || flow === FlowControl.Exception || NOT_TRANSFERS.has(code)) return CLS.OTHER;
    return CLS.FAR;
  }

  /** The decoder's IP runs from 0 in each page, so the target is a displacement to the instruction's own place. */
  private setTarget(id: number, lo: number, hi: number, mode: number): void {
    const { insn } = this;
    const rel = insn.nearBranchTarget - insn.ip;
    let target = ip64(lo, hi) + BigInt.asIntN(64, rel);
    if (mode === MODE.BITS32) target &= 0xffff_ffffn;
    if (mode === MODE.BITS16) target = (ip64(lo, hi) & ~0xffffn) | (target & 0xffffn);
    this.targetLo[id] = ipLo(target);
    this.targetHi[id] = ipHi(target);
  }
}
