/** The experiment's own program, when none is given: loads, stores, branches taken and not, and a system call now and then. */
import { EHDR_SIZE, EM_X86_64, ET, PF, PHDR_SIZE, PT_TYPE } from '#abi/elf.ts';
import { MemoryHost } from '#kernel/testing/memory-host.ts';
import type { Host } from '#port/host.ts';
import type { Program } from '#system/session.ts';

const BASE = 0x40_0000;
const ROUNDS = 60;
const INNER = 400;

/** Hand-assembled; the comments are the source. */
const CODE = Uint8Array.from([
  ...[0xbb, ROUNDS, 0, 0, 0], //             mov ebx, ROUNDS
  ...[0xbd, INNER & 255, INNER >> 8, 0, 0], // 1: mov ebp, INNER
  ...[0x48, 0x8b, 0x04, 0x24], //            2: mov rax, [rsp]
  ...[0x48, 0x01, 0xe8], //                     add rax, rbp
  ...[0x48, 0x89, 0x44, 0x24, 0xf8], //         mov [rsp-8], rax
  ...[0x40, 0xf6, 0xc5, 0x07], //               test bpl, 7
  ...[0x75, 0x04], //                           jnz 3f
  ...[0x48, 0x8d, 0x52, 0x01], //               lea rdx, [rdx+1]
  ...[0xff, 0xcd], //                        3: dec ebp
  ...[0x75, 0xe6], //                           jnz 2b
  ...[0xb8, 110, 0, 0, 0], //                   mov eax, SYS_getppid
  ...[0x0f, 0x05], //                           syscall
  ...[0xff, 0xcb], //                           dec ebx
  ...[0x75, 0xd6], //                           jnz 1b
  ...[0x31, 0xff], //                           xor edi, edi
  ...[0xb8, 231, 0, 0, 0], //                   mov eax, SYS_exit_group
  ...[0x0f, 0x05], //                           syscall
]);

/** A static ELF with one read-execute segment that holds `code` and starts there. */
export function elfOf(code: Uint8Array): Uint8Array {
  const start = EHDR_SIZE + PHDR_SIZE;
  const bytes = new Uint8Array(start + code.length);
  const v = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // ELFCLASS64, ELFDATA2LSB, EV_CURRENT
  v.setUint16(16, ET.EXEC, true);
  v.setUint16(18, EM_X86_64, true);
  v.setUint32(20, 1, true);
  v.setBigUint64(24, BigInt(BASE + start), true);
  v.setBigUint64(32, BigInt(EHDR_SIZE), true);
  v.setUint16(52, EHDR_SIZE, true);
  v.setUint16(54, PHDR_SIZE, true);
  v.setUint16(56, 1, true);
  v.setUint32(EHDR_SIZE, PT_TYPE.LOAD, true);
  v.setUint32(EHDR_SIZE + 4, PF.R | PF.X, true);
  v.setBigUint64(EHDR_SIZE + 16, BigInt(BASE), true);
  v.setBigUint64(EHDR_SIZE + 24, BigInt(BASE), true);
  v.setBigUint64(EHDR_SIZE + 32, BigInt(bytes.length), true);
  v.setBigUint64(EHDR_SIZE + 40, BigInt(bytes.length), true);
  v.setBigUint64(EHDR_SIZE + 48, 4096n, true);
  bytes.set(code, start);
  return bytes;
}

export interface Workload {
  readonly name: string;
  readonly program: Program;
  /** A fresh host for each run. */
  host(): Host;
}

export const builtInWorkload = (): Workload =>
  workloadOf(`built in: ${ROUNDS} rounds of ${INNER} × (load, add, store, two branches), then getppid`, CODE);

export function workloadOf(name: string, code: Uint8Array): Workload {
  return {
    name,
    program: { path: '/loop', argv: ['/loop'], envp: [], cwd: '/' },
    host() {
      const host = new MemoryHost({ '/loop': '' });
      const file = host.root.children.get('loop');
      if (file !== undefined) {
        file.data = elfOf(code);
        file.mode |= 0o111;
      }
      return host;
    },
  };
}
