import type { AuthContext } from 'ssh2';
import { isReachedBySsh } from '../../../lib/ssh-kinds.js';
import { isSluiceError, messageOf } from '../../../lib/errors.js';
import type { Classification } from '../../../masking/types.js';
import type { Principal } from '../../../policy/types.js';
import type { TargetConfig } from '../../../sessions/types.js';
import type { UserAuthority } from './authority.js';
import { CertificateError, certificateType, publicKeyOf, verifySignature } from './certificate.js';

/** What the engine asks the gateway about a client that has no token. */
export interface NativeHooks {
  /** Who a certificate's identity stands for now; throws login_required. */
  readonly identify: (identity: string) => Principal;
  /** Throws not_found for a target that is absent or hidden. */
  readonly findTarget: (
    name: string,
    principal: Principal,
  ) => { readonly target: TargetConfig; readonly classification: Classification };
  readonly address: string;
  readonly now: () => number;
  /** Why a login was refused: for the gateway's log; the client only hears that it was. */
  readonly refused: (why: string) => void;
}

/** Who has come, and to which target. */
export interface Arrival {
  readonly principal: Principal;
  readonly target: TargetConfig;
  /** Of the moment it is read. */
  readonly classification: () => Classification;
}

/**
 * The login of a client that comes with OpenSSH alone: a certificate, and proof that it has the certificate's key. The
 * login name is the target's, or ends with it behind an @.
 */
export class NativeLogin {
  readonly #authority: UserAuthority;
  readonly #hooks: NativeHooks;
  #arrival: Arrival | null = null;

  constructor(authority: UserAuthority, hooks: NativeHooks) {
    this.#authority = authority;
    this.#hooks = hooks;
  }

  /** Who has proved themselves; null before that. */
  get arrival(): Arrival | null {
    return this.#arrival;
  }

  authenticate(context: AuthContext): void {
    this.#arrival = null;
    if (context.method !== 'publickey') return context.reject(['publickey']);
    try {
      if (context.key.algo !== certificateType) throw new CertificateError('a key without a certificate was offered');
      const { identity, publicKey } = this.#authority.identify(context.key.data, this.#hooks.now());
      const { signature, blob } = context;
      // An offer: the client asks whether this certificate would do. It proves nothing and opens nothing.
      if (signature === undefined) return context.accept();
      if (blob === undefined || !verifySignature(signature, blob, publicKeyOf(publicKey)))
        throw new CertificateError('the proof of its key is wrong');
      const principal = this.#hooks.identify(identity);
      const name = context.username.slice(context.username.lastIndexOf('@') + 1);
      const found = this.#hooks.findTarget(name, principal);
      if (!isReachedBySsh(found.target.kind)) throw new CertificateError(`the target ${name} is not reached by SSH`);
      this.#arrival = { principal, target: found.target, classification: () => found.classification };
      context.accept();
    } catch (error) {
      if (!(error instanceof CertificateError) && !isSluiceError(error)) throw error;
      this.#hooks.refused(messageOf(error));
      context.reject(['publickey']);
    }
  }
}
