/** Where things live in the engine's linear memory. Offsets in bytes. All little endian. */

/** Register file. Records hold byte offsets relative to REGS. */
export const REGS = 0x1000;
export const REG = {
  GPR: 0,
  /** Always zero: "no base", "no index", "no segment base". */
  ZERO: 128,
  FS_BASE: 136,
  GS_BASE: 144,
  KERNEL_GS_BASE: 152,
  RIP: 160,
  /** Lazy flags, see semantics/flags.ts. */
  FR: 168,
  FX: 176,
  FC: 184,
  /** RFLAGS without the six status flags. */
  RFLAGS: 192,
  CPL: 200,
  MXCSR: 204,
  CR2: 208,
  CR3: 216,
  /** i32 selectors; CS.RPL is the CPL. */
  CS: 224,
  SS: 228,
  ES: 232,
  DS: 236,
  FS: 240,
  GS: 244,
  XMM: 256,
} as const;
/** x87, offsets as in REG: R0 to R7 (physical; 16 bytes each, 10 used; an MMX register is the low 8), words, and the tag byte (1 = in use). */
export const FPU = { R0: 512, FCW: 640, FSW: 642, FTW: 644 } as const;
/** Bytes 16 to 31 of YMM0-15, 16 bytes each, as XSAVE keeps them; from a register's lower half to its upper one it is `UPPER` bytes. */
export const YMM_HIGH = 704;
export const UPPER = YMM_HIGH - REG.XMM;
/** Size of the part of the register file that a context switch saves. */
export const CONTEXT_BYTES = 960;

/** Mailbox between TypeScript and the generated code. */
export const CTL = 0x800;
export const BOX = {
  /** i32 instructions left in the slice. */
  INSTRUCTIONS: CTL + 0,
  /** i32 issue slots left in the slice; the last instruction may take it below zero. */
  SLOTS: CTL + 4,
  /** Packed sums of the slice: loads 20 | stores 20 | returns 16. */
  EVA: CTL + 8,
  /** cond 16 | jmp 16 | jmpInd 16 | call 16. */
  EVB: CTL + 16,
  /** condTaken 32 | callInd 32. */
  EVC: CTL + 24,
  /** i32 record and block at which execution stands. */
  REC: CTL + 32,
  BLK: CTL + 36,
  /** i64 target of a transfer. */
  TARGET: CTL + 40,
  REP_LIMIT: CTL + 48,
  REP_LOADS: CTL + 52,
  REP_STORES: CTL + 56,
  FAULT_VECTOR: CTL + 60,
  /** i64. */
  FAULT_ADDRESS: CTL + 64,
  FAULT_ERROR: CTL + 72,
  /** i32 base of the jump cache in use (user or kernel). */
  JUMP_CACHE: CTL + 76,
  /** Numbers of entries in the fill lists. */
  FILLS: CTL + 80,
  KERNEL_FILLS: CTL + 84,
  JUMP_FILLS: CTL + 88,
  /** i32: 1 while single records are stepped (only the current record is paid for). */
  STEPPING: CTL + 92,
  SYSTEM_OP: CTL + 96,
  /** i32 guest-physical page number of a store to translated code. */
  SMC_PAGE: CTL + 100,
  /** i64 argument of a system operation (effective address). */
  SYSTEM_ARG: CTL + 104,
  /** i32 host page of a page-crossing access: [first, second] and the offset; see tier0/memory.ts. */
  CROSS_FIRST: CTL + 112,
  CROSS_SECOND: CTL + 116,
  CROSS_LENGTH: CTL + 120,
  /** i32: slots of one REP iteration. */
  REP_COST: CTL + 124,
  /** i32: why a probe failed, RESULT.FAULT or RESULT.SMC. */
  PROBE_RESULT: CTL + 128,
  /** i64: size of guest-physical memory. */
  MEMORY_BYTES: CTL + 136,
  /** i64: hash of the taken transfers so far (trace variant only). */
  PATH: CTL + 144,
  /** i32: where the observer's log ends (observing variant only, see OBSERVED). */
  LOG: CTL + 152,
  /** i32: a block is entered only with the log's end at most here; else the log is drained first. */
  LOG_LIMIT: CTL + 156,
  /** i32: most slots that the models may add to one instruction; 0 unless misses cost time. */
  PENALTY: CTL + 160,
  /** i32: 1 while what retires is for the models; 0: perf's own work, which leaves them alone. */
  OBSERVE: CTL + 164,
  /** i32: 1 while the machine is so young that `hot` is not worth compiling: everything is stepped. */
  COLD: CTL + 168,
  /** i32: how many watchpoints there are (WATCH). */
  WATCH: CTL + 172,
  /** i32: 1 while accesses to watched bytes are noted in WATCH_HITS; else the instruction leaves before it. */
  WATCH_NOTES: CTL + 176,
  WATCH_HITS: CTL + 180,
  /** i32: 1 when the REP that stopped in its middle has done an iteration since it was entered. */
  REP_BEGUN: CTL + 184,
} as const;

/** A permanent record whose link leads to the block at which `hot` is to start. */
export const TRAMPOLINE = CTL + 0x100;
/** 32 bytes: a page-crossing operand is assembled here. Below every host address of guest memory. */
export const CROSS_BUFFER = CTL + 0x140;

/** Soft float: up to three vectors in, one vector out. */
export const SOFT = { A: CTL + 0x180, B: CTL + 0x190, RESULT: CTL + 0x1a0, C: CTL + 0x1b0 } as const;

/** Four watchpoints of {i64 first byte, i64 last byte, i32 accesses (1 read, 2 write; 0: none), i32 its bit in WATCH_HITS}, within a page each. */
export const WATCH = { TABLE: CTL + 0x200, BYTES: 32, FIRST: 0, LAST: 8, ACCESSES: 16, BIT: 20, COUNT: 4 } as const;

/**
 * Last branch records (machine/lbr). The recording code of the trace variant writes them itself, so that the newest one is there whenever a
 * slice ends, and nothing has to be drained.
 */
export const LBR = {
  /** i32: which branches are taken in, see LBR_CAPTURE; 0 = none. */
  CAPTURE: 0x2000,
  /** i32 index of the newest record. */
  TOS: 0x2004,
  /** i32 depth − 1. */
  MASK: 0x2008,
  /** i64: slots since power-on at the slice's start + its budget; less the slots left it is the time of now. */
  BASE: 0x2010,
  /** i64: slots since power-on at the last record (or removal). */
  LAST: 0x2018,
  /** 32 records of {i64 from, i64 to, i64 meta, i64 value}. */
  RECORDS: 0x2100,
} as const;
export const LBR_RECORD = {
  FROM: 0,
  TO: 8,
  /** slots since power-on << 8 | LBR_MISPREDICTED | LBR_META | kind; LBR_WRITTEN: `VALUE` is the INFO word as software wrote it; 0: nothing was recorded. */
  META: 16,
  /** Slots since power-on at the record before. */
  VALUE: 24,
  BYTES: 32,
} as const;
export const LBR_META = 0x10;
export const LBR_WRITTEN = 0x20;
export const LBR_MISPREDICTED = 0x40;
/** LBR.CAPTURE: bit k = branches of kind k (arch/lbr.ts BRANCH). */
export const LBR_CAPTURE = {
  /** Returns take the newest record away. */
  POP: 1 << 16,
  /** Direct calls of the next instruction are no calls. */
  NO_ZERO_CALLS: 1 << 17,
} as const;

/** Data TLBs: 4096 entries of {i64 linear page, i32 host − linear, i32}. Direct-mapped by linear page number. */
export const TLB_READ = 0x10000;
export const TLB_WRITE = 0x20000;
export const TLB_BYTES = 0x10000;
/** Slots filled since the last flush (i32 addresses), and those that hold supervisor pages. */
export const FILL_LIST = 0x30000;
export const FILL_MAX = 4096;
export const KERNEL_FILL_LIST = 0x34000;
export const KERNEL_FILL_MAX = 2048;
export const JUMP_FILL_LIST = 0x36000;
export const JUMP_FILL_MAX = 8192;
/** Instruction classes: 32 bytes each, {i64 cost = instructions << 32 | slots, i64 evA, i64 evB, i64 arithmetic}. */
export const CLASSES = 0x40000;
export const CLASS_BYTES = 32;
export const CLASS_MAX = 4096;
/** Jump caches: 16384 entries of {i64 rip, i32 block, i32}. */
export const JUMP_CACHE_USER = 0x80000;
export const JUMP_CACHE_KERNEL = 0xc0000;
export const JUMP_CACHE_BYTES = 0x40000;
/** One byte per guest-physical page: 1 = translated code was read from it. */
export const CODE_FLAGS = 0x100000;
/** Blocks and records. */
export const CODE = 0x200000;
export const CODE_BYTES = 0x4000000;
/** Tables and log of the observing models (machine/models/memory.ts). Untouched, and so no memory of the host's, while nothing observes. */
export const MODELS = CODE + CODE_BYTES;
export const MODELS_BYTES = 0x1000000;
/** Guest-physical address 0. */
export const PHYSICAL = MODELS + MODELS_BYTES;

/**
 * A block: header, records, possibly a closing `fall` record. PLACE: i32 host address of its first byte; SPAN: i32, bytes in bits 11:0,
 * guest-physical number of the second page in 31:12 (of a page-crossing block). ARITHMETIC: i64, a byte for each of decode/arithmetic.ts's fields; only
 * the observing variant looks at it.
 */
export const BLOCK = { COST: 0, EVA: 8, EVB: 16, RIP: 24, PLACE: 32, SPAN: 36, ARITHMETIC: 40, BYTES: 48 } as const;
/** Offset of a class's sums of arithmetic. */
export const CLASS_ARITHMETIC = 24;

/** A record: one pre-decoded instruction. */
export const RECORD = {
  /** u16 case in the hot function; 0 = only as a function. */
  HOT: 0,
  /** u16 table index of the instruction's own function. */
  FUNCTION: 2,
  /** u16 register operands, offsets into the register file. */
  OP0: 4,
  OP1: 6,
  BASE: 8,
  INDEX: 10,
  /** u8: bits 1:0 scale, 7 = RIP-relative (disp is relative to the block's RIP), 6 = 32-bit address. */
  SCALE: 12,
  LENGTH: 13,
  SEGMENT: 14,
  /** i32 displacement, or the distance of a direct branch. */
  DISP: 16,
  /** u16 distance of the instruction from the block's RIP. */
  OFFSET: 20,
  CLASS: 22,
  /** i64 immediate; branches: i32 block when taken, i32 block behind it (0 = not linked). */
  IMM: 24,
  TAKEN: 24,
  FALL: 28,
  BYTES: 32,
} as const;
export const SCALE_RIP = 0x80;
export const SCALE_ADDR32 = 0x40;

/**
 * The observer's log: what retired, in order, for the models to look at when it is drained. Entries of 16 bytes: {i64 value << 8 | detail << 3 |
 * type, i32, i32}. An instruction writes behind the end and moves the end when it cannot leave any more, so that a restarted one is logged once.
 */
export const OBSERVED = {
  /** value: linear address; detail: size − 1; host address, record. */
  LOAD: 0,
  STORE: 1,
  /** Page-crossing: the second page's host address is in the next 16 bytes, +8. */
  CROSS_LOAD: 2,
  CROSS_STORE: 3,
  /** value: target when indirect; detail: kind << 1 | taken; slots left, record. */
  BRANCH: 4,
  /** A block was entered and paid for; block. */
  BLOCK: 5,
  /** A single record was stepped; block, record. */
  STEP: 6,
  /** detail 0: the block stopped before this record; record. Else bulk iterations: value: source, detail: 1 | log2 width << 1 | MOVS << 3; next entry: value: target, +8 host address, +12 number. */
  OTHER: 7,
  BYTES: 16,
} as const;

/** The path hash: h ← (h ^ target) × this (FNV-1a's 64-bit prime). */
export const PATH_PRIME = 0x100_0000_01b3n;

/** What a record's function returns; from LEAVE on the generated code goes back to TypeScript. */
export const RESULT = {
  NEXT: 0,
  JUMP: 1,
  FAULT: 2,
  SYSTEM: 3,
  REP_MORE: 4,
  SMC: 5,
  /** TARGET has no block yet. */
  RESOLVE: 6,
  BUDGET: 7,
  /** hot → run: execute REC by its function. */
  RUN_FUNCTION: 8,
  /** step → go: the block is finished. */
  STEPPED: 9,
  /** hot → run: the log is full; `blk` is to be entered. */
  DRAIN: 10,
  /** The next access is to watched bytes (BOX.WATCH). */
  WATCH: 11,
} as const;
