/** `perfglass decode RAW`: raw Processor Trace bytes to packets, instructions or numbers. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from 'iced-x86';
import { isElf } from '#abi/elf.ts';
import { PT_NAMES } from '#arch/pt/packets.ts';
import { FormatError } from '#base/format-error.ts';
import { loadSegments, readElf } from '#formats/elf/reader.ts';
import { ip64 } from '#formats/pt/addr-map.ts';
import { CodeImage } from '#formats/pt/code-image.ts';
import { PtFlow } from '#formats/pt/flow.ts';
import { eventLine } from '#formats/pt/flow-text.ts';
import { InsnHash, forEachInsn } from '#formats/pt/instructions.ts';
import { dumpPackets } from '#formats/pt/packet-dump.ts';
import { scanPackets } from '#formats/pt/packet-reader.ts';
import { type PtStats, collectStats } from '#formats/pt/stats.ts';
import type { PtTimeConfig } from '#formats/pt/time.ts';
import { CliError, collect, type DefineCommand, USAGE } from '../command.ts';
import { PtPool } from '../pt-parallel.ts';

interface Options {
  code: string[];
  pages: string[];
  elf: string[];
  packets?: boolean;
  blocks?: boolean;
  stats?: boolean;
  hash?: string;
  disassemble?: boolean;
  events: boolean;
  limit?: string;
  retCompression: boolean;
  jobs: string;
  mtcFreq: string;
  tscCtc: string;
  nomRatio: string;
}

function load(file: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(file));
  } catch (error) {
    throw new CliError(`cannot read ${file}: ${(error as { code?: string }).code ?? String(error)}`);
  }
}

const hexNumber = (text: string | undefined, what: string): bigint => {
  if (text === undefined || !/^(0x)?[0-9a-f]+$/i.test(text))
    throw new CliError(`${what}: '${text ?? ''}' is not a hexadecimal number`, USAGE);
  return BigInt(`0x${text.replace(/^0x/i, '')}`);
};

const wholeNumber = (text: string, what: string): number => {
  const n = Number(text);
  if (text === '' || !Number.isSafeInteger(n) || n < 0) throw new CliError(`${what}: '${text}' is not a whole number`, USAGE);
  return n;
};

/** FILE:OFFSET:LENGTH:ADDRESS, hex; the file name may hold colons. */
function addCode(image: CodeImage, spec: string): void {
  const m = /^(.*):([^:]*):([^:]*):([^:]*)$/.exec(spec);
  if (m === null) throw new CliError(`--code ${spec}: need FILE:OFFSET:LENGTH:ADDRESS, numbers in hex`, USAGE);
  const offset = hexNumber(m[2], '--code offset');
  const length = hexNumber(m[3], '--code length');
  const address = hexNumber(m[4], '--code address');
  const bytes = load(m[1]!);
  if (offset + length > BigInt(bytes.length))
    throw new CliError(
      `--code ${spec}: the file has 0x${bytes.length.toString(16)} bytes, up to 0x${(offset + length).toString(16)} is asked for`,
    );
  image.add(address, bytes.subarray(Number(offset), Number(offset + length)), m[1]!);
}

/** DATA:ADDRFILE: pages of 4096 bytes, and their addresses as little-endian u64. */
function addPages(image: CodeImage, spec: string): void {
  const at = spec.lastIndexOf(':');
  if (at < 0) throw new CliError(`--pages ${spec}: need DATA:ADDRFILE`, USAGE);
  const data = load(spec.slice(0, at));
  const addrs = load(spec.slice(at + 1));
  if (addrs.length % 8 !== 0 || data.length !== (addrs.length / 8) * 4096)
    throw new CliError(`--pages ${spec}: ${addrs.length} bytes of addresses do not name ${data.length} bytes of pages (8 for each 4096)`);
  const view = new DataView(addrs.buffer, addrs.byteOffset, addrs.byteLength);
  for (let i = 0; i * 8 < addrs.length; i++)
    image.add(view.getBigUint64(i * 8, true), data.subarray(i * 4096, i * 4096 + 4096), spec.slice(0, at));
}

/** FILE or FILE@BASE: executable segments where the file says, or moved so that its first segment starts at BASE. */
function addElf(image: CodeImage, spec: string): void {
  const at = spec.lastIndexOf('@');
  const name = at > 0 ? spec.slice(0, at) : spec;
  const bytes = load(name);
  if (!isElf(bytes)) throw new CliError(`--elf ${name}: not an ELF file; for raw code use --code`);
  const segments = loadSegments(readElf(bytes));
  const base = at > 0 ? hexNumber(spec.slice(at + 1), '--elf base') - (segments[0]?.vaddr ?? 0n) : 0n;
  for (const s of segments) if (s.executable) image.add(base + s.vaddr, bytes.subarray(s.fileOffset, s.fileOffset + s.fileSize), name);
}

/** Writes lines in large pieces, waiting for a slow reader: nothing is held whole. */
async function write(lines: Iterable<string>, limit: number): Promise<void> {
  let batch = '';
  let n = 0;
  for (const line of lines) {
    if (n++ >= limit) break;
    batch += `${line}\n`;
    if (batch.length > 65536) {
      if (!process.stdout.write(batch)) await once(process.stdout, 'drain');
      batch = '';
    }
  }
  process.stdout.write(batch);
}

/** Text of an instruction, made once. */
function disassembler(flow: PtFlow, image: CodeImage): (insn: number, bits: number) => string {
  const formatter = new Formatter(FormatterSyntax.Gas);
  const texts = new Map<number, string>();
  return (insn, bits) => {
    let text = texts.get(insn);
    if (text === undefined) {
      const { insns } = flow.table;
      const bytes = new Uint8Array(insns.len[insn]!);
      image.read(insns.lo[insn]!, insns.hi[insn]!, bytes);
      const d = new Decoder(bits, bytes, DecoderOptions.None);
      d.ip = ip64(insns.lo[insn]!, insns.hi[insn]!);
      const i = d.decode();
      text = `  ${formatter.format(i)}`;
      i.free();
      d.free();
      texts.set(insn, text);
    }
    return text;
  };
}

function* flowText(flow: PtFlow, image: CodeImage, o: Options): Generator<string> {
  const { table } = flow;
  const text = o.disassemble === true ? disassembler(flow, image) : (): string => '';
  const address = (insn: number): string => ip64(table.insns.lo[insn]!, table.insns.hi[insn]!).toString(16).padStart(16, '0');
  for (let chunk = flow.run(); chunk !== undefined; chunk = flow.run()) {
    let m = 0;
    for (let i = 0; i <= chunk.count; i++) {
      for (; m < chunk.marks.length && chunk.marks[m]!.at === i; m++) {
        const { event } = chunk.marks[m]!;
        if (o.events || event.kind === 'error' || event.kind === 'gap') yield `[${event.offset.toString(16)}] ${eventLine(event)}`;
      }
      if (i === chunk.count) break;
      const b = chunk.blocks[i]!;
      const from = table.first[b]!;
      const n = table.n[b]!;
      if (o.blocks === true) {
        if (n > 0) yield `${address(table.pool[from]!)} .. ${address(table.pool[from + n - 1]!)}  ${n}`;
      } else {
        const bits = [16, 32, 64][table.mode[b]!] ?? 64;
        for (let k = from; k < from + n; k++) yield `${address(table.pool[k]!)}${text(table.pool[k]!, bits)}`;
      }
    }
  }
}

function* statsText(trace: Uint8Array, stats: PtStats): Generator<string> {
  const scan = scanPackets(trace);
  yield `bytes         ${trace.length}`;
  yield `packets       ${scan.counts.reduce((a, b) => a + b, 0)}`;
  for (const [type, n] of scan.counts.entries()) if (n > 0) yield `  ${(PT_NAMES[type] ?? '').padEnd(13)} ${n}`;
  yield `instructions  ${stats.insns}`;
  for (const [kind, n] of Object.entries(stats.events)) yield `  ${kind.padEnd(13)} ${n}`;
  yield `errors        ${stats.events['error'] ?? 0}`;
  yield `not covered   ${stats.gapBytes} bytes in ${stats.events['gap'] ?? 0} gaps`;
  for (const e of stats.noted) yield `  ${eventLine(e)}`;
}

function timeConfig(o: Options): PtTimeConfig {
  const [n = '0', d = '0'] = o.tscCtc.split('/');
  return {
    mtcFreq: wholeNumber(o.mtcFreq, '--mtc-freq'),
    tscCtcNumerator: wholeNumber(n, '--tsc-ctc'),
    tscCtcDenominator: wholeNumber(d, '--tsc-ctc'),
    nominalRatio: wholeNumber(o.nomRatio, '--nom-ratio'),
  };
}

async function run(raw: string, o: Options): Promise<number> {
  const limit = o.limit === undefined ? Number.POSITIVE_INFINITY : wholeNumber(o.limit, '--limit');
  const trace = load(raw);
  if (trace.length === 0) throw new CliError(`${raw} is empty`);
  if (o.packets === true) {
    await write(dumpPackets(trace), limit);
    return 0;
  }
  const image = new CodeImage();
  for (const spec of o.code) addCode(image, spec);
  for (const spec of o.pages) addPages(image, spec);
  for (const spec of o.elf) addElf(image, spec);
  if (image.regionCount === 0) throw new CliError('no code: give --code, --pages or --elf (or --packets, which needs none)', USAGE);
  const options = { retCompression: o.retCompression, time: timeConfig(o) };
  if (o.stats === true) {
    const jobs = Math.max(1, wholeNumber(o.jobs, '--jobs'));
    const pool = jobs > 1 ? new PtPool(jobs) : undefined;
    try {
      const stats = pool === undefined ? collectStats(new PtFlow(image, trace, options)) : await pool.stats(trace, image, options);
      await write(statsText(trace, stats), limit);
      return (stats.events['error'] ?? 0) > 0 ? 1 : 0;
    } finally {
      await pool?.close();
    }
  }
  const flow = new PtFlow(image, trace, options);
  if (o.hash !== undefined) {
    const hash = new InsnHash(Math.max(1, wholeNumber(o.hash, '--hash')));
    const { insns } = flow.table;
    for (let c = flow.run(); c !== undefined; c = flow.run()) forEachInsn(flow.table, c, (id) => hash.add(insns.lo[id]!, insns.hi[id]!));
    await write(hash.lines(), limit);
    return 0;
  }
  await write(flowText(flow, image, o), limit);
  return 0;
}

export const define: DefineCommand = (program, setExit) => {
  program
    .argument('<raw>', 'file with raw Processor Trace bytes')
    .option('--code <FILE:OFF:LEN:ADDR>', 'code: LEN bytes from OFF of FILE stand at ADDR (hex; repeatable)', collect, [])
    .option('--pages <DATA:ADDRFILE>', 'code: pages of 4096 bytes and their u64 addresses (repeatable)', collect, [])
    .option('--elf <FILE[@BASE]>', 'code: executable segments of an ELF file, moved to BASE (hex; repeatable)', collect, [])
    .option('--packets', 'print packets, as perf script -D does')
    .option('--blocks', 'print blocks: first address, last address, instructions')
    .option('--stats', 'print counts, errors and what is not covered; exit status 1 if there were errors')
    .option('--hash <N>', 'print a running hash of the instruction addresses each N instructions')
    .option('--disassemble', 'instructions with their text')
    .option('--no-events', 'instructions only; errors and gaps are always told')
    .option('--limit <LINES>', 'stop after that many lines')
    .option('--no-ret-compression', 'the trace was made with RTIT_CTL.DisRETC')
    .option('-j, --jobs <N>', 'worker threads for --stats', '1')
    .option('--mtc-freq <N>', 'RTIT_CTL.MTCFreq, for time', '0')
    .option('--tsc-ctc <N/D>', 'CPUID.15H EBX/EAX, for time', '0/0')
    .option('--nom-ratio <N>', 'maximum non-turbo ratio, for time', '0')
    .action(async (raw: string, o: Options) => {
      try {
        setExit(await run(raw, o));
      } catch (error) {
        if (error instanceof FormatError) throw new CliError(error.message);
        throw error;
      }
    });
};
