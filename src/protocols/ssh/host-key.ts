import { createHash } from 'node:crypto';
import ssh2 from 'ssh2';

/** The gateway's own host key. */
export interface HostKey {
  /** OpenSSH's private key format. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA…`, as known_hosts has it. */
  readonly publicKey: string;
  readonly fingerprint: string;
}

/** A new private key in OpenSSH's format. */
export function newHostKey(): string {
  // One key in some 250 of those that ssh2 1.17 makes has lost a leading zero, and nothing can read it.
  for (;;) {
    const made = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'sluice' }).private;
    if (parsePrivate(made) !== null) return made;
  }
}

function parsePrivate(privateKey: string): ssh2.ParsedKey | null {
  const parsed = ssh2.utils.parseKey(privateKey);
  return parsed instanceof Error || !parsed.isPrivateKey() ? null : parsed;
}

/** Reads a private key; throws TypeError when it is none. */
export function readHostKey(privateKey: string): HostKey {
  const parsed = parsePrivate(privateKey);
  if (parsed === null) throw new TypeError('not a private host key');
  const blob = parsed.getPublicSSH();
  return {
    privateKey,
    publicKey: `${parsed.type} ${blob.toString('base64')}`,
    fingerprint: fingerprintOf(blob),
  };
}

/** As `ssh-keygen -l` prints it. */
export function fingerprintOf(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
