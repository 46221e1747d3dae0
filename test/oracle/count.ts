/** The oracle of counts: qemu-user with our plugin (count.c), read and corrected. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CACHE, ROOT } from '../lib/perfglass.ts';
import { type Outcome, run, which } from '../lib/run.ts';

const SOURCE = `${ROOT}test/oracle/count.c`;
const PLUGIN = `${CACHE}libcount.so`;

/** Fields of `struct book` in count.c, in order. */
const KINDS = ['other', 'cond', 'jmp', 'jmpIndirect', 'call', 'callIndirect', 'ret', 'far'] as const;
type Kind = (typeof KINDS)[number];

export interface Counts {
  readonly instructions: number;
  readonly branches: number;
  readonly kinds: Record<Kind, number>;
  /** Callbacks taken off because an instruction went on: REP iterations, restarted stores. */
  readonly continued: number;
  readonly processes: number;
}

/** Why the oracle cannot run here, or undefined. */
export function missing(): string | undefined {
  if (which('qemu-x86_64') === undefined) return 'qemu-x86_64 is not installed (apt-get install qemu-user)';
  if (which('gcc') === undefined && !existsSync(PLUGIN)) return 'gcc is not installed (needed to build the qemu plugin)';
  return undefined;
}

/** The plugin's file, compiled if need be. */
export function plugin(): string {
  if (existsSync(PLUGIN) && statSync(PLUGIN).mtimeMs > statSync(SOURCE).mtimeMs) return PLUGIN;
  mkdirSync(CACHE, { recursive: true });
  const done = run(['gcc', '-O2', '-Wall', '-shared', '-fPIC', '-o', PLUGIN, SOURCE]);
  if (done.status !== 0) throw new Error(`the qemu plugin does not compile:\n${done.stderr}`);
  return PLUGIN;
}

export interface CountOptions {
  readonly cwd?: string;
  /** The last instruction of a process that dies by a fault retired: a jump to where nothing can be fetched. */
  readonly faultAtFetch?: boolean;
}

/** Runs `argv` under qemu and counts; a process tree is summed, as `perf stat` does with inherit. */
export function count(argv: readonly string[], options: CountOptions = {}): { counts: Counts; outcome: Outcome } {
  plugin();
  const dir = mkdtempSync(join(tmpdir(), 'perfglass-oracle-'));
  try {
    const qemu = which('qemu-x86_64') ?? 'qemu-x86_64';
    const outcome = run([qemu, '-cpu', 'max', '-plugin', `${PLUGIN},dir=${dir}`, ...argv], {
      limit: 120,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const kinds = Object.fromEntries(KINDS.map((k) => [k, 0])) as Record<Kind, number>;
    let instructions = 0;
    let continued = 0;
    let processes = 0;
    for (const file of readdirSync(dir)) {
      const book = readFileSync(join(dir, file));
      const word = (i: number): number => Number(book.readBigUInt64LE(i * 8));
      processes++;
      instructions += word(0);
      continued += word(1);
      for (const [i, kind] of KINDS.entries()) kinds[kind] += word(2 + i);
      const lastSyscall = word(2 + KINDS.length);
      // The last instruction was no system call: it faulted (a process ends in no other way), was counted on its start, and did not retire.
      if (lastSyscall !== word(0) && options.faultAtFetch !== true) {
        instructions--;
        const last = KINDS[word(3 + KINDS.length)] ?? 'other';
        kinds[last]--;
      }
    }
    const branches = instructions - kinds.other;
    const total = KINDS.reduce((sum, k) => sum + kinds[k], 0);
    if (processes === 0 || total !== instructions)
      throw new Error(`the oracle's books do not add up: ${total} by kind, ${instructions} in all`);
    return { counts: { instructions, branches, kinds, continued, processes }, outcome };
  } finally {
    rmSync(dir, { recursive: true });
  }
}
