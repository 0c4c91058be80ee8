import { SluiceError } from '../lib/errors.js';
import type { EndEvent, RecordingMode, SessionEvent, SessionRecorder } from './events.js';
import type { Journal } from './journal.js';
import type { Ledger } from './ledger.js';

/** What an open session needs of its gateway's recorder. */
export interface SessionServices {
  readonly ledger: Ledger;
  readonly clock: () => number;
  readonly onEvent: ((session: string, event: SessionEvent) => void) | null;
  /** The journal has grown, or the session (when it has none) has an event to index. */
  readonly onGrown: (recording: SessionRecording) => void;
  /** It is closed, in journal and ledger or as far as that went. */
  readonly onClosed: (recording: SessionRecording, end: EndEvent) => void;
  readonly onProblem: (message: string, cause: unknown) => void;
}

/** One open session: its journal (none in mode `off`) and its place in the ledger. */
export class SessionRecording implements SessionRecorder {
  readonly session: string;
  readonly mode: RecordingMode;
  readonly journal: Journal | null;
  /** The last round of those that have grown in which it is. */
  grownRound = 0;
  readonly #services: SessionServices;
  #closing: Promise<void> | null = null;

  constructor(session: string, mode: RecordingMode, journal: Journal | null, services: SessionServices) {
    this.session = session;
    this.mode = mode;
    this.journal = journal;
    this.#services = services;
  }

  append(event: SessionEvent): void {
    this.journal?.append(event);
    this.#notify(event);
  }

  commit(): void | Promise<void> {
    const { journal } = this;
    if (journal === null) {
      if (this.#closing !== null) throw new SluiceError('recorder_failed', 'the record of this session is closed');
      return undefined;
    }
    journal.flush();
    this.#services.onGrown(this);
    return journal.safe();
  }

  close(reason: EndEvent['reason'], detail: string): Promise<void> {
    this.#closing ??= this.#close(reason, detail);
    return this.#closing;
  }

  async #close(reason: EndEvent['reason'], detail: string): Promise<void> {
    const { ledger, clock, onProblem, onClosed } = this.#services;
    const broken = this.journal?.broken ?? null;
    const end: EndEvent =
      broken === null
        ? { type: 'end', at: clock(), reason, detail }
        : { type: 'end', at: clock(), reason: 'recorder failed', detail: detail === '' ? broken.message : detail };
    this.#notify(end);
    try {
      const closed = this.journal === null ? null : await this.journal.end(end);
      await ledger.append({
        type: 'session closed',
        at: clock(),
        session: this.session,
        records: closed?.count ?? 0,
        head: closed?.hash ?? null,
        reason: end.reason,
      });
    } catch (error) {
      onProblem(`the recording of ${this.session} could not be closed; the next start recovers it`, error);
    }
    onClosed(this, end);
  }

  #notify(event: SessionEvent): void {
    const { onEvent } = this.#services;
    if (onEvent === null) return;
    try {
      onEvent(this.session, event);
    } catch (error) {
      this.#services.onProblem('a listener for session events failed', error);
    }
  }
}
