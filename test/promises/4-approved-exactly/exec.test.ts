import { afterAll, beforeAll, expect, it } from 'vitest';
import { requestListDocument } from '../../../src/gateway/schemas/requests.js';
import { makeHome, onlyDocument, runCli } from '../../cli/support/run-cli.js';
import { type ApprovalLab, errorOf, openApprovalLab, resultOf, patience, more } from './support.js';

let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab();
});
afterAll(() => lab.stop());

/** The request that waits with this text. */
async function pending(text: string): Promise<string> {
  let id = '';
  const found = async (): Promise<string> => {
    const answer = await lab.running.call('GET', '/v1/requests?state=pending', { token: await lab.token('reviewer') });
    return (id = requestListDocument.parse(answer.document).requests.find((each) => each.text === text)?.id ?? '');
  };
  await expect.poll(found, patience).not.toBe('');
  return id;
}

const byParameter = 'update products set stock = stock + 1 where id = $1';

it('goes the way of two terminals: exit 8, approve, run, and exit 10 the second time', async () => {
  const home = await makeHome();
  try {
    const as = async (role: 'engineer' | 'reviewer') => ({
      env: { SLUICE_GATEWAY: lab.running.url, SLUICE_TOKEN: await lab.token(role) },
      input: null,
    });
    const before = await lab.stock(1);
    const held = await runCli(home.dir, ['exec', 'demo-db', more(1), '--no-wait', '--json'], await as('engineer'));
    expect(held.code, held.stderr).toBe(8);
    const { request_id: id } = (onlyDocument(held)['error'] ?? {}) as { request_id: string };
    const approved = await runCli(home.dir, ['requests', 'approve', id, '--json'], await as('reviewer'));
    expect(approved.code, approved.stderr).toBe(0);
    const ran = await runCli(home.dir, ['exec', '--request', id, '--json'], await as('engineer'));
    expect(ran.code, ran.stderr).toBe(0);
    expect(onlyDocument(ran)).toMatchObject({ ok: true, request_id: id });
    const again = await runCli(home.dir, ['exec', '--request', id, '--json'], await as('engineer'));
    expect(again.code, again.stderr).toBe(10);
    expect(await lab.stock(1)).toBe(before + 1);

    const second = await lab.held(more(1));
    const denied = await runCli(
      home.dir,
      ['requests', 'deny', second, '--comment', 'not on a Friday'],
      await as('reviewer'),
    );
    expect(denied.code, denied.stderr).toBe(0);
    const refused = await runCli(home.dir, ['exec', '--request', second, '--json'], await as('engineer'));
    expect(refused.code).toBe(6);
    const { code, message } = (onlyDocument(refused)['error'] ?? {}) as { code: string; message: string };
    expect([code, message]).toEqual(['request_denied', 'Denied by reviewer@demo.example: not on a Friday']);
    expect(await lab.stock(1)).toBe(before + 1);
  } finally {
    await home.remove();
  }
});

it('lets one of many retries run, whatever they race', async () => {
  const before = await lab.stock(2);
  const id = await lab.held(more(2));
  await lab.vote(id, 'approve', 'reviewer');
  const answers = await Promise.all(Array.from({ length: 6 }, () => lab.exec(more(2), { request_id: id })));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  for (const answer of answers) if (answer.status !== 200) expect(errorOf(answer)).toMatchObject({ code: 'conflict' });
  expect(await lab.stock(2)).toBe(before + 1);
});

it('takes the first of an approval and a denial that race', async () => {
  const before = await lab.stock(3);
  const id = await lab.held(more(3));
  const votes = await Promise.all([lab.vote(id, 'approve', 'reviewer'), lab.vote(id, 'deny', 'reviewer2')]);
  expect(votes.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 409]);
  const { state } = await lab.request(id);
  const run = await lab.exec(more(3), { request_id: id });
  expect(run.status === 200).toBe(state === 'approved');
  expect(await lab.stock(3)).toBe(before + (state === 'approved' ? 1 : 0));
});

it('runs nothing of a request that expired, undecided or approved and not used in time', async () => {
  const before = await lab.stock(8);
  const home = await makeHome();
  try {
    const [undecided, unused] = [await lab.held(more(8)), await lab.held(byParameter, { parameters: ['8'] })];
    lab.pass(8 * 60_000);
    await lab.vote(unused, 'approve', 'reviewer');
    lab.pass(3 * 60_000);
    expect(errorOf(await lab.vote(undecided, 'approve', 'reviewer'))).toMatchObject({ code: 'request_expired' });
    // Its own time begins with the approval.
    expect((await lab.request(unused)).state).toBe('approved');
    lab.pass(8 * 60_000);
    const env = { SLUICE_GATEWAY: lab.running.url, SLUICE_TOKEN: await lab.token('engineer') };
    for (const id of [undecided, unused]) {
      const run = await runCli(home.dir, ['exec', '--request', id, '--json'], { env, input: null });
      expect(run.code, run.stderr).toBe(6);
      expect(onlyDocument(run)['error']).toMatchObject({
        ...{ code: 'request_expired', decider: 'gateway', request_id: id },
        next: [{}, { command: 'sluice requests create demo-db …' }],
      });
      expect((await lab.request(id)).state).toBe('expired');
    }
    const wait = await runCli(home.dir, ['requests', 'wait', unused], { env, input: null });
    expect([wait.code, wait.stderr]).toEqual([6, expect.stringContaining('it was approved, and not used in time')]);
    expect(await lab.stock(8)).toBe(before);
  } finally {
    await home.remove();
  }
});

it('withdraws the request of a caller who waited in the call and is gone', async () => {
  const before = await lab.stock(9);
  const leave = new AbortController();
  const call = lab.running.call('POST', '/v1/exec', {
    token: await lab.token('engineer'),
    body: { target: 'demo-db', text: more(9), wait: true, timeout_ms: 60_000 },
    signal: leave.signal,
  });
  const id = await pending(more(9));
  leave.abort();
  await expect(call).rejects.toThrow();
  await expect.poll(async () => (await lab.request(id)).state, patience).toBe('cancelled');
  expect((await lab.request(id)).history.at(-1)).toMatchObject({ by: 'gateway', note: 'the client is gone' });
  expect(errorOf(await lab.vote(id, 'approve', 'reviewer')).code).toBe('conflict');
  const late = errorOf(await lab.exec(more(9), { request_id: id }));
  expect([late.code, late.message]).toEqual(['conflict', 'The request was cancelled: the client is gone.']);
  expect(await lab.stock(9)).toBe(before);
});

it('lets nobody approve for themselves, under whatever name', async () => {
  const before = await lab.stock(4);
  const id = await lab.held(more(4));
  expect((await lab.vote(id, 'approve', 'engineer')).status).toBe(403);
  expect((await lab.vote(id, 'approve', 'robot')).status).toBe(403);
  // Another account, whose token carries the requester's e-mail.
  const self = await lab.vote(id, 'approve', 'reviewer', { email: 'Engineer@demo.example' });
  expect(errorOf(self)).toMatchObject({ status: 403, code: 'denied', message: 'Nobody decides on their own request.' });
  expect((await lab.request(id)).votes).toEqual([]);
  expect(errorOf(await lab.exec(more(4), { request_id: id })).code).toBe('approval_pending');
  expect(await lab.stock(4)).toBe(before);
  // A reviewer's own request, in their own group.
  const own = errorOf(await lab.exec(more(4), {}, 'reviewer'));
  expect(own.code).toBe('approval_pending');
  expect(errorOf(await lab.vote(own.request_id ?? '', 'approve', 'reviewer')).message).toMatch(/own request/);
});

it('runs nothing but exactly what was approved, and keeps the approval for that', async () => {
  const [five, six] = [await lab.stock(5), await lab.stock(6)];
  const id = await lab.held(byParameter, { parameters: ['5'] });
  await lab.vote(id, 'approve', 'reviewer');
  const other = 'The approval is for another identity, target, statement or parameters.';
  const attempts: readonly [Readonly<Record<string, unknown>>, string][] = [
    [{ text: `${byParameter} ` }, other],
    [{ text: byParameter.replace('+ 1', '+ 2') }, other],
    [{ text: `/* approved */ ${byParameter}` }, other],
    [{ parameters: ['6'] }, other],
    [{ parameters: ['05'] }, other],
    [{ target: 'demo-db2' }, `request ${id} is for demo-db, not demo-db2`],
  ];
  for (const [change, message] of attempts) {
    const answer = await lab.exec(byParameter, { parameters: ['5'], request_id: id, ...change });
    expect(errorOf(answer).message, JSON.stringify(change)).toBe(message);
  }
  const stranger = await lab.exec(byParameter, { parameters: ['5'], request_id: id }, 'reviewer2');
  expect(errorOf(stranger).code).toBe('not_found');
  expect([await lab.stock(5), await lab.stock(6)]).toEqual([five, six]);
  expect((await lab.request(id)).state).toBe('approved');
  resultOf(await lab.exec(byParameter, { parameters: ['5'], request_id: id }));
  expect(await lab.stock(5)).toBe(five + 1);
});

it('writes every step to the audit trail, with who took it', async () => {
  const id = await lab.held(more(7), { reason: 'INC-7' });
  await lab.vote(id, 'approve', 'reviewer', { email: 'engineer@demo.example' });
  await lab.vote(id, 'approve', 'reviewer');
  resultOf(await lab.exec(more(7), { request_id: id }));
  const steps = async () => (await lab.trail()).filter(({ object }) => object === id);
  await expect.poll(async () => (await steps()).length, patience).toBe(5);
  const trail = await steps();
  expect(trail.map(({ event, outcome }) => `${event} ${outcome}`)).toEqual([
    'request.create done',
    'request.approve refused',
    'request.approve done',
    'request.execute done',
    'request.complete done',
  ]);
  expect(trail[0]).toMatchObject({
    actor: { name: 'engineer@demo.example' },
    detail: { reason: 'INC-7', state: 'pending' },
  });
  expect(trail[4]).toMatchObject({ actor: { id: 'gateway' }, detail: { answer: 'UPDATE 1' } });
});
