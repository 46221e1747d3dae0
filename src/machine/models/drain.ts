/**
 * Drains the observer's log (engine/layout.ts OBSERVED): every access, fetch and branch that retired goes through the models, in program order,
 * and taken branches enter the last branch records. Everything is generated code on tables in linear memory. A line of code is fetched when
 * execution comes to another line than the last one; so nothing depends on where blocks begin or slices end.
 */
import { BRANCH } from '#arch/lbr.ts';
import { FunctionBuilder, type Local } from '#base/wasm/function.ts';
import { call, type FunctionRef, type ModuleBuilder } from '#base/wasm/module.ts';
import {
  add,
  and,
  eq,
  eqz,
  extS,
  extU,
  geU,
  gtU,
  k32,
  k64,
  load,
  ltU,
  mul,
  ne,
  or,
  select,
  shl,
  shrS,
  shrU,
  sub,
  type Val,
  wrap,
  xor,
} from '#base/wasm/ops.ts';
import * as L from '../engine/layout.ts';
import { ARITHMETIC_FIELDS } from '../engine/decode/arithmetic.ts';
import { recordBranch } from '../engine/tier0/record-branch.ts';
import { EV } from '../retire.ts';
import { bump, countOf, setWord, word, word64 } from './build.ts';
import { buildCaches, type CacheFunctions, CAUSE, l1dSet, l1iSet } from './caches.ts';
import { DTLB, LINE_SHIFT, LOG, NO_ADDRESS, WORD } from './memory.ts';
import { buildPredictor, conditional } from './predictor.ts';
import { buildTlbs, type TlbFunctions } from './tlb.ts';

const LINE = 1 << LINE_SHIFT;
const lineOf = (host: Val): Val => shrU(sub(host, k32(L.PHYSICAL)), k32(LINE_SHIFT));

/** (linear i64, host i32): the line is needed for execution. */
function buildFetch(m: ModuleBuilder, caches: CacheFunctions, tlbs: TlbFunctions): FunctionRef {
  const f = new FunctionBuilder(['i64', 'i32'], ['i32']);
  const line = f.let(lineOf(f.param(1)));
  f.if(eq(line, word(WORD.CODE_LINE)), () => f.return(k32(0)));
  setWord(f, WORD.CODE_LINE, line);
  const page = f.let(shrS(f.param(0), k64(12)));
  f.if(ne(page, word64(WORD.CODE_PAGE)), () => {
    f.store(8, k32(WORD.CODE_PAGE), page);
    f.drop(call(tlbs.code, page, k32(CAUSE.CODE)));
  });
  const set = f.let(l1iSet(line));
  f.if(eq(load('i32', 4, set), line), () => f.return(k32(0)));
  f.if(eqz(call(caches.lookup, set, word(WORD.L1I_WAYS), line)), () => {
    bump(f, EV.L1I_MISS);
    f.drop(call(caches.beyond, line, k32(CAUSE.CODE)));
  });
  f.return(k32(0));
  f.unreachable();
  return m.add(f);
}

/** (line i32, cause i32) → level that had it, 1 to 4. */
function buildDataLine(m: ModuleBuilder, caches: CacheFunctions): FunctionRef {
  const f = new FunctionBuilder(['i32', 'i32'], ['i32']);
  const [line, cause] = [f.param(0), f.param(1)];
  setWord(f, WORD.DATA_LINE, line);
  const set = f.let(l1dSet(line));
  f.if(eq(load('i32', 4, set), line), () => f.return(k32(1)));
  f.if(call(caches.lookup, set, word(WORD.L1D_WAYS), line), () => f.return(k32(1)));
  bump(f, EV.L1D_REPLACEMENT);
  f.if(eq(cause, k32(CAUSE.STORE)), () => bump(f, EV.L1D_RFO));
  f.return(call(caches.beyond, line, cause));
  f.unreachable();
  return m.add(f);
}

/** (level i32, cause i32): an instruction's access was served by a level beyond the first. */
function buildMissed(m: ModuleBuilder): FunctionRef {
  const f = new FunctionBuilder(['i32', 'i32'], ['i32']);
  const level = f.param(0);
  f.if(
    eq(f.param(1), k32(CAUSE.STORE)),
    () => bump(f, EV.STORE_L1_MISS),
    () => {
      bump(f, EV.LOAD_L1_MISS);
      f.if(gtU(level, k32(2)), () => bump(f, EV.LOAD_L2_MISS));
      f.if(gtU(level, k32(3)), () => bump(f, EV.LOAD_LLC_MISS));
    },
  );
  f.return(k32(0));
  f.unreachable();
  return m.add(f);
}

/** (sums i64): a block's, or a record's, arithmetic. */
function buildArithmetic(m: ModuleBuilder): FunctionRef {
  const f = new FunctionBuilder(['i64'], ['i32']);
  for (let field = 0; field < ARITHMETIC_FIELDS; field++) {
    const at = countOf(EV.FP_SCALAR_DOUBLE + field);
    setWord(f, at, add(word(at), and(wrap(shrU(f.param(0), k64(8 * field))), k32(255))));
  }
  f.return(k32(0));
  f.unreachable();
  return m.add(f);
}

/** (linear i64, host i32, last byte i32, cause i32) → level: one access within one page, a line or two. */
function buildAccess(m: ModuleBuilder, dataLine: FunctionRef, tlbs: TlbFunctions): FunctionRef {
  const f = new FunctionBuilder(['i64', 'i32', 'i32', 'i32'], ['i32']);
  const [va, host, last, cause] = [f.param(0), f.param(1), f.param(2), f.param(3)];
  const page = f.let(shrS(va, k64(12)));
  f.if(ne(page, word64(WORD.DATA_PAGE)), () => {
    f.store(8, k32(WORD.DATA_PAGE), page);
    // The newest entry of the set, looked at here: the usual case.
    const slot = shl(and(wrap(page), word(WORD.DTLB_MASK)), k32(3));
    const ways = word(WORD.DTLB_WAYS);
    f.if(ne(load('i64', 8, mul(slot, ways), DTLB), page), () => f.drop(call(tlbs.data, page, cause)));
  });
  const first = f.let(lineOf(host));
  const end = f.let(lineOf(add(host, last)));
  const level = f.variable(k32(1));
  f.if(ne(first, word(WORD.DATA_LINE)), () => f.set(level, call(dataLine, first, cause)));
  f.if(ne(first, end), () => {
    const second = f.let(call(dataLine, end, cause));
    f.set(level, select(gtU(second, f.get(level)), second, f.get(level)));
  });
  f.return(f.get(level));
  f.unreachable();
  return m.add(f);
}
/** drain(observe i32) → slots that misses cost. Without `observe` (perf's own work) only the last branch records see the log. */
export function buildDrain(m: ModuleBuilder): FunctionRef {
  const caches = buildCaches(m);
  const tlbs = buildTlbs(m);
  const fetch = buildFetch(m, caches, tlbs);
  const dataLine = buildDataLine(m, caches);
  const access = buildAccess(m, dataLine, tlbs);
  const missed = buildMissed(m);
  const predict = buildPredictor(m);
  const arithmetic = buildArithmetic(m);

  const f = new FunctionBuilder(['i32'], ['i32']);
  const observe = f.param(0);
  const at = f.local('i32');
  const end = f.local('i32');
  const head = f.local('i64');
  const block = f.local('i32');
  /** Bytes of the block that are to be fetched, and the offset of its first line that was not yet. */
  const span = f.local('i32');
  const fetched = f.local('i32');
  /** Addresses in the lines of the last access and the last fetch. */
  const lastData = f.local('i64');
  const lastCode = f.local('i64');
  const capture = f.local('i32');
  /** Does [va, va + more] lie in the line of `last`? */
  const inLine = (last: Local, va: Val, more: Val): Val =>
    eqz(shrU(or(xor(va, f.get(last)), xor(add(va, extU(more)), f.get(last))), k64(LINE_SHIFT)));
  const field = (offset: number): Val => load('i32', 4, f.get(at), offset);
  const value = (): Val => shrS(f.get(head), k64(8));
  const detail = (): Val => and(wrap(shrU(f.get(head), k64(3))), k32(31));
  const offsetOf = (rec: Val): Val => load('i32', 2, rec, L.RECORD.OFFSET);
  const endOf = (rec: Val): Val => add(offsetOf(rec), load('i32', 1, rec, L.RECORD.LENGTH));

  /** Fetches the block's lines up to the byte before `to`. */
  const fetchTo = (to: Val): void =>
    f.if(ltU(f.get(fetched), to), () => {
      const goal = f.let(to);
      f.loop((again) => {
        const linear = f.let(add(load('i64', 8, f.get(block), L.BLOCK.RIP), extU(f.get(fetched))));
        const inPage = f.let(add(and(load('i32', 4, f.get(block), L.BLOCK.PLACE), k32(4095)), f.get(fetched)));
        const first = add(load('i32', 4, f.get(block), L.BLOCK.PLACE), f.get(fetched));
        const second = add(add(k32(L.PHYSICAL), and(load('i32', 4, f.get(block), L.BLOCK.SPAN), k32(~4095))), sub(inPage, k32(4096)));
        f.drop(call(fetch, linear, select(ltU(inPage, k32(4096)), first, second)));
        f.set(lastCode, linear);
        f.set(fetched, add(f.get(fetched), sub(k32(LINE), and(inPage, k32(LINE - 1)))));
        f.brIf(again, ltU(f.get(fetched), goal));
      });
      // An inclusive last level may have thrown the line of the last access out.
      f.if(eq(word(WORD.DATA_LINE), k32(-1)), () => f.set(lastData, k64(NO_ADDRESS)));
    });
  const finish = (): void => {
    fetchTo(f.get(span));
  };
  /** The instruction of `rec` (0: none) was fetched before it did anything. */
  const reach = (rec: Val): void => f.if(ltU(f.get(fetched), f.get(span)), () => f.if(rec, () => fetchTo(f.let(endOf(rec)))));
  const retired = (sums: Val): void =>
    f.if(observe, () =>
      f.scope(() => {
        const s = f.let(sums);
        f.if(ne(s, k64(0)), () => f.drop(call(arithmetic, s)));
      }),
    );
  const enterBlock = (b: Val): void => {
    f.set(block, b);
    f.set(fetched, k32(0));
    f.set(span, and(load('i32', 4, f.get(block), L.BLOCK.SPAN), k32(4095)));
    // The line that was fetched last: nothing is to be done.
    const rip = load('i64', 8, f.get(block), L.BLOCK.RIP);
    f.if(inLine(lastCode, rip, sub(f.get(span), k32(1))), () => f.set(fetched, f.get(span)));
  };
  const afterAccess = (va: Val): void => {
    f.set(lastData, va);
    f.if(eq(word(WORD.CODE_LINE), k32(-1)), () => f.set(lastCode, k64(NO_ADDRESS)));
  };

  const walksOf = (cause: number): Val => word(countOf(cause === CAUSE.STORE ? EV.DTLB_STORE_WALK : EV.DTLB_LOAD_WALK));
  /** Does [va, va + more] lie in two lines? */
  const splits = (va: Val, more: Val): Val => ne(shrU(xor(va, add(va, extU(more))), k64(LINE_SHIFT)), k64(0));
  /** An instruction's own access: did it walk (`walks`: how often one had before), did it touch two lines? */
  const own = (rec: Val, cause: number, walks: Local, split: Val): void =>
    f.if(rec, () => {
      const store = cause === CAUSE.STORE;
      f.if(ne(walksOf(cause), f.get(walks)), () => bump(f, store ? EV.STORE_STLB_MISS : EV.LOAD_STLB_MISS));
      f.if(split, () => bump(f, store ? EV.SPLIT_STORE : EV.SPLIT_LOAD));
    });

  const data = (cause: number, crosses: boolean): void => {
    const rec = f.let(field(12));
    reach(rec);
    const size = f.let(detail());
    const linear = f.let(value());
    const level = f.variable(k32(1));
    const walks = f.variable(k32(0));
    if (crosses) {
      f.set(walks, walksOf(cause));
      const n = f.let(sub(k32(4095), and(wrap(linear), k32(4095))));
      f.set(level, call(access, linear, field(8), n, k32(cause)));
      const rest = f.let(add(linear, extU(add(n, k32(1)))));
      const second = f.let(call(access, rest, field(24), sub(sub(size, n), k32(1)), k32(cause)));
      own(rec, cause, walks, k32(1));
      f.set(level, select(gtU(second, f.get(level)), second, f.get(level)));
      f.set(at, add(f.get(at), k32(L.OBSERVED.BYTES)));
      afterAccess(add(linear, extU(size)));
      f.if(and(ne(f.get(level), k32(1)), ne(rec, k32(0))), () => f.drop(call(missed, f.get(level), k32(cause))));
      return;
    }
    // Most accesses are to the line of the last one.
    f.if(eqz(inLine(lastData, linear, size)), () => {
      f.set(walks, walksOf(cause));
      f.set(level, call(access, linear, field(8), size, k32(cause)));
      own(rec, cause, walks, splits(linear, size));
      afterAccess(add(linear, extU(size)));
      f.if(and(ne(f.get(level), k32(1)), ne(rec, k32(0))), () => f.drop(call(missed, f.get(level), k32(cause))));
    });
  };

  const bulk = (): void => {
    const rec = f.let(field(12));
    reach(rec);
    const width = f.let(shl(k32(1), and(shrU(detail(), k32(1)), k32(3))));
    const moves = f.let(and(detail(), k32(8)));
    const source = f.variable(value());
    const sourceHost = f.variable(field(8));
    const target = f.variable(load('i64', 8, f.get(at), 16));
    const targetHost = f.variable(field(24));
    const left = f.variable(field(28));
    const one = (va: Local, host: Local, cause: number): void => {
      const walks = f.variable(walksOf(cause));
      const level = f.let(call(access, f.get(va), f.get(host), sub(width, k32(1)), k32(cause)));
      own(rec, cause, walks, splits(f.get(va), sub(width, k32(1))));
      f.if(ne(level, k32(1)), () => f.drop(call(missed, level, k32(cause))));
      afterAccess(f.let(add(f.get(va), extU(sub(width, k32(1))))));
      f.set(va, add(f.get(va), extU(width)));
      f.set(host, add(f.get(host), width));
    };
    f.loop((again) => {
      f.if(moves, () => one(source, sourceHost, CAUSE.LOAD));
      one(target, targetHost, CAUSE.STORE);
      f.set(left, sub(f.get(left), k32(1)));
      f.brIf(again, f.get(left));
    });
    f.set(at, add(f.get(at), k32(L.OBSERVED.BYTES)));
  };

  const branch = (): void => {
    const rec = f.let(field(12));
    const rip = f.let(add(load('i64', 8, f.get(block), L.BLOCK.RIP), extU(offsetOf(rec))));
    const next = f.let(add(rip, extU(load('i32', 1, rec, L.RECORD.LENGTH))));
    const what = f.let(detail());
    const kind = f.let(shrU(what, k32(1)));
    const taken = f.let(and(what, k32(1)));
    const isIndirect = or(or(eq(kind, k32(BRANCH.JMP_INDIRECT)), eq(kind, k32(BRANCH.CALL_INDIRECT))), eq(kind, k32(BRANCH.RET)));
    const direct = add(next, extS(load('i32', 4, rec, L.RECORD.DISP)));
    const wrong = f.variable(k32(0));
    f.if(observe, () => {
      reach(rec);
      f.if(
        eq(kind, k32(BRANCH.COND)),
        () => f.set(wrong, conditional(f, rip, taken)),
        () => f.set(wrong, call(predict, kind, rip, next, value())),
      );
    });
    f.if(and(taken, ne(f.get(capture), k32(0))), () => {
      const target = f.let(select(isIndirect, value(), direct));
      // Cycles that the models have added since the slots were noted.
      const slotsLeft = f.let(sub(field(8), word(WORD.PENALTY)));
      const distance = load('i32', 4, rec, L.RECORD.DISP);
      for (const name of ['cond', 'jmp', 'jmpInd', 'call', 'callInd', 'ret'] as const) {
        f.if(eq(kind, k32(KIND[name])), () =>
          recordBranch(f, { kind: name, from: rip, to: target, slotsLeft, distance, mispredicted: f.get(wrong) }),
        );
      }
    });
    // A block follows, nearly always.
    f.set(at, add(f.get(at), k32(L.OBSERVED.BYTES)));
    f.if(and(ltU(f.get(at), f.get(end)), eq(field(0), k32(L.OBSERVED.BLOCK))), () => {
      f.if(observe, finish);
      enterBlock(field(8));
      retired(load('i64', 8, f.get(block), L.BLOCK.ARITHMETIC));
      f.set(at, add(f.get(at), k32(L.OBSERVED.BYTES)));
    });
  };

  f.set(at, k32(LOG));
  f.set(end, word(L.BOX.LOG));
  f.set(block, k32(0));
  f.set(span, k32(0));
  f.set(fetched, k32(0));
  f.set(lastData, word64(WORD.DATA_LINEAR));
  f.set(lastCode, word64(WORD.CODE_LINEAR));
  f.set(capture, word(L.LBR.CAPTURE));
  setWord(f, WORD.PENALTY, k32(0));
  f.block((out) => {
    f.loop((again) => {
      f.brIf(out, geU(f.get(at), f.get(end)));
      f.set(head, load('i64', 8, f.get(at)));
      const next = (): void => {
        f.set(at, add(f.get(at), k32(L.OBSERVED.BYTES)));
        f.br(again);
      };
      const type = f.let(and(wrap(f.get(head)), k32(7)));
      f.block((onOther) => {
        f.block((onStep) => {
          f.block((onBlock) => {
            f.block((onBranch) => {
              f.block((onCrossStore) => {
                f.block((onCrossLoad) => {
                  f.block((onStore) => {
                    f.block((onLoad) => {
                      f.brTable(type, [onLoad, onStore, onCrossLoad, onCrossStore, onBranch, onBlock, onStep], onOther);
                    });
                    f.if(observe, () => f.scope(() => data(CAUSE.LOAD, false)));
                    next();
                  });
                  f.if(observe, () => f.scope(() => data(CAUSE.STORE, false)));
                  next();
                });
                skipOrDo(f, observe, at, () => data(CAUSE.LOAD, true));
                next();
              });
              skipOrDo(f, observe, at, () => data(CAUSE.STORE, true));
              next();
            });
            f.scope(branch);
            f.br(again);
          });
          f.if(observe, finish);
          enterBlock(field(8));
          retired(load('i64', 8, f.get(block), L.BLOCK.ARITHMETIC));
          next();
        });
        // A single record: nothing of the block before it.
        f.if(observe, finish);
        enterBlock(field(8));
        const rec = f.let(field(12));
        f.set(fetched, offsetOf(rec));
        f.set(span, endOf(rec));
        retired(load('i64', 8, add(k32(L.CLASSES), mul(load('i32', 2, rec, L.RECORD.CLASS), k32(L.CLASS_BYTES))), L.CLASS_ARITHMETIC));
        f.if(observe, finish);
        next();
      });
      f.if(
        and(detail(), k32(1)),
        () => skipOrDo(f, observe, at, bulk),
        () => {
          f.if(f.get(span), () => f.set(span, offsetOf(f.let(field(12)))));
          f.if(observe, finish);
          f.set(span, k32(0));
        },
      );
      next();
    });
  });
  f.if(observe, finish);
  f.store(8, k32(WORD.DATA_LINEAR), f.get(lastData));
  f.store(8, k32(WORD.CODE_LINEAR), f.get(lastCode));
  setWord(f, L.BOX.LOG, k32(LOG));
  f.return(word(WORD.PENALTY));
  f.unreachable();
  return m.add(f);
}

/** Entries of two places. */
function skipOrDo(f: FunctionBuilder, observe: Val, at: Local, body: () => void): void {
  f.if(
    observe,
    () => f.scope(body),
    () => f.set(at, add(f.get(at), k32(L.OBSERVED.BYTES))),
  );
}

const KIND = {
  cond: BRANCH.COND,
  jmp: BRANCH.JMP,
  jmpInd: BRANCH.JMP_INDIRECT,
  call: BRANCH.CALL,
  callInd: BRANCH.CALL_INDIRECT,
  ret: BRANCH.RET,
} as const;
