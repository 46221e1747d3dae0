/** Spec §10.1's table from the whole modelled computer: a program of exactly 10,000 user instructions, period 1000, skid 20. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { NEHALEM } from '#arch/cpu-models/nehalem.ts';
import { makeAttr } from '#kernel/perf/attr.ts';
import { findHandler } from '#kernel/perf/intel/pmi/handlers.ts';
import { isRefusal } from '#kernel/perf/attr-checks.ts';
import { Session } from '#system/session.ts';
import { workloadOf } from './workload.ts';

const LOOPS = 4998; // 1 + 2 × 4998 + 3 instructions
const CODE = Uint8Array.from([
  ...[0xb9, LOOPS & 255, LOOPS >> 8, 0, 0], // mov ecx, LOOPS
  ...[0xff, 0xc9], //                       1: dec ecx
  ...[0x75, 0xfc], //                          jnz 1b
  ...[0x31, 0xff], //                          xor edi, edi
  ...[0xb8, 231, 0, 0, 0], //                  mov eax, SYS_exit_group
  ...[0x0f, 0x05], //                          syscall: the 10,000th
]);
const FLAGS = { exclude_kernel: true, exclude_hv: true } as const;

/** E1 sampling, E2 counting: the same event. */
function run(handlerName: string, model = SKYLAKE): { samples: number; e1: number; e2: number; frozen: number } {
  const handler = findHandler(handlerName);
  assert.ok(handler);
  const workload = workloadOf('golden', CODE);
  const session = new Session({
    model,
    handler,
    host: workload.host(),
    memoryBytes: 64 << 20,
    pmiLatency: { unit: 'instructions', min: 20, max: 20 },
  });
  assert.equal(session.start(workload.program), undefined);
  const open = (sample_period: bigint): Exclude<ReturnType<Session['open']>, { errno: number }> => {
    const event = session.open(makeAttr({ type: 0, config: 1n, sample_period, flags: FLAGS }));
    assert.ok(!isRefusal(event));
    return event as Exclude<ReturnType<Session['open']>, { errno: number }>;
  };
  const [e1, e2] = [open(1000n), open(0n)];
  session.run();
  const value = (e: typeof e1): number => Number(session.read(e).values[0]?.value);
  return { samples: session.account(e1).samples.delivered, e1: value(e1), e2: value(e2), frozen: session.account(e2).lost.frozen };
}

test('§10.1 from the whole machine: no freeze, 10 samples (the last one lands in the skid after the end), 10000 and 10000', () => {
  assert.deepEqual(run('stop-in-handler'), { samples: 10, e1: 10_000, e2: 10_000, frozen: 0 });
});

test('§10.1 from the whole machine: freeze on overflow, 9 samples, 9820 and 9820', () => {
  assert.deepEqual(run('freeze-on-overflow'), { samples: 9, e1: 9820, e2: 9820, frozen: 180 });
  assert.deepEqual(run('freeze-on-overflow', NEHALEM), { samples: 9, e1: 9820, e2: 9820, frozen: 180 });
});

test('§10.1 from the whole machine: freeze on delivery (hypothetical) loses nothing', () => {
  assert.deepEqual(run('freeze-on-delivery'), { samples: 10, e1: 10_000, e2: 10_000, frozen: 0 });
});
