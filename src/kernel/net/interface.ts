/** The machine's network interfaces: the loopback. */
import { IFF } from '#abi/netlink.ts';

export const LOOPBACK = {
  name: 'lo',
  index: 1,
  /** ARPHRD_LOOPBACK */
  hardware: 772,
  flags: IFF.UP | IFF.LOOPBACK | IFF.RUNNING | IFF.LOWER_UP,
  mtu: 65536,
} as const;
