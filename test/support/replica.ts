import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { removePostgres, startPostgres as start } from '../../src/quickstart/postgres.js';
import type { TestPostgres } from './postgres.js';

const run = promisify(execFile);

/** A streaming replica of a server (PostgreSQL 27.2), readable, on a port of its own. */
export async function startReplica(primary: TestPostgres): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const { host, port, superuser: user, password } = primary;
  const dir = await mkdtemp(join(tmpdir(), 'sluice-test-replica-'));
  const options = { dir, env: process.env, lasting: false } as const;
  const empty = await start(options);
  const data = await dataFolder({ host, port: empty.port, user: empty.superuser, password: empty.password });
  await empty.stop();
  await backUp({ host, port, user, password }, data);
  const conninfo = `host=${host} port=${port} user=${user} password=${password}`;
  const server = await start({ ...options, settings: { primary_conninfo: conninfo, hot_standby: 'on' } });
  return {
    port: server.port,
    async stop() {
      await server.stop();
      await removePostgres(dir);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function dataFolder(at: pg.ClientConfig): Promise<string> {
  const client = new pg.Client({ ...at, database: 'postgres' });
  await client.connect();
  try {
    const { rows } = await client.query<{ data_directory: string }>('show data_directory');
    return rows[0]?.data_directory ?? '';
  } finally {
    await client.end();
  }
}

/** A base backup over the file system (PostgreSQL 26.3.4). */
async function backUp(primary: pg.ClientConfig, into: string): Promise<void> {
  const from = await dataFolder(primary);
  const client = new pg.Client({ ...primary, database: 'postgres' });
  await client.connect();
  try {
    await client.query("select pg_backup_start('replica', true)");
    await run('find', [into, '-mindepth', '1', '-delete']);
    await run('cp', ['-a', `${from}/.`, into]);
    await rm(join(into, 'postmaster.pid'), { force: true });
    const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)');
    const label = join(into, 'backup_label');
    await writeFile(label, rows[0]?.labelfile ?? '');
    await run('touch', [join(into, 'standby.signal')]);
    await run('chown', [`--reference=${join(into, 'PG_VERSION')}`, label, join(into, 'standby.signal')]);
  } finally {
    await client.end();
  }
}
