import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { removePostgres, startPostgres as start } from '../../src/quickstart/postgres.js';

/** A real PostgreSQL server for one test file, empty but for its superuser. */
export interface TestPostgres {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly superuser: string;
  readonly password: string;
  readonly version: string;
  /** Runs SQL as the superuser; several statements may stand together. Rows of the last one, values as pg gives them. */
  query(sql: string, database?: string): Promise<readonly Record<string, unknown>[]>;
  stop(): Promise<void>;
}

export interface TestPostgresOptions {
  /** Where none is named: what `SLUICE_TEST_POSTGRES_MAJOR` says, else the first supported one that is found. */
  readonly major?: number;
  /** Server settings beside the usual ones. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Transactions can be prepared, to be committed by another session. */
export const twoPhase: TestPostgresOptions = { settings: { max_prepared_transactions: '10' } };

/** Starts a server in a directory of its own (about two seconds); `stop` leaves nothing behind. */
export async function startPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  const { major = chosenMajor(), settings = {} } = options;
  const dir = await mkdtemp(join(tmpdir(), 'sluice-test-pg-'));
  const server = await start({ dir, major, settings, env: process.env, lasting: false }).catch(
    async (error: unknown) => {
      await removePostgres(dir);
      await rm(dir, { recursive: true, force: true });
      throw error;
    },
  );
  const { host, port, superuser, password, version } = server;
  return {
    host,
    port,
    superuser,
    password,
    version,
    async query(sql, database = 'postgres') {
      const client = new pg.Client({ host, port, user: superuser, password, database });
      client.on('error', () => undefined); // the query in hand fails as well, and says so
      await client.connect();
      try {
        const result: unknown = await client.query(sql);
        const last = (Array.isArray(result) ? result.at(-1) : result) as pg.QueryResult<Record<string, unknown>>;
        return last.rows;
      } finally {
        await client.end();
      }
    },
    async stop() {
      await server.stop();
      await removePostgres(dir);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Lets any test file run on another major than the installed one: `SLUICE_TEST_POSTGRES_MAJOR=18 npx vitest run FILE`. */
export function chosenMajor(): number | null {
  const chosen = process.env['SLUICE_TEST_POSTGRES_MAJOR'] ?? '';
  if (chosen === '') return null;
  if (!/^\d+$/.test(chosen)) throw new TypeError(`SLUICE_TEST_POSTGRES_MAJOR is no major version: ${chosen}`);
  return Number(chosen);
}
