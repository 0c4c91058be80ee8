import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRefused, play } from '../support/attack.js';
import { openLab, type Lab } from '../support/lab.js';
import { testLeaks, type Attack } from '../support/leaks.js';
import { targetOf } from '../support/wire-session.js';

/** Foreign tables of a server that is this database itself, laid by a DBA or by whoever may define. */
const setUp = async (uri: string): Promise<string> => {
  const { host, port, database, username, readSecret } = targetOf(uri);
  return `create extension postgres_fdw; create extension file_fdw;
    create server itself foreign data wrapper postgres_fdw options (host '${host}', port '${port}', dbname '${database}');
    create server files foreign data wrapper file_fdw;
    create user mapping for current_user server itself options (user '${username}', password '${await readSecret()}');
    create schema far; import foreign schema public limit to (users, orders, users_coded, archive, staff) from server itself into far;
    create foreign table far.named (key int options (column_name 'id'), word text options (column_name 'ssn'))
      server itself options (schema_name 'public', table_name 'users');
    create view far.view as select word as w from far.named`;
};

const scripts: Readonly<Record<string, string | readonly string[]>> = {
  'column of the same name': 'select ssn from far.users order by id',
  'every column': 'select * from far.users order by id',
  'column of another name': 'select word from far.named order by key',
  'derived column': 'select reverse(word) from far.named order by key',
  'whole rows': 'select to_json(n) from far.named n order by key',
  'column in a condition': "select key from far.named where word like 'Q%'",
  'column in an order': 'select id from far.users order by ssn',
  'view over it': 'select upper(w) from far.view',
  'table over a view': 'select code from far.users_coded order by id',
  'table over partitions': 'select reverse(ssn) from far.staff order by id',
  copy: 'copy (select word from far.named order by key) to stdout',
  'table that is made': [
    "create foreign table stolen (s text options (column_name 'ssn')) server itself options (schema_name 'public', table_name 'users')",
    'select reverse(s) from stolen',
  ],
  'table that is made, in a condition': [
    "create foreign table stolen (s text options (column_name 'ssn')) server itself options (schema_name 'public', table_name 'users')",
    "select 1 from stolen where s like 'Q%'",
  ],
  'table that is made in a transaction': [
    'begin',
    "create foreign table stolen (ssn text) server itself options (schema_name 'public', table_name 'users')",
    'select ssn || 1 from stolen',
    'rollback',
  ],
  'tables that are imported': [
    'create schema stolen_s',
    'import foreign schema public limit to (users) from server itself into stolen_s',
    'select reverse(ssn) from stolen_s.users order by id',
  ],
  'column that is turned to another': [
    "create foreign table stolen (s text options (column_name 'name')) server itself options (schema_name 'public', table_name 'users')",
    "alter foreign table stolen alter s options (set column_name 'ssn')",
    'select reverse(s) from stolen',
  ],
  'written to by it': [
    "insert into far.archive select id, reverse(ssn), 'x' from users",
    'select name from archive order by id, name',
  ],
  'read by it, written before': [
    "insert into archive select id, reverse(ssn), 'x' from users",
    'select name from far.archive order by id, name',
  ],
};
const forms: readonly Attack[] = Object.entries(scripts).map(([name, script]) => ({
  name,
  script,
  cleanup: 'drop foreign table if exists stolen; drop schema if exists stolen_s cascade',
  simpleOnly: typeof script !== 'string',
  ...(name === 'written to by it' ? { harmlessDirectly: 'the other session has not committed yet' } : {}),
  ...(name === 'read by it, written before' ? { harmlessDirectly: 'it is not committed yet' } : {}),
}));

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
  await lab.direct(await setUp(lab.directUri));
}, 60_000);
afterAll(async () => {
  await lab.direct('drop schema far cascade; drop extension postgres_fdw cascade; drop extension file_fdw cascade');
  await lab.close();
});

describe('a foreign table that is a table of this database', () => {
  testLeaks(forms, () => lab);
});

it.each([
  ["create foreign table stolen (x text) server files options (filename '/etc/hostname')"],
  ["create foreign table stolen (x text) server files options (program 'echo x')"],
  ["alter foreign table far.users options (add filename '/etc/hostname')"],
])('reads no file and runs no program: %s', async (sql) => {
  const uri = lab.trustedUri ?? lab.insiderUri;
  const played = await play(uri, sql);
  expect(isRefused(played), played.text).toBe(true);
  expect(played.text).toMatch(/copyFile|copyProgram|file|program/);
  expect(await lab.direct("select from pg_class where relname = 'stolen'")).toHaveLength(0);
});

it.each(['select id, name from far.users order by id', 'select total from far.orders order by id'])(
  'leaves the rest alone: %s',
  async (sql) => {
    await lab.enter(0);
    expect((await play(lab.insiderUri, sql)).text).toBe((await play(lab.directUri, sql)).text);
  },
);
