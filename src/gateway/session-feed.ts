import type { AuditEvent } from '../signals/audit-event.js';

const maxWaiting = 10_000;

/** What one listener has not been given yet. A slow one loses the oldest, and is told how many. */
export class FeedSubscription {
  readonly #wants: (event: AuditEvent) => boolean;
  readonly #leave: () => void;
  #waiting: AuditEvent[] = [];
  #missed = 0;
  #wake: (() => void) | null = null;

  constructor(wants: (event: AuditEvent) => boolean, leave: () => void) {
    this.#wants = wants;
    this.#leave = leave;
  }

  offer(event: AuditEvent): void {
    if (!this.#wants(event)) return;
    if (this.#waiting.length >= maxWaiting) {
      this.#waiting.shift();
      this.#missed++;
    }
    this.#waiting.push(event);
    this.wake();
  }

  wake(): void {
    this.#wake?.();
    this.#wake = null;
  }

  /** What has come since the last call; waits for something for at most `waitMs`, or until the signal aborts. */
  async take(
    signal: AbortSignal,
    waitMs: number,
  ): Promise<{ readonly events: readonly AuditEvent[]; readonly missed: number }> {
    if (this.#waiting.length === 0 && !signal.aborted) {
      const wake = (): void => this.wake();
      const timer = setTimeout(wake, waitMs);
      signal.addEventListener('abort', wake, { once: true });
      await new Promise<void>((resolve) => (this.#wake = resolve));
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
    }
    const taken = { events: this.#waiting, missed: this.#missed };
    this.#waiting = [];
    this.#missed = 0;
    return taken;
  }

  end(): void {
    this.#leave();
  }
}

/** Hands every session's events to whoever listens now. Listening never holds up a session. */
export class SessionFeed {
  readonly #listeners = new Set<FeedSubscription>();

  get size(): number {
    return this.#listeners.size;
  }

  publish(event: AuditEvent): void {
    for (const listener of this.#listeners) listener.offer(event);
  }

  subscribe(wants: (event: AuditEvent) => boolean): FeedSubscription {
    const listener: FeedSubscription = new FeedSubscription(wants, () => this.#listeners.delete(listener));
    this.#listeners.add(listener);
    return listener;
  }
}
