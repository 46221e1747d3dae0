/** Sizes of iced-x86's MemorySize values, by their names. 0 = unknown or not a plain size. */
import { MemorySize } from 'iced-x86';

const SIZES: readonly number[] = (() => {
  const out: number[] = [];
  for (const [name, v] of Object.entries(MemorySize)) {
    if (typeof v !== 'number') continue;
    out[v] = sizeOf(name);
  }
  return out;
})();

function sizeOf(name: string): number {
  const packed = /^Packed(\d+)_/.exec(name);
  if (packed) return Number(packed[1]) / 8;
  const plain = /^(?:U?Int|Float)(\d+)$/.exec(name);
  if (plain) return Number(plain[1]) / 8;
  const other: Record<string, number> = { QwordOffset: 8, DwordOffset: 4, WordOffset: 2, Bcd: 10 };
  return other[name] ?? 0;
}

export const MemorySizeBytes = (size: MemorySize): number => SIZES[size] ?? 0;
