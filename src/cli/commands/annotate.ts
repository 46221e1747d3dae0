/** `perfglass annotate`: the code of the symbols that samples hit, with the share of each instruction. Exit code 1 when what was asked for is not there. */
import { machineName } from '#abi/elf.ts';
import { annotateText, type SymbolCode } from '#formats/annotate/annotate-text.ts';
import { type AnnotatedEvent, type AnnotatedSymbol, Annotator } from '#formats/annotate/annotator.ts';
import { disassemble, type Syntax } from '#formats/annotate/disassemble.ts';
import { addressOfOffset, offsetOfAddress } from '#formats/elf/reader.ts';
import type { RecordSink } from '#formats/perf-data/scan.ts';
import { Session } from '#formats/perf-data/session.ts';
import { DiskCode } from '../code-provider.ts';
import { CliError, type DefineCommand } from '../command.ts';
import { DiskSymbols } from '../disk-symbols.ts';
import { openInput } from '../perf-data-input.ts';
import { byReason, reportReading } from '../reading-report.ts';

interface Options {
  input: string;
  symbol?: string;
  dsos?: string;
  event?: string;
  disassemblerStyle: string;
  showNrSamples?: boolean;
  symfs?: string;
  vmlinux?: string;
  kallsyms?: string;
  printLine?: boolean;
  source?: boolean;
  stdio?: boolean;
}

const X86_BITS: Readonly<Record<number, 32 | 64>> = { 3: 32, 62: 64 };
/** Without sizes (kallsyms) a symbol reaches to the next one; more than this is no function. */
const MAX_CODE = 1 << 20;

function syntaxOf(name: string): Syntax {
  if (name === 'att' || name === 'intel') return name;
  throw new CliError(`-M ${name}: att or intel`, 129);
}

/** Finds the bytes of symbols and turns them to text. */
class Listing {
  readonly #code: DiskCode;
  readonly #symbols: DiskSymbols;
  readonly #syntax: Syntax;

  constructor(code: DiskCode, symbols: DiskSymbols, syntax: Syntax) {
    this.#code = code;
    this.#symbols = symbols;
    this.#syntax = syntax;
  }

  of(symbol: AnnotatedSymbol): SymbolCode {
    const { dso, start, size } = symbol;
    const missing = (why: string): SymbolCode => ({ start, why });
    if (size <= 0n) return missing('the size of the symbol is not known');
    const length = size > BigInt(MAX_CODE) ? BigInt(MAX_CODE) : size;
    const regions = this.#code.provide({
      filename: dso.kernel ? dso.name : dso.longName,
      addr: start,
      len: length,
      pgoff: dso.kernel ? 0n : start,
      kernel: dso.kernel,
      ...(dso.buildId === undefined ? {} : { buildId: dso.buildId.replace(/(00)+$/, '') }),
    });
    const region = regions.find((r) => start >= r.start && start < r.start + BigInt(r.bytes.length));
    if (region === undefined) {
      const why = this.#code.problems.get(dso.kernel ? dso.name : dso.longName);
      return missing(
        why === 'ENOENT' ? `${dso.longName} is not on this disk (--symfs DIR looks under DIR)` : (why ?? 'no bytes at its address'),
      );
    }
    const elf = this.#code.elf(dso.longName, dso.kernel);
    const machine = elf?.ehdr.e_machine ?? 62;
    const bits = X86_BITS[machine];
    if (bits === undefined) return missing(`${dso.longName} is code for ${machineName(machine)}, not x86`);
    const at = Number(start - region.start);
    const address = dso.kernel || elf === undefined ? start : (addressOfOffset(elf, start) ?? start);
    const nameOf = (target: bigint): string | undefined => {
      const place = dso.kernel || elf === undefined ? target : offsetOfAddress(elf, target);
      const found = place === undefined ? undefined : this.#symbols.resolve(dso, place, -1);
      return found === undefined ? undefined : `${found.name}${found.offset === 0n ? '' : `+0x${found.offset.toString(16)}`}`;
    };
    return { lines: disassemble(region.bytes.subarray(at, at + Number(length)), address, { bits, syntax: this.#syntax, nameOf }) };
  }
}

export const define: DefineCommand = (program, setExit) => {
  program
    .argument('[symbol]', 'only this symbol (default: every one that has samples)')
    .option('-i, --input <file>', 'recording to read, - for standard input', 'perf.data')
    .option('-s, --symbol <name>', 'only this symbol')
    .option('-d, --dsos <list>', 'only symbols of these files')
    .option('-e, --event <name>', 'only samples of this event')
    .option('-M, --disassembler-style <style>', 'att or intel', 'att')
    .option('-n, --show-nr-samples', 'numbers of samples instead of percentages')
    .option('--symfs <dir>', 'look for the recorded files under this directory')
    .option('-k, --vmlinux <file>', 'the recorded kernel, uncompressed, at the addresses that it ran at')
    .option('--kallsyms <file>', 'symbols of the recorded kernel')
    .option('-l, --print-line', 'not there: source lines are not read')
    .option('-S, --source', 'not there: source lines are not read')
    .option('--stdio', 'as is: there is no other interface')
    .action(async (argument: string | undefined, options: Options) => {
      const syntax = syntaxOf(options.disassemblerStyle);
      if (options.printLine === true || options.source === true)
        throw new CliError('source lines: DWARF line tables are not read; without -l and -S the code is shown', 129);
      const input = await openInput(options.input);
      try {
        const { recording } = input.data;
        const files = {
          ...(options.symfs === undefined ? {} : { symfs: options.symfs }),
          ...(options.vmlinux === undefined ? {} : { vmlinux: options.vmlinux }),
        };
        const symbols = new DiskSymbols({ ...files, ...(options.kallsyms === undefined ? {} : { kallsyms: options.kallsyms }) });
        const annotator = new Annotator(recording, new Session(recording), symbols);
        const sink: RecordSink = { record: (cursor) => annotator.record(cursor) };
        const result = await input.data.scan(sink, { ordered: true });
        const events = annotator.finish();
        const wanted = options.symbol ?? argument;
        const dsos = options.dsos?.split(',');
        const chosen = events
          .filter((e) => options.event === undefined || e.event.name === options.event)
          .map((e) => ({
            ...e,
            symbols: e.symbols.filter(
              (s) =>
                (wanted === undefined || s.name === wanted) &&
                (dsos === undefined || dsos.includes(s.dso.name) || dsos.includes(s.dso.name.replace(/^.*\//, ''))),
            ),
          }));
        if (events.length === 0) throw new CliError(`${input.name} has no samples`);
        if (chosen.length === 0)
          throw new CliError(`-e ${options.event}: no samples of it; there are ${events.map((e) => e.event.name).join(', ')}`);
        const listing = new Listing(new DiskCode(files), symbols, syntax);
        let shown = 0;
        for (const e of chosen)
          for (const s of e.symbols) {
            process.stdout.write(`${annotateText(s, e.event, listing.of(s), { samples: options.showNrSamples === true })}\n`);
            shown++;
          }
        for (const e of chosen) tellElsewhere(e, wanted !== undefined);
        for (const [why, names] of byReason(symbols.problems))
          process.stderr.write(
            `perfglass: no symbols: ${why === 'ENOENT' ? 'not on this disk (--symfs DIR)' : why}: ${names.join(', ')}\n`,
          );
        const code = reportReading(input.name, recording, result);
        if (annotator.short > 0) process.stderr.write(`perfglass: ${annotator.short} samples are shorter than their fields\n`);
        if (shown === 0) throw new CliError(nothing(events, wanted, dsos));
        setExit(code);
      } finally {
        input.close();
      }
    });
};

/** Samples that no symbol holds are not in the listing: how many, and in which files. */
function tellElsewhere(e: AnnotatedEvent, one: boolean): void {
  if (one) return;
  let samples = 0;
  for (const h of e.elsewhere.values()) samples += h.samples;
  if (samples === 0) return;
  const list = [...e.elsewhere].sort((a, b) => b[1].samples - a[1].samples).slice(0, 5);
  const files = list.map(([name, h]) => `${name} ${h.samples}`).join(', ');
  process.stderr.write(
    `perfglass: ${e.event.name}: ${samples} of ${e.samples} samples are in no known symbol and not shown (${files}${e.elsewhere.size > list.length ? ', …' : ''})\n`,
  );
}

function nothing(events: readonly AnnotatedEvent[], wanted: string | undefined, dsos: readonly string[] | undefined): string {
  const names = [...new Set(events.flatMap((e) => e.symbols.map((s) => s.name)))];
  const there = names.length === 0 ? 'no symbol has any' : `the heaviest with samples: ${names.slice(0, 5).join(', ')}`;
  const what = `${wanted === undefined ? 'any symbol' : `symbol ${wanted}`}${dsos === undefined ? '' : ` of ${dsos.join(', ')}`}`;
  return `no samples in ${what}; ${there}`;
}
