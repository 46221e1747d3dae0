import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { makeAttr } from '../perf-data/attr.ts';
import { openPerfDataSync } from '../perf-data/read.ts';
import { Session } from '../perf-data/session.ts';
import { memorySource } from '../perf-data/source.ts';
import { writePerfData, type WriteRecord } from '../perf-data/write.ts';
import type { SymbolResolver } from '../symbols-port.ts';
import { annotateText } from './annotate-text.ts';
import { type AnnotatedEvent, Annotator } from './annotator.ts';
import { disassemble } from './disassemble.ts';

// one function, f, at file offsets 0x1000 to 0x100b
const CODE = Uint8Array.from([0x48, 0x8d, 0x05, 0xf9, 0, 0, 0, 0x75, 0xf7, 0x06, 0xc3]); // lea 0xf9(%rip),%rax; jne; (bad); ret
const resolver: SymbolResolver = {
  resolve: (dso, address) =>
    dso.name === '/bin/x' && address >= 0x1000n && address < 0x100bn ? { name: 'f', offset: address - 0x1000n, size: 0xbn } : undefined,
};

function annotate(ips: readonly bigint[]): AnnotatedEvent[] {
  const attr = makeAttr({ sample_type: PERF_SAMPLE.IP | PERF_SAMPLE.TID, sample_period: 10n });
  const map: WriteRecord = {
    kernel: { type: 'MMAP', pid: 1, tid: 1, addr: 0x400000n, len: 0x2000n, pgoff: 0x1000n, filename: '/bin/x' },
    misc: 2,
  };
  const bytes = writePerfData({ events: [{ attr, name: 'cycles' }] }, [map, ...ips.map((ip) => ({ sample: { ip, pid: 1, tid: 1 } }))]);
  const data = openPerfDataSync(memorySource(bytes));
  const annotator = new Annotator(data.recording, new Session(data.recording), resolver);
  assert.equal(data.scan({ record: (c) => annotator.record(c) }).damage, undefined);
  return annotator.finish();
}

test('each sample is at its instruction, in no symbol by file, or nowhere: none is lost', () => {
  const [event] = annotate([0x400000n, 0x400007n, 0x400007n, 0x400008n, 0x400100n, 0x900000n]);
  assert.equal(event?.samples, 6);
  assert.deepEqual(
    [...(event?.elsewhere ?? [])].map(([file, h]) => [file, h.samples]),
    [
      ['/bin/x', 1],
      ['[unknown]', 1],
    ],
  );
  const symbol = event?.symbols[0];
  assert.ok(event !== undefined && symbol !== undefined);
  const nameOf = (a: bigint): string | undefined => (a === 0x401000n ? 'f' : undefined);
  const lines = disassemble(CODE, 0x401000n, { bits: 64, syntax: 'att', nameOf });
  const text = annotateText(symbol, event.event, { lines }, { samples: false });
  assert.equal(
    text,
    ` Percent |\tSource code & Disassembly of x for cycles (4 samples, percent: local period)
${'-'.repeat(92)}
         : 0000000000401000 <f>:
   25.00 :   401000:   lea    0xf9(%rip),%rax        # 401100
   75.00 :   401007:   jne    401000 <f>
    0.00 :   401009:   (bad)
    0.00 :   40100a:   ret
`,
  );
});

test('without code the addresses are shown with the reason; samples beyond the code are shown too', () => {
  const [event] = annotate([0x400000n, 0x40000an]);
  const symbol = event?.symbols[0];
  assert.ok(event !== undefined && symbol !== undefined);
  const none = annotateText(symbol, event.event, { start: 0x1000n, why: 'gone' }, { samples: true });
  assert.match(none, /: no code: gone\n +1 : {3}1000: {3}\(not there\)\n +1 : {3}100a: {3}\(not there\)\n$/);
  const cut = annotateText(
    symbol,
    event.event,
    { lines: disassemble(CODE.subarray(0, 7), 0x1000n, { bits: 64, syntax: 'intel' }) },
    { samples: false },
  );
  assert.match(cut, / 50\.00 : {3}1000: {3}lea {4}rax,\[rip\+0xf9\] {8}# 1100\n/);
  assert.match(cut, / 50\.00 : {3}100a: {3}\(beyond the code of the symbol\)\n$/);
});
