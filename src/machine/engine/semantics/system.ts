/** System instructions: generated code checks nothing, it leaves to core/system.ts with the operation's number. */
import { RFLAGS, VECTOR } from '#arch/registers.ts';
import { and, k64, ne, shl, shrS } from '#base/wasm/ops.ts';
import type { Place } from '../machine.ts';
import { SYSTEM_OP, type SystemOp } from '../system-ops.ts';
import { trunc } from './flags.ts';
import type { CostKind, FormTable } from './registry.ts';

export function defineSystem(t: FormTable): void {
  const leave = (name: string, op: SystemOp, cost: CostKind): void => t.def(name, [''], '', (m) => m.system(op), { cost, ends: true });
  leave('syscall', SYSTEM_OP.SYSCALL, 'ringTransition');
  leave('sysretq', SYSTEM_OP.SYSRET, 'ringTransition');
  leave('iretq', SYSTEM_OP.IRET, 'ringTransition');
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
  defineBases(t);
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
