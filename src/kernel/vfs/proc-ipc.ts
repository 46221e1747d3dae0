/** /proc/sysvipc: what there is of System V IPC (ipc/msg.c, sem.c, shm.c *_proc_show). Ids of users are as they are: there are no user name spaces. */
import { PAGE_SIZE } from '#abi/mman.ts';
import type { Ipc } from '../ipc/ipc.ts';
import type { IpcObject } from '../ipc/registry.ts';

const SECOND = 1_000_000_000n;
const column = (value: number | bigint, width: number): string => String(value).padStart(width);
const time = (ns: bigint): string => column(ns / SECOND, 10);
const head = (o: IpcObject): string => `${column(o.key | 0, 10)} ${column(o.id, 10)}  ${o.mode.toString(8).padStart(4)} `;
const owners = (o: IpcObject): string => [o.uid, o.gid, o.creatorUid, o.creatorGid].map((id) => column(id, 5)).join(' ');

export function messageQueues({ queues }: Ipc): string {
  const rows = queues.all.map((q) => {
    const counts = `${column(q.bytes, 11)} ${column(q.mails.length, 10)} ${column(q.lastSender, 5)} ${column(q.lastReceiver, 5)}`;
    return `${head(q)}${counts} ${owners(q)} ${time(q.stimeNs)} ${time(q.rtimeNs)} ${time(q.ctimeNs)}\n`;
  });
  const title = '       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n';
  return title + rows.join('');
}

export function semaphores({ semaphores: sets }: Ipc): string {
  const rows = sets.all.map((s) => `${head(s)}${column(s.values.length, 10)} ${owners(s)} ${time(s.otimeNs)} ${time(s.ctimeNs)}\n`);
  return `       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n${rows.join('')}`;
}

/** Every page of a segment counts as resident: nothing is swapped, and which were touched is not told apart. */
export function sharedMemory({ memory }: Ipc): string {
  const rows = memory.all.map((s) => {
    const counts = `${column(s.size, 21)} ${column(s.creatorPid, 5)} ${column(s.lastPid, 5)}  ${column(s.attached, 5)}`;
    const pages = Math.ceil(s.size / PAGE_SIZE) * PAGE_SIZE;
    return `${head(s)}${counts} ${owners(s)} ${time(s.atimeNs)} ${time(s.dtimeNs)} ${time(s.ctimeNs)} ${column(pages, 21)} ${column(0, 21)}\n`;
  });
  const title =
    '       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime' +
    '                   rss                  swap\n';
  return title + rows.join('');
}
