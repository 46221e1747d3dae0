/** The `Host` of the command line: node:fs, synchronous. Every failure is a negative errno; nothing throws. */
import fs from 'node:fs';
import tty from 'node:tty';
import { ERRNO, type ErrnoName } from '#abi/errno.ts';
import { O } from '#abi/fs.ts';
import { encodeUtf8 } from '#base/utf8.ts';
import { decodeUtf8 } from '#base/utf8.ts';
import type { Host, HostStat, HostStatfs } from '#port/host.ts';

/** The positive errno of a Node error: libuv's codes are Linux's names. */
function errnoOf(error: unknown): number {
  const { code, errno } = error as NodeJS.ErrnoException;
  const known = code === undefined ? undefined : ERRNO[code as ErrnoName];
  if (known !== undefined) return known;
  if (errno !== undefined && errno < 0 && errno > -4096) return -errno; // libuv's errno is -errno on Linux
  if (code === 'ERR_FS_FILE_TOO_LARGE' || code === 'ERR_OUT_OF_RANGE') return ERRNO.EINVAL;
  return ERRNO.EIO;
}

const isAgain = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EAGAIN';
const isEnd = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EOF';
const isInterrupt = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EINTR';

/** The value, or -errno. */
function attempt<T>(call: () => T): T | number {
  try {
    return call();
  } catch (error) {
    return -errnoOf(error);
  }
}
/** 0, or -errno. */
function done(call: () => void): number {
  try {
    call();
    return 0;
  } catch (error) {
    return -errnoOf(error);
  }
}

/** Names that are no UTF-8 go as bytes, all others as the string that Node encodes itself. */
const ESCAPED = /[\udc80-\udcff]/;
function native(path: string): string | Buffer {
  return ESCAPED.test(path) ? Buffer.from(encodeUtf8(path)) : path;
}
const text = (name: Buffer): string => decodeUtf8(name);

const sleeper = new Int32Array(new SharedArrayBuffer(4));
/** A stream that somebody made non-blocking: wait as the read or write would have. */
function pause(): void {
  Atomics.wait(sleeper, 0, 0, 1);
}

function toStat(s: fs.BigIntStats): HostStat {
  const rdev = Number(s.rdev);
  return {
    mode: Number(s.mode),
    nlink: Number(s.nlink),
    uid: Number(s.uid),
    gid: Number(s.gid),
    size: Number(s.size),
    blocks: Number(s.blocks),
    atimeNs: s.atimeNs,
    mtimeNs: s.mtimeNs,
    ctimeNs: s.ctimeNs,
    rdevMajor: ((rdev >>> 8) & 0xfff) | (Math.floor(rdev / 2 ** 32) & ~0xfff),
    rdevMinor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00),
    identity: `${s.dev}:${s.ino}`,
  };
}

/** Node takes seconds as a double: about 0.2 µs is lost near the present. The kernel remembers the exact value for the session. */
const seconds = (ns: bigint): number => Number(ns / 1_000_000_000n) + Number(ns % 1_000_000_000n) / 1e9;
const presentNs = (): bigint => BigInt(Date.now()) * 1_000_000n;

/** `call` with the host's umask out of the way: the guest's has been applied. */
function unmasked<T>(call: () => T): T {
  const saved = process.umask(0);
  try {
    return call();
  } finally {
    process.umask(saved);
  }
}

/** A pipe or terminal that is read without blocking. */
interface Stream {
  readonly fd: number;
  readonly terminal: boolean;
}

/** How long a read waits for the first byte before it says EAGAIN, and how long a silence ends what a pipe has begun to give; ms. */
const FIRST_BYTE = 20;
const SILENCE = 100;

/**
 * A terminal gives a line. A pipe is read until the buffer is full, its end, or a silence: how the writer's pieces fall must not show in
 * what the program reads, as far as that can be had without hanging on a writer that waits for an answer.
 */
function readStream(stream: Stream, into: Uint8Array): number {
  let total = 0;
  let waited = 0;
  for (;;) {
    let n: number;
    try {
      n = fs.readSync(stream.fd, into, total, into.length - total, null);
    } catch (error) {
      if (isInterrupt(error)) continue;
      if (!isAgain(error)) return total > 0 ? total : isEnd(error) ? 0 : -errnoOf(error);
      if (waited >= (total > 0 ? SILENCE : FIRST_BYTE)) return total > 0 ? total : -ERRNO.EAGAIN;
      pause();
      waited++;
      continue;
    }
    total += n;
    waited = 0;
    if (n === 0 || stream.terminal || total === into.length) return total;
  }
}

export class NodeHost implements Host {
  private readonly streams = new Map<number, Stream | undefined>();

  open(path: string, flags: number, mode: number): number {
    // Node's constants are Linux's on Linux; a FIFO or device that appeared meanwhile must not hang the session.
    const wanted = flags | O.NONBLOCK | O.NOCTTY | O.CLOEXEC;
    return attempt(() =>
      (flags & O.CREAT) === 0 ? fs.openSync(native(path), wanted) : unmasked(() => fs.openSync(native(path), wanted, mode)),
    );
  }
  close(fd: number): number {
    return done(() => fs.closeSync(fd));
  }
  read(fd: number, into: Uint8Array, position: number): number {
    if (position < 0 && into.length > 0) {
      const stream = this.stream(fd);
      if (stream !== undefined) return readStream(stream, into);
    }
    for (;;) {
      try {
        return fs.readSync(fd, into, 0, into.length, position < 0 ? null : position);
      } catch (error) {
        if (isInterrupt(error)) continue;
        if (!isAgain(error)) return isEnd(error) ? 0 : -errnoOf(error);
        pause();
      }
    }
  }

  /** A pipe or terminal as a descriptor of our own that does not block: the inherited one stays as its other users have set it. */
  private stream(fd: number): Stream | undefined {
    if (this.streams.has(fd)) return this.streams.get(fd);
    let stream: Stream | undefined;
    try {
      const terminal = tty.isatty(fd);
      if (terminal || fs.fstatSync(fd).isFIFO()) {
        stream = {
          fd: fs.openSync(`/proc/self/fd/${fd}`, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY),
          terminal,
        };
      }
    } catch {
      stream = undefined; // not ours to open, or no /proc: reads block
    }
    this.streams.set(fd, stream);
    return stream;
  }
  write(fd: number, from: Uint8Array, position: number): number {
    let written = 0;
    while (written < from.length) {
      try {
        written += fs.writeSync(fd, from, written, from.length - written, position < 0 ? null : position + written);
      } catch (error) {
        if (isInterrupt(error)) continue;
        if (isAgain(error)) pause();
        else return written > 0 ? written : -errnoOf(error);
      }
    }
    return written;
  }
  stat(path: string, followLinks: boolean): HostStat | number {
    const options = { bigint: true, throwIfNoEntry: false } as const;
    try {
      const found = followLinks ? fs.statSync(native(path), options) : fs.lstatSync(native(path), options);
      return found === undefined ? this.absence(path) : toStat(found);
    } catch (error) {
      return -errnoOf(error);
    }
  }
  /** throwIfNoEntry hides the difference between ENOENT and ENOTDIR; throwing for every miss would cost 20 µs. */
  private absence(path: string): number {
    const parent = path.slice(0, path.lastIndexOf('/')) || '/';
    const above = fs.statSync(native(parent), { throwIfNoEntry: false });
    return above === undefined || above.isDirectory() ? -ERRNO.ENOENT : -ERRNO.ENOTDIR;
  }
  fstat(fd: number): HostStat | number {
    return attempt(() => toStat(fs.fstatSync(fd, { bigint: true })));
  }
  access(path: string, mode: number): number {
    return done(() => fs.accessSync(native(path), mode));
  }
  readdir(path: string): string[] | number {
    return attempt(() =>
      fs
        .readdirSync(native(path), { encoding: 'buffer' })
        .sort(Buffer.compare)
        .map((name) => text(name as Buffer)),
    );
  }
  readlink(path: string): string | number {
    return attempt(() => text(fs.readlinkSync(native(path), { encoding: 'buffer' })));
  }
  mkdir(path: string, mode: number): number {
    return done(() => unmasked(() => fs.mkdirSync(native(path), mode)));
  }
  rmdir(path: string): number {
    return done(() => fs.rmdirSync(native(path)));
  }
  unlink(path: string): number {
    return done(() => fs.unlinkSync(native(path)));
  }
  rename(from: string, to: string): number {
    return done(() => fs.renameSync(native(from), native(to)));
  }
  link(from: string, to: string): number {
    return done(() => fs.linkSync(native(from), native(to)));
  }
  symlink(target: string, path: string): number {
    return done(() => fs.symlinkSync(native(target), native(path)));
  }
  chmod(path: string, mode: number): number {
    return done(() => fs.chmodSync(native(path), mode));
  }
  chown(path: string, uid: number, gid: number, followLinks: boolean): number {
    return done(() => (followLinks ? fs.chownSync : fs.lchownSync)(native(path), uid, gid));
  }
  fchmod(fd: number, mode: number): number {
    return done(() => fs.fchmodSync(fd, mode));
  }
  fchown(fd: number, uid: number, gid: number): number {
    return done(() => fs.fchownSync(fd, uid, gid));
  }
  utimes(path: string, atimeNs: bigint | undefined, mtimeNs: bigint | undefined, followLinks: boolean): number {
    const call = followLinks ? fs.utimesSync : fs.lutimesSync;
    return done(() => call(native(path), seconds(atimeNs ?? presentNs()), seconds(mtimeNs ?? presentNs())));
  }
  futimes(fd: number, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): number {
    return done(() => fs.futimesSync(fd, seconds(atimeNs ?? presentNs()), seconds(mtimeNs ?? presentNs())));
  }
  truncate(path: string, size: number): number {
    return done(() => fs.truncateSync(native(path), size));
  }
  ftruncate(fd: number, size: number): number {
    return done(() => fs.ftruncateSync(fd, size));
  }
  fsync(fd: number): number {
    return done(() => fs.fsyncSync(fd));
  }
  statfs(path: string): HostStatfs | number {
    return attempt(() => {
      const s = fs.statfsSync(native(path));
      return { blockSize: s.bsize, blocks: s.blocks, blocksFree: s.bfree, blocksAvailable: s.bavail, files: s.files, filesFree: s.ffree };
    });
  }
  /** Linux tells through /proc. */
  position(fd: number): { readonly offset: number; readonly flags: number } | number {
    const info = attempt(() => fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'));
    if (typeof info === 'number') return info;
    const offset = /^pos:\s*(\d+)/m.exec(info)?.[1];
    const flags = /^flags:\s*([0-7]+)/m.exec(info)?.[1];
    return offset === undefined || flags === undefined ? -ERRNO.ESPIPE : { offset: Number(offset), flags: Number.parseInt(flags, 8) };
  }
  /** Linux names open descriptors in /proc. */
  reopen(fd: number, flags: number): number {
    return this.open(`/proc/self/fd/${fd}`, flags, 0);
  }
  pathOf(fd: number): string | number {
    return this.readlink(`/proc/self/fd/${fd}`);
  }
  terminal(fd: number): { readonly rows: number; readonly columns: number } | undefined {
    if (!tty.isatty(fd)) return undefined;
    const stream = [process.stdout, process.stderr].find((s) => s.isTTY);
    return { rows: stream?.rows ?? 24, columns: stream?.columns ?? 80 };
  }
}
