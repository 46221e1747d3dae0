/**
 * Which instructions FP_ARITH_INST_RETIRED and INST_RETIRED.NOP count, and how often: by mnemonic and vector length. Intel's event lists (perfmon, SKL V59,
 * PublicDescription): ADD SUB MUL DIV MIN MAX SQRT, packed ones also HADD HSUB SUBADD DPP, single precision also RSQRT RCP, and FM(N)ADD/SUB; DPP and
 * FM(N)ADD/SUB count twice. Conversions, comparisons, roundings, logic and moves are none.
 */
import { type Instruction, Register } from 'iced-x86';
import { MNEMONICS } from './operands.ts';

/** Fields of the packed sums (layout.ts BLOCK.ARITHMETIC), a byte each, in the order of Retire's base events from FP_SCALAR_DOUBLE on. */
export const ARITHMETIC = { SD: 0, SS: 1, PD128: 2, PS128: 3, PD256: 4, PS256: 5, NOP: 6 } as const;
export const ARITHMETIC_FIELDS = 7;

/** Field and number (1 or 2) of one instruction: field + 1 | number << 3; 0: none. */
export type ArithmeticCode = number;

const ONCE = /^v?(?:(?:add|sub|mul|div|min|max|sqrt)(?:sd|ss|pd|ps)|(?:rsqrt|rcp)(?:ss|ps)|(?:hadd|hsub|addsub)(?:pd|ps))$/;
const TWICE = /^v?(?:dp(?:pd|ps)|fn?m(?:add|sub|addsub|subadd)(?:132|213|231)(?:sd|ss|pd|ps))$/;
/** NOPs of all lengths, and ENDBR. */
const NOPS = new Set(['nop', 'endbr32', 'endbr64']);

const byMnemonic: (number | undefined)[] = [];

export function arithmeticOf(i: Instruction): ArithmeticCode {
  const m = i.mnemonic;
  const number = (byMnemonic[m] ??= numberOf(MNEMONICS[m] ?? ''));
  if (number === 0) return 0;
  const name = MNEMONICS[m] as string;
  if (NOPS.has(name)) return (ARITHMETIC.NOP + 1) | (1 << 3);
  const wide = i.op0Register >= Register.YMM0 && i.op0Register <= Register.YMM31;
  const double = name.endsWith('d');
  let field: number = double ? ARITHMETIC.SD : ARITHMETIC.SS;
  if (name.at(-2) === 'p') field = (double ? ARITHMETIC.PD128 : ARITHMETIC.PS128) + (wide ? 2 : 0);
  return (field + 1) | (number << 3);
}
const numberOf = (name: string): number => (TWICE.test(name) ? 2 : ONCE.test(name) || NOPS.has(name) ? 1 : 0);

/** The code as an addition to the packed sums, in halves. */
export function arithmeticSums(code: ArithmeticCode): readonly [low: number, high: number] {
  if (code === 0) return [0, 0];
  const field = (code & 7) - 1;
  const number = code >>> 3;
  return field < 4 ? [number << (8 * field), 0] : [0, number << (8 * (field - 4))];
}
