import type { Principal } from '../policy/types.js';
import { within } from './deadline.js';

/** Why the gateway ends a connection; the engine tells the client in its own protocol. */
export type EndReason = 'draining' | 'revoked' | 'login over' | 'client closed' | 'timeout';

/** One connection that an engine serves; a native one has neither until its handshake is done. */
export interface LiveConnection {
  target: string | null;
  principal: Principal | null;
  /** The id of the registered key that was its login, if one was. */
  credential?: string;
  /** Destroys the client's stream, for an engine that did not end in time. */
  readonly cut: () => void;
}

const cutMs = 2_000;

interface Entry {
  readonly connection: LiveConnection;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/** Every connection that engines serve now, so that draining and revocation reach all of them. */
export class LiveConnections {
  readonly #entries = new Set<Entry>();
  readonly #drain = new AbortController();

  /** Aborts when draining begins, for whatever else waits. */
  get drainSignal(): AbortSignal {
    return this.#drain.signal;
  }

  get size(): number {
    return this.#entries.size;
  }

  get isClosed(): boolean {
    return this.#drain.signal.aborted;
  }

  /** Runs an engine over a connection until it ends; `serve` gets a signal that aborts with an `EndReason`. */
  async run(
    connection: LiveConnection,
    abort: AbortController,
    serve: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    if (this.isClosed) abort.abort('draining' satisfies EndReason);
    const done = serve(abort.signal);
    const entry: Entry = { connection, abort, done };
    this.#entries.add(entry);
    try {
      await done;
    } finally {
      this.#entries.delete(entry);
    }
  }

  /** Ends every connection that `isRefused` names. */
  endWhere(isRefused: (connection: LiveConnection) => boolean, reason: EndReason = 'revoked'): number {
    let ended = 0;
    for (const entry of this.#entries) {
      if (!isRefused(entry.connection)) continue;
      entry.abort.abort(reason);
      ended += 1;
    }
    return ended;
  }

  /** Tells every engine to end and waits for them, at most `graceMs`. Says how many were cut. */
  async drain(graceMs: number): Promise<number> {
    this.#drain.abort('draining' satisfies EndReason);
    for (const entry of this.#entries) entry.abort.abort('draining' satisfies EndReason);
    const all = Promise.allSettled([...this.#entries].map((entry) => entry.done)).then(() => undefined);
    await within(all, graceMs, undefined);
    const left = [...this.#entries];
    for (const { connection } of left) connection.cut();
    // A cut stream ends its engine at once; waiting lets its journal be closed before the recorder is.
    await within(Promise.allSettled(left.map((entry) => entry.done)), cutMs, undefined);
    return left.length;
  }
}
