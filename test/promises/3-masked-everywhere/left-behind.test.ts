import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRefused, play } from '../support/attack.js';
import { openLab, type Lab } from '../support/lab.js';
import { testLeaks } from '../support/leaks.js';
import { leftBehind, leftBehindForms } from './left-behind-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
  await lab.direct(leftBehind);
}, 60_000);
afterAll(async () => {
  await lab.direct(`drop event trigger tell_definition; drop view matched, above, listed, like_some; drop function tell_definition(); drop table moods;
    drop type mood cascade; drop extension postgres_fdw cascade`);
  await lab.close();
});

describe('what is in the database and called, or read, without a word of it', () => {
  testLeaks(leftBehindForms, () => lab);
});

it('shows no password of another server', async () => {
  const sql = 'select umoptions from information_schema._pg_user_mappings';
  expect((await play(lab.directUri, sql)).text).toContain('QXZ-41-7W93');
  for (const uri of [lab.insiderUri, lab.trustedUri ?? lab.insiderUri])
    expect((await play(uri, sql)).text).not.toContain('QXZ');
});

it('shows no settings of roles, and no computed default', async () => {
  await lab.enter(0);
  await lab.direct(
    `create role told; alter role told set app.token = 'QXZ-41-7W93'; alter table archive add column kept text default ssn_by_id(1)`,
  );
  try {
    for (const sql of [
      "select rolconfig from pg_roles where rolname = 'told'",
      'select setconfig from pg_db_role_setting',
      "select attmissingval from pg_attribute where attrelid = 'archive'::regclass",
    ]) {
      expect((await play(lab.directUri, sql)).text, sql).toContain('QXZ-41-7W93');
      for (const uri of [lab.insiderUri, lab.trustedUri ?? lab.insiderUri])
        expect((await play(uri, sql)).text, sql).not.toContain('QXZ');
    }
  } finally {
    await lab.direct('drop role told; alter table archive drop column kept');
  }
});

it.each([
  'select count(*) from users_rich',
  'select id from order_totals, orders where orders.user_id = order_totals.user_id order by id',
  'select id, code from users_coded order by id',
])('reads views that compare with nothing that is written: %s', async (sql) => {
  const through = await play(lab.insiderUri, sql);
  expect(isRefused(through), through.text).toBe(false);
});

it.each([
  'select to_json(word) from moods',
  'select json_agg(o order by id) from orders o',
  "select json_build_object('id', id, 'name', name) from users order by id",
  'select jsonb_agg(s) from (select id, dob, uid, tags from users order by id) s',
  'select row_to_json(s) from (select id, total, dob, 1.5::float8 as f from (select o.*, u.dob from orders o, users u where u.id = user_id) o order by id) s',
])('leaves JSON of other types alone: %s', async (sql) => {
  const direct = await play(lab.directUri, sql);
  const through = await play(lab.insiderUri, sql);
  expect(isRefused(through), through.text).toBe(false);
  expect(through.text).toBe(direct.text);
});
