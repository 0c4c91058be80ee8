import type { GrantBook } from '../approvals/grants.js';
import type { TokenVerifier, VerifiedToken } from '../identity/types.js';
import { SluiceError } from '../lib/errors.js';
import type { PolicySet, Principal } from '../policy/types.js';
import type { ActiveConfiguration } from './configuration.js';
import type { NewestClaims } from './newest-claims.js';

/** What a principal was made from. */
interface Origin {
  readonly token: VerifiedToken;
  readonly version: string;
  readonly grants: number;
  readonly claims: number;
}

/** Who sent a request. */
export interface Caller {
  readonly principal: Principal;
  readonly token: VerifiedToken;
}

/** What the gateway keeps of the tokens that it is shown. */
export interface TokenMemory {
  readonly newest: NewestClaims;
  readonly seen: (token: VerifiedToken) => void;
  readonly lasts: (id: string, expiresAt: number) => void;
  /** Somebody is in fewer groups, or in others, than the tokens say that are in use. */
  readonly changed: () => void;
}

/**
 * Turns bearer tokens into principals under the configuration of the moment. It remembers which token made a principal,
 * so that a live session's groups follow a changed binding without a new login.
 */
export class Callers {
  readonly #verifier: TokenVerifier;
  readonly #configuration: ActiveConfiguration;
  readonly #grants: Pick<GrantBook, 'revision' | 'groupsOf'>;
  readonly #memory: TokenMemory;
  readonly #origins = new WeakMap<Principal, Origin>();

  constructor(
    verifier: TokenVerifier,
    configuration: ActiveConfiguration,
    grants: Pick<GrantBook, 'revision' | 'groupsOf'>,
    memory: TokenMemory,
  ) {
    this.#verifier = verifier;
    this.#configuration = configuration;
    this.#grants = grants;
    this.#memory = memory;
  }

  policies(): PolicySet {
    return this.#configuration.current().policies;
  }

  /** Throws login_required with the reason when the token is not good. */
  async identify(bearer: string): Promise<Caller> {
    const token = await this.#verifier.verify(bearer);
    if (token.subject === '') throw new SluiceError('login_required', 'the token has no subject');
    this.#memory.seen(token);
    return { token, principal: this.resolve(token) };
  }

  /** The same person or machine as bindings make it now; the very same object while nothing changed. */
  readonly refresh = (principal: Principal): Principal => {
    const origin = this.#origins.get(principal);
    if (origin === undefined) return principal;
    const isCurrent =
      origin.version === this.#configuration.current().version &&
      origin.grants === this.#grants.revision &&
      origin.claims === this.#memory.newest.revision;
    return isCurrent ? principal : this.resolve(origin.token);
  };

  /** Who a verified token stands for now. */
  resolve(token: VerifiedToken): Principal {
    const { version, resolve } = this.#configuration.current();
    const { newest, lasts, changed } = this.#memory;
    const isNews = newest.saw(token);
    const claims = newest.revision;
    const bound = resolve(newest.narrow(token));
    lasts(bound.id, token.expiresAt);
    const grants = this.#grants.revision;
    // A group that the bundle no longer lets anyone have for a while is not had any longer either.
    const { access } = this.#configuration.current();
    const granted = this.#grants.groupsOf(bound).filter((group) => Object.hasOwn(access, group));
    const principal =
      granted.length === 0 ? bound : { ...bound, groups: [...new Set([...bound.groups, ...granted])].sort() };
    this.#origins.set(principal, { token, version, grants, claims });
    if (isNews) changed();
    return principal;
  }
}
