/** epoll, timerfd, signalfd. include/uapi/linux/{eventpoll,timerfd,signalfd}.h. Event bits are POLL's. */
import { s32, struct, u32, u64 } from '#base/struct.ts';

export const EPOLL_CTL = { ADD: 1, DEL: 2, MOD: 3 } as const;
export const EPOLL = { EXCLUSIVE: 0x1000_0000, WAKEUP: 0x2000_0000, ONESHOT: 0x4000_0000, ET: 0x8000_0000 } as const;
/** struct epoll_event, packed on x86-64: events, data. */
export const EPOLL_EVENT_SIZE = 12;
export const TFD = { TIMER_ABSTIME: 1, TIMER_CANCEL_ON_SET: 2 } as const;
export const SIGNALFD_SIGINFO = struct(128, {
  ssi_signo: u32(0),
  ssi_code: s32(8),
  ssi_pid: u32(12),
  ssi_uid: u32(16),
  ssi_status: s32(40),
  ssi_int: s32(44),
  ssi_ptr: u64(48),
  ssi_addr: u64(72),
});
