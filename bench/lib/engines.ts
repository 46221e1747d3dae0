/** perfglass and its peers: each runs the same command line. */
import { missing, plugin } from '../../test/oracle/count.ts';
import { perfglass } from '../../test/lib/perfglass.ts';
import { which } from '../../test/lib/run.ts';

export interface Engine {
  readonly name: string;
  /** The command line; `scratch` is a folder for what the engine writes. */
  readonly command: (argv: readonly string[], scratch: string) => readonly string[];
  readonly absent?: string;
  /** Left out of the quick bench. */
  readonly slow?: boolean;
}

const tool = (name: string): { absent?: string } => (which(name) === undefined ? { absent: `${name} is not installed` } : {});
const noPlugin = missing();

export const ENGINES: readonly Engine[] = [
  { name: 'native', command: (argv) => argv },
  { name: 'perfglass', command: (argv) => perfglass('stat', '-x,', '-e', 'instructions:u', '--', ...argv) },
  { name: 'qemu-user', command: (argv) => ['qemu-x86_64', '-cpu', 'max', ...argv], ...tool('qemu-x86_64') },
  {
    name: 'qemu + plugin',
    command: (argv, scratch) => ['qemu-x86_64', '-cpu', 'max', '-plugin', `${plugin()},dir=${scratch}`, ...argv],
    slow: true,
    ...(noPlugin === undefined ? {} : { absent: noPlugin }),
  },
  { name: 'valgrind none', command: (argv) => ['valgrind', '--tool=none', ...argv], slow: true, ...tool('valgrind') },
  {
    name: 'cachegrind',
    command: (argv) => ['valgrind', '--tool=cachegrind', '--cache-sim=no', '--cachegrind-out-file=/dev/null', ...argv],
    ...tool('valgrind'),
  },
  {
    name: 'callgrind',
    command: (argv) => ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', ...argv],
    slow: true,
    ...tool('valgrind'),
  },
];
