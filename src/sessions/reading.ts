import { nextStop, type ReadBounds } from '../policy/bounds.js';
import type { PolicySet, SessionFacts } from '../policy/types.js';
import type { HourlyUsage } from './usage.js';

interface ReadingParts {
  readonly policies: () => PolicySet;
  readonly session: SessionFacts;
  readonly usage: HourlyUsage;
  readonly now: () => number;
}

/**
 * Knows when a result has read so far that policy must be asked again. Between the counts that policies name it costs a
 * few comparisons a piece of result; where no policy speaks of counters, one.
 */
export class Reading {
  readonly #parts: ReadingParts;
  #policies: PolicySet | null = null;
  #bounds: ReadBounds | null = null;
  #sessionRows = Infinity;
  #sessionBytes = Infinity;
  #identityRows = Infinity;
  #identityBytes = Infinity;

  constructor(parts: ReadingParts) {
    this.#parts = parts;
  }

  /** Says whether with these counts, which include what is about to be delivered, another answer is possible. */
  mustAskAgain(): boolean {
    const policies = this.#parts.policies();
    if (policies !== this.#policies) {
      this.#policies = policies;
      this.#bounds = policies.readBounds;
      if (this.#bounds !== null)
        this.#lookAhead(this.#bounds, { rowsRead: 0, bytesRead: 0 }, { rowsRead: 0, bytesRead: 0 });
    }
    if (this.#bounds === null) return false;
    const { session, usage, now } = this.#parts;
    const identity = usage.facts(now());
    const reached =
      session.rowsRead >= this.#sessionRows ||
      session.bytesRead >= this.#sessionBytes ||
      identity.rowsRead >= this.#identityRows ||
      identity.bytesRead >= this.#identityBytes;
    if (reached) this.#lookAhead(this.#bounds, session, identity);
    return reached;
  }

  #lookAhead(
    bounds: ReadBounds,
    session: Pick<SessionFacts, 'rowsRead' | 'bytesRead'>,
    identity: Pick<SessionFacts, 'rowsRead' | 'bytesRead'>,
  ): void {
    this.#sessionRows = nextStop(bounds.session.rowsRead, session.rowsRead);
    this.#sessionBytes = nextStop(bounds.session.bytesRead, session.bytesRead);
    this.#identityRows = nextStop(bounds.identity.rowsRead, identity.rowsRead);
    this.#identityBytes = nextStop(bounds.identity.bytesRead, identity.bytesRead);
  }
}
