/** Route netlink and interface requests. include/uapi/linux/{netlink,rtnetlink,if_link,if_addr,if}.h, sockios.h. */
export const NLM = { ERROR: 2, DONE: 3, IFA_F_PERMANENT: 0x80 } as const;
export const NLM_F = { MULTI: 2, DUMP: 0x300 } as const;
export const RTM = { BASE: 16, NEWLINK: 16, GETLINK: 18, NEWADDR: 20, GETADDR: 22, NEWROUTE: 24, GETROUTE: 26 } as const;
export const IFLA = {
  ADDRESS: 1,
  BROADCAST: 2,
  IFNAME: 3,
  MTU: 4,
  QDISC: 6,
  TXQLEN: 13,
  OPERSTATE: 16,
  LINKMODE: 17,
  STATS64: 23,
  GROUP: 27,
  ALT_IFNAME: 53,
} as const;
export const IFA = { ADDRESS: 1, LOCAL: 2, LABEL: 3, CACHEINFO: 6, FLAGS: 8 } as const;
export const RT_SCOPE_HOST = 254;
export const IFF = { UP: 1, LOOPBACK: 8, RUNNING: 0x40, LOWER_UP: 0x1_0000 } as const;
export const SIOC = {
  ATMARK: 0x8905,
  GIFNAME: 0x8910,
  GIFCONF: 0x8912,
  GIFFLAGS: 0x8913,
  GIFADDR: 0x8915,
  GIFBRDADDR: 0x8919,
  GIFNETMASK: 0x891b,
  GIFMETRIC: 0x891d,
  GIFMTU: 0x8921,
  GIFHWADDR: 0x8927,
  GIFINDEX: 0x8933,
  GIFTXQLEN: 0x8942,
} as const;
