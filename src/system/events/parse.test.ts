import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CORE2 } from '#arch/cpu-models/core2.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { EventSyntaxError, parseEvents } from './parse.ts';

const one = (text: string) => {
  const event = parseEvents(text, SKYLAKE)[0]?.events[0];
  assert.ok(event !== undefined);
  return event;
};

test('names, aliases, raw codes, PMU terms and Intel names', () => {
  const rows: readonly (readonly [string, number, bigint])[] = [
    ['instructions', 0, 1n],
    ['cpu-cycles', 0, 0n],
    ['cs', 1, 3n],
    ['faults', 1, 2n],
    ['L1-dcache-loads', 3, 0n],
    ['LLC-load-misses', 3, 0x10002n],
    ['r01c4', 4, 0x1c4n],
    ['cpu/event=0xc4,umask=0x20/', 4, 0x20c4n],
    ['cpu/event=0xc0,cmask=1,inv/', 4, 0x180_00c0n],
    ['cpu/config=0x1c4/', 4, 0x1c4n],
    ['cpu/instructions/', 0, 1n],
    ['BR_INST_RETIRED.NEAR_CALL', 4, 0x2c4n],
    ['inst_retired.any', 4, 0xc0n],
    ['cpu_clk_unhalted.ref_tsc', 4, 0x300n],
  ];
  for (const [text, type, config] of rows) {
    const event = one(text);
    assert.deepEqual([event.type, event.config, event.name], [type, config, text]);
  }
  assert.equal(one('cpu/event=0xc4,name=mine/u').name, 'mine:u');
  assert.equal(one('cpu/event=0xc4/uk').name, 'cpu/event=0xc4/uk');
});

test('modifiers: u, k and both; a group hands its own to each member', () => {
  assert.deepEqual(one('cycles:u').flags, { exclude_kernel: true, exclude_hv: true });
  assert.deepEqual(one('cycles:k').flags, { exclude_user: true, exclude_hv: true });
  assert.deepEqual(one('cycles:uk').flags, { exclude_hv: true });
  const groups = parseEvents('{cycles,instructions}:u, branches', SKYLAKE);
  assert.deepEqual(
    groups.map((g) => [g.explicit, g.events.map((e) => e.name)]),
    [
      [true, ['cycles:u', 'instructions:u']],
      [false, ['branches']],
    ],
  );
});

test('what is wrong is said with its place and the nearest names', () => {
  const rows: readonly (readonly [string, number, RegExp])[] = [
    ['instrctions', 0, /unknown event; did you mean 'instructions'/],
    ['cycles,brnaches', 7, /did you mean 'branches'/],
    ['cycles:z', 7, /no such event modifier: 'z'/],
    ['cpu/evnt=0xc0/', 4, /unknown term 'evnt'.*'event'/],
    ['cpu/event=0x1c0/', 4, /more than 0xff/],
    ['cpu/event=xyz/', 4, /no number/],
    ['{cycles', 0, /without '}'/],
    ['cycles,,branches', 7, /missing/],
    ['intel_pt//', 0, /no PMU 'intel_pt'/],
    ['sched:sched_switch', 0, /not there yet/],
    ['uops_retired.all', 0, /not modelled: micro-operations/],
    ['cycles,machine_clears.smc:u', 7, /not modelled: nothing is speculated/],
    ['mem:main:w', 4, /no number/],
    ['cycles,mem:0x1000:ww', 7, /twice/],
    ['mem:0x1000:q:u', 0, /no access/],
    ['cpu/event=0xc0', 3, /closing/],
    ['', 0, /missing/],
  ];
  for (const [text, column, message] of rows) {
    assert.throws(
      () => parseEvents(text, SKYLAKE),
      (e) => e instanceof EventSyntaxError && e.column === column && message.test(e.message),
      text,
    );
  }
});

test('breakpoints: mem:ADDRESS[/LENGTH][:rwx][:modifiers]', () => {
  const rows: readonly (readonly [string, number, bigint, bigint, boolean])[] = [
    ['mem:0x1000', 3, 0x1000n, 4n, false],
    ['mem:4096/8:w', 2, 0x1000n, 8n, false],
    ['mem:0x1000:x:u', 4, 0x1000n, 8n, true],
    ['mem:0x1000/2:u', 3, 0x1000n, 2n, true],
    ['mem:0x1000/1:rw', 3, 0x1000n, 1n, false],
    ['mem:0x1000:r', 1, 0x1000n, 4n, false],
  ];
  for (const [text, bp_type, config1, config2, user] of rows) {
    const event = one(text);
    assert.deepEqual([event.type, event.breakpointType, event.config1, event.config2], [5, bp_type, config1, config2], text);
    assert.equal(event.flags.exclude_kernel === true, user, text);
    assert.equal(event.name, text);
  }
  const groups = parseEvents('mem:0x1000/8:w,{mem:0x2000/4,cycles}:u,cpu/event=0xc0,umask=1/', SKYLAKE);
  assert.deepEqual(
    groups.map((g) => g.events.map((e) => e.name)),
    [['mem:0x1000/8:w'], ['mem:0x2000/4:u', 'cycles:u'], ['cpu/event=0xc0,umask=1/']],
  );
});

test('cpu/…/: config1, config2 and the terms of the model’s format files', () => {
  const [group] = parseEvents('cpu/event=0xb7,umask=1,offcore_rsp=0x10001,name=reads/u', SKYLAKE);
  const event = group?.events[0];
  assert.deepEqual([event?.config, event?.config1, event?.name], [0x1b7n, 0x1_0001n, one('cpu/event=0xb7,umask=1,name=reads/u').name]);
  assert.equal(parseEvents('cpu/event=0xc0,config2=7/', SKYLAKE)[0]?.events[0]?.config2, 7n);
  assert.throws(() => parseEvents('cpu/event=0xcd,ldlat=0x10000/', SKYLAKE), /16 bits/);
  assert.throws(() => parseEvents('cpu/event=0xb7,offcore_rsp=1/', CORE2), /unknown term 'offcore_rsp'/);
});
