import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestDocument } from '../../../src/gateway/schemas/requests.js';
import type { Role } from '../../integration/gateway-harness.js';
import { type ApprovalLab, errorOf, openApprovalLab, patience, more } from './support.js';

let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab();
});
afterAll(() => lab.stop());

const take = async (act: string, id: string, role: Role, body: unknown = { comment: 'not needed' }) =>
  lab.running.call('POST', `/v1/requests/${id}/${act}`, { token: await lab.token(role), body });

async function approved(product: number): Promise<string> {
  const id = await lab.held(more(product));
  expect((await lab.vote(id, 'approve', 'reviewer')).status).toBe(200);
  return id;
}

/** Cancelling is for the requester, before or after the approval; revoking is for approvals, by those who can decide too. */
describe.each(['cancel', 'revoke'] as const)('%s', (act) => {
  it('ends an approval that has not been used, and the requester reads by whom and why', async () => {
    const before = await lab.stock(1);
    const id = await approved(1);
    const answer = await take(act, id, 'engineer');
    expect(answer.status, answer.text).toBe(200);
    const { request } = requestDocument.parse(answer.document);
    expect(request.state).toBe('cancelled');
    expect(request.history.at(-1)).toMatchObject({ by: 'engineer@demo.example', to: 'cancelled', note: 'not needed' });
    expect(errorOf(await lab.exec(more(1), { request_id: id }))).toMatchObject({
      ...{ status: 409, code: 'conflict', request_id: id },
      message: 'The request was cancelled by engineer@demo.example: not needed.',
    });
    expect(await lab.stock(1)).toBe(before);
  });

  it.each([
    ['a second time', (id: string) => take(act, id, 'engineer'), 409, 'conflict'],
    ['with a body of another shape', (id: string) => take(act, id, 'engineer', { why: 'x' }), 400, 'usage'],
    ['by who may neither ask nor decide', (id: string) => take(act, id, 'robot'), 404, 'not_found'],
    ['of what never was', () => take(act, 'req_0000000000000000', 'reviewer'), 404, 'not_found'],
  ])('is refused %s', async (_what, attempt, status, code) => {
    const id = await approved(2);
    expect((await take(act, id, 'engineer')).status).toBe(200);
    expect(errorOf(await attempt(id))).toMatchObject({ status, code, decider: 'gateway' });
  });

  it('stands in the trail with the word that was said, also where it is refused', async () => {
    const id = await approved(3);
    await take(act, id, 'engineer', { comment: 'the first' });
    await take(act, id, 'engineer', { comment: 'the second' });
    const steps = async () =>
      (await lab.trail()).filter(({ object, event }) => object === id && event === `request.${act}`);
    await expect.poll(async () => (await steps()).length, patience).toBe(2);
    expect((await steps()).map(({ outcome, detail }) => [outcome, detail?.['comment']])).toEqual([
      ['done', 'the first'],
      ['failed', 'the second'],
    ]);
  });
});

it('is told apart where only one of them fits', async () => {
  // Others may not withdraw what somebody asks, but end what was approved; before that there is nothing to end.
  const pending = await lab.held(more(4));
  expect(errorOf(await take('cancel', pending, 'reviewer'))).toMatchObject({ status: 403, code: 'denied' });
  expect(errorOf(await take('revoke', pending, 'reviewer'))).toMatchObject({
    ...{ status: 409, code: 'conflict', request_id: pending },
    message: 'Nobody has approved this request yet: deny it, or cancel your own.',
  });
  expect((await lab.request(pending)).state).toBe('pending');
  await lab.vote(pending, 'approve', 'reviewer');
  expect(errorOf(await take('cancel', pending, 'reviewer')).code).toBe('denied');
  expect((await take('revoke', pending, 'reviewer2')).status).toBe(200);
  expect(errorOf(await lab.exec(more(4), { request_id: pending })).message).toBe(
    'The request was cancelled by reviewer2@demo.example: not needed.',
  );
});

it('withdraws a statement that waits in psql, which hears so', async () => {
  const before = await lab.stock(5);
  const psql = await lab.psql('engineer', ['-c', more(5), '-c', 'select 7']);
  const id = await psql.request();
  expect((await take('cancel', id, 'engineer')).status).toBe(200);
  const { out, err } = await psql.ended;
  expect(out).toBe('7\n');
  expect(err).toContain('The request was cancelled by engineer@demo.example: not needed.');
  expect(await lab.stock(5)).toBe(before);
});
