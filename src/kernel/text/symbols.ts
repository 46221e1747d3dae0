/** The kernel text as its own files tell it: /proc/kallsyms and the build id in /sys/kernel/notes. */
import { sha1 } from '#base/sha1.ts';
import type { KernelImage } from './image.ts';

/** 20 bytes that tell this kernel text from every other: the SHA-1 of its image, as a linker's --build-id=sha1 would. */
export const kernelBuildId = (image: KernelImage): Uint8Array => sha1(image.bytes);

export const kernelBuildIdText = (image: KernelImage): string =>
  [...kernelBuildId(image)].map((b) => b.toString(16).padStart(2, '0')).join('');

/** In the manner of /proc/kallsyms; `_text` is what perf relocates by. `hidden`: addresses are zeros, for who may not see them. */
export function kallsyms(image: KernelImage, hidden = false): string {
  const end = image.base + BigInt(image.textSize);
  const line = (address: bigint, type: string, name: string): string =>
    `${hidden ? '0000000000000000' : address.toString(16).padStart(16, '0')} ${type} ${name}\n`;
  const symbols = image.symbols.toSorted((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  return line(image.base, 'T', '_text') + symbols.map((s) => line(s.address, s.address < end ? 'T' : 'R', s.name)).join('');
}

/** struct elf_note with owner GNU and type NT_GNU_BUILD_ID. */
export function kernelNotes(image: KernelImage): Uint8Array {
  const id = kernelBuildId(image);
  const out = new Uint8Array(16 + id.length);
  const view = new DataView(out.buffer);
  for (const [i, v] of [4, id.length, 3].entries()) view.setUint32(4 * i, v, true);
  out.set([0x47, 0x4e, 0x55, 0], 12);
  out.set(id, 16);
  return out;
}
