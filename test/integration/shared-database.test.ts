import { afterAll, beforeAll, expect, it } from 'vitest';
import { type OpenGateway, pgClient, startOpenGateway } from './open-gateway.js';

const rules = {
  classification:
    'classes: { ssn: { mask: last4 } }\ncolumns:\n  - { column: public.people.ssn, class: ssn }\ndetectors: {}\n',
  policies: '@id("all") permit (principal, action, resource) unless { action == Action::"reveal" };\n',
};

let gateway: OpenGateway;
beforeAll(async () => {
  gateway = await startOpenGateway(['app'], rules, {
    async targets({ port }) {
      return ['reads', 'admin'].map((name) => ({ name, address: `127.0.0.1:${port}`, database: 'app' }));
    },
  });
  await gateway.postgres.query(
    `create table people (id int, name text, ssn text); insert into people values (1, 'Ada', 'QXZ-41-7W93');
     create view shown_by_reads as select id, name as line from people;
     create view shown_by_admin as select id, name as line from people`,
    'app',
  );
}, 120_000);
afterAll(() => gateway.stop());

const enter = (target: string) => pgClient(gateway.through(target));

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
