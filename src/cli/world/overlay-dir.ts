/**
 * `--overlay DIR`: a guest's changes, kept. docs/guest.md has the layout: DIR/tree holds what was made or changed in its place, with the whiteouts
 * of OCI layers; DIR/overlay.json what the host's files cannot hold.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  openSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { join } from 'node:path';
import { S } from '#abi/fs.ts';
import { encodeUtf8 } from '#base/utf8.ts';
import { Content } from '#host/content.ts';
import { type Entry, newEntry } from '#host/entry.ts';
import type { OverlayHost } from '#host/overlay.ts';
import { CliError } from '../command.ts';
import type { NodeHost } from '../host-node.ts';

const FORMAT = 'perfglass overlay 1';
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

/** mode (with type), uid, gid, mtime in ns, and a device's numbers. */
type Row = readonly [mode: number, uid: number, gid: number, mtimeNs: string, major?: number, minor?: number];

interface Index {
  readonly format: string;
  /** By path: everything under tree/. */
  readonly entries: Readonly<Record<string, Row>>;
}

/** A folder that can take an overlay: absent, empty, or one that was kept before. */
export function checkOverlayDir(dir: string): void {
  try {
    if (!existsSync(dir)) mkdirSync(dir, { recursive: true });
    const names = readdirSync(dir);
    if (names.length > 0 && !names.includes('overlay.json'))
      throw new CliError(`--overlay ${dir}: the folder is not empty and holds no overlay of perfglass (no overlay.json)`, 129);
  } catch (e) {
    if (e instanceof CliError) throw e;
    throw new CliError(`--overlay ${dir}: ${(e as NodeJS.ErrnoException).code ?? 'error'}`);
  }
}

export function loadOverlay(overlay: OverlayHost, host: NodeHost, dir: string): void {
  const file = join(dir, 'overlay.json');
  if (!existsSync(file)) return;
  let index: Index;
  try {
    index = JSON.parse(readFileSync(file, 'utf8')) as Index;
  } catch (e) {
    throw new CliError(`--overlay ${dir}: overlay.json cannot be read: ${e instanceof Error ? e.message : String(e)}`);
  }
  if (index.format !== FORMAT) throw new CliError(`--overlay ${dir}: overlay.json says '${index.format}', '${FORMAT}' is wanted`);
  const tree = join(dir, 'tree');
  const walk = (path: string, into: Entry): void => {
    const names = host.readdir(tree + path);
    if (typeof names === 'number') throw new CliError(`--overlay ${dir}: tree${path} cannot be read`);
    for (const name of names) {
      if (name === OPAQUE) continue;
      const hidden = name.startsWith(WHITEOUT);
      const at = `${path}/${hidden ? name.slice(WHITEOUT.length) : name}`;
      if (hidden) {
        overlay.plant(at, null);
        continue;
      }
      const row = index.entries[at];
      if (row === undefined) throw new CliError(`--overlay ${dir}: tree${at} is not in overlay.json`);
      const made = plantOne(overlay, host, into, `${tree}${at}`, at, name, row, existsSync(join(tree + at, OPAQUE)));
      if ((made.mode & S.IFMT) === S.IFDIR) walk(at, made);
    }
  };
  walk('', overlay.root);
}

function plantOne(o: OverlayHost, host: NodeHost, into: Entry, file: string, path: string, name: string, row: Row, opaque: boolean): Entry {
  const [mode, uid, gid, time, major, minor] = row;
  const type = mode & S.IFMT;
  const below = o.lookup(into, name);
  if (type === S.IFDIR && !opaque && typeof below !== 'number' && 'entry' in below && (below.entry.mode & S.IFMT) === S.IFDIR) {
    Object.assign(below.entry, { mode, uid, gid, mtimeNs: BigInt(time), changed: true });
    return below.entry;
  }
  const target = type === S.IFLNK ? host.readlink(file) : undefined;
  const identity = typeof below === 'number' ? o.freshIdentity(into) : o.statOf(below).identity;
  const entry = newEntry(mode, identity, { uid, gid }, BigInt(time), {
    ...(typeof target === 'string' ? { target } : {}),
    ...(type === S.IFREG ? { content: new Content(fileBytes(host, file)) } : {}),
  });
  const planted = major === undefined || minor === undefined ? entry : { ...entry, rdevMajor: major, rdevMinor: minor };
  o.plant(path, planted);
  return planted;
}

/** A file of the host as bytes: opened at the first read. */
function fileBytes(host: NodeHost, path: string): { readonly size: number; read: (into: Uint8Array, position: number) => number } {
  const stat = host.stat(path, false);
  let fd = -1;
  return {
    size: typeof stat === 'number' ? 0 : stat.size,
    read(into, position) {
      if (fd < 0) fd = host.open(path, 0, 0);
      return fd < 0 ? fd : host.read(fd, into, position);
    },
  };
}

/** Writes everything that differs from the lower tree. The old state stays until the new one is whole. */
export function saveOverlay(overlay: OverlayHost, dir: string): void {
  const next = join(dir, 'tree.new');
  const entries: Record<string, Row> = {};
  try {
    rmSync(next, { recursive: true, force: true });
    mkdirSync(next);
    saveDirectory(overlay, overlay.root, '', next, entries, false);
    rmSync(join(dir, 'tree'), { recursive: true, force: true });
    renameSync(next, join(dir, 'tree'));
    const rows = Object.entries(entries)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, row]) => `\n  ${JSON.stringify(path)}: ${JSON.stringify(row)}`);
    writeFileSync(join(dir, 'overlay.json'), `{\n "format": ${JSON.stringify(FORMAT)},\n "entries": {${rows.join(',')}\n }\n}\n`);
  } catch (e) {
    if (e instanceof CliError) throw e;
    throw new CliError(`--overlay ${dir}: the changes could not be kept: ${(e as NodeJS.ErrnoException).code ?? String(e)}`);
  }
}

const native = (path: string): string | Buffer => (/[\udc80-\udcff]/.test(path) ? Buffer.from(encodeUtf8(path)) : path);

/** `whole`: nothing of the directory is at that place below, so that all of it is written. True: something was. */
function saveDirectory(o: OverlayHost, directory: Entry, path: string, out: string, entries: Record<string, Row>, whole: boolean): void {
  const names = whole ? o.names(directory) : [...directory.children.keys()];
  if (typeof names === 'number') throw new CliError(`--overlay: ${path || '/'} cannot be listed (errno ${-names})`);
  for (const name of names) {
    if (name.startsWith(WHITEOUT)) throw new CliError(`--overlay: the name ${path}/${name} cannot be kept: '.wh.' marks whiteouts`);
    const child = directory.children.get(name);
    const at = `${path}/${name}`;
    if (child === null) {
      if (!whole && o.hasBelow(directory, name)) {
        makeParents(o, path, out, entries);
        writeFileSync(native(`${out}${path}/${WHITEOUT}${name}`), '');
      }
      continue;
    }
    const found = child === undefined ? o.lookup(directory, name) : { entry: child };
    if (typeof found === 'number') continue;
    const stat = o.statOf(found);
    const inPlace =
      !whole && 'entry' in found && found.entry.lowerPath === `${directory.lowerPath === '/' ? '' : directory.lowerPath}/${name}`;
    const row: Row = [
      stat.mode,
      stat.uid,
      stat.gid,
      String(stat.mtimeNs),
      ...(stat.rdevMajor || stat.rdevMinor ? [stat.rdevMajor, stat.rdevMinor] : []),
    ] as unknown as Row;
    if ((stat.mode & S.IFMT) === S.IFDIR && 'entry' in found) {
      if (!inPlace || found.entry.changed) {
        makeParents(o, path, out, entries);
        entries[at] = row;
        mkdirSync(native(out + at), { recursive: true });
        if (!inPlace) writeFileSync(native(`${out}${at}/${OPAQUE}`), '');
      }
      saveDirectory(o, found.entry, at, out, entries, !inPlace);
      continue;
    }
    if (inPlace && 'entry' in found && !found.entry.changed) continue;
    makeParents(o, path, out, entries);
    entries[at] = row;
    if ((stat.mode & S.IFMT) === S.IFLNK) symlinkSync(native(o.textOf(found)), native(out + at));
    else writeBytes(o, found, `${out}${at}`);
  }
}

/** The directories on the way to a changed name are listed, too. */
function makeParents(o: OverlayHost, path: string, out: string, entries: Record<string, Row>): void {
  let at: Entry = o.root;
  let way = '';
  for (const name of path.split('/').filter((n) => n !== '')) {
    way += `/${name}`;
    const next = o.lookup(at, name);
    if (typeof next === 'number' || !('entry' in next)) return;
    at = next.entry;
    entries[way] ??= [at.mode, at.uid, at.gid, String(at.mtimeNs)];
  }
  mkdirSync(native(out + path), { recursive: true });
}

function writeBytes(o: OverlayHost, found: Parameters<OverlayHost['bytesOf']>[0], file: string): void {
  const fd = openSync(native(file), 'w');
  try {
    const buffer = new Uint8Array(1_048_576);
    const { read, done } = o.bytesOf(found);
    for (let at = 0; ; ) {
      const n = read(buffer, at);
      if (n < 0) throw new CliError(`--overlay: ${file} cannot be read (errno ${-n})`);
      if (n === 0) break;
      writeSync(fd, buffer, 0, n);
      at += n;
    }
    done();
  } finally {
    closeSync(fd);
  }
}
