import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removePostgres, startPostgres, type DemoPostgres } from '../../src/quickstart/postgres.js';
import { startPostgres as startTestPostgres } from '../support/postgres.js';

async function ask(server: DemoPostgres, sql: string, password = server.password): Promise<unknown> {
  const { host, port, superuser: user } = server;
  const client = new pg.Client({ host, port, user, password, database: 'postgres' });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('the demo PostgreSQL', () => {
  let dir: string;
  let server: DemoPostgres;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sluice-demo-pg-'));
    server = await startPostgres({ dir, env: process.env });
  });
  afterAll(async () => {
    await server.stop();
    await removePostgres(dir);
    await rm(dir, { recursive: true, force: true });
  });

  it('listens on loopback alone, without a socket file, and asks for SCRAM', async () => {
    const rows = await ask(
      server,
      `select current_setting('listen_addresses') a, current_setting('unix_socket_directories') s,
              (select string_agg(distinct auth_method, ',') from pg_hba_file_rules) m`,
    );
    expect(rows).toEqual([{ a: '127.0.0.1', s: '', m: 'scram-sha-256' }]);
    await expect(ask(server, 'select 1', 'wrong')).rejects.toMatchObject({ code: '28P01' });
  });

  it('keeps its password in a file that nobody else can read', async () => {
    const file = join(dir, 'superuser.password');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, 'utf8')).toBe(server.password);
  });

  it('keeps data and port between starts', async () => {
    await ask(server, 'create table kept as select 7 as n');
    const { port } = server;
    await server.stop();
    server = await startPostgres({ dir, env: process.env });
    expect(server.port).toBe(port);
    expect(await ask(server, 'select n from kept')).toEqual([{ n: 7 }]);
  });

  it('takes another port when the remembered one is busy', async () => {
    const { port } = server;
    await server.stop();
    const holder = createServer().listen(port, '127.0.0.1');
    try {
      server = await startPostgres({ dir, env: process.env });
      expect(server.port).not.toBe(port);
      expect(await ask(server, 'select 1 as n')).toEqual([{ n: 1 }]);
    } finally {
      holder.close();
    }
  });

  it('stops the server that a killed run left behind and starts its own', async () => {
    const orphan = server;
    server = await startPostgres({ dir, env: process.env });
    await orphan.exited;
    expect(await ask(server, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('ends when its process is killed', async () => {
    const own = await mkdtemp(join(tmpdir(), 'sluice-killed-pg-'));
    const script = `const { startPostgres } = await import('./src/quickstart/postgres.ts');
      const { port } = await startPostgres({ dir: ${JSON.stringify(own)}, env: process.env });
      console.log(port);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script]);
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
    child.kill('SIGKILL');
    const port = Number(chunk.toString());
    await expect.poll(() => isListening(port), { timeout: 10_000, interval: 50 }).toBe(false);
    await removePostgres(own);
    await rm(own, { recursive: true, force: true });
  });

  it('starts over a lock file whose process number belongs to somebody else', async () => {
    await server.stop();
    const data = await dataFolder(dir);
    await writeFile(join(data, 'postmaster.pid'), `${process.pid}\n${data}\n0\n${server.port}\n\n127.0.0.1\n`);
    server = await startPostgres({ dir, env: process.env });
    expect(await ask(server, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('says what to do when its password is gone', async () => {
    await server.stop();
    await rm(join(dir, 'superuser.password'));
    await expect(startPostgres({ dir, env: process.env })).rejects.toMatchObject({
      code: 'local',
      details: { next: [{ command: `sluice quickstart --reset --state-dir ${dirname(dir)}` }] },
    });
    await writeFile(join(dir, 'superuser.password'), server.password, { mode: 0o600 });
    server = await startPostgres({ dir, env: process.env });
  });
});

describe('a test PostgreSQL', () => {
  it('comes in the major asked for and leaves nothing behind', async () => {
    const server = await startTestPostgres({ major: 18 });
    expect(await server.query(`select current_setting('server_version_num')::int / 10000 as major`)).toEqual([
      { major: 18 },
    ]);
    await server.stop();
    await expect(server.query('select 1')).rejects.toThrow(/ECONNREFUSED/);
  });

  it('names the versions it could use when the major is missing', async () => {
    await expect(startTestPostgres({ major: 9 })).rejects.toMatchObject({
      code: 'local',
      message: expect.stringContaining('(9)') as string,
    });
  });
});

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function dataFolder(dir: string): Promise<string> {
  const { chooseAccount, chooseHome } = await import('../../src/quickstart/postgres-account.js');
  return join(await chooseHome(dir, await chooseAccount()), 'data');
}
