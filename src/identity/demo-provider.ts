import type { IncomingMessage, ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import type { JSONWebKeySet, JWK } from 'jose';
import type * as OidcProvider from 'oidc-provider';
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { SluiceError } from '../lib/errors.js';
import { createDemoAdapter } from './demo-adapter.js';
import { answerInteraction } from './demo-interaction.js';
import { codePage, confirmPage, donePage, errorPage, type DemoUser } from './demo-pages.js';
import { generateDemoKeys, loadDemoKeys, type DemoKeys } from './demo-state.js';
import { isLoopbackHostname, refuseUnlessLoopback } from './loopback.js';

export const demoClientId = 'sluice-cli';
export const demoMachine = { id: 'robot', groups: ['machines'] } as const satisfies DemoUser;
export const demoUsers: readonly DemoUser[] = [
  { id: 'engineer', groups: ['engineers'] },
  { id: 'reviewer', groups: ['dba', 'reviewers'] },
  { id: 'reviewer2', groups: ['dba', 'reviewers'] },
];
const scope = 'openid profile email groups offline_access';

export interface DemoProviderOptions {
  /** `<gateway>/idp`, on loopback. Its path is where the provider is mounted. */
  readonly issuer: string;
  /** Audience of the access tokens: the gateway's public URL. */
  readonly audience: string;
  /** Keeps keys and refresh tokens, so that a restart logs nobody out. Null keeps all in memory. */
  readonly stateDir: string | null;
  readonly keys?: DemoKeys;
  readonly ttlSeconds?: { readonly accessToken?: number; readonly deviceCode?: number; readonly refreshToken?: number };
}

export interface DemoProvider {
  readonly issuer: string;
  /** Public keys, for a verifier in the same process. */
  readonly jwks: JSONWebKeySet;
  /** Answers every path under the issuer's, unstripped. Needs the raw request: nothing may have read its body. */
  readonly callback: (request: IncomingMessage, response: ServerResponse) => void;
}

/**
 * A real OpenID provider for demos and tests: device flow, loopback PKCE, client credentials, refresh, revocation. Its users
 * have no passwords, so it answers only requests from this machine to a host name of this machine. `GET <issuer>/demo/robot`
 * gives the machine client's credentials on the same terms: whoever can ask could log in as anybody here anyway.
 */
export async function createDemoProvider(options: DemoProviderOptions): Promise<DemoProvider> {
  const issuer = new URL(options.issuer);
  if (!isLoopbackHostname(issuer.hostname)) {
    throw new SluiceError('config_invalid', 'The demo identity provider works on loopback only', {
      decider: 'gateway',
    });
  }
  const keys =
    options.keys ?? (options.stateDir === null ? await generateDemoKeys() : await loadDemoKeys(options.stateDir));
  const { Provider, interactionPolicy } = await importProvider();
  const policy = interactionPolicy.base();
  policy
    .get('login')
    ?.checks.add(
      new interactionPolicy.Check(
        'always_ask',
        'every login asks who it is',
        (ctx) => ctx.oidc.result?.login === undefined,
      ),
    );
  const provider = new Provider(options.issuer, {
    ...configure(options, keys),
    interactions: { policy, url: interactionUrl(issuer) },
  });
  // RFC 8628 3.2: a demo need not make anybody wait the default five seconds.
  provider.use(async (ctx, next) => {
    await next();
    const body: unknown = ctx.body;
    if (typeof body === 'object' && body !== null && 'device_code' in body) ctx.body = { ...body, interval: 1 };
  });
  const answer = provider.callback();
  const mount = issuer.pathname.replace(/\/$/, '');
  return {
    issuer: options.issuer,
    jwks: { keys: keys.jwks.keys.map(publicPart) },
    callback(request, response) {
      const refusal = refuseUnlessLoopback(request);
      const path = new URL(request.url ?? '/', 'http://localhost').pathname;
      if (refusal !== null) return sendJson(response, 403, { error: 'access_denied', error_description: refusal });
      if (path === `${mount}/demo/robot`) return sendRobot(request, response, keys.robotSecret);
      if (path.startsWith(`${mount}/interaction/`)) {
        answerInteraction(request, response, { provider, users: demoUsers, scope, resource: options.audience }).catch(
          () => response.destroy(),
        );
        return;
      }
      if (mount !== '' && path.startsWith(`${mount}/`)) {
        // The library routes on the path below its mount, and learns the mount by comparing the two, as under Express.
        const unstripped = request.url ?? '/';
        Object.assign(request, { originalUrl: unstripped, url: unstripped.slice(mount.length) });
      }
      void answer(request, response);
    },
  };
}

function configure(options: DemoProviderOptions, keys: DemoKeys): Configuration {
  const ttl = { accessToken: 600, deviceCode: 600, refreshToken: 14 * 86_400, ...options.ttlSeconds };
  const path = new URL(options.issuer).pathname;
  return {
    adapter: createDemoAdapter(options.stateDir),
    jwks: { keys: keys.jwks.keys.map((key) => ({ ...key })) },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    clients: [
      {
        client_id: demoClientId,
        client_name: 'Sluice command line',
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        response_types: ['code'],
        redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'], // any port: RFC 8252 7.3
        scope,
      },
      {
        client_id: demoMachine.id,
        client_secret: keys.robotSecret,
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      },
    ],
    scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username'],
      groups: ['groups'],
    },
    cookies: { keys: [...keys.cookieKeys], long: { path }, short: { path } },
    ttl: {
      AccessToken: ttl.accessToken,
      ClientCredentials: ttl.accessToken,
      DeviceCode: ttl.deviceCode,
      RefreshToken: ttl.refreshToken,
      Grant: ttl.refreshToken,
      IdToken: 600,
      Interaction: 600,
      Session: 600,
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => options.audience,
        useGrantedResource: () => true,
        async getResourceServerInfo(_ctx, resource) {
          if (resource !== options.audience) throw await invalidTarget();
          return {
            scope,
            audience: options.audience,
            accessTokenTTL: ttl.accessToken,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'ES256' } },
          };
        },
      },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (ctx, form, _out, error) =>
          void (ctx.body = codePage(form, error === undefined ? null : problemOf(error))),
        userCodeConfirmSource(ctx, form, _client, device, userCode) {
          ctx.body = confirmPage(
            form,
            userCode,
            typeof device['ua'] === 'string' && device['ua'] !== '' ? device['ua'] : hostname(),
          );
        },
        successSource: (ctx) => void (ctx.body = donePage()),
      },
    },
    extraTokenClaims: (_ctx, token) =>
      token.kind === 'AccessToken' ? claimsOf(token.accountId) : { groups: [...demoMachine.groups] },
    findAccount: (_ctx, id) =>
      demoUsers.some((user) => user.id === id)
        ? { accountId: id, claims: () => ({ sub: id, ...claimsOf(id) }) }
        : undefined,
    renderError: (ctx: KoaContextWithOIDC, out) =>
      void ((ctx.type = 'html'), (ctx.body = errorPage(out.error_description ?? out.error))),
  };
}

function claimsOf(id: string): Record<string, string | boolean | string[]> {
  const groups = demoUsers.find((user) => user.id === id)?.groups ?? [];
  return { email: `${id}@demo.example`, email_verified: true, name: id, preferred_username: id, groups: [...groups] };
}

function problemOf(error: Error & { readonly userCode?: string | undefined }): string {
  if (error.name === 'AbortedError') return 'The login was refused.';
  if (error.name === 'ExpiredError') return 'This code has expired. Start the login again.';
  if (error.name === 'AlreadyUsedError') return 'This code has been used already.';
  return error.name === 'NotFoundError' || error.name === 'NoCodeError'
    ? 'There is no such code. Check it and try again.'
    : 'The login failed. Start it again.';
}

function interactionUrl(issuer: URL): (ctx: KoaContextWithOIDC, interaction: { readonly uid: string }) => string {
  return (_ctx, interaction) => `${issuer.href.replace(/\/$/, '')}/interaction/${interaction.uid}`;
}

async function invalidTarget(): Promise<Error> {
  const { errors } = await importProvider();
  return new errors.InvalidTarget('tokens are issued for this gateway only');
}

/** The library warns on the console, on import, about every Node release but its author's favourite. */
async function importProvider(): Promise<typeof OidcProvider> {
  // oxlint-disable no-console
  const { warn } = console;
  console.warn = () => undefined;
  try {
    return await import('oidc-provider');
  } finally {
    console.warn = warn;
  }
  // oxlint-enable no-console
}

function publicPart({ kty, crv, x, y, kid, use, alg }: JWK): JWK {
  return JSON.parse(JSON.stringify({ kty, crv, x, y, kid, use, alg })) as JWK;
}

function sendRobot(request: IncomingMessage, response: ServerResponse, secret: string): void {
  // A page in a browser on this machine could send the request, though not read the answer; it has no business here.
  const site = request.headers['sec-fetch-site'];
  if (request.method !== 'GET' || request.headers.origin !== undefined || (site !== undefined && site !== 'none')) {
    return sendJson(response, 403, { error: 'access_denied', error_description: 'not for browsers' });
  }
  sendJson(response, 200, { client_id: demoMachine.id, client_secret: secret });
}

function sendJson(response: ServerResponse, status: number, body: Readonly<Record<string, string>>): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
