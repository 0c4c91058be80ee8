import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApprovalLab, errorOf, openApprovalLab, resultOf, patience, more } from './support.js';

let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab();
});
afterAll(() => lab.stop());

const states = async (id: string) => (await lab.request(id)).history.map(({ to }) => to);

it('runs what was approved once, in the connection that waited, and records its end', async () => {
  const before = await lab.stock(1);
  const psql = await lab.psql('engineer', ['-c', more(1), '-c', 'select 7']);
  const id = await psql.request();
  expect(await lab.stock(1)).toBe(before);
  expect((await lab.request(id)).client).toEqual({ application: 'psql', address: '127.0.0.1', via: 'listener' });
  expect((await lab.vote(id, 'approve', 'reviewer')).status).toBe(200);
  expect(await psql.ended).toMatchObject({ code: 0, out: 'UPDATE 1\n7\n' });
  expect(await lab.stock(1)).toBe(before + 1);
  expect(await lab.request(id)).toMatchObject({ state: 'executed', outcome: { ok: true, detail: 'UPDATE 1' } });
  expect(await states(id)).toEqual(['pending', 'approved', 'executed', 'executed']);
});

it('tells a denial with its reason, changes nothing, and keeps the connection', async () => {
  const before = await lab.stock(2);
  const psql = await lab.psql('engineer', ['-v', 'VERBOSITY=verbose', '-c', more(2), '-c', 'select 7']);
  const id = await psql.request();
  expect((await lab.vote(id, 'deny', 'reviewer')).status).toBe(200);
  const { code, out, err } = await psql.ended;
  expect([code, out]).toEqual([0, '7\n']);
  expect(err).toMatch(/ERROR: {2}42501: gateway, request req_\w+: Denied by reviewer@demo\.example: not on a Friday/);
  expect(await lab.stock(2)).toBe(before);
  expect(await states(id)).toEqual(['pending', 'denied']);
});

it('lets a request expire that nobody decides', async () => {
  const before = await lab.stock(3);
  const psql = await lab.psql('engineer', ['-c', more(3)]);
  const id = await psql.request();
  lab.pass(11 * 60_000);
  expect((await lab.request(id)).state).toBe('expired');
  expect((await psql.ended).err).toMatch(/ERROR: {2}gateway, request req_\w+: The request expired/);
  expect(errorOf(await lab.vote(id, 'approve', 'reviewer')).code).toBe('request_expired');
  expect(await lab.stock(3)).toBe(before);
});

it('takes Ctrl-C for the end of the request, and keeps the connection', async () => {
  const before = await lab.stock(4);
  const psql = await lab.psql('engineer', ['-c', more(4), '-c', 'select 7']);
  const id = await psql.request();
  psql.signal('SIGINT');
  const { err } = await psql.ended;
  expect(err).toMatch(/canceling statement due to user request/);
  expect(await lab.request(id)).toMatchObject({ state: 'cancelled' });
  expect(errorOf(await lab.vote(id, 'approve', 'reviewer')).code).toBe('conflict');
  expect(await lab.stock(4)).toBe(before);
});

it('cancels the request of a client that is gone', async () => {
  const before = await lab.stock(5);
  const psql = await lab.psql('engineer', ['-c', more(5)]);
  const id = await psql.request();
  psql.signal('SIGKILL');
  await expect.poll(async () => (await lab.request(id)).state, patience).toBe('cancelled');
  expect((await lab.request(id)).history.at(-1)).toMatchObject({ by: 'gateway', note: 'the client is gone' });
  expect(errorOf(await lab.vote(id, 'approve', 'reviewer')).code).toBe('conflict');
  expect(await lab.stock(5)).toBe(before);
});

it.each([
  ['of the session', ["set statement_timeout = '400ms'", more(6)]],
  ['of the transaction', ['begin', "set local statement_timeout = '400ms'", more(6)]],
])('respects the statement_timeout %s', async (_whose, statements) => {
  const before = await lab.stock(6);
  const psql = await lab.psql(
    'engineer',
    [...statements, 'rollback', 'select 7'].flatMap((text) => ['-c', text]),
  );
  const id = await psql.request();
  const { out, err } = await psql.ended;
  expect(err).toMatch(/canceling statement due to statement timeout/);
  expect(out).toMatch(/7\n$/);
  expect(await lab.request(id)).toMatchObject({ state: 'cancelled' });
  expect(await lab.stock(6)).toBe(before);
});

// The server's clock runs from the last statement, so the time must do for the next one to be held on a busy machine.
it('does not outlive a transaction that the server ends because nothing happens in it', async () => {
  const before = await lab.stock(6);
  const psql = await lab.psql(
    'engineer',
    ['begin', "set local idle_in_transaction_session_timeout = '5s'", more(6)].flatMap((text) => ['-c', text]),
  );
  const id = await psql.request();
  const { code, err } = await psql.ended;
  expect(code).not.toBe(0);
  expect(err).toMatch(/FATAL: {2}idle_in_transaction_session_timeout/);
  expect(await lab.request(id)).toMatchObject({ state: 'cancelled' });
  expect(errorOf(await lab.vote(id, 'approve', 'reviewer')).code).toBe('conflict');
  expect(await lab.stock(6)).toBe(before);
});

it('counts waiting for people as no waiting for a lock', async () => {
  const before = await lab.stock(6);
  const psql = await lab.psql('engineer', ['-c', "set lock_timeout = '200ms'", '-c', more(6)]);
  const id = await psql.request();
  await new Promise((resolve) => setTimeout(resolve, 600));
  await lab.vote(id, 'approve', 'reviewer');
  expect(await psql.ended).toMatchObject({ code: 0 });
  expect(await lab.request(id)).toMatchObject({ state: 'executed' });
  expect(await lab.stock(6)).toBe(before + 1);
});

it('decides a race of approval and Ctrl-C one way or the other, never both', async () => {
  for (let round = 0; round < 3; round++) {
    const before = await lab.stock(7);
    const psql = await lab.psql('engineer', ['-c', more(7)]);
    const id = await psql.request();
    const voting = lab.vote(id, 'approve', 'reviewer');
    psql.signal('SIGINT');
    await voting;
    const { out } = await psql.ended;
    const { state } = await lab.request(id);
    // Ctrl-C may also reach the statement while the target runs it: then it failed there, and changed nothing.
    expect(['executed', 'cancelled', 'failed']).toContain(state);
    expect(await lab.stock(7)).toBe(before + (state === 'executed' ? 1 : 0));
    expect(out.includes('UPDATE 1')).toBe(state === 'executed');
  }
});

it('asks again for the same statement in the same connection: an approval is good for one run', async () => {
  const before = await lab.stock(8);
  const psql = await lab.psql('engineer', ['-c', more(8), '-c', more(8)]);
  const first = await psql.request();
  await lab.vote(first, 'approve', 'reviewer');
  const pending = async () => {
    const answer = await lab.running.call('GET', '/v1/requests?state=pending', { token: await lab.token('reviewer') });
    return (answer.document['requests'] as { id: string; text: string }[]).find(({ text }) => text === more(8))?.id;
  };
  await expect.poll(pending, patience).toBeDefined();
  const second = (await pending()) ?? '';
  expect(second).not.toBe(first);
  expect(await lab.stock(8)).toBe(before + 1);
  await lab.vote(second, 'deny', 'reviewer');
  expect((await psql.ended).code).toBe(1);
  expect(await lab.stock(8)).toBe(before + 1);
});

it('says failed of what the target refuses', async () => {
  const psql = await lab.psql('engineer', ['-c', 'update products set price = -1 where id = 9']);
  const id = await psql.request();
  await lab.vote(id, 'approve', 'reviewer');
  expect((await psql.ended).code).toBe(1);
  expect(await lab.request(id)).toMatchObject({ state: 'failed', outcome: { ok: false } });
  expect((await lab.request(id)).outcome?.detail).toMatch(/^23514/);
});

/** Runs a text in a transaction, has it approved, and commits; then the connection answers one more query. */
async function approvedThenCommitted(text: string) {
  const texts = ['begin', text, 'commit', 'select 7'];
  const psql = await lab.psql(
    'engineer',
    texts.flatMap((each) => ['-c', each]),
  );
  const id = await psql.request();
  await lab.vote(id, 'approve', 'reviewer');
  return { id, ...(await psql.ended) };
}

it('says failed of what ran and was undone at commit, by a constraint that waited until then', async () => {
  await lab.server.query(
    'alter table products add column instead_of int references products deferrable initially deferred',
    'shop',
  );
  const { id, out, err } = await approvedThenCommitted('update products set instead_of = 5000011 where id = 11');
  expect(err).toMatch(/violates foreign key constraint/);
  expect(out).toMatch(/7\n$/);
  expect(await lab.request(id)).toMatchObject({ state: 'failed', outcome: { ok: false } });
  expect((await lab.request(id)).outcome?.detail).toMatch(/^23503/);
  expect(await lab.server.query('select id from products where instead_of is not null', 'shop')).toEqual([]);
});

it('tells no protected value in what a commit refuses', async () => {
  const [customer] = await lab.server.query('select email from customers where id = 2', 'shop');
  const email = String(customer?.['email']);
  await lab.server.query('alter table customers add unique (email) deferrable initially deferred', 'shop');
  const { id, out, err } = await approvedThenCommitted(
    'update customers set email = (select email from customers where id = 2) where id = 1',
  );
  expect(err).toMatch(/ERROR: .*customers_email_key|unique_violation/);
  expect(out + err).not.toContain(email.slice(0, email.indexOf('@')));
  expect(out).toMatch(/7\n$/);
  const request = await lab.request(id);
  expect(request).toMatchObject({ state: 'failed' });
  expect(JSON.stringify(request)).not.toContain(email);
});

it('asks nobody without the reason that policy wants, and says how to give one', async () => {
  const insert = `insert into products (id, sku, name, category, price, stock) values (9001, 'x-9001', 'x', 'x', 1, 1)`;
  const psql = await lab.psql('engineer', ['-c', insert]);
  const { code, err } = await psql.ended;
  expect(code).toBe(1);
  expect(err).toMatch(/asks for a reason[\s\S]*sluice connect demo-db --reason/);
  expect(errorOf(await lab.exec(insert))).toMatchObject({
    code: 'usage',
    policy: 'two-people',
    next: [{ command: expect.stringContaining('--reason') as string }],
  });
  // With one, two people must agree, whichever groups either is in.
  const id = await lab.held(insert, { reason: 'INC-42' });
  expect((await lab.vote(id, 'approve', 'reviewer')).status).toBe(200);
  expect((await lab.request(id)).state).toBe('pending');
  expect(errorOf(await lab.vote(id, 'approve', 'reviewer')).code).toBe('conflict');
  expect((await lab.vote(id, 'approve', 'reviewer2')).status).toBe(200);
  expect(resultOf(await lab.exec(insert, { request_id: id })).row_count).toBe(1);
  expect((await lab.request(id)).state).toBe('executed');
});
