import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SluiceError } from '../../../lib/errors.js';
import {
  checkCertificate,
  issueCertificate,
  publicBlob,
  readCertificate,
  readPublicKey,
  type Identified,
} from './certificate.js';

/** A certificate as it is given out. */
export interface Issued {
  readonly certificate: string;
  /** Seconds since 1970. */
  readonly validAfter: number;
  readonly validBefore: number;
}

const validSeconds = 10 * 60;
/** The client's clock may be behind. */
const earlySeconds = 30;

/** A new private key, PKCS#8 PEM. */
export function newAuthorityKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The gateway's own authority for people's SSH certificates. */
export class UserAuthority {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;

  constructor(privateKeyPem: string) {
    this.#privateKey = createPrivateKey(privateKeyPem);
    if (this.#privateKey.asymmetricKeyType !== 'ed25519') throw new TypeError('not an Ed25519 key');
    this.#publicKey = createPublicKey(this.#privateKey);
  }

  /** As sshd's TrustedUserCAKeys would have it. */
  get publicKey(): string {
    return `ssh-ed25519 ${publicBlob(this.#publicKey).toString('base64')}`;
  }

  /** A certificate for this key, valid for some minutes and never beyond `untilMs`. Throws `usage` for what is no key. */
  issue(
    publicKeyLine: string,
    holder: { readonly name: string; readonly identity: string; readonly untilMs: number },
    nowMs: number,
  ): Issued {
    const publicKey = readPublicKey(publicKeyLine);
    if (publicKey === null) {
      throw new SluiceError('usage', 'a certificate is given for an Ed25519 key: "ssh-ed25519 AAAA…"', {
        next: [{ command: 'ssh-keygen -t ed25519', when: 'to make one' }],
      });
    }
    // What separates principals elsewhere must not stand in one.
    const name = holder.name.replaceAll(/[,\s\p{Cc}]/gu, '_');
    if (name === '') throw new SluiceError('usage', 'who has no name gets no certificate');
    const now = Math.floor(nowMs / 1000);
    const validAfter = now - earlySeconds;
    const validBefore = Math.min(now + validSeconds, Math.floor(holder.untilMs / 1000));
    const certificate = issueCertificate(
      { publicKey, keyId: name, identity: holder.identity, validAfter, validBefore },
      this.#privateKey,
    );
    return { certificate, validAfter, validBefore };
  }

  /** Whom a certificate stands for; throws CertificateError. */
  identify(blob: Buffer, nowMs: number): Identified {
    return checkCertificate(readCertificate(blob), this.#publicKey, nowMs);
  }
}
