import { generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';

export interface BotSays {
  readonly account?: string;
  readonly request: string;
  readonly decision?: 'approve' | 'deny';
  readonly comment?: string;
  readonly id?: string;
  readonly ageSeconds?: number;
  readonly audience?: string;
  readonly issuer?: string;
  readonly type?: string;
  readonly key?: KeyObject;
  readonly token?: string;
}

/** A chat bot as somebody would write one: it has a key of its own and says who pressed what. */
export class ChatBot {
  readonly name: string;
  readonly #gateway: () => string;
  readonly #pair = generateKeyPairSync('ed25519');

  constructor(name: string, gateway: () => string) {
    this.name = name;
    this.#gateway = gateway;
  }

  /** As it stands in bindings.yaml. */
  get publicKey(): string {
    return this.#pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  }

  sign(says: BotSays): Promise<string> {
    const { account = 'U-REV', request, decision = 'approve', comment = 'seen in chat' } = says;
    return new SignJWT({
      account,
      request,
      decision,
      comment,
      ...(says.token === undefined ? {} : { token: says.token }),
    })
      .setProtectedHeader({ alg: 'EdDSA', typ: says.type ?? 'sluice-decision+jwt' })
      .setIssuer(says.issuer ?? this.name)
      .setAudience(says.audience ?? this.#gateway())
      .setIssuedAt(Math.floor(Date.now() / 1000) - (says.ageSeconds ?? 0))
      .setJti(says.id ?? randomUUID())
      .sign(says.key ?? this.#pair.privateKey);
  }
}
