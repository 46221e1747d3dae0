/** What this process asks of V8. Nothing but time depends on it. */
import { setFlagsFromString } from 'node:v8';

/** Node versions on which the flags were seen to exist: an unknown one would cost a line on stderr. */
const KNOWN = [22, 26] as const;

/**
 * V8 recompiles a WebAssembly function with its optimising compiler once the function has jumped back over so many bytes of code. Its default
 * (13 million) sends iced-x86's large functions there, which cost 0.3 s of processor time and never earn it back; the interpreter's hot
 * function jumps so far at each instruction that it gets there at once even so. Before any module is instantiated.
 */
export function tuneV8(): void {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= KNOWN[0] && major <= KNOWN[1]) setFlagsFromString('--wasm-tiering-budget=2000000000');
}
