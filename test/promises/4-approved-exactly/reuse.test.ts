import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeHome, onlyDocument, runCli } from '../../cli/support/run-cli.js';
import { type ApprovalLab, errorOf, openApprovalLab, patience, resultOf } from './support.js';

/** A hold that lets an approval stand, on products only; the starter's own hold on the rest does not. */
const policies = `
@id("prices") @approval("dba") @reuse("30m") @message("Prices need a DBA.")
forbid (principal, action == Action::"insert", resource in Label::"env=demo")
when { resource is Table && resource.name == "categories" }
unless { context.approvals.contains("dba") };
`;

let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab(policies);
  for (const sql of [
    'create table categories (name text, tag text)',
    'grant all on categories to public',
    'create table categories_of_others (name text, tag text)',
  ])
    await lab.server.query(sql, 'shop');
});
afterAll(() => lab.stop());

const insert = (tag: string): string => `insert into categories (name, tag) values ('toys', '${tag}')`;
const minute = 60_000;

async function count(tag: string): Promise<number> {
  const [row] = await lab.server.query(`select count(*)::int as n from categories where tag like '${tag}%'`, 'shop');
  return Number(row?.['n']);
}

const approve = async (id: string, forMs: number, role: 'reviewer' | 'reviewer2' = 'reviewer') =>
  lab.running.call('POST', `/v1/requests/${id}/approve`, {
    token: await lab.token(role),
    body: { comment: 'for the import', for_ms: forMs },
  });
const revoke = async (id: string, role: 'engineer' | 'reviewer2' | 'robot') =>
  lab.running.call('POST', `/v1/requests/${id}/revoke`, { token: await lab.token(role), body: { comment: 'enough' } });

/** An approval that stands for half an hour, used once. */
async function standing(tag: string): Promise<string> {
  const id = await lab.held(insert(tag));
  expect((await approve(id, 30 * minute)).status).toBe(200);
  resultOf(await lab.exec(insert(tag), { request_id: id }));
  return id;
}

const isHeld = async (text: string, more: Readonly<Record<string, unknown>> = {}, role?: 'reviewer2') =>
  expect(errorOf(await lab.exec(text, more, role)).code).toBe('approval_pending');

it('lets the very same run again without asking, and links each run to the approval', async () => {
  const id = await standing('again');
  const runs = [await lab.exec(insert('again')), await lab.exec(insert('again'))].map(resultOf);
  const psql = await lab.psql('engineer', ['-c', insert('again')]);
  expect((await psql.ended).out).toBe('INSERT 0 1\n');
  expect(await count('again')).toBe(4);
  const first = await lab.request(id);
  expect(first.reuse).toMatchObject({ allowed_ms: 30 * minute, uses: 3, revoked: null });
  const used = first.history.filter(({ note }) => note.startsWith('req_')).map(({ note }) => note);
  expect(used).toHaveLength(3);
  const second = await lab.request(used[0] ?? '');
  expect(second).toMatchObject({ state: 'executed', reuse_of: id, outcome: { ok: true } });
  expect(second.votes).toEqual(first.votes);
  expect(runs[0]?.session_id).toMatch(/^ses_/);
  await expect
    .poll(async () => (await lab.trail()).filter(({ event }) => event === 'request.reuse').length, patience)
    .toBe(3);
});

it('covers nothing but the same text, parameters, target and identity', async () => {
  const tag = 'exact';
  await standing(tag);
  const before = await count(tag);
  await isHeld(insert(`${tag}2`));
  await isHeld(`${insert(tag)} `);
  await isHeld(`/* same */ ${insert(tag)}`);
  await isHeld(insert(tag), {}, 'reviewer2');
  await isHeld("insert into categories (name, tag) values ('toys', $1)", { parameters: [tag] });
  const two = await lab.held("insert into categories (name, tag) values ('toys', $1)", { parameters: ['by one'] });
  expect((await approve(two, minute)).status).toBe(200);
  await isHeld("insert into categories (name, tag) values ('toys', $1)", { parameters: ['by two'] });
  expect((await lab.exec(insert(tag), { target: 'demo-db2' })).status).not.toBe(200);
  expect(await count(tag)).toBe(before);
});

it('ends with its time, and never before it was given', async () => {
  const tag = 'late';
  const id = await lab.held(insert(tag));
  expect((await approve(id, 5 * minute)).status).toBe(200);
  resultOf(await lab.exec(insert(tag)));
  lab.pass(4 * minute);
  resultOf(await lab.exec(insert(tag)));
  lab.pass(minute + 1);
  await isHeld(insert(tag));
  expect(await count(tag)).toBe(2);
});

it('ends when a reviewer or the requester revokes it, and only then', async () => {
  for (const [tag, by] of [['one', 'reviewer2'] as const, ['two', 'engineer'] as const]) {
    const id = await standing(`revoked ${tag}`);
    expect((await revoke(id, 'robot')).status).toBe(404);
    resultOf(await lab.exec(insert(`revoked ${tag}`)));
    expect((await revoke(id, by)).status).toBe(200);
    await isHeld(insert(`revoked ${tag}`));
    expect((await lab.request(id)).reuse.revoked).toMatchObject({ comment: 'enough' });
    expect(errorOf(await revoke(id, by)).code).toBe('conflict');
  }
  // One that has not been used yet cannot be used after.
  const unused = await lab.held(insert('revoked unused'));
  await approve(unused, 0);
  expect((await revoke(unused, 'reviewer2')).status).toBe(200);
  expect(errorOf(await lab.exec(insert('revoked unused'), { request_id: unused })).code).toBe('conflict');
  expect(await count('revoked')).toBe(4);
});

it('ends when the name means another table', async () => {
  const id = await standing('moved');
  await lab.server.query('alter table categories rename to categories_was', 'shop');
  await lab.server.query('alter table categories_of_others rename to categories', 'shop');
  await lab.server.query('grant all on categories to public', 'shop');
  try {
    await isHeld(insert('moved'));
    expect(await count('moved')).toBe(0);
  } finally {
    await lab.server.query('alter table categories rename to categories_of_others', 'shop');
    await lab.server.query('alter table categories_was rename to categories', 'shop');
  }
  expect((await lab.request(id)).reuse.uses).toBe(0);
});

it('stands only where policy says so, for no longer than it says, and as short as the most careful approver', async () => {
  const update = 'update products set stock = stock + 1 where id = 1';
  const once = await lab.held(update);
  const refused = errorOf(await approve(once, minute));
  expect([refused.code, refused.message]).toEqual([
    'usage',
    'An approval of this is good for one run: policy "demo-writes" has no @reuse. Leave out --for.',
  ]);
  const id = await lab.held(insert('long'));
  expect(errorOf(await approve(id, 31 * minute)).message).toBe(
    'Policy lets an approval of this stand for 30m at most.',
  );
  expect((await lab.request(id)).state).toBe('pending');
  // Approved for one run, it is used once.
  await approve(id, 0);
  resultOf(await lab.exec(insert('long'), { request_id: id }));
  await isHeld(insert('long'));
});

it('is given from the command line for a while or for one run, and never for both', async () => {
  const home = await makeHome();
  try {
    const approveBy = async (id: string, ...flags: readonly string[]) => {
      const env = { SLUICE_GATEWAY: lab.running.url, SLUICE_TOKEN: await lab.token('reviewer') };
      return runCli(home.dir, ['requests', 'approve', id, ...flags, '--json'], { env, input: null });
    };
    const [once, often] = [await lab.held(insert('once')), await lab.held(insert('often'))];
    expect((await approveBy(once, '--once', '--for', '30m')).code).toBe(2);
    expect((await approveBy(once, '--for', '2h')).code).toBe(2);
    expect((await lab.request(once)).votes).toEqual([]);
    expect((await approveBy(once, '--once', '--comment', 'ok')).code).toBe(0);
    const given = await approveBy(often, '--for', '30m');
    expect(given.code, given.stderr).toBe(0);
    expect(onlyDocument(given)['request']).toMatchObject({ reuse: { allowed_ms: 30 * minute, uses: 0 } });
    for (const [id, tag] of [[once, 'once'] as const, [often, 'often'] as const])
      resultOf(await lab.exec(insert(tag), { request_id: id }));
    await isHeld(insert('once'));
    resultOf(await lab.exec(insert('often')));
    expect([await count('once'), await count('often')]).toEqual([1, 2]);
  } finally {
    await home.remove();
  }
});
