import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isSluiceError, messageOf, SluiceError } from '../lib/errors.js';
import {
  openCredentialStore,
  reopenCredentialStore,
  type CredentialStore,
  type CredentialStoreOptions,
} from './credentials.js';
import type { ClientEnvironment } from './environment.js';
import { withFileLock } from './file-lock.js';
import { readIdentityToken } from './identity-token.js';
import { Profiles, type Profile } from './profiles.js';
import type { StoredLogin } from './stored-login.js';
import type { Transport } from './transport.js';

/** Where a client gets its bearer token, each time it needs one. */
export interface TokenSource {
  get(signal?: AbortSignal): Promise<string>;
  /** Called when the gateway rejected `token`: another one, or null when there is no other. */
  renew(token: string, signal?: AbortSignal): Promise<string | null>;
}

/** Fresh enough to survive the call that it is for. */
const marginMs = 60_000;
const lockWaitMs = 20_000;
/** A long-lived process looks again after this, so that it sees a logout or another login. */
const rereadMs = 1000;

/** SLUICE_TOKEN, else SLUICE_TOKEN_FILE, else SLUICE_IDENTITY_TOKEN_FILE, else the profile's stored login. */
export function openTokenSource(options: StoredTokensOptions): TokenSource {
  const { token, tokenFile, identityTokenFile } = options.environment;
  if (token !== null) return { get: async () => token.trim(), renew: async () => null };
  if (tokenFile !== null) return tokenFromFile(tokenFile);
  if (identityTokenFile !== null) return tokenFromIdentity(identityTokenFile, options);
  return new StoredTokens(options);
}

/** The gateway's own token for a workload's identity, exchanged again when either of the two is old. Nothing is stored. */
function tokenFromIdentity(file: string, { profile, transport, now = Date.now }: StoredTokensOptions): TokenSource {
  let seen: { readonly identity: string; readonly token: string; readonly until: number } | null = null;
  let exchanging: Promise<string> | null = null;
  const exchange = async (identity: string): Promise<string> => {
    const { exchangeIdentity } = await import('./identity-exchange.js');
    const fresh = await exchangeIdentity({ gateway: profile.gateway, transport, token: identity });
    seen = { identity, token: fresh.accessToken, until: now() + fresh.expiresInSeconds * 1000 - marginMs };
    return fresh.accessToken;
  };
  const get = async (signal?: AbortSignal): Promise<string> => {
    const identity = readIdentityToken(file);
    if (seen?.identity === identity && now() < seen.until) return seen.token;
    exchanging ??= exchange(identity).finally(() => (exchanging = null));
    return signal === undefined ? exchanging : abortable(exchanging, signal);
  };
  return {
    get,
    async renew(rejected, signal) {
      seen = null;
      const token = await get(signal);
      return token === rejected ? null : token;
    },
  };
}

/** A file that something else keeps fresh: read again whenever it has changed. */
export function tokenFromFile(file: string): TokenSource {
  let seen = { version: '', token: '' };
  const read = (): string => {
    try {
      const { ino, mtimeMs, size } = statSync(file); // a file put in its place may be as old, or as long
      const version = `${ino} ${mtimeMs} ${size}`;
      if (version !== seen.version) seen = { version, token: readFileSync(file, 'utf8').trim() };
    } catch (error) {
      throw new SluiceError('login_required', `Cannot read SLUICE_TOKEN_FILE: ${messageOf(error)}`, {
        decider: 'local',
        cause: error,
      });
    }
    if (seen.token === '') throw new SluiceError('login_required', 'SLUICE_TOKEN_FILE is empty', { decider: 'local' });
    return seen.token;
  };
  return {
    get: async () => read(),
    async renew(rejected) {
      seen = { version: '', token: '' };
      const token = read();
      return token === rejected ? null : token;
    },
  };
}

export interface StoredTokensOptions {
  readonly environment: ClientEnvironment;
  readonly profile: Profile;
  readonly transport: Transport;
  readonly now?: () => number;
  readonly loadKeyring?: CredentialStoreOptions['loadKeyring'];
}

/** Tokens of a stored login, refreshed once however many ask, in this process or another. */
class StoredTokens implements TokenSource {
  readonly #options: StoredTokensOptions;
  readonly #now: () => number;
  #seen: { readonly login: StoredLogin; readonly until: number } | null = null;
  #refreshing: Promise<StoredLogin> | null = null;

  constructor(options: StoredTokensOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  async get(signal?: AbortSignal): Promise<string> {
    const login = this.#seen !== null && this.#now() < this.#seen.until ? this.#seen.login : await this.#load();
    if (this.#isFresh(login)) return login.accessToken;
    try {
      return (await this.#refresh(login.accessToken, signal)).accessToken;
    } catch (error) {
      // The provider is away, but this token still counts for a while.
      if (isSluiceError(error, 'unavailable') && this.#now() < login.expiresAt) return login.accessToken;
      throw error;
    }
  }

  async renew(token: string, signal?: AbortSignal): Promise<string | null> {
    const login = await this.#load();
    if (login.accessToken !== token && this.#isFresh(login)) return login.accessToken;
    if (!isRenewable(login)) return null;
    return (await this.#refresh(token, signal)).accessToken;
  }

  #isFresh(login: StoredLogin): boolean {
    return this.#now() < login.expiresAt - marginMs;
  }

  async #load(): Promise<StoredLogin> {
    const profile = this.#profile();
    const login = profile.credentials === null ? null : await (await this.#store(profile)).read(profile.name);
    if (login === null || login.gateway !== profile.gateway)
      throw loginNeeded(profile, `Not logged in to ${profile.gateway}`);
    return this.#remember(login);
  }

  #remember(login: StoredLogin): StoredLogin {
    this.#seen = { login, until: this.#now() + rereadMs };
    return login;
  }

  /** As it is now: a login may have been made since this process started. */
  #profile(): Profile {
    const { environment, profile } = this.#options;
    const current = new Profiles(environment.configDir).get(profile.name);
    return current?.gateway === profile.gateway ? current : profile;
  }

  #store(profile: Profile): Promise<CredentialStore> {
    const { environment, loadKeyring } = this.#options;
    const options: CredentialStoreOptions = {
      choice: environment.credentialStore,
      configDir: environment.configDir,
      ...(loadKeyring === undefined ? {} : { loadKeyring }),
    };
    return profile.credentials === null
      ? openCredentialStore(options)
      : reopenCredentialStore(profile.credentials, options);
  }

  /** One refresh at a time. The caller's abort ends the caller's wait, not the refresh that others wait for. */
  #refresh(stale: string, signal?: AbortSignal): Promise<StoredLogin> {
    this.#refreshing ??= this.#refreshLocked(stale).finally(() => (this.#refreshing = null));
    return signal === undefined ? this.#refreshing : abortable(this.#refreshing, signal);
  }

  async #refreshLocked(stale: string): Promise<StoredLogin> {
    const { environment, profile } = this.#options;
    const lock = join(environment.configDir, 'credentials', `${profile.name}.lock`);
    return withFileLock(lock, lockWaitMs, async () => {
      const login = await this.#load(); // another process may have been first
      if (login.accessToken !== stale && this.#isFresh(login)) return login;
      const fresh = await this.#requestTokens(login);
      // Written before it is used: with rotation the old refresh token is spent now.
      await (await this.#store(this.#profile())).write(profile.name, fresh);
      return this.#remember(fresh);
    });
  }

  async #requestTokens(login: StoredLogin): Promise<StoredLogin> {
    const { profile, transport } = this.#options;
    if (!isRenewable(login)) throw loginNeeded(profile, 'The login has expired');
    try {
      if (login.identityTokenFile !== null) {
        const token = readIdentityToken(login.identityTokenFile);
        const { exchangeIdentity } = await import('./identity-exchange.js');
        const fresh = await exchangeIdentity({ gateway: login.gateway, transport, token });
        const expiresAt = this.#now() + fresh.expiresInSeconds * 1000;
        return { ...login, accessToken: fresh.accessToken, expiresAt };
      }
      const { discover, loginFrom, within } = await import('./oidc.js'); // with what it needs, only when it is needed
      const configuration = await discover(login, transport);
      const oidc = await import('openid-client');
      const parameters = { resource: login.audience };
      const tokens = await within(login.issuer, () =>
        login.refreshToken === null
          ? oidc.clientCredentialsGrant(configuration, parameters)
          : oidc.refreshTokenGrant(configuration, login.refreshToken, parameters),
      );
      return loginFrom(tokens, login, this.#now());
    } catch (error) {
      if (!isSluiceError(error, 'login_required')) throw error;
      throw loginNeeded(profile, error.message, error);
    }
  }
}

/** Whether a fresh token can be had without the person. */
function isRenewable({ refreshToken, clientSecret, clientKeyFile, identityTokenFile }: StoredLogin): boolean {
  return [refreshToken, clientSecret, clientKeyFile, identityTokenFile].some((way) => way !== null);
}

function loginNeeded(profile: Profile, message: string, cause?: unknown): SluiceError {
  const command =
    profile.name === 'default'
      ? `sluice login ${profile.gateway}`
      : `sluice login ${profile.gateway} --profile ${profile.name}`;
  return new SluiceError('login_required', message, {
    decider: 'local',
    next: [{ command, when: 'to log in' }],
    cause,
  });
}

/** A promise, or the signal's reason, whichever is first. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
