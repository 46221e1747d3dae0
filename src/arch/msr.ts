/**
 * Model-specific registers of the modelled processors: address, name, access, value after RESET, source.
 * Rows with a `count` are arrays: address + i, name with the index behind it. Which of them exist is the model's business
 * (machine/msr-file.ts); a register that does not exist raises #GP(0).
 */

export const MSR = {
  IA32_TIME_STAMP_COUNTER: 0x10,
  IA32_PLATFORM_ID: 0x17,
  IA32_APIC_BASE: 0x1b,
  IA32_FEATURE_CONTROL: 0x3a,
  IA32_TSC_ADJUST: 0x3b,
  IA32_BIOS_SIGN_ID: 0x8b,
  IA32_PMC0: 0xc1,
  MSR_PLATFORM_INFO: 0xce,
  IA32_MPERF: 0xe7,
  IA32_APERF: 0xe8,
  IA32_MTRRCAP: 0xfe,
  IA32_SYSENTER_CS: 0x174,
  IA32_SYSENTER_ESP: 0x175,
  IA32_SYSENTER_EIP: 0x176,
  IA32_PERFEVTSEL0: 0x186,
  IA32_MISC_ENABLE: 0x1a0,
  IA32_DEBUGCTL: 0x1d9,
  IA32_PAT: 0x277,
  IA32_MTRR_DEF_TYPE: 0x2ff,
  IA32_FIXED_CTR0: 0x309,
  IA32_PERF_CAPABILITIES: 0x345,
  IA32_FIXED_CTR_CTRL: 0x38d,
  IA32_PERF_GLOBAL_STATUS: 0x38e,
  IA32_PERF_GLOBAL_CTRL: 0x38f,
  /** IA32_PERF_GLOBAL_STATUS_RESET since version 4, same address. */
  IA32_PERF_GLOBAL_OVF_CTRL: 0x390,
  IA32_PERF_GLOBAL_STATUS_SET: 0x391,
  IA32_PERF_GLOBAL_INUSE: 0x392,
  IA32_A_PMC0: 0x4c1,
  IA32_TSC_DEADLINE: 0x6e0,
  IA32_X2APIC_APICID: 0x802,
  IA32_X2APIC_VERSION: 0x803,
  IA32_X2APIC_TPR: 0x808,
  IA32_X2APIC_PPR: 0x80a,
  IA32_X2APIC_EOI: 0x80b,
  IA32_X2APIC_LDR: 0x80d,
  IA32_X2APIC_SIVR: 0x80f,
  IA32_X2APIC_ISR0: 0x810,
  IA32_X2APIC_TMR0: 0x818,
  IA32_X2APIC_IRR0: 0x820,
  IA32_X2APIC_ESR: 0x828,
  IA32_X2APIC_LVT_CMCI: 0x82f,
  IA32_X2APIC_ICR: 0x830,
  IA32_X2APIC_LVT_TIMER: 0x832,
  IA32_X2APIC_LVT_THERMAL: 0x833,
  IA32_X2APIC_LVT_PMI: 0x834,
  IA32_X2APIC_LVT_LINT0: 0x835,
  IA32_X2APIC_LVT_LINT1: 0x836,
  IA32_X2APIC_LVT_ERROR: 0x837,
  IA32_X2APIC_INIT_COUNT: 0x838,
  IA32_X2APIC_CUR_COUNT: 0x839,
  IA32_X2APIC_DIV_CONF: 0x83e,
  IA32_X2APIC_SELF_IPI: 0x83f,
  IA32_EFER: 0xc000_0080,
  IA32_STAR: 0xc000_0081,
  IA32_LSTAR: 0xc000_0082,
  IA32_CSTAR: 0xc000_0083,
  IA32_FMASK: 0xc000_0084,
  IA32_FS_BASE: 0xc000_0100,
  IA32_GS_BASE: 0xc000_0101,
  IA32_KERNEL_GS_BASE: 0xc000_0102,
  IA32_TSC_AUX: 0xc000_0103,
} as const;
export type MsrName = keyof typeof MSR;

export interface MsrRow {
  readonly name: MsrName;
  readonly address: number;
  /** How many consecutive registers; 'gp' and 'fixed' = as many as the model has counters. */
  readonly count: number | 'gp' | 'fixed';
  readonly access: 'RW' | 'RO' | 'WO';
  /** After RESET; 'model' = comes from the CPU model. */
  readonly reset: bigint | 'model';
  /** Which block of the machine answers. */
  readonly block: 'pmu' | 'apic' | 'clock' | 'system' | 'static';
  readonly source: string;
}

const PERFMON = 'SDM Vol. 3B, Performance Monitoring';
const X2APIC = 'SDM Vol. 3A, Extended XAPIC (x2APIC), register address space';
const row = (
  name: MsrName,
  access: MsrRow['access'],
  block: MsrRow['block'],
  reset: bigint | 'model',
  source: string,
  count: MsrRow['count'] = 1,
): MsrRow => ({ name, address: MSR[name], count, access, reset, block, source });

/** What the modelled machine has; everything else is #GP(0). */
export const MSR_TABLE: readonly MsrRow[] = [
  row(
    'IA32_TIME_STAMP_COUNTER',
    'RO',
    'clock',
    0n,
    'SDM Vol. 3B, Time-Stamp Counter; a write is refused (#GP): the clock is the machine’s',
  ),
  row('IA32_PLATFORM_ID', 'RO', 'static', 0n, 'SDM Vol. 4, Architectural MSRs'),
  row(
    'IA32_APIC_BASE',
    'RW',
    'static',
    0xfee0_0d00n,
    'SDM Vol. 3A, Local APIC: enabled, x2APIC, BSP; only this value can be written: there is no xAPIC mode here',
  ),
  row('IA32_BIOS_SIGN_ID', 'RW', 'static', 'model', 'SDM Vol. 3A, Microcode Update; writes are accepted and change nothing'),
  row('IA32_PMC0', 'RW', 'pmu', 0n, PERFMON, 'gp'),
  row('MSR_PLATFORM_INFO', 'RO', 'static', 'model', 'SDM Vol. 4: bits 15:8 = TSC in units of the bus clock'),
  row('IA32_MTRRCAP', 'RO', 'static', 0n, 'SDM Vol. 3A, MTRRs; none are modelled'),
  row('IA32_PERFEVTSEL0', 'RW', 'pmu', 0n, PERFMON, 'gp'),
  row('IA32_MISC_ENABLE', 'RW', 'static', 'model', 'SDM Vol. 4: bit 7 performance monitoring, 11 BTS unavailable, 12 PEBS unavailable'),
  row('IA32_DEBUGCTL', 'RW', 'pmu', 0n, 'SDM Vol. 3B, IA32_DEBUGCTL MSR'),
  row('IA32_PAT', 'RW', 'static', 0x0007_0406_0007_0406n, 'SDM Vol. 3A, Page Attribute Table'),
  row('IA32_MTRR_DEF_TYPE', 'RW', 'static', 0n, 'SDM Vol. 3A, MTRRs'),
  row('IA32_FIXED_CTR0', 'RW', 'pmu', 0n, PERFMON, 'fixed'),
  row('IA32_PERF_CAPABILITIES', 'RO', 'pmu', 'model', PERFMON),
  row('IA32_FIXED_CTR_CTRL', 'RW', 'pmu', 0n, PERFMON),
  row('IA32_PERF_GLOBAL_STATUS', 'RO', 'pmu', 0n, PERFMON),
  row('IA32_PERF_GLOBAL_CTRL', 'RW', 'pmu', 'model', PERFMON),
  row('IA32_PERF_GLOBAL_OVF_CTRL', 'RW', 'pmu', 0n, `${PERFMON}; write 1 to clear, reads 0`),
  row('IA32_PERF_GLOBAL_STATUS_SET', 'RW', 'pmu', 0n, `${PERFMON}, version 4; write 1 to set, reads 0`),
  row('IA32_PERF_GLOBAL_INUSE', 'RO', 'pmu', 0n, `${PERFMON}, version 4`),
  row('IA32_A_PMC0', 'RW', 'pmu', 0n, `${PERFMON}, full-width writes`, 'gp'),
  row('IA32_TSC_DEADLINE', 'RW', 'apic', 0n, 'SDM Vol. 3A, TSC-Deadline Mode'),
  row('IA32_X2APIC_APICID', 'RO', 'apic', 'model', X2APIC),
  row('IA32_X2APIC_VERSION', 'RO', 'apic', 0x0006_0015n, X2APIC),
  row('IA32_X2APIC_TPR', 'RW', 'apic', 0n, X2APIC),
  row('IA32_X2APIC_PPR', 'RO', 'apic', 0n, X2APIC),
  row('IA32_X2APIC_EOI', 'WO', 'apic', 0n, X2APIC),
  row('IA32_X2APIC_LDR', 'RO', 'apic', 'model', X2APIC),
  row('IA32_X2APIC_SIVR', 'RW', 'apic', 0x1ffn, `${X2APIC}; enabled, as firmware leaves it`),
  row('IA32_X2APIC_ISR0', 'RO', 'apic', 0n, X2APIC, 8),
  row('IA32_X2APIC_TMR0', 'RO', 'apic', 0n, X2APIC, 8),
  row('IA32_X2APIC_IRR0', 'RO', 'apic', 0n, X2APIC, 8),
  row('IA32_X2APIC_ESR', 'RW', 'apic', 0n, X2APIC),
  row('IA32_X2APIC_ICR', 'RW', 'apic', 0n, `${X2APIC}; fixed interrupts to oneself only`),
  row('IA32_X2APIC_LVT_TIMER', 'RW', 'apic', 0x1_0000n, `${X2APIC}; TSC-deadline mode only`),
  row('IA32_X2APIC_LVT_THERMAL', 'RW', 'apic', 0x1_0000n, X2APIC),
  row('IA32_X2APIC_LVT_PMI', 'RW', 'apic', 0x1_0000n, X2APIC),
  row('IA32_X2APIC_LVT_LINT0', 'RW', 'apic', 0x1_0000n, X2APIC),
  row('IA32_X2APIC_LVT_LINT1', 'RW', 'apic', 0x1_0000n, X2APIC),
  row('IA32_X2APIC_LVT_ERROR', 'RW', 'apic', 0x1_0000n, X2APIC),
  row('IA32_X2APIC_SELF_IPI', 'WO', 'apic', 0n, X2APIC),
  row('IA32_SYSENTER_CS', 'RW', 'system', 0n, 'SDM Vol. 2B, SYSENTER'),
  row('IA32_SYSENTER_ESP', 'RW', 'system', 0n, 'SDM Vol. 2B, SYSENTER'),
  row('IA32_SYSENTER_EIP', 'RW', 'system', 0n, 'SDM Vol. 2B, SYSENTER'),
  row('IA32_EFER', 'RW', 'system', 'model', 'SDM Vol. 3A, IA32_EFER'),
  row('IA32_STAR', 'RW', 'system', 0n, 'SDM Vol. 2B, SYSCALL'),
  row('IA32_LSTAR', 'RW', 'system', 0n, 'SDM Vol. 2B, SYSCALL'),
  row('IA32_CSTAR', 'RW', 'system', 0n, 'SDM Vol. 4; unused in 64-bit mode'),
  row('IA32_FMASK', 'RW', 'system', 0n, 'SDM Vol. 2B, SYSCALL'),
  row('IA32_FS_BASE', 'RW', 'system', 0n, 'SDM Vol. 3A, segment bases'),
  row('IA32_GS_BASE', 'RW', 'system', 0n, 'SDM Vol. 3A, segment bases'),
  row('IA32_KERNEL_GS_BASE', 'RW', 'system', 0n, 'SDM Vol. 2B, SWAPGS'),
  row('IA32_TSC_AUX', 'RW', 'static', 0n, 'SDM Vol. 2B, RDTSCP'),
];
