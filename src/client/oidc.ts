import { hostname } from 'node:os';
import type { ClientAuth, Configuration, CustomFetch, FetchBody, TokenEndpointResponse } from 'openid-client';
import { messageOf, SluiceError } from '../lib/errors.js';
import { isLoopbackUrl } from './gateway-url.js';
import type { StoredLogin } from './stored-login.js';
import type { Transport } from './transport.js';

/** One client at one provider. */
export interface OidcClient {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string | null;
  readonly clientKeyFile: string | null;
}

/** Below this a difference of clocks is none: the Date header has whole seconds, and the way takes a moment. */
const clockDifferenceSeconds = 5;

/** Finds the provider's endpoints (OpenID Connect Discovery 1.0) through our own transport. */
export async function discover(client: OidcClient, transport: Transport, signal?: AbortSignal): Promise<Configuration> {
  const oidc = await import('openid-client');
  const server = new URL(client.issuer);
  if (server.protocol !== 'https:' && !isLoopbackUrl(client.issuer)) {
    throw new SluiceError('config_invalid', `The identity provider ${client.issuer} must use https`, {
      decider: 'gateway',
    });
  }
  // The provider's page shows this name, so that the person sees which machine asks.
  const agent = `sluice (${hostname().replace(/[^\x20-\x7e]/g, '?')})`;
  let skew = 0;
  const fetch: CustomFetch = async (url, init) => {
    const signals = [init.signal, signal].filter((item) => item !== undefined && item !== null);
    const response = await transport.fetch(url, {
      method: init.method,
      headers: { ...init.headers, 'user-agent': agent },
      body: formOf(init.body),
      signal: AbortSignal.any(signals),
    });
    skew = clockDifference(response.headers.get('date'));
    return response;
  };
  const authentication = await authenticationOf(client);
  const insecure = server.protocol === 'http:' ? [oidc.allowInsecureRequests] : [];
  const options = { execute: insecure, [oidc.customFetch]: fetch };
  const found = await within(client.issuer, () =>
    oidc.discovery(server, client.clientId, undefined, authentication, options),
  );
  if (skew === 0) return found;
  // This machine's clock is wrong, and times in tokens and assertions would be judged by it: the provider's clock counts.
  const configuration = new oidc.Configuration(
    found.serverMetadata(),
    client.clientId,
    { [oidc.clockSkew]: skew },
    authentication,
  );
  configuration[oidc.customFetch] = fetch;
  if (insecure.length > 0) oidc.allowInsecureRequests(configuration);
  return configuration;
}

/** Seconds by which the provider's clock is ahead of ours; 0 when they agree, or when it does not say. */
function clockDifference(date: string | null): number {
  const seconds = Math.round((Date.parse(date ?? '') - Date.now()) / 1000);
  return Number.isFinite(seconds) && Math.abs(seconds) > clockDifferenceSeconds ? seconds : 0;
}

async function authenticationOf({ clientSecret, clientKeyFile }: OidcClient): Promise<ClientAuth> {
  const oidc = await import('openid-client');
  if (clientKeyFile !== null) {
    const { readClientKey } = await import('./client-key.js');
    return oidc.PrivateKeyJwt(await readClientKey(clientKeyFile));
  }
  return clientSecret === null ? oidc.None() : oidc.ClientSecretBasic(clientSecret);
}

/** OAuth requests carry forms; nothing else is sent. */
function formOf(body: FetchBody): string | null {
  return typeof body === 'string' ? body : body instanceof URLSearchParams ? body.toString() : null;
}

/** Runs a call to the provider; whatever fails comes out as the one error type. `grant` is what the call spends. */
export async function within<T>(issuer: string, call: () => Promise<T>, grant: 'login' | 'code' = 'login'): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw explain(error, issuer, grant);
  }
}

/** OAuth's error codes (RFC 6749 5.2, RFC 8628 3.5) in our words. */
function explain(error: unknown, issuer: string, grant: 'login' | 'code'): SluiceError {
  const inner = causeOf(error);
  if (inner?.code === 'gateway_unreachable' || inner?.code === 'timeout') {
    return new SluiceError('unavailable', `The identity provider cannot be reached: ${inner.message}`, {
      decider: 'identity-provider',
      retryable: true,
      cause: error,
    });
  }
  if (inner !== null) return inner;
  const refused = (message: string): SluiceError =>
    new SluiceError('login_required', message, {
      decider: 'identity-provider',
      next: [{ command: 'sluice login', when: 'to log in again' }],
      cause: error,
    });
  const { code, description } = oauthError(error);
  switch (code) {
    case 'access_denied':
      return refused('The login was refused');
    case 'expired_token':
      return refused('The code expired before it was confirmed');
    case 'invalid_grant':
      return refused(
        grant === 'code' ? 'The code has expired or was used already' : 'The login has expired or was revoked',
      );
    case 'invalid_client':
    case 'unauthorized_client':
      return refused('The identity provider rejected the client’s credentials');
    case 'invalid_target':
      return refused('The identity provider issues no tokens for this gateway');
    case null:
      return new SluiceError('unavailable', `The identity provider ${issuer} failed: ${messageOf(error)}`, {
        decider: 'identity-provider',
        retryable: true,
        cause: error,
      });
    default:
      return refused(`The identity provider refused: ${description ?? code}`);
  }
}

function causeOf(error: unknown): SluiceError | null {
  for (let at = error, depth = 0; depth < 5; depth += 1) {
    if (at instanceof SluiceError) return at;
    if (!(at instanceof Error)) return null;
    if (at.name === 'TimeoutError') return new SluiceError('timeout', 'it did not answer in time');
    at = at.cause;
  }
  return null;
}

function oauthError(error: unknown): { readonly code: string | null; readonly description: string | null } {
  const none = { code: null, description: null };
  if (!(error instanceof Error)) return none;
  // A 401 answers in a header as well as in the body; the library then gives the header's challenges as the cause.
  if ('status' in error && error.status === 401) return { code: 'invalid_client', description: null };
  if (!('error' in error) || typeof error.error !== 'string') return none;
  const described = 'error_description' in error && typeof error.error_description === 'string';
  return { code: error.error, description: described ? String(error.error_description) : null };
}

/** What is kept of a token response (RFC 6749 5.1). A refresh that brings no new refresh token leaves the old one valid. */
export function loginFrom(
  tokens: TokenEndpointResponse,
  base: Omit<StoredLogin, 'accessToken' | 'expiresAt'>,
  now: number,
): StoredLogin {
  return {
    ...base,
    accessToken: tokens.access_token,
    expiresAt: now + (tokens.expires_in ?? 300) * 1000,
    refreshToken: tokens.refresh_token ?? base.refreshToken,
  };
}
