/**
 * A bare engine for tests and benches: identity-free page tables in guest memory, one address space, no kernel. The caller serves what the
 * program asks for.
 */
import { SKYLAKE_TEST_COSTS } from './costs.ts';
import type { CpuModel } from '#arch/cpu-models/model.ts';
import { SAPPHIRERAPIDS } from '#arch/cpu-models/sapphirerapids.ts';
import type { FeatureWords } from '#arch/cpuid-features.ts';
import { GPR } from '#arch/registers.ts';
import { Engine } from '../engine/engine.ts';
import { PHYSICAL, REG } from '../engine/layout.ts';
import type { Generated } from '../engine/tier0/generate.ts';
import { resetFpu } from '../core/fxsave.ts';
import { Retire } from '../retire.ts';

export class Bare {
  readonly retire = new Retire();
  readonly engine: Engine;
  private nextFrame = 2;

  constructor(generated: Generated, memoryBytes = 64 << 20, features: FeatureWords = SAPPHIRERAPIDS.features) {
    this.engine = new Engine({ costs: SKYLAKE_TEST_COSTS, features } as CpuModel, generated, memoryBytes, this.retire);
    this.engine.setRegister64(REG.CR3, 0x1000n);
    this.engine.setRegister64(REG.RFLAGS, 0x202n);
    resetFpu(this.engine);
  }
  private frame(): number {
    return this.nextFrame++ * 4096;
  }
  /** Maps one page; returns its guest-physical address. Rights: 1 present | 2 writable | 4 user, `nx`. */
  map(va: bigint, rights = 7n, nx = false): number {
    let table = 0x1000;
    for (const level of [39n, 30n, 21n]) {
      const at = PHYSICAL + table + Number((va >> level) & 511n) * 8;
      let entry = this.engine.view.getBigUint64(at, true);
      if ((entry & 1n) === 0n) {
        entry = BigInt(this.frame()) | 7n;
        this.engine.view.setBigUint64(at, entry, true);
      }
      table = Number(entry & 0xf_ffff_ffff_f000n);
    }
    const at = PHYSICAL + table + Number((va >> 12n) & 511n) * 8;
    const old = this.engine.view.getBigUint64(at, true);
    const page = (old & 1n) === 0n ? this.frame() : Number(old & 0xf_ffff_ffff_f000n);
    this.engine.view.setBigUint64(at, BigInt(page) | rights | (nx ? 1n << 63n : 0n), true);
    return page;
  }
  /** Maps and fills a range. */
  load(va: bigint, data: Uint8Array, length = data.length): void {
    for (let done = 0; done < length; ) {
      const at = va + BigInt(done);
      const page = this.map(at & ~0xfffn);
      const offset = Number(at & 0xfffn);
      const n = Math.min(4096 - offset, length - done);
      const slice = data.subarray(done, Math.min(done + n, data.length));
      this.engine.bytes.set(slice, PHYSICAL + page + offset);
      this.engine.written(page + offset, n);
      done += n;
    }
  }
  /** Reads guest memory through the page tables. */
  read(va: bigint, length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      const host = this.engine.translate(va + BigInt(i), 0);
      if (host === 0) throw new Error(`unmapped 0x${va.toString(16)}`);
      out[i] = this.engine.bytes[host] as number;
    }
    return out;
  }
  /** Enters user mode at `rip` with a stack of `stackPages`. */
  start(rip: bigint, stackPages = 16): void {
    const top = 0x7fff_ffff_f000n;
    for (let i = 1; i <= stackPages; i++) this.map(top - BigInt(i) * 4096n, 7n, true);
    this.engine.gpr[GPR.RSP] = top - 64n;
    this.engine.setCpl(3);
    this.engine.rip = rip;
  }
}
