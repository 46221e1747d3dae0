/** One record in place. The reader moves a single cursor over its window: keep nothing of it after the call, copy what you need. */

export class RecordCursor {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  littleEndian = true;
  /** Index of the record's header in `bytes`. */
  at = 0;
  type = 0;
  misc = 0;
  /** Bytes of the record, its 8-byte header included. */
  size = 0;
  /** Offset in the file; for a record that was compressed, that of the compressed record. */
  fileOffset = 0;
  /** True when the record came out of a compressed one: `fileOffset` is then not the record's own. */
  compressed = false;

  setBuffer(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Reads the header at `at`; the 8 bytes must be there. */
  setHeader(at: number, fileOffset: number): void {
    this.at = at;
    this.fileOffset = fileOffset;
    this.type = this.view.getUint32(at, this.littleEndian);
    this.misc = this.view.getUint16(at + 4, this.littleEndian);
    this.size = this.view.getUint16(at + 6, this.littleEndian);
  }

  /** The record's bytes: a view, valid during the call. */
  get record(): Uint8Array {
    return this.bytes.subarray(this.at, this.at + this.size);
  }

  u32(offset: number): number {
    return this.view.getUint32(this.at + offset, this.littleEndian);
  }

  u64(offset: number): bigint {
    return this.view.getBigUint64(this.at + offset, this.littleEndian);
  }

  /** A u64 as a number: exact below 2^53, which holds for times (104 days of ns since boot), periods and ids, not for addresses. */
  number64(offset: number): number {
    const a = this.view.getUint32(this.at + offset, this.littleEndian);
    const b = this.view.getUint32(this.at + offset + 4, this.littleEndian);
    return this.littleEndian ? b * 0x1_0000_0000 + a : a * 0x1_0000_0000 + b;
  }

  lo32(offset: number): number {
    return this.view.getUint32(this.at + offset + (this.littleEndian ? 0 : 4), this.littleEndian);
  }

  hi32(offset: number): number {
    return this.view.getUint32(this.at + offset + (this.littleEndian ? 4 : 0), this.littleEndian);
  }
}
