/** Machine code to text, in the manner of objdump: AT&T or Intel syntax, branch targets with the symbol that they lie in. */
import { Code, Decoder, DecoderOptions, Formatter, FormatterSyntax, type Instruction, MemorySizeOptions, OpKind } from 'iced-x86';

export type Syntax = 'att' | 'intel';

export interface CodeLine {
  readonly address: bigint;
  /** Bytes. */
  readonly length: number;
  readonly text: string;
}

export interface DisassembleOptions {
  readonly bits: 16 | 32 | 64;
  readonly syntax: Syntax;
  /** `name+0xoff` of an address, for branches and RIP-relative operands. */
  readonly nameOf?: (address: bigint) => string | undefined;
}

/** objdump's column of operands. */
const OPERANDS_AT = 7;
const NEAR_BRANCHES = new Set<number>([OpKind.NearBranch16, OpKind.NearBranch32, OpKind.NearBranch64]);

function formatterOf(syntax: Syntax): Formatter {
  const f = new Formatter(syntax === 'att' ? FormatterSyntax.Gas : FormatterSyntax.Intel);
  f.uppercaseHex = false;
  f.hexPrefix = '0x';
  f.hexSuffix = '';
  f.smallHexNumbersInDecimal = false;
  f.branchLeadingZeros = false;
  f.displacementLeadingZeros = false;
  f.ripRelativeAddresses = true;
  f.showBranchSize = false;
  f.spaceAfterOperandSeparator = false;
  f.memorySizeOptions = MemorySizeOptions.Always;
  f.uppercaseKeywords = true;
  f.firstOperandCharIndex = OPERANDS_AT;
  return f;
}

/** All of `code`, which stands at `start`. Bytes that are no instruction are `(bad)`, one at a time. */
export function disassemble(code: Uint8Array, start: bigint, options: DisassembleOptions): CodeLine[] {
  const formatter = formatterOf(options.syntax);
  const decoder = new Decoder(options.bits, code, DecoderOptions.None);
  decoder.ip = start;
  const named = (address: bigint): string => {
    const name = options.nameOf?.(address);
    return `${address.toString(16)}${name === undefined ? '' : ` <${name}>`}`;
  };
  const lines: CodeLine[] = [];
  while (decoder.canDecode) {
    const from = decoder.position;
    const insn = decoder.decode();
    const address = start + BigInt(from);
    if (insn.code === Code.INVALID) {
      lines.push({ address, length: 1, text: '(bad)' });
      decoder.position = from + 1;
      decoder.ip = address + 1n;
    } else lines.push({ address, length: insn.length, text: textOf(insn, formatter, named) });
    insn.free();
  }
  decoder.free();
  formatter.free();
  return lines;
}

function textOf(insn: Instruction, formatter: Formatter, named: (address: bigint) => string): string {
  if (insn.opCount > 0 && NEAR_BRANCHES.has(insn.op0Kind))
    return `${formatter.formatMnemonic(insn).padEnd(OPERANDS_AT - 1)} ${named(insn.nearBranchTarget)}`;
  formatter.showZeroDisplacements = insn.memoryDisplSize > 0;
  // objdump shows the scale of an index, 1 too
  const text = formatter
    .format(insn)
    .trimEnd()
    .replace(/^(call|jmp|push|pop)q /, '$1  ')
    .replace(/\((%\w+),(%\w+)\)/, '($1,$2,1)')
    .replace(/\[(\w+)\+(\w+)(?=[\]+-])/, (whole, base: string, index: string) => (index.startsWith('0x') ? whole : `[${base}+${index}*1`));
  return insn.isIpRelMemoryOperand ? `${relative(text, insn)}        # ${named(insn.ipRelMemoryAddress)}` : text;
}

/** objdump shows the displacement from RIP, and the address as a remark. */
function relative(text: string, insn: Instruction): string {
  const distance = BigInt.asIntN(64, insn.ipRelMemoryAddress - insn.nextIP);
  const hex = `${distance < 0n ? '-' : ''}0x${(distance < 0n ? -distance : distance).toString(16)}`;
  const address = `0x${insn.ipRelMemoryAddress.toString(16)}`;
  return text.replace(`${address}(%rip)`, `${hex}(%rip)`).replace(`[${address}]`, `[rip${distance < 0n ? '' : '+'}${hex}]`);
}
