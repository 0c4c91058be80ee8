import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { type GatewayUnderTest, startTestGateway } from './gateway-harness.js';
import { pgClient } from './open-gateway.js';

let postgres: TestPostgres;
let gateway: GatewayUnderTest;
let token: string;
beforeAll(async () => {
  postgres = await startPostgres();
  await postgres.query('create database app template template0');
  const target = (name: string): string =>
    `  - { name: ${name}, kind: postgres, address: "127.0.0.1:${postgres.port}", database: app, username: ${postgres.superuser}, secret: "vault:open", tls: { mode: disable }, labels: {} }`;
  gateway = await startTestGateway({
    bundle: new Map([
      ['targets.yaml', `targets:\n${target('reads')}\n${target('admin')}\n`],
      [
        'classification.yaml',
        'classes: { ssn: { mask: last4 } }\ncolumns:\n  - { column: public.people.ssn, class: ssn }\ndetectors: {}\n',
      ],
      ['bindings.yaml', 'groups: {}\n'],
      [
        'policies/test.cedar',
        '@id("all") permit (principal, action, resource) unless { action == Action::"reveal" };\n',
      ],
    ]),
    bootstrap: { listeners: { postgres: { host: '127.0.0.1', port: 0, tls: null }, ssh: null } },
  });
  await gateway.gateway.setSecret('open', postgres.password);
  token = await gateway.token('engineer', { expiresInSeconds: 3_600 });
  await postgres.query(
    `create table people (id int, name text, ssn text); insert into people values (1, 'Ada', 'QXZ-41-7W93');
     create view shown_by_reads as select id, name as line from people;
     create view shown_by_admin as select id, name as line from people`,
    'app',
  );
}, 120_000);
afterAll(async () => {
  await gateway.stop();
  await postgres.stop();
});

const enter = (database: string) =>
  pgClient({ port: gateway.gateway.postgresPort ?? 0, user: 'x', password: token, database });

it.each(['reads', 'admin'])('masks what a view has come to show, re-created by way of the target %s', async (by) => {
  const view = `shown_by_${by}`;
  const reader = await enter('reads');
  const changer = await enter(by);
  try {
    const read = async (): Promise<unknown> => (await reader.query(`select line from ${view}`)).rows;
    expect(await read()).toEqual([{ line: 'Ada' }]);
    await changer.query(`create or replace view ${view} as select id, ssn as line from people`);
    expect(await read()).toEqual([{ line: '****7W93' }]);
  } finally {
    await reader.end();
    await changer.end();
  }
});
