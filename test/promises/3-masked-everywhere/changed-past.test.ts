import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { canaryForms, findCanary, worlds } from '../support/canaries.js';
import { openLab, type Lab } from '../support/lab.js';

/** Statements are judged by a catalog this old at most; a database of this size is never worth looking at less often. */
const oldestMs = 10_000;

/** What stands in the database, what a migration that goes past the gateway puts in its place, and how it is read. */
const replaced: Readonly<Record<string, readonly [before: string, after: string, read: string]>> = {
  'a view': [
    'create view past_view as select id, name as shown from users',
    'create or replace view past_view as select id, ssn as shown from users',
    'select shown from past_view order by id',
  ],
  'a view below another': [
    'create view past_low as select id, name as shown from users; create view past_high as select upper(shown) as shown from past_low',
    'create or replace view past_low as select id, ssn as shown from users',
    'select shown from past_high',
  ],
  'an SQL function': [
    "create function past_function(users) returns text language sql stable as 'select $1.name'",
    "create or replace function past_function(users) returns text language sql stable as 'select $1.ssn'",
    'select past_function(u) as shown from users u',
  ],
  'the names of columns': [
    'create table past_names (id int, code text, shown text); insert into past_names select id, ssn, name from users; create view past_named as select shown from past_names',
    'create or replace view past_named as select (select ssn from users u where u.id = n.id) as shown from past_names n',
    'select shown from past_named',
  ],
};

let lab: Lab;
const clients: pg.Client[] = [];
beforeAll(async () => {
  lab = await openLab();
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.end()));
  await lab.direct(
    'drop view if exists past_view, past_low, past_high, past_named cascade; drop table if exists past_names; drop function if exists past_function(users)',
  );
  await lab.close();
});

async function enter(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: lab.insiderUri });
  await client.connect();
  clients.push(client);
  return client;
}

const forms = canaryForms(worlds[0]);
const canaryIn = (rows: unknown): string | null => {
  const found = findCanary(Buffer.from(JSON.stringify(rows)), forms);
  return found === null ? null : String(found);
};

it('masks what a definition shows that was replaced past the gateway, in sessions that knew the old one', async () => {
  const cases = Object.entries(replaced);
  const [idle, busy] = [await enter(), await enter()];
  const prepared = (sql: string): pg.QueryConfig => ({ name: `kept ${sql}`.slice(0, 40), text: sql });
  for (const [, [before]] of cases) await lab.direct(before);
  for (const [what, [, , sql]] of cases)
    for (const client of [await enter(), idle, busy]) {
      await client.query(sql);
      const { rows } = await client.query(prepared(sql));
      expect(JSON.stringify(rows), what).not.toContain('*');
    }

  for (const [, [, after]] of cases) await lab.direct(after);
  const until = performance.now() + oldestMs;
  for (const [what, [, , sql]] of cases) expect(canaryIn(await lab.direct(sql)), `${what}, direct`).not.toBeNull();
  while (performance.now() < until) {
    await busy.query('select name from users');
    await sleep(200);
  }

  for (const [what, [, , sql]] of cases)
    for (const [who, client] of Object.entries({ idle, busy, new: await enter() })) {
      expect(canaryIn((await client.query(prepared(sql))).rows), `${what}, ${who}, prepared`).toBeNull();
      expect(canaryIn((await client.query(sql)).rows), `${what}, ${who}`).toBeNull();
    }
});
