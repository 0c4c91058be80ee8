import { newId } from '../lib/ids.js';
import type { SessionEvent } from '../recording/events.js';
import type { LiveSessions } from '../sessions/session.js';
import type { AuditEvent } from '../signals/audit-event.js';
import type { SignalBook } from '../signals/book.js';
import { longestWindowMs, SignalRules } from '../signals/rules.js';
import type { Signal, SignalDraft } from '../signals/signal.js';
import type { SavedWindow, SignalStore } from '../signals/store.js';

const sweepMs = 60_000;
const keepMs = 5_000;

export interface SignallingParts {
  readonly book: SignalBook;
  readonly store: Pick<SignalStore, 'windows' | 'saveWindows'>;
  readonly onProblem: (message: string, cause: unknown) => void;
  readonly sessions: LiveSessions;
  readonly clock: () => number;
  /** Told of every signal, as an audit event. */
  readonly tell: (event: AuditEvent) => void;
}

/** Feeds the rules with audit events and open sessions, and keeps and tells what they find. */
export class Signalling {
  readonly book: SignalBook;
  readonly #parts: SignallingParts;
  readonly #rules = new SignalRules();
  readonly #lastOperation = new Map<string, number>();
  readonly #watchers = new Set<(signal: Signal) => void>();
  readonly #timers: readonly NodeJS.Timeout[];
  #unkept: readonly SavedWindow[] = [];

  constructor(parts: SignallingParts) {
    this.#parts = parts;
    this.book = parts.book;
    for (const window of parts.store.windows(parts.clock() - longestWindowMs)) this.#rules.restore(window);
    this.#timers = [setInterval(() => this.sweep(), sweepMs).unref(), setInterval(() => this.keep(), keepMs).unref()];
  }

  /** Every recorded event passes here; most only say that the session is awake. */
  noteActivity(session: string, event: SessionEvent): void {
    if (event.type === 'operation') this.#lastOperation.set(session, event.at);
    else if (event.type === 'end') this.#lastOperation.delete(session);
  }

  hear(event: AuditEvent): void {
    for (const draft of this.#rules.observe(event)) this.#raise(draft);
  }

  /** Looks for sessions that have gone quiet. */
  sweep(): void {
    const open = this.#parts.sessions.all().map(({ id, principal, target, startedAt }) => ({
      ...{ id, target, startedAt, identity: { id: principal.id, name: principal.name } },
      lastOperationAt: this.#lastOperation.get(id) ?? startedAt,
    }));
    for (const draft of this.#rules.sweep(open, this.#parts.clock())) this.#raise(draft);
  }

  watch(watcher: (signal: Signal) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  get watching(): number {
    return this.#watchers.size;
  }

  /** Puts what the rules remember into the store. Never throws: what could not be written is written with the next. */
  keep(): void {
    const changed = [...this.#unkept, ...this.#rules.takeChanged()];
    this.#unkept = changed;
    if (changed.length === 0) return;
    try {
      this.#parts.store.saveWindows(changed, this.#parts.clock() - longestWindowMs);
      this.#unkept = [];
    } catch (error) {
      this.#parts.onProblem('what the signal rules remember cannot be written', error);
    }
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.keep();
  }

  #raise(draft: SignalDraft): void {
    const signal: Signal = { id: newId('sig'), at: new Date(this.#parts.clock()).toISOString(), ...draft };
    this.book.add(signal);
    for (const watcher of this.#watchers) watcher(signal);
    const { identity, evidence, at, kind, severity, summary } = signal;
    const last = evidence.at(-1);
    this.#parts.tell({
      ...{ schema: 'sluice.audit/v1', event: 'signal.raised', at, severity: 'warning', outcome: 'done' },
      actor: { ...identity, kind: null },
      ...{ session: last?.session ?? null, target: signal.target, object: signal.id, op: last?.op ?? null },
      detail: { kind, severity, summary, evidence },
    });
  }
}
