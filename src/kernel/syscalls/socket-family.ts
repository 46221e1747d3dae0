/** What the socket calls ask of a family: its addresses, and who is reached through them. */
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import type { Transfer } from '../vfs/file-description.ts';
import type { Message, PeerCredentials, Socket } from '../vfs/socket.ts';
import type { SyscallResult } from './types.ts';

export interface SocketFamily<S extends Socket = Socket> {
  /** socket(2); `flags`: O_NONBLOCK or 0. */
  make(k: Kernel, t: Task, type: number, protocol: number, flags: number): S | number;
  /** A sockaddr as Message.from has it, or -errno. */
  readAddress(t: Task, va: number, length: number): string | number;
  /** The sockaddr that tells a program of `address`. */
  addressBytes(s: S, address: string): Uint8Array;
  bind(k: Kernel, t: Task, s: S, address: string): SyscallResult;
  connect(k: Kernel, t: Task, s: S, address: string): SyscallResult;
  /** `to` undefined: the peer. */
  send(k: Kernel, t: Task, s: S, message: Message, dontWait: boolean, to: string | undefined): Transfer;
  /** recvfrom and recvmsg say who sent. */
  tellsSender(s: S): boolean;
}

export const credentialsOf = (t: Task): PeerCredentials => ({ pid: t.tgid, uid: t.credentials.euid, gid: t.credentials.egid });
