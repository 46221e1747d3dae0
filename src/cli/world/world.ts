/** What a guest program sees: the host's files behind what the options put before them, and the program with its environment. */
import { createHash } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import { FormatError } from '#base/format-error.ts';
import { HermeticHost } from '#host/hermetic.ts';
import { type Hash, InputsHost } from '#host/inputs.ts';
import { OverlayHost } from '#host/overlay.ts';
import { ReadOnlyHost } from '#host/read-only.ts';
import { tarTree } from '#host/tar-tree.ts';
import { DEFAULT_EPOCH_NS } from '#kernel/kernel.ts';
import type { Host } from '#port/host.ts';
import type { Program, Session, SessionFiles } from '#system/session.ts';
import { checkWritable, CliError } from '../command.ts';
import { NodeHost } from '../host-node.ts';
import type { Observed } from '../manifest/manifest.ts';
import { openImage } from './image.ts';
import { checkWorldOptions, type WorldOptions } from './options.ts';
import { type Streams, streamsOf } from './streams.ts';
import { checkOverlayDir, loadOverlay, saveOverlay } from './overlay-dir.ts';

/** Where the host's working directory is with --hermetic: its path differs from machine to machine. */
export const CWD = 'cwd';

/** The environment of --hermetic, and of nothing else. */
export const HERMETIC_ENVIRONMENT: Readonly<Record<string, string>> = {
  HOME: '/',
  LANG: 'C.UTF-8',
  LOGNAME: 'root',
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  PWD: '/',
  SHELL: '/bin/sh',
  TERM: 'dumb',
  TZ: 'UTC0',
  USER: 'root',
};

export interface World {
  readonly host: Host;
  readonly program: Program;
  readonly uid: number;
  readonly gid: number;
  readonly umask: number;
  readonly files: SessionFiles;
  readonly streams: Streams;
  /** Behind a message about the guest's files: which tree they are of. */
  readonly where: string;
  /** Gives the files the session's clock. */
  attach(session: Session): void;
  /** A file as the guest names it; undefined: not there. */
  readFile(path: string): Uint8Array | undefined;
  /** After the run: what it depended on (with --inputs), and the overlay is kept. */
  finish(): Observed | undefined;
}

/** Throws CliError. `stdout`: the host descriptor behind the program's standard output. */
export function makeWorld(o: WorldOptions, command: readonly string[], stdout = 1): World {
  checkWorldOptions(o);
  if (o.inputs !== undefined) checkWritable(o.inputs);
  const node = new NodeHost();
  const hostCwd = process.cwd();
  const hermetic = o.hermetic === true;
  const user = hermetic ? { uid: 0, gid: 0 } : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  let clock: () => bigint = () => DEFAULT_EPOCH_NS;

  const root = o.root === undefined ? undefined : findRoot(o.root);
  /** Host path of the guest's root, where it is a folder; '' the host's own. */
  let prefix = root?.kind === 'folder' ? root.path : '';
  let host: Host = root?.kind === 'tar' ? imageTree(node, root.path) : node;
  const bind = hermetic && root === undefined ? hostCwd : undefined;

  let inputs: InputsHost | undefined;
  if (o.inputs !== undefined) host = inputs = new InputsHost(host, sha256, guestPaths(prefix, bind));
  let overlay: OverlayHost | undefined;
  if (o.overlay !== undefined || (root?.kind === 'tar' && o.readOnly !== true)) {
    host = overlay = new OverlayHost(host, { lower: prefix, user, nowNs: () => clock() });
    prefix = '';
    if (typeof o.overlay === 'string') {
      checkOverlayDir(o.overlay);
      loadOverlay(overlay, node, o.overlay);
    }
  }
  if (o.readOnly === true) host = new ReadOnlyHost(host);
  if (hermetic) host = new HermeticHost(host, root?.kind === 'tar');
  const own = root !== undefined || o.readOnly === true || overlay !== undefined || hermetic;
  const files: SessionFiles = {
    prefix,
    ...(o.readOnly === true ? { readOnly: true } : {}),
    ...(bind === undefined ? {} : { binds: [{ name: CWD, path: bind === '/' ? '' : bind }] }),
    ...(own ? { shm: memory(node, user, () => clock()) } : {}),
  };
  const cwd = root !== undefined ? '/' : bind !== undefined ? `/${CWD}` : hostCwd;
  return {
    host,
    program: programFor(o, command, cwd, bind, stdout),
    uid: user.uid,
    gid: user.gid,
    umask: hermetic ? 0o022 : process.umask(),
    files,
    streams: streamsOf(host, stdout),
    where: o.root === undefined ? '' : ` (in --root ${o.root})`,
    attach(session) {
      clock = () => session.kernel.realtimeNs();
    },
    readFile: (path) =>
      readAll(host, bind !== undefined && path.startsWith(`/${CWD}/`) ? bind + path.slice(CWD.length + 1) : prefix + path),
    finish() {
      // First: keeping an overlay reads files, too.
      const observed = inputs === undefined ? undefined : { files: inputs.inputs(), stdin: inputs.standardInput() };
      if (overlay !== undefined && typeof o.overlay === 'string') saveOverlay(overlay, o.overlay);
      return observed;
    },
  };
}

function findRoot(path: string): { readonly kind: 'folder' | 'tar'; readonly path: string } {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return { kind: 'folder', path: realpathSync(path).replace(/\/$/, '') };
    if (stat.isFile()) return { kind: 'tar', path };
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    throw new CliError(`--root ${path}: ${code === 'ENOENT' ? 'no such folder or tar' : (code ?? 'error')}`, 129);
  }
  throw new CliError(`--root ${path}: neither a folder nor a tar`, 129);
}

function imageTree(node: NodeHost, path: string): OverlayHost {
  try {
    return tarTree(node, openImage(path));
  } catch (e) {
    if (e instanceof FormatError) throw new CliError(`--root ${path}: no usable tar: ${e.message}`);
    throw e;
  }
}

/** /dev/shm: the guest's alone. */
function memory(node: NodeHost, user: { readonly uid: number; readonly gid: number }, nowNs: () => bigint): OverlayHost {
  const shm = new OverlayHost(node, { lower: undefined, user, nowNs });
  shm.root.mode = 0o041777;
  return shm;
}

/** Host path → what the guest calls it. */
function guestPaths(prefix: string, bind: string | undefined): (path: string) => string | undefined {
  return (path) => {
    if (bind !== undefined && (path === bind || path.startsWith(`${bind}/`))) return `/${CWD}${path.slice(bind === '/' ? 0 : bind.length)}`;
    if (path === prefix || path === '/') return '/';
    return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : undefined;
  };
}

const sha256 = (): Hash => {
  const hash = createHash('sha256');
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.copy().digest('hex') };
};

function programFor(o: WorldOptions, command: readonly string[], cwd: string, bind: string | undefined, stdout: number): Program {
  let name = command[0] ?? '';
  // The checkout's own path is no part of the program.
  if (bind !== undefined && bind !== '/' && name.startsWith(`${bind}/`)) name = `/${CWD}${name.slice(bind.length)}`;
  const env = new Map<string, string>();
  const given = o.hermetic === true ? { ...HERMETIC_ENVIRONMENT, PWD: cwd } : process.env;
  for (const [k, v] of Object.entries(given)) if (v !== undefined) env.set(k, v);
  for (const e of o.env ?? []) {
    const cut = e.indexOf('=');
    const value = cut < 0 ? process.env[e] : e.slice(cut + 1);
    if (value !== undefined) env.set(cut < 0 ? e : e.slice(0, cut), value);
  }
  return {
    path: name,
    argv: [name, ...command.slice(1)],
    envp: [...env].map(([k, v]) => `${k}=${v}`).sort(),
    cwd,
    stdout,
    ...(name.includes('/') ? {} : { search: env.get('PATH') ?? '' }),
  };
}

function readAll(host: Host, path: string): Uint8Array | undefined {
  const fd = host.open(path, 0, 0);
  if (fd < 0) return undefined;
  const stat = host.fstat(fd);
  const bytes = new Uint8Array(typeof stat === 'number' ? 0 : stat.size);
  let at = 0;
  for (let n = 1; n > 0 && at < bytes.length; at += Math.max(0, n)) n = host.read(fd, bytes.subarray(at), at);
  host.close(fd);
  return bytes.subarray(0, at);
}
