/** The one function that generated code imports for floating point: SSE, string comparisons and x87 by operation number. */
import { FPU_BASE, SOFT_LATER } from './operations.ts';
import { softSse } from './sse.ts';
import { softX87 } from './x87.ts';

/** (operation, immediate) → 0, or the vector of an exception. Operands and results are in SOFT. */
export function softFloat(view: DataView): (operation: number, imm: number) => number {
  const [sse, x87] = [softSse(view), softX87(view)];
  return (operation, imm) => (operation >= FPU_BASE && operation < SOFT_LATER ? x87(operation, imm) : sse(operation, imm));
}
