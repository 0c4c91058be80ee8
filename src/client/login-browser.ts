import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SluiceError } from '../lib/errors.js';
import type { LoginInfo } from './api-types.js';
import { baseOf, orAborted, type LoginOptions } from './login.js';
import { discover, loginFrom, within } from './oidc.js';
import type { StoredLogin } from './stored-login.js';
import { abortable } from './tokens.js';

/** How long a person may take in the browser. */
const limitMs = 5 * 60_000;
const callbackPath = '/callback';

/** The gateway's administrators may want the device login only, for machines without a browser of their own. */
function requireBrowser(info: LoginInfo): void {
  if (info.browser) return;
  throw new SluiceError('denied', 'This gateway does not permit the login in a browser', {
    decider: 'gateway',
    next: [{ command: 'sluice login --device', when: 'to confirm a code instead' }],
  });
}

/**
 * Logs a person in by their browser: authorization code with PKCE, answered to a port of this machine (RFC 8252 7.3). The
 * code is worth nothing without the verifier, and only an answer with our own state is taken.
 */
export async function browserLogin(
  options: LoginOptions & { readonly onUrl: (url: string) => void },
  info: LoginInfo,
  now: () => number,
): Promise<StoredLogin> {
  requireBrowser(info);
  const base = baseOf(options, info);
  const late = AbortSignal.timeout(limitMs);
  const signal = options.signal === undefined ? late : AbortSignal.any([late, options.signal]);
  const configuration = await discover(base, options.transport, options.signal);
  const oidc = await import('openid-client');
  const [state, verifier] = [oidc.randomState(), oidc.randomPKCECodeVerifier()];
  const callback = await Callback.listen(state);
  try {
    const url = oidc.buildAuthorizationUrl(configuration, {
      redirect_uri: callback.uri,
      scope: info.scopes.join(' '),
      resource: info.audience,
      state,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(info.scopes.includes('offline_access') ? { prompt: 'consent' } : {}), // OpenID Connect Core 11
    });
    options.onUrl(url.href);
    const answer = await abortable(callback.answered, signal);
    const checks = { expectedState: state, pkceCodeVerifier: verifier };
    const parameters = { resource: info.audience };
    const tokens = await within(
      info.issuer,
      () => oidc.authorizationCodeGrant(configuration, answer, checks, parameters),
      'code',
    );
    return loginFrom(tokens, base, now());
  } catch (error) {
    if (late.aborted) {
      throw new SluiceError('timeout', `Nobody logged in within ${limitMs / 60_000} minutes`, { decider: 'local' });
    }
    return orAborted(options.signal, error);
  } finally {
    callback.close();
  }
}

/** A server on loopback that takes one answer: the first that carries the state. */
class Callback {
  readonly uri: string;
  readonly answered: Promise<URL>;
  readonly #server: Server;

  private constructor(server: Server, port: number, answered: Promise<URL>) {
    this.#server = server;
    this.uri = `http://127.0.0.1:${port}${callbackPath}`;
    this.answered = answered;
  }

  static async listen(state: string): Promise<Callback> {
    let take: (url: URL) => void = () => undefined;
    const answered = new Promise<URL>((resolve) => (take = resolve));
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    server.on('request', (request, response) => {
      const url = answerOf(request, { port, state });
      respond(response, url);
      if (url !== null) take(url);
    });
    return new Callback(server, port, answered);
  }

  close(): void {
    this.#server.close();
    this.#server.closeIdleConnections();
  }
}

/** The answer in a request, or null: another page of this machine may ask too, and guesses no state. */
function answerOf(
  request: IncomingMessage,
  { port, state }: { readonly port: number; readonly state: string },
): URL | null {
  if (request.method !== 'GET' || request.headers.host !== `127.0.0.1:${port}`) return null;
  const url = URL.canParse(request.url ?? '', `http://127.0.0.1:${port}`)
    ? new URL(request.url ?? '', `http://127.0.0.1:${port}`)
    : null;
  return url?.pathname === callbackPath && url.searchParams.get('state') === state ? url : null;
}

function respond(response: ServerResponse, url: URL | null): void {
  const failed = url === null || url.searchParams.has('error');
  const text = failed ? 'The login did not succeed.' : 'You are logged in.';
  response.writeHead(url === null ? 400 : 200, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'",
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    connection: 'close',
  });
  response.end(
    `<!doctype html><title>Sluice</title><p>${text} You can close this page and go back to the terminal.</p>`,
  );
}
