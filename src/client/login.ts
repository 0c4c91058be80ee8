import type { SluiceError } from '../lib/errors.js';
import { SluiceClient } from './api.js';
import type { LoginInfo, Whoami } from './api-types.js';
import { openCredentialStore, type CredentialStore, type CredentialStoreOptions } from './credentials.js';
import type { ClientEnvironment } from './environment.js';
import { parseGatewayUrl } from './gateway-url.js';
import { Profiles } from './profiles.js';
import type { StoredLogin } from './stored-login.js';
import type { Transport } from './transport.js';

export interface LoginOptions {
  readonly environment: ClientEnvironment;
  readonly transport: Transport;
  readonly gateway: string;
  /** Name to keep the login under. */
  readonly profile: string;
  readonly signal?: AbortSignal;
  readonly now?: () => number;
  readonly loadKeyring?: CredentialStoreOptions['loadKeyring'];
}

export interface LoginResult {
  readonly profile: string;
  readonly gateway: string;
  readonly name: string;
  readonly kind: 'human' | 'machine';
  readonly groups: readonly string[];
  readonly expiresAt: string;
  readonly storedIn: 'keyring' | 'file';
  /** Something to tell the user, such as why the keyring is not used. */
  readonly note: string | null;
}

/** Keeps a token that was got elsewhere, until it expires. */
export function loginWithToken(options: LoginOptions & { readonly token: string }): Promise<LoginResult> {
  return logIn(options, async (info) => ({
    ...baseOf(options, info),
    accessToken: options.token.trim(),
    expiresAt: 0, // set from the gateway's answer
  }));
}

/** What every login has in common: storage is opened first, and the gateway must accept the token before it is kept. */
export async function logIn(
  options: LoginOptions,
  obtain: (info: LoginInfo, now: () => number) => Promise<StoredLogin>,
): Promise<LoginResult> {
  const now = options.now ?? Date.now;
  const { info, store } = await prepareLogin(options);
  return finishLogin(options, store, await obtain(info, now));
}

/** How the gateway wants it, and a place for the login: found before anybody is bothered. */
export async function prepareLogin(
  options: LoginOptions,
): Promise<{ readonly info: LoginInfo; readonly store: CredentialStore }> {
  const { environment, transport, signal } = options;
  const gateway = parseGatewayUrl(options.gateway);
  const client = new SluiceClient({ gateway, transport, tokens: null });
  const info = await client.loginInfo(signal === undefined ? {} : { signal });
  const store = await openCredentialStore({
    choice: environment.credentialStore,
    configDir: environment.configDir,
    ...(options.loadKeyring === undefined ? {} : { loadKeyring: options.loadKeyring }),
  });
  return { info, store };
}

/** Asks the gateway who the token makes of its bearer, and keeps the login. */
export async function finishLogin(
  options: LoginOptions,
  store: CredentialStore,
  login: StoredLogin,
): Promise<LoginResult> {
  const { transport, signal, profile } = options;
  const gateway = parseGatewayUrl(options.gateway);
  const profiles = new Profiles(options.environment.configDir);
  const tokens = { get: async () => login.accessToken, renew: async () => null };
  const client = new SluiceClient({ gateway, transport, tokens });
  const who: Whoami = await client.whoami(signal === undefined ? {} : { signal });
  const expiresAt = login.expiresAt === 0 ? Date.parse(who.expires_at) : login.expiresAt;
  await store.write(profile, { ...login, gateway, expiresAt });
  profiles.save({ name: profile, gateway, user: who.name, credentials: store.kind });
  return {
    profile,
    gateway,
    name: who.name,
    kind: who.kind,
    groups: who.groups,
    expiresAt: new Date(expiresAt).toISOString(),
    storedIn: store.kind,
    note: store.note,
  };
}

export type LoginBase = Omit<StoredLogin, 'accessToken' | 'expiresAt'>;

export function baseOf({ gateway }: Pick<LoginOptions, 'gateway'>, info: LoginInfo): LoginBase {
  return {
    gateway,
    issuer: info.issuer,
    clientId: info.client_id,
    audience: info.audience,
    refreshToken: null,
    clientSecret: null,
    clientKeyFile: null,
    identityTokenFile: null,
  };
}

/** The signal's own reason, rather than what a library makes of it. */
export function orAborted(signal: AbortSignal | undefined, error: unknown): never {
  signal?.throwIfAborted();
  throw error as SluiceError;
}
