/** The kernel image, decoded with iced-x86: an oracle that is not ours. In tools/ because the kernel layer may not import iced. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Decoder, DecoderOptions, FlowControl, Formatter, FormatterSyntax, Instruction, Mnemonic, OpKind } from 'iced-x86';
import { GATE_MAGIC } from '#arch/gate.ts';
import { costRows, functionCost, syscallCost, workCounts } from '#kernel/text/cost-table.ts';
import { GATE } from '#kernel/text/gates.ts';
import { costTable } from './kernel-cost.ts';
import { buildImage, FRAME_INSTRUCTIONS } from '#kernel/text/image.ts';

const CALLS = [
  { number: 0, name: 'read' },
  { number: 39, name: 'getpid' },
  { number: 60, name: 'exit' },
];
const image = buildImage(CALLS, 64);

interface Decoded {
  readonly ip: bigint;
  readonly next: bigint;
  readonly text: string;
  readonly mnemonic: Mnemonic;
  readonly target: bigint | undefined;
  readonly gate: number | undefined;
}

function decode(name: string): Decoded[] {
  const symbol = image.symbols.find((s) => s.name === name);
  assert.ok(symbol, name);
  const offset = Number(symbol.address - image.base);
  const decoder = new Decoder(64, image.bytes.subarray(offset, offset + symbol.size), DecoderOptions.None);
  decoder.ip = symbol.address;
  const formatter = new Formatter(FormatterSyntax.Intel);
  const out: Decoded[] = [];
  while (decoder.canDecode) {
    const i: Instruction = decoder.decode();
    assert.notEqual(i.mnemonic, Mnemonic.INVALID, `${name} at ${i.ip.toString(16)}`);
    const near = i.flowControl !== FlowControl.Next && i.op0Kind === OpKind.NearBranch64;
    const disp = Number(BigInt.asUintN(32, i.memoryDisplacement));
    const gate = i.mnemonic === Mnemonic.Nop && i.length === 7 && (disp & 0xffff0000) === GATE_MAGIC ? disp & 0xffff : undefined;
    out.push({
      ip: i.ip,
      next: i.nextIP,
      text: formatter.format(i),
      mnemonic: i.mnemonic,
      target: near ? i.nearBranchTarget : undefined,
      gate,
    });
  }
  return out;
}

const calleeName = (target: bigint | undefined): string | undefined => image.symbols.find((s) => s.address === target)?.name;

test('every function decodes to its last byte, and every branch lands on an instruction', () => {
  const starts = new Set<bigint>();
  const all = image.symbols.filter((s) => s.name !== 'sys_call_table').map((s) => [s.name, decode(s.name)] as const);
  for (const [, list] of all) for (const d of list) starts.add(d.ip);
  for (const [name, list] of all) {
    for (const d of list) if (d.target !== undefined) assert.ok(starts.has(d.target), `${name}: ${d.text}`);
  }
});

test('the dispatch table leads to the row or to sys_ni_syscall', () => {
  const view = new DataView(image.bytes.buffer, image.textSize);
  const at = (n: number): string | undefined => image.symbols.find((s) => s.address === view.getBigUint64(n * 8, true))?.name;
  assert.deepEqual([0, 1, 39, 60, 63].map(at), [
    '__x64_sys_read',
    'sys_ni_syscall',
    '__x64_sys_getpid',
    '__x64_sys_exit',
    'sys_ni_syscall',
  ]);
  const dispatch = decode('do_syscall_64').find((d) => d.mnemonic === Mnemonic.Call && d.target === undefined);
  const table = image.symbols.find((s) => s.name === 'sys_call_table');
  assert.ok(dispatch && table);
  assert.match(
    dispatch.text.toLowerCase(),
    new RegExp(`rax\\*8.*${BigInt.asUintN(32, -table.address).toString(16)}|rax\\*8.*${table.address.toString(16)}`),
  );
});

test('a system call function is prologue, work, its gate, work, epilogue with the counts of the cost table', () => {
  for (const { number, name } of CALLS) {
    const list = decode(`__x64_sys_${name}`);
    assert.deepEqual(
      list.filter((d) => d.gate !== undefined).map((d) => d.gate),
      [number],
    );
    assert.equal(list.at(-1)?.mnemonic, Mnemonic.Ret);
  }
});

/** Executes the loop structure of a function by counting: only DEC/TEST ECX steer it. */
function executed(name: string): { instructions: number; loads: number; stores: number; branches: number } {
  const list = decode(name);
  const at = new Map(list.map((d, i) => [d.ip, i]));
  const sums = { instructions: 0, loads: 0, stores: 0, branches: 0 };
  let ecx = 0;
  let zero = false;
  for (let i = 0; i < list.length; ) {
    const d = list[i] as Decoded;
    sums.instructions++;
    const set = /^mov ecx,([0-9A-F]+)h?$/i.exec(d.text);
    if (set) ecx = Number.parseInt(set[1] as string, d.text.endsWith('h') ? 16 : 10);
    if (/^(mov|xor) r\w+,\[/.test(d.text)) sums.loads++;
    if (d.text.startsWith('mov [')) sums.stores++;
    if (/^test rcx,1$/.test(d.text)) zero = (ecx & 1) === 0;
    if (/^dec ecx$/.test(d.text)) zero = --ecx === 0;
    const conditional = d.mnemonic === Mnemonic.Je || d.mnemonic === Mnemonic.Jne;
    if (conditional) sums.branches++;
    const taken = (d.mnemonic === Mnemonic.Je && zero) || (d.mnemonic === Mnemonic.Jne && !zero);
    i = conditional && taken ? (at.get(d.target as bigint) as number) : i + 1;
  }
  return sums;
}

test('executed instructions, loads, stores and branches are what workCounts states', () => {
  for (const [name, cost] of [
    ['__x64_sys_read', syscallCost('read')],
    ['__x64_sys_exit', syscallCost('exit')],
    ['exc_page_fault', functionCost('exc_page_fault')],
    ['__schedule', functionCost('__schedule')],
  ] as const) {
    const before = workCounts(cost.before);
    const after = workCounts(cost.after);
    const glue = cost.after > 0 ? 3 : 0; // RAX saved and restored, RDI set again
    assert.deepEqual(
      executed(name),
      {
        instructions: before.instructions + after.instructions + FRAME_INSTRUCTIONS + glue,
        loads: before.loads + after.loads + (glue > 0 ? 1 : 0),
        stores: before.stores + after.stores + (glue > 0 ? 1 : 0),
        branches: before.branches + after.branches,
      },
      name,
    );
  }
});

test('exception entries push an error code of their own exactly where the processor pushes none', () => {
  const withCode = [8, 10, 11, 12, 13, 14, 17];
  for (let vector = 0; vector < 20; vector++) {
    if (vector === 2 || vector === 15) continue;
    const name = image.symbols.find((s) => s.address === image.vectorEntry(vector))?.name as string;
    const list = decode(name);
    assert.equal(list[0]?.text === 'push 0FFFFFFFFFFFFFFFFh', !withCode.includes(vector), `${name}: ${list[0]?.text}`);
    const handler = calleeName(list.find((d) => d.mnemonic === Mnemonic.Call)?.target) as string;
    assert.deepEqual(
      decode(handler).flatMap((d) => d.gate ?? []),
      [GATE.EXCEPTION + vector],
    );
  }
});

test('the NMI entry uses neither GS nor SWAPGS and ends in IRETQ', () => {
  const list = decode('asm_exc_nmi');
  assert.equal(list.at(-1)?.mnemonic, Mnemonic.Iretq);
  assert.ok(list.every((d) => d.mnemonic !== Mnemonic.Swapgs && !d.text.includes('gs:')));
  assert.equal(list.filter((d) => d.mnemonic === Mnemonic.Push).length - 1, list.filter((d) => d.mnemonic === Mnemonic.Pop).length);
});

test('the marked instructions are what their labels say', () => {
  for (const [label, mnemonic] of [
    ['rdmsr_instruction', Mnemonic.Rdmsr],
    ['wrmsr_instruction', Mnemonic.Wrmsr],
    ['sysretq', Mnemonic.Sysretq],
    ['iretq_user', Mnemonic.Iretq],
  ] as const) {
    const at = image.address(label);
    const found = image.symbols
      .flatMap((s) => (at >= s.address && at < s.address + BigInt(s.size) ? decode(s.name) : []))
      .find((d) => d.ip === at);
    assert.equal(found?.mnemonic, mnemonic, label);
  }
});

test('the cost table has no row of nothing', () => {
  assert.ok(costRows().length > 100);
  for (const [name, cost] of costRows()) assert.ok(cost.before > 0, name);
});

test('docs/model.md states the amounts of the cost table', () => {
  const doc = readFileSync(new URL('../docs/model.md', import.meta.url), 'utf8');
  for (const row of costTable()) assert.ok(doc.includes(row), `missing: ${row}`);
});

test('the ways in and out have as many instructions as docs/model.md says', () => {
  const upTo = (list: Decoded[], label: string): number => list.filter((d) => d.ip < image.address(label)).length;
  const from = (list: Decoded[], label: string, end: string): number =>
    list.filter((d) => d.ip >= image.address(label) && d.ip < image.address(end)).length;
  const call = upTo(decode('entry_SYSCALL_64'), 'syscall_work') + upTo(decode('do_syscall_64'), 'no_such_call');
  const back = from(decode('error_return'), 'error_return', 'return_work');
  const fault = decode('asm_exc_page_fault').length + back;
  const trap = decode('asm_exc_divide_error').length + back;
  const doc = readFileSync(new URL('../docs/model.md', import.meta.url), 'utf8');
  const text = `a system call costs ${call} instructions of it, an exception ${fault} with an error code and ${trap} without.`;
  assert.ok(doc.includes(text), text);
});
