import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorDocument } from '../../src/gateway/schemas/error.js';
import { type ExecDocument, execDocument } from '../../src/gateway/schemas/exec.js';
import { explainDocument } from '../../src/gateway/schemas/policy.js';
import { requestDocument, requestListDocument } from '../../src/gateway/schemas/requests.js';
import {
  sessionDocument,
  sessionListDocument,
  sessionSearchDocument,
  verifyDocument,
} from '../../src/gateway/schemas/sessions.js';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { seedShop } from '../../src/quickstart/seed.js';
import { smallShop } from '../../src/quickstart/shop-rows.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { type ApiAnswer, type GatewayUnderTest, type Role, startTestGateway } from './gateway-harness.js';

/** For what happens in other processes, on a machine that may be busy. */
const patience = { timeout: 15_000, interval: 50 };

let server: TestPostgres;
let dir: string;
let running: GatewayUnderTest;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-exec-'));
  server = await startPostgres();
  const { password } = await seedShop(server, { dir, size: smallShop });
  running = await startTestGateway({ pgPort: server.port });
  await running.gateway.setSecret('demo-db', password);
}, 120_000);
afterAll(async () => {
  await running.stop();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

function withoutReaders(): ReadonlyMap<string, string> {
  const forbid = '@id("no-readers")\nforbid (principal, action == Action::"readSession", resource);\n';
  return new Map(starterBundle({ pgPort: server.port })).set('policies/no-readers.cedar', forbid);
}

async function exec(
  text: string,
  more: Readonly<Record<string, unknown>> = {},
  as: Role = 'engineer',
): Promise<ApiAnswer> {
  return running.call('POST', '/v1/exec', { as, body: { target: 'demo-db', text, ...more } });
}

async function result(
  text: string,
  more: Readonly<Record<string, unknown>> = {},
  as: Role = 'engineer',
): Promise<ExecDocument> {
  const answer = await exec(text, more, as);
  expect(answer.status, answer.text).toBe(200);
  return execDocument.parse(answer.document);
}

async function failure(text: string, more: Readonly<Record<string, unknown>> = {}, as: Role = 'engineer') {
  const answer = await exec(text, more, as);
  return { status: answer.status, ...errorDocument.parse(answer.document).error };
}

async function count(sql: string): Promise<number> {
  const [row] = await server.query(`select count(*)::int as n from ${sql}`, 'shop');
  return Number(row?.['n']);
}

describe('exec', () => {
  it('gives every value as text, with its type', async () => {
    const document = await result(`select 1::int8 as a, 1.50::numeric as b, null as c, true as d, '{1,2}'::int[] as e`);
    expect(document.columns).toEqual([
      { name: 'a', type: 'int8' },
      { name: 'b', type: 'numeric' },
      { name: 'c', type: 'text' },
      { name: 'd', type: 'bool' },
      { name: 'e', type: 'int4[]' },
    ]);
    expect(document.rows).toEqual([['1', '1.50', null, 't', '{1,2}']]);
    expect(document).toMatchObject({
      row_count: 1,
      truncated: false,
      next_cursor: null,
      request_id: null,
      target: 'demo-db',
    });
    expect(document.session_id).toMatch(/^ses_/);
  });

  it('passes parameters, nulls included', async () => {
    const document = await result('select $1::int + 1 as n, $2::text as t', { parameters: ['41', null] });
    expect(document.rows).toEqual([['42', null]]);
  });

  it('gives the last result of several statements', async () => {
    const document = await result('select 1 as a; select 2 as b, 3 as c');
    expect(document.columns.map(({ name }) => name)).toEqual(['b', 'c']);
    expect(document.rows).toEqual([['2', '3']]);
  });

  it('masks protected columns and says which', async () => {
    const document = await result('select id, email as contact from customers order by id limit 3');
    expect(document.masked_columns).toEqual(['contact']);
    const [real] = await server.query('select email from customers order by id limit 1', 'shop');
    expect(JSON.stringify(document.rows)).not.toContain(String(real?.['email']));
    expect(document.rows[0]?.[1]).toContain('*');
  });

  it('stops at a hundred rows, or where it is told', async () => {
    const document = await result('select i from generate_series(1, 1000000) i');
    expect([document.row_count, document.rows.length, document.truncated]).toEqual([100, 100, true]);
    const exact = await result('select i from generate_series(1, 3) i', { limit: 3 });
    expect([exact.row_count, exact.truncated]).toEqual([3, false]);
    const few = await result('select i from generate_series(1, 4) i', { limit: 3 });
    expect([few.row_count, few.truncated]).toEqual([3, true]);
  });

  it('stops at 64 KiB, or where it is told', async () => {
    const document = await result(`select repeat('x', 10000) from generate_series(1, 50)`);
    expect([document.row_count, document.truncated]).toEqual([6, true]);
    const none = await result(`select repeat('x', 10000)`, { max_bytes: 100 });
    expect([none.rows, none.truncated]).toEqual([[], true]);
  });

  it('bounds the last of several statements too', async () => {
    const document = await result('select 1; select i from generate_series(1, 500) i', { limit: 5 });
    expect([document.row_count, document.truncated]).toEqual([5, true]);
  });

  it('counts the rows that a write changed', async () => {
    const insert = `insert into audit_log values (999999, now(), 'me', 'noted', '{}')`;
    expect(await result(insert)).toMatchObject({ columns: [], rows: [], row_count: 1 });
    const begun = await result('begin; rollback');
    expect([begun.columns, begun.rows, begun.row_count]).toEqual([[], [], 0]);
  });

  it('answers an empty statement with nothing', async () => {
    expect(await result(' ')).toMatchObject({ columns: [], rows: [], row_count: 0 });
  });
});

describe('exec refuses', () => {
  it('what policy denies, before the database hears of it', async () => {
    const error = await failure('drop table orders');
    expect(error).toMatchObject({
      status: 403,
      code: 'denied',
      decider: 'gateway',
      policy: 'no-drop',
      exit_code: 5,
      retryable: false,
    });
    expect(await count('orders')).toBeGreaterThan(0);
  });

  it('a text that is none: what JSON can say and UTF-8 cannot, and what ends a text for others', async () => {
    const none = ["select '\ud800'; drop table orders", 'select 1\u0000; drop table orders', 'select \udfff'];
    for (const text of none) {
      expect(await failure(text), JSON.stringify(text)).toMatchObject({ status: 400, decider: 'gateway' });
      const more = { parameters: [text.slice(0, 9)] };
      expect(await failure('select $1::text', more), JSON.stringify(more)).toMatchObject({ status: 400 });
    }
    expect(await count('orders')).toBeGreaterThan(0);
  });

  it('what the database rejects, with its own code', async () => {
    expect(await failure('select 1/0')).toMatchObject({
      status: 422,
      code: 'target_rejected',
      decider: 'target',
      target_code: '22012',
      exit_code: 3,
    });
    expect(await failure('select * from no_such_table')).toMatchObject({
      status: 422,
      code: 'target_rejected',
      target_code: '42P01',
    });
    expect(await failure('selec 1')).toMatchObject({ target_code: '42601', retryable: false });
  });

  it.each([
    [
      'select nme from customers',
      'a column, with the server’s own hint',
      / Perhaps you meant .*"customers\.name"/,
      'describe demo-db TABLE',
    ],
    ['insert into orders (nope) values (1)', 'a column of a table that is named', /"nope"/, 'describe demo-db orders'],
    ['select * from no_such_table', 'a table', /no_such_table/, 'describe demo-db --tables'],
    ['insert into orders (id) values (1)', 'what is needed', /Failing row contains \(1, /, 'describe demo-db orders'],
    ['select * from orders where id = :id', 'a name that got no value', /":"/, 'exec demo-db … --param id=VALUE'],
    ['select 1/0', 'nothing to go on with', /^division by zero$/, null],
    ['select 1,\n  2,\n  nope\nfrom orders', 'the line', /does not exist \(line 3\)/, 'describe demo-db TABLE'],
    ['select 1;\n\nselec 2', 'the line that the gateway’s own parser stops at', /"selec" \(line 3\)$/, null],
  ] as const)('%j with what helps: %s', async (text, _what, said, next) => {
    const error = await failure(text);
    expect(error.message).toMatch(said);
    expect((error.next as readonly { command: string }[]).map(({ command }) => command)).toEqual(
      next === null ? [] : [`sluice ${next}`],
    );
  });

  it('parameters without values as a mistake of the caller’s, not as a target that is away', async () => {
    const error = await failure('select $1::int');
    expect(error).toMatchObject({ status: 400, code: 'usage', exit_code: 2, target_code: '08P01' });
    expect(JSON.stringify(error.next)).toContain('--param 1=VALUE');
  });

  it('with words of its own where the target’s could quote protected values', async () => {
    const error = await failure(`insert into customers (id, name) values (1, 'x')`);
    expect(error).toMatchObject({ target_code: '23502', next: [] });
    expect(error.message).toMatch(/^not_null_violation\. .* are withheld\.$/);
  });

  it('and says whether anything of it reached the target', async () => {
    expect(await failure('drop table orders')).toMatchObject({ target_contacted: false });
    expect(await failure('select 1/0')).toMatchObject({ target_contacted: true });
    expect(await failure('selec 1')).toMatchObject({ target_contacted: false });
  });

  it('a write in a read-only call, whatever policy permits', async () => {
    const error = await failure(`insert into orders (customer_id) values (1)`, { read_only: true });
    expect(error).toMatchObject({ status: 403, code: 'denied' });
  });

  it('COPY to the client', async () => {
    const error = await failure('copy orders to stdout');
    expect(['usage', 'denied']).toContain(error.code);
  });

  it('when the time is up, and stops the statement', async () => {
    const error = await failure('select count(*) from orders a, orders b, orders c', { timeout_ms: 300 });
    expect(error).toMatchObject({ status: 504, code: 'timeout', exit_code: 14 });
    await expect
      .poll(
        () =>
          count(
            `pg_stat_activity where query like 'select count(*) from orders a%' and state = 'active' and pid <> pg_backend_pid()`,
          ),
        patience,
      )
      .toBe(0);
  });

  it('nothing more to a caller who is gone', async () => {
    const leave = new AbortController();
    const call = running.call('POST', '/v1/exec', {
      as: 'engineer',
      body: { target: 'demo-db', text: 'select count(*) + 1 from orders a, orders b, orders c', timeout_ms: 60_000 },
      signal: leave.signal,
    });
    await expect
      .poll(
        () =>
          count(
            `pg_stat_activity where query like 'select count(*) + 1%' and state = 'active' and pid <> pg_backend_pid()`,
          ),
        patience,
      )
      .toBe(1);
    leave.abort();
    await expect(call).rejects.toThrow();
    await expect
      .poll(
        () =>
          count(
            `pg_stat_activity where query like 'select count(*) + 1%' and state = 'active' and pid <> pg_backend_pid()`,
          ),
        patience,
      )
      .toBe(0);
  });
});

describe('a held statement', () => {
  const text = 'delete from order_items where order_id = $1';

  it('is answered at once with its request, and runs once when it is approved', async () => {
    const parameters = ['1'];
    const before = await count('order_items where order_id = 1');
    const held = await failure(text, { parameters, reason: 'INC-42' });
    expect(held).toMatchObject({
      status: 202,
      code: 'approval_pending',
      exit_code: 8,
      policy: 'demo-writes',
      retryable: true,
    });
    expect(held.expires_at).toMatch(/Z$/);
    expect(held.next.map(({ command }) => command)).toContain(
      `sluice requests wait ${held.request_id} --timeout 10m --json`,
    );
    const id = String(held.request_id);
    expect(await count('order_items where order_id = 1')).toBe(before);

    const own = await running.call('GET', `/v1/requests/${id}`, { as: 'engineer' });
    expect(requestDocument.parse(own.document).request).toMatchObject({
      state: 'pending',
      text,
      parameters,
      reason: 'INC-42',
      requester: 'engineer@demo.example',
      required: [{ group: 'dba', count: 1, have: 0 }],
    });
    expect((await running.call('GET', `/v1/requests/${id}`, { as: 'robot' })).status).toBe(404);
    expect(
      (await running.call('POST', `/v1/requests/${id}/approve`, { as: 'engineer', body: { comment: 'me' } })).status,
    ).toBe(403);
    expect((await exec(text, { parameters, request_id: id })).status).toBe(202);

    const waiting = running.call('GET', `/v1/requests/${id}/wait?timeout_ms=20000`, { as: 'engineer' });
    const approved = await running.call('POST', `/v1/requests/${id}/approve`, {
      as: 'reviewer',
      body: { comment: 'ok' },
    });
    expect(requestDocument.parse(approved.document).request).toMatchObject({
      state: 'approved',
      required: [{ have: 1 }],
    });
    expect(requestDocument.parse((await waiting).document).request.state).toBe('approved');

    const other = await failure(text, { parameters: ['2'], request_id: id });
    expect(other.code).toBe('denied');
    const answer = await running.call('POST', '/v1/exec', { as: 'engineer', body: { request_id: id } });
    expect(execDocument.parse(answer.document)).toMatchObject({ row_count: before, request_id: id });
    expect(await count('order_items where order_id = 1')).toBe(0);
    const again = await running.call('POST', '/v1/exec', { as: 'engineer', body: { request_id: id } });
    expect([again.status, errorDocument.parse(again.document).error.code]).toEqual([409, 'conflict']);
  });

  it('waits in the call when it is told to', async () => {
    const call = exec(text, { parameters: ['3'], wait: true, timeout_ms: 20_000 });
    const pending = async () => {
      const list = await running.call('GET', '/v1/requests?state=pending', { as: 'reviewer' });
      return requestListDocument.parse(list.document).requests.find((request) => request.parameters[0] === '3')?.id;
    };
    await expect.poll(pending, patience).toMatch(/^req_/);
    const id = await pending();
    await running.call('POST', `/v1/requests/${id}/approve`, { as: 'reviewer2', body: { comment: '' } });
    const answer = await call;
    expect(execDocument.parse(answer.document).request_id).toBe(id);
    expect(await count('order_items where order_id = 3')).toBe(0);
  });

  it('is refused when a person denies it', async () => {
    const call = failure(text, { parameters: ['4'], wait: true, timeout_ms: 20_000 });
    const pending = async () => {
      const list = await running.call('GET', '/v1/requests?state=pending', { as: 'reviewer' });
      return requestListDocument.parse(list.document).requests.find((request) => request.parameters[0] === '4')?.id;
    };
    await expect.poll(pending, patience).toMatch(/^req_/);
    const id = await pending();
    const silent = await running.call('POST', `/v1/requests/${id}/deny`, { as: 'reviewer', body: {} });
    expect(silent.status).toBe(400);
    const comment = 'not today';
    const lasting = await running.call('POST', `/v1/requests/${id}/deny`, {
      ...{ as: 'reviewer', body: { comment, for_ms: 60_000 } },
    });
    expect([lasting.status, lasting.text]).toEqual([400, expect.stringContaining('a denial has none')]);
    await running.call('POST', `/v1/requests/${id}/deny`, { as: 'reviewer', body: { comment } });
    const error = await call;
    expect(error).toMatchObject({ status: 403, code: 'request_denied', exit_code: 6 });
    expect(error.message).toContain('not today');
  });

  it('can be asked for ahead of time, and not when it needs nobody', async () => {
    const created = await running.call('POST', '/v1/requests', {
      as: 'engineer',
      body: { target: 'demo-db', text, parameters: ['5'] },
    });
    const { request } = requestDocument.parse(created.document);
    expect(request).toMatchObject({ state: 'pending', session_id: null, policies: ['demo-writes'] });
    await running.call('POST', `/v1/requests/${request.id}/approve`, { as: 'reviewer', body: { comment: 'ok' } });
    const ran = await running.call('POST', '/v1/exec', { as: 'engineer', body: { request_id: request.id } });
    expect(ran.status, ran.text).toBe(200);

    const free = await running.call('POST', '/v1/requests', {
      as: 'engineer',
      body: { target: 'demo-db', text: 'select 1' },
    });
    expect(free.status).toBe(409);
    const denied = await running.call('POST', '/v1/requests', {
      as: 'engineer',
      body: { target: 'demo-db', text: 'drop table orders' },
    });
    expect(denied.status).toBe(403);
  });
});

describe('explaining', () => {
  it('says what would happen, and does nothing', async () => {
    const sessions = sessionListDocument.parse((await running.call('GET', '/v1/sessions', { as: 'reviewer' })).document)
      .sessions.length;
    const dry = await exec('delete from orders where id = 1', { dry_run: true });
    const explained = await running.call('POST', '/v1/policy/explain', {
      as: 'engineer',
      body: { target: 'demo-db', text: 'delete from orders where id = 1' },
    });
    expect(explainDocument.parse(dry.document)).toEqual(explainDocument.parse(explained.document));
    const document = explainDocument.parse(dry.document);
    expect(document).toMatchObject({
      verdict: 'hold',
      policies: ['demo-writes'],
      policy_version: running.gateway.bundleVersion(),
    });
    expect(document.effects).toContainEqual(
      expect.objectContaining({ action: 'delete', resource: 'table demo-db/shop/public/orders', verdict: 'hold' }),
    );
    expect(await count('orders where id = 1')).toBe(1);
    const after = sessionListDocument.parse((await running.call('GET', '/v1/sessions', { as: 'reviewer' })).document)
      .sessions.length;
    expect(after).toBe(sessions);
  });

  it('names the columns that would be masked', async () => {
    const dry = await exec('select id, email from customers', { dry_run: true });
    expect(explainDocument.parse(dry.document)).toMatchObject({ verdict: 'allow', masked_columns: ['email'] });
  });
});

describe('recordings', () => {
  it('hold what was run, are one’s own to read, and verify', async () => {
    const { session_id: id } = await result(`select 'needle in a haystack' as found`);
    const read = await running.call('GET', `/v1/sessions/${id}`, { as: 'engineer' });
    const document = sessionDocument.parse(read.document);
    expect(document.session).toMatchObject({
      id,
      target: 'demo-db',
      via: 'exec',
      state: 'closed',
      user: 'engineer@demo.example',
    });
    expect(document.operations.at(-1)).toMatchObject({
      text: `select 'needle in a haystack' as found`,
      verdict: 'allow',
      row_count: 1,
    });

    const verdict = await running.call('GET', `/v1/sessions/${id}/verify`, { as: 'engineer' });
    expect(verifyDocument.parse(verdict.document)).toMatchObject({ valid: true, sessions: [{ id, valid: true }] });
    const found = await running.call('GET', '/v1/sessions/search?q=haystack', { as: 'engineer' });
    expect(sessionSearchDocument.parse(found.document).sessions.map((session) => session.id)).toContain(id);
    const journal = await running.call('GET', `/v1/sessions/${id}/journal`, { as: 'engineer' });
    expect([journal.status, journal.headers.get('content-type')]).toEqual([200, 'application/octet-stream']);

    for (const path of ['', '/verify', '/journal']) {
      expect((await running.call('GET', `/v1/sessions/${id}${path}`, { as: 'robot' })).status).toBe(404);
      expect((await running.call('GET', `/v1/sessions/${id}${path}`, { as: 'reviewer' })).status).toBe(200);
    }
    // A name is only a claim: who takes another's gets none of their recordings.
    const imposter = await running.token('reviewer2', { email: 'engineer@demo.example' });
    running.gateway.applyBundle(withoutReaders(), 'nobody reads others’ sessions');
    try {
      expect((await running.call('GET', `/v1/sessions/${id}`, { token: imposter })).status).toBe(404);
      const list = await running.call('GET', '/v1/sessions', { token: imposter });
      expect(sessionListDocument.parse(list.document).sessions).toEqual([]);
    } finally {
      running.gateway.applyBundle(starterBundle({ pgPort: server.port }), 'back');
    }
    const others = sessionListDocument.parse((await running.call('GET', '/v1/sessions', { as: 'robot' })).document);
    expect(others.sessions.filter((session) => session.user !== 'robot')).toEqual([]);
    const search = await running.call('GET', '/v1/sessions/search?q=haystack', { as: 'robot' });
    expect(sessionSearchDocument.parse(search.document).sessions).toEqual([]);
  });

  it('all verify, and no session stays open', async () => {
    const all = await running.call('GET', '/v1/sessions/verify', { as: 'reviewer' });
    expect(verifyDocument.parse(all.document).valid).toBe(true);
    const live = await running.call('GET', '/v1/sessions?state=live', { as: 'reviewer' });
    expect(sessionListDocument.parse(live.document).sessions).toEqual([]);
    expect((await running.call('GET', '/metrics')).text).toMatch(/^sluice_sessions_live 0$/m);
  });
});
