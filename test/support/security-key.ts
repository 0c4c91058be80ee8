import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { string, uint32 } from '../../src/protocols/ssh/sftp/codec.js';

export type SecurityKeyType = 'sk-ssh-ed25519@openssh.com' | 'sk-ecdsa-sha2-nistp256@openssh.com';

export interface SigningOptions {
  /** 1: somebody touched it; 4: and gave a PIN. */
  readonly flags?: number;
  readonly counter?: number;
  readonly application?: string;
  /** What the signature says of flags and counter, where that is not what was signed. */
  readonly claimed?: { readonly flags: number; readonly counter: number };
}

/** A security token in software, which signs as PROTOCOL.u2f has it. */
export interface SecurityKey {
  readonly type: SecurityKeyType;
  readonly blob: Buffer;
  /** As a .pub file has it. */
  readonly line: string;
  /** string(type) string(signature) byte(flags) uint32(counter) */
  sign(data: Buffer, options?: SigningOptions): Buffer;
  /** `ssh-keygen -Y sign`, in its armour. */
  signText(text: string, namespace: string, options?: SigningOptions): string;
}

export function newSecurityKey(type: SecurityKeyType, application = 'ssh:'): SecurityKey {
  const isEd25519 = type === 'sk-ssh-ed25519@openssh.com';
  const { privateKey, publicKey } = isEd25519
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const [first, second] = [Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
  const point = isEd25519
    ? [string(first)]
    : [string('nistp256'), string(Buffer.concat([Buffer.from([4]), first, second]))];
  const blob = Buffer.concat([string(type), ...point, string(application)]);

  const signData: SecurityKey['sign'] = (data, options = {}) => {
    const { flags = 1, counter = 7, claimed = { flags, counter } } = options;
    const tail = (said: { readonly flags: number; readonly counter: number }): Buffer =>
      Buffer.concat([Buffer.from([said.flags]), uint32(said.counter)]);
    const signed = Buffer.concat([sha256(options.application ?? application), tail({ flags, counter }), sha256(data)]);
    const made = isEd25519 ? sign(null, signed, privateKey) : pairOf(sign('sha256', signed, ieee(privateKey)));
    return Buffer.concat([string(type), string(made), tail(claimed)]);
  };
  return {
    ...{ type, blob, line: `${type} ${blob.toString('base64')}`, sign: signData },
    signText(text, namespace, options) {
      const digest = createHash('sha512').update(text).digest();
      const about = [string(namespace), string(''), string('sha512')];
      const signed = Buffer.concat([Buffer.from('SSHSIG'), ...about, string(digest)]);
      const whole = [Buffer.from('SSHSIG'), uint32(1), string(blob), ...about, string(signData(signed, options))];
      const lines =
        Buffer.concat(whole)
          .toString('base64')
          .match(/.{1,70}/g) ?? [];
      return ['-----BEGIN SSH SIGNATURE-----', ...lines, '-----END SSH SIGNATURE-----', ''].join('\n');
    },
  };
}

const ieee = (key: ReturnType<typeof generateKeyPairSync>['privateKey']) =>
  ({ key, dsaEncoding: 'ieee-p1363' }) as const;

/** mpint(r) mpint(s) */
function pairOf(signature: Buffer): Buffer {
  return Buffer.concat([signature.subarray(0, 32), signature.subarray(32)].map(mpint));
}

function mpint(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const trimmed = bytes.subarray(start);
  return string((trimmed[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), trimmed]) : trimmed);
}

function sha256(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
