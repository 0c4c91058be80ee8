import { createHash } from 'node:crypto';
import { string } from '../sftp/codec.js';
import { CertificateError, Fields } from './certificate.js';
import { isSignedBy, type LoginKey } from './login-key.js';

const preamble = 'SSHSIG';
const maxArmoredChars = 4096;

/**
 * Whether the holder of this key signed this text for this purpose with `ssh-keygen -Y sign` (OpenSSH's
 * PROTOCOL.sshsig). SSHSIG uint32(1) string(key) string(namespace) string(reserved) string(hash) string(signature)
 */
export function isSignedText(
  armored: string,
  said: { readonly text: string; readonly namespace: string; readonly key: LoginKey },
): boolean {
  const inner = /^-----BEGIN SSH SIGNATURE-----\s([A-Za-z0-9+/=\s]+)-----END SSH SIGNATURE-----\s*$/.exec(armored)?.[1];
  if (inner === undefined || armored.length > maxArmoredChars) return false;
  const blob = Buffer.from(inner, 'base64');
  if (blob.subarray(0, preamble.length).toString('latin1') !== preamble) return false;
  try {
    const fields = new Fields(blob.subarray(preamble.length));
    if (fields.uint32() !== 1) return false;
    const key = fields.bytes();
    const namespace = fields.text();
    const reserved = fields.bytes();
    const hash = fields.text();
    const signature = fields.bytes();
    if (!key.equals(said.key.blob) || namespace !== said.namespace) return false;
    if (reserved.length > 0 || (hash !== 'sha256' && hash !== 'sha512') || !fields.isAtEnd) return false;
    const digest = createHash(hash).update(said.text).digest();
    const signed = Buffer.concat([
      ...[Buffer.from(preamble), string(namespace), string(reserved), string(hash)],
      string(digest),
    ]);
    return isSignedBy(said.key, signature, signed);
  } catch (error) {
    if (error instanceof CertificateError) return false;
    throw error;
  }
}
