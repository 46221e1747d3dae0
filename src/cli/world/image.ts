/** An archive for --root, opened once: a plain tar is read in place, a compressed one is unpacked into memory with Node's own zlib. */
import { closeSync, openSync, readFileSync, readSync, fstatSync } from 'node:fs';
import * as zlib from 'node:zlib';
import type { Bytes } from '#host/content.ts';
import { CliError } from '../command.ts';

/** First bytes of what may come: RFC 1952, RFC 8878, the .xz format, bzip2. */
const MAGIC: readonly (readonly [name: string, bytes: readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
];

const UNPACK: Readonly<Record<string, ((bytes: Uint8Array) => Buffer) | undefined>> = {
  gzip: zlib.gunzipSync,
  zstd: zlib.zstdDecompressSync as ((bytes: Uint8Array) => Buffer) | undefined,
};

const images = new Map<string, Bytes>();

export function openImage(path: string): Bytes {
  const known = images.get(path);
  if (known !== undefined) return known;
  const image = open(path);
  images.set(path, image);
  return image;
}

function open(path: string): Bytes {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (e) {
    throw new CliError(`--root ${path}: cannot be opened: ${(e as NodeJS.ErrnoException).code ?? 'error'}`);
  }
  const head = new Uint8Array(6);
  readSync(fd, head, 0, 6, 0);
  const packed = MAGIC.find(([, bytes]) => bytes.every((b, i) => head[i] === b))?.[0];
  if (packed === undefined) return { size: fstatSync(fd).size, read: (into, position) => readSync(fd, into, 0, into.length, position) };
  closeSync(fd);
  const unpack = UNPACK[packed];
  if (unpack === undefined)
    throw new CliError(
      `--root ${path}: is packed with ${packed}, which Node ${process.versions.node} does not unpack: unpack it first (${packed} -d)`,
      129,
    );
  let bytes: Buffer;
  try {
    bytes = unpack(readFileSync(path));
  } catch (e) {
    throw new CliError(`--root ${path}: the ${packed} data is broken or cut short (${e instanceof Error ? e.message : String(e)})`);
  }
  return {
    size: bytes.length,
    read(into, position) {
      const part = bytes.subarray(position, position + into.length);
      into.set(part);
      return part.length;
    },
  };
}
