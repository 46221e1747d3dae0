/** execve: scripts, the new address space with its stack, and the switch to it. Everything that can fail is done before the switch. */
import { AT, HWCAP2_FSGSBASE } from '#abi/auxv.ts';
import { PHDR_SIZE } from '#abi/elf.ts';
import { ERRNO } from '#abi/errno.ts';
import { MAP, PROT } from '#abi/mman.ts';
import { visibleFeatures } from '#arch/cpuid.ts';
import { ENGINE_FEATURES, hasFeature } from '#arch/cpuid-features.ts';
import { RFLAGS } from '#arch/registers.ts';
import { decodeUtf8, encodeUtf8 } from '#base/utf8.ts';
import type { Kernel } from '../kernel.ts';
import { AddressSpace, LAYOUT } from '../mm/address-space.ts';
import { PAGE } from '../mm/frames.ts';
import { PagedMemory, type UserMemory } from '../mm/user-memory.ts';
import { minimalSignalStack } from '../signal/fpu-frame.ts';
import { SELECTOR } from '../text/layout.ts';
import type { Executable } from '../vfs-interface.ts';
import { type ElfProgram, examine, type Loaded, mapInterpreter, mapProgram, type Refusal, refuse } from './elf-loader.ts';
import { credentialsAfter, type ExecCredentials } from './exec-credentials.ts';
import { dropTimers, leaveOtherThreads, releaseVfork } from './exit.ts';
import type { Task } from './task.ts';

/** Linux: a quarter of the stack limit for all strings, 32 pages for one. */
const MAX_STRINGS = LAYOUT.STACK_LIMIT / 4;
const MAX_STRING = 32 * PAGE;
/** BINPRM_BUF_SIZE, and how deep scripts may name scripts. */
const SCRIPT_LINE = 256;
const MAX_SCRIPTS = 5;
/** Stack mapped from the start: 132 KiB, as Linux shows it. */
const INITIAL_STACK = 33 * PAGE;

export interface ExecRequest {
  readonly path: string;
  readonly argv: readonly string[];
  readonly envp: readonly string[];
}

/** Replaces the task's program. undefined: done, its registers stand at the entry point. */
export function exec(k: Kernel, task: Task, request: ExecRequest): Refusal | undefined {
  const opened = openProgram(k, task, request, 0);
  if ('errno' in opened) return opened;
  const { file, argv } = opened;
  try {
    const program = examine(file, k.port.memory.sizeBytes);
    if ('errno' in program) return program;
    const mm = AddressSpace.create(k.mmContext);
    if (mm === undefined) return refuse(ERRNO.ENOMEM, 'out of modelled memory (--memory)');
    mm.limitBytes = task.mm.limitBytes;
    const prepared = prepare(k, task, mm, program, file, argv, request);
    if ('errno' in prepared) {
      mm.release();
      return prepared;
    }
    commit(k, task, mm, prepared, request.path, file.path, argv);
    return undefined;
  } finally {
    file.close();
  }
}

/** Opens the file; follows #! lines. */
function openProgram(k: Kernel, task: Task, request: ExecRequest, depth: number): { file: Executable; argv: readonly string[] } | Refusal {
  const file = k.vfs.openExecutable(task, request.path);
  if (typeof file === 'number') return refuse(-file, openReason(-file));
  const head = new Uint8Array(SCRIPT_LINE);
  const got = file.read(0, head);
  if (got < 2 || head[0] !== 0x23 || head[1] !== 0x21) return { file, argv: request.argv };
  file.close();
  if (depth >= MAX_SCRIPTS) return refuse(ERRNO.ELOOP, 'is a script whose interpreter is a script, and so on: too deep');
  const text = head.subarray(2, got);
  const newline = text.indexOf(0x0a);
  const line = decodeUtf8(newline < 0 ? text : text.subarray(0, newline)).replace(/^[ \t]+|[ \t]+$/g, '');
  const nul = line.indexOf('\0');
  const [, interpreter = '', argument = ''] = /^([^ \t]+)[ \t]*(.*)$/s.exec(nul < 0 ? line : line.slice(0, nul)) ?? [];
  if (interpreter === '' || (newline < 0 && got === SCRIPT_LINE && !/[ \t]/.test(line)))
    return refuse(ERRNO.ENOEXEC, 'is a script whose #! line names no interpreter');
  const argv = [interpreter, ...(argument === '' ? [] : [argument]), request.path, ...request.argv.slice(1)];
  const inner = openProgram(k, task, { ...request, path: interpreter, argv }, depth + 1);
  if ('errno' in inner && depth === 0) return refuse(inner.errno, `is a script; its interpreter ${interpreter}: ${inner.reason}`);
  return inner;
}

function openReason(errno: number): string {
  if (errno === ERRNO.ENOENT) return 'no such file';
  if (errno === ERRNO.EACCES) return 'is not executable (or a directory of its path not searchable)';
  if (errno === ERRNO.EISDIR) return 'is a directory';
  if (errno === ERRNO.ENOTDIR) return 'a part of its path is no directory';
  if (errno === ERRNO.ELOOP) return 'too many symbolic links';
  return 'cannot be opened';
}

/** The dynamic linker that PT_INTERP names, mapped: control goes to it first. */
function loadInterpreter(k: Kernel, task: Task, mm: AddressSpace, path: string): Loaded | Refusal {
  const because = (r: Refusal): Refusal => refuse(r.errno, `is dynamically linked; its interpreter ${path}: ${r.reason}`);
  const file = k.vfs.openExecutable(task, path);
  if (typeof file === 'number') return because(refuse(-file, openReason(-file)));
  try {
    const program = examine(file, k.port.memory.sizeBytes);
    if ('errno' in program) return because(refuse(ERRNO.ELIBBAD, program.reason));
    const loaded = mapInterpreter(mm, program, file);
    return 'errno' in loaded ? because(loaded) : loaded;
  } finally {
    file.close();
  }
}

interface Prepared extends Loaded {
  readonly stackPointer: number;
  readonly memory: UserMemory;
  readonly ids: ExecCredentials;
}

/** The new address space: segments, stack, strings, auxiliary vector. */
function prepare(
  k: Kernel,
  task: Task,
  mm: AddressSpace,
  program: ElfProgram,
  file: Executable,
  argv: readonly string[],
  request: ExecRequest,
): Prepared | Refusal {
  const loaded = mapProgram(mm, program, file);
  if ('errno' in loaded) return loaded;
  const linker = program.interpreter === undefined ? undefined : loadInterpreter(k, task, mm, program.interpreter);
  if (linker !== undefined && 'errno' in linker) return linker;
  mm.map(LAYOUT.STACK_TOP - INITIAL_STACK, {
    length: INITIAL_STACK,
    prot: PROT.READ | PROT.WRITE | (program.executableStack ? PROT.EXEC : 0),
    flags: MAP.PRIVATE | MAP.ANONYMOUS | MAP.GROWSDOWN | MAP.FIXED,
    source: undefined,
    offset: 0,
    name: '[stack]',
  });
  const memory = new PagedMemory(mm);
  const args = argv.map((s) => encodeUtf8(s));
  const env = request.envp.map((s) => encodeUtf8(s));
  const total = [...args, ...env].reduce((n, s) => n + s.length + 1 + 8, 0);
  if (total > MAX_STRINGS) return refuse(ERRNO.E2BIG, `its arguments and environment have ${total} bytes; at most ${MAX_STRINGS}`);
  if ([...args, ...env].some((s) => s.length >= MAX_STRING))
    return refuse(ERRNO.E2BIG, `one of its arguments is longer than ${MAX_STRING} bytes`);

  const blocks: [number, Uint8Array][] = [];
  let sp = LAYOUT.STACK_TOP - 8;
  const put = (bytes: Uint8Array): number => {
    sp -= bytes.length;
    blocks.push([sp, bytes]);
    return sp;
  };
  const putString = (s: Uint8Array): number => {
    const z = new Uint8Array(s.length + 1);
    z.set(s);
    return put(z);
  };
  const execfn = putString(encodeUtf8(request.path));
  mm.envEnd = execfn;
  const envAt = env.toReversed().map(putString).toReversed();
  mm.envStart = sp;
  mm.argEnd = sp;
  const argAt = args.toReversed().map(putString).toReversed();
  mm.argStart = sp;
  const platform = putString(encodeUtf8('x86_64'));
  const random = put(k.random(16));
  const { credentials: c, secure } = credentialsAfter(task, file);
  const visible = visibleFeatures(k.port.model, ENGINE_FEATURES);
  const auxv: (readonly [number, number])[] = [
    [AT.MINSIGSTKSZ, minimalSignalStack(k.cpu)],
    [AT.HWCAP, visible.leaf1Edx],
    [AT.PAGESZ, PAGE],
    [AT.CLKTCK, 100],
    [AT.PHDR, loaded.phdr],
    [AT.PHENT, PHDR_SIZE],
    [AT.PHNUM, program.header.e_phnum],
    [AT.BASE, linker?.bias ?? 0],
    [AT.FLAGS, 0],
    [AT.ENTRY, loaded.entry],
    [AT.UID, c.uid],
    [AT.EUID, c.euid],
    [AT.GID, c.gid],
    [AT.EGID, c.egid],
    [AT.SECURE, secure ? 1 : 0],
    [AT.RANDOM, random],
    [AT.HWCAP2, hasFeature(visible, 'FSGSBASE') ? HWCAP2_FSGSBASE : 0],
    [AT.EXECFN, execfn],
    [AT.PLATFORM, platform],
    [AT.NULL, 0],
  ];
  const words = [args.length, ...argAt, 0, ...envAt, 0, ...auxv.flat()];
  sp = Math.floor((sp - words.length * 8) / 16) * 16;
  const vector = new DataView(new ArrayBuffer(words.length * 8));
  for (const [i, w] of words.entries()) vector.setBigUint64(i * 8, BigInt(w), true);
  blocks.push([sp, new Uint8Array(vector.buffer)]);
  mm.auxv = new Uint8Array(vector.buffer, vector.byteLength - auxv.length * 16);
  for (const [at, bytes] of blocks) {
    if (!memory.write(at, bytes)) return refuse(ERRNO.ENOMEM, 'out of modelled memory for its stack (--memory)');
  }
  return { ...loaded, entry: linker?.entry ?? loaded.entry, stackPointer: sp, memory, ids: { credentials: c, secure } };
}

/** Descriptors of its own for a task that shared them (CLONE_FILES). */
export function unshareFiles(k: Kernel, task: Task): void {
  const shared = [...k.tasks.values()].some((t) => t !== task && t.alive && t.files === task.files);
  if (shared) task.files = task.files.clone();
}

function commit(k: Kernel, task: Task, mm: AddressSpace, prepared: Prepared, name: string, path: string, argv: readonly string[]): void {
  leaveOtherThreads(k, task);
  dropTimers(k, task.process);
  k.replaceMm(task, mm, prepared.memory);
  releaseVfork(task);
  unshareFiles(k, task);
  task.files.closeOnExec();
  task.signals.actions = task.signals.actions.clone();
  task.signals.actions.resetHandlers();
  task.signals.altStack = { sp: 0n, size: 0n, flags: 0 };
  task.clearChildTid = 0;
  task.robustList = 0;
  task.rseq = undefined;
  task.exitSignal = 17;
  task.becomes(prepared.ids);
  task.comm = commOf(name);
  task.process.argv = argv;
  task.process.executable = path;
  const { regs } = task;
  // As start_thread leaves them: a tracer looks before the call has its result.
  const [ax, call] = [regs.get('ax'), regs.get('orig_ax')];
  regs.clear();
  regs.set('ip', prepared.entry);
  regs.set('sp', prepared.stackPointer);
  regs.set('cs', SELECTOR.USER_CS);
  regs.set('ss', SELECTOR.USER_DS);
  regs.set('flags', RFLAGS.IF | RFLAGS.FIXED1);
  regs.set('ax', task === k.current ? ax : 0n);
  regs.set('orig_ax', task === k.current ? call : -1n);
  k.debug.forget(task);
  k.perf.execed(task);
  for (const v of mm.vmas) k.mapped(task, v);
}

/** TASK_COMM_LEN: 15 bytes of the file's name. */
export function commOf(path: string): string {
  const name = encodeUtf8(path.slice(path.lastIndexOf('/') + 1));
  return decodeUtf8(name.subarray(0, 15));
}
