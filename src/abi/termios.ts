/** Terminals. Defined in include/uapi/asm-generic/{ioctls,termbits,termios}.h. */
import { struct, u16, u32, u8 } from '#base/struct.ts';

/** ioctl(2) requests of terminals and of any file. */
export const IOCTL = {
  TCGETS: 0x5401,
  TCSETS: 0x5402,
  TCSETSW: 0x5403,
  TCSETSF: 0x5404,
  TCSBRK: 0x5409,
  TCXONC: 0x540a,
  TCFLSH: 0x540b,
  TIOCSCTTY: 0x540e,
  TIOCGPGRP: 0x540f,
  TIOCSPGRP: 0x5410,
  TIOCOUTQ: 0x5411,
  TIOCGWINSZ: 0x5413,
  TIOCSWINSZ: 0x5414,
  FIONREAD: 0x541b,
  TIOCPKT: 0x5420,
  FIONBIO: 0x5421,
  TIOCNOTTY: 0x5422,
  TCSBRKP: 0x5425,
  TIOCGSID: 0x5429,
  FIONCLEX: 0x5450,
  FIOCLEX: 0x5451,
  FIOASYNC: 0x5452,
  FIOQSIZE: 0x5460,
  TIOCGPTN: 0x8004_5430,
  TIOCSPTLCK: 0x4004_5431,
  TIOCGPKT: 0x8004_5438,
  TIOCGPTLCK: 0x8004_5439,
  TIOCGPTPEER: 0x5441,
  TCGETS2: 0x802c_542a,
  TCSETS2: 0x402c_542b,
  FS_IOC_GETFLAGS: 0x8008_6601,
  FICLONE: 0x4004_9409,
  FICLONERANGE: 0x4020_940d,
} as const;

/** First byte of what a pty's master reads in packet mode (TIOCPKT): data follow, or what happened. tty_ioctl(4). */
export const TIOCPKT = { DATA: 0, FLUSHREAD: 1, FLUSHWRITE: 2, NOSTOP: 16, DOSTOP: 32 } as const;

export const NCCS = 19;
/** struct termios of the kernel (not glibc's): c_cc follows c_line. */
export const TERMIOS = struct(36, { c_iflag: u32(0), c_oflag: u32(4), c_cflag: u32(8), c_lflag: u32(12), c_line: u8(16) });
export const TERMIOS_CC = 17;
export const WINSIZE = struct(8, { ws_row: u16(0), ws_col: u16(2), ws_xpixel: u16(4), ws_ypixel: u16(6) });

export const C_IFLAG = { INLCR: 0o100, IGNCR: 0o200, ICRNL: 0o400, IXON: 0o2000 } as const;
export const C_OFLAG = { OPOST: 0o1, ONLCR: 0o4 } as const;
export const C_CFLAG = { B38400: 0o17, CS8: 0o60, CREAD: 0o200 } as const;
export const C_LFLAG = {
  ISIG: 0o1,
  ICANON: 0o2,
  ECHO: 0o10,
  ECHOE: 0o20,
  ECHOK: 0o40,
  ECHONL: 0o100,
  NOFLSH: 0o200,
  ECHOCTL: 0o1000,
  ECHOKE: 0o4000,
  IEXTEN: 0o100000,
} as const;
/** INIT_C_CC: intr quit erase kill eof time min swtc start stop susp eol reprint discard werase lnext eol2. */
export const INIT_C_CC = Uint8Array.of(3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0);
/** Indexes into c_cc. */
export const C_CC = {
  VINTR: 0,
  VQUIT: 1,
  VERASE: 2,
  VKILL: 3,
  VEOF: 4,
  VTIME: 5,
  VMIN: 6,
  VSTART: 8,
  VSTOP: 9,
  VSUSP: 10,
  VEOL: 11,
  VWERASE: 14,
} as const;
/** What a new terminal has set. drivers/tty/tty_io.c tty_std_termios. */
export const INIT_FLAGS = {
  c_iflag: C_IFLAG.ICRNL | C_IFLAG.IXON,
  c_oflag: C_OFLAG.OPOST | C_OFLAG.ONLCR,
  c_cflag: C_CFLAG.B38400 | C_CFLAG.CS8 | C_CFLAG.CREAD,
  c_lflag: C_LFLAG.ISIG | C_LFLAG.ICANON | C_LFLAG.ECHO | C_LFLAG.ECHOE | C_LFLAG.ECHOK | C_LFLAG.ECHOCTL | C_LFLAG.ECHOKE | C_LFLAG.IEXTEN,
} as const;
