/** The machine as /proc tells it: made from the CPU model, modelled time and the task table, never from the host. */
import { IPC_LIMIT } from '#abi/ipc.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { ENGINE_FEATURES } from '#arch/cpuid-features.ts';
import { visibleFeatures } from '#arch/cpuid.ts';
import { USER_HZ, UTSNAME } from '../identity.ts';
import type { Kernel } from '../kernel.ts';

/** What /proc needs of the kernel. */
export type ProcKernel = Pick<
  Kernel,
  'tasks' | 'current' | 'ipc' | 'port' | 'net' | 'maxTasks' | 'monotonicNs' | 'realtimeNs' | 'options' | 'image' | 'perfSettings' | 'perf'
>;

/** Names of CPUID feature bits as arch/x86/include/asm/cpufeatures.h has them, by bit; '' = not shown. */
const LEAF1_EDX =
  'fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe';
const LEAF1_ECX =
  'pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor';
const EXT1_EDX = '- - - - - - - - - - - syscall - - - - - - - - nx - - - - - pdpe1gb rdtscp - lm - -';
const EXT1_ECX = 'lahf_lm - - - - abm - - 3dnowprefetch - - - - - - - - - - - - - - - - - - - - - - -';
const LEAF7_EBX =
  'fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl';
const LEAF7_ECX =
  '- avx512vbmi umip pku - waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg - avx512_vpopcntdq - - - - - - - rdpid - - cldemote - movdiri movdir64b';
const LEAF7_EDX = '- - - - fsrm - - - - - md_clear - - - serialize - - - - arch_lbr';
const LEAFD1_EAX = 'xsaveopt xsavec xgetbv1 xsaves';
const LEAF71_EAX = '- - - - avx_vnni';

function names(word: number, table: string): string[] {
  return table.split(' ').filter((name, i) => name !== '-' && ((word >>> i) & 1) === 1);
}

/** The lines and their order: show_cpuinfo, arch/x86/kernel/cpu/proc.c. */
export function cpuinfo(model: CpuModel, cpus: number): string {
  const f = visibleFeatures(model, ENGINE_FEATURES);
  const flags = [
    ...names(f.leaf1Edx, LEAF1_EDX),
    ...names(f.ext1Edx, EXT1_EDX),
    'constant_tsc',
    ...(model.pmu.version > 0 ? ['arch_perfmon'] : []),
    'rep_good',
    'nopl',
    'nonstop_tsc',
    'cpuid',
    ...names(f.leaf1Ecx, LEAF1_ECX),
    ...names(f.ext1Ecx, EXT1_ECX),
    ...names(f.leaf7Ebx, LEAF7_EBX),
    ...names(f.leafD1Eax, LEAFD1_EAX),
    ...names(f.leaf71Eax, LEAF71_EAX),
    ...names(f.leaf7Ecx, LEAF7_ECX),
    ...names(f.leaf7Edx, LEAF7_EDX),
  ].join(' ');
  let out = '';
  for (let cpu = 0; cpu < cpus; cpu++) {
    const rows: (readonly [string, string | number])[] = [
      ['processor', cpu],
      ['vendor_id', 'GenuineIntel'],
      ['cpu family', model.family],
      ['model', model.model],
      ['model name', model.brand],
      ['stepping', model.stepping],
      ['cpu MHz', (model.tscHz / 1e6).toFixed(3)],
      ['cache size', `${model.caches.at(-1)?.sizeKib ?? 0} KB`],
      ['physical id', 0],
      ['siblings', cpus],
      ['core id', cpu],
      ['cpu cores', cpus],
      ['apicid', cpu],
      ['initial apicid', cpu],
      ['fpu', 'yes'],
      ['fpu_exception', 'yes'],
      ['cpuid level', model.maxLeaf],
      ['wp', 'yes'],
      ['flags', flags],
      ['bugs', ''], // none is modelled
      ['bogomips', (model.tscHz / 5e5).toFixed(2)],
      ['clflush size', 64],
      ['cache_alignment', 64],
      ['address sizes', `${model.physicalAddressBits} bits physical, 48 bits virtual`],
    ];
    out += `${rows.map(([name, value]) => `${name}${tabs(name)}:${value === '' ? '' : ` ${value}`}\n`).join('')}power management:\n\n`;
  }
  return out;
}
/** The names are padded with tabs to column 16. */
const tabs = (name: string): string => '\t'.repeat(Math.max(1, 2 - Math.floor(name.length / 8)));

const kilobytes = (name: string, bytes: number): string => `${`${name}:`.padEnd(16)}${String(Math.floor(bytes / 1024)).padStart(8)} kB\n`;

export function meminfo(totalBytes: number, freeBytes: number): string {
  return [
    kilobytes('MemTotal', totalBytes),
    kilobytes('MemFree', freeBytes),
    kilobytes('MemAvailable', freeBytes),
    kilobytes('Buffers', 0),
    kilobytes('Cached', 0),
    kilobytes('SwapCached', 0),
    kilobytes('SwapTotal', 0),
    kilobytes('SwapFree', 0),
  ].join('');
}

/** The counts of proc_vmstat(5) that the model has: free pages and faults. */
export function vmstat(k: ProcKernel, freeBytes: number): string {
  let minor = 0;
  let major = 0;
  for (const t of k.tasks.values()) {
    minor += t.times.minorFaults + t.childTimes.minorFaults;
    major += t.times.majorFaults + t.childTimes.majorFaults;
  }
  return `nr_free_pages ${Math.floor(freeBytes / 4096)}\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault ${minor + major}\npgmajfault ${major}\n`;
}

const ticks = (ns: number): number => Math.floor((ns * USER_HZ) / 1e9);

/** Time that tasks have used, the ended ones through their parents. */
function busyNs(k: ProcKernel): { readonly user: number; readonly system: number } {
  let user = 0;
  let system = 0;
  for (const task of k.tasks.values()) {
    user += task.times.userNs + task.childTimes.userNs;
    system += task.times.systemNs + task.childTimes.systemNs;
  }
  return { user, system };
}

export function stat(k: ProcKernel): string {
  const cpus = k.port.cpus.length;
  const { user, system } = busyNs(k);
  const idle = Math.max(0, Number(k.monotonicNs()) * cpus - user - system);
  const row = (name: string, share: number): string =>
    `${name} ${ticks(user / share)} 0 ${ticks(system / share)} ${ticks(idle / share)} 0 0 0 0 0 0\n`;
  const states = [...k.tasks.values()].map((t) => t.state);
  const switches = [...k.tasks.values()].reduce((n, t) => n + t.times.voluntarySwitches + t.times.involuntarySwitches, 0);
  const perCpu = k.port.cpus.map((_, i) => row(`cpu${i}`, cpus)).join('');
  const bootSeconds = (k.realtimeNs() - k.monotonicNs()) / 1_000_000_000n;
  return (
    `${row('cpu ', 1)}${perCpu}intr 0\nctxt ${switches}\nbtime ${bootSeconds}\nprocesses ${Math.max(0, ...k.tasks.keys())}\n` +
    `procs_running ${states.filter((s) => s === 'runnable').length}\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n`
  );
}

export function uptime(k: ProcKernel): string {
  const up = Number(k.monotonicNs());
  const { user, system } = busyNs(k);
  const idle = Math.max(0, up * k.port.cpus.length - user - system);
  return `${(up / 1e9).toFixed(2)} ${(idle / 1e9).toFixed(2)}\n`;
}

export function loadavg(k: ProcKernel): string {
  const running = [...k.tasks.values()].filter((t) => t.state === 'runnable').length;
  return `0.00 0.00 0.00 ${running}/${k.tasks.size} ${Math.max(0, ...k.tasks.keys())}\n`;
}

export const version = (): string => `${UTSNAME.sysname} version ${UTSNAME.release} (perfglass) ${UTSNAME.version}\n`;

/** /proc/sys: constants of the modelled system, as a Debian desktop has them. What can be set of perf is in perf/file/sysctl.ts. */
export const SYSCTL: Readonly<Record<string, string | number>> = {
  'kernel/ostype': UTSNAME.sysname,
  'kernel/osrelease': UTSNAME.release,
  'kernel/version': UTSNAME.version,
  'kernel/hostname': UTSNAME.nodename,
  'kernel/domainname': UTSNAME.domainname,
  'kernel/pid_max': 32768,
  'kernel/threads-max': 16384,
  'kernel/cap_last_cap': 40,
  'kernel/ngroups_max': 65536,
  'kernel/randomize_va_space': 0,
  'kernel/perf_event_max_stack': 127,
  'kernel/perf_event_max_contexts_per_stack': 8,
  'kernel/tainted': 0,
  'kernel/msgmax': IPC_LIMIT.MSGMAX,
  'kernel/msgmnb': IPC_LIMIT.MSGMNB,
  'kernel/msgmni': IPC_LIMIT.MSGMNI,
  'kernel/sem': [IPC_LIMIT.SEMMSL, IPC_LIMIT.SEMMSL * IPC_LIMIT.SEMMNI, IPC_LIMIT.SEMOPM, IPC_LIMIT.SEMMNI].join('\t'),
  'kernel/shmmni': IPC_LIMIT.SHMMNI,
  'kernel/shmmax': '18446744073692774399',
  'kernel/shmall': '18446744073692774399',
  'kernel/nmi_watchdog': 0,
  'kernel/core_pattern': 'core',
  'kernel/random/entropy_avail': 256,
  'kernel/random/poolsize': 256,
  'kernel/random/boot_id': '00000000-0000-4000-8000-000000000000',
  'kernel/unprivileged_userns_clone': 0,
  'kernel/sched_autogroup_enabled': 0,
  'net/core/somaxconn': 4096,
  'net/core/rmem_max': 212992,
  'net/core/wmem_max': 212992,
  'net/ipv4/ip_local_port_range': '32768\t60999',
  'net/ipv4/ip_unprivileged_port_start': 1024,
  'net/ipv4/ping_group_range': '1\t0',
  'net/ipv6/conf/all/disable_ipv6': 0,
  'vm/overcommit_memory': 0,
  'vm/overcommit_ratio': 50,
  'vm/swappiness': 60,
  'vm/max_map_count': 65530,
  'vm/mmap_min_addr': 65536,
  'fs/file-max': 1048576,
  'fs/nr_open': 1048576,
  'fs/pipe-max-size': 1048576,
  'fs/protected_hardlinks': 1, // as Debian sets it; permission.ts mayLink
  'fs/protected_symlinks': 0,
  'fs/suid_dumpable': 0,
};
