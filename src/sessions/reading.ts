import { nextStop, type ReadBounds, type Stops } from '../policy/bounds.js';
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
  readonly #sessionRows = new Span();
  readonly #sessionBytes = new Span();
  readonly #identityRows = new Span();
  readonly #identityBytes = new Span();

  constructor(parts: ReadingParts) {
    this.#parts = parts;
  }

  /** Says whether with the counts as they are another answer is possible; they include what is about to be delivered. */
  mustAskAgain(rows: number, bytes: number): boolean {
    const policies = this.#parts.policies();
    if (policies !== this.#policies) {
      this.#policies = policies;
      this.#bounds = policies.readBounds;
      if (this.#bounds !== null) this.#lookAhead(this.#bounds, nothing, nothing);
    }
    if (this.#bounds === null) return false;
    const { session, usage, now } = this.#parts;
    const identity = usage.facts(now());
    const left =
      this.#sessionRows.isLeftAt(session.rowsRead, rows) ||
      this.#sessionBytes.isLeftAt(session.bytesRead, bytes) ||
      this.#identityRows.isLeftAt(identity.rowsRead, rows) ||
      this.#identityBytes.isLeftAt(identity.bytesRead, bytes);
    if (left) this.#lookAhead(this.#bounds, session, identity);
    return left;
  }

  #lookAhead(bounds: ReadBounds, session: Counts, identity: Counts): void {
    this.#sessionRows.lookAhead(bounds.session.rowsRead, session.rowsRead);
    this.#sessionBytes.lookAhead(bounds.session.bytesRead, session.bytesRead);
    this.#identityRows.lookAhead(bounds.identity.rowsRead, identity.rowsRead);
    this.#identityBytes.lookAhead(bounds.identity.bytesRead, identity.bytesRead);
  }
}

type Counts = Pick<SessionFacts, 'rowsRead' | 'bytesRead'>;
const nothing: Counts = { rowsRead: 0, bytesRead: 0 };

/**
 * The counts from where one last looked to the next that a policy names. Counts also fall, when the hour has passed or
 * what was refused is taken back: the numbers that were behind then lie ahead again.
 */
class Span {
  #from = 0;
  #next = Infinity;

  isLeftAt(count: number, added: number): boolean {
    return count >= this.#next || count - added < this.#from;
  }

  lookAhead(stops: Stops, count: number): void {
    this.#from = count;
    this.#next = nextStop(stops, count);
  }
}
