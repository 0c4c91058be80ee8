import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type OpenGateway, startOpenGateway } from './open-gateway.js';

let gateway: OpenGateway;
beforeAll(async () => {
  gateway = await startOpenGateway(['both']);
  await gateway.postgres.query(
    `create table t (id int primary key, name text default lower('X')); create view v as select id, name from t;
     insert into t values (1, 'one')`,
    'both',
  );
}, 60_000);
afterAll(() => gateway.stop());

/** Relations that sessions hold a lock on, of those that the view's definition names. */
const locked = `select c.relname, l.mode from pg_locks l join pg_class c on c.oid = l.relation
  where l.relation in ('t'::regclass, 'v'::regclass) and l.pid <> pg_backend_pid() order by 1, 2`;

it('holds no lock on what it only read the definition of, while a session’s transaction goes on', async () => {
  const { port, user, password, database } = gateway.through('both');
  const client = new pg.Client({ host: '127.0.0.1', port, user, password, database });
  await client.connect();
  try {
    await client.query('begin');
    await client.query('savepoint sluice');
    // From here on its own catalog is not everybody's: the gateway reads it in this transaction.
    await client.query('create table mine (x int)');
    await client.query("insert into mine select 1 where 'a' < 'b'");
    expect(await gateway.postgres.query(locked, 'both')).toEqual([]);
    await gateway.postgres.query(
      "set lock_timeout = '20s'; alter view v rename to w; alter table t add other int",
      'both',
    );
    // What the reading did is undone, what the session did is not.
    expect((await client.query('select x from mine')).rows).toEqual([{ x: 1 }]);
    await client.query('rollback to sluice');
    await expect(client.query('select x from mine')).rejects.toMatchObject({ code: '42P01' });
    await client.query('rollback');
    expect((await client.query('select id from w')).rows).toEqual([{ id: 1 }]);
  } finally {
    await client.end();
  }
});
