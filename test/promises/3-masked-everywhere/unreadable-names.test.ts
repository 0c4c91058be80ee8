import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { canaryForms, findCanary, worlds } from '../support/canaries.js';
import { openLab, type Lab } from '../support/lab.js';

/** Statements are judged by a catalog of a minute ago at most, however slowly the target answers. */
const patienceMs = 120_000;

let lab: Lab;
const clients: pg.Client[] = [];
beforeAll(async () => {
  lab = await openLab();
  await lab.direct('create view locked_view as select id, ssn as shown from users');
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.end()));
  await lab.direct('drop view if exists locked_view; drop table if exists locked_beside');
  await lab.close();
});

async function enter(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  clients.push(client);
  return client;
}

const forms = canaryForms(worlds[0]);
const expectNoCanary = (rows: unknown): void => expect(findCanary(Buffer.from(JSON.stringify(rows)), forms)).toBeNull();

/** Sends it until it ends so; what it shows meanwhile holds no canary. */
async function until(client: pg.Client, sql: string, isAsWanted: (code: string | null) => boolean): Promise<string> {
  const end = performance.now() + patienceMs;
  for (;;) {
    let code: string | null = null;
    let message = '';
    try {
      expectNoCanary((await client.query(sql)).rows);
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      expectNoCanary([error]);
      code = error.code ?? '';
      ({ message } = error);
    }
    if (isAsWanted(code)) return message;
    if (performance.now() > end) throw new Error(`still ${code ?? 'answered'}: ${message}`);
    await sleep(200);
  }
}

it('denies a view whose definition somebody locks once names have moved, and nothing else', async () => {
  const insider = await enter(lab.insiderUri);
  const migration = await enter(lab.directUri);
  const shown = 'select shown from locked_view';
  expectNoCanary((await insider.query(shown)).rows);
  await insider.query("set statement_timeout = '300ms'");
  await migration.query('begin; lock table users in access exclusive mode');
  await lab.direct('create table locked_beside (id int)');
  // Until the gateway has seen that, the statement goes to the server and waits there; then it is denied.
  await until(insider, shown, (code) => code === '42501');
  await until(insider, 'select id from locked_beside', (code) => code === null);
  await migration.query('rollback');
  await until(insider, shown, (code) => code === null);
});

it('refuses a statement when the target cannot be asked what names mean, and the session goes on', async () => {
  const insider = await enter(lab.insiderUri);
  await insider.query('select id from orders');
  // Connections are refused from outside: a database does not shut itself.
  const [row] = await lab.direct('select current_database() as name');
  const outside = new URL(lab.directUri);
  outside.pathname = '/postgres';
  const admin = await enter(outside.href);
  const allow = (isAllowed: boolean): Promise<unknown> =>
    admin.query(`alter database ${pg.escapeIdentifier(String(row?.['name']))} allow_connections ${isAllowed}`);
  await allow(false);
  try {
    await lab.direct(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sluice catalog'",
    );
    const told = await until(insider, 'select id from orders', (code) => code === '57P03');
    expect(told).toMatch(/cannot be asked of the target now/);
  } finally {
    await allow(true);
  }
  await until(insider, 'select id from orders', (code) => code === null);
});
