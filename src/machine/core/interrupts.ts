/** Delivery of exceptions and interrupts through the IDT, and the way back. SDM Vol. 3A §6.14 (64-bit mode), Vol. 2 IRET. */
import { GPR, RFLAGS, VECTOR } from '#arch/registers.ts';
import type { Engine } from '../engine/engine.ts';
import { REG } from '../engine/layout.ts';
import { readRflags, writeRflags } from './flags.ts';

export interface DescriptorTables {
  idtBase: bigint;
  idtLimit: number;
  tssBase: bigint;
}

const PUSHES_ERROR: ReadonlySet<number> = new Set([VECTOR.DF, VECTOR.TS, VECTOR.NP, VECTOR.SS, VECTOR.GP, VECTOR.PF, VECTOR.AC]);

/** 8 bytes at a linear address with supervisor rights; undefined: not mapped. */
function read64(e: Engine, va: bigint): bigint | undefined {
  const host = e.translate(va, 0);
  if (host === 0) return undefined;
  e.observeAccess(va, host, 8, false);
  e.watchpoints.access(va, 8, false);
  return e.view.getBigUint64(host, true);
}
function push64(e: Engine, va: bigint, v: bigint): boolean {
  const host = e.translate(va, 1);
  if (host === 0) return false;
  e.observeAccess(va, host, 8, true);
  e.watchpoints.access(va, 8, true);
  e.view.setBigUint64(host, v, true);
  return true;
}

/**
 * Enters the handler of `vector`. `rip`: what the frame returns to. Returns undefined, or why it could not be delivered (a shutdown).
 * A gate whose DPL forbids a software interrupt raises #GP instead.
 */
export function deliver(
  e: Engine,
  tables: DescriptorTables,
  vector: number,
  error: number,
  rip: bigint,
  software = false,
): string | undefined {
  const fail = (what: string): string =>
    `${what} while delivering vector ${vector} (error 0x${error.toString(16)}, address 0x${e.faultAddress.toString(16)}) at RIP 0x${rip.toString(16)}`;
  const [cpl, flags, rsp] = [e.cpl, readRflags(e), e.gpr[GPR.RSP] as bigint];
  const [cs, ss] = [e.register32(REG.CS), e.register32(REG.SS)];
  const address = e.faultAddress;
  e.setCpl(0);
  const undo = (): void => {
    e.setCpl(cpl);
  };
  if (vector * 16 + 15 > tables.idtLimit) {
    undo();
    return fail('vector beyond the IDT limit');
  }
  const low = read64(e, tables.idtBase + BigInt(vector * 16));
  const high = read64(e, tables.idtBase + BigInt(vector * 16 + 8));
  if (low === undefined || high === undefined) return fail('IDT not mapped');
  const type = Number((low >> 40n) & 0xfn);
  const dpl = Number((low >> 45n) & 3n);
  if (software && dpl < cpl) {
    undo();
    return deliver(e, tables, VECTOR.GP, vector * 8 + 2, e.instructionRip);
  }
  if (((low >> 47n) & 1n) === 0n || (type !== 14 && type !== 15)) return fail('gate not present or no interrupt gate');
  const offset = (low & 0xffffn) | ((low >> 32n) & 0xffff_0000n) | ((high & 0xffff_ffffn) << 32n);
  const ist = Number((low >> 32n) & 7n);
  let stack: bigint | undefined = rsp;
  if (ist > 0) stack = read64(e, tables.tssBase + BigInt(36 + (ist - 1) * 8));
  else if (cpl === 3) stack = read64(e, tables.tssBase + 4n);
  if (stack === undefined) return fail('TSS not mapped');
  let sp = stack & ~15n;
  const frame = [BigInt(ss), rsp, flags, BigInt(cs), rip];
  if (PUSHES_ERROR.has(vector) && !software) frame.push(BigInt(error));
  for (const word of frame) {
    sp -= 8n;
    if (!push64(e, sp, word)) return fail('stack not mapped');
  }
  e.gpr[GPR.RSP] = sp;
  e.setRegister32(REG.CS, Number((low >> 16n) & 0xfffcn));
  e.setRegister32(REG.SS, 0);
  const cleared = BigInt(RFLAGS.TF | RFLAGS.NT | RFLAGS.RF | RFLAGS.VM | (type === 14 ? RFLAGS.IF : 0));
  e.setRegister64(REG.RFLAGS, e.register64(REG.RFLAGS) & ~cleared);
  if (vector === VECTOR.PF) e.setRegister64(REG.CR2, address);
  e.rip = offset;
  return undefined;
}

/** IRETQ at CPL 0. False: the frame is not readable or returns to nowhere (#GP). */
export function iret(e: Engine): boolean {
  const sp = e.gpr[GPR.RSP] as bigint;
  const frame: bigint[] = [];
  for (let i = 0n; i < 5n; i++) {
    const word = read64(e, sp + i * 8n);
    if (word === undefined) return false;
    frame.push(word);
  }
  const [rip, cs, flags, rsp, ss] = frame as [bigint, bigint, bigint, bigint, bigint];
  const rpl = Number(cs & 3n);
  if (BigInt.asUintN(64, BigInt.asIntN(48, rip)) !== rip || (rpl !== 0 && rpl !== 3)) return false;
  writeRflags(e, flags & 0x3f_7fd7n);
  e.gpr[GPR.RSP] = rsp;
  e.setRegister32(REG.CS, Number(cs));
  e.setRegister32(REG.SS, Number(ss));
  e.setCpl(rpl);
  e.rip = rip;
  return true;
}
