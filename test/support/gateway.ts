import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { removePostgres } from '../../src/quickstart/postgres.js';
import { shopDatabase } from '../../src/quickstart/seed.js';
import { smallShop } from '../../src/quickstart/shop-rows.js';
import { startStack } from '../../src/quickstart/stack.js';
import { demoToken, type DemoUserName } from './demo-tokens.js';
import { chosenMajor, type TestPostgresOptions } from './postgres.js';

/** Tokens are good for ten minutes, which a file of tests may outlast. */
const freshMs = 5 * 60_000;

/** A whole gateway with the demo's identities, its starter bundle and a small shop in a real PostgreSQL. */
export interface TestGateway {
  readonly url: string;
  readonly stateDir: string;
  /** An access token, got the way a client gets it; good for five minutes at least. */
  token(user: DemoUserName): Promise<string>;
  /** An API call with the user's token; the parsed document and the HTTP status. */
  call(user: DemoUserName, method: string, path: string, body?: unknown): Promise<ApiAnswer>;
  /** A GET as this user, whatever the answer's form. */
  text(user: DemoUserName, path: string): Promise<string>;
  /** The password of the gateway's role on the target, for tests that look for it where it must not be. */
  targetSecret(): Promise<string>;
  /** Asks the shop's database itself, past the gateway, as superuser. */
  direct(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** Where PostgreSQL listens, for tests that need to disturb it. */
  readonly postgresPort: number;
  stop(): Promise<void>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Starts one (about three seconds), on the major named as for `startPostgres`; `stop` leaves nothing behind. */
export async function startTestGateway(options: Pick<TestPostgresOptions, 'major'> = {}): Promise<TestGateway> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-test-gw-'));
  const stateDir = join(dir, 'state');
  const remove = async (): Promise<void> => {
    await removePostgres(join(stateDir, 'postgres')).catch(() => undefined);
    await rm(dir, { recursive: true, force: true });
  };
  const env = { ...process.env, SLUICE_LOG_LEVEL: 'warn' };
  const shop = { size: smallShop, lasting: false, major: options.major ?? chosenMajor() };
  const stack = await startStack({ stateDir, port: 0, env, shop }).catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  const { postgres, url } = stack;
  const tokens = new Map<DemoUserName, { readonly at: number; readonly token: Promise<string> }>();
  const token = (user: DemoUserName): Promise<string> => {
    const known = tokens.get(user);
    if (known !== undefined && performance.now() - known.at < freshMs) return known.token;
    const got = demoToken(url, user);
    tokens.set(user, { at: performance.now(), token: got });
    return got;
  };
  return {
    url,
    stateDir,
    token,
    async call(user, method, path, body) {
      const response = await fetch(new URL(path, url), {
        method,
        headers: {
          authorization: `Bearer ${await token(user)}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
    },
    async text(user, path) {
      const headers = { authorization: `Bearer ${await token(user)}` };
      return (await fetch(new URL(path, url), { headers })).text();
    },
    targetSecret: () => readFile(join(stateDir, 'postgres', 'gateway.password'), 'utf8'),
    async direct(sql) {
      const { host, port, superuser, password } = postgres;
      const client = new pg.Client({ host, port, user: superuser, password, database: shopDatabase });
      client.on('error', () => undefined); // the query in hand fails as well, and says so
      await client.connect();
      try {
        return (await client.query<Record<string, unknown>>(sql)).rows;
      } finally {
        await client.end();
      }
    },
    postgresPort: postgres.port,
    async stop() {
      await stack.stop();
      await remove();
    },
  };
}
