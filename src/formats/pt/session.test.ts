import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodePt } from './decode.ts';
import { nsToTsc, tscToNs } from './info.ts';
import { parseItrace } from './itrace-options.ts';
import { PtWriter } from './packet-writer.ts';
import { type PtSessionInput, decodeSession } from './session.ts';
import { farKind } from './synth.ts';
import { PtTime } from './time.ts';
import type { SidebandRecord } from './world.ts';

test('itrace letters; what is not there is refused by name', () => {
  assert.deepEqual(parseItrace('i10us').instructions, { every: 10_000, unit: 'ns' });
  assert.deepEqual(parseItrace('i1i').instructions, { every: 1, unit: 'instructions' });
  assert.deepEqual(parseItrace('').instructions, { every: 100_000, unit: 'ns' });
  assert.equal(parseItrace('bqqs5').quick, 2);
  assert.equal(parseItrace('bs5').skip, 5);
  assert.throws(() => parseItrace('ig'), /'g' at 2: call chains: not there/);
  assert.throws(() => parseItrace('i5t'), /ticks/);
  assert.throws(() => parseItrace('k'), /'k' at 1: unknown/);
});

test('far transfers by their opcode, in perf’s words', () => {
  assert.equal(farKind([0x0f, 0x05]), 'syscall');
  assert.equal(farKind([0x48, 0x0f, 0x07]), 'sysret');
  assert.equal(farKind([0x48, 0xcf]), 'iret');
  assert.equal(farKind([0xcc]), 'int');
  assert.equal(farKind([0x48, 0xff, 0x2f]), 'jmp');
});

test('TSC and perf’s clock, both ways, across the wrap of time_zero', () => {
  const c = { timeShift: 31, timeMult: 1076264588n, timeZero: 18433473881008870804n };
  assert.equal(tscToNs(c, 0x8fb520b2ed3fe7n), 7002363023826907n);
  const tsc = nsToTsc(c, 7002363023826908n);
  assert.ok(tsc >= 0x8fb520b2ed3fe6n && tsc <= 0x8fb520b2ed3fe9n);
});

test('time: TSC and TMA tie the clocks, MTC counts, CYC fills in, never backwards', () => {
  const t = new PtTime({ mtcFreq: 3, tscCtcNumerator: 168, tscCtcDenominator: 2, nominalRatio: 20 });
  assert.equal(t.now, undefined);
  t.tsc(1000, 0);
  t.tma(0x0104, 50); // CTC 0x104: four ticks after MTC 0x20; its last tick was 50 TSC ticks ago
  assert.equal(t.now, 1000n);
  t.mtc(0x21); // CTC 0x108: four ticks of 84 after the TMA's
  assert.equal(t.now, 1000n - 50n + 4n * 84n);
  t.setCbr(40); // 40 / 20: two cycles for each TSC tick
  t.cyc(100);
  assert.equal(t.now, 1286n + 50n);
  t.mtc(0x21);
  assert.equal(t.now, 1336n);
  t.mtc(0x22);
  assert.equal(t.now, 1286n + 8n * 84n);
});

const CODE = Uint8Array.of(0x90, 0x75, 0xfd, 0xc3); // 401000 nop; jnz 401000; ret
const INFO = {
  pmuType: 8,
  timeShift: 0,
  timeMult: 1n,
  timeZero: 0n,
  capUserTimeZero: true,
  tscBit: 0x400n,
  noretcompBit: 0x800n,
  haveSchedSwitch: 3,
  snapshotMode: false,
  perCpuMmaps: true,
  mtcBit: 0x200n,
  mtcFreqBits: 0x3c000n,
  tscCtcN: 0,
  tscCtcD: 0,
  cycBit: 2n,
  maxNonturboRatio: 0,
};

test('a CPU’s queue: threads by the switch records, each with its own code', () => {
  const side = (time: bigint, record: SidebandRecord['record'], misc = 0, tid = 0): SidebandRecord => ({
    record,
    misc,
    time,
    cpu: 1,
    pid: tid,
    tid,
  });
  const map = (pid: number, filename: string): SidebandRecord =>
    side(1n, { type: 'MMAP', pid, tid: pid, addr: 0x401000n, len: 0x1000n, pgoff: 0n, filename });
  const input: PtSessionInput = {
    info: INFO,
    config: 0x400n,
    timed: true,
    sideband: [
      map(5, 'five'),
      map(6, 'six'),
      side(2n, { type: 'COMM', pid: 5, tid: 5, comm: 'five' }),
      side(2n, { type: 'COMM', pid: 6, tid: 6, comm: 'six' }),
      side(10n, { type: 'SWITCH_CPU_WIDE', nextPrevPid: 0, nextPrevTid: 0 }, 0, 5),
      side(50n, { type: 'SWITCH_CPU_WIDE', nextPrevPid: 6, nextPrevTid: 6 }, 0x2000, 5),
    ],
    queues: [
      {
        idx: 0,
        cpu: 1,
        tid: -1,
        pieces: [
          {
            offset: 0n,
            data: new PtWriter()
              .psb()
              .tsc(20n)
              .psbend()
              .modeExec(64)
              .pge(0x401000n)
              .tnt('TN')
              .fup(0x401003n)
              .pgd()
              .tsc(60n)
              .pge(0x401000n)
              .tnt('N')
              .fup(0x401002n)
              .pgd()
              .toBytes(),
          },
          { offset: 1000n, data: Uint8Array.of(0) },
        ],
      },
    ],
    // Thread 6 runs other bytes at the same address.
    code: (r) => [{ start: r.addr, bytes: r.filename === 'five' ? CODE : Uint8Array.of(0x74, 0x00, 0x90), name: r.filename }],
    options: parseItrace('i1ie'),
  };
  const got = [...decodeSession(input)].map((e) =>
    `${e.kind} ${e.comm} ${e.tid} ${e.ip.toString(16)} ${e.time ?? ''} ${e.event?.size ?? ''}`.trim(),
  );
  assert.deepEqual(got.slice(0, 5), [
    'instructions five 5 401000 20',
    'instructions five 5 401001 20',
    'instructions five 5 401000 20',
    'instructions five 5 401001 20',
    'instructions six 6 401000 60',
  ]);
  assert.ok(
    got.some((l) => /^gap six 6 0 +9\d\d$/.test(l)),
    got.join('\n'),
  );
});

test('decodePt: blocks and events as plain objects', () => {
  const trace = new PtWriter().psb().fup(0x401000n).psbend().tnt('TN').tip(0x500000n).toBytes();
  const items = [...decodePt(trace, [{ start: 0x401000n, bytes: CODE, name: 'x' }])].map((i) =>
    'event' in i ? i.event.kind : `${i.start.toString(16)} ${i.insns}`,
  );
  assert.deepEqual(items, ['sync', '401000 2', '401000 2', '401003 1']);
});
