import { isSameActor } from '../../approvals/people.js';
import { isSluiceError, SluiceError } from '../../lib/errors.js';
import { newId } from '../../lib/ids.js';
import type { Principal } from '../../policy/types.js';
import type { ExecDocument } from '../schemas/exec.js';
import { documentOf } from './document.js';
import type { ExecOrder } from './order.js';
import type { PortalQuery } from './portal-query.js';
import type { QueryBounds } from './result.js';
import type { ExecSession } from './session.js';

/** A portal that waits keeps a snapshot and a connection at the target: not for long, and not many. */
export interface CursorLimits {
  readonly idleMs: number;
  readonly lifeMs: number;
  readonly perPrincipal: number;
  readonly total: number;
}
export const defaultCursorLimits: CursorLimits = { idleMs: 120_000, lifeMs: 900_000, perPrincipal: 4, total: 200 };

interface Open {
  readonly session: ExecSession;
  readonly query: PortalQuery;
  readonly order: ExecOrder;
}
interface Cursor extends Open {
  readonly id: string;
  readonly endsAt: number;
  timer: NodeJS.Timeout;
  busy: boolean;
}

export interface FetchOrder {
  readonly principal: Principal;
  readonly bounds: QueryBounds;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Results that their callers may go on with. The cursor is the suspended portal itself, so nothing runs twice, every
 * page is of one snapshot, and each page is judged and recorded in the session that began it.
 */
export class ExecCursors {
  readonly #cursors = new Map<string, Cursor>();
  readonly #limits: CursorLimits;
  readonly #clock: () => number;

  constructor(limits: CursorLimits, clock: () => number) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get size(): number {
    return this.#cursors.size;
  }

  /** Takes an open portal; null when the gateway holds too many. The caller's own oldest one gives way. */
  hold(open: Open): string | null {
    const owner = open.order.principal.id;
    const own = [...this.#cursors.values()].filter(({ order }) => order.principal.id === owner);
    if (own.length >= this.#limits.perPrincipal) {
      const oldest = own.find(({ busy }) => !busy);
      if (oldest === undefined) return null;
      this.#drop(oldest);
    }
    if (this.#cursors.size >= this.#limits.total) return null;
    const id = newId('cur');
    const endsAt = this.#clock() + this.#limits.lifeMs;
    const cursor: Cursor = { ...open, id, endsAt, timer: this.#idleTimer(id), busy: false };
    this.#cursors.set(id, cursor);
    void open.session.ended.then(() => this.#forget(cursor));
    return id;
  }

  /** The next page. What another one holds does not exist. */
  async fetch(id: string, { principal, bounds, timeoutMs, signal }: FetchOrder): Promise<ExecDocument> {
    const cursor = this.#cursors.get(id);
    if (cursor === undefined || !isSameActor(cursor.order.principal, principal)) throw noCursor(id);
    if (cursor.busy) throw new SluiceError('conflict', `cursor ${id} is being read`, { retryable: true });
    cursor.busy = true;
    clearTimeout(cursor.timer);
    const { session, query, order } = cursor;
    const release = session.limit(timeoutMs, signal);
    const started = this.#clock();
    try {
      const { rows, more } = await query.page(bounds);
      if (session.heard.refusal !== null) throw session.heard.refusal;
      if (more && rows.length === 0 && bounds.maxRows > 0) throw rowTooLarge(id, query.nextRowBytes);
      session.heard.give(rows.length);
      if (!more) this.#forget(cursor);
      const result = { columns: query.columns, rows, rowCount: rows.length, truncated: more };
      const durationMs = this.#clock() - started;
      return documentOf({ order, heard: session.heard, result, cursor: more ? id : null, durationMs });
    } catch (error) {
      if (isSluiceError(error, 'usage')) throw error;
      this.#forget(cursor);
      throw session.failure(error);
    } finally {
      release();
      cursor.busy = false;
      if (this.#cursors.get(id) === cursor) cursor.timer = this.#idleTimer(id, cursor.endsAt);
      else await session.close();
    }
  }

  #idleTimer(id: string, endsAt = Infinity): NodeJS.Timeout {
    const left = Math.max(0, Math.min(this.#limits.idleMs, endsAt - this.#clock()));
    return setTimeout(() => {
      const cursor = this.#cursors.get(id);
      if (cursor !== undefined && !cursor.busy) this.#drop(cursor);
    }, left);
  }

  #drop(cursor: Cursor): void {
    this.#forget(cursor);
    void cursor.query
      .finish()
      .catch(() => undefined) // it ends either way
      .then(() => cursor.session.close());
  }

  #forget(cursor: Cursor): void {
    clearTimeout(cursor.timer);
    if (this.#cursors.get(cursor.id) === cursor) this.#cursors.delete(cursor.id);
  }
}

function noCursor(id: string): SluiceError {
  return new SluiceError('not_found', `no cursor ${id} of yours: it was read to its end, or is too old`, {
    next: [{ command: 'sluice exec TARGET "…" --limit N', when: 'to read from the start, with more rows at once' }],
  });
}

function rowTooLarge(id: string, bytes: number): SluiceError {
  return new SluiceError('usage', `the next row alone has ${bytes} bytes`, {
    next: [{ command: `sluice exec --cursor ${id} --max-bytes ${bytes}`, when: 'to read it' }],
  });
}
