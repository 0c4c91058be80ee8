import { messageOf } from '../lib/errors.js';
import { reopenCredentialStore, type CredentialStoreOptions } from './credentials.js';
import type { ClientEnvironment } from './environment.js';
import { discover, within } from './oidc.js';
import { Profiles } from './profiles.js';
import type { StoredLogin } from './stored-login.js';
import type { Transport } from './transport.js';

export interface LogoutOptions {
  readonly environment: ClientEnvironment;
  readonly transport: Transport;
  readonly profile: string;
  readonly signal?: AbortSignal;
  readonly loadKeyring?: CredentialStoreOptions['loadKeyring'];
}

export interface LogoutResult {
  readonly profile: string;
  /** Whether there was a login to forget. */
  readonly loggedIn: boolean;
  /** Whether the provider confirmed that the refresh token counts no longer. */
  readonly revoked: boolean;
  readonly note: string | null;
}

/**
 * Forgets a login here, and revokes its refresh token at the provider (RFC 7009). Here comes first: a provider that is away
 * keeps nobody logged in. The profile stays, so that `sluice login` needs no address the next time.
 */
export async function logOut(options: LogoutOptions): Promise<LogoutResult> {
  const { environment, profile: name } = options;
  const profiles = new Profiles(environment.configDir);
  const profile = profiles.get(name);
  const none = { profile: name, loggedIn: false, revoked: false, note: null };
  if (profile === null || profile.credentials === null) return none;
  const store = await reopenCredentialStore(profile.credentials, {
    choice: environment.credentialStore,
    configDir: environment.configDir,
    ...(options.loadKeyring === undefined ? {} : { loadKeyring: options.loadKeyring }),
  });
  const login = await store.read(name);
  await store.remove(name);
  profiles.save({ ...profile, user: null, credentials: null });
  if (login === null) return none;
  if (login.refreshToken === null) return { profile: name, loggedIn: true, revoked: false, note: null };
  try {
    await revoke(login, options);
    return { profile: name, loggedIn: true, revoked: true, note: null };
  } catch (error) {
    const note = `Forgotten here, but not revoked at the identity provider: ${messageOf(error)}`;
    return { profile: name, loggedIn: true, revoked: false, note };
  }
}

async function revoke(login: StoredLogin, { transport, signal }: LogoutOptions): Promise<void> {
  const configuration = await discover(login, transport, signal);
  const oidc = await import('openid-client');
  if (configuration.serverMetadata().revocation_endpoint === undefined) {
    throw new Error('it offers no revocation; the login ends by itself');
  }
  await within(login.issuer, () =>
    oidc.tokenRevocation(configuration, login.refreshToken ?? '', { token_type_hint: 'refresh_token' }),
  );
}
