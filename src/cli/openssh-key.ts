import { generateKeyPairSync, randomBytes } from 'node:crypto';

const keyType = 'ssh-ed25519';

/** A new Ed25519 key in the two forms that OpenSSH keeps in files. */
export function newSshKey(comment: string): { readonly privateKey: string; readonly publicKey: string } {
  const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const raw = Buffer.from(x, 'base64url');
  const publicBlob = Buffer.concat([string(keyType), string(raw)]);
  const check = randomBytes(4);
  // OpenSSH's PROTOCOL.key: the secret half is seed and public key, padded with 1, 2, 3… to the cipher's block of 8.
  const secret = [string(keyType), string(raw), string(Buffer.concat([Buffer.from(d, 'base64url'), raw]))];
  const plain = Buffer.concat([check, check, ...secret, string(comment)]);
  const padding = Buffer.from(Array.from({ length: (8 - (plain.length % 8)) % 8 }, (_, index) => index + 1));
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    string('none'),
    string('none'),
    string(''),
    Buffer.from([0, 0, 0, 1]),
    string(publicBlob),
    string(Buffer.concat([plain, padding])),
  ]);
  const lines = file.toString('base64').match(/.{1,70}/g) ?? [];
  return {
    privateKey: `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`,
    publicKey: `${keyType} ${publicBlob.toString('base64')} ${comment}\n`,
  };
}

function string(value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
