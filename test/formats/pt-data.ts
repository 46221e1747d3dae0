/** The real PT recordings of the shared data folder, and libipt as the second opinion. Both may be absent: tests then skip visibly. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CodeImage } from '#formats/pt/code-image.ts';

export const DATA = process.env['PERFGLASS_DATA'] ?? new URL('../../../shared/data', import.meta.url).pathname;

export interface Recording {
  readonly name: string;
  readonly trace: string;
  /** Arguments of the oracle: FILE:OFFSET:LENGTH:ADDRESS, pages:DATA:ADDRFILE, cpu:FAMILY/MODEL/STEPPING. */
  readonly code: readonly string[];
  readonly packets?: number;
  readonly insns: number;
  /** Errors that libipt finds, too; each with its reason. */
  readonly errors: number;
}

const at = (path: string): string => join(DATA, path);

export const RECORDINGS: readonly Recording[] = [
  {
    name: 'pt-griffin/ovf-01-poc',
    trace: at('pt-griffin/ovf-01-poc/trace.pt'),
    code: ['0:1000:55d5c0613000', '1000:148000:7fe6ab0de000', '149000:1e000:7fe6ab28c000', '167000:2000:7fff49c8a000'].map(
      (c) => `${at('pt-griffin/ovf-01-poc/code.bin')}:${c}`,
    ),
    packets: 4354,
    insns: 106_077,
    errors: 0,
  },
  {
    name: 'pt-kvm/mruby',
    trace: at('pt-kvm/mruby/trace'),
    code: [`pages:${at('pt-kvm/mruby/data')}:${at('pt-kvm/mruby/data.addr')}`],
    packets: 404_969,
    insns: 6_334_131,
    errors: 0,
  },
  {
    name: 'pt-lldb/single',
    trace: at('pt-lldb/single/3842849.trace'),
    code: [`${at('pt-lldb/single/a.out')}:0:6fc:400000`, 'cpu:6/79/1'],
    insns: 21,
    errors: 0,
  },
  {
    name: 'pt-lldb/multi-core/45',
    trace: at('pt-lldb/multi-core/45.intelpt_trace'),
    code: [`${at('pt-lldb/multi-core/m.out')}:0:1f82:400000`, 'cpu:6/85/4'],
    insns: 61_825,
    errors: 1, // the last byte is a TNT after the TIP.PGD
  },
  {
    name: 'pt-lldb/multi-core/51',
    trace: at('pt-lldb/multi-core/51.intelpt_trace'),
    code: [`${at('pt-lldb/multi-core/m.out')}:0:1f82:400000`, 'cpu:6/85/4'],
    insns: 19_521,
    errors: 3, // two stretches of libc, whose code is not in the recording, and the last byte
  },
];

export const present = (r: { readonly trace: string }): boolean => existsSync(r.trace);
export const bytesOf = (path: string): Uint8Array => new Uint8Array(readFileSync(path));

/** Builds the code image that the oracle's arguments describe. */
export function imageOf(r: Recording): CodeImage {
  const image = new CodeImage();
  for (const spec of r.code) {
    const parts = spec.split(':');
    if (parts[0] === 'cpu') continue;
    if (parts[0] === 'pages') {
      const data = bytesOf(parts[1]!);
      const addrs = bytesOf(parts[2]!);
      const view = new DataView(addrs.buffer, addrs.byteOffset, addrs.byteLength);
      for (let i = 0; i * 8 < addrs.length; i++) image.add(view.getBigUint64(i * 8, true), data.subarray(i * 4096, i * 4096 + 4096));
      continue;
    }
    const [file, offset, length, address] = parts;
    const from = Number.parseInt(offset!, 16);
    image.add(BigInt(`0x${address}`), bytesOf(file!).subarray(from, from + Number.parseInt(length!, 16)), file!);
  }
  return image;
}

/** Compiles the oracle; undefined with the reason when there is no compiler or no libipt. */
export function buildOracle(): { run: (args: readonly string[]) => Buffer } | { missing: string } {
  const out = join(mkdtempSync(join(tmpdir(), 'perfglass-ipt-')), 'libipt-oracle');
  try {
    const source = new URL('./oracle/libipt-oracle.c', import.meta.url).pathname;
    execFileSync('cc', ['-O2', '-o', out, source, '-lipt'], { stdio: 'pipe' });
  } catch (error) {
    return { missing: `no libipt oracle (apt-get install libipt-dev gcc): ${String(error).split('\n')[0]}` };
  }
  return { run: (args) => execFileSync(out, args as string[], { maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] }) };
}
