/** Where the pages of a mapping come from, if not from nothing. Files implement it (kernel/vfs); the ELF loader and mmap use it. */

export interface PageSource {
  /** Same key = same file with the same content: the page cache keeps frames by it, also across processes. */
  readonly key: string;
  /** Path or name as /proc/PID/maps and perf's MMAP records show it. */
  readonly name: string;
  /** Device and inode as /proc/PID/maps and MMAP2 show them. */
  readonly device: { readonly major: number; readonly minor: number };
  readonly inode: number;
  /** Current size; pages wholly behind it raise SIGBUS. */
  sizeBytes(): number;
  /** Fills `into` (4096 zeroed bytes) with page `index`; bytes read, or -errno (SIGBUS). */
  readPage(index: number, into: Uint8Array): number;
  /**
   * A mapping of the kernel's own frames: no cache, not inherited by fork (VM_DONTCOPY), not to grow (VM_DONTEXPAND). A write to a page that
   * is not `writable` raises SIGBUS.
   */
  readonly frames?: { at(index: number): number; writable(index: number): boolean };
  /** Writes a page of a shared writable mapping back; 0 or -errno. Undefined: read-only. */
  readonly writePage?: (index: number, from: Uint8Array) => number;
  /** A mapping holds the file open beyond close(2). */
  retain(): void;
  release(): void;
}
