import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApprovalLab, openApprovalLab, resultOf } from '../4-approved-exactly/support.js';

/** May see salaries, and nothing else. */
const policies = `
@id("one-sees-salaries")
permit (principal, action == Action::"reveal", resource in Label::"env=demo")
when { principal.name == "reviewer2@demo.example" && context.class == "salary" };
`;

let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab(policies);
});
afterAll(() => lab.stop());

async function read(path: string, role: 'engineer' | 'reviewer' | 'reviewer2' = 'reviewer'): Promise<string> {
  return (await lab.running.call('GET', path, { token: await lab.token(role) })).text;
}

async function salary(employee: number): Promise<unknown> {
  const [row] = await lab.server.query(`select salary::text, email from employees where id = ${employee}`, 'shop');
  return row;
}

it('shows a typed value to who typed it and to who may see its column, and to nobody else', async () => {
  const sql = "update employees set salary = 87654.32, email = 'zoe' || '@planted.example' where id = 2";
  const id = await lab.held(sql);
  const masked = "update employees set salary = '***', email = '***' || '***' where id = 2";
  expect(await lab.request(id, 'engineer')).toMatchObject({ text: sql, text_masked: false });
  expect(await lab.request(id, 'reviewer')).toMatchObject({ text: masked, text_masked: true });
  expect(await lab.request(id, 'reviewer2')).toMatchObject({
    text: "update employees set salary = 87654.32, email = '***' || '***' where id = 2",
    text_masked: true,
  });
  expect(await read('/v1/requests')).not.toMatch(/87654|planted/);
  // What is approved is the text itself, whatever of it was shown.
  await lab.vote(id, 'approve', 'reviewer');
  resultOf(await lab.exec(sql, { request_id: id }));
  expect(await salary(2)).toEqual({ salary: '87654.32', email: 'zoe@planted.example' });
});

it('takes the value out of parameters, of literals by their form, and of what is compared', async () => {
  const asked: readonly [string, readonly string[]][] = [
    ['update employees set salary = $1 where id = $2', ['87654.33', '3']],
    ["delete from employees where national_id = 'PLANTED-1' and id = 3", []],
    ["update products set name = 'for planted2@shop.example' where id = 1 -- 4111 1111 1111 1111", []],
  ];
  for (const [text, parameters] of asked) {
    const id = await lab.held(text, { parameters });
    const { text_masked: masked, ...seen } = await lab.request(id, 'reviewer');
    expect(JSON.stringify(seen), text).not.toMatch(/87654|PLANTED-1|planted2|4111 1111/);
    expect(masked).toBe(true);
    expect(JSON.stringify(seen)).toContain('id = ');
  }
});

it('gives no digest by which a value that is not shown could be guessed', async () => {
  const [low, high] = await Promise.all([
    lab.held("delete from employees where national_id = 'PLANTED-2' and id = 1"),
    lab.held("delete from employees where national_id = 'PLANTED-3' and id = 1"),
  ]);
  const [first, second] = [await lab.request(low), await lab.request(high)];
  expect(first.text).toBe(second.text);
  expect(first.digest).not.toBe(second.digest);
});

it('keeps the value out of the record, of search, and of every export', async () => {
  const sql = "update employees set email = 'eve@planted4.example' where id = 4";
  const psql = await lab.psql('engineer', ['-c', sql, '-c', "select 'PLANTED5' where '4111111111111111' <> ''"]);
  await lab.vote(await psql.request(), 'approve', 'reviewer');
  const { out, code } = await psql.ended;
  expect([code, out]).toEqual([0, 'UPDATE 1\nPLANTED5\n']);
  const [session] = (JSON.parse(await read('/v1/sessions')) as { sessions: { id: string }[] }).sessions;
  if (session === undefined) throw new Error('no session');
  const shown = await read(`/v1/sessions/${session.id}`);
  const journal = await read(`/v1/sessions/${session.id}/journal`);
  for (const text of [shown, journal]) {
    expect(text).toContain('update employees set email = ');
    expect(text).not.toMatch(/planted4|4111111111111111/);
  }
  const found = async (word: string) =>
    (JSON.parse(await read(`/v1/sessions/search?q=${word}`)) as { sessions: unknown[] }).sessions.length;
  expect([await found('planted4'), await found('PLANTED5')]).toEqual([0, 1]);
});

it('masks what a prepared statement is run with', async () => {
  const psql = await lab.psql('engineer', [
    ...['-c', 'prepare p (text, int) as update employees set email = $1 where id = $2'],
    ...['-c', "execute p ('kim@planted6.example', 5)"],
  ]);
  const id = await psql.request();
  expect((await lab.request(id)).text).toMatch(/^prepare p [^']*;\nexecute p \('\*\*\*', 5\)$/);
  await lab.vote(id, 'approve', 'reviewer');
  expect((await psql.ended).out).toBe('PREPARE\nUPDATE 1\n');
  expect(await salary(5)).toMatchObject({ email: 'kim@planted6.example' });
});
