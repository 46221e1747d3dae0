/**
 * Functions of the generated module that every instruction may need: address translation (page walk, TLB fill), page-crossing accesses,
 * and the jump cache. SDM Vol. 3A §4.5 (4-level paging).
 */
import { FunctionBuilder } from '#base/wasm/function.ts';
import { call, type FunctionRef, type ModuleBuilder } from '#base/wasm/module.ts';
import {
  add,
  and,
  eq,
  eqz,
  extU,
  geU,
  k32,
  k64,
  leU,
  load,
  ltU,
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
import { VECTOR } from '#arch/registers.ts';
import * as L from '../layout.ts';

export interface Runtime {
  /** (linear i64, access i32: 0 read, 1 write, 2 execute) → host address of the byte, or 0 with the fault in the mailbox. Fills no TLB for access 2. */
  readonly walk: FunctionRef;
  /** (linear i64, bytes i32) → host address, or 0; a page-crossing operand comes back as CROSS_BUFFER. */
  readonly probeRead: FunctionRef;
  readonly probeWrite: FunctionRef;
  /** Writes CROSS_BUFFER back after a page-crossing store of n bytes. */
  readonly commitCross: FunctionRef;
  /** (linear i64) → block, or 0. */
  readonly lookup: FunctionRef;
  /** (operation i32, immediate i32) → 0, or the vector of an exception: soft float in TypeScript, see soft/sse.ts. */
  readonly soft: FunctionRef;
}

const at = (address: number): Val => k32(address);
const i32 = (address: number): Val => load('i32', 4, at(address));
const i64 = (address: number): Val => load('i64', 8, at(address));

/** Does an access (0 read, 1 write) of `bytes` at `va` touch watched bytes? Their bits. */
function buildWatched(): FunctionBuilder {
  const f = new FunctionBuilder(['i64', 'i32', 'i32'], ['i32']);
  const [va, bytes, access] = [f.param(0), f.param(1), f.param(2)];
  const hits = f.variable(k32(0));
  const last = f.let(add(va, sub(extU(bytes), k64(1))));
  const kind = f.let(add(access, k32(1)));
  for (let n = 0; n < L.WATCH.COUNT; n++) {
    const entry = L.WATCH.TABLE + n * L.WATCH.BYTES;
    const [first, end] = [i64(entry + L.WATCH.FIRST), i64(entry + L.WATCH.LAST)];
    // Modulo 2^64, for an operand may end where addresses begin again.
    const within = or(leU(sub(first, va), sub(last, va)), leU(sub(va, first), sub(end, first)));
    f.if(and(ne(and(i32(entry + L.WATCH.ACCESSES), kind), k32(0)), within), () => {
      f.set(hits, or(f.get(hits), i32(entry + L.WATCH.BIT)));
    });
  }
  f.return(f.get(hits));
  f.unreachable();
  return f;
}

/** 1: the instruction has to leave here, before the access to watched bytes; else what it touches is noted. */
function buildWatchStop(watched: FunctionRef): FunctionBuilder {
  const f = new FunctionBuilder(['i64', 'i32', 'i32'], ['i32']);
  const hits = f.let(call(watched, f.param(0), f.param(1), f.param(2)));
  f.if(eqz(hits), () => f.return(k32(0)));
  f.if(i32(L.BOX.WATCH_NOTES), () => {
    f.store(4, at(L.BOX.WATCH_HITS), or(i32(L.BOX.WATCH_HITS), hits));
    f.return(k32(0));
  });
  f.store(4, at(L.BOX.PROBE_RESULT), k32(L.RESULT.WATCH));
  f.return(k32(1));
  f.unreachable();
  return f;
}

function buildWalk(watched: FunctionRef): FunctionBuilder {
  const f = new FunctionBuilder(['i64', 'i32'], ['i32']);
  const [va, access] = [f.param(0), f.param(1)];
  const user = f.local('i32');
  const entryAt = f.local('i32');
  const entry = f.local('i64');
  const rights = f.local('i64');
  const nx = f.local('i64');
  const level = f.local('i32');
  const page = f.local('i64');
  f.set(user, eq(i32(L.REGS + L.REG.CPL), k32(3)));
  const fault = (vector: number, error: Val): void => {
    f.store(4, at(L.BOX.FAULT_VECTOR), k32(vector));
    f.store(4, at(L.BOX.FAULT_ERROR), error);
    f.store(8, at(L.BOX.FAULT_ADDRESS), va);
    f.store(4, at(L.BOX.PROBE_RESULT), k32(L.RESULT.FAULT));
    f.return(k32(0));
  };
  const errorBits = (present: number): Val =>
    or(
      or(k32(present), select(eq(access, k32(1)), k32(2), k32(0))),
      or(shl(f.get(user), k32(2)), select(eq(access, k32(2)), k32(16), k32(0))),
    );
  // Canonical: bits 63:47 all equal.
  f.if(ne(shrS(shl(va, k64(16)), k64(16)), va), () => fault(VECTOR.GP, k32(0)));
  f.set(entryAt, add(wrap(and(i64(L.REGS + L.REG.CR3), k64(0xf_ffff_ffff_f000n))), k32(L.PHYSICAL)));
  f.set(rights, k64(6)); // W and U hold only where all levels grant them
  f.set(nx, k64(0));
  f.set(level, k32(39));
  f.block((found) => {
    f.loop((next) => {
      const slot = f.let(add(f.get(entryAt), shl(and(wrap(shrU(va, extU(f.get(level)))), k32(511)), k32(3))));
      f.set(entry, load('i64', 8, slot));
      f.if(eqz(and(f.get(entry), k64(1))), () => fault(VECTOR.PF, errorBits(0)));
      f.set(rights, and(f.get(rights), f.get(entry)));
      f.set(nx, or(f.get(nx), f.get(entry)));
      const leaf = or(eq(f.get(level), k32(12)), and(wrap(shrU(f.get(entry), k64(7))), and(ne(f.get(level), k32(39)), k32(1))));
      f.if(leaf, () => {
        // Permission checks; CR0.WP is always set.
        f.if(and(f.get(user), eqz(and(f.get(rights), k64(4)))), () => fault(VECTOR.PF, errorBits(1)));
        f.if(and(eq(access, k32(1)), eqz(and(f.get(rights), k64(2)))), () => fault(VECTOR.PF, errorBits(1)));
        f.if(and(eq(access, k32(2)), wrap(shrU(f.get(nx), k64(63)))), () => fault(VECTOR.PF, errorBits(1)));
        f.store(8, slot, or(f.get(entry), select(eq(access, k32(1)), k64(0x60), k64(0x20))));
        f.br(found);
      });
      f.store(8, slot, or(f.get(entry), k64(0x20)));
      f.set(entryAt, add(wrap(and(f.get(entry), k64(0xf_ffff_ffff_f000n))), k32(L.PHYSICAL)));
      f.set(level, sub(f.get(level), k32(9)));
      f.br(next);
    });
  });
  // Physical address of the 4 KiB page.
  const inside = f.let(sub(shl(k64(1), extU(f.get(level))), k64(1)));
  f.set(page, and(or(and(and(f.get(entry), k64(0xf_ffff_ffff_f000n)), xor(inside, k64(-1))), and(va, inside)), k64(-4096)));
  f.if(geU(f.get(page), i64(L.BOX.MEMORY_BYTES)), () => fault(VECTOR.PF, or(errorBits(1), k32(8)))); // beyond modelled memory
  const host = f.let(add(wrap(f.get(page)), k32(L.PHYSICAL)));
  const result = f.let(add(host, and(wrap(va), k32(4095))));
  f.if(eq(access, k32(2)), () => f.return(result));
  const number = f.let(wrap(shrU(f.get(page), k64(12))));
  f.if(and(eq(access, k32(1)), load('i32', 1, number, L.CODE_FLAGS)), () => {
    f.store(4, at(L.BOX.SMC_PAGE), number);
    f.store(4, at(L.BOX.PROBE_RESULT), k32(L.RESULT.SMC));
    f.return(k32(0));
  });
  // A page with watched bytes has no fast right.
  f.if(i32(L.BOX.WATCH), () => f.if(call(watched, and(va, k64(-4096)), k32(4096), access), () => f.return(result)));
  const slot = f.let(and(wrap(shrU(va, k64(8))), k32(0xfff0)));
  const entryHost = f.let(add(slot, select(eq(access, k32(1)), k32(L.TLB_WRITE), k32(L.TLB_READ))));
  f.store(8, entryHost, and(va, k64(-4096)));
  f.store(4, entryHost, sub(host, wrap(and(va, k64(-4096)))), 8);
  const n = f.let(i32(L.BOX.FILLS));
  f.if(ltU(n, k32(L.FILL_MAX)), () => f.store(4, shl(n, k32(2)), entryHost, L.FILL_LIST));
  f.store(4, at(L.BOX.FILLS), add(n, k32(1)));
  f.if(eqz(and(f.get(rights), k64(4))), () => {
    const kn = f.let(i32(L.BOX.KERNEL_FILLS));
    f.if(ltU(kn, k32(L.KERNEL_FILL_MAX)), () => f.store(4, shl(kn, k32(2)), entryHost, L.KERNEL_FILL_LIST));
    f.store(4, at(L.BOX.KERNEL_FILLS), add(kn, k32(1)));
  });
  f.return(result);
  f.unreachable();
  return f;
}

function buildProbe(walk: FunctionRef, watchStop: FunctionRef, write: boolean): FunctionBuilder {
  const f = new FunctionBuilder(['i64', 'i32'], ['i32']);
  const [va, bytes] = [f.param(0), f.param(1)];
  const tlb = write ? L.TLB_WRITE : L.TLB_READ;
  const slot = f.let(and(wrap(shrU(va, k64(8))), k32(0xfff0)));
  const last = f.let(add(va, sub(extU(bytes), k64(1))));
  f.if(eq(load('i64', 8, slot, tlb), and(last, k64(-4096))), () => f.return(add(wrap(va), load('i32', 4, slot, tlb + 8))));
  const access = k32(write ? 1 : 0);
  // A breakpoint is no reason to leave an access that faults.
  const watch = (): void => f.if(i32(L.BOX.WATCH), () => f.if(call(watchStop, va, bytes, access), () => f.return(k32(0))));
  f.if(eqz(and(xor(va, last), k64(-4096))), () => {
    const host = f.let(call(walk, va, access));
    f.if(host, watch);
    f.return(host);
  });
  // Both pages are checked before either is touched.
  const first = f.let(call(walk, va, access));
  f.if(eqz(first), () => f.return(k32(0)));
  const second = f.let(call(walk, f.let(and(last, k64(-4096))), access));
  f.if(eqz(second), () => f.return(k32(0)));
  watch();
  const n = f.let(sub(k32(4096), and(wrap(va), k32(4095))));
  f.store(4, at(L.BOX.CROSS_FIRST), first);
  f.store(4, at(L.BOX.CROSS_SECOND), second);
  f.store(4, at(L.BOX.CROSS_LENGTH), n);
  f.memoryCopy(at(L.CROSS_BUFFER), first, n);
  f.memoryCopy(add(at(L.CROSS_BUFFER), n), second, sub(bytes, n));
  f.return(at(L.CROSS_BUFFER));
  f.unreachable();
  return f;
}

function buildCommit(): FunctionBuilder {
  const f = new FunctionBuilder(['i32'], ['i32']);
  const n = f.let(i32(L.BOX.CROSS_LENGTH));
  f.memoryCopy(i32(L.BOX.CROSS_FIRST), at(L.CROSS_BUFFER), n);
  f.memoryCopy(i32(L.BOX.CROSS_SECOND), add(at(L.CROSS_BUFFER), n), sub(f.param(0), n));
  f.return(k32(0));
  f.unreachable();
  return f;
}

/** Position of a linear address in the jump cache, in bytes. */
export const jumpSlot = (rip: Val): Val => shl(and(xor(wrap(rip), wrap(shrU(rip, k64(14)))), k32(0x3fff)), k32(4));

function buildLookup(): FunctionBuilder {
  const f = new FunctionBuilder(['i64'], ['i32']);
  const rip = f.param(0);
  const slot = f.let(add(jumpSlot(rip), i32(L.BOX.JUMP_CACHE)));
  f.if(ne(load('i64', 8, slot), rip), () => f.return(k32(0)));
  f.return(load('i32', 4, slot, 8));
  f.unreachable();
  return f;
}

export function buildRuntime(m: ModuleBuilder): Runtime {
  const soft = m.importFunction('soft', ['i32', 'i32'], ['i32']);
  const watched = m.add(buildWatched());
  const watchStop = m.add(buildWatchStop(watched));
  const walk = m.add(buildWalk(watched));
  const probeRead = m.add(buildProbe(walk, watchStop, false));
  const probeWrite = m.add(buildProbe(walk, watchStop, true));
  m.export('watched', watched);
  const commitCross = m.add(buildCommit());
  const lookup = m.add(buildLookup());
  m.export('walk', walk);
  const fetch = new FunctionBuilder(['i32', 'i32'], ['i32']);
  call(walk, or(extU(fetch.param(0)), shl(extU(fetch.param(1)), k64(32))), k32(2)).emit(fetch.code);
  m.export('fetch', m.add(fetch));
  return { walk, probeRead, probeWrite, commitCross, lookup, soft };
}
