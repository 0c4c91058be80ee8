import { join } from 'node:path';
import { readIfPresent, writePrivate } from '../lib/private-files.js';
import { newAuthorityKey } from '../protocols/ssh/login/authority.js';
import { newHostKey } from '../protocols/ssh/host-key.js';

/** The gateway's SSH host key, made at the first start and kept: clients know the gateway by it. */
export function openSshHostKey(stateDir: string): string {
  return keptKey(join(stateDir, 'keys', 'ssh_host_ed25519_key'), newHostKey);
}

/** The key of the authority for people's SSH certificates, likewise. Nobody needs to know it but the gateway itself. */
export function openSshUserAuthority(stateDir: string): string {
  return keptKey(join(stateDir, 'keys', 'ssh_user_ca.pem'), newAuthorityKey);
}

function keptKey(file: string, make: () => string): string {
  const known = readIfPresent(file);
  if (known !== null) return known;
  const made = make();
  writePrivate(file, made);
  return made;
}
