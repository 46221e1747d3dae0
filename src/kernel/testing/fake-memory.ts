/** Guest-physical memory without a machine, for tests of page tables, mappings and the loader. */
import type { PhysicalMemory } from '#port/memory.ts';
import type { MmContext } from '../mm/address-space.ts';
import { FrameAllocator, PAGE } from '../mm/frames.ts';
import { PageCache } from '../mm/page-cache.ts';
import type { PageSource } from '../mm/page-source.ts';
import type { Executable } from '../vfs-interface.ts';

export function fakeMemory(sizeBytes: number): PhysicalMemory & { readonly writes: [number, number][] } {
  const bytes = new Uint8Array(sizeBytes);
  const writes: [number, number][] = [];
  return { sizeBytes, bytes, view: new DataView(bytes.buffer), written: (at, length) => writes.push([at, length]), writes };
}

export interface FakeMm extends MmContext {
  readonly invalidated: (number | undefined)[];
  readonly kernelFaults: number[];
}

/** `frames`: how many there are to give out. */
export function fakeMm(frames: number): FakeMm {
  const memory = fakeMemory((frames + 2) * PAGE);
  const allocator = new FrameAllocator(memory, PAGE);
  const cache = new PageCache(allocator);
  allocator.reclaim = () => cache.reclaim();
  const kernelRoot = allocator.allocate() as number;
  memory.view.setBigUint64(kernelRoot + 511 * 8, 0xabc003n, true);
  const invalidated: (number | undefined)[] = [];
  const kernelFaults: number[] = [];
  return {
    frames: allocator,
    cache,
    kernelRoot,
    invalidated,
    kernelFaults,
    invalidate: (_root, va) => invalidated.push(va),
    faulted: (va) => kernelFaults.push(va),
  };
}

/** A file in memory. `writable`: shared mappings may write it. */
export function fakeSource(content: Uint8Array, writable = false): PageSource & { users: number } {
  const source = {
    key: `fake:${content.length}:${content[0] ?? 0}`,
    name: '/fake',
    device: { major: 8, minor: 1 },
    inode: 5,
    users: 0,
    sizeBytes: () => content.length,
    readPage(index: number, into: Uint8Array): number {
      const part = content.subarray(index * PAGE, (index + 1) * PAGE);
      into.set(part);
      return part.length;
    },
    retain(): void {
      source.users++;
    },
    release(): void {
      source.users--;
    },
  };
  if (!writable) return source;
  return Object.assign(source, {
    writePage(index: number, from: Uint8Array): number {
      content.set(from, index * PAGE);
      return 0;
    },
  });
}

export function fakeExecutable(content: Uint8Array): Executable {
  return {
    path: '/fake',
    owner: { mode: 0o100755, uid: 0, gid: 0 },
    source: fakeSource(content),
    sizeBytes: () => content.length,
    read(offset, into) {
      const part = content.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
    close() {},
  };
}
