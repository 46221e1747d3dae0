/** Who the modelled Linux says it is: uname(2), /proc/version, /proc/sys/kernel. The same on every host. */
export const UTSNAME = {
  sysname: 'Linux',
  nodename: 'perfglass',
  release: '6.12.0-perfglass',
  version: '#1 SMP PREEMPT_DYNAMIC perfglass',
  machine: 'x86_64',
  domainname: '(none)',
} as const;

/** Clock ticks per second that /proc and times(2) count in. */
export const USER_HZ = 100;
