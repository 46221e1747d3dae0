/** The options of `record`: perf's by their names, and the modelled computer's. */
import type { Command } from 'commander';
import { CLOCK } from '#abi/process.ts';
import { CliError, collect, USAGE } from '../command.ts';
import { addModelOptions, type ModelOptions } from '../models-options.ts';
import { numberOption } from '../options.ts';
import { checkCpus, numberList, type WatchedOptions } from '../target.ts';
import { declareWorldOptions, type WorldOptions } from '../world/options.ts';
import { ALL_REGISTERS, branchFilter, type CallGraph, type Wanted } from './attrs.ts';

export interface RecordOptions extends ModelOptions, WorldOptions, WatchedOptions {
  event?: string[];
  count?: string;
  freq?: string;
  g?: boolean;
  callGraph?: string;
  maxStack?: string;
  branchAny?: boolean;
  branchFilter?: string;
  output?: string;
  mmapPages?: string;
  compressionLevel?: string | true;
  inherit: boolean;
  stat?: boolean;
  overwrite?: boolean;
  switchEvents?: boolean;
  clockid?: string;
  data?: boolean;
  sampleCpu?: boolean;
  period?: boolean;
  timestamp?: boolean;
  userRegs?: string | true;
  intrRegs?: string | true;
  sampleIdentifier?: boolean;
  buildidCache: boolean;
  kallsyms?: string;
  ledger?: string | true;
  quiet?: boolean;
  verbose?: boolean;
  cpu?: string;
  pmi?: string;
  pmiLatency?: string;
  seed?: string;
  memory?: string;
  maxSampleRate?: string;
}

/** perf's options that are not here, each with what to do instead. */
const NOT_THERE: readonly (readonly [flags: string, why: string])[] = [
  ['-W, --weight', 'WEIGHT needs PEBS, which no model has yet'],
  ['--phys-data', 'PHYS_ADDR needs PEBS, which no model has yet'],
];

export function declareOptions(
  program: Command,
  run: (command: string[], options: RecordOptions, argv: readonly string[]) => Promise<void>,
): void {
  addModelOptions(program)
    .usage('[options] [--] COMMAND [ARGS]')
    .argument('[command...]')
    .passThroughOptions()
    .option('-e, --event <list>', "events, as perf writes them: a,b:u {a,b}:S r01c4 ('perfglass list'); default cycles", collect)
    .option('-c, --count <n>', 'sample every n events')
    .option('-F, --freq <hz>', 'sample so many times a second (default 4000)')
    .option('-g', 'callchains by frame pointer')
    .option('--call-graph <mode>', 'fp, dwarf[,bytes] (user registers and stack), lbr')
    .option('--max-stack <n>', 'addresses in a callchain (127)')
    .option('-b, --branch-any', 'branch stacks: any taken branch')
    .option(
      '-j, --branch-filter <list>',
      'branch stacks: any,any_call,any_ret,ind_call,cond,ind_jmp,call,stack,u,k,no_flags,no_cycles,save_type…',
    )
    .option('-o, --output <file>', "the recording; '-' is standard output (default perf.data)")
    .option('-m, --mmap-pages <n>', 'the ring: pages (a power of two) or a size, 512K')
    .option('-z, --compression-level [n]', 'compress with zstd')
    .option('-i, --no-inherit', 'do not record what the command forks')
    .option('-a, --all-cpus', 'record the whole modelled computer: every task, the kernel, idle')
    .option('-C, --cpus <list>', 'the same, on these CPUs')
    .option('-p, --pid <list>', 'attach to the processes that will have these pids (the command is 1000, what it forks 1001, …)')
    .option('-t, --tid <list>', 'attach to the threads that will have these ids')
    .option('-s, --stat', 'a READ record with the counts of each task that ends, of those that the command forks')
    .option('--overwrite', 'a flight recorder: the ring keeps the newest, and is read at the end')
    .option('--switch-events', 'record context switches')
    .option('-k, --clockid <clock>', 'stamp by this clock: mono, raw, real, boot, tai')
    .option('-d, --data', 'record data addresses (0 without PEBS) and data mappings')
    .option('--sample-cpu', 'record the CPU')
    .option('-P, --period', 'record the period')
    .option('-T, --timestamp', 'record the time (always)')
    .option('--sample-identifier', 'record IDENTIFIER')
    .option('--user-regs [mask]', 'record user registers')
    .option('-I, --intr-regs [mask]', 'record the interrupted registers')
    .option('-N, --no-buildid-cache', "do not put the modelled kernel's symbols into ~/.debug, where perf looks for them")
    .option('--kallsyms <file>', "write the modelled kernel's symbols")
    .option('--ledger [file]', 'what became of every event and sample: to stderr or a file')
    .option('-q, --quiet', 'no messages')
    .option('-v, --verbose', 'with the ledger')
    .option('--cpu <model>', "modelled processor, e.g. skylake or skylake,-avx2,+sha; 'list' shows them")
    .option('--pmi <handler>', 'stop-in-handler, freeze-on-overflow, freeze-on-delivery, generic')
    .option('--pmi-latency <latency>', 'from overflow to PMI: 20i, 300c, or MIN..MAX drawn from the seed')
    .option('--max-sample-rate <hz>', 'kernel.perf_event_max_sample_rate: above it events are throttled (100000)')
    .option('--seed <n>', 'for everything that is drawn (default 0)')
    .option('--memory <MiB>', 'modelled memory (default 1024)');
  declareWorldOptions(program).action(async (command: string[], options: RecordOptions) => {
    await run(command, options, rawArguments(program));
  });
  for (const [flags, why] of NOT_THERE) {
    program.option(flags, 'not there yet', () => {
      throw new CliError(`${flags.split(/[ ,]/)[0]}: ${why}`, USAGE);
    });
  }
}

/** As typed: for CMDLINE. */
const rawArguments = (program: Command): readonly string[] => (program as unknown as { rawArgs: readonly string[] }).rawArgs;

export function wantedOf(o: RecordOptions): Wanted {
  if (o.count !== undefined && o.freq !== undefined)
    throw new CliError('cannot set frequency and period at the same time: -c or -F', USAGE);
  const period = numberOption('-c', o.count, 1, Number.MAX_SAFE_INTEGER);
  const callGraph = callGraphOf(o);
  return {
    period: period === undefined ? undefined : BigInt(period),
    frequency: o.freq === 'max' ? 100_000 : (numberOption('-F', o.freq, 1, 100_000) ?? 4000),
    callGraph,
    branches: branchesOf(o),
    inherit: o.inherit,
    target: targetOf(o),
    inheritStat: o.stat === true,
    overwrite: o.overwrite === true,
    switchEvents: o.switchEvents === true,
    clock: clockOf(o.clockid),
    address: o.data === true,
    sampleCpu: o.sampleCpu === true,
    ownFrequency: o.freq !== undefined,
    samplePeriod: o.period === true,
    userRegisters: registersOf('--user-regs', o.userRegs),
    interruptRegisters: registersOf('--intr-regs', o.intrRegs),
    maxStack: numberOption('--max-stack', o.maxStack, 1, 127),
    identifier: o.sampleIdentifier === true,
    timestamps: true,
  };
}

/** Whom it watches. As in perf: pids and CPUs exclude each other. */
function targetOf(o: RecordOptions): Wanted['target'] {
  const given = [
    o.allCpus === true ? '-a' : '',
    o.cpus === undefined ? '' : '-C',
    o.pid === undefined ? '' : '-p',
    o.tid === undefined ? '' : '-t',
  ];
  const names = given.filter((g) => g !== '');
  const [first, second] = names;
  if (second !== undefined && !(first === '-a' && second === '-C')) throw new CliError(`${first} and ${second} exclude each other`, USAGE);
  if (o.cpus !== undefined) checkCpus(o.cpus);
  if (first === '-a' || first === '-C') return { kind: 'cpu' };
  const ids = o.pid ?? o.tid;
  return ids === undefined ? { kind: 'command' } : { kind: 'pids', pids: numberList(o.pid === undefined ? '-t' : '-p', ids) };
}

/** parse_clockid: with or without CLOCK_, in any case, or a number. tools/perf/util/clockid.c. */
const CLOCK_NAMES: Readonly<Record<string, number>> = {
  monotonic: CLOCK.MONOTONIC,
  monotonic_raw: CLOCK.MONOTONIC_RAW,
  realtime: CLOCK.REALTIME,
  boottime: CLOCK.BOOTTIME,
  tai: CLOCK.TAI,
  mono: CLOCK.MONOTONIC,
  raw: CLOCK.MONOTONIC_RAW,
  real: CLOCK.REALTIME,
  boot: CLOCK.BOOTTIME,
};

function clockOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const clock = CLOCK_NAMES[text.toLowerCase().replace(/^clock_/, '')];
  if (clock === undefined) throw new CliError(`-k '${text}': unknown clockid; there are: ${Object.keys(CLOCK_NAMES).join(', ')}`, USAGE);
  return clock;
}

function callGraphOf(o: RecordOptions): CallGraph | undefined {
  if (o.callGraph === undefined) return o.g === true ? { mode: 'fp' } : undefined;
  const [mode = '', size] = o.callGraph.split(',', 2);
  if (mode === 'fp' || mode === 'lbr') return { mode };
  if (mode !== 'dwarf') throw new CliError(`--call-graph '${o.callGraph}': fp, dwarf[,bytes] or lbr`, USAGE);
  const bytes = numberOption('--call-graph dwarf', size, 8, 65_528) ?? 8192;
  return { mode, stackBytes: bytes - (bytes % 8) };
}

function branchesOf(o: RecordOptions): bigint | undefined {
  if (o.branchFilter === undefined) return o.branchAny === true ? 8n : undefined;
  if (o.branchAny === true) throw new CliError('-b and -j exclude each other', USAGE);
  const word = branchFilter(o.branchFilter);
  if (typeof word !== 'bigint') throw new CliError(`-j: ${word.error}`, USAGE);
  return word;
}

function registersOf(option: string, text: string | true | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  if (text === true) return ALL_REGISTERS;
  const mask = /^0x[0-9a-f]{1,16}$/i.test(text) ? BigInt(text) : 0n;
  if (mask === 0n || (mask & ~ALL_REGISTERS) !== 0n)
    throw new CliError(`${option} '${text}': a mask within 0x${ALL_REGISTERS.toString(16)} is wanted`, USAGE);
  return mask;
}
