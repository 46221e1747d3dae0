/**
 * Runs a program on the machine with the kernel and nothing else: `node tools/guest.ts PROG ARGS...`. For work on the kernel; the
 * command line's way is `perfglass`.
 */
import { SKYLAKE } from '#arch/cpu-models/skylake.ts';
import { signalName } from '#abi/signals.ts';
import { NodeHost } from '#cli/host-node.ts';
import { DEFAULT_EPOCH_NS, DEFAULT_HZ, Kernel } from '#kernel/kernel.ts';
import { HOT_CASES } from '#machine/engine/tier0/hot-cases.ts';
import { generateInterpreter } from '#machine/engine/tier0/generate.ts';
import { allForms } from '#machine/engine/semantics/forms.ts';
import { createMachine } from '#machine/machine.ts';

const argv = process.argv.slice(2);
const memory = Number(process.env['MEMORY_MIB'] ?? 256) * 1_048_576;
const started = process.hrtime.bigint();
const machine = createMachine(SKYLAKE, generateInterpreter(allForms(), HOT_CASES), { memoryBytes: memory });
const kernel = new Kernel(machine, new NodeHost(), {
  seed: 1,
  hz: DEFAULT_HZ,
  epochNs: DEFAULT_EPOCH_NS,
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  interrupted: () => 0,
  files: {},
});
const booted = process.hrtime.bigint();
const task = kernel.spawn(
  argv[0] ?? '',
  argv,
  Object.entries(process.env).map(([k, v]) => `${k}=${v ?? ''}`),
  process.cwd(),
  {
    stdin: 0,
    stdout: 1,
    stderr: 2,
  },
);
if ('error' in task) {
  console.error(`guest: ${task.error}`);
  process.exitCode = 126;
} else {
  const result = kernel.run();
  const ns = Number(process.hrtime.bigint() - booted);
  for (const line of kernel.reports) console.error(`guest: ${line}`);
  for (const d of kernel.deaths) {
    console.error(
      `guest: ${d.comm}[${d.pid}]: ${signalName(d.signal)} at 0x${d.rip.toString(16)}${d.address === undefined ? '' : `, address 0x${d.address.toString(16)}`} ${d.instruction}`,
    );
  }
  if (process.env['VERBOSE'] !== undefined) {
    for (const [what, n] of kernel.missing) console.error(`guest: not there: ${what} (${n})`);
    const t = machine.truth.total(0xc0n);
    console.error(
      `guest: user ${t?.user}, kernel ${t?.kernel}, overhead ${t?.overhead} instructions; modelled ${Number(kernel.monotonicNs()) / 1e6} ms; ${ns / 1e6} ms host (+${Number(booted - started) / 1e6} start), ${(((t?.user ?? 0) + (t?.kernel ?? 0)) * 1000) / ns} MIPS`,
    );
  }
  if (result.kind === 'ended') process.exitCode = (result.status & 0x7f) === 0 ? result.status >> 8 : 128 + (result.status & 0x7f);
  else {
    console.error(`guest: ${result.kind}${'what' in result ? `: ${result.what}` : ''}`);
    process.exitCode = 1;
  }
}
