import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import ssh2, { type Client, type ParsedKey } from 'ssh2';
import { SluiceError } from '../../../lib/errors.js';
import type { SshSettings } from '../../../policy/ssh-target.js';
import { fingerprintOf } from '../host-key.js';
import { sendProof } from '../peer-bounds.js';
import { string } from '../sftp/codec.js';
import { certificateType, keyType, publicBlob, sealCertificate } from './certificate.js';

/** The target's clock may be behind. */
const earlySeconds = 60;
/**
 * What a session may need: a terminal, and forwarding, which policy judges. Nothing of agents, X11 or the user's rc file.
 * In order, as PROTOCOL.certkeys wants them.
 */
const extensions = ['permit-port-forwarding', 'permit-pty'];

/** A login by certificate, for one session. */
export interface CertifiedLogin {
  readonly agent: ssh2.BaseAgent;
  /** For the record: what sshd writes into its own log too. */
  readonly keyId: string;
  readonly serial: string;
  readonly principals: readonly string[];
  /** Of the authority, as `ssh-keygen -l` prints it. */
  readonly authority: string;
  /** Seconds since 1970. */
  readonly validBefore: number;
}

/**
 * A key of this moment, and a certificate for it that is good for minutes. The key is never written down, so that what is
 * left of a session logs in nowhere. Throws config_invalid for a secret that is no Ed25519 authority.
 */
export function certifyLogin(
  secret: string,
  order: {
    readonly client: Client;
    readonly settings: NonNullable<SshSettings['certificate']>;
    /** Who comes, and in which session. */
    readonly as: string;
    readonly nowMs: number;
  },
): CertifiedLogin {
  const { client, settings, as, nowMs } = order;
  const authority = readAuthority(secret);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const now = Math.floor(nowMs / 1000);
  const validBefore = now + settings.validMinutes * 60;
  const serial = randomBytes(8);
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const certificate = sealCertificate(
    {
      ...{ publicKey: Buffer.from(x, 'base64url'), serial, keyId: as, principals: settings.principals },
      ...{ validAfter: now - earlySeconds, validBefore, options: Buffer.alloc(0) },
      extensions: Buffer.concat(extensions.flatMap((name) => [string(name), string('')])),
    },
    authority,
  );
  return {
    agent: new CertificateAgent(client, { privateKey, publicKey, certificate }),
    keyId: as,
    serial: serial.readBigUInt64BE().toString(),
    principals: settings.principals,
    authority: fingerprintOf(publicBlob(createPublicKey(authority))),
    validBefore,
  };
}

/** The key of an authority: OpenSSH's private format or PKCS#8, Ed25519, without a passphrase. */
function readAuthority(secret: string): KeyObject {
  const parsed = ssh2.utils.parseKey(secret);
  if (!(parsed instanceof Error) && parsed.type === keyType && parsed.isPrivateKey())
    return createPrivateKey(parsed.getPrivatePEM());
  try {
    const key = createPrivateKey(secret);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // What cannot be read may be the secret's own words; the message below says what it should be.
  }
  throw new SluiceError(
    'config_invalid',
    'the secret is not the private key of an authority: an Ed25519 key without a passphrase',
    {
      decider: 'gateway',
      next: [
        {
          command: "ssh-keygen -t ed25519 -N '' -f ca",
          when: 'to make one; its public half is the target’s TrustedUserCAKeys',
        },
      ],
    },
  );
}

/** Has one identity, a certificate, and signs what ssh2 asks for; ssh2 knows keys alone. */
class CertificateAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #client: Client;
  readonly #privateKey: KeyObject;
  readonly #identity: ParsedKey;

  constructor(
    client: Client,
    key: { readonly privateKey: KeyObject; readonly publicKey: KeyObject; readonly certificate: Buffer },
  ) {
    super();
    this.#client = client;
    this.#privateKey = key.privateKey;
    const plain = ssh2.utils.parseKey(`${keyType} ${publicBlob(key.publicKey).toString('base64')}`);
    if (plain instanceof Error) throw plain;
    // The same key under the certificate's name: what ssh2 sends of it are these two.
    this.#identity = Object.create(plain, {
      type: { value: certificateType },
      getPublicSSH: { value: () => key.certificate },
    }) as ParsedKey;
  }

  override getIdentities(done: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
    done(undefined, [this.#identity]);
  }

  override sign(_key: ParsedKey, data: Buffer): void {
    const signature = sign(null, data, this.#privateKey);
    sendProof(this.#client, data, Buffer.concat([string(keyType), string(signature)]));
  }
}
