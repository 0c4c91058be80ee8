import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importJWK, SignJWT } from 'jose';
import { pino } from 'pino';
import { type GatewayOptions, type RunningGateway, startGateway } from '../../src/gateway/app.js';
import { type Bootstrap, bootstrapSchema } from '../../src/gateway/config.js';
import { demoMachine, demoUsers } from '../../src/identity/demo-provider.js';
import { loadDemoKeys } from '../../src/identity/demo-state.js';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { messageOf } from '../../src/lib/errors.js';
import { tryPort } from '../../src/quickstart/ports.js';

export type Role = 'engineer' | 'reviewer' | 'reviewer2' | 'robot';

export interface TokenClaims {
  readonly audience?: string;
  readonly issuer?: string;
  readonly expiresInSeconds?: number;
  readonly email?: string;
  /** In place of the demo user's own. */
  readonly groups?: readonly string[];
  /** When it was signed, from now on. */
  readonly issuedInSeconds?: number;
}

/** A whole gateway with the demo identity and the starter bundle, in a directory of its own. */
export interface GatewayUnderTest {
  readonly gateway: RunningGateway;
  readonly url: string;
  readonly stateDir: string;
  /** A token as the demo provider signs them, for the matrix of roles; the real login is tested elsewhere. */
  token(role: Role, claims?: TokenClaims): Promise<string>;
  call(method: string, path: string, options?: CallOptions): Promise<ApiAnswer>;
  /** Ends the gateway and starts it again on the same state. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface CallOptions {
  readonly as?: Role;
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed document; throws when the answer is none. */
  readonly document: Readonly<Record<string, unknown>>;
}

export async function startTestGateway(
  options: GatewayOptions & {
    readonly pgPort?: number;
    readonly bundle?: ReadonlyMap<string, string>;
    readonly bootstrap?: Partial<Bootstrap>;
  } = {},
): Promise<GatewayUnderTest> {
  const { pgPort = 1, bundle, bootstrap: more, ...rest } = options;
  const stateDir = await mkdtemp(join(tmpdir(), 'sluice-gateway-'));
  const startAt = (url: string): Promise<RunningGateway> => {
    const bootstrap: Bootstrap = {
      ...bootstrapSchema.parse({
        listen: { host: '127.0.0.1', port: Number(new URL(url).port) },
        publicUrl: url,
        stateDir,
        issuers: [{ url: `${url}/idp`, audience: url, clientId: 'sluice-cli' }],
        demoIdentity: true,
      }),
      ...more,
    };
    return startGateway(bootstrap, { log: pino({ level: 'silent' }), ...rest });
  };
  let url = '';
  let started: RunningGateway | null = null;
  while (started === null) {
    url = `http://127.0.0.1:${(await tryPort(0)) ?? 0}`;
    started = await startAt(url).catch((error: unknown) => {
      // Its address is part of its configuration, so the port is chosen first; somebody else may be quicker to take it.
      if (/the port is in use/.test(messageOf(error))) return null;
      throw error;
    });
  }
  let gateway = started;
  gateway.applyBundle(bundle ?? starterBundle({ pgPort }), 'for a test');

  const token: GatewayUnderTest['token'] = async (role, claims = {}) => {
    const { jwks } = await loadDemoKeys(join(stateDir, 'identity'));
    const [jwk] = jwks.keys;
    if (jwk?.kid === undefined) throw new Error('the demo provider has no key');
    const user = [...demoUsers, demoMachine].find(({ id }) => id === role);
    const own =
      role === 'robot'
        ? { client_id: 'robot' }
        : { client_id: 'sluice-cli', email: claims.email ?? `${role}@demo.example`, scope: 'openid' };
    return new SignJWT({ ...own, groups: [...(claims.groups ?? user?.groups ?? [])] })
      .setProtectedHeader({ alg: 'ES256', kid: jwk.kid, typ: 'at+jwt' })
      .setIssuer(claims.issuer ?? `${url}/idp`)
      .setAudience(claims.audience ?? url)
      .setSubject(role)
      .setIssuedAt(Math.floor(Date.now() / 1000) + (claims.issuedInSeconds ?? 0))
      .setExpirationTime(Math.floor(Date.now() / 1000) + (claims.expiresInSeconds ?? 600))
      .sign(await importJWK(jwk, 'ES256'));
  };
  return {
    get gateway() {
      return gateway;
    },
    url,
    stateDir,
    token,
    async call(method, path, call = {}) {
      const bearer = call.token ?? (call.as === undefined ? null : await token(call.as));
      const response = await fetch(`${url}${path}`, {
        method,
        redirect: 'manual',
        headers: {
          ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
          ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...call.headers,
        },
        ...(call.body === undefined
          ? {}
          : { body: typeof call.body === 'string' ? call.body : JSON.stringify(call.body) }),
        ...(call.signal === undefined ? {} : { signal: call.signal }),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        text,
        get document() {
          return JSON.parse(text) as Record<string, unknown>;
        },
      };
    },
    async restart() {
      await gateway.close({ graceMs: 1_000 });
      gateway = await startAt(url);
    },
    async stop() {
      await gateway.close({ graceMs: 1_000 });
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
