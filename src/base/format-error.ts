/** Bad bytes in a file somebody gave us: where, and what is wrong there. Readers throw nothing else for bad input. */
export class FormatError extends Error {
  /** Byte offset in the file (or in the buffer, when the reader was given no base). */
  readonly offset: number;
  /** What is wrong, as a phrase: `record size 0`. */
  readonly what: string;

  constructor(offset: number, what: string) {
    super(`${what} at byte offset 0x${Math.max(0, offset).toString(16)}`);
    this.name = 'FormatError';
    this.offset = offset;
    this.what = what;
  }
}
