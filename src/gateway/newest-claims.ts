import type { VerifiedToken } from '../identity/types.js';

/**
 * Which groups the identity provider named last, for every login and the client that its token was given to. A token that
 * is older gives no more than that: whom the provider has taken out of a group is out wherever an older token still is in
 * use. Tokens of another client, or for another scope, may say less of the same person, and so are not compared.
 */
export class NewestClaims {
  readonly #newest = new Map<string, Newest>();
  readonly #clock: () => number;
  /** After its last token has expired, what a login has open ends within this time. */
  readonly #outliveMs: number;
  #revision = 0;

  constructor(clock: () => number, outliveMs: number) {
    this.#clock = clock;
    this.#outliveMs = outliveMs;
  }

  /** Moves whenever older tokens have come to mean something else. */
  get revision(): number {
    return this.#revision;
  }

  /** This token counts from now on; says whether those before it mean something else by that. */
  saw(token: VerifiedToken): boolean {
    const key = keyOf(token);
    const { issuedAt = 0, claimGroups, expiresAt } = token;
    const known = key === null ? undefined : this.#newest.get(key);
    if (key === null || (known !== undefined && known.issuedAt > issuedAt)) return false;
    const until = Math.max(known?.until ?? 0, expiresAt);
    // Times are in whole seconds: of two tokens of the same one, nobody knows which is the newer.
    const isSameTime = known?.issuedAt === issuedAt;
    const groups = new Set(isSameTime ? claimGroups.filter((group) => known.groups.has(group)) : claimGroups);
    this.#newest.set(key, { issuedAt, until, groups });
    if (known === undefined || isSameSet(known.groups, groups)) return false;
    this.#revision += 1;
    return true;
  }

  /** The token with those of its groups that the newest one names too; the very same object where that is all of them. */
  narrow(token: VerifiedToken): VerifiedToken {
    const key = keyOf(token);
    const newest = key === null ? undefined : this.#newest.get(key);
    if (newest === undefined || token.claimGroups.every((group) => newest.groups.has(group))) return token;
    return { ...token, claimGroups: token.claimGroups.filter((group) => newest.groups.has(group)) };
  }

  /** Forgets logins of which nothing is open any more. */
  prune(): void {
    const before = this.#clock() - this.#outliveMs;
    for (const [key, { until }] of this.#newest) if (until <= before) this.#newest.delete(key);
  }
}

interface Newest {
  readonly issuedAt: number;
  /** When the last of the tokens expires, in ms since the epoch. */
  readonly until: number;
  readonly groups: ReadonlySet<string>;
}

function keyOf({ issuer, subject, issuedAt, grantedTo }: VerifiedToken): string | null {
  return issuedAt === undefined || grantedTo === undefined ? null : JSON.stringify([issuer, subject, grantedTo]);
}

function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((one) => b.has(one));
}
