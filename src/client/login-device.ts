import type { DeviceAuthorizationResponse, TokenEndpointResponse } from 'openid-client';
import { isSluiceError, SluiceError } from '../lib/errors.js';
import type { LoginInfo } from './api-types.js';
import {
  baseOf,
  finishLogin,
  orAborted,
  prepareLogin,
  type LoginBase,
  type LoginOptions,
  type LoginResult,
} from './login.js';
import { discover, loginFrom, within } from './oidc.js';
import { PendingLogins, type PendingLogin } from './pending-logins.js';
import type { StoredLogin } from './stored-login.js';

/** What a person must do to finish a device login (RFC 8628 3.3). */
export interface DevicePrompt {
  readonly userCode: string;
  readonly verificationUri: string;
  readonly verificationUriComplete: string | null;
  readonly expiresAt: string;
}

/** The gateway's administrators may want every login to be in a browser on the same machine: codes can be phished. */
function requireDevice(info: LoginInfo): void {
  if (info.device) return;
  throw new SluiceError('denied', 'This gateway does not permit the device login', {
    decider: 'gateway',
    next: [{ command: 'sluice login --browser', when: 'on a machine with a browser' }],
  });
}

/** Asks for a code, has it confirmed, and fetches the login. */
export async function deviceLogin(
  options: LoginOptions,
  info: LoginInfo,
  now: () => number,
  confirm: (device: DeviceAuthorizationResponse, prompt: DevicePrompt) => Promise<DeviceAuthorizationResponse>,
): Promise<StoredLogin> {
  requireDevice(info);
  const base = baseOf(options, info);
  const device = await requestCode(options, info, base);
  const tokens = await poll(options, base, await confirm(device, promptOf(device, now())), options.signal);
  return loginFrom(tokens, base, now());
}

/** The first of two steps: asks for a code and keeps what is needed to fetch the login later, in this process or another. */
export async function startDeviceLogin(
  options: LoginOptions,
): Promise<{ readonly pending: PendingLogin; readonly prompt: DevicePrompt; readonly note: string | null }> {
  const now = (options.now ?? Date.now)();
  const { info, store } = await prepareLogin(options);
  requireDevice(info);
  const base = baseOf(options, info);
  const device = await requestCode(options, info, base);
  const prompt = promptOf(device, now);
  const pending = new PendingLogins(options.environment.stateDir).add({
    profile: options.profile,
    gateway: options.gateway,
    issuer: base.issuer,
    clientId: base.clientId,
    audience: base.audience,
    deviceCode: device.device_code,
    intervalSeconds: device.interval ?? 5, // RFC 8628 3.2
    expiresAt: Date.parse(prompt.expiresAt),
  });
  return { pending, prompt, note: store.note };
}

/** The second step: waits for the person, `limitMs` at most. A login that is refused or expired is forgotten. */
export async function completeDeviceLogin(
  options: Omit<LoginOptions, 'gateway' | 'profile'> & { readonly handle: string; readonly limitMs: number },
): Promise<LoginResult> {
  const { handle, limitMs, environment } = options;
  const logins = new PendingLogins(environment.stateDir);
  const pending = logins.get(handle);
  const again = `sluice login ${pending.gateway} --non-interactive`;
  const whole = { ...options, gateway: pending.gateway, profile: pending.profile };
  const { store } = await prepareLogin(whole);
  const base: LoginBase = {
    ...pending,
    refreshToken: null,
    clientSecret: null,
    clientKeyFile: null,
    identityTokenFile: null,
  };
  const late = new AbortController();
  const timer = setTimeout(
    () =>
      late.abort(
        new SluiceError('timeout', 'Nobody has confirmed the code yet', {
          decider: 'identity-provider',
          retryable: true,
          expiresAt: new Date(pending.expiresAt).toISOString(),
          next: [{ command: `sluice login --complete ${handle}`, when: 'to wait on' }],
        }),
      ),
    limitMs,
  );
  try {
    const signal = AbortSignal.any([late.signal, ...(options.signal === undefined ? [] : [options.signal])]);
    const now = options.now ?? Date.now;
    const device = {
      device_code: pending.deviceCode,
      user_code: '',
      verification_uri: pending.issuer,
      expires_in: Math.max(1, Math.ceil((pending.expiresAt - now()) / 1000)),
      interval: pending.intervalSeconds,
    };
    const tokens = await poll(whole, base, device, signal);
    const result = await finishLogin(whole, store, loginFrom(tokens, storedBase(base), now()));
    logins.remove(handle);
    return result;
  } catch (error) {
    if (!isSluiceError(error, 'login_required')) throw error;
    logins.remove(handle);
    const next = [{ command: again, when: 'to start again' }];
    throw new SluiceError(error.code, error.message, { ...error.details, next, cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Only what a stored login has: a pending one carries its code. */
function storedBase(base: LoginBase): LoginBase {
  const { gateway, issuer, clientId, audience, refreshToken, clientSecret, clientKeyFile, identityTokenFile } = base;
  return { gateway, issuer, clientId, audience, refreshToken, clientSecret, clientKeyFile, identityTokenFile };
}

async function requestCode(
  { transport, signal }: LoginOptions,
  info: LoginInfo,
  base: LoginBase,
): Promise<DeviceAuthorizationResponse> {
  const configuration = await discover(base, transport, signal).catch((error: unknown) => orAborted(signal, error));
  const oidc = await import('openid-client');
  const parameters = { scope: info.scopes.join(' '), resource: info.audience };
  return within(info.issuer, () => oidc.initiateDeviceAuthorization(configuration, parameters)).catch(
    (error: unknown) => orAborted(signal, error),
  );
}

async function poll(
  { transport }: LoginOptions,
  base: LoginBase,
  device: DeviceAuthorizationResponse,
  signal: AbortSignal | undefined,
): Promise<TokenEndpointResponse> {
  try {
    const configuration = await discover(base, transport, signal);
    const oidc = await import('openid-client');
    const options = signal === undefined ? {} : { signal };
    // A little longer than the code is good for: the provider says that it expired, where the library would only give up.
    const patient = { ...device, expires_in: device.expires_in + 2 * (device.interval ?? 5) };
    return await within(
      base.issuer,
      () => oidc.pollDeviceAuthorizationGrant(configuration, patient, { resource: base.audience }, options),
      'code',
    );
  } catch (error) {
    return orAborted(signal, error);
  }
}

function promptOf(device: DeviceAuthorizationResponse, now: number): DevicePrompt {
  const { user_code, verification_uri, verification_uri_complete = null, expires_in } = device;
  return {
    userCode: user_code,
    verificationUri: verification_uri,
    verificationUriComplete: verification_uri_complete,
    expiresAt: new Date(now + expires_in * 1000).toISOString(),
  };
}
