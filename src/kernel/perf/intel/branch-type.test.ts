import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BR, branchType } from './branch-type.ts';

const USER = 0x40_1000n;
const KERNEL = 0xffff_ffff_8100_0000n;

test('kinds by bytes, and by rings where the bytes are no branch', () => {
  const rows: readonly (readonly [number, readonly number[], bigint, bigint])[] = [
    [BR.JCC, [0x74, 5], USER, USER],
    [BR.JCC, [0x0f, 0x85, 0, 0, 0, 0], USER, USER],
    [BR.JCC, [0xe2, 0xfe], USER, USER],
    [BR.CALL, [0xe8, 1, 0, 0, 0], USER, USER],
    [BR.IND_CALL, [0x41, 0xff, 0xd3], USER, USER],
    [BR.IND_JMP, [0x3e, 0xff, 0xe0], USER, USER],
    [BR.RET, [0xf3, 0xc3], USER, USER],
    [BR.JMP, [0xeb, 0], USER, USER],
    [BR.SYSCALL, [0x0f, 0x05], USER, KERNEL],
    [BR.SYSRET, [0x48, 0x0f, 0x07], KERNEL, USER],
    [BR.IRET, [0x48, 0xcf], KERNEL, USER],
    [BR.INT, [0xcc], USER, KERNEL],
    [BR.IRQ, [0x48, 0x8b, 0x07], USER, KERNEL], // a fault of a load
    [BR.IRQ, [0x74, 5], USER, KERNEL], // an interrupt before a branch
    [BR.IRQ, [], USER, KERNEL],
    [0, [0xff, 0x30], USER, USER], // PUSH r/m
    [0, [], USER, USER],
  ];
  for (const [kind, code, from, to] of rows) assert.equal(branchType(from, to, Uint8Array.from(code)), kind, `${code}`);
});
