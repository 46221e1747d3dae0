/** The delay from a counter's overflow to the moment at which its PMI reaches the local APIC: the skid. */
import type { Rng } from '#base/rng.ts';

export interface PmiLatency {
  /** Retired instructions, or cycles, of everything, perf's own work included. */
  readonly unit: 'instructions' | 'cycles';
  readonly min: number;
  readonly max: number;
}

/**
 * The text of --pmi-latency: `20i`, `300c`, `10..40i`, `10i..40i`; without a unit, instructions. Returns what is wrong as a string.
 * Limits: 0 ≤ MIN ≤ MAX ≤ 1000000.
 */
export function parsePmiLatency(text: string): PmiLatency | string {
  const match = /^(\d+)([ic])?(?:\.\.(\d+)([ic])?)?$/.exec(text);
  if (match === null) return `'${text}' is no PMI latency: write 20i (instructions), 300c (cycles) or 10..40i (drawn from the seed)`;
  const [, min, unit1, max, unit2] = match;
  if (unit1 !== undefined && unit2 !== undefined && unit1 !== unit2) return `'${text}': both ends need the same unit`;
  const latency: PmiLatency = {
    unit: (unit2 ?? unit1 ?? 'i') === 'i' ? 'instructions' : 'cycles',
    min: Number(min),
    max: Number(max ?? min),
  };
  if (latency.min > latency.max) return `'${text}': ${latency.min} is more than ${latency.max}`;
  if (latency.max > 1_000_000) return `'${text}': at most 1000000`;
  return latency;
}

export const drawLatency = (latency: PmiLatency, rng: Rng): number =>
  latency.min === latency.max ? latency.min : rng.between(latency.min, latency.max);
