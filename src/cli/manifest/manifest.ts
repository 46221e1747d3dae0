/** `--inputs FILE`: what a run depended on and what it counted, as JSON; the same run gives the same bytes. docs/guest.md describes the fields. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Input, StreamInput } from '#host/inputs.ts';
import { CliError } from '../command.ts';
import type { World } from '../world/world.ts';

export const MANIFEST_FORMAT = 'perfglass inputs 1';

export interface Count {
  readonly event: string;
  /** A number, or why there is none: `<not supported>`. */
  readonly value: number | string;
}

export interface Manifest {
  readonly format: string;
  readonly perfglass: { readonly version: string; readonly build: string };
  readonly command: string;
  /** Options of the modelled computer and of what the guest sees, by their names. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly program: {
    readonly argv: readonly string[];
    readonly cwd: string;
    readonly uid: number;
    readonly gid: number;
    readonly umask: string;
  };
  /** Variables by name: SHA-256 of the value, its first 16 digits. */
  readonly environment: Readonly<Record<string, string>>;
  readonly streams: {
    readonly stdin: StreamInput & { readonly type: string };
    readonly stdout: string;
    readonly stderr: string;
    readonly terminal: string;
  };
  readonly files: readonly Input[];
  readonly counts: readonly Count[];
  readonly recording?: { readonly sha256: string; readonly bytes: number; readonly samples: number };
  readonly exit: number;
}

export interface Observed {
  readonly files: readonly Input[];
  readonly stdin: StreamInput;
}

export type ManifestParts = Pick<Manifest, 'command' | 'options' | 'counts' | 'exit' | 'recording'>;

export function makeManifest(world: World, observed: Observed, parts: ManifestParts): Manifest {
  const { argv, cwd, envp } = world.program;
  const { command, options, counts, exit, recording } = parts;
  return {
    format: MANIFEST_FORMAT,
    perfglass: thisPerfglass(),
    command,
    options,
    program: { argv, cwd, uid: world.uid, gid: world.gid, umask: world.umask.toString(8).padStart(4, '0') },
    environment: Object.fromEntries(envp.map((e) => [e.slice(0, e.indexOf('=')), shortHash(e.slice(e.indexOf('=') + 1))])),
    streams: { ...world.streams, stdin: { ...observed.stdin, type: world.streams.stdin } },
    files: observed.files,
    counts,
    ...(recording === undefined ? {} : { recording }),
    exit,
  };
}

const shortHash = (value: string): string => createHash('sha256').update(value).digest('hex').slice(0, 16);

/** Version, and what tells this build from another of the same version: `source` where the sources themselves run. */
function thisPerfglass(): Manifest['perfglass'] {
  const here = new URL('.', import.meta.url);
  const bundle = new URL('perfglass.js', here);
  const wasm = new URL('interpreter.wasm', here);
  const version = (['../package.json', '../../../package.json'] as const)
    .map((at) => new URL(at, here))
    .filter((at) => existsSync(at))
    .map((at) => (JSON.parse(readFileSync(at, 'utf8')) as { version: string }).version)[0];
  // The bundle names its chunks by their content: two files stand for all.
  const build = existsSync(bundle)
    ? createHash('sha256').update(readFileSync(bundle)).update(readFileSync(wasm)).digest('hex').slice(0, 16)
    : 'source';
  return { version: version ?? 'unknown', build };
}

/** One line for each file and count, so that text tools can compare, too. */
export function manifestText(m: Manifest): string {
  const { files, counts, environment, ...rest } = m;
  const head = JSON.stringify({ ...rest }, undefined, 1).slice(0, -2);
  const list = (name: string, items: readonly unknown[]): string =>
    ` ${JSON.stringify(name)}: [${items.map((i) => `\n  ${JSON.stringify(i)}`).join(',')}${items.length > 0 ? '\n ' : ''}]`;
  return `${[head, ` "environment": ${JSON.stringify(environment)}`, list('counts', counts), list('files', files)].join(',\n')}\n}\n`;
}

export function writeManifest(file: string, m: Manifest): void {
  try {
    writeFileSync(file, manifestText(m));
  } catch (e) {
    throw new CliError(`--inputs: cannot write ${file}: ${(e as NodeJS.ErrnoException).code ?? 'error'}`);
  }
}
