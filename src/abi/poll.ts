/** poll and select. Defined in include/uapi/asm-generic/poll.h, include/uapi/linux/posix_types.h. */
import { s16, s32, struct } from '#base/struct.ts';

export const POLL = {
  IN: 0x001,
  PRI: 0x002,
  OUT: 0x004,
  ERR: 0x008,
  HUP: 0x010,
  NVAL: 0x020,
  RDNORM: 0x040,
  RDBAND: 0x080,
  WRNORM: 0x100,
  WRBAND: 0x200,
  RDHUP: 0x2000,
} as const;

export const POLLFD = struct(8, { fd: s32(0), events: s16(4), revents: s16(6) });

/** Which poll events select's three sets ask for. fs/select.c POLLIN_SET, POLLOUT_SET, POLLEX_SET. */
export const SELECT_IN = POLL.RDNORM | POLL.RDBAND | POLL.IN | POLL.HUP | POLL.ERR | POLL.NVAL;
export const SELECT_OUT = POLL.WRBAND | POLL.WRNORM | POLL.OUT | POLL.ERR | POLL.NVAL;
export const SELECT_EX = POLL.PRI | POLL.NVAL;
export const FD_SETSIZE = 1024;
