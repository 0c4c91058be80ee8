import type { TokenVerifier, VerifiedToken } from '../identity/types.js';
import { SluiceError } from '../lib/errors.js';
import type { PolicySet, Principal } from '../policy/types.js';
import type { ActiveConfiguration } from './configuration.js';

/** Who sent a request. */
export interface Caller {
  readonly principal: Principal;
  readonly token: VerifiedToken;
}

/**
 * Turns bearer tokens into principals under the configuration of the moment. It remembers which token made a principal,
 * so that a live session's groups follow a changed binding without a new login.
 */
export class Callers {
  readonly #verifier: TokenVerifier;
  readonly #configuration: ActiveConfiguration;
  readonly #origins = new WeakMap<Principal, { readonly token: VerifiedToken; readonly version: string }>();

  constructor(verifier: TokenVerifier, configuration: ActiveConfiguration) {
    this.#verifier = verifier;
    this.#configuration = configuration;
  }

  policies(): PolicySet {
    return this.#configuration.current().policies;
  }

  /** Throws login_required with the reason when the token is not good. */
  async identify(bearer: string): Promise<Caller> {
    const token = await this.#verifier.verify(bearer);
    if (token.subject === '') throw new SluiceError('login_required', 'the token has no subject');
    return { token, principal: this.#resolve(token) };
  }

  /** The same person or machine as bindings make it now; the very same object while nothing changed. */
  readonly refresh = (principal: Principal): Principal => {
    const origin = this.#origins.get(principal);
    if (origin === undefined || origin.version === this.#configuration.current().version) return principal;
    return this.#resolve(origin.token);
  };

  #resolve(token: VerifiedToken): Principal {
    const { version, resolve } = this.#configuration.current();
    const principal = resolve(token);
    this.#origins.set(principal, { token, version });
    return principal;
  }
}
