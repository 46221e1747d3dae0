/** AUX payloads in `script -D`: the packets, as perf prints them. */
import type { TextBuffer } from '#base/text-buffer.ts';
import type { AuxDumper } from '../perf-data/dump.ts';
import { dumpPackets } from './packet-dump.ts';

export class PtAuxDumper implements AuxDumper {
  private readonly out: TextBuffer;
  private parts: Uint8Array[] = [];

  constructor(out: TextBuffer) {
    this.out = out;
  }

  begin(): void {
    this.parts = [];
  }

  piece(bytes: Uint8Array): void {
    this.parts.push(bytes.slice()); // packets cross pieces, so the payload is put together first
  }

  end(): void {
    const data = new Uint8Array(this.parts.reduce((n, p) => n + p.length, 0));
    let at = 0;
    for (const p of this.parts) {
      data.set(p, at);
      at += p.length;
    }
    this.parts = [];
    this.out.text(`.\n. ... Intel Processor Trace data: size ${data.length} bytes\n`);
    for (const line of dumpPackets(data)) this.out.text(`${line}\n`);
  }
}
