/** Restartable sequences. include/uapi/linux/rseq.h. */

/** struct rseq. `END` is what AT_RSEQ_FEATURE_SIZE would tell; `ORIGINAL` the size that C libraries register. */
export const RSEQ = { CPU_ID_START: 0, CPU_ID: 4, CS: 8, FLAGS: 16, NODE_ID: 20, MM_CID: 24, END: 28, ORIGINAL: 32 } as const;
export const RSEQ_FLAG_UNREGISTER = 1;
/** RSEQ_CPU_ID_UNINITIALIZED: what unregistering leaves in cpu_id. */
export const RSEQ_UNINITIALIZED = 0xffff_ffff;
/** struct rseq_cs. */
export const RSEQ_CS = { VERSION: 0, FLAGS: 4, START_IP: 8, POST_COMMIT_OFFSET: 16, ABORT_IP: 24, SIZE: 32 } as const;
