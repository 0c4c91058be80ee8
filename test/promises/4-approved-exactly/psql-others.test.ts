import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { type ApprovalLab, errorOf, openApprovalLab, resultOf, patience, more } from './support.js';

let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab();
});
afterAll(() => lab.stop());
afterEach(() => void vi.useRealTimers());

it('runs nothing that its requester approves, under whatever name, and waits on for others', async () => {
  const before = await lab.stock(1);
  const psql = await lab.psql('reviewer', ['-c', more(1)]);
  const id = await psql.request();
  // They may approve what others ask, and the starter's DBAs are whom it takes; only it is theirs.
  const own = errorOf(await lab.vote(id, 'approve', 'reviewer'));
  expect(own).toMatchObject({ status: 403, code: 'denied', message: 'Nobody decides on their own request.' });
  // Another account, whose token carries the requester's e-mail; and a machine.
  const alias = await lab.vote(id, 'approve', 'reviewer2', { email: 'Reviewer@demo.example' });
  expect(errorOf(alias)).toMatchObject({ status: 403, message: 'Nobody decides on their own request.' });
  expect((await lab.vote(id, 'approve', 'robot')).status).toBe(403);
  expect(await lab.request(id, 'reviewer')).toMatchObject({ state: 'pending', votes: [] });
  expect(await lab.stock(1)).toBe(before);
  await lab.vote(id, 'approve', 'reviewer2');
  expect(await psql.ended).toMatchObject({ code: 0, out: 'UPDATE 1\n' });
  expect(await lab.stock(1)).toBe(before + 1);
});

it('takes the first of an approval and a denial that race for it', async () => {
  for (let round = 0; round < 3; round++) {
    const before = await lab.stock(2);
    const psql = await lab.psql('engineer', ['-c', more(2)]);
    const id = await psql.request();
    const votes = await Promise.all([lab.vote(id, 'approve', 'reviewer'), lab.vote(id, 'deny', 'reviewer2')]);
    expect(votes.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 409]);
    const { code, out, err } = await psql.ended;
    const { state } = await lab.request(id);
    expect(['executed', 'denied']).toContain(state);
    expect([code, out]).toEqual(state === 'executed' ? [0, 'UPDATE 1\n'] : [1, '']);
    if (state === 'denied') expect(err).toMatch(/Denied by reviewer2@demo\.example: not on a Friday/);
    expect(await lab.stock(2)).toBe(before + (state === 'executed' ? 1 : 0));
  }
});

it('runs one of two connections of the same person that wait with the same statement: the one approved', async () => {
  const before = await lab.stock(3);
  const [one, two] = [await lab.psql('engineer', ['-c', more(3)]), await lab.psql('engineer', ['-c', more(3)])];
  const [first, second] = [await one.request(), await two.request()];
  expect(first).not.toBe(second);
  await lab.vote(first, 'approve', 'reviewer');
  expect(await one.ended).toMatchObject({ code: 0, out: 'UPDATE 1\n' });
  expect(await lab.request(second)).toMatchObject({ state: 'pending', votes: [] });
  // Nor does a retry by the other lane spend what another connection waits with.
  expect(errorOf(await lab.exec(more(3), { request_id: second })).code).toBe('approval_pending');
  await lab.vote(second, 'deny', 'reviewer');
  expect((await two.ended).code).toBe(1);
  expect(await lab.stock(3)).toBe(before + 1);
});

it('lets one of a waiting connection and many retries use the approval, never two', async () => {
  const before = await lab.stock(4);
  const psql = await lab.psql('engineer', ['-c', more(4)]);
  const id = await psql.request();
  const retries = Array.from({ length: 4 }, () => lab.exec(more(4), { request_id: id }));
  const [voted, ...answers] = await Promise.all([lab.vote(id, 'approve', 'reviewer'), ...retries]);
  expect(voted.status).toBe(200);
  const { code } = await psql.ended;
  const ran = answers.filter(({ status }) => status === 200).length + (code === 0 ? 1 : 0);
  expect(ran).toBe(1);
  for (const answer of answers)
    if (answer.status !== 200) expect(['conflict', 'approval_pending']).toContain(errorOf(answer).code);
  expect(await lab.stock(4)).toBe(before + 1);
});

it('asks anew for what was changed after the approval, by a letter or by a value of a prepared statement', async () => {
  const [five, six] = [await lab.stock(5), await lab.stock(6)];
  // Approved ahead of time, and typed with another value: it is another statement, about which nobody was asked.
  const approved = await lab.held(more(5));
  await lab.vote(approved, 'approve', 'reviewer');
  for (const text of [more(6), `${more(5)} or id = 6`, `/* ${approved} */ ${more(5)}`]) {
    const psql = await lab.psql('engineer', ['-c', text]);
    const id = await psql.request();
    expect(id).not.toBe(approved);
    await lab.vote(id, 'deny', 'reviewer');
    expect((await psql.ended).code, text).toBe(1);
  }
  const prepare = 'prepare q(int) as update products set stock = stock + 1 where id = $1';
  const psql = await lab.psql('engineer', ['-c', prepare, '-c', 'execute q(5)', '-c', 'execute q(6)']);
  const first = await psql.request();
  await lab.vote(first, 'approve', 'reviewer');
  const other = await psql.request(first);
  expect(await lab.request(other)).toMatchObject({ state: 'pending', text: expect.stringContaining('q(6)') as string });
  await lab.vote(other, 'deny', 'reviewer');
  expect((await psql.ended).code).toBe(1);
  expect([await lab.stock(5), await lab.stock(6)]).toEqual([five + 1, six]);
  // What was approved is as good as before, for exactly that.
  expect((await lab.request(approved)).state).toBe('approved');
  resultOf(await lab.exec(more(5), { request_id: approved }));
  expect([await lab.stock(5), await lab.stock(6)]).toEqual([five + 2, six]);
});

it('hears every minute that it still waits, and how long yet', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const psql = await lab.psql('engineer', ['-c', more(7)]);
  const id = await psql.request();
  for (const left of [9, 8]) {
    lab.pass(60_000);
    let heard = false;
    const said = psql.says(new RegExp(`still waiting for approval, ${left} min left. Request ${id}`));
    void said.then(() => (heard = true));
    // The first minute begins a moment after the notice that it is held.
    const minute = (): boolean => heard || (vi.advanceTimersByTime(60_000), heard);
    await expect.poll(minute, patience).toBe(true);
  }
  await lab.vote(id, 'deny', 'reviewer');
  await psql.ended;
});

/** A line of /proc/net/tcp: local and remote as HEX:PORT, and which timer runs (2: keep-alive). proc(5). */
async function timersOf(port: number): Promise<readonly string[]> {
  const lines = (await readFile('/proc/net/tcp', 'utf8')).trim().split('\n').slice(1);
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return lines.flatMap((line) => {
    const [, local = '', , state, , timer = ''] = line.trim().split(/\s+/);
    return local.endsWith(`:${hex}`) && state === '01' ? [timer.slice(0, 2)] : [];
  });
}

it.runIf(process.platform === 'linux')('keeps the connection of one who waits alive by TCP', async () => {
  const psql = await lab.psql('engineer', ['-c', more(7)]);
  const id = await psql.request();
  // 01 for a moment: what was just sent is not yet acknowledged.
  await expect.poll(() => timersOf(lab.running.gateway.postgresPort ?? 0), patience).toEqual(['02']);
  await lab.vote(id, 'deny', 'reviewer');
  await psql.ended;
});
