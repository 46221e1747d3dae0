/**
 * Tar archives: POSIX ustar and pax (IEEE Std 1003.1, pax interchange format), GNU's long names and base-256 numbers, and the old form before
 * them. Reads headers only; a member's bytes stay where they are. Bad archives are a FormatError with the offset.
 */
import { FormatError } from '#base/format-error.ts';
import { decodeUtf8 } from '#base/utf8.ts';
import type { Bytes } from './content.ts';

export type TarKind = 'file' | 'hardlink' | 'symlink' | 'chardev' | 'blockdev' | 'directory' | 'fifo';

export interface TarMember {
  readonly kind: TarKind;
  /** Without a leading `./`; '' is the root itself. */
  readonly path: string;
  /** Of a link: a symbolic link's text as it is, a hard link's member path. */
  readonly target: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly major: number;
  readonly minor: number;
  /** Where its bytes start. */
  readonly offset: number;
  readonly size: number;
  /** Of its header. */
  readonly at: number;
}

const BLOCK = 512;
/** What a long name or a pax header may take. */
const MAX_EXTENSION = 1_048_576;

const KINDS: Readonly<Record<string, TarKind>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'chardev',
  '4': 'blockdev',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file', // contiguous
};
/** Types that exist and are not read. */
const REFUSED: Readonly<Record<string, string>> = {
  S: 'a GNU sparse file',
  M: 'a piece of a multi-volume archive',
  D: 'a GNU incremental directory',
};

const text = (block: Uint8Array, from: number, length: number): string => {
  const field = block.subarray(from, from + length);
  const end = field.indexOf(0);
  return decodeUtf8(end < 0 ? field : field.subarray(0, end));
};

/** Octal with spaces or NULs around it, or GNU's base-256 with the top bit set. */
function number(block: Uint8Array, from: number, length: number, at: number, what: string): number {
  if (((block[from] ?? 0) & 0x80) !== 0) {
    // Two's complement, the top bit being the mark itself.
    let value = BigInt.asIntN(7, BigInt(block[from] ?? 0));
    for (let i = 1; i < length; i++) value = value * 256n + BigInt(block[from + i] ?? 0);
    if (value < -(2n ** 52n) || value > 2n ** 52n) throw new FormatError(at + from, `a tar header's ${what} is out of range`);
    return Number(value);
  }
  const digits = text(block, from, length).trim();
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits)) throw new FormatError(at + from, `a tar header's ${what} is no octal number`);
  return Number.parseInt(digits, 8);
}

function checksumHolds(block: Uint8Array): boolean {
  let sum = 0;
  for (const [i, byte] of block.entries()) sum += i >= 148 && i < 156 ? 0x20 : byte;
  return Number.parseInt(text(block, 148, 8).trim(), 8) === sum;
}

/** `LENGTH KEY=VALUE\n` records. */
function paxRecords(bytes: Uint8Array, at: number): Map<string, string> {
  const out = new Map<string, string>();
  for (let i = 0; i < bytes.length; ) {
    const space = bytes.indexOf(0x20, i);
    const length = space < 0 ? Number.NaN : Number(decodeUtf8(bytes.subarray(i, space)));
    const equals = bytes.indexOf(0x3d, i);
    const end = i + length;
    if (!Number.isInteger(length) || end > bytes.length || equals < space || equals >= end || bytes[end - 1] !== 0x0a)
      throw new FormatError(at + i, 'a pax header has a broken record');
    out.set(decodeUtf8(bytes.subarray(space + 1, equals)), decodeUtf8(bytes.subarray(equals + 1, end - 1)));
    i = end;
  }
  return out;
}

/** Seconds with a fraction, as pax has them. */
function nanoseconds(value: string, at: number): bigint {
  const [, sign, whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(value) ?? [];
  if (sign === undefined) throw new FormatError(at, `a pax header's time '${value}' is no number`);
  const ns = BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9));
  return sign === '-' ? -ns : ns;
}

/** The members' name within the tree; what would lie outside is refused. */
function inside(name: string, at: number, what: string): string {
  if (name.startsWith('/')) throw new FormatError(at, `${what} '${name}' is absolute`);
  if (name.includes('\0')) throw new FormatError(at, `${what} has a NUL in it`);
  const parts = name.split('/').filter((p) => p !== '' && p !== '.');
  if (parts.includes('..')) throw new FormatError(at, `${what} '${name}' leads out of the tree by '..'`);
  return parts.join('/');
}

export function* tarMembers(archive: Bytes): Generator<TarMember> {
  const block = new Uint8Array(BLOCK);
  let global = new Map<string, string>();
  let pax = new Map<string, string>();
  let longName: string | undefined;
  let longLink: string | undefined;
  let at = 0;
  const fill = (into: Uint8Array, position: number): void => {
    let got = 0;
    while (got < into.length) {
      const n = archive.read(into.subarray(got), position + got);
      if (n <= 0) throw new FormatError(position + got, 'the archive is cut short');
      got += n;
    }
  };
  for (;;) {
    if (at >= archive.size) throw new FormatError(archive.size, 'the archive ends without its end mark: cut short');
    fill(block, at);
    if (block.every((b) => b === 0)) return;
    if (!checksumHolds(block))
      throw new FormatError(at, at === 0 ? 'no tar archive: the first header has a wrong checksum' : 'a tar header has a wrong checksum');
    const type = String.fromCharCode(block[156] ?? 0);
    const dataAt = at + BLOCK;
    const ownSize = number(block, 124, 12, at, 'size');
    const get = (key: string): string | undefined => pax.get(key) ?? global.get(key);
    const extension = (): Uint8Array => {
      if (ownSize > MAX_EXTENSION) throw new FormatError(at, 'a tar extension header is too long');
      const bytes = new Uint8Array(ownSize);
      fill(bytes, dataAt);
      return bytes;
    };
    const next = (size: number): number => dataAt + Math.ceil(size / BLOCK) * BLOCK;
    if (type === 'x' || type === 'g') {
      const records = paxRecords(extension(), dataAt);
      if (type === 'x') pax = records;
      else global = new Map([...global, ...records]);
      at = next(ownSize);
      continue;
    }
    if (type === 'L' || type === 'K') {
      const name = text(extension(), 0, ownSize);
      if (type === 'L') longName = name;
      else longLink = name;
      at = next(ownSize);
      continue;
    }
    if (type === 'V') {
      at = next(ownSize); // a volume's label
      continue;
    }
    const refused = REFUSED[type] ?? ([...pax.keys()].some((k) => k.startsWith('GNU.sparse.')) ? 'a GNU sparse file' : undefined);
    if (refused !== undefined) throw new FormatError(at, `${refused} (tar without --sparse and --incremental makes none)`);
    const ustar = text(block, 257, 5) === 'ustar';
    const prefix = ustar && block[262] === 0 ? text(block, 345, 155) : '';
    const short = text(block, 0, 100);
    const name = get('path') ?? longName ?? (prefix === '' ? short : `${prefix}/${short}`);
    // Before ustar a directory was a file whose name ends with a slash.
    const kind = KINDS[type] === 'file' && name.endsWith('/') ? 'directory' : KINDS[type];
    if (kind === undefined) throw new FormatError(at + 156, `a member of unknown type '${type}'`);
    const link = get('linkpath') ?? longLink ?? text(block, 157, 100);
    const sizeText = get('size');
    const size = kind === 'file' ? (sizeText === undefined ? ownSize : Number(sizeText)) : 0;
    if (!Number.isSafeInteger(size) || size < 0) throw new FormatError(at, `a member's size ${sizeText ?? size} is no size`);
    if (dataAt + size > archive.size) throw new FormatError(archive.size, `the archive is cut short within '${name}'`);
    const mtime = get('mtime');
    const owner = (key: 'uid' | 'gid', from: number): number => {
      const value = get(key);
      return value !== undefined && /^\d+$/.test(value) ? Number(value) : number(block, from, 8, at, key);
    };
    yield {
      kind,
      path: inside(name, at, 'a member'),
      target: kind === 'hardlink' ? inside(link, at, `the hard link '${name}': its target`) : kind === 'symlink' ? link : '',
      mode: number(block, 100, 8, at, 'mode') & 0o7777,
      uid: owner('uid', 108),
      gid: owner('gid', 116),
      mtimeNs: mtime === undefined ? BigInt(number(block, 136, 12, at, 'time')) * 1_000_000_000n : nanoseconds(mtime, at),
      major: ustar ? number(block, 329, 8, at, 'device number') : 0,
      minor: ustar ? number(block, 337, 8, at, 'device number') : 0,
      offset: dataAt,
      size,
      at,
    };
    pax = new Map();
    longName = longLink = undefined;
    at = next(size);
  }
}
