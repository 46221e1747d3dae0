/** What the standard streams are as the guest finds them: a program may ask, and act on it. */
import { S } from '#abi/fs.ts';
import type { Host } from '#port/host.ts';

export interface Streams {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  /** `none`, or columns and rows. */
  readonly terminal: string;
}

const TYPES: Readonly<Record<number, string>> = { [S.IFIFO]: 'pipe', [S.IFSOCK]: 'socket', [S.IFDIR]: 'directory' };

/** Before the program runs: a file behind a stream shows its length, and where the stream stands in it. */
export function streamsOf(host: Host, stdout: number): Streams {
  const terminal = [0, stdout, 2].map((fd) => host.terminal(fd)).find((t) => t !== undefined);
  return {
    stdin: streamText(host, 0),
    stdout: streamText(host, stdout),
    stderr: streamText(host, 2),
    terminal: terminal === undefined ? 'none' : `${terminal.columns}x${terminal.rows}`,
  };
}

function streamText(host: Host, fd: number): string {
  const stat = host.fstat(fd);
  if (typeof stat === 'number') return 'closed';
  if (host.terminal(fd) !== undefined) return 'terminal';
  const type = stat.mode & S.IFMT;
  if (type !== S.IFREG) return TYPES[type] ?? 'device';
  const position = host.position(fd);
  return typeof position === 'number' ? 'file' : `file of ${stat.size} bytes, at ${position.offset}`;
}
