/** data_src in the words of perf script. tools/perf/util/mem-events.c perf_script__meminfo_scnprintf. */
import { MEM_HOPS, MEM_LVL, MEM_LVL_NUM, MEM_OP, MEM_SNOOP, MEM_SNOOPX, MEM_TLB, PERF_MEM_DATA_SRC } from '#abi/perf-event/data-src.ts';

const HIT = 2;
const MISS = 4;

function names(mask: number, list: readonly string[]): string[] {
  return list.filter((_, b) => ((mask >> b) & 1) === 1);
}

const outcome = (mask: number): string => ((mask & HIT) !== 0 ? ' hit' : '') + ((mask & MISS) !== 0 ? ' miss' : '');

export function dataSrcText(word: bigint): string {
  const f = PERF_MEM_DATA_SRC.unpack(word);
  const op = names(Number(f.op), MEM_OP).join(' or ');
  const lvl = Number(f.lvl);
  const where = names(lvl & ~(HIT | MISS), MEM_LVL);
  const num = Number(f.lvl_num);
  if (num !== 0) where.push(MEM_LVL_NUM[num] ?? `L${num}`);
  const prefix = `${f.remote === 1n ? 'Remote ' : ''}${f.hops === 0n ? '' : `${MEM_HOPS[Number(f.hops)] ?? ''} `}`;
  const level = `${prefix}${where.join(' or ')}` || 'N/A';
  const snoop = [...names(Number(f.snoop), MEM_SNOOP), ...names(Number(f.snoopx), MEM_SNOOPX)].join(' or ') || 'N/A';
  const tlb = Number(f.dtlb);
  const tlbText = (names(tlb & ~(HIT | MISS), MEM_TLB).join(' or ') || 'N/A') + outcome(tlb);
  const lock = (f.lock & 1n) === 1n ? 'N/A' : (f.lock & 2n) === 2n ? 'Yes' : 'No';
  const blk = f.blk === 0n || (f.blk & 1n) === 1n ? ' N/A' : `${(f.blk & 2n) !== 0n ? ' Data' : ''}${(f.blk & 4n) !== 0n ? ' Addr' : ''}`;
  return `|OP ${op || 'N/A'}|LVL ${level}${outcome(lvl)}|SNP ${snoop}|TLB ${tlbText}|LCK ${lock}|BLK ${blk}`;
}
