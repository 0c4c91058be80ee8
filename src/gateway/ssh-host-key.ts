import { join } from 'node:path';
import { readIfPresent, writePrivate } from '../lib/private-files.js';
import { newHostKey } from '../protocols/ssh/host-key.js';

/** The gateway's SSH host key, made at the first start and kept: clients know the gateway by it. */
export function openSshHostKey(stateDir: string): string {
  const file = join(stateDir, 'keys', 'ssh_host_ed25519_key');
  const known = readIfPresent(file);
  if (known !== null) return known;
  const made = newHostKey();
  writePrivate(file, made);
  return made;
}
