import { afterAll, beforeAll, expect, it } from 'vitest';
import { accessDocument } from '../../../src/gateway/schemas/access.js';
import { starterBundle } from '../../../src/quickstart/bundle.js';
import { type ApprovalLab, errorOf, openApprovalLab, patience, resultOf } from './support.js';

/** As many people as policy asks for: what it asks for when the approval is used, not when it was asked for. */
let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab(pricesNeed('dba:1'));
  for (const sql of ['create table categories (name text, tag text)', 'grant all on categories to public'])
    await lab.server.query(sql, 'shop');
}, 120_000);
afterAll(() => lab.stop());

function pricesNeed(approval: string): string {
  return `
@id("prices") @approval("${approval}") @reuse("30m") @message("Prices need DBAs.")
forbid (principal, action == Action::"insert", resource in Label::"env=demo")
when { resource is Table && resource.name == "categories" }
unless { context.approvals.contains("dba") };
`;
}

function apply(approval: string, access = ''): void {
  const files = new Map(starterBundle({ pgPort: lab.server.port }));
  files.set('policies/four.cedar', pricesNeed(approval));
  const groups = access === '' ? '' : `  on-call:\naccess:\n  on-call: ${access}\n`;
  files.set('bindings.yaml', `${files.get('bindings.yaml') ?? ''}${groups}`);
  lab.running.gateway.applyBundle(files, approval);
}

const insert = (tag: string): string => `insert into categories (name, tag) values ('toys', '${tag}')`;
async function count(tag: string): Promise<number> {
  const [row] = await lab.server.query(`select count(*)::int as n from categories where tag = '${tag}'`, 'shop');
  return Number(row?.['n']);
}
const enough = /needs 2 of @dba now/;

it('takes no approval of one person where policy asks for two by now', async () => {
  apply('dba:1');
  const before = await lab.held(insert('before'));
  expect((await lab.vote(before, 'approve', 'reviewer')).status).toBe(200);
  resultOf(await lab.exec(insert('before'), { request_id: before })); // the control: one is enough as long as one is asked for
  const id = await lab.held(insert('after'));
  expect((await lab.vote(id, 'approve', 'reviewer')).status).toBe(200);
  apply('dba:2');
  const refused = errorOf(await lab.exec(insert('after'), { request_id: id }));
  expect(refused).toMatchObject({ code: 'denied', message: expect.stringMatching(enough) as string });
  expect([await count('before'), await count('after')]).toEqual([1, 0]);
  expect(await lab.request(id)).toMatchObject({ state: 'failed', outcome: { ok: false } });
});

it('nor where the one decides only then, on a statement that waits in psql', async () => {
  apply('dba:1');
  const psql = await lab.psql('engineer', ['-c', insert('waits')]);
  const id = await psql.request();
  apply('dba:2');
  expect((await lab.vote(id, 'approve', 'reviewer')).status).toBe(200);
  const { code, err } = await psql.ended;
  expect(code).not.toBe(0);
  expect(err).toMatch(enough);
  expect(await count('waits')).toBe(0);
});

it('runs what two have approved where only one is asked for by now', async () => {
  apply('dba:2');
  const id = await lab.held(insert('looser'));
  for (const role of ['reviewer', 'reviewer2'] as const) expect((await lab.vote(id, 'approve', role)).status).toBe(200);
  apply('dba:1');
  resultOf(await lab.exec(insert('looser'), { request_id: id }));
  expect(await count('looser')).toBe(1);
});

it('gives no access by the rule of before', async () => {
  const ask = async () => {
    const body = { name: 'on-call', duration_ms: 60_000, reason: 'INC-7' };
    const answer = await lab.running.call('POST', '/v1/access', { token: await lab.token('engineer'), body });
    return accessDocument.parse(answer.document).request?.id ?? '';
  };
  const outcomes = [
    '{ for: [engineers], approvers: { dba: 2 }, max: 1h }',
    '{ for: [machines], approvers: { dba: 1 }, max: 1h }',
  ];
  for (const rule of outcomes) {
    apply('dba:1', '{ for: [engineers], approvers: { dba: 1 }, max: 1h }');
    const id = await ask();
    apply('dba:1', rule);
    expect((await lab.vote(id, 'approve', 'reviewer')).status).toBe(200);
    await expect.poll(async () => (await lab.request(id)).state, patience).toBe('failed');
    const { document } = await lab.running.call('GET', '/v1/access?all=true', { token: await lab.token('reviewer') });
    expect(document).toMatchObject({ grants: [] });
  }
});
