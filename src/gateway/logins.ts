import type { LiveConnections } from './live-connections.js';
import type { Logger } from './log.js';
import type { NewestClaims } from './newest-claims.js';

/**
 * Until when logins last, by the newest token that was shown of each. A connection is judged by the token that it came with:
 * without this, whoever the identity provider has put out would stay for as long as they keep a connection open.
 */
export class Logins {
  readonly #until = new Map<string, number>();
  readonly #clock: () => number;
  readonly #outliveMs: number;

  constructor(clock: () => number, outliveMs: number) {
    this.#clock = clock;
    this.#outliveMs = outliveMs;
  }

  /** A token of this login has been verified that expires then. */
  saw(id: string, expiresAt: number): void {
    if (expiresAt > (this.#until.get(id) ?? Number.NEGATIVE_INFINITY)) this.#until.set(id, expiresAt);
  }

  /** Its newest token has expired, and the time has passed that its connections may outlive that. */
  isOver(id: string): boolean {
    const until = this.#until.get(id);
    return until === undefined || this.#clock() >= until + this.#outliveMs;
  }

  /** Forgets logins that are over; call when what they had open has been ended. */
  prune(): void {
    for (const id of this.#until.keys()) if (this.isOver(id)) this.#until.delete(id);
  }
}

export interface SweptLogins {
  readonly logins: Logins;
  readonly newest: NewestClaims;
  readonly connections: LiveConnections;
  readonly log: Logger;
}

/** Ends the connections of logins that are over, every `everyMs`; returns how to stop. */
export function sweepLogins({ logins, newest, connections, log }: SweptLogins, everyMs: number): () => void {
  const sweep = setInterval(() => {
    const ended = connections.endWhere(
      ({ principal }) => principal !== null && logins.isOver(principal.id),
      'login over',
    );
    logins.prune();
    newest.prune();
    if (ended > 0) log.info({ ended }, 'sessions ended with their logins');
  }, everyMs);
  sweep.unref();
  return () => clearInterval(sweep);
}
