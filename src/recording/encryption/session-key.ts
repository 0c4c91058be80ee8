import {
  createCipheriv,
  createDecipheriv,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import type { RecipientsRecord, WrappedKey } from '../records.js';
import { publicKeyOfRaw, rawPublicKey, type Identity, type Recipient } from './recipients.js';

export const sessionKeyBytes = 32;
const tagBytes = 16;
/** A wrapping key is used once, so the nonce need not differ. */
const nonce = Buffer.alloc(12);
const purpose = 'sluice session key 1\n';

/** A session's own key: everything in its journal is encrypted with it, and nothing else is. */
export function newSessionKey(): Buffer {
  return randomBytes(sessionKeyBytes);
}

/**
 * The key as one recipient can open it: X25519 with a key pair made for this, HKDF-SHA-256 (salt: both public keys;
 * info: purpose and session), AES-256-GCM with nonce 0. docs/recording-format.md
 */
export function wrapSessionKey(key: Uint8Array, session: string, recipient: Recipient): WrappedKey {
  const once = generateKeyPairSync('x25519');
  const ephemeral = rawPublicKey(once.publicKey);
  const shared = diffieHellman({ privateKey: once.privateKey, publicKey: recipient.publicKey });
  const cipher = createCipheriv('aes-256-gcm', wrappingKey(shared, ephemeral, recipient.publicKey, session), nonce);
  return {
    recipient: recipient.id,
    ephemeral,
    wrapped: Buffer.concat([cipher.update(key), cipher.final(), cipher.getAuthTag()]),
  };
}

/** The session's key, when one of the identities is a recipient of it; else null. */
export function unwrapSessionKey(
  { keys }: Pick<RecipientsRecord, 'keys'>,
  session: string,
  identities: readonly Identity[],
): Buffer | null {
  for (const identity of identities) {
    for (const wrapped of keys) {
      if (wrapped.recipient !== identity.recipient.id) continue;
      const key = unwrap(wrapped, session, identity);
      if (key !== null) return key;
    }
  }
  return null;
}

function unwrap({ ephemeral, wrapped }: WrappedKey, session: string, identity: Identity): Buffer | null {
  if (wrapped.length !== sessionKeyBytes + tagBytes || ephemeral.length !== 32) return null;
  try {
    const shared = diffieHellman({ privateKey: identity.privateKey, publicKey: publicKeyOfRaw(ephemeral) });
    const key = wrappingKey(shared, ephemeral, identity.recipient.publicKey, session);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce);
    decipher.setAuthTag(wrapped.subarray(sessionKeyBytes));
    return Buffer.concat([decipher.update(wrapped.subarray(0, sessionKeyBytes)), decipher.final()]);
  } catch {
    return null; // not for this identity, or changed; the chain says which
  }
}

function wrappingKey(shared: Uint8Array, ephemeral: Uint8Array, recipient: KeyObject, session: string): Buffer {
  const salt = Buffer.concat([ephemeral, rawPublicKey(recipient)]);
  return Buffer.from(hkdfSync('sha256', shared, salt, purpose + session, 32));
}
