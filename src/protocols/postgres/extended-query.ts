import { meansOthers } from '../../analysis/other-names.js';
import type { CatalogHandle } from '../../analysis/postgres-types.js';
import { SluiceError } from '../../lib/errors.js';
import type { Allowed, Denied, Permit } from '../../sessions/permit.js';
import { decodeBind, type BindMessage } from './bind.js';
import type { Conversation, WirePortal, WireStatement } from './conversation.js';
import { gatewayError } from './errors.js';
import { decodeNamed, decodeParse, type ParseMessage } from './extended-messages.js';
import type { JudgedQuery } from './judged-query.js';
import { emptyStatement, type Judged, type Judging, type Resolved } from './judging.js';
import { collidePortal, collideStatement } from './collisions.js';
import { prepareAnew, resultChanged } from './prepared-anew.js';
import { describePortal, PortalExecution } from './portal-execution.js';
import { closeUpstream, restoreMissing, takeBack } from './names-in-flight.js';
import { noStatement, refuse, sqlError, type Refusal } from './refusal.js';
import type { RelayHooks } from './relay-hooks.js';

/**
 * The extended query protocol (PostgreSQL 55.2.3): statements and portals under private names, judged when they are
 * prepared and again when they run. What has been seen before is judged without waiting for anything.
 */
export class ExtendedQuery {
  readonly #talk: Conversation;
  readonly #hooks: RelayHooks;
  readonly #judging: Judging;
  readonly #execution: PortalExecution;

  constructor(talk: Conversation, hooks: RelayHooks, judging: Judging) {
    this.#talk = talk;
    this.#hooks = hooks;
    this.#judging = judging;
    this.#execution = new PortalExecution(talk, hooks, judging);
  }

  parse(payload: Buffer): void | Promise<void> {
    const message = decodeParse(payload);
    const query = this.#judging.analysedNow(message.text);
    if (query === null) return this.#judging.analyse(message.text).then((analysed) => this.#prepare(message, analysed));
    return this.#prepare(message, query);
  }

  #prepare(message: ParseMessage, query: JudgedQuery): void | Promise<void> {
    if (query.statements.length > 1) {
      return this.#refuse(sqlError('42601', 'cannot insert multiple commands into a prepared statement'));
    }
    const fault = query.fault ?? callingTypeFault(message.types, query.catalog);
    const bodies = { statements: query.statements, effects: query.effects, fault, secrets: query.secrets };
    const judged = this.#judging.judge({ kind: 'parse', text: query.text, parameters: [] }, bodies, {
      preparesOnly: true,
    });
    if (judged instanceof Promise) throw new TypeError('preparing never waits for people');
    if (this.#talk.skipping) return undefined;
    const { tracker } = this.#talk;
    const isCertain = !tracker.isUncertain('statement', message.name) && (message.name === '' || !tracker.isNaming);
    if (isCertain) return this.#forwardParse(message, query, judged);
    return this.#isSkippedMeanwhile().then((skipped) =>
      skipped ? undefined : this.#forwardParse(message, query, judged),
    );
  }

  #forwardParse(message: ParseMessage, query: JudgedQuery, judged: Allowed | Denied): void | Promise<void> {
    const talk = this.#talk;
    const { name, types } = message;
    const prior = talk.statements.get(name);
    if (name === '' && prior !== undefined) {
      // The unnamed statement ends with the next Parse, even one that fails (PostgreSQL 55.2.3).
      talk.statements.delete('');
      closeUpstream(talk, { kind: 'statement', name: '' }, prior.upstream, () =>
        restoreMissing(talk.statements, '', prior),
      );
    }
    if (judged.verdict === 'deny') return this.#refuse({ fields: gatewayError(judged.error, 'ERROR', query.position) });
    if (name !== '' && this.#takenStatement(name) !== null)
      return this.#collideParse({ name, types }, judged.permit, () => this.#forwardParse(message, query, judged));
    const statement: WireStatement = { upstream: talk.newName('s'), types, query, plan: null };
    talk.statements.set(name, statement);
    talk.backend.parse(judged.permit, statement.upstream, types);
    talk.unsynced = true;
    talk.tracker.push({
      type: 'parse',
      hidden: false,
      changes: { kind: 'statement', name },
      undo: () => takeBack(talk.statements, name, statement),
    });
    return undefined;
  }

  /** The name upstream of what this one stands for; SQL's own names are the same there. */
  #takenStatement(name: string): string | null {
    const { names, statements } = this.#talk;
    return statements.get(name)?.upstream ?? (names.statements.has(name) ? name : null);
  }

  async #collideParse(
    { name, types }: Pick<ParseMessage, 'name' | 'types'>,
    permit: Permit,
    forward: () => void | Promise<void>,
  ): Promise<void> {
    if (await this.#isSkippedMeanwhile()) return;
    const taken = this.#takenStatement(name);
    if (taken === null) return await forward(); // what was in flight has freed it
    await collideStatement(this.#talk, this.#hooks, { name, taken, types, permit });
  }

  bind(payload: Buffer): void | Promise<void> {
    const talk = this.#talk;
    const message = decodeBind(payload);
    const statement = talk.statements.get(message.statement);
    const uncertain =
      talk.tracker.isUncertain('statement', message.statement) || talk.tracker.isUncertain('portal', message.portal);
    if (uncertain || statement === undefined) return this.#bindSlowly(message);
    if (this.#mayBeTaken(message.portal)) return this.#bindSlowly(message);
    // The catalog may have moved since Parse: the server plans again, so it is judged again.
    const query = this.#judging.analysedAgain(statement.query);
    if (query === null || this.#meansOthers(statement, query)) return this.#bindSlowly(message);
    statement.query = query;
    const bound = { types: statement.types, values: message.values };
    const { parameters } = message;
    const judged = this.#judging.judge({ kind: 'execute', text: query.text, parameters }, query, { bound });
    if (judged instanceof Promise) {
      return judged.then((settled) => this.#forwardBind(message, statement, query, query, settled));
    }
    return this.#forwardBind(message, statement, query, query, judged);
  }

  async #bindSlowly(message: BindMessage): Promise<void> {
    const talk = this.#talk;
    const { portal: name, statement: statementName, parameters } = message;
    if (talk.tracker.isUncertain('statement', statementName) && (await this.#isSkippedMeanwhile())) return;
    if (talk.tracker.isUncertain('portal', name) && (await this.#isSkippedMeanwhile())) return;
    const statement = talk.statements.get(statementName);
    if (statement === undefined) {
      if (!talk.names.statements.has(statementName)) return await this.#refuse(noStatement(statementName));
      return await this.#refuse(
        sqlError('0A000', `prepared statement "${statementName}" was made with PREPARE: run it with EXECUTE`),
      );
    }
    if (this.#mayBeTaken(name)) {
      if (await this.#isSkippedMeanwhile()) return;
      const taken = talk.portals.get(name);
      if (taken !== undefined) return await collidePortal(talk, this.#hooks, message, { statement, taken });
      // What was in flight has freed it, or has not taken it.
      if (talk.names.cursor(name) === undefined) return await this.#bindSlowly(message);
    }
    const query = await this.#judging.analyse(statement.query.text);
    if (query.usesNames) await this.#hooks.idle();
    await this.#judging.refreshNames(query);
    const bodies = this.#judging.resolveNames(query);
    const bound = { types: statement.types, values: message.values };
    const judged = await this.#judging.judge({ kind: 'execute', text: query.text, parameters }, bodies, { bound });
    if (name !== '' && talk.names.cursor(name) !== undefined && judged.verdict !== 'deny' && !talk.skipping) {
      await this.#hooks.idle();
      const taken = { upstream: name, permit: judged.permit };
      return await collidePortal(talk, this.#hooks, message, { statement, taken });
    }
    await this.#forwardBind(message, statement, query, bodies, judged);
  }

  /** What the statement was prepared with may be another object than what it is judged by now. */
  #meansOthers({ query: { statements } }: WireStatement, now: JudgedQuery): boolean {
    const [one] = statements;
    const [other] = now.statements;
    return one !== other && one !== undefined && other !== undefined && meansOthers(one, other);
  }

  /** By a portal, unless its transaction has ended meanwhile, or by a cursor that SQL declared or is about to. */
  #mayBeTaken(portal: string): boolean {
    const { portals, names, tracker } = this.#talk;
    return portal !== '' && (portals.has(portal) || names.cursor(portal) !== undefined || tracker.isNaming);
  }

  #forwardBind(
    message: BindMessage,
    bound: WireStatement,
    asked: JudgedQuery,
    given: Resolved,
    judged: Judged,
  ): void | Promise<void> {
    const talk = this.#talk;
    if (talk.skipping) return undefined;
    const { query, bodies } = judged.seen ?? { query: asked, bodies: given };
    if (judged.verdict === 'deny') return this.#refuse({ fields: gatewayError(judged.error, 'ERROR', query.position) });
    const { portal: name, statement: statementName, values, parameters } = message;
    const statement = this.#meansOthers(bound, query)
      ? prepareAnew(talk, statementName, bound, { query, permit: judged.permit })
      : bound;
    if (statement === null) return this.#refuse(resultChanged);
    statement.query = query;
    const prior = talk.portals.get(name);
    const [body] = bodies.statements;
    const before = talk.view.now();
    const run = this.#judging.run(judged.permit, body ?? emptyStatement, query, statement);
    // What it copies is protected from now on: that is no change of what it means itself.
    const copied = before === query.catalog && talk.view.now() !== before ? talk.view.standing() : null;
    const portal: WirePortal = {
      upstream: talk.newName('p'),
      statement,
      query,
      parameters,
      permit: judged.permit,
      run,
      seenIn: query.catalog,
      copied,
      era: talk.era,
      namesVersion: talk.names.version,
      described: false,
      executed: false,
    };
    if (prior !== undefined) {
      closeUpstream(talk, { kind: 'portal', name }, prior.upstream, () => restoreMissing(talk.portals, name, prior));
    }
    talk.portals.set(name, portal);
    talk.backend.bind(judged.permit, portal.upstream, statement.upstream, values);
    talk.unsynced = true;
    talk.tracker.push({
      type: 'bind',
      run: portal.run,
      named: { client: statementName, upstream: statement.upstream },
      changes: { kind: 'portal', name },
      undo: () => takeBack(talk.portals, name, portal),
    });
    return undefined;
  }

  describe(payload: Buffer): void | Promise<void> {
    const talk = this.#talk;
    const { kind, name } = decodeNamed(payload);
    if (talk.tracker.isUncertain(kind, name)) return this.#onceCertain(() => this.describe(payload));
    if (kind === 'statement') {
      const statement = talk.statements.get(name);
      if (statement === undefined) return this.#refuse(noStatement(name));
      talk.backend.describe('statement', statement.upstream);
      talk.tracker.push({ type: 'describeStatement', named: { client: name, upstream: statement.upstream } });
    } else {
      const portal = talk.portals.get(name);
      if (portal === undefined) return this.#describeCursor(name);
      describePortal(talk, name, portal, false);
    }
    talk.unsynced = true;
    return undefined;
  }

  /** A cursor that SQL declared is a portal too (PostgreSQL 55.2.3), under its own name; DECLARE may still be on its way. */
  async #describeCursor(name: string): Promise<void> {
    const talk = this.#talk;
    if (!talk.tracker.isEmpty) await this.#hooks.idle();
    if (talk.skipping) return;
    if (talk.names.cursor(name) === undefined) {
      await this.#refuse(sqlError('34000', `portal "${name}" does not exist`));
      return;
    }
    talk.backend.describe('portal', name);
    talk.tracker.push({ type: 'describeStatement', named: { client: name, upstream: name } });
    talk.unsynced = true;
  }

  execute(payload: Buffer): void | Promise<void> {
    return this.#execution.execute(payload);
  }

  /** Closing what does not exist is no error (PostgreSQL 55.2.3). */
  close(payload: Buffer): void | Promise<void> {
    const talk = this.#talk;
    const { kind, name } = decodeNamed(payload);
    if (talk.tracker.isUncertain(kind, name)) return this.#onceCertain(() => this.close(payload));
    let undo = (): void => undefined;
    let upstream = `sluice_none`;
    if (kind === 'statement') {
      const statement = talk.statements.get(name);
      if (statement !== undefined) {
        upstream = statement.upstream;
        talk.statements.delete(name);
        undo = () => restoreMissing(talk.statements, name, statement);
      }
    } else {
      const portal = talk.portals.get(name);
      if (portal !== undefined) {
        upstream = portal.upstream;
        talk.portals.delete(name);
        undo = () => restoreMissing(talk.portals, name, portal);
      }
    }
    talk.backend.close(kind, upstream);
    talk.unsynced = true;
    talk.tracker.push({ type: 'close', hidden: false, changes: { kind, name }, undo });
    return undefined;
  }

  /** Waits until the server has said what a name of an earlier pipeline means; the server may fail this one meanwhile. */
  async #isSkippedMeanwhile(): Promise<boolean> {
    await this.#hooks.idle();
    return this.#talk.skipping;
  }

  async #onceCertain(then: () => void | Promise<void>): Promise<void> {
    await this.#hooks.idle();
    if (!this.#talk.skipping) await then();
  }

  #refuse(refusal: Refusal): void | Promise<void> {
    return refuse(this.#talk, this.#hooks, refusal);
  }
}

/** A parameter of a domain with a user-defined check calls a function that no text names. */
function callingTypeFault(types: Buffer, catalog: CatalogHandle): SluiceError | null {
  for (let at = 2; at + 4 <= types.length; at += 4) {
    if (catalog.callingTypes?.has(types.readUInt32BE(at)) !== true) continue;
    const message = 'the type of a parameter calls functions when it is read; give the parameter its base type.';
    return new SluiceError('denied', message, { decider: 'gateway' });
  }
  return null;
}
