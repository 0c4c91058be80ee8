import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { SluiceError } from '../lib/errors.js';
import type { Principal } from '../policy/types.js';
import { parseReference, type SecretReference } from './references.js';
import { readMasterKey } from './master-key.js';
import { readSecretFile, defaultFileRoots } from './secret-file.js';
import { seal, unseal } from './seal.js';
import type { SecretStore, StoredSecret } from './store.js';

const maxSecretBytes = 64 * 1024;
const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

/** Keeps secrets sealed and reads them, from wherever a target's configuration says, at the moment of dialling. */
export interface Vault {
  list(): readonly Omit<StoredSecret, 'sealed'>[];
  /**
   * Seals and stores. `destinations`: where targets send it now; without any, where those of the next bundle do. Throws
   * `usage` for a name or value that cannot be one.
   */
  set(name: string, value: string, by: Principal | 'gateway', destinations?: readonly string[]): void;
  /** Lets secrets of which nothing is known yet be sent to where targets send them, and no others to anywhere new. */
  sendTo(destinations: ReadonlyMap<string, readonly string[]>): void;
  /** False when there is none of this name. */
  remove(name: string, by: Principal | 'gateway'): boolean;
  /** The secrets that would have to be set again to go everywhere where they would be sent and `isShown` there. */
  withheld(
    destinations: ReadonlyMap<string, readonly string[]>,
    isShown: (destination: string, secret: string) => boolean,
  ): readonly string[];
  /**
   * The secret behind `vault:NAME`, `env:NAME` or `file:PATH`. Errors name the reference, never the secret. One of
   * the vault goes to no `destination` but those that it was set for: who may say where a target is must not be able to have
   * its secret sent to themselves. Null: to nowhere, or to where the gateway's own host has said.
   */
  resolveSecret(reference: string | SecretReference, destination: string | null): Promise<string>;
  /** A key of its own for another purpose (the hash masker's), the same at every start. */
  deriveKey(purpose: string): Buffer;
}

export interface VaultOptions {
  readonly store: SecretStore;
  /** 32 bytes, or the 0600 file that holds them in base 64 and is made at first use. */
  readonly masterKey: Buffer | { readonly file: string };
  /** What `env:` may name. Sluice's own variables are never given out, but for SLUICE_SECRET_…. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Directories beneath which `file:` may point: whoever applies a bundle must not read any file of the gateway's. */
  readonly fileRoots?: readonly string[];
  readonly now?: () => number;
}

/** Opens the vault. Throws `config_invalid` for a master key that others may read or that is none. */
export function openVault(options: VaultOptions): Vault {
  const { store, masterKey, env = {}, fileRoots = defaultFileRoots, now = Date.now } = options;
  const master = Buffer.isBuffer(masterKey) ? masterKey : readMasterKey(masterKey.file);
  if (master.length !== 32) throw new TypeError('a master key has 32 bytes');
  const deriveKey = (purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', master, Buffer.alloc(0), `sluice/${purpose}`, 32));
  const sealingKey = createSecretKey(deriveKey('secrets'));

  return {
    list: () => store.list(),
    set(name, value, by, destinations) {
      checkName(name);
      const plaintext = Buffer.from(value);
      if (plaintext.length === 0 || plaintext.length > maxSecretBytes || value.includes('\0')) {
        throw new SluiceError('usage', `The secret must have 1 to ${maxSecretBytes} bytes and no NUL.`);
      }
      const updatedBy = by === 'gateway' ? by : by.name;
      store.put({ name, sealed: seal(sealingKey, name, plaintext), updatedAt: now(), updatedBy });
      if (destinations !== undefined) store.sendTo(name, destinations);
    },
    sendTo(destinations) {
      for (const [name, to] of destinations) if (store.destinations(name) === null) store.sendTo(name, to);
    },
    remove: (name) => store.remove(name),
    withheld(destinations, isShown) {
      return [...destinations].flatMap(([name, wanted]) => {
        const known = store.destinations(name);
        const missing = known === null ? [] : wanted.filter((destination) => !known.includes(destination));
        if (missing.length === 0) return [];
        const secret = openSealed(store, sealingKey, name);
        return missing.some((destination) => isShown(destination, secret)) ? [name] : [];
      });
    },
    async resolveSecret(reference, destination) {
      const parsed = typeof reference === 'string' ? parseReference(reference) : reference;
      switch (parsed.provider) {
        case 'vault':
          if (destination !== null) requireDestination(store, parsed.name, destination);
          return openSealed(store, sealingKey, parsed.name);
        case 'env':
          return readVariable(env, parsed.name);
        case 'file':
          return readSecretFile(parsed.name, fileRoots, maxSecretBytes);
      }
    },
    deriveKey,
  };
}

function requireDestination(store: SecretStore, name: string, destination: string): void {
  if (store.get(name) === null || store.destinations(name)?.includes(destination) === true) return;
  throw new SluiceError(
    'config_invalid',
    `The secret "${name}" was not set for where this target would send it: its address, relay, TLS, host key or program has changed since.`,
    {
      decider: 'gateway',
      next: [{ command: `sluice secrets set ${name}`, when: 'to set it again, for where targets send it now' }],
    },
  );
}

function openSealed(store: SecretStore, key: KeyObject, name: string): string {
  const stored = store.get(name);
  if (stored === null) {
    throw new SluiceError('config_invalid', `There is no secret "${name}" in the vault.`, {
      decider: 'gateway',
      next: [{ command: `sluice secrets set ${name}`, when: 'to store it' }],
    });
  }
  const plaintext = unseal(key, name, stored.sealed);
  if (plaintext === null) {
    const message = `The secret "${name}" cannot be opened: the master key is another one, or the stored value has been altered. Set it again.`;
    throw new SluiceError('config_invalid', message, { decider: 'gateway' });
  }
  return plaintext.toString();
}

function readVariable(env: Readonly<Record<string, string | undefined>>, name: string): string {
  if (name.startsWith('SLUICE_') && !name.startsWith('SLUICE_SECRET_')) {
    throw new SluiceError(
      'config_invalid',
      `env:${name} is Sluice's own variable; name it SLUICE_SECRET_… or otherwise.`,
      { decider: 'gateway' },
    );
  }
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined || value === '') {
    throw new SluiceError('config_invalid', `The gateway's environment has no ${name}.`, { decider: 'gateway' });
  }
  return value;
}

function checkName(name: string): void {
  if (!namePattern.test(name)) {
    throw new SluiceError(
      'usage',
      'A secret\'s name has 1 to 63 letters, digits, ".", "_" or "-", and begins with a letter or digit.',
    );
  }
}
