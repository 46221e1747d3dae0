/** What a tool over a recording asks of symbols. src/formats/symbols implements it; without an implementation everything is [unknown]. */
import type { Dso } from './perf-data/address-map.ts';

export interface ResolvedSymbol {
  readonly name: string;
  /** Bytes from the start of the symbol. */
  readonly offset: bigint;
  /** Bytes of the symbol, where the resolver knows them. */
  readonly size?: bigint;
}

export interface SymbolResolver {
  /**
   * The symbol at an address. `address` is the offset in the file for user code (ip - map start + pgoff),
   * the virtual address for the kernel and its modules. `pid` names perf-PID.map for code that was made at run time.
   */
  resolve(dso: Dso, address: bigint, pid: number): ResolvedSymbol | undefined;
}
