/** Why `Cpu.run` came back. */
export type Exit =
  /** A gate (arch/gate.ts) retired at CPL 0; RIP is behind it. */
  | { readonly kind: 'gate'; readonly gate: number }
  /** The instruction limit given to `run` is used up, exactly. */
  | { readonly kind: 'budget' }
  /** HLT with nothing that could ever wake the processor (no timer armed, no interrupt pending). */
  | { readonly kind: 'halt' }
  /** Triple fault: an exception could not be delivered. `what` says which, where. */
  | { readonly kind: 'shutdown'; readonly what: string };
