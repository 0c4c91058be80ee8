import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { SluiceError } from '../lib/errors.js';

/** Where containers and services are given their secrets. */
export const defaultFileRoots: readonly string[] = ['/run/secrets', '/var/run/secrets', '/etc/sluice/secrets'];

/** The file's text without its last newline. Only beneath one of `roots`, symbolic links resolved. */
export async function readSecretFile(path: string, roots: readonly string[], maxBytes: number): Promise<string> {
  try {
    const real = await realpath(path);
    if (!(await isBeneath(real, roots))) {
      const message = `file:${path} is outside of the directories that secrets may be read from (${roots.join(', ')}).`;
      throw new SluiceError('config_invalid', message, { decider: 'gateway' });
    }
    const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile() || stats.size > maxBytes) {
        throw new SluiceError('config_invalid', `file:${path} is not a file of at most ${maxBytes} bytes.`, {
          decider: 'gateway',
        });
      }
      const text = (await file.readFile('utf8')).replace(/\r?\n$/, '');
      if (text === '') throw new SluiceError('config_invalid', `file:${path} is empty.`, { decider: 'gateway' });
      return text;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new SluiceError('config_invalid', `file:${path} cannot be read: ${code}.`, {
      decider: 'gateway',
      cause: error,
    });
  }
}

async function isBeneath(path: string, roots: readonly string[]): Promise<boolean> {
  for (const root of roots) {
    const real = await realpath(root).catch(() => null);
    if (real !== null && path.startsWith(real.endsWith(sep) ? real : real + sep)) return true;
  }
  return false;
}
