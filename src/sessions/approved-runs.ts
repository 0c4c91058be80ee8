import { createHash } from 'node:crypto';
import type { Approvals } from '../approvals/types.js';
import type { EndEvent, RecordingMode, SessionEvent, SessionRecorder } from '../recording/events.js';
import type { TargetConfig } from './types.js';

/** SQLSTATE class 57: the server shuts down or was told to end the session. Says nothing of what it has done before. */
const operatorIntervention = '57';

type Finishing = Pick<Approvals, 'finish' | 'preparedEnded'>;

/** Stands for a prepared transaction, whose name is one in the whole server. The name itself may hold anything. */
export function preparedId({ host, port, relay }: TargetConfig, gid: string): string {
  const server = `${relay === undefined ? '' : relay.name}!${host}:${port}`;
  return createHash('sha256').update(`${server}\0${gid}`).digest('base64url');
}

/** What runs under an approval, by operation, until the session ends: the target's own answer decides how it ended. */
export class ApprovedRuns {
  readonly #approvals: Finishing;
  readonly #requests = new Map<number, string>();
  readonly #answered = new Set<number>();
  /** Answered well in the transaction under way, and how. */
  readonly #uncommitted = new Map<number, string>();
  /** The operation recorded last. */
  #latest = 0;
  /** What the target refused last in the transaction under way. */
  #refusal: string | null = null;

  constructor(approvals: Finishing) {
    this.#approvals = approvals;
  }

  /** An approval has been spent on this operation. */
  spent(op: number, request: string): void {
    this.#requests.set(op, request);
    this.#latest = Math.max(this.#latest, op);
  }

  /** It was refused after all, once the approval was spent. */
  refused(op: number, why: string): void {
    this.#finish(op, false, why);
  }

  get isIdle(): boolean {
    return this.#requests.size === 0;
  }

  /** Hears what is recorded of the session. */
  observe(event: SessionEvent): void {
    switch (event.type) {
      case 'operation':
        this.#latest = event.op;
        return;
      case 'result':
        // A portal fetched on answers several times, a text of several statements too: the first says that it works.
        if (!this.#answered.has(event.op)) this.#finish(event.op, true, event.tag);
        if (this.#requests.has(event.op)) this.#uncommitted.set(event.op, event.tag);
        return;
      case 'error': {
        // An error of no operation is a check made at commit, of what was sent last; or the server says goodbye.
        const checks = event.decider === 'target' && !event.code.startsWith(operatorIntervention);
        const op = event.op ?? (checks ? this.#latest : null);
        const detail = `${event.code} ${event.message}`;
        if (event.decider === 'target') this.#refusal = detail;
        if (op !== null) this.#finish(op, false, detail);
        return;
      }
      default:
    }
  }

  /** The target's transaction is over. Where nothing of it was kept, what had been answered well did not happen after all. */
  transactionEnded(kept: boolean): void {
    if (!kept) {
      const why =
        this.#refusal === null
          ? 'its transaction was rolled back'
          : `${this.#refusal}; its transaction was rolled back`;
      for (const op of this.#uncommitted.keys()) this.#finish(op, false, why);
    }
    this.#uncommitted.clear();
    this.#refusal = null;
  }

  /** PREPARE TRANSACTION: it has left the session undecided, and whoever may can keep it or undo it. */
  transactionPrepared(prepared: string): void {
    // Its name was free: what had waited under it ended past the gateway.
    this.#approvals.preparedEnded(prepared, null);
    for (const [op, tag] of this.#uncommitted) {
      const request = this.#requests.get(op);
      const detail = `${tag}, in a prepared transaction: done only once that is committed`;
      if (request !== undefined) this.#approvals.finish(request, { ok: true, detail, prepared });
    }
    this.#uncommitted.clear();
    this.#refusal = null;
  }

  /** COMMIT PREPARED or ROLLBACK PREPARED, here or in another session than the one that prepared it. */
  preparedEnded(prepared: string, kept: boolean): void {
    this.#approvals.preparedEnded(prepared, kept);
  }

  /** The session is over: what the target has not answered may or may not have happened. */
  ended(): void {
    for (const op of this.#requests.keys()) {
      if (!this.#answered.has(op))
        this.#finish(op, false, 'the session ended before the target answered; whether it took effect is not known');
    }
  }

  #finish(op: number, ok: boolean, detail: string): void {
    const request = this.#requests.get(op);
    if (request === undefined) return;
    this.#answered.add(op);
    if (!ok) this.#uncommitted.delete(op);
    this.#approvals.finish(request, { ok, detail });
  }
}

/** The session's recorder as engines use it; what it records of approved operations is heard on the way. */
export class ObservedRecorder implements SessionRecorder {
  readonly session: string;
  readonly mode: RecordingMode;
  readonly #recorder: SessionRecorder;
  readonly #runs: ApprovedRuns;

  constructor(recorder: SessionRecorder, runs: ApprovedRuns) {
    this.session = recorder.session;
    this.mode = recorder.mode;
    this.#recorder = recorder;
    this.#runs = runs;
  }

  append(event: SessionEvent): void {
    this.#recorder.append(event);
    if (!this.#runs.isIdle) this.#runs.observe(event);
  }

  commit(): void | Promise<void> {
    return this.#recorder.commit();
  }

  close(reason: EndEvent['reason'], detail: string): Promise<void> {
    return this.#recorder.close(reason, detail);
  }
}
