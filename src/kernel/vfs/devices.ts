/** The devices of /dev that programs count on (null(4), zero(4), full(4), random(4), tty(4)). Documentation/admin-guide/devices.txt numbers. */
import { ERRNO } from '#abi/errno.ts';
import { FS_MAGIC, S, ST, makeDevice } from '#abi/fs.ts';
import type { PageSource } from '../mm/page-source.ts';
import { FileDescription, type Opened } from './file-description.ts';
import { type FileSystemKind, Node } from './node.ts';
import { PseudoNode, type PseudoTree } from './pseudo.ts';

export const DEVFS: FileSystemKind = { type: 'devtmpfs', source: 'udev', magic: FS_MAGIC.TMPFS, flags: ST.NOSUID | ST.VALID, device: 0x5 };

/** What a device does with a transfer: bytes moved or -errno. */
interface DeviceBehaviour {
  readonly read: (into: Uint8Array) => number;
  readonly write: (from: Uint8Array) => number;
}

export interface DeviceRow {
  readonly name: string;
  readonly major: number;
  readonly minor: number;
  readonly behaviour: DeviceBehaviour;
}

const discard = (from: Uint8Array): number => from.length;
const zeroes = (into: Uint8Array): number => {
  into.fill(0);
  return into.length;
};

/** `random`: the session's seeded bytes. */
export function deviceTable(random: (length: number) => Uint8Array): readonly DeviceRow[] {
  const bytes = (into: Uint8Array): number => {
    into.set(random(into.length));
    return into.length;
  };
  return [
    { name: 'null', major: 1, minor: 3, behaviour: { read: () => 0, write: discard } },
    { name: 'zero', major: 1, minor: 5, behaviour: { read: zeroes, write: discard } },
    { name: 'full', major: 1, minor: 7, behaviour: { read: zeroes, write: () => -ERRNO.ENOSPC } },
    { name: 'random', major: 1, minor: 8, behaviour: { read: bytes, write: discard } },
    { name: 'urandom', major: 1, minor: 9, behaviour: { read: bytes, write: discard } },
  ];
}

export class DeviceNode extends PseudoNode {
  private readonly row: DeviceRow;

  constructor(tree: PseudoTree, parent: Node, row: DeviceRow) {
    super(tree, parent, row.name, 0o666);
    this.row = row;
  }
  override type(): number {
    return S.IFCHR;
  }
  protected override device(): number {
    return makeDevice(this.row.major, this.row.minor);
  }
  override open(flags: number): FileDescription {
    return new DeviceDescription(this, flags, this.row.behaviour, () => this.tree.nextIno());
  }
  override truncate(): number {
    return -ERRNO.EINVAL;
  }
}

class DeviceDescription extends FileDescription {
  private readonly behaviour: DeviceBehaviour;
  private readonly unique: () => number;

  constructor(node: Node, flags: number, behaviour: DeviceBehaviour, unique: () => number) {
    super(node, flags);
    this.behaviour = behaviour;
    this.unique = unique;
  }
  override get seekable(): boolean {
    return true;
  }
  /** drivers/char/mem.c: null, zero and full have none. */
  override get pollable(): boolean {
    return this.node.name === 'random' || this.node.name === 'urandom';
  }
  override read(into: Uint8Array): number {
    return this.behaviour.read(into);
  }
  override write(from: Uint8Array): number {
    return this.behaviour.write(from);
  }
  override pread(into: Uint8Array): number {
    return this.behaviour.read(into);
  }
  override pwrite(from: Uint8Array): number {
    return this.behaviour.write(from);
  }
  /** null_lseek: always 0. */
  override seek(): number {
    this.offset = 0;
    return 0;
  }
  /** /dev/zero maps as anonymous memory. */
  override pageSource(): PageSource | number {
    if (this.node.name !== 'zero') return -ERRNO.ENODEV;
    return {
      key: `dev:zero:${this.unique()}`, // a shared mapping is shared with its children only
      name: '/dev/zero',
      device: { major: 0, minor: 5 },
      inode: 0,
      sizeBytes: () => Number.MAX_SAFE_INTEGER,
      readPage: (_index, into) => {
        into.fill(0);
        return into.length;
      },
      retain: () => {},
      release: () => {},
    };
  }
}

/** /dev/tty: the session's terminal under another name. */
export class TtyNode extends PseudoNode {
  private readonly terminal: () => Node | undefined;

  constructor(tree: PseudoTree, parent: Node, terminal: () => Node | undefined) {
    super(tree, parent, 'tty', 0o666);
    this.terminal = terminal;
  }
  override type(): number {
    return S.IFCHR;
  }
  protected override device(): number {
    return makeDevice(5, 0);
  }
  override open(flags: number): Opened {
    return this.terminal()?.open(flags) ?? -ERRNO.ENXIO;
  }
}
