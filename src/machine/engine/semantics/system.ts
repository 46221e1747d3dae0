/** System instructions: generated code checks nothing, it leaves to core/system.ts with the operation's number. */
import { RFLAGS, VECTOR } from '#arch/registers.ts';
import { add, and, k64, ne, or, shl, shrS } from '#base/wasm/ops.ts';
import type { Place } from '../machine.ts';
import { SYSTEM_OP, type SystemOp } from '../system-ops.ts';
import { trunc } from './flags.ts';
import type { CostKind, FormTable, Semantics } from './registry.ts';

export function defineSystem(t: FormTable): void {
  const leave = (name: string, op: SystemOp, cost: CostKind): void => t.def(name, [''], '', (m) => m.system(op), { cost, ends: true });
  leave('syscall', SYSTEM_OP.SYSCALL, 'ringTransition');
  leave('sysretq', SYSTEM_OP.SYSRET, 'ringTransition');
  leave('hlt', SYSTEM_OP.HLT, 'systemRegister');
  leave('cpuid', SYSTEM_OP.CPUID, 'systemRegister');
  leave('rdtsc', SYSTEM_OP.RDTSC, 'systemRegister');
  leave('rdtscp', SYSTEM_OP.RDTSCP, 'systemRegister');
  leave('rdpmc', SYSTEM_OP.RDPMC, 'systemRegister');
  leave('rdmsr', SYSTEM_OP.RDMSR, 'systemRegister');
  leave('wrmsr', SYSTEM_OP.WRMSR, 'systemRegister');
  leave('sti', SYSTEM_OP.STI, 'simple');
  // SWAPGS and CLI end nothing that could be pending, so they stay in generated code: each system call has three of them. STI may let an
  // interrupt in and leaves.
  t.def(
    'swapgs',
    [''],
    '',
    (m) => {
      m.if(m.user, () => m.fault(VECTOR.GP));
      const [gs, kernel] = [m.base('gs'), m.base('kernelGs')];
      const [a, b] = [gs.get(), kernel.get()];
      gs.set(b);
      kernel.set(a);
    },
    { cost: 'systemRegister' },
  );
  t.def('cli', [''], '', (m) => {
    m.if(m.user, () => m.fault(VECTOR.GP));
    m.setRflags(and(m.rflags, k64(~RFLAGS.IF)));
  });
  const withArgument = (name: string, op: SystemOp, cost: CostKind): void =>
    t.def(name, [''], '', (m) => m.system(op, m.imm()), { cost, ends: true });
  /** imm = vector. */
  withArgument('int', SYSTEM_OP.INT, 'ringTransition');
  /** imm = gate number. */
  withArgument('gate', SYSTEM_OP.GATE, 'simple');
  /** imm unused: the text is looked up by RIP. */
  withArgument('undefined', SYSTEM_OP.UNDEFINED, 'simple');
  withArgument('privileged', SYSTEM_OP.PRIVILEGED, 'systemRegister');
  /** imm = control register << 8 | general register. */
  withArgument('mov-from-cr', SYSTEM_OP.READ_CR, 'systemRegister');
  withArgument('mov-to-cr', SYSTEM_OP.WRITE_CR, 'systemRegister');
  /** imm = debug register << 8 | general register. */
  withArgument('mov-from-dr', SYSTEM_OP.READ_DR, 'systemRegister');
  withArgument('mov-to-dr', SYSTEM_OP.WRITE_DR, 'systemRegister');
  /** imm = width of the frame's words << 16. */
  withArgument('iret', SYSTEM_OP.IRET, 'ringTransition');
  /** imm = width << 16 | bytes to take off the stack besides. */
  withArgument('retf', SYSTEM_OP.RETF, 'ringTransition');
  /** imm = width << 8 | general register. */
  withArgument('rdrand', SYSTEM_OP.RDRAND, 'systemRegister');
  withArgument('rdseed', SYSTEM_OP.RDRAND, 'systemRegister');
  withArgument('rdpid', SYSTEM_OP.RDPID, 'simple');
  const withMemory = (name: string, op: SystemOp): void =>
    t.def(name, ['m1', 'm4', 'm8', 'm16'], 'a', (m, p) => m.system(op, (p as Place).ea()), { cost: 'systemRegister', ends: true });
  withMemory('invlpg', SYSTEM_OP.INVLPG);
  withMemory('fxsave', SYSTEM_OP.FXSAVE);
  withMemory('fxsave64', SYSTEM_OP.FXSAVE);
  withMemory('fxrstor', SYSTEM_OP.FXRSTOR);
  withMemory('fxrstor64', SYSTEM_OP.FXRSTOR);
  for (const w of [2, 4, 8] as const) {
    withMemory(`jmp-far${w}`, SYSTEM_OP[`JMP_FAR${w}`]);
    withMemory(`call-far${w}`, SYSTEM_OP[`CALL_FAR${w}`]);
  }
  // Segment registers by their offset in the register file: imm, with the selector above it; POP: with the width above it.
  t.def(
    'mov',
    ['s2,r2', 's2,r4', 's2,r8', 's2,m2'],
    'w,r',
    (m, _d, s) => m.system(SYSTEM_OP.LOAD_SEGMENT, m.let(or(m.imm(), shl(and((s as Place).get(), k64(0xffff)), k64(16))))),
    { cost: 'systemRegister', ends: true },
  );
  t.def('pop', ['s2'], 'w', (m) => m.system(SYSTEM_OP.POP_SEGMENT, m.imm()), { cost: 'systemRegister', ends: true });
  // LAR, LSL, VERR, VERW: imm says which and whereto, the selector goes above it.
  const query: Semantics = (m, ...places) => {
    const selector = and((places.at(-1) as Place).get(), k64(0xffff));
    m.system(SYSTEM_OP.DESCRIPTOR, m.let(or(m.imm(), shl(selector, k64(16)))));
  };
  t.def('query', ['r2', 'r4', 'r8', 'm2'], 'r', query, { cost: 'systemRegister', ends: true });
  const pairs = ['r2', 'r4', 'r8'].flatMap((to) => ['r2', 'r4', 'r8', 'm2'].map((from) => `${to},${from}`));
  t.def('descriptor', pairs, 'rw,r', query, { cost: 'systemRegister', ends: true });
  // INT1 (ICEBP): the trap of a debug exception, whatever the gate's DPL.
  t.def('int1', [''], '', (m) => m.system(SYSTEM_OP.INT1), { cost: 'ringTransition', ends: true });
  defineState(t);
  defineBases(t);
  leave('xgetbv', SYSTEM_OP.XGETBV, 'systemRegister');
  leave('xsetbv', SYSTEM_OP.XSETBV, 'systemRegister');
  for (const suffix of ['', '64']) {
    withMemory(`xsave${suffix}`, SYSTEM_OP.XSAVE);
    withMemory(`xsaveopt${suffix}`, SYSTEM_OP.XSAVEOPT);
    withMemory(`xsavec${suffix}`, SYSTEM_OP.XSAVEC);
    withMemory(`xsaves${suffix}`, SYSTEM_OP.XSAVES);
    withMemory(`xrstor${suffix}`, SYSTEM_OP.XRSTOR);
    withMemory(`xrstors${suffix}`, SYSTEM_OP.XRSTORS);
  }
  t.def('ldmxcsr', ['m4'], 'r', (m, p) => m.system(SYSTEM_OP.LDMXCSR, (p as Place).get()), { cost: 'vector', ends: true });
  t.def('stmxcsr', ['m4'], 'w', (m, p) => (p as Place).set(m.mxcsr), { cost: 'vector' });
}

/** FSGSBASE. CR4.FSGSBASE is set from power-on, where the model has it. */
function defineBases(t: FormTable): void {
  for (const name of ['fs', 'gs'] as const) {
    t.def(`rd${name}base`, ['r4', 'r8'], 'w', (m, d) => {
      const p = d as Place;
      p.set(m.let(trunc(p.w, m.base(name).get())));
    });
    t.def(`wr${name}base`, ['r4', 'r8'], 'r', (m, s) => {
      const v = (s as Place).get();
      m.if(ne(shrS(shl(v, k64(16)), k64(16)), v), () => m.fault(VECTOR.GP));
      m.base(name).set(v);
    });
  }
}

/**
 * What SMSW, SLDT, STR, SGDT and SIDT give a program on Linux, where UMIP is on: the kernel's constants (arch/x86/kernel/umip.c). No descriptor table
 * lies in modelled memory but the IDT.
 */
const SEEN = { CR0: 0x8005_0033, LDT: 0, TASK: 0x40, GDT: -0x2_0000n, IDT: -0x1_0000n } as const;
function defineState(t: FormTable): void {
  for (const [name, v] of [
    ['smsw', SEEN.CR0],
    ['sldt', SEEN.LDT],
    ['str', SEEN.TASK],
  ] as const)
    t.def(name, ['r2', 'r4', 'r8', 'm2'], 'w', (m, d) => {
      const p = d as Place;
      p.set(m.let(trunc(p.w, k64(v))));
    });
  for (const [name, v] of [
    ['sgdt', SEEN.GDT],
    ['sidt', SEEN.IDT],
  ] as const)
    t.def(name, ['m8'], 'a', (m, d) => {
      const at = m.let((d as Place).ea());
      const base = m.memory(m.let(add(at, k64(2))), 8, 'w');
      base.check();
      m.store(2, at, k64(0));
      m.store(8, m.let(add(at, k64(2))), k64(v));
    });
}
