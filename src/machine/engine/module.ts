/** The generated module: compiled once, however many machines there are; and whether two variants number their forms alike. */
import type { Generated, Manifest } from './tier0/generate.ts';

const modules = new WeakMap<Generated, WebAssembly.Module>();
export function moduleOf(generated: Generated): WebAssembly.Module {
  let m = modules.get(generated);
  if (m === undefined) {
    m = new WebAssembly.Module(generated.bytes);
    modules.set(generated, m);
  }
  return m;
}

export const sameNumbers = (a: Manifest, b: Manifest): boolean => JSON.stringify(a) === JSON.stringify(b);
