/** Address → "symbol+0x10 (dso)" for one thread, with what was found kept. */
import { encodeUtf8 } from '#base/utf8.ts';
import type { ResolvedSymbol, SymbolResolver } from '../symbols-port.ts';
import type { MapEntry } from './address-map.ts';

const TWO32 = 0x1_0000_0000;
const MAX_CACHED = 200_000;

export interface SuffixOptions {
  readonly sym: boolean;
  readonly symoff: boolean;
  readonly dso: boolean;
}

export class AddressNamer {
  readonly #resolver: SymbolResolver | undefined;
  readonly #unknown = new Map<MapEntry | undefined, Uint8Array>();
  readonly #known = new Map<MapEntry, Map<number, Uint8Array>>();
  #cached = 0;
  #lastMap: MapEntry | undefined;
  #lastBytes: Uint8Array | undefined;
  readonly #options: SuffixOptions;

  constructor(resolver: SymbolResolver | undefined, options: SuffixOptions) {
    this.#resolver = resolver;
    this.#options = options;
  }

  symbol(map: MapEntry | undefined, hi: number, lo: number, pid: number): ResolvedSymbol | undefined {
    if (map === undefined) return undefined;
    const address = (BigInt(hi) << 32n) | BigInt(lo);
    if (map.symbol !== undefined) return { name: map.symbol, offset: address - map.start };
    return this.#resolver?.resolve(map.dso, map.dso.kernel ? address : address - map.start + map.pgoff, pid);
  }

  /** " name+0xoff (dso)" in UTF-8, the parts that the options ask for. */
  suffix(map: MapEntry | undefined, hi: number, lo: number, pid: number): Uint8Array {
    if (map === undefined || (this.#resolver === undefined && map.symbol === undefined)) {
      if (map !== undefined && map === this.#lastMap) return this.#lastBytes as Uint8Array;
      let bytes = this.#unknown.get(map);
      if (bytes === undefined) {
        bytes = this.#text(map, undefined);
        this.#unknown.set(map, bytes);
      }
      this.#lastMap = map;
      this.#lastBytes = bytes;
      return bytes;
    }
    let known = this.#known.get(map);
    if (known === undefined) {
      known = new Map();
      this.#known.set(map, known);
    }
    const key = (hi - map.startHi) * TWO32 + lo - map.startLo;
    let bytes = known.get(key);
    if (bytes === undefined) {
      bytes = this.#text(map, this.symbol(map, hi, lo, pid));
      if (++this.#cached > MAX_CACHED) {
        this.#known.clear();
        this.#cached = 0;
      }
      known.set(key, bytes);
    }
    return bytes;
  }

  #text(map: MapEntry | undefined, symbol: ResolvedSymbol | undefined): Uint8Array {
    let out = '';
    if (this.#options.sym) {
      if (symbol === undefined) out += ' [unknown]';
      else out += ` ${symbol.name}${this.#options.symoff ? `+0x${symbol.offset.toString(16)}` : ''}`;
    }
    if (this.#options.dso) out += ` (${map?.dso.name ?? '[unknown]'})`;
    return encodeUtf8(out);
  }
}
