import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SluiceError } from '../lib/errors.js';
import { isId, newId } from '../lib/ids.js';
import { readIfPresent, systemCode, writePrivate } from '../lib/private-files.js';
import { parseObject } from './error-document.js';

/** A device login that waits for its person: who started it has gone meanwhile. */
export interface PendingLogin {
  readonly handle: string;
  readonly profile: string;
  readonly gateway: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly audience: string;
  /** Whoever has it gets the login once it is confirmed. */
  readonly deviceCode: string;
  readonly intervalSeconds: number;
  readonly expiresAt: number; // ms since epoch
}

/** Logins that were started and not finished, one private file each. */
export class PendingLogins {
  readonly #dir: string;

  constructor(stateDir: string) {
    this.#dir = join(stateDir, 'logins');
  }

  /** Keeps a login under a new handle; those that nobody finished are swept out. */
  add(login: Omit<PendingLogin, 'handle'>, now = Date.now()): PendingLogin {
    this.#sweep(now);
    const pending = { handle: newId('lgn'), ...login };
    writePrivate(this.#fileOf(pending.handle), JSON.stringify({ version: 1, ...pending }));
    return pending;
  }

  get(handle: string): PendingLogin {
    if (!isId('lgn', handle))
      throw new SluiceError('usage', `"${handle}" is no handle of a login`, { decider: 'local' });
    const pending = decode(readIfPresent(this.#fileOf(handle)) ?? '');
    if (pending?.handle === handle) return pending;
    throw new SluiceError('not_found', `No login waits under ${handle}; it was finished, refused or has expired`, {
      decider: 'local',
      next: [{ command: 'sluice login GATEWAY --non-interactive', when: 'to start one' }],
    });
  }

  remove(handle: string): void {
    rmSync(this.#fileOf(handle), { force: true });
  }

  #fileOf(handle: string): string {
    return join(this.#dir, `${handle}.json`);
  }

  #sweep(now: number): void {
    for (const name of this.#names()) {
      const file = join(this.#dir, name);
      const pending = decode(readIfPresent(file) ?? '');
      if (pending === null || pending.expiresAt < now) rmSync(file, { force: true });
    }
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.#dir).filter((name) => name.endsWith('.json'));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  }
}

function decode(text: string): PendingLogin | null {
  const value = parseObject(text);
  if (value?.['version'] !== 1) return null;
  const { handle, profile, gateway, issuer, clientId, audience, deviceCode, intervalSeconds, expiresAt } = value;
  if (typeof handle !== 'string' || typeof profile !== 'string' || typeof gateway !== 'string') return null;
  if (typeof issuer !== 'string' || typeof clientId !== 'string' || typeof audience !== 'string') return null;
  if (typeof deviceCode !== 'string' || typeof intervalSeconds !== 'number' || typeof expiresAt !== 'number')
    return null;
  return { handle, profile, gateway, issuer, clientId, audience, deviceCode, intervalSeconds, expiresAt };
}
