/**
 * Packets as text, line by line as `perf script -D` prints them (so that a diff against perf means something): raw IP payloads
 * without LastIP, PIP as CR3 >> 5, VMCS as base >> 12, PADs joined to the packet before up to eight bytes.
 */
import { PT, PT_IP_BYTES } from '#arch/pt/packets.ts';
import { ip64 } from './addr-map.ts';
import { PT_END, PacketReader } from './packet-reader.ts';

const NAMES: Readonly<Record<number, string>> = {
  [PT.PAD]: 'PAD',
  [PT.PSB]: 'PSB',
  [PT.PSBEND]: 'PSBEND',
  [PT.TNT8]: 'TNT',
  [PT.TNT64]: 'TNT',
  [PT.TIP]: 'TIP',
  [PT.TIP_PGE]: 'TIP.PGE',
  [PT.TIP_PGD]: 'TIP.PGD',
  [PT.FUP]: 'FUP',
  [PT.PIP]: 'PIP',
  [PT.MODE_EXEC]: 'MODE.Exec',
  [PT.MODE_TSX]: 'MODE.TSX',
  [PT.TRACESTOP]: 'TraceSTOP',
  [PT.CBR]: 'CBR',
  [PT.TSC]: 'TSC',
  [PT.MTC]: 'MTC',
  [PT.TMA]: 'TMA',
  [PT.CYC]: 'CYC',
  [PT.VMCS]: 'VMCS',
  [PT.OVF]: 'OVF',
  [PT.MNT]: 'MNT',
  [PT.PTW]: 'PTWRITE',
  [PT.EXSTOP]: 'EXSTOP',
  [PT.MWAIT]: 'MWAIT',
  [PT.PWRE]: 'PWRE',
  [PT.PWRX]: 'PWRX',
  [PT.BBP]: 'BBP',
  [PT.BIP]: 'BIP',
  [PT.BEP]: 'BEP',
  [PT.CFE]: 'CFE',
  [PT.EVD]: 'EVD',
};

/** TNT results as letters, oldest first. */
export function tntLetters(lo: number, hi: number, count: number): string {
  let text = '';
  for (let i = count - 1; i >= 0; i--) text += ((i >= 32 ? hi >>> (i - 32) : lo >>> i) & 1) !== 0 ? 'T' : 'N';
  return text;
}

const hex = (lo: number, hi = 0): string => `0x${ip64(lo, hi).toString(16)}`;

/** Name and payload of the reader's current packet. */
export function describePacket(r: PacketReader): string {
  const name = NAMES[r.type] ?? 'Bad packet!';
  switch (r.type) {
    case PT.TNT8:
    case PT.TNT64:
      return `${name} ${tntLetters(r.lo, r.hi, r.aux)} (${r.aux})`;
    case PT.TIP:
    case PT.TIP_PGE:
    case PT.TIP_PGD:
    case PT.FUP:
      return PT_IP_BYTES[r.aux] === 0 ? `${name} no ip` : `${name} ${hex(r.lo, r.hi)}`;
    case PT.PIP:
      return `${name} 0x${(ip64(r.lo, r.hi) >> 1n).toString(16)} (NR=${r.lo & 1})`;
    case PT.MODE_EXEC:
      return `${name} IF:${(r.lo >> 2) & 1} ${(r.lo & 1) !== 0 ? 64 : (r.lo & 2) !== 0 ? 32 : 16}`;
    case PT.MODE_TSX:
      return `${name} TXAbort:${(r.lo >> 1) & 1} InTX:${r.lo & 1}`;
    case PT.TMA:
      return `${name} CTC ${hex(r.lo)} FC ${hex(r.hi)}`;
    case PT.CBR:
    case PT.TSC:
    case PT.MTC:
    case PT.CYC:
    case PT.VMCS:
    case PT.MNT:
      return `${name} ${hex(r.lo, r.hi)}`;
    case PT.PTW:
      return `${name} ${hex(r.lo, r.hi)} IP:${r.aux}`;
    case PT.EXSTOP:
    case PT.BEP:
      return `${name} IP:${r.aux}`;
    case PT.MWAIT:
      return `${name} ${hex(r.lo, r.hi)} Hints ${hex(r.lo & 0xff)} Extensions ${hex(r.hi & 3)}`;
    case PT.PWRE:
      return `${name} ${hex(r.lo)} HW:${(r.lo >> 7) & 1} CState:${(r.lo >> 12) & 15} Sub-CState:${(r.lo >> 8) & 15}`;
    case PT.PWRX:
      return `${name} ${hex(r.lo, r.hi)} Last CState:${(r.lo >> 4) & 15} Deepest CState:${r.lo & 15} Wake Reason ${hex((r.lo >> 8) & 15)}`;
    case PT.BBP:
      return `${name} SZ ${(r.lo & 0x80) !== 0 ? 4 : 8}-byte Type ${hex(r.aux)}`;
    case PT.BIP:
      return `${name} ID 0x${r.aux.toString(16).padStart(2, '0')} Value ${hex(r.lo, r.hi)}`;
    case PT.CFE:
      return `${name} IP:${r.aux} Type 0x${r.lo.toString(16).padStart(2, '0')} Vector ${hex(r.hi)}`;
    case PT.EVD:
      return `${name} Type 0x${r.aux.toString(16).padStart(2, '0')} Payload ${hex(r.lo, r.hi)}`;
    default:
      return name;
  }
}

/** One line for each packet: offset, bytes, description. Bad bytes are a line each; nothing is skipped. */
export function* dumpPackets(buf: Uint8Array, begin = 0, end: number = buf.length): Generator<string> {
  const reader = new PacketReader(buf, begin, end);
  for (;;) {
    const type = reader.next();
    if (type === PT_END) return;
    const { offset } = reader;
    const bad = type === PT.BAD;
    let size = bad ? 1 : reader.size;
    if (!bad) while (size < 8 && offset + size < end && buf[offset + size] === 0) size++;
    let bytes = '';
    for (let i = 0; i < Math.max(size, 16); i++) bytes += i < size ? ` ${buf[offset + i]!.toString(16).padStart(2, '0')}` : '   ';
    yield `.  ${(offset - begin).toString(16).padStart(8, '0')}: ${bytes} ${bad ? 'Bad packet!' : describePacket(reader)}`;
    if (bad) reader.seek(offset + 1);
    else reader.pos = offset + size;
  }
}
