/** Traces with their sideband: lldb's two CPUs, and recordings made to order that real perf decodes, too. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadSegments, readElf } from '#formats/elf/reader.ts';
import { parseItrace } from '#formats/pt/itrace-options.ts';
import { readRawSideband } from '#formats/pt/raw-sideband.ts';
import { type PtSessionInput, decodeSession } from '#formats/pt/session.ts';
import type { SidebandRecord } from '#formats/pt/world.ts';
import { DATA, bytesOf, present } from './pt-data.ts';

const lldb = `${DATA}/pt-lldb/multi-core`;

test('two CPUs: instructions are attributed to the threads that ran', {
  skip: present({ trace: `${lldb}/trace.json` }) ? false : 'not here',
}, () => {
  const json = JSON.parse(readFileSync(`${lldb}/trace.json`, 'utf8').replace(/"timeZero": (\d+)/, '"timeZero": "$1"'));
  const conversion = json.tscPerfZeroConversion;
  const elf = bytesOf(`${lldb}/m.out`);
  const code = loadSegments(readElf(elf)).filter((s) => s.executable);
  const { pid } = json.processes[0];
  const map: SidebandRecord = {
    record: { type: 'MMAP', pid, tid: pid, addr: 0x400000n, len: 0x2000n, pgoff: 0n, filename: 'm.out' },
    misc: 2,
    time: 0n,
    cpu: 0,
    pid,
    tid: pid,
  };
  const TID_TIME = 2n | 4n;
  const input: PtSessionInput = {
    info: {
      pmuType: 8,
      timeShift: conversion.timeShift,
      timeMult: BigInt(conversion.timeMult),
      timeZero: BigInt(conversion.timeZero),
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
    },
    config: 0x400n,
    timed: true,
    sideband: [map, ...[45, 51].flatMap((cpu) => readRawSideband(bytesOf(`${lldb}/${cpu}.perf_context_switch_trace`), TID_TIME, cpu))].sort(
      (a, b) => (a.time! < b.time! ? -1 : a.time! > b.time! ? 1 : 0),
    ),
    queues: [45, 51].map((cpu) => ({ idx: cpu, cpu, tid: -1, pieces: [{ offset: 0n, data: bytesOf(`${lldb}/${cpu}.intelpt_trace`) }] })),
    code: (r) =>
      r.filename === 'm.out'
        ? code.map((s) => ({ start: s.vaddr, bytes: elf.subarray(s.fileOffset, s.fileOffset + s.fileSize), name: 'm.out' }))
        : [],
    options: parseItrace('i1ie'),
  };
  const perThread: Record<string, number> = {};
  const problems: Record<string, number> = {};
  let last = 0n;
  for (const e of decodeSession(input)) {
    if (e.time !== undefined) {
      assert.ok(e.time >= last, 'events come by time');
      last = e.time;
    }
    const key = `${e.cpu}/${e.pid}/${e.tid}`;
    const into = e.kind === 'instructions' ? perThread : problems;
    into[key] = (into[key] ?? 0) + 1;
  }
  // libipt decodes as many from each CPU's trace; lldb attributes them so.
  assert.deepEqual(perThread, { '51/3497234/3497496': 19_521, '45/3497234/3497497': 61_825 });
});
