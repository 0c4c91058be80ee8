import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRefused, play } from '../support/attack.js';
import { testEffects } from '../support/effects.js';
import { openLab, type Lab } from '../support/lab.js';
import { comparedForms, comparedSchema } from './compared-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
  await lab.direct(`${comparedSchema(lab.major)} create view shirts_in_order as select id from shirts order by size;`);
});
afterAll(async () => {
  await lab.direct(`drop view shirts_in_order; drop table shirts, hats, coats, numbers, ranges, labels;
    drop type pockets cascade; drop domain pocket; drop type size, label cascade; drop operator family number_order using btree;
    drop function number_order`);
  await lab.close();
});

describe('a function that is called because of what is compared or converted', () => {
  testEffects(comparedForms, () => lab);
});

it.each([
  'select id, size from shirts where id > 0',
  'select id, total from orders where id = 2 and total > 1 order by total desc',
  "select id::text || 'x', name from users where name = 'Ada' and dob < now()",
  "insert into archive values (9, 'x', 'y')",
  'select upper(name), length(status) from users u join orders o on o.user_id = u.id order by 1, 2',
])('leaves the server’s own types alone: %s', async (sql) => {
  const through = await play(lab.insiderUri, sql);
  expect(isRefused(through), through.text).toBe(false);
  expect(through.text).not.toContain('***');
});
