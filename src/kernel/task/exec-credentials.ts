/** Set-user-ID and set-group-ID at execve. fs/exec.c bprm_fill_uid, security/commoncap.c cap_bprm_creds_from_file. */
import { S } from '#abi/fs.ts';
import type { Executable } from '../vfs-interface.ts';
import type { Credentials, Task } from './task.ts';

export interface ExecCredentials {
  readonly credentials: Credentials;
  /** AT_SECURE: the program runs with ids that are not those of who started it. */
  readonly secure: boolean;
}

/** The ids that a task has after it has executed `file`: the saved ones follow the effective ones. Of a script the interpreter's bits count. */
export function credentialsAfter(task: Task, file: Executable): ExecCredentials {
  const before = task.credentials;
  let { euid, egid } = before;
  const { mode, uid, gid } = file.owner;
  if (!task.process.noNewPrivileges) {
    if ((mode & S.ISUID) !== 0) euid = uid;
    // without the group's x bit set-group-ID once meant mandatory locks
    if ((mode & S.ISGID) !== 0 && (mode & 0o010) !== 0) egid = gid;
  }
  const secure = euid !== before.uid || egid !== before.gid;
  return { credentials: { ...before, euid, suid: euid, egid, sgid: egid }, secure };
}
