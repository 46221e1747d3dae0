/**
 * perf's event syntax: `a,b:u`, `{a,b}:k`, `r01c4`, `cpu/event=0xc4,umask=1/u`, generic names, Intel's names. tools/perf/util/parse-events.y;
 * what of it is not there is refused by its name.
 */
import type { AttrFlag } from '#abi/perf-event/attr.ts';
import { PERF_TYPE } from '#abi/perf-event/attr.ts';
import { BREAKPOINT_TYPE } from '#abi/perf-event/breakpoint.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { PERFEVTSEL } from '#arch/pmu/perfevtsel.ts';
import { nearest } from '#base/nearest.ts';
import { extraFormats } from '#kernel/perf/file/sysfs.ts';
import { type EventCode, eventNames } from './names.ts';

export interface EventSpec extends EventCode {
  /** As perf shows it: what was typed, with its modifiers, or the `name=` term. */
  readonly name: string;
  readonly flags: Partial<Record<AttrFlag, boolean | number>>;
  /** attr.config1 and config2; of `mem:ADDRESS/LENGTH` they are bp_addr and bp_len. */
  readonly config1?: bigint;
  readonly config2?: bigint;
  /** attr.bp_type of `mem:`. */
  readonly breakpointType?: number;
  /** Modifier S: its counts (its group's) are read at each sample. */
  readonly sampleRead?: boolean;
}

export interface EventGroup {
  /** Written with braces. */
  readonly explicit: boolean;
  readonly events: readonly EventSpec[];
}

/** What is wrong with an event list, and at which character of it. */
export class EventSyntaxError extends Error {
  readonly text: string;
  readonly column: number;
  constructor(text: string, column: number, message: string) {
    super(message);
    this.text = text;
    this.column = column;
  }
}

/** Parses what `-e` was given. Throws EventSyntaxError. */
export function parseEvents(text: string, model: CpuModel): EventGroup[] {
  const names = eventNames(model);
  const groups: EventGroup[] = [];
  for (const part of split(text, text, 0)) {
    if (!part.text.startsWith('{')) {
      groups.push({ explicit: false, events: [parseOne(text, part, '', names, model)] });
      continue;
    }
    const close = part.text.indexOf('}');
    if (close < 0) throw new EventSyntaxError(text, part.at, "'{' without '}'");
    const modifiers = modifiersOf(text, part.text.slice(close + 1), part.at + close + 1);
    const members = split(part.text.slice(1, close), text, part.at + 1);
    groups.push({ explicit: true, events: members.map((m) => parseOne(text, m, modifiers, names, model)) });
  }
  return groups;
}

interface Part {
  readonly text: string;
  readonly at: number;
}

/** What is before the slash of mem:ADDRESS/LENGTH, which is no pair's. */
const OF_BREAKPOINT = /(?:^|[,{])\s*mem:[^,}]*$/;
/** At commas outside braces and slashes. */
function split(list: string, whole: string, offset: number): Part[] {
  const parts: Part[] = [];
  let start = 0;
  let braces = 0;
  let slash = false;
  for (let i = 0; i <= list.length; i++) {
    const c = list[i];
    if (c === '/' && !OF_BREAKPOINT.test(list.slice(start, i))) slash = !slash;
    if (c === '{') braces++;
    if (c === '}') braces--;
    if (c !== undefined && (c !== ',' || braces > 0 || slash)) continue;
    const raw = list.slice(start, i);
    const piece = raw.trim();
    const at = offset + start + (raw.length - raw.trimStart().length);
    if (piece === '') throw new EventSyntaxError(whole, Math.min(at, Math.max(whole.length - 1, 0)), 'an event is missing here');
    parts.push({ text: piece, at });
    start = i + 1;
  }
  return parts;
}

/** What stands behind an event or group, with or without its colon. */
function modifiersOf(whole: string, text: string, at: number): string {
  const letters = text.startsWith(':') ? text.slice(1) : text;
  for (const [i, c] of [...letters].entries()) {
    if (!'ukhGHIpPSDeWb'.includes(c))
      throw new EventSyntaxError(whole, at + i + (text.length - letters.length), `no such event modifier: '${c}'`);
  }
  return letters;
}

function parseOne(whole: string, part: Part, groupModifiers: string, names: Map<string, EventCode>, model: CpuModel): EventSpec {
  if (part.text.startsWith('mem:')) return parseBreakpoint(whole, part, groupModifiers);
  const slash = part.text.indexOf('/');
  if (slash >= 0) return parsePmu(whole, part, slash, groupModifiers, names, model);
  // Tracepoints have a colon of their own; modifiers are the letters behind the last one.
  const colon = part.text.lastIndexOf(':');
  const name = colon < 0 ? part.text : part.text.slice(0, colon);
  const known = names.get(name.toLowerCase()) ?? rawCode(name);
  if (known === undefined && colon > 0 && (name.includes(':') || !/:[a-zA-Z]{0,8}$/.test(part.text))) {
    throw new EventSyntaxError(whole, part.at, 'tracepoints are not there yet');
  }
  if (known === undefined) throw unknown(whole, part.at, name, names);
  const own = colon < 0 ? '' : modifiersOf(whole, part.text.slice(colon), part.at + colon);
  return withModifiers(name, known, own + groupModifiers, '', part, whole);
}

/** mem:ADDRESS[/LENGTH][:ACCESS][:MODIFIERS]; ACCESS of r, w and x, without it rw. parse_events_add_breakpoint. */
function parseBreakpoint(whole: string, part: Part, groupModifiers: string): EventSpec {
  const [, where, length, ...behind] = /^mem:([^/:]*)(?:\/([^:]*))?(?::([^:]*))?(?::([^:]*))?$/.exec(part.text) ?? [];
  if (where === undefined) throw new EventSyntaxError(whole, part.at, 'a breakpoint is mem:ADDRESS[/LENGTH][:rwx][:MODIFIERS]');
  const config1 = number(whole, part.at + 4, where);
  const [first, second] = behind;
  const access = first !== undefined && /^[rwx]+$/.test(first) ? first : undefined;
  if (access !== undefined && new Set(access).size < access.length)
    throw new EventSyntaxError(whole, part.at, `'${access}' says something twice`);
  if (access === undefined && second !== undefined) throw new EventSyntaxError(whole, part.at, `'${first}' is no access: r, w, x`);
  const bit = (c: string, value: number): number => (access?.includes(c) === true ? value : 0);
  const { RW, R, W, X } = BREAKPOINT_TYPE;
  const breakpointType = access === undefined ? RW : bit('r', R) | bit('w', W) | bit('x', X);
  const config2 = length !== undefined ? number(whole, part.at, length) : breakpointType === X ? 8n : 4n;
  const modifiers = access === undefined ? first : second;
  const letters = (modifiers === undefined ? '' : modifiersOf(whole, modifiers, part.at)) + groupModifiers;
  const name = modifiers === undefined ? part.text : part.text.slice(0, -modifiers.length - 1);
  const spec = withModifiers(name, { type: PERF_TYPE.BREAKPOINT, config: 0n }, letters, '', part, whole);
  return { ...spec, config1, config2, breakpointType };
}

function unknown(whole: string, at: number, name: string, names: Map<string, EventCode>): EventSyntaxError {
  const why = NOT_MODELLED.find(([families]) => families.some((f) => name.toLowerCase().startsWith(`${f}.`)))?.[1];
  if (why !== undefined) return new EventSyntaxError(whole, at, `not modelled: ${why}`);
  const near = nearest(name, names.keys());
  return new EventSyntaxError(
    whole,
    at,
    `unknown event${near.length === 0 ? '' : `; did you mean ${near.map((n) => `'${n}'`).join(' or ')}?`}`,
  );
}

/** What of an attr names the event. */
export const attrTerms = (e: Pick<EventSpec, 'type' | 'config' | 'config1' | 'config2' | 'breakpointType'>) => ({
  type: e.type,
  config: e.config,
  config1: e.config1 ?? 0n,
  config2: e.config2 ?? 0n,
  bp_type: e.breakpointType ?? 0,
});

/** Families of Intel's lists of which no event can be counted, or those that the model's own list does not have. */
const NOT_MODELLED: readonly (readonly [families: readonly string[], why: string])[] = [
  [
    ['uops_retired', 'uops_issued', 'uops_executed', 'uops_dispatched', 'uops_dispatched_port', 'uops_executed_port', 'uops_decoded'],
    'micro-operations are none here',
  ],
  [
    ['idq', 'idq_uops_not_delivered', 'idq_bubbles', 'dsb2mite_switches', 'lsd', 'frontend_retired', 'baclears', 'inst_decoded'],
    'there is no front end',
  ],
  [
    ['exe_activity', 'cycle_activity', 'memory_activity', 'resource_stalls', 'rs_events', 'rs_empty', 'int_misc', 'topdown', 'arith'],
    'there is no pipeline',
  ],
  [
    ['l1d_pend_miss', 'offcore_requests_outstanding', 'offcore_requests_buffer', 'ld_blocks', 'load_hit_pre', 'mem_trans_retired'],
    'misses have no buffers and no latency of their own',
  ],
  [['machine_clears', 'assists', 'other_assists', 'fp_assist', 'misalign_mem_ref'], 'nothing is speculated, cleared or assisted'],
  [['rtm_retired', 'hle_retired', 'tx_mem', 'tx_exec'], 'there is no transactional memory'],
  [['offcore_response', 'ocr'], "by name not there yet; rNNN takes no request word, a guest's perf does (perfglass run -- perf stat)"],
];

/** rNNN: the event select in hexadecimal. */
function rawCode(name: string): EventCode | undefined {
  const match = /^r([0-9a-f]{1,16})$/i.exec(name);
  return match === null ? undefined : { type: PERF_TYPE.RAW, config: BigInt(`0x${match[1]}`) };
}

/** Terms of `cpu/…/`: sysfs format files of the core PMU. */
const TERMS = { event: 'event', umask: 'umask', edge: 'edge', any: 'anyThread', inv: 'inv', cmask: 'cmask', pc: 'pc' } as const;

interface WordTerm {
  readonly word: 'config1' | 'config2';
  /** All from bit 0. */
  readonly bits: number;
}

/** config1 and config2, and what the model's sysfs format files put into them: offcore_rsp and its like. */
function wordTerms(model: CpuModel): Map<string, WordTerm> {
  const out = new Map<string, WordTerm>([
    ['config1', { word: 'config1', bits: 64 }],
    ['config2', { word: 'config2', bits: 64 }],
  ]);
  for (const [name, where] of extraFormats(model)) {
    const [, word, last] = /^(config[12]):0-(\d+)$/.exec(where) ?? [];
    if (word !== undefined) out.set(name, { word: word as WordTerm['word'], bits: Number(last) + 1 });
  }
  return out;
}

function parsePmu(
  whole: string,
  part: Part,
  slash: number,
  groupModifiers: string,
  names: Map<string, EventCode>,
  model: CpuModel,
): EventSpec {
  const pmu = part.text.slice(0, slash);
  const end = part.text.indexOf('/', slash + 1);
  if (end < 0) throw new EventSyntaxError(whole, part.at + slash, "the closing '/' is missing");
  if (pmu !== 'cpu') throw new EventSyntaxError(whole, part.at, `no PMU '${pmu}' here; there is 'cpu'`);
  let config = 0n;
  const words: { config1?: bigint; config2?: bigint } = {};
  const extra = wordTerms(model);
  let shown: string | undefined;
  let type: number = PERF_TYPE.RAW;
  let at = part.at + slash + 1;
  for (const term of part.text.slice(slash + 1, end).split(',')) {
    const [key, value] = term.split('=', 2) as [string, string | undefined];
    if (key === 'name' && value !== undefined) shown = value;
    else if (key === 'config' && value !== undefined) config |= number(whole, at, value);
    else if (extra.has(key)) {
      const { word, bits } = extra.get(key) as WordTerm;
      const n = value === undefined ? 1n : number(whole, at, value);
      if (n >> BigInt(bits) !== 0n) throw new EventSyntaxError(whole, at, `${key}=0x${n.toString(16)} has more than ${bits} bits`);
      words[word] = (words[word] ?? 0n) | n;
    } else if (key in TERMS)
      config = PERFEVTSEL.set(config, TERMS[key as keyof typeof TERMS], fieldValue(whole, at, key as keyof typeof TERMS, value));
    else {
      const named = value === undefined ? (rawCode(key) ?? names.get(key.toLowerCase())) : undefined;
      if (named === undefined) throw unknownTerm(whole, at, key, [...extra.keys(), ...names.keys()]);
      config |= named.config;
      type = named.type;
    }
    at += term.length + 1;
  }
  const own = modifiersOf(whole, part.text.slice(end + 1), part.at + end + 1);
  const name = shown ?? part.text.slice(0, end + 1);
  return { ...withModifiers(name, { type, config }, own + groupModifiers, shown === undefined ? 'pmu' : '', part, whole), ...words };
}

function fieldValue(whole: string, at: number, key: keyof typeof TERMS, value: string | undefined): bigint {
  const n = value === undefined ? 1n : number(whole, at, value);
  const field = PERFEVTSEL.fields[TERMS[key]];
  const most = (1n << BigInt(field.hi - field.lo + 1)) - 1n;
  if (n > most) throw new EventSyntaxError(whole, at, `${key}=0x${n.toString(16)} is more than 0x${most.toString(16)}`);
  return n;
}

function number(whole: string, at: number, text: string): bigint {
  if (!/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(text)) throw new EventSyntaxError(whole, at, `'${text}' is no number`);
  return BigInt.asUintN(64, BigInt(text));
}

function unknownTerm(whole: string, at: number, key: string, more: readonly string[]): EventSyntaxError {
  const near = nearest(key, [...Object.keys(TERMS), 'config', 'name', ...more]);
  const hint = near.length === 0 ? '' : `; did you mean ${near.map((n) => `'${n}'`).join(' or ')}?`;
  return new EventSyntaxError(whole, at, `unknown term '${key}' for pmu 'cpu'${hint}`);
}

/** struct event_modifier: with any of u, k, h given, the others are excluded. */
function withModifiers(name: string, code: EventCode, letters: string, style: 'pmu' | '', part: Part, whole: string): EventSpec {
  const flags: Partial<Record<AttrFlag, boolean | number>> = {};
  const has = (c: string): boolean => letters.includes(c);
  if (has('u') || has('k') || has('h')) {
    if (!has('u')) flags.exclude_user = true;
    if (!has('k')) flags.exclude_kernel = true;
    if (!has('h')) flags.exclude_hv = true;
  }
  const precise = [...letters].filter((c) => c === 'p').length;
  if (precise > 3 || has('P') || has('b') || has('W')) {
    const what = precise > 3 ? 'more than three p' : has('P') ? 'P (PEBS)' : has('b') ? 'b (BPF)' : 'W (weak groups)';
    throw new EventSyntaxError(whole, part.at, `modifier not there yet: ${what}`);
  }
  if (precise > 0) flags.precise_ip = precise;
  if (has('G') && !has('H')) flags.exclude_host = true;
  if (has('H') && !has('G')) flags.exclude_guest = true;
  if (has('D')) flags.pinned = true;
  if (has('e')) flags.exclusive = true;
  if (has('I')) flags.exclude_idle = true;
  return {
    ...code,
    flags,
    ...(has('S') ? { sampleRead: true } : {}),
    name: letters === '' ? name : style === 'pmu' ? `${name}${letters}` : `${name}:${letters}`,
  };
}
