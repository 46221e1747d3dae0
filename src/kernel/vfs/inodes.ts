/**
 * The kernel's own numbers and times of host files. Inode and device numbers are given out in the order in which a session first sees
 * a file, so that they are the same on every host; what the guest itself changes gets modelled time, whatever the host's clock says.
 */
import { S, makeDevice } from '#abi/fs.ts';
import type { HostStat } from '#port/host.ts';
import type { FileStat } from './node.ts';
import { Xattrs } from './xattrs.ts';

export interface InodeRecord {
  readonly ino: number;
  readonly dev: number;
  /** Bumped by a change of the content while nothing is mapped: part of the page cache's key. */
  version: number;
  /** Mappings (page sources that are retained), and those of descriptors that can write. */
  mapped: number;
  writableMapped: number;
  atimeNs: bigint | undefined;
  mtimeNs: bigint | undefined;
  ctimeNs: bigint | undefined;
}

/** Major number of the block devices that host file systems seem to live on: sd. */
const DISK_MAJOR = 8;
const FIRST_INO = 2; // as ext4's root

export class InodeTable {
  private readonly records = new Map<string, InodeRecord>();
  private readonly devices = new Map<string, number>();
  private nextIno = FIRST_INO;
  private nextAnonymous = 1;
  private readonly nowNs: () => bigint;
  /** Changes with every path walk: a node may reuse a stat of the same walk. */
  generation = 0;
  /** Mappings of all files through descriptors that can write: while there are none, reads need not look at pages. */
  writableMappings = 0;

  readonly xattrs = new Xattrs();

  /** Modelled time at which the session began. */
  readonly bootNs: bigint;

  constructor(nowNs: () => bigint) {
    this.nowNs = nowNs;
    this.bootNs = nowNs();
  }

  now(): bigint {
    return this.nowNs();
  }

  /** Device numbers 8:1, 8:2, … in order of first sight. */
  private device(identity: string): number {
    const key = identity.slice(0, identity.indexOf(':'));
    const known = this.devices.get(key);
    if (known !== undefined) return known;
    const device = makeDevice(DISK_MAJOR, this.devices.size + 1);
    this.devices.set(key, device);
    return device;
  }

  record(identity: string): InodeRecord {
    return this.records.get(identity) ?? this.fresh(identity);
  }

  /** A file that the guest has just made: a new number, even if the host reuses the inode of a deleted file. */
  created(identity: string): InodeRecord {
    const record = this.fresh(identity);
    record.atimeNs = record.mtimeNs = record.ctimeNs = this.nowNs();
    return record;
  }

  private fresh(identity: string): InodeRecord {
    const record = this.unlisted(this.nextIno++, this.device(identity));
    this.records.set(identity, record);
    return record;
  }
  /** A record of a file that is not on the host. */
  unlisted(ino: number, dev: number): InodeRecord {
    return {
      ino,
      dev,
      version: 0,
      mapped: 0,
      writableMapped: 0,
      atimeNs: undefined,
      mtimeNs: undefined,
      ctimeNs: undefined,
    };
  }

  /** Content changed. */
  modified(identity: string): void {
    const record = this.record(identity);
    record.mtimeNs = record.ctimeNs = this.nowNs();
  }

  /** A mapping of the file came (+1) or went (-1). */
  mapping(record: InodeRecord, writable: boolean, by: 1 | -1): void {
    record.mapped += by;
    if (!writable) return;
    record.writableMapped += by;
    this.writableMappings += by;
  }

  /** Only the inode changed: mode, owner, link count. */
  changed(identity: string): void {
    this.record(identity).ctimeNs = this.nowNs();
  }

  /** For names that are in the kernel only, among the host's. */
  nextNumber(): number {
    return this.nextIno++;
  }
  /** Numbers of pipes and other nameless things. */
  anonymous(): number {
    return this.nextAnonymous++;
  }

  toStat(host: HostStat): FileStat {
    const record = this.record(host.identity);
    record.atimeNs ??= host.atimeNs; // reading moves the host's, by rules of the host: a session sees one value
    const type = host.mode & S.IFMT;
    return {
      dev: record.dev,
      ino: record.ino,
      mode: host.mode,
      nlink: host.nlink,
      uid: host.uid,
      gid: host.gid,
      rdev: type === S.IFCHR || type === S.IFBLK ? makeDevice(host.rdevMajor, host.rdevMinor) : 0,
      size: host.size,
      blksize: 4096,
      blocks: host.blocks,
      atimeNs: record.atimeNs,
      mtimeNs: record.mtimeNs ?? host.mtimeNs,
      ctimeNs: record.ctimeNs ?? host.ctimeNs,
    };
  }
}
