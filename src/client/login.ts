import type { Configuration, DeviceAuthorizationResponse } from 'openid-client';
import { SluiceError } from '../lib/errors.js';
import { SluiceClient } from './api.js';
import type { LoginInfo, Whoami } from './api-types.js';
import { openCredentialStore, type CredentialStore, type CredentialStoreOptions } from './credentials.js';
import { confirmDeviceCode } from './demo-confirm.js';
import type { ClientEnvironment } from './environment.js';
import { parseObject } from './error-document.js';
import { isLoopbackUrl, parseGatewayUrl } from './gateway-url.js';
import { discover, loginFrom, within } from './oidc.js';
import { Profiles } from './profiles.js';
import type { StoredLogin } from './stored-login.js';
import type { Transport } from './transport.js';

/** What a person must do to finish a device login (RFC 8628 3.3). */
export interface DevicePrompt {
  readonly userCode: string;
  readonly verificationUri: string;
  readonly verificationUriComplete: string | null;
  readonly expiresAt: string;
}

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

/** Logs a person in by the device flow: `onPrompt` shows the code, and the call waits until it is confirmed. */
export function loginWithDevice(
  options: LoginOptions & { readonly onPrompt: (prompt: DevicePrompt) => void },
): Promise<LoginResult> {
  return logIn(options, async (info, now) => {
    if (!info.device)
      throw new SluiceError('denied', 'This gateway does not permit the device login', { decider: 'gateway' });
    return deviceLogin(options, info, now, async ({ device }) => {
      const { user_code, verification_uri, verification_uri_complete = null, expires_in } = device;
      options.onPrompt({
        userCode: user_code,
        verificationUri: verification_uri,
        verificationUriComplete: verification_uri_complete,
        expiresAt: new Date(now() + expires_in * 1000).toISOString(),
      });
      return device;
    });
  });
}

/**
 * Logs a demo user in, on a loopback gateway with the demo provider only: the real device flow, confirmed over HTTP as a
 * browser would. The demo machine gets its secret from the provider and logs in by client credentials.
 */
export function loginAs(options: LoginOptions & { readonly user: string }): Promise<LoginResult> {
  return logIn(options, async (info, now) => {
    if (!info.demo || !isLoopbackUrl(info.issuer) || !isLoopbackUrl(options.gateway)) {
      throw new SluiceError(
        'usage',
        'Logging in as a demo user works only with the demo identity provider on this machine',
        {
          decider: 'local',
          next: [{ command: `sluice login ${options.gateway}`, when: 'to log in as yourself' }],
        },
      );
    }
    const secret = await machineSecret(options, info, options.user);
    if (secret !== null) return machineLogin(options, info, { clientId: options.user, clientSecret: secret }, now);
    return deviceLogin(options, info, now, async ({ device }) => {
      const { verification_uri_complete: uri } = device;
      if (uri === undefined) throw new SluiceError('protocol', 'The demo provider gave no link to confirm');
      const { signal } = options;
      await confirmDeviceCode({
        verificationUriComplete: uri,
        user: options.user,
        ...(signal === undefined ? {} : { signal }),
      });
      return { ...device, interval: 0.01 }; // confirmed already: no need to wait before asking
    });
  });
}

export interface MachineCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** Logs a machine in by its own credentials (RFC 6749 4.4). A rejection is final: nothing else is tried. */
export function loginAsMachine(options: LoginOptions & MachineCredentials): Promise<LoginResult> {
  return logIn(options, (info, now) => machineLogin(options, info, options, now));
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
async function logIn(
  options: LoginOptions,
  obtain: (info: LoginInfo, now: () => number) => Promise<StoredLogin>,
): Promise<LoginResult> {
  const now = options.now ?? Date.now;
  const gateway = parseGatewayUrl(options.gateway);
  const profiles = new Profiles(options.environment.configDir);
  const call = options.signal === undefined ? {} : { signal: options.signal };
  const info = await new SluiceClient({ gateway, transport: options.transport, tokens: null }).loginInfo(call);
  const store = await openCredentialStore({
    choice: options.environment.credentialStore,
    configDir: options.environment.configDir,
    ...(options.loadKeyring === undefined ? {} : { loadKeyring: options.loadKeyring }),
  });
  const login = await obtain(info, now);
  const tokens = { get: async () => login.accessToken, renew: async () => null };
  const who = await new SluiceClient({ gateway, transport: options.transport, tokens }).whoami(call);
  const expiresAt = login.expiresAt === 0 ? Date.parse(who.expires_at) : login.expiresAt;
  await keep({ store, profiles, who }, options.profile, { ...login, gateway, expiresAt });
  return {
    profile: options.profile,
    gateway,
    name: who.name,
    kind: who.kind,
    groups: who.groups,
    expiresAt: new Date(expiresAt).toISOString(),
    storedIn: store.kind,
    note: store.note,
  };
}

interface Keeper {
  readonly store: CredentialStore;
  readonly profiles: Profiles;
  readonly who: Whoami;
}

async function keep({ store, profiles, who }: Keeper, profile: string, login: StoredLogin): Promise<void> {
  await store.write(profile, login);
  profiles.save({ name: profile, gateway: login.gateway, user: who.name, credentials: store.kind });
}

function baseOf(options: LoginOptions, info: LoginInfo): Omit<StoredLogin, 'accessToken' | 'expiresAt'> {
  return {
    gateway: options.gateway,
    issuer: info.issuer,
    clientId: info.client_id,
    audience: info.audience,
    refreshToken: null,
    clientSecret: null,
  };
}

type Confirm = (pending: {
  readonly device: DeviceAuthorizationResponse;
  readonly configuration: Configuration;
}) => Promise<DeviceAuthorizationResponse>;

async function deviceLogin(
  options: LoginOptions,
  info: LoginInfo,
  now: () => number,
  confirm: Confirm,
): Promise<StoredLogin> {
  const base = baseOf(options, info);
  const configuration = await discover(base, options.transport, options.signal);
  const oidc = await import('openid-client');
  const tokens = await within(info.issuer, async () => {
    const scope = info.scopes.join(' ');
    const device = await oidc.initiateDeviceAuthorization(configuration, { scope, resource: info.audience });
    const pending = await confirm({ device, configuration });
    const poll = options.signal === undefined ? {} : { signal: options.signal };
    return oidc.pollDeviceAuthorizationGrant(configuration, pending, { resource: info.audience }, poll);
  }).catch((error: unknown) => {
    options.signal?.throwIfAborted();
    throw error;
  });
  return loginFrom(tokens, base, now());
}

async function machineLogin(
  options: LoginOptions,
  info: LoginInfo,
  { clientId, clientSecret }: MachineCredentials,
  now: () => number,
): Promise<StoredLogin> {
  const base = { ...baseOf(options, info), clientId, clientSecret };
  const configuration = await discover(base, options.transport, options.signal);
  const oidc = await import('openid-client');
  const tokens = await within(info.issuer, () =>
    oidc.clientCredentialsGrant(configuration, { resource: info.audience }),
  );
  return loginFrom(tokens, base, now());
}

/** The demo machine's secret, or null when `user` is not that machine. */
async function machineSecret(
  { transport, signal }: LoginOptions,
  info: LoginInfo,
  user: string,
): Promise<string | null> {
  const answer = await transport.send({ method: 'GET', url: `${info.issuer}/demo/robot`, signal });
  const document = answer.status === 200 ? parseObject(answer.body.toString('utf8')) : null;
  const secret = document?.['client_secret'];
  return document?.['client_id'] === user && typeof secret === 'string' ? secret : null;
}
