/**
 * Generates the interpreter module from the forms: one hot function (a loop around a br_table over the common instructions, no calls inside),
 * one function for each form (rare instructions, page misses and crossings, single steps), and the drivers `go`, `run`, `step`.
 */
import { FunctionBuilder, type FunctionType, type Label } from '#base/wasm/function.ts';
import { call, type FunctionRef, ModuleBuilder } from '#base/wasm/module.ts';
import {
  add,
  and,
  eq,
  eqz,
  extU,
  gtU,
  k32,
  k64,
  leS,
  load,
  ltS,
  mul,
  ne,
  or,
  shl,
  shrS,
  shrU,
  sub,
  type Val,
  wrap,
} from '#base/wasm/ops.ts';
import * as L from '../layout.ts';
import type { Form } from '../semantics/registry.ts';
import { Emitter, type HotFrame, type MemoryShape, type Mode, PLAIN, type Variant } from './emitter.ts';
import { buildDrain } from '../../models/drain.ts';
import { buildRuntime, jumpSlot, type Runtime } from './runtime.ts';

/** What the decoder needs to know of a form. */
export interface FormEntry {
  readonly key: string;
  readonly function: number;
  /** Where the record holds the register operands, in their order. */
  readonly registers: readonly number[];
  /** Hot case by memory shape; '' for forms without a memory operand. */
  readonly hot: Partial<Record<MemoryShape | '', number>>;
  readonly loads: number;
  readonly stores: number;
  readonly cost: Form['cost'];
  readonly branch: Form['branch'] | null;
  readonly ends: boolean;
}
export interface Manifest {
  readonly forms: readonly FormEntry[];
  readonly enterHot: number;
  readonly fallHot: number;
  readonly fallFunction: number;
}
export interface Generated {
  readonly bytes: Uint8Array;
  readonly manifest: Manifest;
  /** The variant that sees taken transfers. */
  readonly traces: boolean;
  /** The variant that writes the observer's log, and has `drain`. */
  readonly observes: boolean;
}

/** Chooses hot cases: the key with its memory shape, e.g. `mov:r8,m8@b`. */
export type HotSet = ReadonlySet<string>;

const BODY: FunctionType = { params: ['i32', 'i32'], results: ['i32'] };
const box = (a: number): Val => load('i32', 4, k32(a));
const box64 = (a: number): Val => load('i64', 8, k32(a));

/** The CL of SHLD and SHRD is no operand of the record. */
const isCl = (form: Form, i: number): boolean => form.key.includes(',c1') && i === 2;

/**
 * Record fields of a form's register operands. Up to two have their own; a third and a fourth (VEX) take what the form has no other use for: the
 * memory operand's fields, or the immediate.
 */
function registerFields(form: Form): number[] {
  const n = form.operands.filter((o, i) => (o.kind === 'r' || o.kind === 'x') && !isCl(form, i)).length;
  const memory = form.operands.some((o) => o.kind === 'm');
  const { OP0, OP1, BASE, INDEX, IMM } = L.RECORD;
  return [OP0, OP1, ...(memory ? [IMM] : [BASE, INDEX])].slice(0, n);
}

function runSemantics(form: Form, e: Emitter): void {
  const fields = registerFields(form);
  let registers = 0;
  const places = form.operands.map((o, i) => {
    if (isCl(form, i)) return e.gpr(1, o.w);
    return o.kind === 'r' || o.kind === 'x' ? e.registerOperand(o, fields[registers++] as number) : e.operand(o);
  });
  form.semantics(e, ...places);
}

function buildFormFunction(form: Form, runtime: Runtime, variant: Variant): { body: FunctionBuilder; emitter: Emitter } {
  const f = new FunctionBuilder(BODY.params, BODY.results);
  const emitter = new Emitter(f, { kind: 'function' }, runtime, 'g', variant);
  runSemantics(form, emitter);
  if (emitter.ended) f.unreachable();
  else {
    emitter.retire();
    k32(L.RESULT.NEXT).emit(f.code);
  }
  return { body: f, emitter };
}

interface HotCase {
  readonly emit: (e: Emitter) => void;
  readonly shape: MemoryShape;
}

const BUDGET_SIGNS = k64(-0x7fff_ffff_8000_0000n); // bits 63 and 31

/** Both budgets in one word, so that a block costs one subtraction: instructions << 32 | slots. */
function buildHot(cases: readonly HotCase[], runtime: Runtime, variant: Variant): FunctionBuilder {
  const f = new FunctionBuilder([], ['i32']);
  const rec = f.local('i32');
  const blk = f.local('i32');
  const target = f.local('i64');
  const fr = f.local('i64');
  const fx = f.local('i64');
  const fc = f.local('i32');
  const budget = f.local('i64');
  const eva = f.local('i64');
  const evb = f.local('i64');
  const evc = f.local('i64');
  const path = f.local('i64');
  const log = f.local('i32');
  const pending = f.local('i32');
  const result = f.local('i32');
  if (variant.observe) f.set(log, box(L.BOX.LOG));
  if (variant.trace) f.set(path, box64(L.BOX.PATH));
  f.set(rec, box(L.BOX.REC));
  f.set(blk, box(L.BOX.BLK));
  f.set(fr, box64(L.REGS + L.REG.FR));
  f.set(fx, box64(L.REGS + L.REG.FX));
  f.set(fc, box(L.REGS + L.REG.FC));
  f.set(budget, or(shl(extU(box(L.BOX.INSTRUCTIONS)), k64(32)), extU(box(L.BOX.SLOTS))));
  f.set(eva, box64(L.BOX.EVA));
  f.set(evb, box64(L.BOX.EVB));
  f.set(evc, box64(L.BOX.EVC));
  f.set(result, k32(L.RESULT.RUN_FUNCTION));
  f.block((exit) => {
    f.loop((again) => {
      f.block((enter) => {
        f.block((lookup) => {
          f.loop((dispatch) => {
            const frame: HotFrame = { rec, blk, target, fr, fx, fc, evc, path, log, pending, budget, leave: exit, enter, lookup };
            emitCases(f, cases, frame, exit, dispatch, runtime, variant);
          });
        });
        // lookup: the block for `target`, from the jump cache
        const slot = f.let(add(jumpSlot(f.get(target)), box(L.BOX.JUMP_CACHE)));
        f.if(ne(load('i64', 8, slot), f.get(target)), () => {
          f.store(8, k32(L.BOX.TARGET), f.get(target));
          f.set(result, k32(L.RESULT.RESOLVE));
          f.br(exit);
        });
        f.set(blk, load('i32', 4, slot, 8));
      });
      // enter: pay for the block
      const b = f.get(blk);
      if (variant.observe) {
        f.if(gtU(f.get(log), box(L.BOX.LOG_LIMIT)), () => {
          f.set(result, k32(L.RESULT.DRAIN));
          f.br(exit);
        });
      }
      const left = f.let(sub(f.get(budget), load('i64', 8, b, L.BLOCK.COST)));
      f.set(rec, add(b, k32(L.BLOCK.BYTES)));
      f.if(ne(and(left, BUDGET_SIGNS), k64(0)), () => {
        f.set(result, k32(L.RESULT.BUDGET));
        f.br(exit);
      });
      f.set(budget, left);
      f.set(eva, add(f.get(eva), load('i64', 8, b, L.BLOCK.EVA)));
      f.set(evb, add(f.get(evb), load('i64', 8, b, L.BLOCK.EVB)));
      if (variant.observe) {
        f.store(8, f.get(log), k64(L.OBSERVED.BLOCK));
        f.store(4, f.get(log), b, 8);
        f.set(log, add(f.get(log), k32(L.OBSERVED.BYTES)));
      }
      f.br(again);
    });
  });
  if (variant.observe) f.store(4, k32(L.BOX.LOG), f.get(log));
  if (variant.trace) f.store(8, k32(L.BOX.PATH), f.get(path));
  f.store(4, k32(L.BOX.REC), f.get(rec));
  f.store(4, k32(L.BOX.BLK), f.get(blk));
  f.store(8, k32(L.REGS + L.REG.FR), f.get(fr));
  f.store(8, k32(L.REGS + L.REG.FX), f.get(fx));
  f.store(4, k32(L.REGS + L.REG.FC), f.get(fc));
  f.store(4, k32(L.BOX.INSTRUCTIONS), wrap(shrU(f.get(budget), k64(32))));
  f.store(4, k32(L.BOX.SLOTS), wrap(f.get(budget)));
  f.store(8, k32(L.BOX.EVA), f.get(eva));
  f.store(8, k32(L.BOX.EVB), f.get(evb));
  f.store(8, k32(L.BOX.EVC), f.get(evc));
  f.get(result).emit(f.code);
  return f;
}

function emitCases(
  f: FunctionBuilder,
  cases: readonly HotCase[],
  frame: HotFrame,
  exit: Label,
  dispatch: Label,
  runtime: Runtime,
  variant: Variant,
): void {
  const mode: Mode = { kind: 'hot', frame };
  // Blocks nest from the last case to the first: leaving block i arrives at case i.
  const labels: Label[] = [];
  const open = (i: number): void => {
    if (i < 0) {
      f.brTable(load('i32', 2, f.get(frame.rec), L.RECORD.HOT), [exit, ...labels.toReversed()], exit);
      return;
    }
    f.block((l) => {
      labels.push(l);
      open(i - 1);
    });
    const c = cases[i] as HotCase;
    f.scope(() => {
      const e = new Emitter(f, mode, runtime, c.shape, variant);
      c.emit(e);
      if (!e.ended) {
        e.retire();
        f.set(frame.rec, add(f.get(frame.rec), k32(L.RECORD.BYTES)));
        f.br(dispatch);
      }
    });
  };
  open(cases.length - 1);
}

/** Drains the log; misses may cost slots. */
function payFor(f: FunctionBuilder, drain: FunctionRef): void {
  f.store(4, k32(L.BOX.SLOTS), sub(box(L.BOX.SLOTS), call(drain, box(L.BOX.OBSERVE))));
}

/** Could the block use more slots than are left, with what its misses cost at most? Then it is stepped. Never, where misses cost nothing. */
function mayOverspend(blk: Val): Val {
  const worst = mul(load('i32', 4, blk, L.BLOCK.COST + 4), box(L.BOX.PENALTY));
  return and(ne(box(L.BOX.PENALTY), k32(0)), ltS(box(L.BOX.SLOTS), add(load('i32', 4, blk, L.BLOCK.COST), worst)));
}

/** Executes from (REC, BLK) until something is for TypeScript. */
function buildRun(m: ModuleBuilder, hot: FunctionRef, runtime: Runtime, drain: FunctionRef | undefined): FunctionBuilder {
  const f = new FunctionBuilder([], ['i32']);
  const rec = f.local('i32');
  const r = f.local('i32');
  f.loop((again) => {
    f.set(r, call(hot));
    if (drain !== undefined) {
      f.if(eq(f.get(r), k32(L.RESULT.DRAIN)), () => {
        payFor(f, drain);
        f.if(mayOverspend(box(L.BOX.BLK)), () => {
          f.store(4, k32(L.BOX.REC), add(box(L.BOX.BLK), k32(L.BLOCK.BYTES)));
          f.return(k32(L.RESULT.BUDGET));
        });
        f.store(4, k32(L.TRAMPOLINE), box(L.BOX.BLK), L.RECORD.TAKEN);
        f.store(4, k32(L.BOX.REC), k32(L.TRAMPOLINE));
        f.br(again);
      });
    }
    f.if(ne(f.get(r), k32(L.RESULT.RUN_FUNCTION)), () => f.return(f.get(r)));
    f.set(rec, box(L.BOX.REC));
    f.set(r, m.callIndirect(BODY, load('i32', 2, f.get(rec), L.RECORD.FUNCTION), f.get(rec), box(L.BOX.BLK)));
    f.if(eqz(f.get(r)), () => {
      f.store(4, k32(L.BOX.REC), add(f.get(rec), k32(L.RECORD.BYTES)));
      // REP iterations may have used the slots up; the next record closes the block and `enter` would wrap.
      f.if(ltS(box(L.BOX.SLOTS), k32(0)), () => f.return(k32(L.RESULT.BUDGET)));
      f.br(again);
    });
    f.if(eq(f.get(r), k32(L.RESULT.JUMP)), () => {
      const blk = f.let(call(runtime.lookup, box64(L.BOX.TARGET)));
      f.if(eqz(blk), () => f.return(k32(L.RESULT.RESOLVE)));
      f.store(4, k32(L.TRAMPOLINE), blk, L.RECORD.TAKEN);
      f.store(4, k32(L.BOX.REC), k32(L.TRAMPOLINE));
      f.br(again);
    });
    f.return(f.get(r));
  });
  f.unreachable();
  return f;
}

/** Executes single records, each paid for by itself, until the budget is used, the block ends, or something is for TypeScript. */
function buildStep(m: ModuleBuilder, runtime: Runtime, drain: FunctionRef | undefined): FunctionBuilder {
  const f = new FunctionBuilder([], ['i32']);
  const rec = f.local('i32');
  const r = f.local('i32');
  const bump = (a: number, v: Val): void => f.store(8, k32(a), add(box64(a), v));
  f.loop((again) => {
    f.set(rec, box(L.BOX.REC));
    const row = f.let(add(k32(L.CLASSES), shl(load('i32', 2, f.get(rec), L.RECORD.CLASS), k32(5))));
    const cost = f.let(load('i64', 8, row));
    f.if(ne(cost, k64(0)), () => {
      f.if(or(leS(box(L.BOX.INSTRUCTIONS), k32(0)), leS(box(L.BOX.SLOTS), k32(0))), () => f.return(k32(L.RESULT.BUDGET)));
      f.store(4, k32(L.BOX.INSTRUCTIONS), sub(box(L.BOX.INSTRUCTIONS), wrap(shrS(cost, k64(32)))));
      f.store(4, k32(L.BOX.SLOTS), sub(box(L.BOX.SLOTS), wrap(cost)));
      bump(L.BOX.EVA, load('i64', 8, row, 8));
      bump(L.BOX.EVB, load('i64', 8, row, 16));
      if (drain !== undefined) {
        const log = f.let(box(L.BOX.LOG));
        f.store(8, log, k64(L.OBSERVED.STEP));
        f.store(4, log, box(L.BOX.BLK), 8);
        f.store(4, log, f.get(rec), 12);
        f.store(4, k32(L.BOX.LOG), add(log, k32(L.OBSERVED.BYTES)));
      }
    });
    f.set(r, m.callIndirect(BODY, load('i32', 2, f.get(rec), L.RECORD.FUNCTION), f.get(rec), box(L.BOX.BLK)));
    const done = (): void => {
      if (drain !== undefined) f.if(box(L.BOX.PENALTY), () => payFor(f, drain));
    };
    f.if(eqz(f.get(r)), () => {
      done();
      f.store(4, k32(L.BOX.REC), add(f.get(rec), k32(L.RECORD.BYTES)));
      f.br(again);
    });
    f.if(eq(f.get(r), k32(L.RESULT.JUMP)), () => {
      done();
      // A young machine steps block after block.
      if (drain !== undefined) f.if(gtU(box(L.BOX.LOG), box(L.BOX.LOG_LIMIT)), () => payFor(f, drain));
      const blk = f.let(call(runtime.lookup, box64(L.BOX.TARGET)));
      f.if(eqz(blk), () => f.return(k32(L.RESULT.RESOLVE)));
      f.store(4, k32(L.BOX.BLK), blk);
      f.store(4, k32(L.BOX.REC), add(blk, k32(L.BLOCK.BYTES)));
      f.return(k32(L.RESULT.STEPPED));
    });
    f.return(f.get(r));
  });
  f.unreachable();
  return f;
}

/** go(middle): `middle` = 1 when (REC, BLK) stands inside a block whose rest is not paid for. COLD: `step` does everything. */
function buildGo(run: FunctionRef, step: FunctionRef, observes: boolean): FunctionBuilder {
  const f = new FunctionBuilder(['i32'], ['i32']);
  const r = f.local('i32');
  const stepping = f.local('i32');
  f.set(stepping, or(f.param(0), box(L.BOX.COLD)));
  f.loop((again) => {
    f.if(
      f.get(stepping),
      () => {
        f.store(4, k32(L.BOX.STEPPING), k32(1));
        f.set(r, call(step));
        f.if(ne(f.get(r), k32(L.RESULT.STEPPED)), () => f.return(f.get(r)));
        f.set(stepping, box(L.BOX.COLD));
        f.br(again);
      },
      () => {
        f.store(4, k32(L.BOX.STEPPING), k32(0));
        f.if(leS(box(L.BOX.SLOTS), k32(0)), () => f.return(k32(L.RESULT.BUDGET)));
        if (observes) {
          f.if(mayOverspend(box(L.BOX.BLK)), () => {
            f.if(leS(box(L.BOX.INSTRUCTIONS), k32(0)), () => f.return(k32(L.RESULT.BUDGET)));
            f.set(stepping, k32(1));
            f.br(again);
          });
        }
        f.store(4, k32(L.TRAMPOLINE), box(L.BOX.BLK), L.RECORD.TAKEN);
        f.store(4, k32(L.BOX.REC), k32(L.TRAMPOLINE));
        f.set(r, call(run));
        f.if(ne(f.get(r), k32(L.RESULT.BUDGET)), () => f.return(f.get(r)));
        // REC is the block's first record (or a record in its middle after REP used the slots up).
        f.if(or(leS(box(L.BOX.INSTRUCTIONS), k32(0)), leS(box(L.BOX.SLOTS), k32(0))), () => f.return(k32(L.RESULT.BUDGET)));
        f.set(stepping, k32(1));
        f.br(again);
      },
    );
  });
  f.unreachable();
  return f;
}

/** Variants differ in what they do besides; record numbers are the same in all. */
export function generateInterpreter(forms: readonly Form[], hotSet: HotSet, variant: Variant = PLAIN): Generated {
  const m = new ModuleBuilder(L.PHYSICAL / 65536);
  const runtime = buildRuntime(m);
  const drain = variant.observe ? buildDrain(m) : undefined;
  const cases: HotCase[] = [];
  const addCase = (c: HotCase): number => cases.push(c); // case numbers start at 1: case 0 leaves
  const enterHot = addCase({ shape: 'g', emit: (e) => e.enterBlock() });
  const fallHot = addCase({ shape: 'g', emit: (e) => e.fallThrough() });
  const table: FunctionRef[] = [];
  const addFunction = (body: FunctionBuilder): number => table.push(m.add(body)) - 1;
  const fall = new FunctionBuilder(BODY.params, BODY.results);
  new Emitter(fall, { kind: 'function' }, runtime, 'g', PLAIN).fallThrough();
  fall.unreachable();
  const fallFunction = addFunction(fall);
  const entries = forms.map((form): FormEntry => {
    const { body, emitter } = buildFormFunction(form, runtime, variant);
    const hot: FormEntry['hot'] = {};
    const shapes: readonly (MemoryShape | '')[] = form.operands.some((o) => o.kind === 'm') ? ['b', 'x', 'a'] : [''];
    for (const s of shapes) {
      if (!hotSet.has(s === '' ? form.key : `${form.key}@${s}`)) continue;
      hot[s] = addCase({ shape: s === '' ? 'g' : s, emit: (e) => runSemantics(form, e) });
    }
    return {
      key: form.key,
      function: addFunction(body),
      registers: registerFields(form),
      hot,
      loads: emitter.loads,
      stores: emitter.stores,
      cost: form.cost,
      branch: form.branch ?? null,
      ends: form.ends,
    };
  });
  const hot = m.add(buildHot(cases, runtime, variant));
  const run = m.add(buildRun(m, hot, runtime, drain));
  const step = m.add(buildStep(m, runtime, drain));
  const go = m.add(buildGo(run, step, drain !== undefined));
  m.export('go', go);
  if (drain !== undefined) m.export('drain', drain);
  m.setTable(table);
  return {
    bytes: m.finish(),
    manifest: { forms: entries, enterHot, fallHot, fallFunction },
    traces: variant.trace,
    observes: variant.observe,
  };
}
