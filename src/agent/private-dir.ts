import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { messageOf, SluiceError } from '../lib/errors.js';

/** Longer paths are cut in silence by the system: sun_path holds 108 bytes with its NUL (unix(7)). */
const maxSocketPathBytes = 107;

/** Where one agent is reached, and what proves that a caller may. */
export interface AgentPaths {
  readonly dir: string;
  readonly socket: string;
  readonly cookieFile: string;
  readonly lockFile: string;
  readonly logFile: string;
}

/** The agent's files. A runtime directory with too long a name is replaced by a short one, derived from it. */
export function agentPaths(runtimeDir: string): AgentPaths {
  const tooLong = Buffer.byteLength(join(runtimeDir, 'agent.sock')) > maxSocketPathBytes;
  const hash = createHash('sha256').update(runtimeDir).digest('hex').slice(0, 12);
  const dir = tooLong ? join(tmpdir(), `sluice-${userInfo().uid}-${hash}`) : runtimeDir;
  const pipe = process.platform === 'win32' ? `\\\\.\\pipe\\sluice-${hash}` : null;
  return {
    dir,
    socket: pipe ?? join(dir, 'agent.sock'),
    cookieFile: join(dir, 'agent.cookie'),
    lockFile: join(dir, 'agent.lock'),
    logFile: join(dir, 'agent.log'),
  };
}

/** Makes a directory that only this user can enter, or refuses one that somebody else made first. */
export function ensurePrivateDir(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const found = lstatSync(dir);
    const uid = process.getuid?.();
    if (!found.isDirectory()) throw new Error('it is not a directory');
    if (uid !== undefined && found.uid !== uid) throw new Error('it belongs to another user');
    if ((found.mode & 0o077) !== 0) chmodSync(dir, 0o700);
  } catch (error) {
    throw new SluiceError('local', `Cannot use ${dir} for the local agent: ${messageOf(error)}`, {
      decider: 'local',
      cause: error,
    });
  }
}
