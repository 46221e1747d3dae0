/** struct rusage. include/uapi/linux/resource.h. */
import type { Accounting, Task } from '../task/task.ts';

/** Writes the sum of `times`; false = EFAULT. */
export function writeRusage(t: Task, va: number, ...times: readonly Accounting[]): boolean {
  const v = new DataView(new ArrayBuffer(144));
  const sum = (of: (a: Accounting) => number): number => times.reduce((n, a) => n + of(a), 0);
  const time = (at: number, ns: number): void => {
    v.setBigInt64(at, BigInt(Math.floor(ns / 1e9)), true);
    v.setBigInt64(at + 8, BigInt(Math.floor((ns % 1e9) / 1000)), true);
  };
  time(
    0,
    sum((a) => a.userNs),
  );
  time(
    16,
    sum((a) => a.systemNs),
  );
  v.setBigInt64(32, BigInt(Math.floor(t.mm.residentBytes() / 1024)), true);
  v.setBigInt64(64, BigInt(sum((a) => a.minorFaults)), true);
  v.setBigInt64(72, BigInt(sum((a) => a.majorFaults)), true);
  v.setBigInt64(128, BigInt(sum((a) => a.voluntarySwitches)), true);
  v.setBigInt64(136, BigInt(sum((a) => a.involuntarySwitches)), true);
  return t.memory.write(va, new Uint8Array(v.buffer));
}
