/** Sockets. include/linux/socket.h, include/uapi/linux/un.h, asm-generic/socket.h. */
export const AF = { UNSPEC: 0, UNIX: 1, INET: 2, INET6: 10, NETLINK: 16 } as const;
export const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3, SEQPACKET: 5, TYPE_MASK: 0xf } as const;
export const SOL_SOCKET = 1;
export const SO = {
  DEBUG: 1,
  REUSEADDR: 2,
  TYPE: 3,
  ERROR: 4,
  DONTROUTE: 5,
  BROADCAST: 6,
  SNDBUF: 7,
  RCVBUF: 8,
  KEEPALIVE: 9,
  OOBINLINE: 10,
  PRIORITY: 12,
  LINGER: 13,
  REUSEPORT: 15,
  PASSCRED: 16,
  PEERCRED: 17,
  RCVLOWAT: 18,
  RCVTIMEO: 20,
  SNDTIMEO: 21,
  ACCEPTCONN: 30,
  SNDBUFFORCE: 32,
  RCVBUFFORCE: 33,
  MARK: 36,
  PROTOCOL: 38,
  DOMAIN: 39,
  INCOMING_CPU: 49,
} as const;
export const MSG = {
  PEEK: 2,
  CTRUNC: 8,
  TRUNC: 0x20,
  DONTWAIT: 0x40,
  WAITALL: 0x100,
  NOSIGNAL: 0x4000,
  WAITFORONE: 0x1_0000,
  CMSG_CLOEXEC: 0x4000_0000,
} as const;
export const SCM = { RIGHTS: 1, CREDENTIALS: 2 } as const;
export const SHUT = { RD: 0, WR: 1, RDWR: 2 } as const;
/** sun_path's length; the family takes two bytes more. */
export const UNIX_PATH_MAX = 108;
/** net.core.wmem_default. */
export const SOCKET_BUFFER = 212_992;
/** net.unix.max_dgram_qlen */
export const MAX_DGRAMS = 10;
/** include/uapi/linux/in.h; they are option levels too. */
export const IPPROTO = { IP: 0, TCP: 6, UDP: 17, IPV6: 41 } as const;
export const IPV6 = { V6ONLY: 26 } as const;
/** include/uapi/linux/tcp.h */
export const TCP = {
  NODELAY: 1,
  MAXSEG: 2,
  CORK: 3,
  KEEPIDLE: 4,
  KEEPINTVL: 5,
  KEEPCNT: 6,
  SYNCNT: 7,
  LINGER2: 8,
  DEFER_ACCEPT: 9,
  INFO: 11,
  QUICKACK: 12,
  CONGESTION: 13,
  USER_TIMEOUT: 18,
  FASTOPEN: 23,
  NOTSENT_LOWAT: 25,
} as const;
