/** ioctl on files, pipes and terminals. */
import { ERRNO } from '#abi/errno.ts';
import { O, S } from '#abi/fs.ts';
import { SIG } from '#abi/signals.ts';
import { IOCTL, TERMIOS, WINSIZE } from '#abi/termios.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import type { FileDescription } from '../vfs/file-description.ts';
import { PtyMaster, PtySlaveNode } from '../vfs/pty.ts';
import type { Terminal } from '../vfs/terminal.ts';
import { takeTerminal } from '../vfs/vfs.ts';
import { Socket } from '../vfs/socket.ts';
import { partial } from './row.ts';
import { interfaceIoctl } from './socket-ioctl.ts';
import type { SyscallArgs, SyscallResult, SyscallRow } from './types.ts';

function ioctl(k: Kernel, t: Task, a: SyscallArgs): SyscallResult {
  const fd = a.i32(0);
  const file = t.files.get(fd);
  if (file === undefined || (file.flags & O.PATH) !== 0) return -ERRNO.EBADF;
  const request = a.u32(1);
  const va = a.n(2);
  switch (request) {
    case IOCTL.FIOCLEX:
    case IOCTL.FIONCLEX:
      t.files.setCloseOnExec(fd, request === IOCTL.FIOCLEX);
      return 0;
    case IOCTL.FIONBIO:
    case IOCTL.FIOASYNC: {
      const on = t.memory.readI32(va);
      if (on === undefined) return -ERRNO.EFAULT;
      const flag = request === IOCTL.FIONBIO ? O.NONBLOCK : O.ASYNC;
      if (flag === O.ASYNC && (file.flags & flag) === 0) file.asyncFd = fd;
      file.flags = on === 0 ? file.flags & ~flag : file.flags | flag;
      return 0;
    }
    case IOCTL.FIONREAD: {
      const n = file.available();
      return n === undefined ? -ERRNO.ENOTTY : giveInt(t, va, n);
    }
    case IOCTL.FIOQSIZE: {
      const stat = file.stat();
      if (typeof stat === 'number' || (stat.mode & S.IFMT) !== S.IFREG) return -ERRNO.ENOTTY;
      return t.memory.writeU64(va, stat.size) ? 0 : -ERRNO.EFAULT;
    }
    case IOCTL.FICLONE:
    case IOCTL.FICLONERANGE: {
      const stat = file.stat();
      return typeof stat === 'number' || (stat.mode & S.IFMT) !== S.IFREG ? -ERRNO.ENOTTY : -ERRNO.EOPNOTSUPP;
    }
    default: {
      const own = file.ioctl(k, t, request, a.u(2)) ?? (file instanceof Socket ? interfaceIoctl(t, request, va) : undefined);
      if (own !== undefined) return own;
      return file.terminal === undefined ? -ERRNO.ENOTTY : terminalIoctl(k, t, file, file.terminal, request, va);
    }
  }
}

const giveInt = (t: Task, va: number, value: number): number => (t.memory.writeU32(va, value) ? 0 : -ERRNO.EFAULT);

function terminalIoctl(k: Kernel, t: Task, file: FileDescription, terminal: Terminal, request: number, va: number): SyscallResult {
  switch (request) {
    case IOCTL.TCGETS:
      return t.memory.write(va, terminal.termios) ? 0 : -ERRNO.EFAULT;
    case IOCTL.TCSETS:
    case IOCTL.TCSETSW:
    case IOCTL.TCSETSF: {
      const bytes = t.memory.read(va, TERMIOS.size);
      if (bytes === undefined) return -ERRNO.EFAULT;
      if (file.node instanceof PtySlaveNode) {
        if (request === IOCTL.TCSETSF) file.node.pty.flushInput();
        file.node.pty.setTermios(bytes);
      } else terminal.termios = bytes;
      return 0;
    }
    case IOCTL.TIOCGWINSZ:
      return t.memory.write(va, terminal.windowSize) ? 0 : -ERRNO.EFAULT;
    case IOCTL.TIOCSWINSZ: {
      const bytes = t.memory.read(va, WINSIZE.size);
      if (bytes === undefined) return -ERRNO.EFAULT;
      const changed = bytes.some((b, i) => b !== terminal.windowSize[i]);
      terminal.windowSize = bytes;
      if (changed && terminal.foregroundGroup !== 0) k.signalGroup(terminal.foregroundGroup, SIG.SIGWINCH);
      return 0;
    }
    case IOCTL.TIOCGPGRP:
      return giveInt(t, va, terminal.foregroundGroup === 0 ? t.pgid : terminal.foregroundGroup);
    case IOCTL.TIOCSPGRP: {
      const group = t.memory.readI32(va);
      if (group === undefined) return -ERRNO.EFAULT;
      if (group <= 0) return -ERRNO.EINVAL;
      if (![...k.tasks.values()].some((other) => other.pgid === group && other.sid === t.sid)) return -ERRNO.EPERM;
      terminal.foregroundGroup = group;
      return 0;
    }
    case IOCTL.TIOCGSID:
      return giveInt(t, va, t.sid);
    case IOCTL.TIOCSCTTY:
      if (t.sid !== t.tgid || (terminal.session !== 0 && terminal.session !== t.sid)) return -ERRNO.EPERM;
      takeTerminal(k, t.process, file.node, terminal);
      return 0;
    case IOCTL.TIOCNOTTY:
      t.process.terminal = 'none';
      return 0;
    case IOCTL.TCFLSH:
      // 0 input, 1 output, 2 both; the host's terminal keeps both
      if (va > 2) return -ERRNO.EINVAL;
      if (file.node instanceof PtySlaveNode) {
        if (va !== 1) file.node.pty.flushInput();
        if (va !== 0) file.node.pty.flushOutput();
      }
      return 0;
    case IOCTL.TCXONC:
    case IOCTL.TCSBRK:
    case IOCTL.TCSBRKP:
      return 0;
    case IOCTL.TIOCOUTQ:
      return giveInt(t, va, 0);
    default:
      if (file instanceof PtyMaster) return masterIoctl(t, file, request, va);
      return file.readable || file.writable ? -ERRNO.EINVAL : -ERRNO.EBADF;
  }
}

/** Requests of a pty's master. */
function masterIoctl(t: Task, file: PtyMaster, request: number, va: number): SyscallResult {
  const { pty } = file;
  switch (request) {
    case IOCTL.TIOCGPTN:
      return giveInt(t, va, pty.number);
    case IOCTL.TIOCGPTLCK:
      return giveInt(t, va, pty.locked ? 1 : 0);
    case IOCTL.TIOCSPTLCK: {
      const locked = t.memory.readI32(va);
      if (locked === undefined) return -ERRNO.EFAULT;
      pty.locked = locked !== 0;
      return 0;
    }
    case IOCTL.TIOCPKT: {
      const on = t.memory.readI32(va);
      if (on === undefined) return -ERRNO.EFAULT;
      pty.setPacketMode(on !== 0);
      return 0;
    }
    case IOCTL.TIOCGPKT:
      return giveInt(t, va, pty.packet ? 1 : 0);
    case IOCTL.TIOCGPTPEER: {
      const slave = file.slave.open(va);
      return typeof slave === 'number' ? slave : t.files.install(slave, (va & O.CLOEXEC) !== 0);
    }
    default:
      return -ERRNO.EINVAL;
  }
}

export const FILE_IOCTL_ROWS: readonly SyscallRow[] = [
  partial(
    'ioctl',
    ioctl,
    'terminal settings are remembered, the host’s terminal keeps its own; of sockets what tells of interfaces; no device or file system requests',
  ),
];
