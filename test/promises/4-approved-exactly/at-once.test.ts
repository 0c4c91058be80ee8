import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApprovalLab, more, openApprovalLab } from './support.js';

const twoOf = `
@id("two-dbas") @approval("dba:2") @message("Orders need two DBAs.")
forbid (principal, action == Action::"insert", resource in Label::"env=demo")
when { resource is Table && resource.name == "audit_log" }
unless { context.approvals.contains("dba") };
`;
let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab(twoOf);
});
afterAll(() => lab.stop());
const insert = (actor: string): string =>
  `insert into audit_log (id, at, actor, action, detail) select max(id) + 1, now(), '${actor}', 'x', '{}' from audit_log`;
const sorted = (answers: readonly { readonly status: number }[]): readonly number[] =>
  answers.map(({ status }) => status).sort((a, b) => a - b);

it('counts one person once, however many of their logins decide at once, and two people as two', async () => {
  const id = await lab.held(insert('one'));
  const logins = [{}, { issuedInSeconds: -5 }, { issuedInSeconds: -9 }, { email: 'Reviewer@demo.example' }];
  const votes = await Promise.all(logins.map((claims) => lab.vote(id, 'approve', 'reviewer', claims)));
  expect(sorted(votes)).toEqual([200, 409, 409, 409]);
  expect((await lab.exec(insert('one'), { request_id: id })).status).toBe(202); // it still waits
  const other = await lab.held(insert('two'));
  const both = await Promise.all([lab.vote(other, 'approve', 'reviewer'), lab.vote(other, 'approve', 'reviewer2')]);
  expect(sorted(both)).toEqual([200, 200]);
  expect((await lab.request(other)).state).toBe('approved');
});

it('runs once what is sent at once under keys of its own, or under one key', async () => {
  const before = await lab.stock(1);
  const id = await lab.held(more(1));
  await lab.vote(id, 'approve', 'reviewer');
  const runs = await Promise.all(
    ['a', 'b', 'c', 'c'].map((idempotency_key) => lab.exec(more(1), { request_id: id, idempotency_key })),
  );
  expect(runs.filter(({ status, document }) => status === 200 && document['replayed'] !== true)).toHaveLength(1);
  expect(await lab.stock(1)).toBe(before + 1);
});

it('lets either a cancellation or an approval win, and runs nothing that was cancelled', async () => {
  const before = await lab.stock(2);
  const id = await lab.held(more(2));
  const token = await lab.token('engineer');
  const [approved, cancelled, ran] = await Promise.all([
    lab.vote(id, 'approve', 'reviewer'),
    lab.running.call('POST', `/v1/requests/${id}/cancel`, { token, body: {} }),
    lab.exec(more(2), { request_id: id }),
  ]);
  const { state } = await lab.request(id);
  expect([approved.status, cancelled.status]).toContain(200);
  expect(await lab.stock(2)).toBe(before + (ran.status === 200 ? 1 : 0));
  expect(state === 'executed').toBe(ran.status === 200);
});
