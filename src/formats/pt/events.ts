/** What a trace says besides the path: events. One flat record type, so that they can be stored, printed and sent to a worker. */

/** Kinds of events. `at` … the IP in `ip`; `to` … the IP in `to`. */
export type PtEventKind =
  /** Decoding (re)starts at a PSB; `ip` if tracing was on there. */
  | 'sync'
  /** Tracing was switched on, goes on at `ip`. */
  | 'enabled'
  /** Tracing was switched off by the instruction before; it goes on at `to` (absent: not told). */
  | 'disabled'
  /** Tracing was switched off at `ip`, before that instruction; then `to` (absent: not told). */
  | 'asyncDisabled'
  /** Interrupt or the like before the instruction at `ip`; goes on at `to`. */
  | 'asyncBranch'
  /** Packets were lost inside the processor; goes on at `ip` (absent: tracing is off). */
  | 'overflow'
  /** Execution mode, `value`: 16, 32 or 64. */
  | 'mode'
  /** CR3 `value` and `nonRoot`; binds to an instruction (sync) or to the IP. */
  | 'paging'
  | 'asyncPaging'
  /** VMCS base `value`. */
  | 'vmcs'
  | 'asyncVmcs'
  /** Transaction: `inTx`, `abort`. */
  | 'tsx'
  /** TraceStop: the trace entered a stop range. */
  | 'stop'
  | 'ptwrite'
  | 'cbr'
  | 'exstop'
  | 'mwait'
  | 'pwre'
  | 'pwrx'
  /** Maintenance packet, raw `value`. */
  | 'mnt'
  /** A group of BIP items between BBP and BEP (PEBS through PT); `value`: block type. */
  | 'block'
  /** Control flow event; `value`: type; `vector`; with event data in `items`. */
  | 'cfe'
  /** The trace's clock moved (`tsc`); only on request. */
  | 'time'
  /** Status update in the middle of the trace. */
  | 'psb'
  /** The bytes or the flow make no sense at `offset`; `cause` says why. Decoding goes on at the next PSB. */
  | 'error'
  /** Not covered by decoding, from `offset` for `size` bytes; `cause` says why. */
  | 'gap';

export interface PtEvent {
  readonly kind: PtEventKind;
  /** Byte offset in the trace of the packet that says so. */
  readonly offset: number;
  ip?: bigint;
  to?: bigint;
  value?: bigint;
  /** PTWRITE: 4 or 8 bytes. Gap: bytes. */
  size?: number;
  nonRoot?: boolean;
  inTx?: boolean;
  abort?: boolean;
  vector?: number;
  items?: readonly { readonly id: number; readonly value: bigint }[];
  cause?: string;
  /** Set by the flow: TSC at the event, when the trace has time. */
  tsc?: bigint;
  /** Status update of a PSB+: what it holds. */
  psb?: PsbState;
}

/** What a PSB+ tells. */
export interface PsbState {
  ip: bigint | undefined;
  /** Offset just after PSBEND. */
  end: number;
  /** Bits: 16, 32, 64. */
  mode: number | undefined;
  cr3: bigint | undefined;
  nonRoot: boolean;
  vmcs: bigint | undefined;
  tsx: { readonly inTx: boolean; readonly abort: boolean } | undefined;
}
