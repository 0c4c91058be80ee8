import type { AuthContext, PublicKeyAuthContext } from 'ssh2';
import { isReachedBySsh } from '../../../lib/ssh-kinds.js';
import { isSluiceError, messageOf } from '../../../lib/errors.js';
import type { Classification } from '../../../masking/types.js';
import type { Principal } from '../../../policy/types.js';
import type { TargetConfig } from '../../../sessions/types.js';
import { errorText } from '../errors.js';
import type { UserAuthority } from './authority.js';
import { CertificateError, certificateType, publicKeyOf, verifySignature } from './certificate.js';
import { isProof, readLoginKey } from './login-key.js';

/** Whose a registered key is, once its possession has been proved. */
export interface KeyHolder {
  readonly principal: Principal;
  readonly fingerprint: string;
}

/** What the engine asks the gateway about a client that has no token. */
export interface NativeHooks {
  /** Who a certificate's identity stands for now; throws login_required. */
  readonly identify: (identity: string) => Principal;
  /** Whether a login with this key is worth a proof: it is registered and has not expired. Opens nothing. */
  readonly isRegistered: (blob: Buffer) => boolean;
  /** Who has registered this key, which its holder has just proved to have; throws login_required. */
  readonly holderOf: (blob: Buffer) => KeyHolder;
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
  /** Of the registered key that was the login; null for a certificate. */
  readonly fingerprint: string | null;
}

type Proved = Pick<Arrival, 'principal' | 'fingerprint'>;

/**
 * The login of a client that comes with OpenSSH alone: a certificate or a registered key, and proof that it has the private
 * half. The login name is the target's, or ends with it behind an @.
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

  /** `tell` shows words before the answer to the login. */
  authenticate(context: AuthContext, tell: (words: string) => void): void {
    this.#arrival = null;
    if (context.method !== 'publickey') return context.reject(['publickey']);
    try {
      const proved = this.#prove(context);
      // An offer: the client asks whether this key would do. It proves nothing and opens nothing.
      if (proved === null) return context.accept();
      const name = context.username.slice(context.username.lastIndexOf('@') + 1);
      const found = this.#hooks.findTarget(name, proved.principal);
      if (!isReachedBySsh(found.target.kind)) throw new CertificateError(`the target ${name} is not reached by SSH`);
      this.#arrival = { ...proved, target: found.target, classification: () => found.classification };
      context.accept();
    } catch (error) {
      if (!(error instanceof CertificateError) && !isSluiceError(error)) throw error;
      this.#hooks.refused(messageOf(error));
      // Only who has proved a key can be told this much.
      if (isSluiceError(error, 'login_required')) tell(errorText(error));
      context.reject(['publickey']);
    }
  }

  /** Who proved to have a key; null when it was only offered. Throws CertificateError, or login_required after a proof. */
  #prove(context: PublicKeyAuthContext): Proved | null {
    return context.key.algo === certificateType ? this.#proveCertificate(context) : this.#proveKey(context);
  }

  #proveCertificate({ key, signature, blob }: PublicKeyAuthContext): Proved | null {
    const { identity, publicKey } = this.#authority.identify(key.data, this.#hooks.now());
    if (signature === undefined) return null;
    if (blob === undefined || !verifySignature(signature, blob, publicKeyOf(publicKey)))
      throw new CertificateError('the proof of its key is wrong');
    return { principal: this.#hooks.identify(identity), fingerprint: null };
  }

  #proveKey({ key, signature, blob }: PublicKeyAuthContext): Proved | null {
    const known = readLoginKey(key.data);
    if (known?.type !== key.algo) throw new CertificateError(`a key of type ${JSON.stringify(key.algo)} was offered`);
    if (!this.#hooks.isRegistered(known.blob))
      throw new CertificateError('a key was offered that nobody has registered, or that has expired');
    if (signature === undefined) return null;
    // ssh2 has taken the type off this signature already; `blob` begins with this connection's session id.
    if (blob === undefined || !isProof(known, signature, blob))
      throw new CertificateError('the proof of its key is wrong');
    return this.#hooks.holderOf(known.blob);
  }
}
