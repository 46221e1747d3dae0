/** A call stack of last branch records is its task's: what stood in it before a sleep stands in it afterwards. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERF_SAMPLE_BRANCH } from '#abi/perf-event/branch.ts';
import { PERF_SAMPLE } from '#abi/perf-event/sample.ts';
import { SAPPHIRERAPIDS } from '#arch/cpu-models/sapphirerapids.ts';
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { makeAttr } from '#kernel/perf/attr.ts';
import { isRefusal } from '#kernel/perf/attr-checks.ts';
import { defaultHandler } from '#kernel/perf/intel/pmi/handlers.ts';
import { Session } from '#system/session.ts';
import { workloadOf } from './freeze/workload.ts';

const CODE = Uint8Array.from([
  ...[0xe8, 9, 0, 0, 0], //                             call f1
  ...[0x31, 0xff, 0xb8, 231, 0, 0, 0, 0x0f, 0x05], //   exit_group(0)
  ...[0xe8, 1, 0, 0, 0, 0xc3], //                   f1: call f2; ret
  ...[0xe8, 1, 0, 0, 0, 0xc3], //                   f2: call f3; ret
  ...[0x48, 0x83, 0xec, 0x10], //                   f3: sub rsp, 16
  ...[0x48, 0xc7, 0x04, 0x24, 0, 0, 0, 0], //           mov qword [rsp], 0
  ...[0x48, 0xc7, 0x44, 0x24, 8, 0x40, 0x42, 0x0f, 0], // mov qword [rsp+8], 1000000
  ...[0x48, 0x89, 0xe7, 0x31, 0xf6], //                 mov rdi, rsp; xor esi, esi
  ...[0xb8, 35, 0, 0, 0, 0x0f, 0x05], //                nanosleep
  ...[0xb9, 0x50, 0xc3, 0, 0], //                       mov ecx, 50000
  ...[0xff, 0xc9, 0x75, 0xfc], //                    1: dec ecx; jnz 1b
  ...[0x48, 0x83, 0xc4, 0x10, 0xc3], //                 add rsp, 16; ret
]);

test('a call stack survives a task switch, on legacy and architectural LBR', () => {
  for (const model of [SKYLAKE, SAPPHIRERAPIDS]) {
    const workload = workloadOf('sleeper', CODE);
    const session = new Session({ model, handler: defaultHandler(model), host: workload.host(), memoryBytes: 64 << 20 });
    assert.equal(session.start(workload.program), undefined);
    const { CALL_STACK, USER } = PERF_SAMPLE_BRANCH;
    const event = session.open(
      makeAttr({
        config: 1n,
        sample_period: 10_007n,
        sample_type: PERF_SAMPLE.BRANCH_STACK,
        branch_sample_type: BigInt(CALL_STACK | USER),
        flags: { exclude_kernel: true },
      }),
    );
    assert.ok(!isRefusal(event));
    session.run();
    const samples = event.ring?.drain() ?? [];
    assert.ok(samples.length >= 9);
    for (const s of samples) {
      const tops = (s.branches ?? []).map((b) => Number(b.to & 0xffn));
      const f1 = tops.at(-1) ?? 0;
      assert.deepEqual(tops, [f1 + 12, f1 + 6, f1], model.name);
    }
  }
});
