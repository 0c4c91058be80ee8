import type { CatalogHandle, SessionChange, StatementAnalysis } from '../../analysis/postgres-types.js';
import { explained } from '../../analysis/explained.js';
import { eitherOf, meansOthers } from '../../analysis/other-names.js';
import type { TextSecrets } from '../../analysis/text-secrets.js';
import { plainFacts, type Effect, type Operation } from '../../analysis/effects.js';
import { isSluiceError, SluiceError, type NextStep } from '../../lib/errors.js';
import type { Allowed, Denied, Held, JudgedOperation, Look, Permit } from '../../sessions/permit.js';
import { sendAgain } from '../../sessions/words.js';
import type { Conversation } from './conversation.js';
import { type BoundValues, readAs } from './bind.js';
import { holdStatement } from './holding.js';
import { analyseQuery, cachedQuery, objectsOf, unreadFault, unreadQuery, type JudgedQuery } from './judged-query.js';
import type { RelayHooks } from './relay-hooks.js';
import { type ReadText, withNamed } from './named-texts.js';
import { passedSecrets, withPassed } from './passed-secrets.js';
import { type PlanSlot, Run } from './run.js';

/** A query's statements with what EXECUTE and FETCH stand for put in their place. */
export interface Resolved {
  readonly statements: readonly StatementAnalysis[];
  readonly effects: readonly Effect[];
  readonly fault: SluiceError | null;
  readonly secrets: TextSecrets | null;
  /** The texts that gave the names. Absent for none. */
  readonly named?: ReadonlySet<ReadText>;
}

/** A text as it was read, with what its names stand for. */
export interface Seen {
  readonly query: JudgedQuery;
  readonly bodies: Resolved;
}

/** `seen`: the target was looked at again meanwhile, and this is what was judged. */
export type Judged = (Allowed | Denied) & { readonly seen?: Seen };

interface JudgingOptions {
  readonly preparesOnly?: boolean;
  readonly continues?: Permit;
  /** The values of a Bind. */
  readonly bound?: BoundValues;
}

/** From a text to a permit: analysis, the names that SQL gave, the gate, the wait for people. */
export class Judging {
  readonly #talk: Conversation;
  readonly #hooks: RelayHooks;

  constructor(talk: Conversation, hooks: RelayHooks) {
    this.#talk = talk;
    this.#hooks = hooks;
  }

  /** The analysis when it is at hand and needs nothing else first; most statements have been seen before. */
  analysedNow(text: string): JudgedQuery | null {
    const { view, analyser } = this.#talk;
    if (!view.isShared) return null;
    const catalog = view.sharedNow();
    const query = catalog === null ? null : cachedQuery(analyser, text, catalog);
    return query === null || query.usesNames ? null : query;
  }

  /** The same of a query at hand: itself, as long as the catalog has not moved. */
  analysedAgain(query: JudgedQuery): JudgedQuery | null {
    const { view } = this.#talk;
    const isCurrent = !query.usesNames && view.isShared && view.sharedNow() === query.catalog;
    return isCurrent ? query : this.analysedNow(query.text);
  }

  async analyse(text: string): Promise<JudgedQuery> {
    const talk = this.#talk;
    if (talk.view.isUnsure) await this.#makeSure();
    // A failed transaction may be over by what is under way.
    if (talk.view.isStale || (talk.transaction === 'E' && !talk.view.isShared)) await this.#hooks.idle();
    if (talk.view.isShared || talk.skipping) {
      const query = await this.#analyseShared(text);
      if (talk.view.isShared || talk.skipping) return query;
      await this.#hooks.idle(); // it turns out that the role has another path than the session
    }
    if (talk.transaction !== 'E') return await this.#analyseOwn(text, () => talk.view.own(talk, this.#hooks));
    // Nothing can be read in a failed transaction, and nothing but its end runs in it.
    const query = await this.#analyseShared(text);
    if (query.statements.length < 2) return query;
    const fault = new SluiceError('denied', 'end the failed transaction first, in a query of its own.', {
      decider: 'gateway',
    });
    return { ...query, fault };
  }

  /** What ran before may have moved the path by which names are found. In a failed transaction that is undone. */
  async #makeSure(): Promise<void> {
    const talk = this.#talk;
    await this.#hooks.idle();
    if (!talk.skipping && talk.transaction !== 'E') await talk.view.requirePinned(talk, this.#hooks.signal);
  }

  /** By the session's own catalog; what only keeps it from being read now costs a statement as well. */
  async #analyseOwn(text: string, read: () => Promise<CatalogHandle>): Promise<JudgedQuery> {
    let catalog: CatalogHandle;
    try {
      catalog = await read();
    } catch (error) {
      if (!isSluiceError(error, 'timeout') && !isSluiceError(error, 'unavailable')) throw error;
      return unreadQuery(text, error);
    }
    return await analyseQuery(this.#talk.analyser, text, catalog);
  }

  /** By the target's shared catalog; a target that cannot be asked for it costs a statement, not the session. */
  async #analyseShared(
    text: string,
    shared = (): Promise<CatalogHandle> => this.#talk.view.shared(),
  ): Promise<JudgedQuery> {
    let catalog: CatalogHandle;
    try {
      catalog = await shared();
    } catch (error) {
      if (!isSluiceError(error)) throw error;
      return unreadQuery(text, unreadFault(error));
    }
    return await analyseQuery(this.#talk.analyser, text, catalog);
  }

  /**
   * Reads the bodies of PREPARE and DECLARE again where names have moved since. Of a prepared statement the server may
   * have planned it again, or not; of a cursor it has not, but the bodies of functions find their names as they run.
   */
  async refreshNames(query: JudgedQuery): Promise<void> {
    const { names, analyser } = this.#talk;
    for (const change of query.statements.flatMap((statement) => statement.changes)) {
      if (change.type !== 'execute' && change.type !== 'fetch') continue;
      const named = change.type === 'execute' ? names.statements.get(change.name) : names.cursor(change.name);
      if (named === undefined || named.catalog === query.catalog) continue;
      const again = await analyseQuery(analyser, named.text, query.catalog);
      const body = again.statements[0]?.changes.find(givesName)?.body;
      if (body === undefined) {
        names.forget(change); // it cannot be read any more
        continue;
      }
      const isCertain =
        change.type === 'execute'
          ? !meansOthers(named.body, body)
          : JSON.stringify(body) === JSON.stringify(named.body);
      const refreshed = isCertain ? body : eitherOf(named.body, body);
      names.refresh(change, { ...named, body: refreshed, catalog: query.catalog });
    }
  }

  /** Puts in place of EXECUTE and FETCH what they run. Call with nothing in flight. */
  resolveNames(query: JudgedQuery): Resolved {
    const { secrets } = query;
    if (!query.usesNames) return { statements: query.statements, effects: query.effects, fault: query.fault, secrets };
    const talk = this.#talk;
    const names = talk.names.copy();
    const effects: Effect[] = [...query.effects];
    const passed: TextSecrets['literals'][number][] = [];
    const given = new Set<ReadText>();
    let fault = query.fault;
    const resolved = query.statements.map((statement) => {
      let body: StatementAnalysis | null = null;
      for (const change of statement.changes) {
        if (change.type === 'execute' || change.type === 'fetch') {
          const named = change.type === 'execute' ? names.statements.get(change.name) : names.cursor(change.name);
          if (named !== undefined && named === this.#named(change)) given.add(named);
          const found = named?.body ?? this.#openedElsewhere(change.type, change.name, statement);
          if (found === undefined) fault ??= this.#unknownName(change.type, change.name);
          else body = change.type === 'execute' ? this.#asked(change, found) : found;
          if (change.type === 'execute' && found !== undefined) passed.push(...passedSecrets(change, found));
        } else names.apply(change, query, statement);
      }
      if (body === null) return statement;
      effects.push(...body.effects);
      return {
        ...statement,
        output: body.output,
        touchesProtected: body.touchesProtected || statement.touchesProtected,
        effects: [...statement.effects, ...body.effects],
        objects: [...(statement.objects ?? []), ...(body.objects ?? [])],
        ...(body.copies === undefined ? {} : { copies: [...(statement.copies ?? []), ...body.copies] }),
      };
    });
    return {
      ...{ statements: resolved, effects, fault, secrets: withPassed(secrets, passed) },
      ...(given.size === 0 ? {} : { named: given }),
    };
  }

  /** What the name stands for before the text that uses it, which may give it itself. */
  #named({ type, name }: { readonly type: 'execute' | 'fetch'; readonly name: string }): ReadText | undefined {
    const { names } = this.#talk;
    return type === 'execute' ? names.statements.get(name) : names.cursor(name);
  }

  /** What EXECUTE stands for, or what EXPLAIN tells of it. */
  #asked(
    { explained: asked }: Extract<SessionChange, { type: 'execute' }>,
    body: StatementAnalysis,
  ): StatementAnalysis {
    if (asked === undefined) return body;
    const { catalogs, incoming } = this.#talk;
    const { target, classification } = incoming;
    const mayHide = !catalogs.hasNothingProtected(target, classification);
    const plan = explained(body, { ...asked, root: [target.name, target.database], mayHide });
    const { copies, ...rest } = body;
    return { ...rest, ...plan, ...(asked.runs && copies !== undefined ? { copies } : {}) };
  }

  /**
   * A cursor that a function opened: its query was never read. Where nothing can be protected the function was judged
   * when it was called, and policy says whether `unknown` may go on; elsewhere its rows could be anything.
   */
  #openedElsewhere(
    type: 'execute' | 'fetch',
    name: string,
    statement: StatementAnalysis,
  ): StatementAnalysis | undefined {
    const { catalogs, incoming, transaction } = this.#talk;
    const { target, classification } = incoming;
    if (type !== 'fetch' || transaction === 'E' || !catalogs.hasNothingProtected(target, classification))
      return undefined;
    const resource = { type: 'Database', path: [target.name, target.database] } as const;
    const unread: Effect = { action: 'unknown', resource, facts: { ...plainFacts, object: `cursor ${name}` } };
    return { ...statement, output: 'unknown', effects: [unread], changes: [] };
  }

  /** A name that nobody has given: the server would say the same of it, once it ran. */
  #unknownName(type: 'execute' | 'fetch', name: string): SluiceError {
    const { statements, transaction } = this.#talk;
    const rejected = (targetCode: string, message: string, next: readonly NextStep[] = []): SluiceError =>
      new SluiceError('target_rejected', message, { decider: 'gateway', targetCode, next });
    if (transaction === 'E')
      return rejected('25P02', 'current transaction is aborted, commands ignored until end of transaction block');
    if (type === 'fetch') {
      const next = [{ command: `DECLARE ${name} CURSOR FOR …`, when: 'what a function opened cannot be judged here' }];
      return rejected('34000', `cursor "${name}" does not exist`, next);
    }
    if (!statements.has(name)) return rejected('26000', `prepared statement "${name}" does not exist`);
    const message = `prepared statement "${name}" was made by the client’s driver, not with PREPARE: EXECUTE cannot run it.`;
    return new SluiceError('denied', message, { decider: 'gateway' });
  }

  /** Asks the gate; a promise only when people must be waited for. */
  judge(
    operation: Omit<Operation, 'protocol'>,
    bodies: Resolved,
    options: JudgingOptions = {},
  ): Judged | Promise<Judged> {
    const { gate } = this.#talk.session;
    const subject = this.#subject(operation, bodies, options);
    const { continues } = options;
    const judged =
      continues === undefined ? gate.judge(subject) : gate.judgeAgain({ ...subject, canLook: false }, continues);
    switch (judged.verdict) {
      case 'look':
        return this.#look(judged, operation, subject, options);
      case 'hold':
        return this.#hold(judged, operation.text, bodies);
      default:
        return judged;
    }
  }

  #hold(held: Held, text: string, bodies: Resolved): Promise<Judged> {
    return holdStatement(held, this.#talk, this.#hooks).then((settled) => this.#asApproved(settled, text, bodies));
  }

  /** Nobody is asked about what the gateway remembers of a database that others change past it: it looks first. */
  async #look(
    look: Look,
    operation: Omit<Operation, 'protocol'>,
    before: JudgedOperation,
    options: JudgingOptions,
  ): Promise<Judged> {
    const talk = this.#talk;
    await this.#hooks.idle();
    const { query, bodies } = await this.#readAgain(operation.text);
    const seen = this.#subject(operation, bodies, options);
    const judged = talk.session.gate.judgeSeen(look, before, seen);
    const settled = judged.verdict === 'hold' ? await this.#hold(judged, operation.text, bodies) : judged;
    return { ...settled, seen: { query, bodies } };
  }

  async #readAgain(text: string): Promise<Seen> {
    const talk = this.#talk;
    const isReadable = !talk.skipping && talk.transaction !== 'E';
    const fresh = (): Promise<CatalogHandle> => talk.view.fresh(talk, this.#hooks);
    const query =
      isReadable && !talk.view.isShared
        ? await this.#analyseOwn(text, fresh)
        : await this.#analyseShared(text, isReadable ? fresh : undefined);
    await this.refreshNames(query);
    if (isReadable && talk.settings.isTouched)
      await talk.settings.look((sql) => talk.view.ask(sql, talk, this.#hooks.signal));
    return { query, bodies: this.resolveNames(query) };
  }

  #subject(
    operation: Omit<Operation, 'protocol'>,
    bodies: Resolved,
    { preparesOnly = false, bound }: JudgingOptions,
  ): JudgedOperation {
    const { kind, text, parameters } = operation;
    const { named, secrets } = bodies;
    const { settings } = this.#talk;
    const objects = objectsOf(bodies.statements);
    return {
      operation: { protocol: 'postgres', kind, text, parameters },
      effects: bodies.effects,
      fault: bodies.fault,
      secrets,
      ...(named === undefined ? {} : { asked: withNamed({ text, secrets }, named) }),
      context: () => [...(bound === undefined ? [] : readAs(bound)), ...settings.lines],
      objects,
      preparesOnly,
      statements: Math.max(1, bodies.statements.length),
      canLook: true,
    };
  }

  /**
   * People have approved what the statement was when it was sent. The catalog may have moved while they thought: when
   * the same text would do or show anything else now, their approval is not for this (test/promises/README.md, B).
   */
  async #asApproved(settled: Allowed | Denied, text: string, approved: Resolved): Promise<Allowed | Denied> {
    const talk = this.#talk;
    if (settled.verdict === 'deny' || talk.skipping || talk.transaction === 'E') return settled;
    await this.#hooks.idle();
    if (talk.skipping) return settled;
    const { bodies: now } = await this.#readAgain(text);
    if (now.fault !== null) return talk.session.gate.withdraw(settled.permit, now.fault);
    const isSame = JSON.stringify(now.statements) === JSON.stringify(approved.statements);
    if (isSame) return settled;
    const message = 'the database changed while this waited, so it would do something else than was approved.';
    const next = [{ command: sendAgain, when: 'to ask for what it does now' }];
    return talk.session.gate.withdraw(settled.permit, new SluiceError('denied', message, { decider: 'gateway', next }));
  }

  run(permit: Permit, statement: StatementAnalysis, query: JudgedQuery, plans?: PlanSlot, follows?: Run): Run {
    const talk = this.#talk;
    const { changes } = statement;
    talk.touched ||= statement.touchesProtected;
    const maker = {};
    const sequence = talk.copies.sent(statement, { maker, op: permit.op, era: talk.era });
    const parts = {
      permit,
      statement,
      catalog: query.catalog,
      since: talk.heardAt,
      maker,
      ...(plans === undefined || query.usesNames ? {} : { plans }),
      ...(follows === undefined ? {} : { follows }),
    };
    if (changes.length === 0) return new Run(parts);
    const onDone = (tag: string): void => {
      for (const change of changes) {
        if (change.type === 'catalogChange') talk.catalogChanged = true;
        if (change.type === 'commit' || change.type === 'rollback') talk.copies.completed(sequence, tag);
        if (change.type === 'twoPhase') this.#twoPhase(change, tag);
        if (change.type === 'savepoint') talk.copies.savepoint(sequence, change.name, change.action);
        talk.names.apply(change, query, statement, tag);
        if (change.type === 'deallocate' && change.name === null) talk.statements.clear();
        if (change.type === 'discard' && change.all) {
          talk.statements.clear();
          talk.portals.clear();
        }
      }
    };
    return new Run({ ...parts, onDone });
  }

  /** In a failed transaction PREPARE TRANSACTION is a ROLLBACK. */
  #twoPhase({ gid, action }: Extract<SessionChange, { type: 'twoPhase' }>, tag: string): void {
    const { session } = this.#talk;
    if (action !== 'prepare') session.preparedEnded(gid, action === 'commit');
    else if (tag === 'PREPARE TRANSACTION') session.transactionPrepared(gid);
  }
}

/** What an empty text does. */
export const emptyStatement: StatementAnalysis = {
  node: '',
  text: '',
  effects: [],
  output: null,
  touchesProtected: false,
  changes: [],
};

type Naming = Extract<SessionChange, { type: 'prepare' | 'declareCursor' }>;

const givesName = (change: SessionChange): change is Naming =>
  change.type === 'prepare' || change.type === 'declareCursor';
