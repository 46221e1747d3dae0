/** `perf script`'s text of a sample. The fixed fields are read through the layout; nothing is allocated for a plain sample. tools/perf/builtin-script.c process_event. */
import { PERF_BRANCH_ENTRY, PERF_BR, PERF_SAMPLE_BRANCH } from '#abi/perf-event/branch.ts';
import { PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
import { PERF_CONTEXT, PERF_REG_X86, PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { encodeUtf8 } from '#base/utf8.ts';
import type { TextBuffer } from '#base/text-buffer.ts';
import type { SymbolResolver } from '../symbols-port.ts';
import type { MapEntry } from './address-map.ts';
import { chainFrames } from './callchain.ts';
import type { RecordCursor } from './cursor.ts';
import { dataSrcText } from './data-src-text.ts';
import type { EventEntry, Recording } from './recording.ts';
import { AddressNamer } from './resolve.ts';
import type { PerfEventAttr } from './attr.ts';
import { type BranchStack, decodeSample, type Registers, type Sample } from './sample.ts';
import { readsCounters, SampleReads } from './sample-read.ts';
import { type FieldChoice, type FieldSet, fieldsOf } from './script-fields.ts';
import type { Session, Thread } from './session.ts';

const TWO32 = 0x1_0000_0000;
const EXACT_HI = 0x20_0000; // above, a u64 is no exact number

export interface ScriptOptions {
  readonly fields?: FieldChoice;
  readonly resolver?: SymbolResolver;
  /** Samples of guests are shown; perf drops them without --guest. */
  readonly guest?: boolean;
  /** Callchains on one line each are not printed: perf's -G. */
  readonly hideCallGraph?: boolean;
  /** Nine digits of time instead of six. */
  readonly ns?: boolean;
}

interface Plan {
  readonly fields: FieldSet;
  readonly name: Uint8Array;
  readonly chain: boolean;
  readonly details: boolean;
  readonly namer: AddressNamer;
}

export class SamplePrinter {
  /** Samples of guests that were not printed. */
  guestSkipped = 0;
  /** Samples shorter than their fixed fields. */
  short = 0;
  readonly #recording: Recording;
  readonly #reads: SampleReads;
  readonly #session: Session;
  readonly #out: TextBuffer;
  readonly #options: ScriptOptions;
  readonly #plans: (Plan | undefined)[] = [];
  #nameWidth = -1;
  #dataSrcWidth = 0;

  constructor(recording: Recording, session: Session, out: TextBuffer, options: ScriptOptions) {
    this.#recording = recording;
    this.#reads = new SampleReads(recording);
    this.#session = session;
    this.#out = out;
    this.#options = options;
  }

  #plan(event: EventEntry): Plan {
    let plan = this.#plans[event.index];
    if (plan !== undefined) return plan;
    // the width is that of the longest name known when the first sample comes
    if (this.#nameWidth < 0) this.#nameWidth = Math.max(...this.#recording.events.map((e) => e.name.length));
    const fields = fieldsOf(event.attr, this.#options.fields);
    const chain = (event.attr.sample_type & PERF_SAMPLE.CALLCHAIN) !== 0 && this.#options.hideCallGraph !== true && fields.ip;
    plan = {
      fields,
      name: encodeUtf8(`${event.name.padStart(this.#nameWidth)}: `),
      chain,
      details:
        chain ||
        fields.brstack ||
        fields.brstacksym ||
        fields.brstackoff ||
        fields.iregs ||
        fields.uregs ||
        fields.weight ||
        fields.data_src ||
        fields.phys_addr ||
        fields.data_page_size ||
        fields.code_page_size,
      namer: new AddressNamer(this.#options.resolver, fields),
    };
    this.#plans[event.index] = plan;
    return plan;
  }

  /** `before`: what -D says of the sample, ahead of each of its lines. */
  print(cursor: RecordCursor, event: EventEntry, before = ''): void {
    const layout = event.layout;
    const counters = readsCounters(event);
    if (before !== '' && !counters) this.#out.text(before);
    if (cursor.size < layout.variable) {
      this.short++;
      return;
    }
    const mode = cursor.misc & PERF_RECORD_MISC.CPUMODE_MASK;
    if ((mode === PERF_RECORD_MISC.GUEST_KERNEL || mode === PERF_RECORD_MISC.GUEST_USER) && this.#options.guest !== true) {
      this.guestSkipped++;
      return;
    }
    if (!counters) {
      this.#line(cursor, event, event, undefined);
      return;
    }
    for (const d of this.#reads.deliver(cursor, event)) {
      if (before !== '') this.#out.text(before);
      this.#line(cursor, event, d.event, d.period);
    }
  }

  /** `shown`: the event that the line is for; `period`: the difference of its counter, where the sample carries counters. */
  #line(cursor: RecordCursor, event: EventEntry, shown: EventEntry, period: bigint | undefined): void {
    const layout = event.layout;
    const mode = cursor.misc & PERF_RECORD_MISC.CPUMODE_MASK;
    const plan = this.#plan(shown);
    const fields = plan.fields;
    const out = this.#out;
    const hasTid = layout.tid >= 0;
    const pid = hasTid ? cursor.u32(layout.tid) | 0 : -1;
    const tid = hasTid ? cursor.u32(layout.tid + 4) | 0 : -1;
    const thread = this.#session.thread(pid, tid);
    if (fields.comm) {
      if (thread.commBytes === undefined) thread.commBytes = encodeUtf8(thread.comm);
      const comm = thread.commBytes;
      if (!plan.chain) for (let i = comm.length; i < 16; i++) out.byte(32);
      out.raw(comm);
      out.byte(32);
    }
    if (fields.pid && fields.tid) {
      out.text(`${String(pid).padStart(5)}/${String(tid).padEnd(5)} `);
    } else if (fields.pid || fields.tid) {
      const id = fields.tid ? tid : pid;
      if (id >= 0) out.decimal(id, 5);
      else out.text(String(id).padStart(5));
      out.byte(32);
    }
    if (fields.cpu) {
      const cpu = cursor.u32(layout.cpu) | 0;
      out.byte(91);
      if (cpu >= 0) out.decimal(cpu, 3, 48);
      else out.text(String(cpu).padStart(3));
      out.byte(93);
      out.byte(32);
    }
    if (fields.misc) out.text(miscText(cursor.misc).padEnd(6));
    if (fields.time) this.#time(cursor.hi32(layout.time), cursor.lo32(layout.time));
    if (fields.period) {
      if (period !== undefined) out.text(String(period).padStart(10));
      else if (layout.period >= 0) this.#decimal64(cursor.hi32(layout.period), cursor.lo32(layout.period), 10);
      else out.text(String(event.attr.sample_period).padStart(10));
      out.byte(32);
    }
    if (fields.event) out.raw(plan.name);
    if (fields.addr) this.#address(cursor, plan, layout.addr, thread, mode);
    if (!plan.details) {
      if (fields.ip) {
        const hi = cursor.hi32(layout.ip);
        const lo = cursor.lo32(layout.ip);
        out.byte(32);
        out.hex64(hi, lo, 16);
        const map = this.#session.findMap(thread, mode, hi, lo);
        out.raw(plan.namer.suffix(map, hi, lo, pid));
      }
    } else this.#details(cursor, event, plan, thread, mode);
    out.byte(10);
  }

  #time(hi: number, lo: number): void {
    const out = this.#out;
    const ns9 = this.#options.ns === true;
    if (hi >= EXACT_HI) {
      const t = (BigInt(hi) << 32n) | BigInt(lo);
      const s = t / 1_000_000_000n;
      const ns = t % 1_000_000_000n;
      out.text(
        ns9
          ? `${String(s).padStart(5)}.${String(ns).padStart(9, '0')}: `
          : `${`${s}.${String(ns / 1000n).padStart(6, '0')}`.padStart(12)}: `,
      );
      return;
    }
    const t = hi * TWO32 + lo;
    const s = Math.floor(t / 1e9);
    const ns = t - s * 1e9;
    out.decimal(s, 5);
    out.byte(46);
    if (ns9) out.decimal(ns, 9, 48);
    else out.decimal((ns / 1000) | 0, 6, 48);
    out.byte(58);
    out.byte(32);
  }

  #decimal64(hi: number, lo: number, width: number): void {
    if (hi < EXACT_HI) this.#out.decimal(hi * TWO32 + lo, width);
    else this.#out.text(String((BigInt(hi) << 32n) | BigInt(lo)).padStart(width));
  }

  /** perf looks the data address up as code first, then as data: one map holds both here. */
  #address(cursor: RecordCursor, plan: Plan, at: number, thread: Thread, mode: number): void {
    const hi = cursor.hi32(at);
    const lo = cursor.lo32(at);
    this.#out.hex64(hi, lo, 16);
    if (plan.fields.ip && plan.fields.sym && mode === -1)
      this.#out.raw(plan.namer.suffix(this.#session.findMap(thread, mode, hi, lo), hi, lo, thread.pid));
  }

  #details(cursor: RecordCursor, event: EventEntry, plan: Plan, thread: Thread, mode: number): void {
    const out = this.#out;
    const { fields, namer } = plan;
    const sample = decodeSample(cursor, event.attr);
    if (fields.data_src) {
      const text = dataSrcText(sample.dataSrc ?? 0n);
      this.#dataSrcWidth = Math.max(this.#dataSrcWidth, text.length); // the column grows with its longest text, as in perf
      out.text(`${(sample.dataSrc ?? 0n).toString(16).padStart(16)} ${text.padEnd(this.#dataSrcWidth)}`);
    }
    if (fields.weight)
      out.text(
        String((event.attr.sample_type & PERF_SAMPLE.WEIGHT) !== 0 ? (sample.weight ?? 0n) : (sample.weight ?? 0n) & 0xffff_ffffn).padStart(
          16,
        ),
      );
    if (fields.ip) {
      const ip = sample.ip ?? 0n;
      if (plan.chain && sample.callchain !== undefined) {
        out.byte(10);
        this.#chain(lbrChain(sample, event.attr) ?? sample.callchain, plan, thread, mode);
      } else {
        out.byte(32);
        out.text(ip.toString(16).padStart(16));
        out.raw(namer.suffix(this.#map(thread, mode, ip), ...halves(ip), thread.pid));
      }
    }
    if (fields.iregs) this.#registers(sample.regsIntr, event.attr.sample_regs_intr);
    if (fields.uregs) this.#registers(sample.regsUser, event.attr.sample_regs_user);
    if (fields.brstack) this.#branches(sample.branchStack, plan, thread, 'addr');
    else if (fields.brstacksym) this.#branches(sample.branchStack, plan, thread, 'sym');
    else if (fields.brstackoff) this.#branches(sample.branchStack, plan, thread, 'off');
    if (fields.phys_addr) out.text((sample.physAddr ?? 0n).toString(16).padStart(16));
    if (fields.data_page_size) out.text(` ${pageSize(sample.dataPageSize ?? 0n)}`);
    if (fields.code_page_size) out.text(` ${pageSize(sample.codePageSize ?? 0n)}`);
  }

  #map(thread: Thread, mode: number, ip: bigint): MapEntry | undefined {
    return this.#session.findMap(thread, mode, ...halves(ip));
  }

  #chain(chain: readonly bigint[], plan: Plan, thread: Thread, sampleMode: number): void {
    const out = this.#out;
    for (const { mode, ip } of chainFrames(chain, sampleMode)) {
      const [hi, lo] = halves(ip);
      const map = this.#session.findMap(thread, mode, hi, lo);
      out.byte(9);
      // in a chain perf shows user addresses as offsets in their file
      if (map !== undefined && !map.dso.kernel) out.hex64(...halves(ip - map.start + map.pgoff), 16);
      else out.hex64(hi, lo, 16);
      out.raw(plan.namer.suffix(map, hi, lo, thread.pid));
      out.byte(10);
    }
  }

  #registers(regs: Registers | undefined, mask: bigint): void {
    if (regs === undefined || regs.abi === 0n) return;
    const out = this.#out;
    out.text(` ABI:${regs.abi} `);
    let i = 0;
    for (let b = 0; b < 64; b++) {
      if (((mask >> BigInt(b)) & 1n) === 0n) continue;
      out.text(`${(PERF_REG_X86[b] ?? 'unknown').padStart(5)}:0x${(regs.values[i++] ?? 0n).toString(16)} `);
    }
  }

  #branches(stack: BranchStack | undefined, plan: Plan, thread: Thread, how: 'addr' | 'sym' | 'off'): void {
    const out = this.#out;
    for (const e of stack?.entries ?? []) {
      const f = PERF_BRANCH_ENTRY.unpack(e.flags);
      const side = (ip: bigint): string => {
        const mode = ip >> 63n === 1n ? PERF_RECORD_MISC.KERNEL : PERF_RECORD_MISC.USER;
        const map = this.#map(thread, mode, ip);
        const dso = plan.fields.dso ? `(${map?.dso.name ?? '[unknown]'})` : '';
        if (how === 'addr') return `0x${ip.toString(16)}${dso}`;
        if (how === 'off')
          return `0x${(map === undefined ? ip : map.dso.kernel ? ip - map.start : ip - map.start + map.pgoff).toString(16)}${dso}`;
        const symbol = plan.namer.symbol(map, ...halves(ip), thread.pid);
        return `${symbol === undefined ? '[unknown]' : `${symbol.name}${plan.fields.symoff ? `+0x${symbol.offset.toString(16)}` : ''}`}${dso}`;
      };
      const lead = how === 'sym' ? '' : ' ';
      const predicted = f.mispred === 1n ? 'M' : f.predicted === 1n ? 'P' : '-';
      const type = f.type === 0n ? '' : (PERF_BR[Number(f.type)] ?? 'UNKNOWN');
      out.text(
        `${lead}${side(e.from)}/${side(e.to)}/${predicted}/${f.in_tx === 1n ? 'X' : '-'}/${f.abort === 1n ? 'A' : '-'}/${f.cycles}/${type} `,
      );
    }
  }
}

/**
 * Of a recording with LBR call stacks: the kernel's part of the callchain, then what the branches tell of the user's. undefined: the chain has no
 * user part. tools/perf/util/machine.c resolve_lbr_callchain_sample.
 */
export function lbrChain(sample: Sample, attr: PerfEventAttr): bigint[] | undefined {
  if ((attr.branch_sample_type & BigInt(PERF_SAMPLE_BRANCH.CALL_STACK)) === 0n) return undefined;
  const chain = sample.callchain ?? [];
  const user = chain.indexOf(BigInt.asUintN(64, PERF_CONTEXT.USER));
  const entries = sample.branchStack?.entries ?? [];
  const first = entries[0];
  if (user < 0 || first === undefined) return undefined;
  return [...chain.slice(0, user + 1), first.to, ...entries.map((e) => e.from)];
}

export const halves = (v: bigint): [number, number] => [Number(BigInt.asUintN(32, v >> 32n)), Number(BigInt.asUintN(32, v))];

export function pageSize(bytes: bigint): string {
  if (bytes === 0n) return 'N/A';
  for (const [shift, unit] of [
    [30n, 'G'],
    [20n, 'M'],
    [10n, 'K'],
  ] as const)
    if (bytes >= 1n << shift) return `${bytes >> shift}${unit}`;
  return `${bytes}`;
}

/** K and U are bits of the mode, H (3) has both: perf prints all that match. */
function miscText(misc: number): string {
  const mode = misc & PERF_RECORD_MISC.CPUMODE_MASK;
  const names: [number, string][] = [
    [1, 'K'],
    [2, 'U'],
    [3, 'H'],
    [4, 'G'],
    [5, 'g'],
  ];
  return names.map(([m, n]) => ((mode & m) === m ? n : '')).join('');
}
