import { gatewayError } from './errors.js';
import type { Permit } from '../../sessions/permit.js';
import type { Conversation } from './conversation.js';
import type { JudgedQuery } from './judged-query.js';
import type { Judged, Judging, Resolved } from './judging.js';
import { closeUpstream, restoreMissing } from './names-in-flight.js';
import { refuse } from './refusal.js';
import type { RelayHooks } from './relay-hooks.js';

/** The simple query protocol: one message, all its statements judged together. PostgreSQL 55.2.2. */
export class SimpleQuery {
  readonly #talk: Conversation;
  readonly #hooks: RelayHooks;
  readonly #judging: Judging;

  constructor(talk: Conversation, hooks: RelayHooks, judging: Judging) {
    this.#talk = talk;
    this.#hooks = hooks;
    this.#judging = judging;
  }

  query(text: string): void | Promise<void> {
    const query = this.#judging.analysedNow(text);
    if (query === null) return this.#slowly(text);
    const judged = this.#judging.judge({ kind: 'query', text, parameters: [] }, query);
    if (judged instanceof Promise) return judged.then((settled) => this.#forward(query, query, settled));
    return this.#forward(query, query, judged);
  }

  async #slowly(text: string): Promise<void> {
    const query = await this.#judging.analyse(text);
    if (query.usesNames) await this.#hooks.idle();
    await this.#judging.refreshNames(query);
    const bodies = this.#judging.resolveNames(query);
    const judged = await this.#judging.judge({ kind: 'query', text, parameters: [] }, bodies);
    await this.#forward(query, bodies, judged);
  }

  #forward(asked: JudgedQuery, given: Resolved, judged: Judged): void | Promise<void> {
    const talk = this.#talk;
    const { query, bodies } = judged.seen ?? { query: asked, bodies: given };
    if (talk.skipping) return undefined; // the server failed meanwhile and ignores everything up to Sync
    // A simple query ends the unnamed statement, even one that fails (PostgreSQL 55.2.3).
    const unnamed = talk.statements.get('');
    if (unnamed !== undefined) {
      talk.statements.delete('');
      closeUpstream(talk, { kind: 'statement', name: '' }, unnamed.upstream, () =>
        restoreMissing(talk.statements, '', unnamed),
      );
    }
    if (judged.verdict === 'deny') {
      return refuse(talk, this.#hooks, { fields: gatewayError(judged.error, 'ERROR', query.position) }, true);
    }
    const { permit } = judged;
    const plans = talk.plansOf(query);
    const runs = bodies.statements.map((statement) => this.#judging.run(permit, statement, query, plans));
    if (this.#deallocates(query, permit)) return undefined;
    for (const { statement } of runs) talk.noteSent(statement);
    talk.backend.query(permit);
    talk.tracker.push({ type: 'query', runs, at: 0, failed: false, era: talk.era++ });
    // What the client sends next means something else once the server is in COPY: wait until it says so.
    return query.copiesIn ? this.#untilCopyOrDone() : undefined;
  }

  async #untilCopyOrDone(): Promise<void> {
    await this.#hooks.release();
    await this.#hooks.idle();
  }

  /** DEALLOCATE of a statement that was prepared on the wire: its name upstream is ours, so it is closed on the wire. */
  #deallocates(query: JudgedQuery, permit: Permit): boolean {
    const talk = this.#talk;
    const [statement] = query.statements;
    if (query.statements.length !== 1 || statement === undefined) return false;
    const change = statement.changes.find((found) => found.type === 'deallocate');
    if (change?.type !== 'deallocate' || change.name === null) return false;
    const wire = talk.statements.get(change.name);
    if (wire === undefined || talk.names.statements.has(change.name)) return false;
    const { name } = change;
    talk.statements.delete(name);
    talk.backend.close('statement', wire.upstream);
    talk.tracker.push({
      type: 'deallocate',
      run: this.#judging.run(permit, statement, query),
      undo: () => restoreMissing(talk.statements, name, wire),
    });
    talk.backend.sync();
    talk.tracker.push({ type: 'sync', era: talk.era++ });
    return true;
  }
}
