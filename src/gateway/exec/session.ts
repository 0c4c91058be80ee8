import { Client, type Submittable } from 'pg';
import { duplexPair } from '../../lib/duplex-pair.js';
import { SluiceError } from '../../lib/errors.js';
import { type CommandResult, runCommand } from '../../protocols/ssh/text-client.js';
import { within } from '../deadline.js';
import type { EndReason } from '../live-connections.js';
import { endedByGateway, explainFailure, timeoutError } from './failure.js';
import { ExecObserver } from './observer.js';
import type { ExecOrder, ExecServices } from './order.js';
import { asConnectedSocket } from './socket-like.js';

/** How long the answer waits for the session's journal to be closed, so that it can be read at once. */
const closingMs = 2_000;
/** The gateway ends a statement that is out of time; the target does so itself should the gateway be gone by then. */
const targetSlackMs = 5_000;

/** A session of its own for one text: an in-memory client of the same engine, gate, masking and journal as any other. */
export class ExecSession {
  readonly heard = new ExecObserver();
  readonly #order: ExecOrder;
  readonly #abort = new AbortController();
  readonly #client: Client;
  readonly #near: ReturnType<typeof duplexPair>[0];
  readonly #served: Promise<void>;
  #cut: SluiceError | null = null;

  constructor(services: ExecServices, order: ExecOrder) {
    this.#order = order;
    const [near, far] = duplexPair();
    this.#near = near;
    near.on('error', () => undefined);
    far.on('error', () => undefined);
    const { heard } = this;
    this.#served = services.connections
      .run(
        { target: order.target.name, principal: order.principal, cut: () => near.destroy() },
        this.#abort,
        (signal) =>
          services.serve(
            {
              stream: far,
              principal: order.principal,
              target: order.target,
              get classification() {
                return order.classification();
              },
              origin: {
                address: order.address,
                via: 'exec',
                passwordVerifier: null,
                reason: order.reason,
                approvedRequest: order.approvedRequest,
                waitForApproval: order.wait,
                meta: order.meta,
              },
              readOnly: order.readOnly,
              statementTimeoutMs: order.timeoutMs + targetSlackMs,
              observer: heard,
            },
            signal,
          ),
      )
      .catch(() => undefined);
    const stream = asConnectedSocket(near);
    this.#client = new Client({
      stream: () => stream,
      // All given, so that no PG… variable of the gateway's own environment has a say.
      host: 'gateway',
      port: 5432,
      user: order.principal.name,
      database: order.target.name,
      password: '',
      ssl: false,
      application_name: order.application,
      keepAlive: false,
    });
    this.#client.on('error', () => undefined);
  }

  /** Resolves when the engine has ended. */
  get ended(): Promise<void> {
    return this.#served;
  }

  /** Sends a query; `onEnd` is called should the connection end before the query does. */
  async submit(query: Submittable, onEnd: (error: SluiceError) => void): Promise<void> {
    this.#client.on('end', () =>
      onEnd(new SluiceError('target_unreachable', 'the session ended before the result was complete')),
    );
    await this.#client.connect();
    this.#client.query(query);
  }

  /** Runs a command on a machine; what it says is cut at the order's bound. */
  command(): Promise<CommandResult> {
    const { text, parameters, bounds } = this.#order;
    if (parameters.length > 0) throw new SluiceError('usage', 'a command has no parameters: write them into its text');
    return runCommand(this.#near, text, bounds.maxBytes);
  }

  /** Ends it when the time is up or the caller leaves, until what it returns is called. */
  limit(timeoutMs: number, signal: AbortSignal): () => void {
    const late = (): void =>
      this.#hangUp(timeoutError(this.#order.target.name, timeoutMs, this.heard.waiting), 'timeout');
    const gone = (): void => this.#hangUp(new SluiceError('interrupted', 'the caller is gone'), 'client closed');
    const timer = setTimeout(late, timeoutMs);
    signal.addEventListener('abort', gone, { once: true });
    if (signal.aborted) gone();
    return () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', gone);
    };
  }

  /** Why something of it failed, as the caller may know it. */
  failure(error: unknown): SluiceError {
    const { target, text, wait } = this.#order;
    const cut = this.#cut ?? endedByGateway(this.#abort.signal, wait ? this.heard.waiting : null);
    return explainFailure({ target, text, wait, cut, heard: this.heard }, error);
  }

  /** Says goodbye; resolves once the journal is closed, or after a while. */
  async close(): Promise<void> {
    void this.#client.end().catch(() => undefined);
    await within(this.#served, closingMs, undefined);
    this.#near.destroy();
  }

  #hangUp(error: SluiceError, reason: EndReason): void {
    this.#cut ??= error;
    this.#abort.abort(reason);
    this.#near.destroy();
  }
}
