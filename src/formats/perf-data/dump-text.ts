/** The meaning of a record in the words of `perf script -D`, for what follows "PERF_RECORD_NAME". tools/perf/util/{event,session}.c fprintf functions. */
import { NAMESPACE_NAMES, PERF_AUX_FLAG, PERF_RECORD_MISC } from '#abi/perf-event/record.ts';
import { AUXTRACE_TYPE } from './constants.ts';
import type { KernelRecord, Mmap2Record } from './records.ts';
import type { UserRecord } from './user-records.ts';

const x = (v: bigint | number): string => (BigInt(v) === 0n ? '0' : `0x${v.toString(16)}`); // printf's %#x

function mmap2(r: Mmap2Record): string {
  const who =
    r.buildId === undefined ? `${hex2(r.maj)}:${hex2(r.min)} ${r.ino} ${r.inoGeneration}` : `<${Array.from(r.buildId, hex2).join('')}>`;
  const prot = `${(r.prot & 1) !== 0 ? 'r' : '-'}${(r.prot & 2) !== 0 ? 'w' : '-'}${(r.prot & 4) !== 0 ? 'x' : '-'}${(r.flags & 1) !== 0 ? 's' : 'p'}`;
  return ` ${r.pid}/${r.tid}: [${x(r.addr)}(${x(r.len)}) @ ${x(r.pgoff)} ${who}]: ${prot} ${r.filename}\n`;
}

const hex2 = (v: number): string => v.toString(16).padStart(2, '0');

/** Text after the name of a kernel record other than SAMPLE, with its newline; some have none, as in perf. */
export function kernelRecordText(r: KernelRecord, misc: number, id: bigint | undefined, eventName: string): string {
  switch (r.type) {
    case 'MMAP':
      return ` ${r.pid}/${r.tid}: [${x(r.addr)}(${x(r.len)}) @ ${x(r.pgoff)}]: ${(misc & PERF_RECORD_MISC.MMAP_DATA) !== 0 ? 'r' : 'x'} ${r.filename}\n`;
    case 'MMAP2':
      return mmap2(r);
    case 'LOST':
      return `: id:${r.id}: lost:${r.lost}\n`;
    case 'COMM':
      return `${(misc & PERF_RECORD_MISC.COMM_EXEC) !== 0 ? ' exec' : ''}: ${r.comm}:${r.pid}/${r.tid}\n`;
    case 'EXIT':
    case 'FORK':
      return `(${r.pid}:${r.tid}):(${r.ppid}:${r.ptid})\n`;
    case 'THROTTLE':
    case 'UNTHROTTLE':
      return '';
    case 'READ': {
      const v = r.read.values[0];
      let out = `: ${r.pid} ${r.tid} ${eventName} ${v?.value ?? 0n}\n`;
      if (r.read.timeEnabled !== undefined) out += `... time enabled : ${r.read.timeEnabled}\n`;
      if (r.read.timeRunning !== undefined) out += `... time running : ${r.read.timeRunning}\n`;
      if (v?.id !== undefined) out += `... id           : ${v.id}\n`;
      if (v?.lost !== undefined) out += `... lost         : ${v.lost}\n`;
      return `${out}: unhandled!\n`; // perf script has no handler for it
    }
    case 'AUX': {
      const f = Number(r.flags & 0xffn);
      const letters = `${(f & PERF_AUX_FLAG.TRUNCATED) !== 0 ? 'T' : ''}${(f & PERF_AUX_FLAG.OVERWRITE) !== 0 ? 'O' : ''}${(f & PERF_AUX_FLAG.PARTIAL) !== 0 ? 'P' : ''}`;
      return ` offset: ${x(r.auxOffset)} size: ${x(r.auxSize)} flags: ${x(r.flags)} [${letters}]\n`;
    }
    case 'ITRACE_START':
      return ` pid: ${r.pid} tid: ${r.tid}\n`;
    case 'LOST_SAMPLES':
      return `: id:${id ?? 0xffff_ffff_ffff_ffffn}: lost samples :${r.lost}\n`;
    case 'SWITCH':
      return ` ${switchText(misc)}\n`;
    case 'SWITCH_CPU_WIDE':
      return ` ${switchText(misc)}  ${(misc & PERF_RECORD_MISC.SWITCH_OUT) !== 0 ? 'next' : 'prev'} pid/tid: ${String(r.nextPrevPid).padStart(5)}/${String(r.nextPrevTid).padEnd(5)}\n`;
    case 'NAMESPACES': {
      let out = ` ${r.pid}/${r.tid} - nr_namespaces: ${r.links.length}\n\t\t[`;
      for (const [i, l] of r.links.entries()) {
        if (i > 0 && i % 4 === 0) out += '\n\t\t ';
        out += `${i}/${NAMESPACE_NAMES[i] ?? 'unknown'}: ${l.dev}/${x(l.ino)}${i + 1 === r.links.length ? ']\n' : ', '}`;
      }
      return r.links.length === 0 ? ` ${r.pid}/${r.tid} - nr_namespaces: 0\n\t\t[` : out;
    }
    case 'KSYMBOL':
      return ` addr ${r.addr.toString(16)} len ${r.len} type ${r.ksymType} flags 0x${r.flags.toString(16)} name ${r.name}\n`;
    case 'BPF_EVENT':
      return ` type ${r.bpfType}, flags ${r.flags}, id ${r.id}\n`;
    case 'CGROUP':
      return ` cgroup: ${r.id} ${r.path}\n`;
    case 'TEXT_POKE': {
      const bytes = (label: string, b: Uint8Array): string => `            ${label} bytes: ${Array.from(b, hex2).join(' ')}\n`;
      return ` ${r.addr.toString(16)}  old len ${r.oldLen} new len ${r.newLen}\n${bytes('Old', r.bytes.subarray(0, r.oldLen))}${bytes('New', r.bytes.subarray(r.oldLen))}`;
    }
    case 'AUX_OUTPUT_HW_ID':
      return ` hw_id: ${x(r.hwId)}\n`;
  }
}

function switchText(misc: number): string {
  if ((misc & PERF_RECORD_MISC.SWITCH_OUT) === 0) return 'IN         ';
  return (misc & PERF_RECORD_MISC.SWITCH_OUT_PREEMPT) !== 0 ? 'OUT preempt' : 'OUT        ';
}

/** 0-3,7 */
export function cpuList(cpus: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < cpus.length; ) {
    let j = i;
    while (j + 1 < cpus.length && cpus[j + 1] === (cpus[j] as number) + 1) j++;
    parts.push(i === j ? `${cpus[i]}` : `${cpus[i]}-${cpus[j]}`);
    i = j + 1;
  }
  return parts.join(',');
}

const INTEL_PT_INFO: readonly (readonly [string, boolean])[] = [
  ['PMU Type            ', false],
  ['Time Shift          ', false],
  ['Time Muliplier      ', false],
  ['Time Zero           ', false],
  ['Cap Time Zero       ', false],
  ['TSC bit             ', true],
  ['NoRETComp bit       ', true],
  ['Have sched_switch   ', false],
  ['Snapshot mode       ', false],
  ['Per-cpu maps        ', false],
  ['MTC bit             ', true],
  ['MTC freq bits       ', true],
  ['TSC:CTC numerator   ', false],
  ['TSC:CTC denominator ', false],
  ['CYC bit             ', true],
  ['Max non-turbo ratio ', false],
  ['Filter string len.  ', false],
];

export function userRecordText(r: UserRecord): string {
  switch (r.type) {
    case 'FINISHED_ROUND':
      return '\n';
    case 'FINISHED_INIT':
      return ': unhandled!\n';
    case 'TIME_CONV': {
      let out = `\n... Time Shift      ${r.timeShift}\n... Time Muliplier  ${r.timeMult}\n... Time Zero       ${r.timeZero}\n`;
      if (r.timeCycles !== undefined)
        out += `... Time Cycles     ${r.timeCycles}\n... Time Mask       ${x(r.timeMask ?? 0n)}\n... Cap Time Zero   ${r.capZero}\n... Cap Time Short  ${r.capShort}\n`;
      return `${out}: unhandled!\n`;
    }
    case 'ID_INDEX':
      return ` nr: ${r.entries.length}\n${r.entries
        .map((e) => ` ... id: ${e.id}  idx: ${e.idx}  cpu: ${BigInt.asIntN(64, e.cpu)}  tid: ${BigInt.asIntN(64, e.tid)}\n`)
        .join('')}`;
    case 'AUXTRACE_INFO': {
      let out = ` type: ${r.auxType}\n`;
      if (AUXTRACE_TYPE[r.auxType] !== 'INTEL_PT') return out;
      for (const [i, [label, isHex]] of INTEL_PT_INFO.entries()) {
        const v = r.priv[i];
        if (v !== undefined) out += `  ${label}${isHex ? x(v) : v}\n`;
      }
      if (r.priv.length > INTEL_PT_INFO.length - 1) out += `  Filter string       ${filterText(r.priv)}\n`;
      return out;
    }
    case 'AUXTRACE':
      return ` size: ${x(r.size)}  offset: ${x(r.offset)}  ref: ${x(r.reference)}  idx: ${r.idx}  tid: ${r.tid}  cpu: ${r.cpu | 0}\n`;
    case 'AUXTRACE_ERROR':
      return ` type ${r.errorType} code ${r.code} cpu ${r.cpu | 0} pid ${r.pid} tid ${r.tid} ip 0x${r.ip.toString(16)} time ${r.time}: ${r.msg}\n`;
    case 'THREAD_MAP':
      return ` nr: ${r.threads.length} thread${r.threads.length > 1 ? 's' : ''}: ${r.threads.map((t) => BigInt.asIntN(32, t.tid)).join(', ')}\n`;
    case 'CPU_MAP':
      return `: ${cpuList(r.cpus)}\n`;
    case 'EVENT_UPDATE': {
      const value =
        r.unit !== undefined
          ? `... unit:  ${r.unit}`
          : r.scale !== undefined
            ? `... scale: ${r.scale}`
            : r.name !== undefined
              ? `... name:  ${r.name}`
              : `... ${cpuList(r.cpus ?? [])}`;
      return `\n... id:    ${r.id}\n${value}\n`;
    }
    case 'STAT':
      return `\n... id ${r.id}, cpu ${r.cpu | 0}, thread ${r.thread}\n... value ${r.value}, enabled ${r.enabled}, running ${r.running}\n`;
    case 'STAT_CONFIG':
      return `\n${r.entries.map((e) => `... tag ${e.tag} value ${e.value}\n`).join('')}`;
    case 'STAT_ROUND':
      return `\n... time ${r.time}, type ${r.round === 1n ? 'FINAL' : 'INTERVAL'}\n`;
    case 'HEADER_ATTR':
    case 'HEADER_EVENT_TYPE':
    case 'HEADER_TRACING_DATA':
    case 'HEADER_BUILD_ID':
    case 'HEADER_FEATURE':
    case 'COMPRESSED':
    case 'COMPRESSED2':
      return '';
  }
}

function filterText(priv: readonly bigint[]): string {
  const length = Number(priv[16] ?? 0n);
  let out = '';
  for (let i = 0; i < length; i++) {
    const word = priv[17 + (i >> 3)];
    if (word === undefined) break;
    const c = Number((word >> BigInt(8 * (i & 7))) & 0xffn);
    if (c === 0) break;
    out += String.fromCharCode(c);
  }
  return out;
}
