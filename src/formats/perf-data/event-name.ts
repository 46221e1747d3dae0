/** The name perf gives to an event that has none in the file. tools/perf/util/evsel.c evsel__name and its helpers. */
import { HARDWARE_EVENT_NAMES, HW_CACHE_NAMES, HW_CACHE_OPS, PERF_TYPE, SOFTWARE_EVENT_NAMES } from '#abi/perf-event/attr.ts';
import { ATTR_FLAGS } from '#abi/perf-event/attr.ts';
import { attrFlag, type PerfEventAttr } from './attr.ts';

function modifiers(attr: PerfEventAttr): string {
  let out = '';
  let defaultExcludesGuest = false;
  if (attrFlag(attr, 'exclude_kernel') || attrFlag(attr, 'exclude_user') || attrFlag(attr, 'exclude_hv')) {
    if (!attrFlag(attr, 'exclude_kernel')) out += 'k';
    if (!attrFlag(attr, 'exclude_user')) out += 'u';
    if (!attrFlag(attr, 'exclude_hv')) out += 'h';
    defaultExcludesGuest = true;
  }
  const precise = Number(ATTR_FLAGS.get(attr.flags, 'precise_ip'));
  if (precise > 0) {
    out += 'p'.repeat(precise);
    defaultExcludesGuest = true;
  }
  if (attrFlag(attr, 'exclude_host') || attrFlag(attr, 'exclude_guest') === defaultExcludesGuest) {
    if (!attrFlag(attr, 'exclude_host')) out += 'H';
    if (!attrFlag(attr, 'exclude_guest')) out += 'G';
  }
  return out === '' ? '' : `:${out}`;
}

function hwCacheName(config: bigint): string {
  const cache = HW_CACHE_NAMES[Number(config & 0xffn)];
  const op = HW_CACHE_OPS[Number((config >> 8n) & 0xffn)];
  const result = Number((config >> 16n) & 0xffn);
  if (cache === undefined) return 'unknown-ext-hardware-cache-type';
  if (op === undefined) return 'unknown-ext-hardware-cache-op';
  if (result > 1) return 'unknown-ext-hardware-cache-result';
  return result === 1 ? `${cache}-${op.singular}-misses` : `${cache}-${op.plural}`;
}

export function defaultEventName(attr: PerfEventAttr): string {
  switch (attr.type) {
    case PERF_TYPE.HARDWARE:
      return (HARDWARE_EVENT_NAMES[Number(attr.config & 0xffff_ffffn)] ?? 'unknown-hardware') + modifiers(attr);
    case PERF_TYPE.SOFTWARE:
      return (SOFTWARE_EVENT_NAMES[Number(attr.config & 0xffff_ffffn)] ?? 'unknown-software') + modifiers(attr);
    case PERF_TYPE.HW_CACHE:
      return hwCacheName(attr.config) + modifiers(attr);
    case PERF_TYPE.RAW:
      return `raw 0x${attr.config.toString(16)}${modifiers(attr)}`;
    case PERF_TYPE.TRACEPOINT:
      return 'unknown tracepoint';
    case PERF_TYPE.BREAKPOINT: {
      const how = ((attr.bp_type & 1) !== 0 ? 'r' : '') + ((attr.bp_type & 2) !== 0 ? 'w' : '') + ((attr.bp_type & 4) !== 0 ? 'x' : '');
      return `mem:0x${attr.config1.toString(16)}:${how}${modifiers(attr)}`;
    }
    default:
      return `unknown attr type: ${attr.type}`;
  }
}
