import { join } from 'node:path';
import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';
import { readIfPresent, writePrivate } from '../lib/private-files.js';

interface Entry {
  payload: AdapterPayload;
  readonly expiresAt: number | null;
}

/** These survive a restart, so that nobody is logged out by one; the rest lives for minutes anyway. */
const lasting = new Set(['Grant', 'RefreshToken']);
const maxEntries = 20_000;

/**
 * The demo provider's storage: memory, with refresh tokens and grants also in `<dir>/logins.json` (0600), written whole
 * before the provider answers. Enough for the few people of a demo, and nothing more is promised.
 */
export function createDemoAdapter(dir: string | null, now: () => number = Date.now): AdapterFactory {
  const file = dir === null ? null : join(dir, 'logins.json');
  const entries = new Map<string, Entry>(file === null ? [] : load(file));

  function save(): void {
    if (file === null) return;
    const kept = [...entries].filter(([key]) => lasting.has(key.slice(0, key.indexOf(':'))));
    writePrivate(file, JSON.stringify(kept));
  }

  function prune(): void {
    const time = now();
    for (const [key, entry] of entries) {
      if (entry.expiresAt !== null && entry.expiresAt <= time) entries.delete(key);
    }
    for (const key of entries.keys()) {
      if (entries.size <= maxEntries) break;
      entries.delete(key);
    }
  }

  function find(key: string): AdapterPayload | undefined {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    return entry.expiresAt !== null && entry.expiresAt <= now() ? undefined : entry.payload;
  }

  function findWhere(model: string, matches: (payload: AdapterPayload) => boolean): AdapterPayload | undefined {
    for (const key of entries.keys()) {
      const payload = key.startsWith(`${model}:`) ? find(key) : undefined;
      if (payload !== undefined && matches(payload)) return payload;
    }
    return undefined;
  }

  return (model): Adapter => {
    const keyOf = (id: string): string => `${model}:${id}`;
    const saveIfLasting = (): void => {
      if (lasting.has(model)) save();
    };
    return {
      async upsert(id, payload, expiresIn) {
        prune();
        entries.set(keyOf(id), { payload, expiresAt: expiresIn === undefined ? null : now() + expiresIn * 1000 });
        saveIfLasting();
      },
      async find(id) {
        return find(keyOf(id));
      },
      async findByUid(uid) {
        return findWhere(model, (payload) => payload.uid === uid);
      },
      async findByUserCode(userCode) {
        return findWhere(model, (payload) => payload.userCode === userCode);
      },
      async consume(id) {
        const entry = entries.get(keyOf(id));
        if (entry !== undefined) entry.payload = { ...entry.payload, consumed: Math.floor(now() / 1000) };
        saveIfLasting();
      },
      async destroy(id) {
        entries.delete(keyOf(id));
        saveIfLasting();
      },
      async revokeByGrantId(grantId) {
        for (const [key, entry] of entries) if (entry.payload.grantId === grantId) entries.delete(key);
        save();
      },
    };
  };
}

function load(file: string): [string, Entry][] {
  const text = readIfPresent(file);
  if (text === null) return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? (value as [string, Entry][]) : [];
  } catch {
    return []; // a damaged file costs a demo its logins, not its start
  }
}
