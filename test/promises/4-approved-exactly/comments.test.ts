import { afterAll, beforeAll, expect, it } from 'vitest';
import { starterBundle } from '../../../src/quickstart/bundle.js';
import { type ApprovalLab, errorOf, more, openApprovalLab, resultOf } from './support.js';

/** Where policy wants approvers to say why, an approval that says nothing counts for nothing, however it is given. */
let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab(pricesNeed('approver-comment'));
  for (const sql of ['create table categories (name text)', 'grant all on categories to public'])
    await lab.server.query(sql, 'shop');
}, 120_000);
afterAll(() => lab.stop());

function pricesNeed(requires: string): string {
  return `
@id("stock") @approval("dba") @reuse("30m") ${requires === '' ? '' : `@requires("${requires}")`} @message("Stock needs DBAs.")
forbid (principal, action in [Action::"update", Action::"insert"], resource in Label::"env=demo")
when { resource is Table && ["products", "categories"].contains(resource.name) }
unless { context.approvals.contains("dba") };
`;
}

function apply(requires: string): void {
  const files = new Map(starterBundle({ pgPort: lab.server.port }));
  lab.running.gateway.applyBundle(files.set('policies/four.cedar', pricesNeed(requires)), requires);
}

const approve = async (id: string, comment?: string, more: object = {}) =>
  lab.running.call('POST', `/v1/requests/${id}/approve`, {
    token: await lab.token('reviewer'),
    body: { ...(comment === undefined ? {} : { comment }), ...more },
  });

it('is not given without a word, by whatever looks like one', async () => {
  const before = await lab.stock(1);
  const id = await lab.held(more(1));
  expect((await lab.request(id)).required).toEqual([{ group: 'dba', count: 1, have: 0, comment: true }]);
  for (const comment of [undefined, '', '  \n', '\u3164', '\u2800', '\u200b', '…', '\u034f\ufe0f']) {
    const refused = errorOf(await approve(id, comment));
    expect(refused, JSON.stringify(comment)).toMatchObject({ status: 400, code: 'usage' });
    expect(refused.message).toBe('Policy "stock" asks who approves to say why, in a comment.');
    expect(refused.next).toEqual([{ command: `sluice requests approve ${id} --comment "…"`, when: 'to say why' }]);
  }
  expect(await lab.request(id)).toMatchObject({ state: 'pending', votes: [] });
  expect(errorOf(await lab.exec(more(1), { request_id: id })).code).toBe('approval_pending');
  expect(await lab.stock(1)).toBe(before);
  expect((await approve(id, 'seen, INC-42')).status).toBe(200);
  resultOf(await lab.exec(more(1), { request_id: id }));
  expect(await lab.stock(1)).toBe(before + 1);
});

it('tells psql, which waits, what a reviewer has to say', async () => {
  const psql = await lab.psql('engineer', ['-c', more(2)]);
  await psql.says(/sluice requests approve req_\w+ --comment "…"/);
  const id = await psql.request();
  expect(errorOf(await approve(id)).code).toBe('usage');
  expect((await approve(id, 'ok')).status).toBe(200);
  expect((await psql.ended).code).toBe(0);
});

it('does not run by an approval without one where policy wants one by now', async () => {
  apply('');
  const before = await lab.stock(3);
  const id = await lab.held(more(3));
  expect((await approve(id)).status).toBe(200);
  apply('approver-comment');
  expect(errorOf(await lab.exec(more(3), { request_id: id }))).toMatchObject({
    code: 'denied',
    message: expect.stringMatching(/needs 1 of @dba with a comment now/) as string,
  });
  expect(await lab.stock(3)).toBe(before);
});

it('nor stands, for the very same again, where it was given without one', async () => {
  apply('');
  const again = `insert into categories values ('toys')`;
  const id = await lab.held(again);
  expect((await approve(id, '', { for_ms: 600_000 })).status).toBe(200);
  resultOf(await lab.exec(again, { request_id: id }));
  resultOf(await lab.exec(again)); // the control: it stands as long as policy wants no comment
  apply('approver-comment');
  expect(errorOf(await lab.exec(again)).code).toBe('approval_pending');
});
