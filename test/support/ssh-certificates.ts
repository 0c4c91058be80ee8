import { createPublicKey, randomBytes, sign, type KeyObject } from 'node:crypto';
import { publicBlob } from '../../src/protocols/ssh/login/certificate.js';
import { string, uint32, uint64 } from '../../src/protocols/ssh/sftp/codec.js';

/** What a certificate says (OpenSSH's PROTOCOL.certkeys), and how it is signed. */
export interface CertificateParts {
  type: string;
  /** 32 bytes. */
  publicKey: Buffer;
  /** 1 for users, 2 for hosts. */
  kind: number;
  keyId: string;
  principals: Buffer;
  /** Seconds since 1970. */
  after: bigint;
  before: bigint;
  critical: Buffer;
  extensions: Buffer;
  reserved: string;
  signer: KeyObject;
  /** What stands in the place of the signer's public key; null: that key. */
  signatureKey: Buffer | null;
  signatureType: string;
  tail: Buffer;
}

/** A certificate as somebody might write one by hand who has a key to sign with. */
export function sealParts(all: CertificateParts): Buffer {
  const signed = Buffer.concat([
    ...[string(all.type), string(Buffer.alloc(32, 1)), string(all.publicKey), uint64(5), uint32(all.kind)],
    ...[string(all.keyId), string(all.principals), time(all.after), time(all.before), string(all.critical)],
    ...[string(all.extensions), string(all.reserved)],
    string(all.signatureKey ?? publicBlob(createPublicKey(all.signer))),
  ]);
  const signature = Buffer.concat([string(all.signatureType), string(sign(null, signed, all.signer))]);
  return Buffer.concat([signed, string(signature), all.tail]);
}

/** An option of a certificate, critical or not, with one string for its value. */
export function option(name: string, value: string): Buffer {
  return Buffer.concat([string(name), string(string(value))]);
}

/** An Ed25519 private key as ssh-keygen reads it (OpenSSH's PROTOCOL.key), which Node does not write. */
export function opensshPrivateKey(key: KeyObject): string {
  const publicKey = publicBlob(createPublicKey(key));
  const { d = '', x = '' } = key.export({ format: 'jwk' });
  const check = randomBytes(4);
  const secret = Buffer.concat([Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')]);
  const inner = Buffer.concat([check, check, publicKey, string(secret), string('')]);
  const padding = Buffer.from(Array.from({ length: (8 - (inner.length % 8)) % 8 }, (_, at) => at + 1));
  const whole = Buffer.concat([
    ...[Buffer.from('openssh-key-v1\0'), string('none'), string('none'), string(''), uint32(1), string(publicKey)],
    string(Buffer.concat([inner, padding])),
  ]);
  const lines = whole.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n');
}

function time(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}
