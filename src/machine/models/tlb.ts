/** TLBs as generated code: 4 KiB pages, sets in order of use, a first level each for data and code, a second level for both. */
import { FunctionBuilder } from '#base/wasm/function.ts';
import { call, type FunctionRef, type ModuleBuilder } from '#base/wasm/module.ts';
import { add, and, eq, k32, mul, shl, type Val, wrap } from '#base/wasm/ops.ts';
import { EV } from '../retire.ts';
import { bump, charge, word } from './build.ts';
import { buildLookup, CAUSE } from './caches.ts';
import { DTLB, ITLB, STLB, WORD } from './memory.ts';

export interface TlbFunctions {
  /** (page i64, cause i32): an access or a fetch whose page is another than the last one's. */
  readonly data: FunctionRef;
  readonly code: FunctionRef;
}

const setOf = (table: number, page: Val, mask: number, ways: number): Val =>
  add(k32(table), shl(mul(and(wrap(page), word(mask)), word(ways)), k32(3)));

export function buildTlbs(m: ModuleBuilder): TlbFunctions {
  const lookup = m.add(buildLookup(8));
  const build = (first: (page: Val) => Val, events: (f: FunctionBuilder, hit: boolean) => void): FunctionRef => {
    const f = new FunctionBuilder(['i64', 'i32'], ['i32']);
    const page = f.param(0);
    f.if(first(page), () => f.return(k32(0)));
    f.if(word(WORD.STLB_WAYS), () => {
      f.if(call(lookup, setOf(STLB, page, WORD.STLB_MASK, WORD.STLB_WAYS), word(WORD.STLB_WAYS), page), () => {
        events(f, true);
        charge(f, WORD.COST_STLB);
        f.return(k32(0));
      });
    });
    events(f, false);
    charge(f, WORD.COST_WALK);
    f.return(k32(0));
    f.unreachable();
    return m.add(f);
  };
  return {
    data: build(
      (page) => call(lookup, setOf(DTLB, page, WORD.DTLB_MASK, WORD.DTLB_WAYS), word(WORD.DTLB_WAYS), page),
      (f, hit) =>
        f.if(
          eq(f.param(1), k32(CAUSE.STORE)),
          () => bump(f, hit ? EV.DTLB_STORE_STLB_HIT : EV.DTLB_STORE_WALK),
          () => bump(f, hit ? EV.DTLB_LOAD_STLB_HIT : EV.DTLB_LOAD_WALK),
        ),
    ),
    code: build(
      (page) => call(lookup, setOf(ITLB, page, WORD.ITLB_MASK, WORD.ITLB_WAYS), word(WORD.ITLB_WAYS), page),
      (f, hit) => bump(f, hit ? EV.ITLB_STLB_HIT : EV.ITLB_WALK),
    ),
  };
}
