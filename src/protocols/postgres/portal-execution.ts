import { SluiceError } from '../../lib/errors.js';
import type { StatementAnalysis } from '../../analysis/postgres-types.js';
import type { Permit } from '../../sessions/permit.js';
import { sendAgain } from '../../sessions/words.js';
import type { Conversation, WirePortal } from './conversation.js';
import { gatewayError } from './errors.js';
import { decodeExecute } from './extended-messages.js';
import { emptyStatement, type Judged, type Judging } from './judging.js';
import { refuse, sqlError, type Refusal } from './refusal.js';
import type { RelayHooks } from './relay-hooks.js';
import { isTreatedAlike, planResult } from './result-plan.js';
import type { Run } from './run.js';

/** Asks the server how a portal's rows look, once. `hidden`: the client has not asked. */
export function describePortal(talk: Conversation, name: string, portal: WirePortal, hidden: boolean): void {
  portal.described = true;
  talk.backend.describe('portal', portal.upstream);
  talk.tracker.push({
    type: 'describePortal',
    hidden,
    run: portal.run,
    named: { client: name, upstream: portal.upstream },
  });
}

/** Execute: runs a portal, or reads on in it, as long as that is still what was judged. */
export class PortalExecution {
  readonly #talk: Conversation;
  readonly #hooks: RelayHooks;
  readonly #judging: Judging;

  constructor(talk: Conversation, hooks: RelayHooks, judging: Judging) {
    this.#talk = talk;
    this.#hooks = hooks;
    this.#judging = judging;
  }

  execute(payload: Buffer): void | Promise<void> {
    const talk = this.#talk;
    const { portal: name, maxRows } = decodeExecute(payload);
    const portal = talk.portals.get(name);
    const isPlain =
      portal !== undefined &&
      !portal.executed &&
      !portal.query.usesNames &&
      !talk.tracker.isUncertain('portal', name) &&
      portal.permit.basis === talk.session.gate.basis &&
      this.#isStill(portal);
    return isPlain ? this.#forward(name, portal, portal.run, maxRows) : this.#slowly(name, maxRows);
  }

  async #slowly(name: string, maxRows: number): Promise<void> {
    const talk = this.#talk;
    if (talk.tracker.isUncertain('portal', name)) {
      await this.#hooks.idle();
      if (talk.skipping) return;
    }
    const portal = talk.portals.get(name);
    if (portal === undefined) return await this.#refuse(sqlError('34000', `portal "${name}" does not exist`));
    if (portal.query.usesNames) {
      await this.#hooks.idle();
      if (talk.skipping) return;
      // EXECUTE and FETCH look their name up when they run: it must still mean what was judged.
      if (portal.namesVersion !== talk.names.version) return await this.#refuse(namesMoved);
    }
    const isMoved = await this.#isMoved(portal);
    if (talk.skipping) return;
    const judged = await this.#judgedAgain(portal);
    if (talk.skipping) return;
    if (judged?.verdict === 'deny') return await this.#refuse({ fields: gatewayError(judged.error) });
    const permit = judged?.permit ?? portal.permit;
    const withdrawn = isMoved ? this.#withdraw(permit, catalogMoved) : this.#hiddenSince(portal, permit);
    if (withdrawn !== null) return await this.#refuse({ fields: gatewayError(withdrawn) });
    const { query, statement, run: bound } = portal;
    const run = judged === null ? bound : this.#judging.run(permit, bound.statement, query, statement, bound);
    await this.#forward(name, portal, run, maxRows);
  }

  /** Reading on is judged afresh, and so is what was judged under other policies; null for the rest. */
  async #judgedAgain({ executed, permit, query, parameters }: WirePortal): Promise<Judged | null> {
    if (!executed && permit.basis === this.#talk.session.gate.basis) return null;
    const bodies = this.#judging.resolveNames(query);
    return await this.#judging.judge({ kind: 'fetch', text: query.text, parameters }, bodies, { continues: permit });
  }

  /** Nothing has moved since it was bound but by what it copies itself. */
  #isStill({ seenIn, copied }: WirePortal): boolean {
    const { view } = this.#talk;
    return view.now() === seenIn || (copied !== null && view.isStill(copied));
  }

  /**
   * Utilities and the bodies of functions find their names when they run, and what is protected may be more than it was:
   * whether the text is not any more what was judged at Bind.
   */
  async #isMoved(portal: WirePortal): Promise<boolean> {
    const talk = this.#talk;
    if (this.#isStill(portal)) return false;
    if (talk.transaction === 'E') await this.#hooks.idle();
    if (talk.skipping || talk.transaction === 'E') return false; // the server runs nothing but the end of it
    const query = await this.#judging.analyse(portal.query.text);
    await this.#judging.refreshNames(query);
    if (talk.skipping) return false;
    const { statements, fault } = this.#judging.resolveNames(query);
    if (fault !== null || !meansTheSame(portal.run.statement, statements[0] ?? emptyStatement)) return true;
    const { plan } = portal.run;
    if (plan !== null) {
      const anew = planResult(plan.description, portal.run.statement, query.catalog, talk.masking);
      if (!isTreatedAlike(plan, anew)) return true;
    }
    portal.seenIn = query.catalog;
    return false;
  }

  /** A portal is described once, and its rows are treated as was right then: what shows more than it may is not read on. */
  #hiddenSince({ run }: WirePortal, permit: Permit): SluiceError | null {
    const { gate } = this.#talk.session;
    const revealed = run.plan?.revealed ?? [];
    if (revealed.length === 0 || gate.reveals(revealed).every((allowed) => allowed)) return null;
    return this.#withdraw(permit, 'this result shows values in clear that may not be seen so any more.');
  }

  #withdraw(permit: Permit, message: string): SluiceError {
    const error = new SluiceError('denied', message, { decider: 'gateway', next });
    return this.#talk.session.gate.withdraw(permit, error).error;
  }

  #forward(name: string, portal: WirePortal, run: Run, maxRows: number): void | Promise<void> {
    const talk = this.#talk;
    portal.executed = true;
    talk.noteSent(run.statement);
    // Rows without a description could not be masked: every portal is described before it runs.
    if (!portal.described) describePortal(talk, name, portal, true);
    talk.backend.execute(run.permit, portal.upstream, maxRows);
    talk.unsynced = true;
    talk.tracker.push({ type: 'execute', run, named: { client: name, upstream: portal.upstream } });
    return portal.query.copiesIn ? this.#untilCopyOrDone() : undefined;
  }

  async #untilCopyOrDone(): Promise<void> {
    this.#talk.backend.flush();
    await this.#hooks.release();
    await this.#hooks.idle();
  }

  #refuse(refusal: Refusal): void | Promise<void> {
    return refuse(this.#talk, this.#hooks, refusal);
  }
}

/** Columns that were found protected meanwhile need no protection from what copies into them; others do. */
function meansTheSame(judged: StatementAnalysis, now: StatementAnalysis): boolean {
  const { copies: judgedCopies = [], ...before } = judged;
  const { copies = [], ...after } = now;
  const known = new Set(judgedCopies.map((copy) => JSON.stringify(copy)));
  return JSON.stringify(before) === JSON.stringify(after) && copies.every((copy) => known.has(JSON.stringify(copy)));
}

/** People typed a statement; whoever writes a driver must know from where on. */
const next = [{ command: sendAgain, when: 'to have it judged anew; a driver begins at Bind' }];

const namesMoved: Refusal = {
  fields: gatewayError(
    new SluiceError('target_rejected', 'a prepared statement or cursor that this names has changed since it was sent', {
      decider: 'gateway',
      targetCode: '55000',
      next,
    }),
  ),
};
const catalogMoved = 'what its names mean, or what is protected of it, has changed since it was sent.';
