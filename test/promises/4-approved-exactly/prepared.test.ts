import { afterAll, beforeAll, expect, it } from 'vitest';
import { twoPhase } from '../../support/postgres.js';
import { type ApprovalLab, errorOf, openApprovalLab, more } from './support.js';

/** Two-phase commit (PostgreSQL, PREPARE TRANSACTION): what ran by an approval is decided later, by whoever may. */
let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab('', twoPhase);
});
afterAll(() => lab.stop());

const waiting = async (): Promise<number> => (await lab.server.query('select gid from pg_prepared_xacts')).length;

/** Runs these in one psql; the one that is held is approved. */
async function run(texts: readonly string[]) {
  const psql = await lab.psql(
    'engineer',
    texts.flatMap((text) => ['-c', text]),
  );
  const id = await psql.request();
  await lab.vote(id, 'approve', 'reviewer');
  return { id, ...(await psql.ended) };
}
const plain = async (text: string) => (await lab.psql('engineer', ['-c', text])).ended;
const prepared = { ok: true, detail: 'UPDATE 1, in a prepared transaction: done only once that is committed' };

it.each([
  ['commit prepared', 1, { state: 'executed', ok: true, detail: 'its prepared transaction was committed' }],
  ['rollback prepared', 0, { state: 'failed', ok: false, detail: 'its prepared transaction was rolled back' }],
] as const)('says of what was approved and prepared how it ended, once it has: %s', async (end, added, outcome) => {
  const before = await lab.stock(1);
  const { id, code, err } = await run(['begin', more(1), "prepare transaction 'p1'"]);
  expect([code, err.includes('ERROR')]).toEqual([0, false]);
  expect(await waiting()).toBe(1);
  expect(await lab.stock(1)).toBe(before);
  expect(await lab.request(id)).toMatchObject({ state: 'executed', outcome: prepared });
  expect((await lab.request(id)).history.map(({ to, note }) => [to, note])).toEqual([
    ...[['pending', ''] as const, ['approved', 'looked at it'] as const, ['executed', ''] as const],
    ['executed', 'UPDATE 1'],
    ['executed', prepared.detail],
  ]);
  // From another session, which may be another person's: it is decided there, and the approval is spent either way.
  expect((await plain(`${end} 'p1'`)).code).toBe(0);
  expect(await lab.stock(1)).toBe(before + added);
  const { state, ...ended } = outcome;
  expect(await lab.request(id)).toMatchObject({ state, outcome: ended });
  expect((await lab.request(id)).history.at(-1)).toMatchObject({ to: state, by: 'gateway', note: ended.detail });
  expect(errorOf(await lab.exec(more(1), { request_id: id })).code).toBe('conflict');
  expect(await lab.stock(1)).toBe(before + added);
});

it('says failed where preparing fails, and so undoes what was approved', async () => {
  const before = await lab.stock(2);
  const { id } = await run(['begin', more(2), `prepare transaction '${'x'.repeat(210)}'`]);
  const { state, outcome } = await lab.request(id);
  expect([state, outcome?.ok]).toEqual(['failed', false]);
  expect(outcome?.detail).toMatch(/^22023 .*rolled back/);
  expect(await waiting()).toBe(0);
  expect(await lab.stock(2)).toBe(before);
});

it('says failed where a transaction that has failed is prepared, which rolls it back', async () => {
  const before = await lab.stock(2);
  const { id } = await run(['begin', more(2), 'select 1/0', "prepare transaction 'p2'"]);
  expect(await lab.request(id)).toMatchObject({ state: 'failed', outcome: { ok: false } });
  expect(await waiting()).toBe(0);
  expect(await lab.stock(2)).toBe(before);
});

it('holds what is held, though its transaction is to be prepared, and prepares nothing of what is denied', async () => {
  const before = await lab.stock(3);
  const psql = await lab.psql('engineer', ['-c', 'begin', '-c', more(3), '-c', "prepare transaction 'p3'"]);
  const id = await psql.request();
  expect(await waiting()).toBe(0);
  await lab.vote(id, 'deny', 'reviewer');
  await psql.ended;
  // The refusal failed the transaction, so preparing it rolled it back.
  expect(await waiting()).toBe(0);
  expect(await lab.stock(3)).toBe(before);
});

it('ends with its prepared transaction, not with one that fails to, or has the same name later', async () => {
  const { id } = await run(['begin', more(4), "prepare transaction 'p4'"]);
  expect((await plain("rollback prepared 'other'")).err).toContain('does not exist');
  expect(await lab.request(id)).toMatchObject({ state: 'executed', outcome: prepared });
  await lab.server.query("commit prepared 'p4'", 'shop'); // past the gateway
  const later = await lab.psql('engineer', ['-c', 'begin', '-c', 'select 1', '-c', "prepare transaction 'p4'"]);
  expect((await later.ended).code).toBe(0);
  expect((await plain("rollback prepared 'p4'")).code).toBe(0);
  expect(await lab.request(id)).toMatchObject({ state: 'executed', outcome: prepared });
});
