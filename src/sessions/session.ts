import type { Approvals } from '../approvals/types.js';
import { isSluiceError } from '../lib/errors.js';
import { newId } from '../lib/ids.js';
import type { PolicySet, Principal } from '../policy/types.js';
import type { EndEvent, Recorder, SessionRecorder } from '../recording/events.js';
import { SessionGate } from './gate.js';
import { requireRecordedOrPermitted } from './recording-mode.js';
import type { IncomingConnection, TargetConfig } from './types.js';

/** What every engine's sessions need from the gateway. */
export interface SessionServices {
  readonly recorder: Recorder;
  readonly approvals: Approvals;
  readonly policies: () => PolicySet;
  /** The principal as bindings and grants make it now; undefined when it may no longer be here. */
  readonly refreshPrincipal?: (principal: Principal) => Principal;
  readonly now: () => number;
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
  #closed: Promise<void> | null = null;

  private constructor(incoming: IncomingConnection, recorder: SessionRecorder, services: SessionServices) {
    this.id = recorder.session;
    this.recorder = recorder;
    this.#services = services;
    this.startedAt = services.now();
    let principal = incoming.principal;
    this.gate = new SessionGate({
      recorder,
      approvals: services.approvals,
      policies: services.policies,
      principal: () => (principal = services.refreshPrincipal?.(principal) ?? principal),
      target: incoming.target,
      origin: incoming.origin,
      readOnly: incoming.readOnly === true,
      facts: () => {
        this.#facts.statements = this.gate.operations;
        this.#facts.seconds = Math.floor((services.now() - this.startedAt) / 1000);
        return this.#facts;
      },
      observer: incoming.observer ?? {},
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
      },
      client: { address: origin.address, application, via: origin.via },
      target: { name: target.name, kind: target.kind, labels: target.labels },
      mode: target.recording,
      policyVersion: services.policies().version,
      reason: origin.reason,
      ...(origin.meta === undefined ? {} : { meta: origin.meta }),
    });
    incoming.observer?.session?.(recorder.session);
    return new Session(incoming, recorder, services);
  }

  /** Makes the session visible to oversight; `end` must close both connections. */
  announce(target: TargetConfig, principal: Principal, end: LiveSession['end']): void {
    this.#services.live.add({ id: this.id, principal, target: target.name, startedAt: this.startedAt, end });
  }

  countRows(rows: number, bytes: number): void {
    this.#facts.rowsRead += rows;
    this.#facts.bytesRead += bytes;
  }

  /** Ends the record. Idempotent; never throws. */
  close(reason: EndEvent['reason'], detail: string): Promise<void> {
    this.#closed ??= this.recorder.close(reason, detail).finally(() => this.#services.live.remove(this.id));
    return this.#closed;
  }
}
