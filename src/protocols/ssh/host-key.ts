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

export function newHostKey(): string {
  return ssh2.utils.generateKeyPairSync('ed25519', { comment: 'sluice' }).private;
}

/** Reads a private key; throws TypeError when it is none. */
export function readHostKey(privateKey: string): HostKey {
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error || !parsed.isPrivateKey()) throw new TypeError('not a private host key');
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
