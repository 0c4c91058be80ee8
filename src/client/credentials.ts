import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, SluiceError } from '../lib/errors.js';
import { readIfPresent, writePrivate } from '../lib/private-files.js';
import { requireProfileName } from './profiles.js';
import { decodeLogin, encodeLogin, type StoredLogin } from './stored-login.js';

/** Where logins are kept, by profile. */
export interface CredentialStore {
  readonly kind: 'keyring' | 'file';
  /** Something the user should hear, such as why the keyring is not used. */
  readonly note: string | null;
  read(profile: string): Promise<StoredLogin | null>;
  write(profile: string, login: StoredLogin): Promise<void>;
  remove(profile: string): Promise<void>;
}

/** The part of the operating system's keyring that is used: entries by account, under one service. */
export interface Keyring {
  get(account: string): Promise<string | null>;
  set(account: string, secret: string): Promise<void>;
  delete(account: string): Promise<void>;
  /** Called when it did not answer in time: it will not be asked again. */
  giveUp?(): void;
}

const keyringLimitMs = 3000;

export interface CredentialStoreOptions {
  readonly choice: 'auto' | 'keyring' | 'file';
  readonly configDir: string;
  readonly loadKeyring?: () => Promise<Keyring>;
  readonly limitMs?: number;
}

/**
 * Opens the store that new logins go to. The keyring is tried with a write, before any login starts, so that a finished
 * login is never thrown away; a locked or slow one counts as absent.
 */
export async function openCredentialStore(options: CredentialStoreOptions): Promise<CredentialStore> {
  const { choice, configDir } = options;
  if (choice === 'file') return fileStore(configDir, null);
  try {
    const keyring = limited(await (options.loadKeyring ?? loadSystemKeyring)(), options.limitMs ?? keyringLimitMs);
    const probe = randomBytes(8).toString('hex');
    await keyring.set('probe', probe);
    if ((await keyring.get('probe')) !== probe) throw new Error('it does not keep what it is given');
    await keyring.delete('probe');
    return keyringStore(keyring, configDir);
  } catch (error) {
    const why = messageOf(error).split('\n')[0] ?? '';
    if (choice === 'keyring') {
      throw new SluiceError('local', `The system's keyring cannot be used: ${why}`, {
        decider: 'local',
        next: [{ command: 'SLUICE_CREDENTIAL_STORE=file sluice login', when: 'to keep the login in a private file' }],
        cause: error,
      });
    }
    const locked = error instanceof KeyringTimeout ? ' (it does not answer; is it locked?)' : '';
    return fileStore(configDir, `No usable keyring here${locked}; the login is kept in a file that only you can read`);
  }
}

/** Opens the store that a profile's login was put into; no probe, since it worked then. */
export async function reopenCredentialStore(
  kind: 'keyring' | 'file',
  options: CredentialStoreOptions,
): Promise<CredentialStore> {
  if (kind === 'file') return fileStore(options.configDir, null);
  return keyringStore(
    limited(await (options.loadKeyring ?? loadSystemKeyring)(), options.limitMs ?? keyringLimitMs),
    options.configDir,
  );
}

function fileStore(configDir: string, note: string | null): CredentialStore {
  const fileOf = (profile: string): string => {
    requireProfileName(profile);
    return join(configDir, 'credentials', `${profile}.json`);
  };
  return {
    kind: 'file',
    note,
    async read(profile) {
      const text = readIfPresent(fileOf(profile));
      return text === null ? null : decodeLogin(text);
    },
    async write(profile, login) {
      writePrivate(fileOf(profile), encodeLogin(login));
    },
    async remove(profile) {
      rmSync(fileOf(profile), { force: true });
    },
  };
}

/** Entries carry the config directory's name: another directory's profile of the same name is another login. */
function keyringStore(keyring: Keyring, configDir: string): CredentialStore {
  const accountOf = (profile: string): string => `${profile}@${configDir}`;
  return {
    kind: 'keyring',
    note: null,
    async read(profile) {
      const text = await orLocal(keyring.get(accountOf(profile)));
      return text === null ? null : decodeLogin(text);
    },
    write: (profile, login) => orLocal(keyring.set(accountOf(profile), encodeLogin(login))),
    remove: (profile) => orLocal(keyring.delete(accountOf(profile))),
  };
}

async function orLocal<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw new SluiceError('local', `The system's keyring failed: ${messageOf(error)}`, {
      decider: 'local',
      cause: error,
    });
  }
}

class KeyringTimeout extends Error {}

/** A locked keyring may wait for a dialog that nobody sees: no call waits longer than this. */
function limited(keyring: Keyring, limitMs: number): Keyring {
  const within = async <T>(call: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        keyring.giveUp?.();
        reject(new KeyringTimeout(`it did not answer within ${limitMs / 1000} s`));
      }, limitMs);
    });
    try {
      return await Promise.race([call, late]);
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    get: (account) => within(keyring.get(account)),
    set: (account, secret) => within(keyring.set(account, secret)),
    delete: (account) => within(keyring.delete(account)),
  };
}

/** The keyring of macOS, Windows, or the Linux desktop. Loaded when needed only, since it is native. */
async function loadSystemKeyring(): Promise<Keyring> {
  const { openKeyringProcess } = await import('./keyring-process.js');
  return openKeyringProcess();
}
