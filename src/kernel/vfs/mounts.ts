/** /proc/self/mounts and mountinfo (proc_pid_mountinfo(5)). */
import { ST, majorOf, minorOf } from '#abi/fs.ts';
import type { Node } from './node.ts';

const OPTIONS: readonly (readonly [number, string])[] = [
  [ST.NOSUID, 'nosuid'],
  [ST.NODEV, 'nodev'],
  [ST.NOEXEC, 'noexec'],
  [ST.RELATIME, 'relatime'],
];

function options(node: Node): string {
  const set = OPTIONS.filter(([bit]) => (node.kind.flags & bit) !== 0).map(([, name]) => name);
  return [(node.kind.flags & ST.RDONLY) === 0 ? 'rw' : 'ro', ...set].join(',');
}

export const mountsText = (mounts: readonly Node[], root: Node): string =>
  mounts.map((m) => `${m.kind.source} ${m.path(root) ?? '/'} ${m.kind.type} ${options(m)} 0 0\n`).join('');

/** Mount ids count from 1, the root's; parents are where the path says. */
export function mountInfoText(mounts: readonly Node[], root: Node): string {
  const id = (node: Node | undefined): number => {
    for (let at = node; at !== undefined; at = at.parent) {
      const i = mounts.indexOf(at);
      if (i >= 0) return i + 1;
    }
    return 1;
  };
  return mounts
    .map((m) => {
      const { device } = m.kind;
      const place = `${id(m)} ${id(m.parent)} ${majorOf(device)}:${minorOf(device)} / ${m.path(root) ?? '/'}`;
      return `${place} ${options(m)} - ${m.kind.type} ${m.kind.source} rw\n`;
    })
    .join('');
}
