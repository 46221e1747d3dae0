/**
 * Last branch records of whole programs against a list kept by single steps: a second machine runs the same program one instruction at a time, RIP
 * and CPL are looked at before and behind each, and iced-x86 says which were branches. User mode; near branches, and the far ones that end there.
 */
import { Code, Decoder, DecoderOptions, FlowControl } from 'iced-x86';
import { ERRNO } from '../../src/abi/errno.ts';
import { PERF_TYPE } from '../../src/abi/perf-event/attr.ts';
import { PERF_BR, PERF_BRANCH_ENTRY } from '../../src/abi/perf-event/branch.ts';
import { PERF_SAMPLE } from '../../src/abi/perf-event/sample.ts';
import { CPU_MODELS, findCpuModel } from '../../src/arch/cpu-models/index-of-models.ts';
import type { CpuModel } from '../../src/arch/cpu-models/model.ts';
import { LBR_CTL, LBR_INFO } from '../../src/arch/lbr.ts';
import { MSR } from '../../src/arch/msr.ts';
import { NodeHost } from '../../src/cli/host-node.ts';
import { branchFilter } from '../../src/cli/record/attrs.ts';
import { makeAttr, type PerfEventAttr } from '../../src/kernel/perf/attr.ts';
import { defaultHandler } from '../../src/kernel/perf/intel/pmi/handlers.ts';
import { PHYSICAL } from '../../src/machine/engine/layout.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { EV, MODE } from '../../src/machine/retire.ts';
import type { Exit } from '../../src/port/exit.ts';
import { Session } from '../../src/system/session.ts';
import { PROGRAMS } from '../lib/perfglass.ts';
import { Suite } from '../lib/suite.ts';

const COMMANDS = [
  ['flow', '50'],
  ['recurse', '12'],
  ['interp', '20'],
  ['syscalls', '5'],
] as const;
const MODELS = ['skylake', 'sapphirerapids'];
const LIMIT = 150_000;
/** Instructions between two looks: no divisor of anything. */
const STRIDE = 1009;

class QuietHost extends NodeHost {
  override write(fd: number, from: Uint8Array, position: number): number {
    return fd === 1 || fd === 2 ? from.length : super.write(fd, from, position);
  }
}

function start(model: CpuModel, command: readonly string[]): Session {
  const session = new Session({ model, handler: defaultHandler(model), host: new QuietHost(), memoryBytes: 64 << 20 });
  const path = `${PROGRAMS}${command[0]}`;
  const failure = session.start({ path, argv: [path, ...command.slice(1)], envp: [], cwd: '/' });
  if (failure !== undefined) throw new Error(failure);
  return session;
}

interface Taken {
  readonly from: bigint;
  readonly to: bigint;
  readonly cycle: number;
  /** Instructions retired with it. */
  readonly at: number;
}

const NEAR: ReadonlySet<FlowControl> = new Set([
  FlowControl.UnconditionalBranch,
  FlowControl.IndirectBranch,
  FlowControl.ConditionalBranch,
  FlowControl.Return,
  FlowControl.Call,
  FlowControl.IndirectCall,
]);

/** Length of the near branch at `rip`, 0 for anything else. */
function nearBranch(machine: Machine, rip: bigint): number {
  const { engine } = machine.core.parts;
  const code = new Uint8Array(15);
  for (let i = 0; i < 15; i++) {
    const host = engine.translate(BigInt.asUintN(64, rip + BigInt(i)), 2);
    if (host < PHYSICAL) break;
    code[i] = engine.bytes[host] as number;
  }
  const decoder = new Decoder(64, code, DecoderOptions.None);
  const i = decoder.decode();
  const length = NEAR.has(i.flowControl) && i.code !== Code.Syscall ? i.length : 0; // iced calls SYSCALL a call
  i.free();
  decoder.free();
  return length;
}

/** What ends in user mode, by single steps. */
function step(session: Session, limit: number): Taken[] {
  const { core, retire, model } = session.machine;
  const out: Taken[] = [];
  const run = core.run.bind(core);
  core.run = (max = Number.MAX_SAFE_INTEGER): Exit => {
    for (let n = 0; n < max; n++) {
      const [rip, cpl] = [core.rip, core.cpl];
      const length = cpl === 3 ? nearBranch(session.machine, rip) : 0;
      const before = retire.total(MODE.USER, EV.INSTRUCTIONS);
      const exit = run(1);
      const inUser = retire.total(MODE.USER, EV.INSTRUCTIONS) > before;
      const stamp = { cycle: Math.floor(retire.sum(EV.SLOTS) / model.costs.slotsPerCycle), at: retire.sum(EV.INSTRUCTIONS) };
      if (length > 0 && inUser) {
        // A branch to a page that is not there retires, and the fault follows within the step: the target is in CR2.
        const to = core.cpl === 3 ? core.rip : core.cr2;
        if (to !== rip + BigInt(length)) out.push({ from: rip, to, ...stamp });
      } else if (cpl === 0 && core.cpl === 3 && exit.kind === 'budget') out.push({ from: rip, to: core.rip, ...stamp });
      if (exit.kind !== 'budget') return exit;
    }
    return { kind: 'budget' };
  };
  while (retire.sum(EV.INSTRUCTIONS) < limit && session.step(STRIDE) === undefined);
  return out;
}

/** The records, newest first. */
function records(session: Session): { from: bigint; to: bigint; cycles: number }[] {
  const { msrs } = session.machine.core;
  const arch = session.model.lbr?.format === 'arch';
  const read = (a: number): bigint => msrs.read(a) ?? -1n;
  const tos = arch ? 0 : Number(read(MSR.MSR_LASTBRANCH_TOS));
  return Array.from({ length: 32 }, (_, k) => {
    const i = arch ? k : (tos - k + 32) % 32;
    const info = read((arch ? MSR.IA32_LBR_0_INFO : MSR.MSR_LBR_INFO_0) + i);
    return {
      from: read((arch ? MSR.IA32_LBR_0_FROM_IP : MSR.MSR_LASTBRANCH_0_FROM_IP) + i),
      to: read((arch ? MSR.IA32_LBR_0_TO_IP : MSR.MSR_LASTBRANCH_0_TO_IP) + i),
      cycles: Number(LBR_INFO.get(info, 'CYC_CNT')),
    };
  });
}

const suite = new Suite('lbr');
for (const name of MODELS) {
  const found = findCpuModel(name);
  if (found.kind !== 'found') throw new Error(name);
  for (const command of COMMANDS) {
    const list = step(start(found.model, command), LIMIT);
    const session = start(found.model, command);
    const { msrs } = session.machine.core;
    const kinds = LBR_CTL.pack({
      JCC: 1,
      NEAR_REL_JMP: 1,
      NEAR_IND_JMP: 1,
      NEAR_REL_CALL: 1,
      NEAR_IND_CALL: 1,
      NEAR_RET: 1,
      OTHER_BRANCH: 1,
    });
    if (found.model.lbr?.format === 'arch') msrs.write(MSR.IA32_LBR_CTL, kinds | LBR_CTL.pack({ LBREn: 1, USR: 1 }));
    else {
      msrs.write(MSR.MSR_LBR_SELECT, 1n);
      msrs.write(MSR.IA32_DEBUGCTL, 1n);
    }
    const complaints: string[] = [];
    let looks = 0;
    while (complaints.length < 3) {
      const over = session.step(STRIDE) !== undefined;
      const now = session.machine.retire.sum(EV.INSTRUCTIONS);
      if (now >= LIMIT) break;
      const n = list.findLastIndex((t) => t.at <= now) + 1;
      looks++;
      for (const [k, r] of records(session).entries()) {
        const t = list[n - 1 - k];
        const cycles = t === undefined ? 0 : Math.min(t.cycle - (list[n - 2 - k]?.cycle ?? 0), 0xffff);
        if (r.from !== (t?.from ?? 0n) || r.to !== (t?.to ?? 0n) || r.cycles !== cycles) {
          const want = t === undefined ? 'nothing' : `0x${t.from.toString(16)} to 0x${t.to.toString(16)}, ${cycles} cycles`;
          complaints.push(
            `at ${now} instructions, record ${k}: 0x${r.from.toString(16)} to 0x${r.to.toString(16)}, ${r.cycles} cycles; expected ${want}`,
          );
          break;
        }
      }
      if (over) break;
    }
    suite.judge(`${name}: ${command.join(' ')}`, complaints, `${list.length} branches, ${looks} looks`);
  }
}

// ---- each filter of `record -j`, on each model

/** What iced-x86 must say of the instruction at FROM; none: no such branch exists on any model (transactions), so that samples are empty. */
const { ConditionalBranch, IndirectBranch, Call, IndirectCall, Return } = FlowControl;
const FILTERS: readonly (readonly [list: string, kinds: readonly FlowControl[], type?: string])[] = [
  ['any,u', [...NEAR]],
  ['any_call,u', [Call, IndirectCall]],
  ['any_ret,u', [Return]],
  ['ind_call,u', [IndirectCall]],
  ['cond,u', [ConditionalBranch]],
  ['ind_jmp,u', [IndirectBranch]],
  ['call,u', [Call]],
  ['any_call,any_ret,u', [Call, IndirectCall, Return]],
  ['any,no_tx,u', [...NEAR]],
  ['any,in_tx,u', []],
  ['abort_tx,u', []],
  ['stack,u', [Call, IndirectCall]],
  ['cond,no_flags,no_cycles,u', [ConditionalBranch]],
  ['cond,save_type,u', [ConditionalBranch], 'COND'],
  ['any,priv,u', [...NEAR]],
];
/** Linux drives no LBR of version 1, and a call stack came with Haswell's format 4. */
const NO_LBR = ['yonah'];
const NO_CALL_STACK = ['core2', 'nehalem'];
const PERIOD = 509n;
const FILTER_LIMIT = 60_000;
/** flow has every kind but indirect calls, interp has those. */
const FILTER_COMMANDS = [
  ['flow', '50'],
  ['interp', '20'],
] as const;

const flowAt = (machine: Machine, rip: bigint): FlowControl | undefined => {
  const { engine } = machine.core.parts;
  const code = new Uint8Array(15);
  for (let i = 0; i < 15; i++) {
    const host = engine.translate(BigInt.asUintN(64, rip + BigInt(i)), 2);
    if (host < PHYSICAL) return undefined;
    code[i] = engine.bytes[host] as number;
  }
  const decoder = new Decoder(64, code, DecoderOptions.None);
  const i = decoder.decode();
  const flow = i.code === Code.Syscall ? undefined : i.flowControl;
  i.free();
  decoder.free();
  return flow;
};

const attrFor = (list: string): PerfEventAttr => {
  const word = branchFilter(list);
  if (typeof word !== 'bigint') throw new Error(word.error);
  return makeAttr({
    type: PERF_TYPE.HARDWARE,
    config: 1n,
    sample_period: PERIOD,
    sample_type: PERF_SAMPLE.IP | PERF_SAMPLE.BRANCH_STACK,
    branch_sample_type: word,
    flags: { exclude_kernel: true },
  });
};

function filter(model: CpuModel, list: string, kinds: readonly FlowControl[], type: string | undefined): string[] {
  const complaints: string[] = [];
  let entries = 0;
  let samples = 0;
  for (const command of FILTER_COMMANDS) {
    const session = start(model, command);
    const event = session.open(attrFor(list));
    if ('errno' in event) return [`refused: ${event.reason}`];
    while (session.machine.retire.sum(EV.INSTRUCTIONS) < FILTER_LIMIT && session.step(STRIDE) === undefined);
    for (const { branches } of event.ring?.drain() ?? []) {
      samples++;
      for (const { from, to, flags } of branches ?? []) {
        entries++;
        const flow = flowAt(session.machine, from);
        const named = PERF_BR[Number(PERF_BRANCH_ENTRY.get(flags, 'type'))];
        // Its page may have been given back meanwhile.
        const wrong = (flow !== undefined && !kinds.includes(flow)) || to >> 63n === 1n || (type !== undefined && named !== type);
        if (wrong && complaints.length < 3) complaints.push(`0x${from.toString(16)} to 0x${to.toString(16)} is ${flow} (${named})`);
      }
    }
  }
  if (samples === 0) complaints.push('no samples');
  if (entries > 0 !== kinds.length > 0) complaints.push(`${entries} branches`);
  return complaints;
}

function refused(model: CpuModel, list: string, errno: number): string[] {
  const event = start(model, ['flow', '1']).open(attrFor(list));
  if ('errno' in event) return event.errno === errno && event.reason !== '' ? [] : [`${list}: errno ${event.errno}, ${event.reason}`];
  return [`${list} is taken`];
}

for (const model of CPU_MODELS) {
  const none = NO_LBR.includes(model.name);
  const complaints = FILTERS.flatMap(([list, kinds, type]) => {
    const not = none || (list.startsWith('stack') && NO_CALL_STACK.includes(model.name));
    return (not ? refused(model, list, ERRNO.EOPNOTSUPP) : filter(model, list, kinds, type)).map((c) => `${list}: ${c}`);
  });
  if (!none && !NO_CALL_STACK.includes(model.name)) complaints.push(...refused(model, 'stack,any_call,u', ERRNO.EINVAL));
  suite.judge(`filters on ${model.name}`, complaints, none ? 'refused' : `${FILTERS.length} filters`);
}
suite.end();
