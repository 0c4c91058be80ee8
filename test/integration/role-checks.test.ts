import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkRole, type RoleCheck } from '../../src/gateway/role-checks.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
  await postgres.query(`
    create role careless login password 'x';
    create role confined login password 'x' nosuperuser;
    create role "Odd ""One""" login password 'x' createdb createrole;
    create table users (id int, name text, email text, "Card No" text);
    create view emails as select email from users;
    create function everything() returns setof users language sql security definer as 'select * from users';
    create function own_path() returns int language sql security invoker as 'select 1';
    create table careless_table (id int);
    alter table careless_table owner to careless;
    grant create on schema public to careless, "Odd ""One""";
    grant select on users, emails to careless;
    grant pg_read_all_data to careless;
    revoke temp on database postgres from public;
    grant temp on database postgres to careless;
    revoke execute on function everything() from public;
    grant execute on function everything() to careless;
    grant select (id, name) on users to confined;
  `);
});
afterAll(() => postgres.stop());

const columns = [
  { schema: 'public', table: 'users', column: 'email', class: 'email' },
  { schema: '*', table: '*', column: 'card*', class: 'card' },
];
const check = (username: string, password = 'x'): Promise<readonly RoleCheck[]> =>
  checkRole(
    {
      name: 'db',
      kind: 'postgres',
      labels: {},
      host: '127.0.0.1',
      port: postgres.port,
      database: 'postgres',
      tls: { mode: 'disable', ca: null },
      username,
      recording: 'strict',
      readSecret: async () => password,
    },
    columns,
  );
const states = (checks: readonly RoleCheck[]): Readonly<Record<string, string>> =>
  Object.fromEntries(checks.map(({ name, state }) => [name, state]));
const find = (checks: readonly RoleCheck[], name: string): RoleCheck => {
  const found = checks.find((each) => each.name.startsWith(name));
  if (found === undefined) throw new Error(`no check ${name}`);
  return found;
};

describe('the gateway’s role on a database', () => {
  it('is fine where it can do nothing but what it needs', async () => {
    const checks = await check('confined');
    expect(new Set(Object.values(states(checks)))).toEqual(new Set(['ok']));
    expect(checks.flatMap(({ hardening }) => hardening)).toEqual([]);
  });

  it('is told everything that a careless grant gives it, and the SQL against it', async () => {
    const checks = await check('careless');
    expect(states(checks)).toMatchObject({
      'role attributes': 'ok',
      'predefined roles': 'warning',
      'temporary tables': 'warning',
      'creating objects': 'warning',
      ownership: 'warning',
      'protected columns': 'warning',
      'views with their owner’s rights': 'warning',
      'SECURITY DEFINER functions': 'warning',
    });
    expect(find(checks, 'protected').message).toContain('public.users.email, public.users.Card No');
    expect(find(checks, 'protected').hardening).toEqual([
      'REVOKE SELECT ON public.users FROM careless, PUBLIC;',
      'GRANT SELECT (id, name) ON public.users TO careless;',
    ]);
    expect(find(checks, 'SECURITY').hardening).toEqual([
      'REVOKE EXECUTE ON FUNCTION public.everything() FROM PUBLIC, careless;',
    ]);
  });

  it('is a failure as superuser', async () => {
    const attributes = find(await check(postgres.superuser, postgres.password), 'role attributes');
    expect(attributes.state).toBe('failed');
    expect(attributes.hardening[0]).toContain('NOSUPERUSER');
  });

  it('hardens by the SQL that it prints: run by the owner, most warnings are gone', async () => {
    const before = await check('Odd "One"');
    expect(find(before, 'role attributes').message).toContain('CREATEROLE, CREATEDB');
    for (const sql of before.flatMap(({ hardening }) => hardening)) await postgres.query(sql);
    expect(new Set(Object.values(states(await check('Odd "One"'))))).toEqual(new Set(['ok']));
    const careless = await check('careless');
    for (const { name, hardening } of careless)
      if (name !== 'ownership') for (const sql of hardening) await postgres.query(sql);
    const after = states(await check('careless'));
    expect(Object.entries(after).filter(([, state]) => state !== 'ok')).toEqual([['ownership', 'warning']]);
  });

  it('says that the target does not let it in, without the secret', async () => {
    await expect(check('nobody', 'geheim')).rejects.toMatchObject({
      code: 'target_unreachable',
      message: expect.not.stringContaining('geheim') as string,
    });
  });
});
