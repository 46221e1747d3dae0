import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describePacket, dumpPackets } from './packet-dump.ts';
import { PT_END, PacketReader, findPsb, scanPackets } from './packet-reader.ts';
import { PtWriter } from './packet-writer.ts';

export const hex = (text: string): Uint8Array =>
  Uint8Array.from(
    text
      .replace(/\s+/g, ' ')
      .trim()
      .split(' ')
      .map((b) => Number.parseInt(b, 16)),
  );

/** spec.md §10.3: bytes fed to perf 6.1's packet decoder; the right column is its description. */
const GOLDEN: readonly (readonly [string, string, (w: PtWriter) => unknown])[] = [
  ['02 82 02 82 02 82 02 82 02 82 02 82 02 82 02 82', 'PSB', (w) => w.psb()],
  ['02 23', 'PSBEND', (w) => w.psbend()],
  ['99 01', 'MODE.Exec IF:0 64', (w) => w.modeExec(64)],
  ['99 02', 'MODE.Exec IF:0 32', (w) => w.modeExec(32)],
  ['99 21', 'MODE.TSX TXAbort:0 InTX:1', (w) => w.modeTsx(true)],
  ['71 00 10 40 00 00 00', 'TIP.PGE 0x401000', (w) => w.pge(0x401000n, 3)],
  ['2D 34 12', 'TIP 0x1234', (w) => w.tip(0x1234n)],
  ['CD 00 00 00 81 FF FF FF FF', 'TIP 0xffffffff81000000', (w) => w.tip(0xffffffff81000000n, 6)],
  ['6D 00 00 00 81 FF FF', 'TIP 0xffff81000000', (w) => w.tip(0xffffffff81000000n)],
  ['3D 10 10', 'FUP 0x1010', (w) => w.fup(0x1010n)],
  ['01', 'TIP.PGD no ip', (w) => w.pgd()],
  ['1A', 'TNT TNT (3)', (w) => w.tnt('TNT')],
  ['06', 'TNT T (1)', (w) => w.tnt('T')],
  ['04', 'TNT N (1)', (w) => w.tnt('N')],
  ['02 A3 06 00 00 00 00 00', 'TNT TN (2)', (w) => w.tnt('TN', true)],
  ['02 43 01 34 12 00 00 00', 'PIP 0x91a00 (NR=1)', (w) => w.pip(0x1234000n, true)],
  ['02 C8 DE BC 0A 00 00', 'VMCS 0xabcde', (w) => w.vmcs(0xabcde000n)],
  ['02 C8 FF FF FF FF FF', 'VMCS 0xffffffffff', (w) => w.vmcs(undefined)],
  ['19 DE BC 9A 78 56 34 12', 'TSC 0x123456789abcde', (w) => w.tsc(0x123456789abcden)],
  ['59 55', 'MTC 0x55', (w) => w.mtc(0x55)],
  ['02 73 34 12 00 FF 01', 'TMA CTC 0x1234 FC 0x1ff', (w) => w.tma(0x1234, 0x1ff)],
  ['02 03 20 00', 'CBR 0x20', (w) => w.cbr(0x20)],
  ['2B', 'CYC 0x5', (w) => w.cyc(5)],
  ['27 06', 'CYC 0x64', (w) => w.cyc(100)],
  ['02 F3', 'OVF', (w) => w.ovf()],
  ['02 83', 'TraceSTOP', (w) => w.tracestop()],
  ['02 12 44 33 22 11', 'PTWRITE 0x11223344 IP:0', (w) => w.ptw(0x11223344n, 4)],
  ['02 B2 88 77 66 55 44 33 22 11', 'PTWRITE 0x1122334455667788 IP:1', (w) => w.ptw(0x1122334455667788n, 8, true)],
  ['02 13 81 03', 'CFE IP:1 Type 0x01 Vector 0x3', (w) => w.cfe(1, 3, true)],
  ['02 53 01 00 10 00 00 00 00 00 00', 'EVD Type 0x01 Payload 0x1000', (w) => w.evd(1, 0x1000n)],
  ['02 C3 88 08 07 06 05 04 03 02 01', 'MNT 0x102030405060708', (w) => w.mnt(0x102030405060708n)],
  ['02 E2', 'EXSTOP IP:1', (w) => w.exstop(true)],
  ['02 C2 20 00 00 00 01 00 00 00', 'MWAIT 0x100000020 Hints 0x20 Extensions 0x1', (w) => w.mwait(0x20, 1)],
  ['02 22 00 21', 'PWRE 0x2100 HW:0 CState:2 Sub-CState:1', (w) => w.pwre(2, 1)],
  ['02 A2 65 01 00 00 00', 'PWRX 0x165 Last CState:6 Deepest CState:5 Wake Reason 0x1', (w) => w.pwrx(6, 5, 1)],
];

test('golden packets: read, described, and written back byte for byte', () => {
  for (const [bytes, text, write] of GOLDEN) {
    const reader = new PacketReader(hex(bytes));
    reader.next();
    assert.equal(describePacket(reader), text, bytes);
    assert.equal(reader.next(), PT_END, bytes);
    const w = new PtWriter();
    if (/^[23]D/.test(bytes)) w.tip(0x0n, 6); // LastIP, so that 16 bits are enough
    const from = w.length;
    write(w);
    assert.deepEqual([...w.toBytes().subarray(from)], [...hex(bytes)], text);
  }
});

test('BIP takes the TNT-8 opcodes between BBP and BEP only', () => {
  const w = new PtWriter()
    .tnt('TNT')
    .block(4, 8, [[1, 0x1122334455667788n]], true)
    .raw(0x0c);
  assert.deepEqual(
    [...dumpPackets(w.toBytes())].map((l) => l.slice(62)),
    ['TNT TNT (3)', 'BBP SZ 8-byte Type 0x4', 'BIP ID 0x01 Value 0x1122334455667788', 'BEP IP:1', 'TNT TN (2)'].map((x) => x),
  );
});

test('a scan counts from the first PSB, tells bad bytes and goes on at the next PSB', () => {
  const bytes = new PtWriter().raw(0x33, 0x44).psb().psbend().pad(3).raw(0x02, 0xff, 0x55).psb().psbend().tsc(5n).raw(0x19, 1).toBytes();
  const scan = scanPackets(bytes);
  assert.deepEqual(scan.psbOffsets, [2, 26]);
  assert.deepEqual(scan.bad, [
    { offset: 23, cause: 'unknown opcode 0x02 0xff' },
    { offset: 52, cause: 'truncated' },
  ]);
  assert.equal(scan.skippedBytes, 2 + 3 + 2);
  assert.equal(findPsb(bytes, 3), 26);
  assert.equal(scanPackets(hex('00 11 22')).skippedBytes, 3);
});
