/** The System V IPC objects of the machine. */
import { IPC_LIMIT } from '#abi/ipc.ts';
import type { Process } from '../task/process.ts';
import type { MemoryFile } from '../vfs/memory-file.ts';
import { type IpcObject, IpcRegistry } from './registry.ts';

export interface SharedMemory extends IpcObject {
  readonly file: MemoryFile;
  readonly size: number;
  /** Mappings of it. */
  attached: number;
  atimeNs: bigint;
  dtimeNs: bigint;
  ctimeNs: bigint;
  readonly creatorPid: number;
  lastPid: number;
}

export interface Semaphores extends IpcObject {
  readonly values: Uint16Array;
  /** Who changed each one last. */
  readonly pids: Int32Array;
  /** What is to be added when a process ends (SEM_UNDO). */
  readonly undo: Map<Process, Int32Array>;
  /** Sleepers: which semaphore of theirs is in the way, and whether they wait for zero. */
  readonly sleepers: Set<{ number: number; zero: boolean }>;
  otimeNs: bigint;
  ctimeNs: bigint;
}

export interface Mail {
  readonly type: bigint;
  readonly bytes: Uint8Array;
}
export interface MessageQueue extends IpcObject {
  readonly mails: Mail[];
  bytes: number;
  limit: number;
  stimeNs: bigint;
  rtimeNs: bigint;
  ctimeNs: bigint;
  lastSender: number;
  lastReceiver: number;
}

export class Ipc {
  readonly memory: IpcRegistry<SharedMemory> = new IpcRegistry(IPC_LIMIT.SHMMNI);
  /** Segments by the key of their pages, to find from a mapping which one it shows. */
  readonly segments = new Map<string, SharedMemory>();
  readonly semaphores: IpcRegistry<Semaphores> = new IpcRegistry(IPC_LIMIT.SEMMNI);
  readonly queues: IpcRegistry<MessageQueue> = new IpcRegistry(IPC_LIMIT.MSGMNI);

  /** exit_sem: a process takes back what it did with SEM_UNDO. */
  ended(process: Process): void {
    for (const set of this.semaphores.all) {
      const adjust = set.undo.get(process);
      if (adjust === undefined) continue;
      set.undo.delete(process);
      for (const [i, n] of adjust.entries()) {
        if (n === 0) continue;
        set.values[i] = Math.max(0, Math.min(IPC_LIMIT.SEMVMX, (set.values[i] as number) + n));
        set.pids[i] = process.pid;
      }
    }
  }
}
