/**
 * Mutated traces, seeded: the decoder never throws, never hangs, and every error and gap has its place.
 *
 *   PERFGLASS_FUZZ=20000 node --test test/formats/pt-fuzz.ts
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BlockTable } from '#formats/pt/block-table.ts';
import { CodeImage } from '#formats/pt/code-image.ts';
import { PtFlow } from '#formats/pt/flow.ts';
import { dumpPackets } from '#formats/pt/packet-dump.ts';
import { scanPackets } from '#formats/pt/packet-reader.ts';
import { PtWriter } from '#formats/pt/packet-writer.ts';
import { RECORDINGS, bytesOf, imageOf, present } from './pt-data.ts';

const ROUNDS = Number(process.env['PERFGLASS_FUZZ'] ?? 3400);
const MAX_SECONDS = 5;

/** xorshift32: the same numbers everywhere. */
class Rng {
  private s: number;
  constructor(seed: number) {
    this.s = (seed * 2654435761) >>> 0 || 1;
  }
  next(below: number): number {
    this.s ^= this.s << 13;
    this.s >>>= 0;
    this.s ^= this.s >>> 17;
    this.s ^= this.s << 5;
    this.s >>>= 0;
    return this.s % below;
  }
}

function mutate(seed: Uint8Array, rng: Rng): Uint8Array {
  const out = [...seed];
  const times = 1 + rng.next(12);
  for (let i = 0; i < times; i++) {
    const at = rng.next(out.length);
    switch (rng.next(6)) {
      case 0:
        out[at] = rng.next(256);
        break;
      case 1:
        out[at] = (out[at] ?? 0) ^ (1 << rng.next(8));
        break;
      case 2:
        out.splice(at, 1 + rng.next(8));
        break;
      case 3:
        out.splice(at, 0, ...Array.from({ length: 1 + rng.next(8) }, () => rng.next(256)));
        break;
      case 4:
        out.splice(at, 0, ...out.slice(rng.next(out.length)).slice(0, rng.next(64)));
        break;
      default:
        out.length = Math.max(1, at);
    }
    if (out.length === 0) out.push(0);
  }
  return Uint8Array.from(out);
}

/** Any packets in any order: most make no sense, none may hurt. */
function anything(rng: Rng, addresses: readonly bigint[]): Uint8Array {
  const w = new PtWriter().psb();
  const ip = (): bigint => addresses[rng.next(addresses.length)]!;
  if (rng.next(4) > 0) w.fup(ip());
  w.psbend();
  const n = rng.next(200);
  for (let i = 0; i < n; i++) {
    const kind = rng.next(30);
    if (kind < 8) w.tnt(Array.from({ length: 1 + rng.next(6) }, () => rng.next(2) === 1));
    else if (kind < 12) w.tip(ip());
    else if (kind === 12) w.pge(ip());
    else if (kind === 13) w.pgd(rng.next(2) === 0 ? undefined : ip());
    else if (kind === 14) w.fup(ip());
    else if (kind === 15)
      w.tnt(
        Array.from({ length: 1 + rng.next(47) }, () => rng.next(2) === 1),
        true,
      );
    else if (kind === 16) w.ovf();
    else if (kind === 17) w.psb().fup(ip()).psbend();
    else if (kind === 18) w.modeExec(([16, 32, 64] as const)[rng.next(3)]!);
    else if (kind === 19) w.pip(BigInt(rng.next(1 << 20)) << 12n, rng.next(2) === 1);
    else if (kind === 20) w.modeTsx(rng.next(2) === 1);
    else if (kind === 21) w.ptw(BigInt(rng.next(1000)), 4, rng.next(2) === 1);
    else if (kind === 22) w.tsc(BigInt(rng.next(1 << 30)));
    else if (kind === 23) w.mtc(rng.next(256)).cyc(rng.next(100000));
    else if (kind === 24) w.vmcs(BigInt(rng.next(1 << 20)) << 12n);
    else if (kind === 25) w.block(4, 8, [[1, 5n]], rng.next(2) === 1);
    else if (kind === 26) w.evd(1, 5n).cfe(1 + rng.next(10), 3, rng.next(2) === 1);
    else if (kind === 27)
      w.exstop(rng.next(2) === 1)
        .mwait(1, 1)
        .pwre(1, 2)
        .pwrx(1, 2, 1);
    else if (kind === 28) w.pad(rng.next(10)).cbr(rng.next(256)).tma(rng.next(65536), rng.next(512));
    else w.tracestop().mnt(5n);
  }
  return w.toBytes();
}

function check(trace: Uint8Array, image: CodeImage, table: BlockTable, what: string): void {
  const t = process.hrtime.bigint();
  const flow = new PtFlow(image, trace, { table, time: { mtcFreq: 3, tscCtcNumerator: 84, tscCtcDenominator: 2, nominalRatio: 24 } });
  let last = 0n;
  for (let c = flow.run(); c !== undefined; c = flow.run()) {
    for (const { at, event } of c.marks) {
      assert.ok(at >= 0 && at <= c.count, `${what}: mark at ${at} of ${c.count}`);
      assert.ok(event.offset >= 0 && event.offset <= trace.length, `${what}: ${event.kind} at ${event.offset} of ${trace.length}`);
      if (event.kind === 'error') assert.ok((event.cause ?? '') !== '', `${what}: error without a cause`);
      if (event.kind === 'gap') assert.ok(event.size! > 0 && event.offset + event.size! <= trace.length, `${what}: gap`);
    }
    last++;
    assert.ok(last < 100_000n, `${what}: no end`);
  }
  scanPackets(trace);
  let lines = 0;
  for (const _ of dumpPackets(trace)) lines++;
  assert.ok(lines <= trace.length);
  const seconds = Number(process.hrtime.bigint() - t) / 1e9;
  assert.ok(seconds < MAX_SECONDS, `${what}: ${seconds} s`);
}

for (const r of RECORDINGS) {
  test(`${r.name}: ${ROUNDS} mutations`, { skip: present(r) ? false : 'not here' }, () => {
    const image = imageOf(r);
    let seed = bytesOf(r.trace);
    if (seed.length > 6000) seed = seed.subarray(0, 6000);
    let table = new BlockTable(image);
    for (let i = 0; i < ROUNDS; i++) {
      if (i % 500 === 0) table = new BlockTable(image);
      check(mutate(seed, new Rng(i + 1)), image, table, `${r.name} seed ${i + 1}`);
    }
  });
}

test(`${ROUNDS} traces of any packets over any code`, () => {
  for (let i = 0; i < ROUNDS; i++) {
    const rng = new Rng(i + 77);
    const image = new CodeImage();
    image.add(
      0x401000n,
      Uint8Array.from(
        { length: 256 },
        () => [0x90, 0x75, 0xeb, 0xe8, 0xc3, 0xff, 0x0f, 0x05, 0xfe, 0x02, 0x00, 0xe0, rng.next(256)][rng.next(13)]!,
      ),
    );
    image.add(0xffffffff81000000n, Uint8Array.of(0x90, 0xeb, 0xfe));
    const addresses = [
      0x401000n,
      0x401001n,
      0x401010n,
      0x4010ffn,
      0xffffffff81000000n,
      0xffffffff81000001n,
      0x1234n,
      0xfffffffffffffff0n,
      0n,
    ];
    check(anything(rng, addresses), image, new BlockTable(image), `any ${i + 77}`);
  }
});
