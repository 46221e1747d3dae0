/**
 * What an instruction may say about the processor. Instruction semantics (semantics/*.ts) are written once against this interface; tier 0
 * implements it (tier0/emitter.ts), a second tier can.
 *
 * Values: integers are i64, zero-extended from their width; 16-byte places are v128. Rules that make every instruction restartable:
 * all loads and store probes come before the first write to a register or flag; a `Place`'s `get` pins the value.
 */
import type { Val } from '#base/wasm/ops.ts';

export type Width = 1 | 2 | 4 | 8 | 10 | 16 | 32;

/** An operand: register, checked memory, or immediate. */
export interface Place {
  readonly w: Width;
  readonly kind: 'r' | 'x' | 'm' | 'i';
  /** Zero-extended i64, or v128 for 10- and 16-byte places. For memory the access is checked here; 'rw' operands are checked for writing. */
  get(): Val;
  /** Memory as v128 with the upper bytes zero; for w = 4 and 8. For XMM registers the whole register. */
  getVector(): Val;
  /** Registers: 4-byte writes zero the upper half, 1- and 2-byte writes keep the rest. XMM: all 16 bytes. */
  set(v: Val): void;
  /** The low 4 or 8 bytes as a float (or, of an XMM register, as i32 or i64), without touching the rest. */
  scalar(ty: 'f32' | 'f64' | 'i32' | 'i64'): Val;
  /** XMM registers: writes the low `bytes` bytes and keeps the rest. */
  setLow(v: Val, bytes: 4 | 8): void;
  /** Memory: the access is checked now, for instructions that change state before they store. */
  check(): void;
  /** Effective address (memory only), without any check; of a vector-indexed operand (VSIB) with `index` (i64) for its index. */
  ea(index?: Val): Val;
  /**
   * A part of a vector: `w` bytes from byte `at`. Of memory: a part of this same access, which is checked and counted as a whole. Of a register:
   * 16 bytes from there, of which the low `w` count.
   */
  part(at: number, w: Width): Place;
  /** Both halves. Of a register, whatever its `w`, all 32 bytes: a VEX instruction on 128 bits zeroes the upper half. 32-byte memory: all of it. */
  setVector(low: Val, high: Val): void;
}

export type Cc = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15;
export type BranchKind = 'cond' | 'jmp' | 'jmpInd' | 'call' | 'callInd' | 'ret';

export interface Machine {
  let(v: Val): Val;
  /** A general register by encoding. */
  gpr(n: number, w: Width): Place;
  xmm(n: number): Place;
  /** Checked memory at `ea`: `get` loads, `set` stores; both are checked before either writes when `access` is 'rw'. */
  memory(ea: Val, w: Width, access: 'r' | 'w' | 'rw'): Place;
  load(w: Width, ea: Val): Val;
  store(w: Width, ea: Val, v: Val): void;

  /** Lazy flags: raw state, see semantics/flags.ts. */
  readonly fr: Val;
  readonly fx: Val;
  readonly fc: Val;
  setFlags(fr: Val, fx: Val, fc: Val): void;
  /** The rest of RFLAGS (i64). */
  readonly rflags: Val;
  setRflags(v: Val): void;
  /** The base that an FS or GS prefix adds to an implied address; 0 without one. */
  segment(): Val;
  /** A segment base. */
  base(name: 'fs' | 'gs' | 'kernelGs'): Place;
  /** i32: 1 at CPL 3. */
  readonly user: Val;
  readonly mxcsr: Val;
  setMxcsr(v: Val): void;

  if(condition: Val, then: () => void, otherwise?: () => void): void;
  loop(body: (again: () => void) => void): void;
  variable(init: Val): { get(): Val; set(v: Val): void };

  nextRip(): Val;
  /** Direct conditional transfer to nextRip + distance. */
  branch(condition: Val): void;
  jump(kind: 'jmp' | 'call'): void;
  jumpIndirect(target: Val, kind: 'jmpInd' | 'callInd' | 'ret'): void;
  /** Raises an exception; the state is as before the instruction. */
  fault(vector: number, error?: number): void;
  /** Leaves to TypeScript, which executes the operation; RIP is then behind the instruction unless it changed it. */
  system(operation: number, argument?: Val): void;
  /** What `body` does is too rare for the hot function: there the instruction leaves to its own function, where `body` runs. */
  rare(body: () => void): void;
  /** Soft float: operation and immediate as in soft/operations.ts, vectors in, one out, MXCSR updated; may raise #XM. Only inside `rare`. */
  soft(operation: number, immediate: Val, a: Val, b: Val, c?: Val): Val;
  /** All that `body` computes is one SIMD operation: the exceptions of its soft floats are weighed together, at its end. */
  together(body: () => void): void;
  /** What `body` accesses element by element counts as one load and one store at most. */
  asOneAccess(body: () => void): void;
  /** Half of the vector register that indexes a VSIB memory operand. */
  vectorIndex(half: 0 | 1): Val;
  /** Zeroes the upper halves of all vector registers, or all of them. */
  zeroVectors(which: 'upper' | 'all'): void;
  /** What MMX instructions do to the x87 state: #MF when an exception is pending; TOP = 0, all registers in use. After the operand is read. */
  enterMmx(): void;
  /** REP: repeats `body` while RCX (ECX for `counter` 4) ≠ 0 (and, for CMPS/SCAS, while the condition that `body` returns holds), in chunks. */
  rep(loads: number, stores: number, counter: 4 | 8, body: () => Val | undefined): void;
  /** Bulk MOVS/STOS of whole elements within one page each; returns elements done (0: take the slow way). */
  repBulk(kind: 'movs' | 'stos', w: Width): void;
  imm(): Val;
}
