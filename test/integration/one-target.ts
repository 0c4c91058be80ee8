import type pg from 'pg';
import { startPostgres } from '../support/postgres.js';
import { startTestGateway, type GatewayUnderTest } from './gateway-harness.js';
import { pgClient } from './open-gateway.js';

/** A real PostgreSQL behind a gateway as its only target `db`, with clients that end with the test. */
export interface OneTarget {
  readonly running: GatewayUnderTest;
  query(sql: string): Promise<void>;
  /** A client of the native port, with a token for its password. */
  session(token: string): Promise<pg.Client>;
  endSessions(): Promise<void>;
  stop(): Promise<void>;
}

export async function startOneTarget({
  bindings = 'groups: {}\n',
  policies,
  ...options
}: Omit<NonNullable<Parameters<typeof startTestGateway>[0]>, 'bundle' | 'bootstrap' | 'pgPort'> & {
  readonly bindings?: string;
  readonly policies: string;
}): Promise<OneTarget> {
  const server = await startPostgres();
  const running = await startTestGateway({
    ...options,
    bundle: new Map([
      [
        'targets.yaml',
        `targets:\n  - { name: db, kind: postgres, address: "127.0.0.1:${server.port}", database: postgres, username: ${server.superuser}, secret: "vault:db", tls: { mode: disable }, labels: {} }\n`,
      ],
      ['classification.yaml', 'classes: {}\ncolumns: []\ndetectors: {}\n'],
      ['bindings.yaml', bindings],
      ['policies/test.cedar', policies],
    ]),
    bootstrap: { listeners: { postgres: { host: '127.0.0.1', port: 0, tls: null }, ssh: null } },
  });
  await running.gateway.setSecret('db', server.password);
  let clients: pg.Client[] = [];
  return {
    running,
    async query(sql) {
      await server.query(sql, 'postgres');
    },
    async session(token) {
      const port = running.gateway.postgresPort ?? 0;
      const client = await pgClient({ port, user: 'me', password: token, database: 'db' });
      clients.push(client);
      return client;
    },
    async endSessions() {
      await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
      clients = [];
    },
    async stop() {
      await running.stop();
      await server.stop();
    },
  };
}
