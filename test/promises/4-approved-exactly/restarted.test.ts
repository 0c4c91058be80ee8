import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeHome, onlyDocument, runCli } from '../../cli/support/run-cli.js';
import { requestListDocument } from '../../../src/gateway/schemas/requests.js';
import { type ApprovalLab, errorOf, openApprovalLab, resultOf, patience, more } from './support.js';

let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab();
});
afterAll(() => lab.stop());

it('tells each requester what became of their request when the gateway is started again, and how to go on', async () => {
  const [one, two, three] = [await lab.stock(1), await lab.stock(2), await lab.stock(3)];
  const psql = await lab.psql('engineer', ['-c', more(1)]);
  const inPsql = await psql.request();
  const call = lab.exec(more(2), { wait: true, timeout_ms: 60_000 });
  let inExec = '';
  const waits = async (): Promise<string> => {
    const answer = await lab.running.call('GET', '/v1/requests?state=pending', { token: await lab.token('reviewer') });
    return (inExec =
      requestListDocument.parse(answer.document).requests.find(({ text }) => text === more(2))?.id ?? '');
  };
  await expect.poll(waits, patience).not.toBe('');
  const ahead = await lab.held(more(3));
  await lab.running.restart();

  const { code, err } = await psql.ended;
  expect(code).not.toBe(0);
  expect(err).toContain(
    `the gateway is shutting down; connect again; request ${inPsql}, which waited here, is withdrawn`,
  );
  expect(err).toMatch(/HINT: {2}Next: sluice requests create demo-db …/);
  expect(errorOf(await call)).toMatchObject({
    ...{ status: 503, code: 'unavailable', request_id: inExec },
    message: `the gateway is shutting down; request ${inExec}, which waited here, is withdrawn`,
    next: [{ command: 'sluice requests create demo-db …' }],
  });
  for (const [id, text] of [[inPsql, more(1)] as const, [inExec, more(2)] as const]) {
    const { state, history } = await lab.request(id, 'engineer');
    expect(state).toBe('cancelled');
    expect(history.at(-1)).toMatchObject({ by: 'gateway', note: expect.stringContaining('shutting down') as string });
    expect(errorOf(await lab.vote(id, 'approve', 'reviewer')).code).toBe('conflict');
    expect(errorOf(await lab.exec(text, { request_id: id }))).toMatchObject({
      ...{ code: 'conflict', message: 'The request was cancelled: the gateway is shutting down; connect again.' },
      next: [{ command: `sluice requests show ${id}` }, { command: 'sluice requests create demo-db …' }],
    });
  }
  const home = await makeHome();
  try {
    const env = { SLUICE_GATEWAY: lab.running.url, SLUICE_TOKEN: await lab.token('engineer') };
    const waited = await runCli(home.dir, ['requests', 'wait', inPsql, '--json'], { env, input: null });
    expect(waited.code).toBe(6);
    expect(onlyDocument(waited)['error']).toMatchObject({
      message: `Request ${inPsql} was cancelled by gateway: the gateway is shutting down; connect again.`,
      next: [{ command: 'sluice requests create demo-db …' }],
    });
  } finally {
    await home.remove();
  }
  // What waits in no connection waits on.
  expect((await lab.request(ahead)).state).toBe('pending');
  await lab.vote(ahead, 'approve', 'reviewer');
  resultOf(await lab.exec(more(3), { request_id: ahead }));
  expect([await lab.stock(1), await lab.stock(2), await lab.stock(3)]).toEqual([one, two, three + 1]);
});

it('says who ended the session, where a request is withdrawn for that', async () => {
  const psql = await lab.psql('engineer', ['-c', more(4)]);
  const id = await psql.request();
  const { session_id: session } = await lab.request(id);
  const killed = await lab.running.call('POST', `/v1/sessions/${session ?? ''}/end`, {
    ...{ token: await lab.token('reviewer'), body: { reason: 'not now' } },
  });
  expect(killed.status, killed.text).toBe(200);
  expect((await psql.ended).err).toContain(`request ${id}, which waited here, is withdrawn`);
  expect((await lab.request(id)).history.at(-1)?.note).toMatch(/^ended by .*: not now$/);
});
