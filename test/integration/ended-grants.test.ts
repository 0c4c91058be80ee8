import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { accessDocument } from '../../src/gateway/schemas/access.js';
import { execDocument } from '../../src/gateway/schemas/exec.js';
import { decodeErrorFields } from '../../src/protocols/postgres/errors.js';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { seedShop } from '../../src/quickstart/seed.js';
import { smallShop } from '../../src/quickstart/shop-rows.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { RawPostgres, type Seen, wire } from '../support/raw-postgres.js';
import { type GatewayUnderTest, startTestGateway } from './gateway-harness.js';

const access = `
access:
  on-call:
    for: [engineers]
    approvers: { dba: 1 }
    max: 4h
    emergency: { for: [engineers], max: 30m, reviewers: [reviewers] }
`;
const policies = `
@id("on-call-calls")
permit (principal in Group::"on-call", action in Action::"call", resource in Label::"env=demo");
@id("only-on-call-copies")
forbid (principal, action == Action::"copyIn", resource in Label::"env=demo") unless { principal in Group::"on-call" };
@id("on-call-copies")
permit (principal in Group::"on-call", action == Action::"copyIn", resource in Label::"env=demo");
@id("on-call-sees")
permit (principal in Group::"on-call", action == Action::"reveal", resource in Label::"env=demo");
`;

let server: TestPostgres;
let dir: string;
let running: GatewayUnderTest;
let client: RawPostgres;
let grant = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-ended-'));
  server = await startPostgres();
  const { password } = await seedShop(server, { dir, size: smallShop });
  const bundle = new Map(starterBundle({ pgPort: server.port }));
  running = await startTestGateway({
    bundle: bundle
      .set('bindings.yaml', `${bundle.get('bindings.yaml') ?? ''}  on-call:\n${access}`)
      .set('policies/on-call.cedar', policies),
    bootstrap: { listeners: { postgres: { host: '127.0.0.1', port: 0, tls: null }, ssh: null } },
  });
  await running.gateway.setSecret('demo-db', password);
}, 120_000);
/** Everything here begins with what somebody on call may see and do. */
beforeEach(async () => {
  const body = { name: 'on-call', duration_ms: 1_800_000, reason: 'INC-7', emergency: true };
  const taken = await running.call('POST', '/v1/access', { as: 'engineer', body });
  grant = accessDocument.parse(taken.document).grant?.id ?? '';
  const token = await running.token('engineer');
  client = await RawPostgres.connect(running.gateway.postgresPort ?? 0, 'me', token, 'demo-db');
});
afterEach(async () => {
  client.end();
  await revoke();
});
afterAll(async () => {
  await running.stop();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

const revoke = () =>
  running.call('POST', `/v1/access/${grant}/revoke`, { as: 'reviewer', body: { comment: 'the incident is over' } });
const salaries = 'select salary::text as salary from employees order by id';
const rowsOf = (seen: readonly Seen[]): readonly string[] =>
  seen.filter(([type]) => type === 'D').map(([, payload]) => payload.slice(6));
const errorsOf = (seen: readonly Seen[]): readonly string[] =>
  seen.filter(([type]) => type === 'E').map(([, text]) => text);

async function trueSalaries(): Promise<readonly string[]> {
  return (await server.query(salaries, 'shop')).map(({ salary }) => String(salary));
}

it('masks again what a prepared statement showed while the grant lasted', async () => {
  const [first = ''] = await trueSalaries();
  const run = async () => {
    client.send(wire.bind('', 'mine'), wire.execute('', 1), wire.sync);
    return rowsOf(await client.until(1));
  };
  client.send(wire.parse('mine', salaries), wire.sync);
  await client.until(1);
  expect(await run()).toEqual([first]);
  expect(await run()).toEqual([first]);
  await revoke();
  const after = await run();
  expect(after).toHaveLength(1);
  expect(after).not.toContain(first);
});

it('reads no further in an open portal what the grant let somebody see', async () => {
  const [first = '', second = ''] = await trueSalaries();
  client.send(wire.query('begin'));
  await client.until(1);
  client.send(wire.parse('', salaries), wire.bind('open', ''), wire.execute('open', 1), wire.sync);
  expect(rowsOf(await client.until(1))).toEqual([first]);
  await revoke();
  client.send(wire.execute('open', 1), wire.sync);
  const after = await client.until(1);
  expect(rowsOf(after)).not.toContain(second);
  expect(errorsOf(after)).toHaveLength(1);
});

it('runs no portal that was bound while the grant lasted', async () => {
  client.send(wire.query('begin'));
  await client.until(1);
  client.send(wire.parse('', 'select pg_try_advisory_lock(7)'), wire.bind('held', ''), wire.sync);
  expect(errorsOf(await client.until(1))).toEqual([]);
  await revoke();
  client.send(wire.execute('held'), wire.sync);
  expect(errorsOf(await client.until(1)).join()).toMatch(/42501/);
  expect(await server.query(`select 1 from pg_locks where locktype = 'advisory'`, 'shop')).toEqual([]);
});

it('ends a result in the middle that only the grant let somebody see', async () => {
  const [first = ''] = await trueSalaries();
  // More than all that is on its way at any time, so that most of it is read after the end.
  client.send(wire.query(`select salary from employees, generate_series(1, 200000)`));
  let isRevoked = false;
  let rows = 0;
  let done = '';
  let asked: Promise<unknown> = Promise.resolve();
  await client.until(1, (type, payload) => {
    if (type === 0x44) rows++;
    if (type === 0x44 && !isRevoked) {
      isRevoked = true;
      expect(payload.toString('latin1')).toContain(first);
      asked = revoke();
    }
    if (type === 0x45 || type === 0x43) done += String.fromCharCode(type);
    return null;
  });
  await asked;
  expect(done).toBe('E');
  expect(rows).toBeLessThan(20 * 200_000);
});

it('takes nothing more of a COPY that only the grant let somebody write', async () => {
  await server.query('create table notes (note text); grant all on notes to public', 'shop');
  const copy = async (text: string, isOver: boolean) => {
    let begins: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (begins = resolve));
    const errors: string[] = [];
    client.send(wire.query('copy notes from stdin'));
    const ended = client.until(1, (type, payload) => {
      if (type === 0x47) begins();
      if (type === 0x45) errors.push(decodeErrorFields(payload).get('C') ?? '');
      return null;
    });
    await begun;
    client.send(wire.copyData(`${text} 1\n`));
    if (isOver) await revoke();
    client.send(wire.copyData(`${text} 2\n`), wire.copyDone);
    await ended;
    return errors;
  };
  expect(await copy('while', false)).toEqual([]);
  const [error] = await copy('after', true);
  expect(error).toMatch(/57014|42501/);
  expect(await server.query('select note from notes order by note', 'shop')).toEqual([
    { note: 'while 1' },
    { note: 'while 2' },
  ]);
});

it('gives no clear value again under an idempotency key when the grant is over', async () => {
  const [first = ''] = await trueSalaries();
  const run = async () => {
    const body = { target: 'demo-db', text: `${salaries} limit 1`, idempotency_key: `key-${grant}` };
    return execDocument.parse((await running.call('POST', '/v1/exec', { as: 'engineer', body })).document);
  };
  expect((await run()).rows).toEqual([[first]]);
  expect(await run()).toMatchObject({ replayed: true, rows: [[first]] });
  await revoke();
  const after = await run();
  expect(after).toMatchObject({ replayed: true });
  expect(JSON.stringify(after)).not.toContain(first);
});
