import type { CatalogHandle, StatementAnalysis } from '../../analysis/postgres-types.js';
import type { Effect } from '../../analysis/effects.js';
import { SluiceError } from '../../lib/errors.js';
import type { Allowed, Denied, Permit } from '../../sessions/gate.js';
import { decodeBind } from './bind.js';
import type { Conversation, WirePortal, WireStatement } from './conversation.js';
import { encodeFields, gatewayError, type ErrorFields } from './errors.js';
import { decodeUtf8, FieldReader, type Frame } from './frames.js';
import { analyseQuery, type JudgedQuery } from './judged-query.js';
import { holdStatement } from './holding.js';
import { Run } from './run.js';
import type { NameChange } from './tracker.js';
import { readyForQuery } from './words.js';

/** What the client's half needs from the relay that owns both sockets. */
export interface RelayHooks {
  /** Writes what is queued for the target, the journal first; waits for back-pressure and durable records. */
  readonly release: () => void | Promise<void>;
  /** Writes what is queued for the client, the journal first. */
  readonly deliver: () => void | Promise<void>;
  /** Resolves when the target owes no answer; sends Flush so that it can come. */
  readonly idle: () => Promise<void>;
  /** Aborts when the client is gone or the session ends. */
  readonly signal: AbortSignal;
  /** While a statement is held, a CancelRequest ends the wait through this. */
  readonly onHold: (cancel: ((error: SluiceError) => void) | null) => void;
}

/** A refused message, in words for the client. */
interface Refusal {
  readonly fields: ErrorFields;
}

/** The client's half: frame → operation → gate → frame of our own, or a refusal in its place. */
export class ClientRequests {
  readonly #talk: Conversation;
  readonly #hooks: RelayHooks;

  constructor(talk: Conversation, hooks: RelayHooks) {
    this.#talk = talk;
    this.#hooks = hooks;
  }

  /** Handles one message; a promise when it must wait for analysis, people or the target. Throws `protocol` to end it all. */
  handle(message: Frame): void | Promise<void> {
    const talk = this.#talk;
    const type = String.fromCharCode(message.type);
    if (talk.copyIn !== null) return this.#duringCopy(talk.copyIn, type, message);
    if (talk.skipping && type !== 'S') return undefined;
    switch (type) {
      case 'Q':
        return this.#query(decodeOnly(message.payload));
      case 'P':
        return this.#parse(message.payload);
      case 'B':
        return this.#bind(message.payload);
      case 'D':
        return this.#describe(message.payload);
      case 'E':
        return this.#execute(message.payload);
      case 'C':
        return this.#close(message.payload);
      case 'H':
        talk.backend.flush();
        return undefined;
      case 'S':
        return this.#sync();
      case 'F':
        return this.#functionCall();
      // Left over from a COPY that failed: the server ignores them as well (PostgreSQL 55.2.6).
      case 'd':
      case 'c':
      case 'f':
        return undefined;
      default:
        throw new SluiceError('protocol', `invalid frontend message type 0x${message.type.toString(16)}`);
    }
  }

  #duringCopy(run: Run, type: string, message: Frame): void {
    const { backend } = this.#talk;
    switch (type) {
      case 'd':
        backend.copyData(run.permit, message);
        return;
      case 'c':
        backend.copyDone(run.permit);
        this.#talk.copyIn = null;
        return;
      case 'f':
        backend.copyFail(new FieldReader(message.payload).string());
        this.#talk.copyIn = null;
        return;
      case 'H':
      case 'S':
        return; // the server ignores these during COPY FROM STDIN; forwarding them would lose their answer
      default:
        backend.copyFail(`message 0x${message.type.toString(16)} during COPY`);
        this.#talk.copyIn = null;
    }
  }

  // Simple query

  async #query(text: string): Promise<void> {
    const query = await this.#analyse(text);
    if (query.usesNames) await this.#hooks.idle();
    await this.#refreshNames(query);
    const bodies = this.#resolveNames(query);
    const judged = await this.#judge('query', query, bodies, []);
    const talk = this.#talk;
    if (talk.skipping) return; // the server failed meanwhile and ignores everything up to Sync
    // A simple query ends the unnamed statement, even one that fails (PostgreSQL 55.2.3).
    const unnamed = talk.statements.get('');
    if (unnamed !== undefined) {
      talk.statements.delete('');
      this.#closeUpstream('statement', '', unnamed.upstream, () => restoreMissing(talk.statements, '', unnamed));
    }
    if (judged.verdict === 'deny')
      return await this.#refuse({ fields: gatewayError(judged.error, 'ERROR', query.position) }, true);
    const { permit } = judged;
    const runs = bodies.statements.map((statement) => this.#run(permit, statement, query));
    if (this.#deallocates(query, permit)) return;
    talk.backend.query(permit);
    talk.tracker.push({ type: 'query', runs, at: 0, failed: false, era: talk.era++ });
    // What the client sends next means something else once the server is in COPY: wait until it says so.
    if (query.copiesIn) await this.#untilCopyOrDone();
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
      run: this.#run(permit, statement, query),
      undo: () => restoreMissing(talk.statements, name, wire),
    });
    talk.backend.sync();
    talk.tracker.push({ type: 'sync', era: talk.era++ });
    return true;
  }

  // Extended query

  /** Parse: String(name) String(text) Int16(n) Int32(type OID) × n. PostgreSQL 55.7. */
  async #parse(payload: Buffer): Promise<void> {
    const talk = this.#talk;
    const reader = new FieldReader(payload);
    const name = reader.string();
    const text = reader.string();
    const types = reader.rest();
    if (types.length < 2 || types.length !== 2 + 4 * types.readUInt16BE(0))
      throw new SluiceError('protocol', 'malformed Parse message');
    const query = await this.#analyse(text);
    if (query.statements.length > 1)
      return await this.#refuse(sqlError('42601', 'cannot insert multiple commands into a prepared statement'));
    const fault = query.fault ?? callingTypeFault(types, query.catalog);
    const judged = await this.#judge(
      'parse',
      query,
      { statements: query.statements, effects: query.effects, fault },
      [],
      true,
    );
    if (talk.skipping) return;
    if (talk.tracker.isUncertain('statement', name) && (await this.#isSkippedMeanwhile())) return;
    const prior = talk.statements.get(name);
    if (name === '' && prior !== undefined) {
      // The unnamed statement ends with the next Parse, even one that fails (PostgreSQL 55.2.3).
      talk.statements.delete('');
      this.#closeUpstream('statement', '', prior.upstream, () => restoreMissing(talk.statements, '', prior));
    }
    if (judged.verdict === 'deny')
      return await this.#refuse({ fields: gatewayError(judged.error, 'ERROR', query.position) });
    if (name !== '' && (talk.statements.has(name) || talk.names.statements.has(name))) {
      return await this.#refuse(sqlError('42P05', `prepared statement "${name}" already exists`));
    }
    const statement: WireStatement = { upstream: talk.newName('s'), query, plan: null };
    talk.statements.set(name, statement);
    talk.backend.parse(judged.permit, statement.upstream, types);
    talk.unsynced = true;
    talk.tracker.push({
      type: 'parse',
      changes: { kind: 'statement', name },
      undo: () => takeBack(talk.statements, name, statement),
    });
  }

  async #bind(payload: Buffer): Promise<void> {
    const talk = this.#talk;
    const { portal: name, statement: statementName, values, parameters } = decodeBind(payload);
    if (talk.tracker.isUncertain('statement', statementName) && (await this.#isSkippedMeanwhile())) return;
    if (talk.tracker.isUncertain('portal', name) && (await this.#isSkippedMeanwhile())) return;
    const statement = talk.statements.get(statementName);
    if (statement === undefined) {
      if (!talk.names.statements.has(statementName)) return await this.#refuse(noStatement(statementName));
      return await this.#refuse(
        sqlError('0A000', `prepared statement "${statementName}" was made with PREPARE: run it with EXECUTE`),
      );
    }
    const prior = talk.portals.get(name);
    if (name !== '' && prior !== undefined && (prior.era === talk.era || talk.tracker.isEmpty)) {
      return await this.#refuse(sqlError('42P03', `cursor "${name}" already exists`));
    }
    // The catalog may have moved since Parse: the server plans again, so it is judged again.
    const query = await this.#analyse(statement.query.text);
    statement.query = query;
    if (query.usesNames) await this.#hooks.idle();
    await this.#refreshNames(query);
    const bodies = this.#resolveNames(query);
    const judged = await this.#judge('execute', query, bodies, parameters);
    if (talk.skipping) return;
    if (judged.verdict === 'deny')
      return await this.#refuse({ fields: gatewayError(judged.error, 'ERROR', query.position) });
    const [body] = bodies.statements;
    const portal: WirePortal = {
      upstream: talk.newName('p'),
      statement,
      query,
      parameters,
      permit: judged.permit,
      run: this.#run(judged.permit, body ?? emptyStatement, query, statement),
      era: talk.era,
      namesVersion: talk.names.version,
      described: false,
      executed: false,
    };
    if (prior !== undefined) {
      this.#closeUpstream('portal', name, prior.upstream, () => restoreMissing(talk.portals, name, prior));
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
  }

  /** Describe: Byte1('S' or 'P') String(name). */
  #describe(payload: Buffer): void | Promise<void> {
    const talk = this.#talk;
    const { kind, name } = decodeNamed(payload);
    if (talk.tracker.isUncertain(kind, name)) return this.#onceCertain(() => this.#describe(payload));
    if (kind === 'statement') {
      const statement = talk.statements.get(name);
      if (statement === undefined) return this.#refuse(noStatement(name));
      talk.backend.describe('statement', statement.upstream);
      talk.tracker.push({ type: 'describeStatement', named: { client: name, upstream: statement.upstream } });
    } else {
      const portal = talk.portals.get(name);
      if (portal === undefined) return this.#refuse(sqlError('34000', `portal "${name}" does not exist`));
      this.#describePortal(name, portal, false);
    }
    talk.unsynced = true;
    return undefined;
  }

  #describePortal(name: string, portal: WirePortal, hidden: boolean): void {
    portal.described = true;
    this.#talk.backend.describe('portal', portal.upstream);
    this.#talk.tracker.push({
      type: 'describePortal',
      hidden,
      run: portal.run,
      named: { client: name, upstream: portal.upstream },
    });
  }

  /** Execute: String(portal) Int32(row limit). */
  async #execute(payload: Buffer): Promise<void> {
    const talk = this.#talk;
    const reader = new FieldReader(payload);
    const name = reader.string();
    const maxRows = reader.int32();
    reader.end();
    if (talk.tracker.isUncertain('portal', name) && (await this.#isSkippedMeanwhile())) return;
    const portal = talk.portals.get(name);
    if (portal === undefined) return await this.#refuse(sqlError('34000', `portal "${name}" does not exist`));
    if (portal.query.usesNames) {
      await this.#hooks.idle();
      if (talk.skipping) return;
      // EXECUTE and FETCH look their name up when they run: it must still mean what was judged.
      if (portal.namesVersion !== talk.names.version) {
        return await this.#refuse(
          sqlError('55000', 'a statement or cursor changed between Bind and Execute; send Bind again'),
        );
      }
    }
    let { run } = portal;
    if (portal.executed || portal.permit.policyVersion !== talk.session.gate.policyVersion) {
      const judged = await this.#judge(
        'fetch',
        portal.query,
        this.#resolveNames(portal.query),
        portal.parameters,
        false,
        portal.permit,
      );
      if (talk.skipping) return;
      if (judged.verdict === 'deny') return await this.#refuse({ fields: gatewayError(judged.error) });
      const plan = run.plan;
      run = this.#run(judged.permit, run.statement, portal.query, portal.statement);
      run.plan = plan;
    }
    portal.executed = true;
    talk.view.noteSent(run.statement, talk.era);
    // Rows without a description could not be masked: every portal is described before it runs.
    if (!portal.described) this.#describePortal(name, portal, true);
    talk.backend.execute(run.permit, portal.upstream, maxRows);
    talk.unsynced = true;
    talk.tracker.push({ type: 'execute', run, named: { client: name, upstream: portal.upstream } });
    if (portal.query.copiesIn) {
      talk.backend.flush();
      await this.#untilCopyOrDone();
    }
  }

  /** Close: Byte1('S' or 'P') String(name). Closing what does not exist is no error (PostgreSQL 55.2.3). */
  #close(payload: Buffer): void | Promise<void> {
    const talk = this.#talk;
    const { kind, name } = decodeNamed(payload);
    if (talk.tracker.isUncertain(kind, name)) return this.#onceCertain(() => this.#close(payload));
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

  #closeUpstream(kind: NameChange['kind'], name: string, upstream: string, undo: () => void): void {
    this.#talk.backend.close(kind, upstream);
    this.#talk.tracker.push({ type: 'close', hidden: true, changes: { kind, name }, undo });
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

  #sync(): void | Promise<void> {
    const talk = this.#talk;
    const onlyHere = talk.skipping && !talk.unsynced && talk.tracker.isEmpty;
    talk.skipping = false;
    if (onlyHere) {
      talk.toClient(readyForQuery(talk.transaction));
      return this.#hooks.deliver();
    }
    talk.backend.sync();
    talk.unsynced = false;
    talk.tracker.push({ type: 'sync', era: talk.era++ });
    return undefined;
  }

  async #functionCall(): Promise<void> {
    const fault = new SluiceError('denied', 'the FunctionCall message cannot be judged; call the function in SQL.', {
      decider: 'gateway',
    });
    const operation = { protocol: 'postgres', kind: 'functionCall', text: 'FunctionCall', parameters: [] } as const;
    this.#talk.session.gate.judge({ operation, effects: [], fault });
    await this.#refuse({ fields: gatewayError(fault) }, true);
  }

  // Judging

  async #analyse(text: string): Promise<JudgedQuery> {
    const talk = this.#talk;
    if (talk.view.isStale) await this.#hooks.idle();
    if (talk.view.isShared || talk.skipping) return await analyseQuery(talk.analyser, text, await talk.view.shared());
    if (talk.transaction !== 'E')
      return await analyseQuery(talk.analyser, text, await talk.view.own(talk.unsynced, this.#hooks.signal));
    // Nothing can be read in a failed transaction, and nothing but its end runs in it.
    const query = await analyseQuery(talk.analyser, text, await talk.view.shared());
    if (query.statements.length < 2) return query;
    const fault = new SluiceError('denied', 'end the failed transaction first, in a query of its own.', {
      decider: 'gateway',
    });
    return { ...query, fault };
  }

  /** Reads the bodies of PREPARE again where names have moved since: the server plans them again as well. */
  async #refreshNames(query: JudgedQuery): Promise<void> {
    const talk = this.#talk;
    for (const change of query.statements.flatMap((statement) => statement.changes)) {
      const named = change.type === 'execute' ? talk.names.statements.get(change.name) : undefined;
      if (named === undefined || change.type !== 'execute' || named.catalog === query.catalog) continue;
      const again = await analyseQuery(talk.analyser, named.text, query.catalog);
      const made = again.statements[0]?.changes.find((found) => found.type === 'prepare');
      if (made?.type === 'prepare')
        talk.names.statements.set(change.name, { ...named, body: made.body, catalog: query.catalog });
      else talk.names.statements.delete(change.name);
    }
  }

  /** Puts in place of EXECUTE and FETCH what they run. Call with nothing in flight. */
  #resolveNames(query: JudgedQuery): Resolved {
    if (!query.usesNames) return { statements: query.statements, effects: query.effects, fault: query.fault };
    const talk = this.#talk;
    const names = talk.names.copy();
    const effects: Effect[] = [...query.effects];
    let fault = query.fault;
    const resolved = query.statements.map((statement) => {
      let body: StatementAnalysis | null = null;
      for (const change of statement.changes) {
        if (change.type === 'execute' || change.type === 'fetch') {
          const named = change.type === 'execute' ? names.statements.get(change.name) : names.cursor(change.name);
          const found = named?.body;
          if (found === undefined) fault ??= this.#unknownName(change.type, change.name);
          else body = found;
        } else names.apply(change, query, statement);
      }
      if (body === null) return statement;
      effects.push(...body.effects);
      return {
        ...statement,
        output: body.output,
        touchesProtected: body.touchesProtected || statement.touchesProtected,
        effects: [...statement.effects, ...body.effects],
      };
    });
    return { statements: resolved, effects, fault };
  }

  /** A name that nobody has given: the server would say the same of it, once it ran. */
  #unknownName(type: 'execute' | 'fetch', name: string): SluiceError {
    const { statements, transaction } = this.#talk;
    const rejected = (targetCode: string, message: string): SluiceError =>
      new SluiceError('target_rejected', message, { decider: 'gateway', targetCode });
    if (transaction === 'E')
      return rejected('25P02', 'current transaction is aborted, commands ignored until end of transaction block');
    if (type === 'fetch') return rejected('34000', `cursor "${name}" does not exist`);
    if (!statements.has(name)) return rejected('26000', `prepared statement "${name}" does not exist`);
    const message = `prepared statement "${name}" was prepared on the wire; run it from there.`;
    return new SluiceError('denied', message, { decider: 'gateway' });
  }

  async #judge(
    kind: 'query' | 'parse' | 'execute' | 'fetch',
    query: JudgedQuery,
    bodies: Resolved,
    parameters: readonly (string | null)[],
    preparesOnly = false,
    continues: Permit | null = null,
  ): Promise<Allowed | Denied> {
    const talk = this.#talk;
    const { gate } = talk.session;
    const operation = { protocol: 'postgres', kind, text: query.text, parameters } as const;
    const subject = { operation, effects: bodies.effects, fault: bodies.fault, preparesOnly };
    const judged = continues === null ? gate.judge(subject) : gate.judgeAgain(subject, continues);
    if (judged.verdict !== 'hold') return judged;
    return await holdStatement(judged, talk, this.#hooks);
  }

  #run(permit: Permit, statement: StatementAnalysis, query: JudgedQuery, plans?: WireStatement): Run {
    const talk = this.#talk;
    const { changes } = statement;
    talk.view.noteSent(statement, talk.era);
    const parts = {
      permit,
      statement,
      catalog: query.catalog,
      ...(plans === undefined || query.usesNames ? {} : { plans }),
    };
    if (changes.length === 0) return new Run(parts);
    const onDone = (tag: string): void => {
      for (const change of changes) {
        if (change.type === 'catalogChange') talk.catalogChanged = true;
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

  // Refusing

  /**
   * Answers a refused message. With nothing in flight and no transaction the target is not contacted at all; otherwise the
   * server is made to fail in its place, so that pipelines abort and transaction states are what they would be.
   */
  async #refuse(refusal: Refusal, simple = false): Promise<void> {
    const talk = this.#talk;
    const untouched = talk.tracker.isEmpty && !talk.unsynced && !talk.backend.hasQueued && talk.transaction !== 'T';
    if (untouched) {
      talk.toClient(encodeFields('E', refusal.fields));
      if (simple) talk.toClient(readyForQuery(talk.transaction));
      else talk.skipping = true;
      return await this.#hooks.deliver();
    }
    talk.backend.fail();
    talk.tracker.push({ type: 'refusal', fields: refusal.fields });
    if (simple) {
      talk.backend.sync();
      talk.unsynced = false;
      talk.tracker.push({ type: 'sync', era: talk.era++ });
    } else {
      talk.skipping = true;
      talk.unsynced = true;
    }
  }

  async #untilCopyOrDone(): Promise<void> {
    await this.#hooks.release();
    await this.#hooks.idle();
  }
}

interface Resolved {
  readonly statements: readonly StatementAnalysis[];
  readonly effects: readonly Effect[];
  readonly fault: SluiceError | null;
}

const emptyStatement: StatementAnalysis = {
  node: '',
  text: '',
  effects: [],
  output: null,
  touchesProtected: false,
  changes: [],
};

function decodeOnly(payload: Buffer): string {
  const reader = new FieldReader(payload);
  const text = reader.rawString();
  reader.end();
  return decodeUtf8(text);
}

function decodeNamed(payload: Buffer): { readonly kind: 'statement' | 'portal'; readonly name: string } {
  const reader = new FieldReader(payload);
  const kind = reader.byte();
  const name = reader.string();
  reader.end();
  if (kind === 0x53) return { kind: 'statement', name };
  if (kind === 0x50) return { kind: 'portal', name };
  throw new SluiceError('protocol', `invalid Describe or Close subtype ${kind}`);
}

/** Undoes a definition that the server never made, unless the name has been given anew. */
function takeBack<T>(names: Map<string, T>, name: string, set: T): void {
  if (names.get(name) === set) names.delete(name);
}

/** Undoes a removal that the server never did. */
function restoreMissing<T>(names: Map<string, T>, name: string, prior: T): void {
  if (!names.has(name)) names.set(name, prior);
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

function noStatement(name: string): Refusal {
  return sqlError(
    '26000',
    name === '' ? 'unnamed prepared statement does not exist' : `prepared statement "${name}" does not exist`,
  );
}

function sqlError(code: string, message: string): Refusal {
  return {
    fields: new Map([
      ['S', 'ERROR'],
      ['V', 'ERROR'],
      ['C', code],
      ['M', message],
    ]),
  };
}
