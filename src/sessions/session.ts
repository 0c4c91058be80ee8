import type { Effect } from '../analysis/effects.js';
import type { Approvals } from '../approvals/types.js';
import { isSluiceError, messageOf, type SluiceError } from '../lib/errors.js';
import { newId } from '../lib/ids.js';
import type { PolicySet, Principal } from '../policy/types.js';
import type { AuditEvent } from '../signals/audit-event.js';
import { type EndEvent, givenNotice, type Recorder, type SessionRecorder } from '../recording/events.js';
import { ShownOperations } from '../masking/shown-operation.js';
import { ApprovedRuns, ObservedRecorder, preparedId } from './approved-runs.js';
import type { Basis } from './basis.js';
import { SessionGate } from './gate.js';
import type { Permit } from './permit.js';
import { placeOf } from './place.js';
import { Reading } from './reading.js';
import { endedByPerson } from './result-ended.js';
import { requireRecordedOrPermitted } from './recording-mode.js';
import type { IncomingConnection, SessionObserver, TargetConfig } from './types.js';
import { type HourlyUsage, UsageBook } from './usage.js';

/** What every engine's sessions need from the gateway. */
export interface SessionServices {
  readonly recorder: Recorder;
  readonly approvals: Approvals;
  readonly policies: () => PolicySet;
  /** The principal as bindings and grants make it now; undefined when it may no longer be here. */
  readonly refreshPrincipal?: (principal: Principal) => Principal;
  readonly now: () => number;
  /** What identities have done in the last hour. */
  readonly usage?: UsageBook;
  /** A protected column is shown in clear, once a session and column. */
  readonly onReveal?: (event: AuditEvent) => void;
  /** Kinds of signals raised of an identity. */
  readonly signalsOf?: (identity: string) => readonly string[];
  readonly onVerdict?: (verdict: 'allow' | 'deny' | 'hold', microseconds: number) => void;
  readonly live: LiveSessions;
}

/** A session as oversight sees it. */
export interface LiveSession {
  readonly id: string;
  readonly principal: Principal;
  readonly target: string;
  readonly startedAt: number;
  /** Ends the client's and the target's connection with this message. */
  readonly end: (reason: EndEvent['reason'], detail: string) => void;
}

/** The sessions of this gateway that are open now. */
export class LiveSessions {
  readonly #sessions = new Map<string, LiveSession>();

  add(session: LiveSession): void {
    this.#sessions.set(session.id, session);
  }
  remove(id: string): void {
    this.#sessions.delete(id);
  }
  get(id: string): LiveSession | null {
    return this.#sessions.get(id) ?? null;
  }
  all(): readonly LiveSession[] {
    return [...this.#sessions.values()];
  }
  get size(): number {
    return this.#sessions.size;
  }
}

/** One open session: its journal, its gate, its counters. Engines own the connections. */
export class Session {
  readonly id: string;
  readonly recorder: SessionRecorder;
  readonly gate: SessionGate;
  readonly startedAt: number;
  readonly #facts = { rowsRead: 0, bytesRead: 0, statements: 0, seconds: 0 };
  readonly #services: SessionServices;
  readonly #usage: HourlyUsage;
  readonly #reading: Reading;
  readonly #revealed = new Set<string>();
  /** On what the reading under a permit was allowed again, after that on which it was given had moved. */
  readonly #allowedAgain = new WeakMap<Permit, Basis>();
  #statementsTold = 0;
  readonly #runs: ApprovedRuns;
  readonly #target: TargetConfig;
  readonly #observer: SessionObserver;
  #closed: Promise<void> | null = null;

  private constructor(
    incoming: IncomingConnection,
    application: string,
    recorder: SessionRecorder,
    services: SessionServices,
  ) {
    this.id = recorder.session;
    this.#target = incoming.target;
    this.#observer = incoming.observer ?? {};
    this.#runs = new ApprovedRuns(services.approvals);
    this.recorder = new ObservedRecorder(recorder, this.#runs);
    this.#services = services;
    this.startedAt = services.now();
    this.#usage = (services.usage ?? new UsageBook()).of(incoming.principal.id);
    this.#usage.opened(this.startedAt);
    const { policies, now } = services;
    this.#reading = new Reading({ policies, session: this.#facts, usage: this.#usage, now });
    let principal = incoming.principal;
    this.gate = new SessionGate({
      recorder: this.recorder,
      runs: this.#runs,
      approvals: services.approvals,
      policies: services.policies,
      principal: () => (principal = services.refreshPrincipal?.(principal) ?? principal),
      target: incoming.target,
      place: placeOf(incoming.target),
      origin: incoming.origin,
      application,
      readOnly: incoming.readOnly === true,
      shown: new ShownOperations(() => incoming.classification.detectors),
      facts: () => {
        const at = now();
        this.#tellStatements(at);
        this.#facts.statements = this.gate.statements;
        this.#facts.seconds = Math.floor((at - this.startedAt) / 1000);
        return this.#facts;
      },
      history: () => ({
        identity: this.#usage.facts(now()),
        signals: services.signalsOf?.(incoming.principal.id) ?? [],
      }),
      onReveal: (op, effect) => this.#reveal(incoming, op, effect),
      observer: this.#observer,
      now: services.now,
      onVerdict: services.onVerdict ?? (() => undefined),
    });
  }

  /** Writes the journal's first record, then returns; throws recorder_failed or unavailable, and then nothing may run. */
  static async open(incoming: IncomingConnection, application: string, services: SessionServices): Promise<Session> {
    try {
      return await Session.#open(incoming, application, services);
    } catch (error) {
      if (isSluiceError(error)) incoming.observer?.refused?.(error);
      throw error;
    }
  }

  static async #open(incoming: IncomingConnection, application: string, services: SessionServices): Promise<Session> {
    const { principal, target, origin } = incoming;
    requireRecordedOrPermitted(services.policies(), principal, target, origin.reason);
    const recorder = await services.recorder.openSession({
      type: 'open',
      at: services.now(),
      session: newId('ses'),
      identity: {
        subject: principal.id,
        name: principal.name,
        kind: principal.kind,
        issuer: principal.issuer,
        groups: principal.groups,
        ...(principal.onBehalfOf === undefined
          ? {}
          : { onBehalfOf: { subject: principal.onBehalfOf.id, name: principal.onBehalfOf.name } }),
      },
      client: { address: origin.address, application, via: origin.via },
      target: { name: target.name, kind: target.kind, labels: target.labels },
      mode: target.recording,
      policyVersion: services.policies().version,
      reason: origin.reason,
      ...(origin.meta === undefined ? {} : { meta: origin.meta }),
    });
    const session = new Session(incoming, application, recorder, services);
    incoming.observer?.session?.(recorder.session, (rows) => session.#gaveOut(rows));
    return session;
  }

  /** Makes the session visible to oversight; `end` must close both connections. */
  announce(target: TargetConfig, principal: Principal, end: LiveSession['end']): void {
    const tellAndEnd: LiveSession['end'] = (reason, detail) => {
      this.#observer.refused?.(endedByPerson(this.id, detail));
      end(reason, detail);
    };
    this.#services.live.add({
      ...{ id: this.id, principal, target: target.name, startedAt: this.startedAt },
      end: tellAndEnd,
    });
  }

  /**
   * Counts rows and bytes of a result that are about to be delivered. Where that brings a counter to a value that a
   * policy names, or policies or groups have changed since, the operation is judged again; throws what policy says, and
   * then they must not be delivered.
   */
  countRows(rows: number, bytes: number, permit: Permit, effects: readonly Effect[]): void {
    const now = this.#services.now();
    this.#facts.rowsRead += rows;
    this.#facts.bytesRead += bytes;
    this.#usage.add('rowsRead', rows, now);
    this.#usage.add('bytesRead', bytes, now);
    const mustAsk = this.#reading.mustAskAgain(rows, bytes);
    const refused = mustAsk ? this.gate.judgeReading(permit, effects) : this.refusedNow(permit, effects);
    if (refused === null) return;
    this.#facts.rowsRead -= rows;
    this.#facts.bytesRead -= bytes;
    this.#usage.add('rowsRead', -rows, now);
    this.#usage.add('bytesRead', -bytes, now);
    throw refused;
  }

  /** What `exec` reads beyond its bounds is read and recorded, and nobody is given it: the journal says how much was. */
  #gaveOut(rows: number): void {
    const { op } = this.gate;
    const message = `${rows} ${rows === 1 ? 'row' : 'rows'}`;
    this.recorder.append({ type: 'notice', at: this.#services.now(), op, code: givenNotice, message });
  }

  /** What policy says against going on with what was permitted, where policies or groups have changed since; else null. */
  refusedNow(permit: Permit, effects: readonly Effect[]): SluiceError | null {
    const { basis } = this.gate;
    if (permit.basis === basis || this.#allowedAgain.get(permit) === basis) return null;
    const refused = this.gate.judgeReading(permit, effects);
    if (refused === null) this.#allowedAgain.set(permit, basis);
    return refused;
  }

  /** A transaction of the target's is over, and with it what ran in it was kept or was not. */
  transactionEnded(kept: boolean): void {
    if (!this.#runs.isIdle) this.#runs.transactionEnded(kept);
  }

  /** A transaction of the target's waits for COMMIT PREPARED or ROLLBACK PREPARED, and is this session's no more. */
  transactionPrepared(gid: string): void {
    this.#runs.transactionPrepared(preparedId(this.#target, gid));
  }

  /** One that waited has ended, whoever prepared it. */
  preparedEnded(gid: string, kept: boolean): void {
    this.#runs.preparedEnded(preparedId(this.#target, gid), kept);
  }

  #tellStatements(now: number): void {
    this.#usage.add('statements', this.gate.statements - this.#statementsTold, now);
    this.#statementsTold = this.gate.statements;
  }

  #reveal({ principal: { id, name, kind }, target }: IncomingConnection, op: number, effect: Effect): void {
    const { resource, facts } = effect;
    const column = resource.path.join('/');
    if (this.#revealed.has(column)) return;
    this.#revealed.add(column);
    this.#services.onReveal?.({
      ...{ schema: 'sluice.audit/v1', event: 'reveal.used', at: new Date(this.#services.now()).toISOString() },
      ...{ severity: 'notice', outcome: 'allowed', actor: { id, name, kind }, session: this.id, target: target.name },
      ...{ object: null, op, detail: { column, class: facts.class } },
    });
  }

  /** Ends the record. Idempotent; never throws. */
  close(reason: EndEvent['reason'], detail: string): Promise<void> {
    if (this.#closed === null) {
      const now = this.#services.now();
      this.#tellStatements(now);
      this.#usage.closed(now);
    }
    this.#closed ??= this.#close(reason, detail);
    return this.#closed;
  }

  async #close(reason: EndEvent['reason'], detail: string): Promise<void> {
    let told = detail;
    try {
      this.#runs.ended();
    } catch (error) {
      // The store is away: the journal says it instead, and the request stays executed with its outcome unknown.
      told = `${detail}${detail === '' ? '' : '; '}the approved request could not be updated: ${messageOf(error)}`;
    }
    await this.recorder.close(reason, told).finally(() => this.#services.live.remove(this.id));
  }
}
