import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { starterBundle } from '../../../src/quickstart/bundle.js';
import { type ApprovalLab, errorOf, openApprovalLab, patience, resultOf } from './support.js';

/** An approval counts as long as who gave it could still give it: when it is used, not when it was given. */
const prices = (approval: string): string => `
@id("prices") @approval("${approval}") @reuse("30m") @message("Prices need DBAs.")
forbid (principal, action == Action::"insert", resource in Label::"env=demo")
when { resource is Table && resource.name == "categories" }
unless { context.approvals.contains("dba") };
`;

let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab(prices('dba'));
  for (const sql of ['create table categories (name text, tag text)', 'grant all on categories to public'])
    await lab.server.query(sql, 'shop');
}, 120_000);
afterAll(() => lab.stop());

let tick = 0;
beforeEach(async () => {
  apply('dba');
  await membersNow('reviewer', ['dba', 'reviewers']);
  await membersNow('reviewer2', ['dba', 'reviewers']);
});

function apply(approval: string, { policies = '', bindings = '' } = {}): void {
  const files = new Map(starterBundle({ pgPort: lab.server.port }));
  files.set('policies/four.cedar', prices(approval) + policies);
  files.set('bindings.yaml', `${files.get('bindings.yaml') ?? ''}${bindings}`);
  lab.running.gateway.applyBundle(files, `${approval} ${tick}`);
}

/** The provider says in which groups somebody is from now on; their tokens are signed one after the other. */
async function membersNow(role: 'reviewer' | 'reviewer2', groups: readonly string[]): Promise<string> {
  const token = await lab.token(role, { groups, issuedInSeconds: -600 + ++tick });
  expect((await lab.running.call('GET', '/v1/whoami', { token })).status).toBe(200);
  return token;
}

async function approve(id: string, role: 'reviewer' | 'reviewer2', forMs = 0): Promise<string> {
  const token = await membersNow(role, ['dba', 'reviewers']);
  const body = { comment: 'looked at it', for_ms: forMs };
  const answer = await lab.running.call('POST', `/v1/requests/${id}/approve`, { token, body });
  expect(answer.status).toBe(200);
  return String((answer.document['request'] as Record<string, unknown>)['state']);
}

const insert = (tag: string): string => `insert into categories (name, tag) values ('toys', '${tag}')`;
async function count(tag: string): Promise<number> {
  const [row] = await lab.server.query(`select count(*)::int as n from categories where tag = '${tag}'`, 'shop');
  return Number(row?.['n']);
}

const leavings: Readonly<Record<string, () => unknown>> = {
  'left the group': () => membersNow('reviewer', ['reviewers']),
  'lost all groups': () => membersNow('reviewer', []),
  'been forbidden to decide by a bundle': () =>
    apply('dba', {
      policies: `\n@id("put-out") forbid (principal, action, resource) when { principal.name == "reviewer@demo.example" };\n`,
    }),
  'turned out to be the requester': () =>
    apply('dba', { bindings: 'people:\n  - [engineer@demo.example, reviewer@demo.example]\n' }),
};
it.each(Object.keys(leavings))('counts no approval of who has %s since', async (why) => {
  const tag = why.replaceAll(' ', '-');
  const control = await lab.held(insert(tag));
  expect(await approve(control, 'reviewer')).toBe('approved');
  resultOf(await lab.exec(insert(tag), { request_id: control }));
  const id = await lab.held(insert(tag));
  expect(await approve(id, 'reviewer')).toBe('approved');
  await leavings[why]?.();
  const refused = errorOf(await lab.exec(insert(tag), { request_id: id }));
  expect(refused).toMatchObject({ code: 'denied', message: expect.stringContaining('1 of @dba') as string });
  expect(await count(tag)).toBe(1);
  expect(await lab.request(id, 'reviewer2')).toMatchObject({ state: 'failed' });
});

it('runs by the approval of who left one group and stayed in the one that was asked', async () => {
  const id = await lab.held(insert('stays'));
  await approve(id, 'reviewer');
  await membersNow('reviewer', ['dba']);
  resultOf(await lab.exec(insert('stays'), { request_id: id }));
  expect(await count('stays')).toBe(1);
});

it('waits for another where the first of two has left before the second decides', async () => {
  apply('dba:2');
  const psql = await lab.psql('engineer', ['-c', insert('two')]);
  const id = await psql.request();
  expect(await approve(id, 'reviewer')).toBe('pending');
  await membersNow('reviewer', []);
  expect(await approve(id, 'reviewer2')).toBe('pending');
  const { required } = await lab.request(id, 'reviewer2');
  expect(required).toMatchObject([{ group: 'dba', count: 2, have: 1 }]);
  expect(await count('two')).toBe(0);
  expect(await approve(id, 'reviewer')).toBe('approved'); // has come back, and looks again
  expect((await psql.ended).out).toBe('INSERT 0 1\n');
});

it('asks anew where an approval stands whose giver has left', async () => {
  const id = await lab.held(insert('stands'));
  await approve(id, 'reviewer', 600_000);
  resultOf(await lab.exec(insert('stands'), { request_id: id }));
  resultOf(await lab.exec(insert('stands'))); // the control: it stands
  await membersNow('reviewer', []);
  expect(errorOf(await lab.exec(insert('stands'))).code).toBe('approval_pending');
  expect(await count('stands')).toBe(2);
});

it('gives no access by the approval of who has left before the last of two decides', async () => {
  const onCall = '  on-call:\naccess:\n  on-call: { for: [engineers], approvers: { dba: 2 }, max: 1h }\n';
  apply('dba', { bindings: onCall });
  const body = { name: 'on-call', duration_ms: 60_000, reason: 'INC-7' };
  const asked = await lab.running.call('POST', '/v1/access', { token: await lab.token('engineer'), body });
  const id = String((asked.document['request'] as Record<string, unknown>)['id']);
  expect(await approve(id, 'reviewer')).toBe('pending');
  await membersNow('reviewer', []);
  expect(await approve(id, 'reviewer2')).toBe('pending');
  await expect.poll(async () => (await lab.request(id, 'reviewer2')).state, patience).toBe('pending');
});
