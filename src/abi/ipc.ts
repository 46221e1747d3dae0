/** System V IPC. include/uapi/linux/{ipc,shm,sem,msg}.h and asm-generic/{ipcbuf,shmbuf,sembuf,msgbuf}.h for x86-64. */
export const IPC = { PRIVATE: 0, CREAT: 0o1000, EXCL: 0o2000, NOWAIT: 0o4000, RMID: 0, SET: 1, STAT: 2, INFO: 3 } as const;
export const SHM = {
  RDONLY: 0o10000,
  RND: 0o20000,
  REMAP: 0o40000,
  EXEC: 0o100000,
  DEST: 0o1000,
  LOCK: 11,
  UNLOCK: 12,
  STAT: 13,
  INFO: 14,
  STAT_ANY: 15,
  SIZE: 112,
} as const;
export const SEM = {
  UNDO: 0x1000,
  GETPID: 11,
  GETVAL: 12,
  GETALL: 13,
  GETNCNT: 14,
  GETZCNT: 15,
  SETVAL: 16,
  SETALL: 17,
  STAT: 18,
  INFO: 19,
  STAT_ANY: 20,
  SIZE: 104,
} as const;
export const MSG_IPC = {
  NOERROR: 0o10000,
  EXCEPT: 0o20000,
  COPY: 0o40000,
  STAT: 11,
  INFO: 12,
  STAT_ANY: 13,
  SIZE: 120,
} as const;
/** Limits as 6.12 has them without settings; ipc_namespaces. */
export const IPC_LIMIT = {
  IDS: 32768,
  SHMMNI: 4096,
  SEMMNI: 32000,
  SEMMSL: 32000,
  SEMOPM: 500,
  SEMVMX: 32767,
  MSGMNI: 32000,
  MSGMAX: 8192,
  MSGMNB: 16384,
} as const;
/** struct ipc64_perm. */
export const IPC_PERM = 48;
