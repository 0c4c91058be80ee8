import { createCipheriv, createDecipheriv, randomBytes, type KeyObject } from 'node:crypto';

const version = 1;
const nonceBytes = 12; // NIST SP 800-38D 8.2.2: 96 random bits
const tagBytes = 16;

/** Byte1(version) Byte12(nonce) Byte16(tag) Byten(ciphertext): AES-256-GCM, bound to the secret's name. */
export function seal(key: KeyObject, name: string, plaintext: Buffer): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(additionalData(name));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([Buffer.from([version]), nonce, cipher.getAuthTag(), ciphertext]);
}

/** The plaintext, or null when it was sealed with another key or for another name, or has been altered. */
export function unseal(key: KeyObject, name: string, sealed: Uint8Array): Buffer | null {
  const bytes = Buffer.from(sealed);
  const head = 1 + nonceBytes + tagBytes;
  if (bytes.length < head || bytes[0] !== version) return null;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 1 + nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(additionalData(name));
  decipher.setAuthTag(bytes.subarray(1 + nonceBytes, head));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(head)), decipher.final()]);
  } catch {
    return null;
  }
}

function additionalData(name: string): Buffer {
  return Buffer.from(`sluice.secret/v${version}\0${name}`);
}
