/** The perf core's name for the ABI's record. */
export type { AttrFlag as AttrFlagName } from '#abi/perf-event/attr.ts';
export { type AttrValues, attrFlag, makeAttr, type PerfEventAttr } from '#abi/perf-event/attr-record.ts';
