/** `perfglass doctor`: what is there and what is not, on this machine and in this version. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { DEFAULT_CPU_MODEL } from '#arch/cpu-models/index-of-models.ts';
import { PMI_HANDLERS } from '#kernel/perf/intel/pmi/handlers.ts';
import { SYSCALL_ROWS } from '#kernel/syscalls/table.ts';
import { interpreter } from '#system/interpreter.ts';
import type { DefineCommand } from '../command.ts';
import { loadInterpreter } from '../interpreter.ts';

type Verdict = 'ok' | 'no' | 'later';
interface Finding {
  readonly what: string;
  readonly verdict: Verdict;
  readonly detail: string;
}

export const define: DefineCommand = (program, setExit) => {
  program.option('-j, --json', 'as JSON').action((o: { json?: boolean }) => {
    const findings = [...engine(), ...perf(), ...host()];
    if (o.json === true) process.stdout.write(`${JSON.stringify(findings, undefined, 2)}\n`);
    else {
      const mark: Record<Verdict, string> = { ok: 'yes', no: 'NO', later: 'not yet' };
      for (const f of findings) process.stdout.write(`  ${mark[f.verdict].padEnd(8)} ${f.what.padEnd(34)} ${f.detail}\n`);
    }
    // What is needed to run anything at all; oracles and later issues are not.
    setExit(findings.some((f) => f.verdict === 'no' && NEEDED.has(f.what)) ? 1 : 0);
  });
};

/** The layers have no DOM types, so the one global that is wanted is declared here. */
const wasm = (globalThis as unknown as { WebAssembly?: { validate(bytes: Uint8Array): boolean } }).WebAssembly;

const NEEDED: ReadonlySet<string> = new Set(['Node', 'WebAssembly', 'interpreter']);

function engine(): Finding[] {
  const major = Number(process.versions.node.split('.')[0]);
  const out: Finding[] = [
    {
      what: 'Node',
      verdict: major >= 22 ? 'ok' : 'no',
      detail: `${process.versions.node}${major >= 22 ? '' : ' (22 or newer is needed)'}`,
    },
  ];
  // (module (memory 1) with a v128 constant): SIMD is what SSE maps to.
  const simd = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11);
  out.push({ what: 'WebAssembly', verdict: wasm !== undefined ? 'ok' : 'no', detail: 'the engine is generated WebAssembly' });
  out.push({ what: 'WebAssembly SIMD', verdict: wasm?.validate(simd) === true ? 'ok' : 'no', detail: 'for vector instructions' });
  try {
    loadInterpreter();
    const { bytes } = interpreter();
    const valid = wasm?.validate(bytes) === true;
    out.push({
      what: 'interpreter',
      verdict: valid ? 'ok' : 'no',
      detail: `${Math.round(bytes.length / 1024)} KiB${valid ? '' : ': this engine refuses it'}`,
    });
  } catch (e) {
    out.push({ what: 'interpreter', verdict: 'no', detail: e instanceof Error ? e.message : String(e) });
  }
  const levels = ['full', 'partial', 'none'].map((s) => `${SYSCALL_ROWS.filter((r) => r.support === s).length} ${s}`);
  out.push({ what: 'system calls', verdict: 'ok', detail: levels.join(', ') });
  return out;
}

function perf(): Finding[] {
  const model = DEFAULT_CPU_MODEL;
  const handlers = PMI_HANDLERS.map((h) => h.name).join(', ');
  return [
    {
      what: 'counting, groups, multiplexing',
      verdict: 'ok',
      detail: `default model ${model.name}: ${model.pmu.gpCounters} + ${model.pmu.fixedCounters} counters`,
    },
    { what: 'period sampling, ledger', verdict: 'ok', detail: `PMI handlers: ${handlers}` },
    {
      what: 'branch-misses, cache and TLB events',
      verdict: 'later',
      detail: 'there is no predictor, cache or TLB model: refused, never counted as zero',
    },
    { what: 'record, LBR, frequency mode, -a', verdict: 'later', detail: 'issue 5' },
    { what: 'perf_event_open for guest programs', verdict: 'later', detail: 'issue 5' },
    { what: 'Processor Trace, guests', verdict: 'later', detail: 'later issues' },
  ];
}

function host(): Finding[] {
  const tool = (name: string, what: string): Finding => {
    const path = (process.env['PATH'] ?? '')
      .split(delimiter)
      .map((d) => join(d, name))
      .find((p) => existsSync(p));
    return { what: `oracle: ${name}`, verdict: path === undefined ? 'no' : 'ok', detail: path ?? `not on PATH (${what})` };
  };
  return [
    { what: 'host', verdict: 'ok', detail: `${process.platform} ${process.arch}; guest programs are Linux x86-64 ELF` },
    tool('perf', 'reads what we write'),
    tool('qemu-x86_64', 'counts instructions with its plugin'),
    tool('valgrind', 'cachegrind, for the bench'),
  ];
}
