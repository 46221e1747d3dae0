/** What the first task finds at 0, 1 and 2, and the session's terminal. */
import { O, S } from '#abi/fs.ts';
import type { Host } from '#port/host.ts';
import type { Stdio } from '../vfs-interface.ts';
import type { FdTable } from './fd-table.ts';
import type { FileDescription } from './file-description.ts';
import type { InodeTable } from './inodes.ts';
import type { Node } from './node.ts';
import { PseudoDirectory, type PseudoTree } from './pseudo.ts';
import { HostStream, StreamNode, TerminalNode } from './stream.ts';

export class StandardStreams {
  /** /dev/pts. */
  readonly pts: PseudoDirectory;
  /** The terminal that a standard stream is. */
  terminal: TerminalNode | undefined;
  private readonly host: Host;
  private readonly inodes: InodeTable;
  private readonly tree: PseudoTree;
  private readonly nullDevice: Node;
  private readonly prefix: string;

  constructor(host: Host, inodes: InodeTable, tree: PseudoTree, dev: PseudoDirectory, nullDevice: Node, prefix: string) {
    this.prefix = prefix;
    this.host = host;
    this.inodes = inodes;
    this.tree = tree;
    this.nullDevice = nullDevice;
    this.pts = new PseudoDirectory(tree, dev, 'pts', 0o755);
  }

  /** A stream that the host has closed stays free. */
  install(files: FdTable, stdio: Stdio): void {
    const hostFds = [stdio.stdin, stdio.stdout, stdio.stderr];
    this.findTerminal(hostFds);
    const nodes = new Map<string, StreamNode>();
    for (const [fd, hostFd] of hostFds.entries()) {
      const description = this.describe(fd, hostFd, nodes);
      if (description !== undefined) files.place(fd, description);
    }
  }

  private findTerminal(hostFds: readonly number[]): void {
    const terminals = hostFds.filter((fd) => this.host.terminal(fd) !== undefined);
    const first = terminals[0];
    if (this.terminal !== undefined || first === undefined) return;
    const output = terminals.find((fd) => fd !== hostFds[0]) ?? first;
    const size = this.host.terminal(output) ?? { rows: 24, columns: 80 };
    this.terminal = this.pts.add(new TerminalNode(this.tree, this.pts, this.host, { input: first, output }, size));
  }

  private describe(fd: number, hostFd: number, nodes: Map<string, StreamNode>): FileDescription | undefined {
    const stat = this.host.fstat(hostFd);
    if (typeof stat === 'number') return undefined;
    const position = this.host.position(hostFd);
    const usual = fd === 0 ? O.RDONLY : O.WRONLY;
    const flags = typeof position === 'number' ? usual : position.flags & (O.ACCMODE | O.APPEND);
    const type = stat.mode & S.IFMT;
    if (this.terminal !== undefined && this.host.terminal(hostFd) !== undefined) {
      return new HostStream(this.terminal, O.RDWR, this.host, hostFd, hostFd);
    }
    if (type === S.IFCHR && stat.rdevMajor === 1 && stat.rdevMinor === 3) return this.nullDevice.open(flags) as FileDescription;
    const node = nodes.get(stat.identity) ?? new StreamNode(this.host, this.inodes, hostFd, type, this.prefix);
    nodes.set(stat.identity, node);
    return new HostStream(node, flags, this.host, hostFd, hostFd);
  }
}
