/** Who waits for which request. Each waiter is woken once, or leaves with its signal. */
export class Waiters {
  readonly #byRequest = new Map<string, Set<() => void>>();

  /** Resolves at the next wake of `id`; rejects with the signal's reason. */
  wait(id: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.#byRequest.get(id) ?? new Set();
      this.#byRequest.set(id, waiting);
      const leave = (): void => {
        signal.removeEventListener('abort', abort);
        waiting.delete(wake);
        if (waiting.size === 0 && this.#byRequest.get(id) === waiting) this.#byRequest.delete(id);
      };
      const wake = (): void => {
        leave();
        resolve();
      };
      const abort = (): void => {
        leave();
        reject(signal.reason);
      };
      waiting.add(wake);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  wake(id: string): void {
    for (const wake of [...(this.#byRequest.get(id) ?? [])]) wake();
  }

  wakeAll(): void {
    for (const id of [...this.#byRequest.keys()]) this.wake(id);
  }

  get size(): number {
    return this.#byRequest.size;
  }
}
