import { randomBytes, timingSafeEqual } from 'node:crypto';

/** One session's way of being cancelled. The key is the gateway's own; the target's never leaves it. */
interface Cancellable {
  readonly key: Buffer;
  readonly principalId: string;
  readonly cancel: () => Promise<void>;
}

/** Maps the process ids and keys given to clients to their sessions (BackendKeyData, CancelRequest; PostgreSQL 55.2.9). */
export class CancelKeys {
  readonly #sessions = new Map<number, Cancellable>();

  /** Registers a session; `forget` when it ends. */
  add(
    principalId: string,
    cancel: () => Promise<void>,
  ): { readonly processId: number; readonly key: Buffer; readonly forget: () => void } {
    let processId = 0;
    while (processId === 0 || this.#sessions.has(processId)) processId = randomBytes(4).readUInt32BE() & 0x7fffffff;
    const key = randomBytes(4);
    this.#sessions.set(processId, { key, principalId, cancel });
    return { processId, key, forget: () => this.#sessions.delete(processId) };
  }

  /**
   * Cancels what the key names; resolves once it cannot hit anything sent later. A wrong key, or a key of another person's
   * session, does nothing and says nothing.
   */
  async cancel(processId: number, key: Buffer, principalId: string | null): Promise<void> {
    const found = this.#sessions.get(processId);
    if (found === undefined || found.key.length !== key.length || !timingSafeEqual(found.key, key)) return;
    if (principalId !== null && found.principalId !== principalId) return;
    await found.cancel();
  }
}
