import { open } from 'node:fs/promises';
import { messageOf, SluiceError } from '../lib/errors.js';
import { newIdentity } from '../recording/encryption/recipients.js';

/** Writes a new identity to a file that only its owner can read; gives its recipient. */
export async function writeIdentity(path: string): Promise<string> {
  const { file, recipient } = newIdentity(new Date());
  try {
    const handle = await open(path, 'wx', 0o600);
    await handle.writeFile(file).finally(() => handle.close());
  } catch (cause) {
    throw new SluiceError('local', `Cannot write ${path}: ${messageOf(cause)}`, { decider: 'local', cause });
  }
  return recipient;
}
