import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRefused, play } from '../support/attack.js';
import { openLab, type Lab } from '../support/lab.js';
import { testLeaks } from '../support/leaks.js';
import { computedForms } from './computed-forms.js';
import { storedForms } from './stored-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
}, 60_000);
afterAll(() => lab.close());

describe('a definition that was harmless when it was made', { timeout: 60_000 }, () => {
  testLeaks(storedForms, () => lab);
});

describe('a value that was computed once', { timeout: 60_000 }, () => {
  testLeaks(computedForms, () => lab);
});

it('lets definitions be changed that show nothing protected', async () => {
  const uri = lab.trustedUri ?? lab.directUri;
  const cleanup = 'drop schema if exists fine_s cascade; drop table if exists staff_west, staff_east';
  await lab.direct(cleanup);
  try {
    const played = await play(uri, [
      "create table staff_west partition of staff for values in ('west')",
      'create table staff_east (id int, dept text, ssn text)',
      "alter table staff attach partition staff_east for values in ('east')",
      'create schema fine_s',
      "create function fine_s.f(int) returns boolean language sql immutable as 'select $1 > 0'",
      'create view fine_s.v as select id from orders where fine_s.f(id)',
      "create or replace function fine_s.f(int) returns boolean language sql immutable as 'select $1 > 1'",
      'select id from fine_s.v order by id',
      "create function fine_s.g() returns int language plpgsql stable as 'begin return 1; end'",
      "create or replace function fine_s.g() returns int language plpgsql stable as 'begin return 2; end'",
      'create table fine_s.parent (id int)',
      'create table fine_s.child (id int)',
      'alter table fine_s.child inherit fine_s.parent',
      'alter table users alter name set not null',
      'create table fine_s.stamped (id int, at timestamptz)',
      'create function fine_s.stamp() returns trigger language plpgsql stable as $$ begin new.at := now(); return new; end $$',
      'create trigger stamp before insert on fine_s.stamped for each row execute function fine_s.stamp()',
      'create or replace function fine_s.stamp() returns trigger language plpgsql stable as $$ begin new.at = clock_timestamp(); return new; end $$',
      'insert into fine_s.stamped values (1)',
    ]);
    expect(isRefused(played), played.text).toBe(false);
  } finally {
    await lab.direct(cleanup);
  }
});
