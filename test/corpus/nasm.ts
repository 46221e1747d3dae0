/**
 * NASM sources that say what registers hold in the end, in JSON between `%ifdef CONFIG` and `%endif`:
 *   RegData      { register: value | [low, high, …] }  as hexadecimal strings; MMn are the x87 registers by physical number
 *   MemoryRegions { address: bytes }, MemoryData { address: "hex bytes" }
 *   HostFeatures [ names ]   CPUID features that it needs
 *   Mode "32BIT"   is out of scope: the machine has 64-bit mode only
 *   Env { … }      options of the emulator that the source was written for, shown with a failure
 * Code starts at 10000H with all registers zero, and ends at a HLT. 40 KiB at E0000000H and 8 KiB around E8000000H are there.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../lib/run.ts';
import type { Ended, Piece } from './pack.ts';

export interface NasmCase {
  readonly file: string;
  readonly expected: readonly (readonly [register: string, values: readonly bigint[]])[];
  readonly ranges: readonly (readonly [bigint, bigint])[];
  readonly data: readonly (readonly [bigint, Uint8Array])[];
  readonly features: readonly string[];
  readonly mode32: boolean;
  readonly env: string;
}

const ENTRY = 0x10000;
const ALWAYS = [
  [0xe000_0000n, 40960n],
  [0xe7ff_f000n, 8192n],
] as const;

/** "0x0011" and "11 22" alike: bytes of each number from its low end on. */
function hexBytes(text: string): Uint8Array {
  const out: number[] = [];
  for (const word of text.split(' ')) {
    let rest = word.replace(/^0x/i, '');
    for (; rest.length > 0; rest = rest.slice(0, -2)) out.push(Number.parseInt(rest.slice(-2), 16));
  }
  return Uint8Array.from(out);
}

/** undefined: the file says nothing of an expected state. */
export function readCase(dir: string, file: string): NasmCase | string | undefined {
  const text = readFileSync(join(dir, file), 'latin1');
  const json = /%ifdef CONFIG([\s\S]*?)%endif/.exec(text)?.[1];
  if (json === undefined) return undefined;
  let config: Record<string, unknown>;
  try {
    const raw = JSON.parse(json) as Record<string, unknown>;
    config = Object.fromEntries(Object.entries(raw).map(([k, v]) => [k.toUpperCase(), v]));
  } catch (e) {
    return `its CONFIG is no JSON: ${(e as Error).message}`;
  }
  const entries = (key: string): [string, unknown][] => Object.entries((config[key] ?? {}) as object);
  return {
    file,
    expected: entries('REGDATA').map(([k, v]) => [
      k.toUpperCase(),
      (Array.isArray(v) ? v : [v]).map((x) => BigInt.asUintN(64, BigInt(String(x)))),
    ]),
    ranges: entries('MEMORYREGIONS').map(([k, v]) => [BigInt(k), BigInt(String(v))]),
    data: entries('MEMORYDATA').map(([k, v]) => [BigInt(k), hexBytes(String(v))]),
    features: ((config['HOSTFEATURES'] ?? []) as string[]).map((f) => f.toUpperCase()),
    mode32: String(config['MODE'] ?? '').toUpperCase() === '32BIT',
    env: entries('ENV')
      .map(([k, v]) => `${k}=${String(v)}`)
      .join(' '),
  };
}

const newer = (file: string, than: string): boolean => existsSync(file) && statSync(file).mtimeMs > statSync(than).mtimeMs;

/** The flat binary, kept in the folder `into`, or what nasm says. */
export function assemble(dir: string, file: string, into: string): Uint8Array | string {
  const source = join(dir, file);
  const binary = join(into, `${file.replaceAll('/', '+')}.bin`);
  if (!newer(binary, source)) {
    const include = ['-i', `${dir}/Includes/`, '-i', `${dir}/`];
    const done = run(['nasm', '-w-all', '-f', 'bin', '--before', 'bits 64', ...include, '-o', binary, source]);
    if (done.status !== 0) return done.stderr.toString().split('\n')[0] ?? 'nasm failed';
  }
  return readFileSync(binary);
}

export function piece(c: NasmCase, index: number, code: Uint8Array): Piece {
  return { index, code, entry: ENTRY, ranges: [...ALWAYS, ...c.ranges], data: c.data };
}

const hex = (v: bigint | undefined): string => (v === undefined ? 'nothing' : `0x${v.toString(16)}`);
const SIGNALS: Readonly<Record<number, string>> = {
  4: 'SIGILL',
  5: 'SIGTRAP',
  7: 'SIGBUS',
  8: 'SIGFPE',
  11: 'SIGSEGV',
  14: 'no end in time',
};

/** What is not as the source says; empty: it passes. */
export function complaints(c: NasmCase, got: Ended | undefined): string[] {
  if (got === undefined) return ['left no record'];
  if (got.status !== 0) return [`died with wait status ${got.status}`];
  if (!got.halted) return [`${SIGNALS[got.signal] ?? `signal ${got.signal}`} at ${hex(got.registers.get('RIP')?.[0])}`];
  const out: string[] = [];
  for (const [name, values] of c.expected) {
    const have = got.registers.get(name);
    for (const [i, want] of values.entries()) {
      if (have?.[i] !== want) out.push(`${name}${values.length > 1 ? `[${i}]` : ''} is ${hex(have?.[i])}, expected ${hex(want)}`);
    }
  }
  return out;
}
