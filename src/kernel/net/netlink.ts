/** Route netlink (rtnetlink(7)): tells of the one interface, its addresses and that there are no routes. Nothing can be changed. */
import { ERRNO } from '#abi/errno.ts';
import { IFA, IFLA, NLM, NLM_F, RTM, RT_SCOPE_HOST } from '#abi/netlink.ts';
import { AF } from '#abi/socket.ts';
import { decodeUtf8 } from '#base/utf8.ts';
import type { Transfer } from '../vfs/file-description.ts';
import { type Message, Socket } from '../vfs/socket.ts';
import { LOOPBACK } from './interface.ts';

const HEADER = 16;
/** struct ifinfomsg. */
const IFINFOMSG = 16;
const KERNEL = '0';
const align = (n: number): number => (n + 3) & ~3;
const text = (s: string): Uint8Array => Uint8Array.from([...s, '\0'].map((c) => c.charCodeAt(0)));
const word = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);

function attribute(type: number, value: Uint8Array): Uint8Array {
  const out = new Uint8Array(align(4 + value.length));
  out.set(new Uint8Array(Uint16Array.of(4 + value.length, type).buffer));
  out.set(value, 4);
  return out;
}
function message(type: number, flags: number, request: DataView, pid: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((n, p) => n + align(p.length), HEADER);
  const out = new Uint8Array(length);
  const v = new DataView(out.buffer);
  v.setUint32(0, length, true);
  v.setUint16(4, type, true);
  v.setUint16(6, flags, true);
  v.setUint32(8, request.getUint32(8, true), true); // the request's sequence number
  v.setUint32(12, pid, true);
  let at = HEADER;
  for (const p of parts) {
    out.set(p, at);
    at += align(p.length);
  }
  return out;
}

/** struct ifinfomsg and what hangs on it. */
function linkParts(): Uint8Array[] {
  const head = new DataView(new ArrayBuffer(16));
  head.setUint16(2, LOOPBACK.hardware, true);
  head.setInt32(4, LOOPBACK.index, true);
  head.setUint32(8, LOOPBACK.flags, true);
  return [
    new Uint8Array(head.buffer),
    attribute(IFLA.IFNAME, text(LOOPBACK.name)),
    attribute(IFLA.TXQLEN, word(1000)),
    attribute(IFLA.OPERSTATE, Uint8Array.of(0)),
    attribute(IFLA.LINKMODE, Uint8Array.of(0)),
    attribute(IFLA.MTU, word(LOOPBACK.mtu)),
    attribute(IFLA.GROUP, word(0)),
    attribute(IFLA.QDISC, text('noqueue')),
    attribute(IFLA.STATS64, new Uint8Array(24 * 8)), // traffic is not counted
    attribute(IFLA.ADDRESS, new Uint8Array(6)),
    attribute(IFLA.BROADCAST, new Uint8Array(6)),
  ];
}
/** struct ifaddrmsg and what hangs on it, of the family's address. */
function addressParts(family: number): Uint8Array[] {
  const v4 = family === AF.INET;
  const head = new DataView(new ArrayBuffer(8));
  head.setUint8(0, family);
  head.setUint8(1, v4 ? 8 : 128);
  head.setUint8(2, NLM.IFA_F_PERMANENT);
  head.setUint8(3, RT_SCOPE_HOST);
  head.setUint32(4, LOOPBACK.index, true);
  const ip = v4 ? Uint8Array.of(127, 0, 0, 1) : Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
  return [
    new Uint8Array(head.buffer),
    attribute(IFA.ADDRESS, ip),
    ...(v4 ? [attribute(IFA.LOCAL, ip), attribute(IFA.LABEL, text(LOOPBACK.name))] : []),
    attribute(IFA.CACHEINFO, word(0xffff_ffff, 0xffff_ffff, 0, 0)),
    attribute(IFA.FLAGS, word(NLM.IFA_F_PERMANENT)),
  ];
}

/** IFLA_IFNAME (ip link show NAME) behind RTM_GETLINK's ifinfomsg; '' without. net/core/rtnetlink.c rtnl_dev_get. */
function askedName(r: DataView): string {
  for (let at = HEADER + IFINFOMSG; at + 4 <= r.byteLength; ) {
    const length = r.getUint16(at, true);
    if (length < 4 || at + length > r.byteLength) break;
    const type = r.getUint16(at + 2, true);
    const bytes = new Uint8Array(r.buffer, r.byteOffset + at + 4, length - 4);
    if (type === IFLA.IFNAME || type === IFLA.ALT_IFNAME) return decodeUtf8(bytes).replace(/\0.*/s, '');
    at += align(length);
  }
  return '';
}

export class NetlinkSocket extends Socket {
  override readonly family: number = AF.NETLINK;
  protected override readonly unconnectedRead: number = -ERRNO.EAGAIN;

  override get connectionless(): boolean {
    return true;
  }
  override shutdown(): number {
    return -ERRNO.EOPNOTSUPP;
  }
  protected override peerClosed(): void {}
  protected override withoutPeer(): Transfer {
    return -ERRNO.ECONNREFUSED;
  }

  /** Every request is answered at once, into this socket's own queue. */
  override send(m: Message): Transfer {
    const { bytes } = m;
    const all = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + HEADER <= bytes.length; ) {
      const length = all.getUint32(at, true);
      if (length < HEADER || at + length > bytes.length) break;
      this.request(new DataView(bytes.buffer, bytes.byteOffset + at, length));
      at += align(length);
    }
    return bytes.length;
  }
  private request(r: DataView): void {
    const type = r.getUint16(4, true);
    const flags = r.getUint16(6, true);
    const dump = (flags & NLM_F.DUMP) === NLM_F.DUMP;
    const family = r.byteLength > HEADER ? r.getUint8(HEADER) : 0;
    if (type === RTM.GETLINK) {
      const index = r.byteLength >= HEADER + 8 ? r.getInt32(HEADER + 4, true) : 0;
      if (dump || index === LOOPBACK.index || (index === 0 && askedName(r) === LOOPBACK.name))
        this.answer(r, dump, RTM.NEWLINK, [linkParts()]);
      else this.refuse(r, ERRNO.ENODEV);
    } else if (type === RTM.GETADDR && dump) {
      const families = [AF.INET, AF.INET6].filter((f) => family === AF.UNSPEC || family === f);
      this.answer(r, dump, RTM.NEWADDR, families.map(addressParts));
    } else if (type === RTM.GETROUTE) {
      if (dump) this.answer(r, dump, RTM.NEWROUTE, []);
      else this.refuse(r, ERRNO.ENETUNREACH);
    } else this.refuse(r, type > RTM.BASE && type % 4 !== 2 ? ERRNO.EPERM : ERRNO.EOPNOTSUPP);
  }
  private answer(r: DataView, dump: boolean, type: number, rows: readonly (readonly Uint8Array[])[]): void {
    const pid = Number(this.address);
    const flags = dump ? NLM_F.MULTI : 0;
    const messages = rows.map((parts) => message(type, flags, r, pid, ...parts));
    const whole = new Uint8Array(messages.reduce((n, x) => n + x.length, 0));
    let at = 0;
    for (const one of messages) {
      whole.set(one, at);
      at += one.length;
    }
    if (whole.length > 0) this.tell(whole);
    if (dump) this.tell(message(NLM.DONE, NLM_F.MULTI, r, pid, word(0)));
  }
  private refuse(r: DataView, errno: number): void {
    const asked = new Uint8Array(r.buffer, r.byteOffset, HEADER);
    this.tell(message(NLM.ERROR, 0, r, Number(this.address), word(-errno), asked));
  }
  private tell(bytes: Uint8Array): void {
    this.deliver({ bytes, files: [], sender: { pid: 0, uid: 0, gid: 0 }, from: KERNEL });
  }
}
