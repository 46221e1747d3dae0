/**
 * The table of forms. A form is a mnemonic with operand shapes, e.g. `add:r4,m4`. Shape letters: r general register, m memory, x XMM register,
 * i immediate, s segment register, c the register CL or another third operand fixed by the form; the number is the width in bytes. A form's
 * meaning is written once.
 * 16- and 32-byte memory must be aligned (#GP); u is memory that need not be, its key says m; v is memory with a vector index (VSIB).
 */
import type { Machine, Place, Width } from '../machine.ts';

export type Access = 'r' | 'w' | 'rw' | 'a';

export interface Operand {
  readonly kind: 'r' | 'm' | 'x' | 'i';
  readonly w: Width;
  readonly access: Access;
  /** Memory whose address must be a multiple of its size. SDM Vol. 2A §2.4, table 2-21 and the exception types behind it. */
  readonly aligned: boolean;
}

/** Which row of CpuModel.costs the form is charged by; memory accesses are added. */
export type CostKind =
  | 'simple'
  | 'branch'
  | 'mul'
  | 'div'
  | 'vector'
  | 'vectorDivide'
  | 'x87'
  | 'locked'
  | 'rep'
  | 'ringTransition'
  | 'systemRegister';

export type Semantics = (m: Machine, ...operands: Place[]) => void;

export interface Form {
  readonly key: string;
  readonly operands: readonly Operand[];
  readonly semantics: Semantics;
  readonly cost: CostKind;
  /** Counts as this kind of branch. */
  readonly branch: 'cond' | 'jmp' | 'jmpInd' | 'call' | 'callInd' | 'ret' | undefined;
  /** Nothing can follow it in its block. */
  readonly ends: boolean;
}

export interface FormOptions {
  readonly cost?: CostKind;
  readonly branch?: Form['branch'];
  readonly ends?: boolean;
}

export class FormTable {
  readonly forms = new Map<string, Form>();

  /**
   * @param name mnemonic, lower case as iced-x86 names it (string instructions with their prefix: `rep movsb`)
   * @param shapes operand shapes, e.g. `r4,m4`; '' for none
   * @param access one access per operand, comma-separated
   */
  def(name: string, shapes: readonly string[], access: string, semantics: Semantics, options: FormOptions = {}): void {
    const accesses = access.split(',') as Access[];
    for (const shape of shapes) {
      const operands = shape === '' ? [] : shape.split(',').map((s, i) => operand(s, accesses[i] ?? 'r'));
      const key = shape === '' ? name : `${name}:${shape.replaceAll(/[uv](?=\d)/g, 'm')}`;
      if (this.forms.has(key)) throw new Error(`form defined twice: ${key}`);
      this.forms.set(key, {
        key,
        operands,
        semantics,
        cost: options.cost ?? 'simple',
        branch: options.branch,
        ends: options.ends ?? options.branch !== undefined,
      });
    }
  }
}

function operand(s: string, access: Access): Operand {
  const kind = ({ u: 'm', v: 'm', s: 'r' }[s[0] as string] ?? s[0]) as Operand['kind'];
  const w = s.length > 1 ? Number(s.slice(1)) : 8;
  return { kind, w: w as Width, access: kind === 'i' ? 'r' : access, aligned: (s === 'm16' || s === 'm32') && access !== 'a' };
}

const INT_WIDTHS: readonly Width[] = [1, 2, 4, 8];

/** r,r · r,m · m,r · r,i · m,i for the given widths. */
export function aluShapes(widths: readonly Width[] = INT_WIDTHS): string[] {
  return widths.flatMap((w) => [`r${w},r${w}`, `r${w},m${w}`, `m${w},r${w}`, `r${w},i`, `m${w},i`]);
}
/** r · m for the given widths. */
export const unaryShapes = (widths: readonly Width[] = INT_WIDTHS): string[] => widths.flatMap((w) => [`r${w}`, `m${w}`]);
/** r,r · r,m for the given widths. */
export const loadShapes = (widths: readonly Width[] = [2, 4, 8]): string[] => widths.flatMap((w) => [`r${w},r${w}`, `r${w},m${w}`]);

export const CONDITIONS = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'] as const;
