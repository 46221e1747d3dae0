/** The letters of perf's --itrace option: which events to make from a trace, and how often. tools/perf/Documentation/itrace.txt. */

export interface ItraceOptions {
  /** `i`: a sample each so many instructions, or each so many ns of trace time. */
  readonly instructions?: { readonly every: number; readonly unit: 'instructions' | 'ns' };
  readonly branches: boolean;
  readonly calls: boolean;
  readonly returns: boolean;
  readonly errors: boolean;
  readonly transactions: boolean;
  readonly power: boolean;
  /** `o`: records that the trace carries for other events (PEBS through PT). */
  readonly other: boolean;
  readonly ptwrites: boolean;
  /** `q`: 1: targets only, no code is walked. 2: PSBs only. */
  readonly quick: number;
  /** `s`: skip so many events. */
  readonly skip: number;
}

/** Letters of perf that are known, but make nothing here. Told by name. */
const ABSENT: Readonly<Record<string, string>> = {
  m: 'last level cache events',
  d: 'debug log',
  f: 'first level cache events',
  t: 'TLB events',
  a: 'remote access events',
  M: 'memory events',
  g: 'call chains',
  G: 'call chains on existing events',
  l: 'last branch entries',
  L: 'last branch entries on existing events',
  A: 'approximate IPC',
  Z: 'timeless decoding on request',
  I: 'interrupt and other events',
  Y: 'events of the control flow',
};

const NS: Readonly<Record<string, number>> = { ms: 1_000_000, us: 1_000, ns: 1 };

/** perf's default, 100 µs of instructions, and all that needs no option. */
export const DEFAULT_ITRACE = 'ibxwpe';

/**
 * Parses `i1000ibce`. Throws RangeError that names the letter and its place.
 * A period without a unit is in nanoseconds, as in perf; `t` (ticks) is taken for instructions there, and refused here.
 */
export function parseItrace(text: string): ItraceOptions {
  let instructions: ItraceOptions['instructions'];
  const on = new Set<string>();
  let quick = 0;
  let skip = 0;
  const source = text === '' ? DEFAULT_ITRACE : text;
  for (let at = 0; at < source.length; ) {
    const letter = source[at++]!;
    if (letter === ',' || letter === ' ') continue;
    const number = /^\d+/.exec(source.slice(at))?.[0] ?? '';
    if (letter === 'i') {
      at += number.length;
      const unit = /^(ms|us|ns|i|t)/.exec(source.slice(at))?.[0] ?? '';
      if (number === '') instructions = { every: 100_000, unit: 'ns' };
      else {
        at += unit.length;
        if (unit === 't')
          throw new RangeError(`--itrace ${source}: ticks as a period ('t' at ${at}) are not supported; use i, ns, us or ms`);
        const every = Number(number) * (NS[unit] ?? 1);
        if (every === 0) throw new RangeError(`--itrace ${source}: a period of 0`);
        instructions = { every, unit: unit === 'i' ? 'instructions' : 'ns' };
      }
    } else if (letter === 's') {
      at += number.length;
      skip = Number(number === '' ? 0 : number);
    } else if (letter === 'q') quick++;
    else if (letter === 'e') {
      on.add('e');
      at += /^[+-][ol+-]*/.exec(source.slice(at))?.[0].length ?? 0; // which errors: all are told here
    } else if ('bcrxpow'.includes(letter)) on.add(letter);
    else
      throw new RangeError(
        `--itrace ${source}: '${letter}' at ${at}: ${ABSENT[letter] === undefined ? 'unknown' : `${ABSENT[letter]}: not there`}`,
      );
  }
  return {
    ...(instructions === undefined ? {} : { instructions }),
    branches: on.has('b'),
    calls: on.has('c'),
    returns: on.has('r'),
    errors: on.has('e'),
    transactions: on.has('x'),
    power: on.has('p'),
    other: on.has('o'),
    ptwrites: on.has('w'),
    quick,
    skip,
  };
}
