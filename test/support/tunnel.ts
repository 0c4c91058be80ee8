import pg from 'pg';
import { listenOnPort } from '../../src/agent/stable-ports.js';
import { serveTunnel } from '../../src/agent/tunnel.js';
import { SluiceClient } from '../../src/client/api.js';
import { Transport } from '../../src/client/transport.js';
import type { DemoUserName } from './demo-tokens.js';
import type { TestGateway } from './gateway.js';
import { RawPostgres } from './raw-postgres.js';

/** A tunnel to the demo target, as `sluice connect` opens it, for one user. */
export interface TestTunnel {
  readonly port: number;
  readonly password: string;
  readonly uri: string;
  /** A connected node-postgres client. */
  client(options?: pg.ClientConfig): Promise<pg.Client>;
  /** A client that speaks bytes. */
  raw(): Promise<RawPostgres>;
  close(): Promise<void>;
}

export async function openTestTunnel(gateway: TestGateway, user: DemoUserName): Promise<TestTunnel> {
  const client = new SluiceClient({
    gateway: gateway.url,
    transport: new Transport({ caFile: null, proxy: null }),
    tokens: { get: () => gateway.token(user), renew: () => Promise.resolve(null) },
  });
  const tunnel = await serveTunnel({
    target: 'demo-db',
    listen: (server) => listenOnPort(server, 0),
    dial: (passwordVerifier, signal) => client.openTunnel('demo-db', { passwordVerifier, reason: null }, signal),
  });
  const { port, password } = tunnel;
  const clients: pg.Client[] = [];
  return {
    port,
    password,
    uri: `postgresql://sluice:${password}@127.0.0.1:${port}/demo-db?sslmode=disable`,
    async client(options = {}) {
      const made = new pg.Client({
        host: '127.0.0.1',
        port,
        user: 'sluice',
        password,
        database: 'demo-db',
        ...options,
      });
      made.on('error', () => undefined); // the query in hand fails as well, and says so
      await made.connect();
      clients.push(made);
      return made;
    },
    raw: () => RawPostgres.connect(port, 'sluice', password, 'demo-db'),
    async close() {
      await Promise.all(clients.map((made) => made.end().catch(() => undefined)));
      await tunnel.close();
    },
  };
}
