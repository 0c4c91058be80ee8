import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  execDocument,
  execStreamLine,
  type ExecDocument,
  type ExecStreamLine,
} from '../../src/gateway/schemas/exec.js';
import { errorDocument } from '../../src/gateway/schemas/error.js';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { seedShop, shopDatabase } from '../../src/quickstart/seed.js';
import { smallShop } from '../../src/quickstart/shop-rows.js';
import { readEvents } from '../../src/recording/read.js';
import { journalPaths } from '../../src/recording/layout.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { type GatewayUnderTest, type Role, startTestGateway } from './gateway-harness.js';

const patience = { timeout: 20_000, interval: 50 };

/** Machines may insert marks here at once: what runs twice shows. */
const marking = `
@id("engineers-mark")
permit (principal in Group::"engineers", action in [Action::"session", Action::"read", Action::"write", Action::"call"], resource);
`;

let server: TestPostgres;
let dir: string;
let running: GatewayUnderTest;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-going-on-'));
  server = await startPostgres();
  const { password } = await seedShop(server, { dir, size: smallShop });
  await server.query('create table marks (mark text)', shopDatabase);
  await server.query('grant select, insert, delete on marks to sluice_gateway', shopDatabase);
  await server.query('create function pause() returns int language sql volatile as $$ select 1 $$', shopDatabase);
  await server.query(
    `create function mark() returns int language plpgsql as $$ begin insert into marks values ('called'); return 1; end $$;
     create function says_stable() returns int language plpgsql stable as $$ begin return mark(); end $$`,
    shopDatabase,
  );
  const bundle = new Map(starterBundle({ pgPort: server.port })).set('policies/marks.cedar', marking);
  const cursorLimits = { idleMs: 1_500, lifeMs: 60_000, perPrincipal: 2, total: 3 };
  running = await startTestGateway({ pgPort: server.port, bundle, cursorLimits });
  await running.gateway.setSecret('demo-db', password);
}, 120_000);
afterAll(async () => {
  await running.stop();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

type More = Readonly<Record<string, unknown>>;
const call = (path: string, body: object, as: Role = 'engineer') => running.call('POST', path, { as, body });
const exec = (text: string, more: More = {}, as: Role = 'engineer') =>
  call('/v1/exec', { target: 'demo-db', text, ...more }, as);
async function result(text: string, more: More = {}, as: Role = 'engineer'): Promise<ExecDocument> {
  const answer = await exec(text, more, as);
  expect(answer.status, answer.text).toBe(200);
  return execDocument.parse(answer.document);
}
async function page(cursor: string | null, more: More = {}, as: Role = 'engineer') {
  return call('/v1/exec/fetch', { cursor, ...more }, as);
}
async function stream(text: string, more: More = {}): Promise<readonly ExecStreamLine[]> {
  const answer = await exec(text, { stream: true, ...more });
  expect(answer.status, answer.text).toBe(200);
  return answer.text
    .trimEnd()
    .split('\n')
    .map((line) => execStreamLine.parse(JSON.parse(line)));
}
/** The record that a session's journal begins with. */
async function opening(session: string): Promise<unknown> {
  const recordings = join(running.stateDir, 'recordings');
  for await (const path of journalPaths(recordings)) {
    if (!path.includes(session)) continue;
    for await (const event of readEvents(join(recordings, path))) return event;
  }
  return null;
}
const errorOf = (document: unknown) => errorDocument.parse(document).error;
const marks = async (): Promise<readonly string[]> =>
  (await server.query('select mark from marks order by 1', shopDatabase)).map((row) => String(row['mark']));
const busyHere = async (): Promise<number> => {
  const [row] = await server.query(
    `select count(*)::int as n from pg_stat_activity where application_name like 'sluice ses%' and state <> 'idle'`,
    shopDatabase,
  );
  return Number(row?.['n']);
};

describe('a cursor', () => {
  it('goes on where the result was cut, to the very last row, in one session', async () => {
    const first = await result('select i from generate_series(1, 250) i', { cursor: true, limit: 100 });
    expect([first.row_count, first.truncated]).toEqual([100, true]);
    const second = execDocument.parse((await page(first.next_cursor, { limit: 100 })).document);
    const third = execDocument.parse((await page(second.next_cursor, { limit: 100 })).document);
    const all = [...first.rows, ...second.rows, ...third.rows].map(([value]) => Number(value));
    expect(all).toEqual(Array.from({ length: 250 }, (_, index) => index + 1));
    expect([second.truncated, third.truncated, third.next_cursor]).toEqual([true, false, null]);
    expect(new Set([first, second, third].map(({ session_id }) => session_id)).size).toBe(1);
    expect(second.columns).toEqual(first.columns);
    expect((await page(first.next_cursor)).status).toBe(404);
  });

  it('is listed with the rows that were given out, not with the one that was read to know whether there are more', async () => {
    const text = 'select i from generate_series(1, 10) i';
    const listed = async (id: string) => {
      const { document } = await running.call('GET', `/v1/sessions/${id}`, { as: 'engineer' });
      const { session, operations } = document as {
        readonly session: { readonly rows: number };
        readonly operations: readonly { readonly row_count: number | null }[];
      };
      return [session.rows, operations.map(({ row_count }) => row_count)];
    };
    const cut = await result(text, { limit: 3 });
    await expect.poll(() => listed(cut.session_id), { timeout: 20_000 }).toEqual([3, [3]]);
    // Page behind page: a cursor does not wait for the lists.
    const paged = async (...limits: readonly number[]): Promise<string> => {
      let last = await result(text, { cursor: true, limit: 3 });
      for (const limit of limits)
        last = execDocument.parse((await page(last.next_cursor, limit === 0 ? {} : { limit })).document);
      return last.session_id;
    };
    const [one, two, three] = [await paged(), await paged(4), await paged(4, 0)];
    await expect.poll(() => listed(one), { timeout: 20_000 }).toEqual([3, [3]]);
    await expect.poll(() => listed(two), { timeout: 20_000 }).toEqual([7, [3, 4]]);
    await expect.poll(() => listed(three), { timeout: 20_000 }).toEqual([10, [3, 4, 3]]);
  }, 60_000);

  it('is listed with the rows that were given out where bytes cut it, and where only the last result counts', async () => {
    const rows = (count: number) => `select repeat('x', 1000) || i from generate_series(1, ${count}) i`;
    const bytes = { max_bytes: 5_000 };
    const counted = async (id: string) => {
      const { document } = await running.call('GET', `/v1/sessions/${id}`, { as: 'engineer' });
      const { session, operations } = document as {
        readonly session: { readonly rows: number; readonly state: string };
        readonly operations: readonly { readonly row_count: number | null }[];
      };
      return [session.state, session.rows, operations.reduce((sum, { row_count: count }) => sum + (count ?? 0), 0)];
    };
    const cut = await result(rows(30), bytes);
    expect(cut).toMatchObject({ row_count: 4, truncated: true });
    const several = await result(`select 1; ${rows(30)}`, bytes);
    const lines = await stream(rows(30), bytes);
    const end = lines.at(-1);
    const streamed = end?.type === 'end' ? end.result.session_id : '';
    for (const id of [cut.session_id, several.session_id, streamed])
      await expect.poll(() => counted(id), patience).toEqual(['closed', 4, 4]);

    const pages = [await result(rows(12), { ...bytes, cursor: true })];
    for (let next = pages[0]?.next_cursor ?? null; next !== null; next = pages.at(-1)?.next_cursor ?? null)
      pages.push(execDocument.parse((await page(next, bytes)).document));
    expect(pages.map(({ row_count: count }) => count)).toEqual([4, 4, 4]);
    await expect.poll(() => counted(pages[0]?.session_id ?? ''), patience).toEqual(['closed', 12, 12]);
  }, 60_000);

  it('keeps to the bytes of each page, and loses no row between them', async () => {
    const first = await result(`select repeat('x', 1000) || i from generate_series(1, 30) i`, {
      cursor: true,
      max_bytes: 5_000,
    });
    let next = first.next_cursor;
    const rows = [...first.rows];
    while (next !== null) {
      const document = execDocument.parse((await page(next, { max_bytes: 7_000 })).document);
      expect(document.rows.length).toBeLessThanOrEqual(6);
      rows.push(...document.rows);
      next = document.next_cursor;
    }
    expect(rows.map(([text]) => Number(text?.slice(1000)))).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  });

  it('says how large a row is that fits in no page, and stays', async () => {
    const first = await result(`select repeat('x', 4000) from generate_series(1, 3)`, { cursor: true, limit: 1 });
    const small = await page(first.next_cursor, { max_bytes: 100 });
    expect(errorOf(small.document)).toMatchObject({ code: 'usage', message: expect.stringContaining('4000 bytes') });
    expect(execDocument.parse((await page(first.next_cursor)).document).row_count).toBe(2);
  });

  it('masks each page', async () => {
    const first = await result('select email from customers order by id', { cursor: true, limit: 2 });
    const second = execDocument.parse((await page(first.next_cursor, { limit: 2 })).document);
    expect(second.masked_columns).toEqual(['email']);
    for (const [email] of second.rows) expect(email).toContain('*');
  });

  it('is its owner’s alone', async () => {
    const first = await result('select i from generate_series(1, 9) i', { cursor: true, limit: 1 });
    const other = await page(first.next_cursor, {}, 'reviewer');
    expect([other.status, errorOf(other.document).code]).toEqual([404, 'not_found']);
    expect((await page(first.next_cursor)).status).toBe(200);
  });

  it('is not made of what changes something, which is committed at once', async () => {
    const written = await result(`insert into marks select 'c' || i from generate_series(1, 5) i returning mark`, {
      cursor: true,
      limit: 2,
    });
    expect([written.truncated, written.next_cursor]).toEqual([true, null]);
    expect((await marks()).filter((mark) => mark.startsWith('c'))).toHaveLength(5);
    const volatile = await result('select pause() from generate_series(1, 5)', { cursor: true, limit: 2 });
    expect(volatile.next_cursor).toBeNull();
    await server.query('delete from marks', shopDatabase);
  });

  it('gives way to a newer one of its owner, and ends by itself, leaving no session', async () => {
    const open = () => result('select i from generate_series(1, 9) i', { cursor: true, limit: 1 });
    const [a, b, c] = [await open(), await open(), await open()];
    expect((await page(a.next_cursor)).status).toBe(404);
    expect((await page(b.next_cursor, { limit: 1 })).status).toBe(200);
    await expect.poll(async () => busyHere(), patience).toBe(0);
    expect((await page(c.next_cursor)).status).toBe(404);
    await expect
      .poll(
        async () => (await running.call('GET', '/v1/sessions?state=live', { as: 'reviewer' })).document['sessions'],
        patience,
      )
      .toEqual([]);
  });
});

describe('a streamed answer', () => {
  it('has columns, all rows, and an end that counts them', async () => {
    const lines = await stream('select i, i::text as t from generate_series(1, 5000) i', { limit: 5000 });
    expect(lines[0]).toMatchObject({ type: 'columns', columns: [{ name: 'i' }, { name: 't' }] });
    const rows = lines.flatMap((line) => (line.type === 'rows' ? line.rows : []));
    expect(rows.map(([i]) => Number(i))).toEqual(Array.from({ length: 5000 }, (_, index) => index + 1));
    expect(lines.at(-1)).toMatchObject({ type: 'end', result: { row_count: 5000, truncated: false, rows: [] } });
  });

  it('is bounded as any other when nothing else is asked for', async () => {
    const lines = await stream('select i from generate_series(1, 5000) i');
    expect(lines.at(-1)).toMatchObject({ type: 'end', result: { row_count: 100, truncated: true } });
  });

  it('takes a row larger than a line', async () => {
    const lines = await stream(`select repeat('x', 300000) as x from generate_series(1, 2)`, {
      max_bytes: 1_000_000,
    });
    expect(lines.flatMap((line) => (line.type === 'rows' ? line.rows : [])).map(([x]) => x?.length)).toEqual([
      300_000, 300_000,
    ]);
  });

  it('is refused before it begins, and says at its end what breaks it later', async () => {
    const refused = await exec('drop table orders', { stream: true });
    expect([refused.status, errorOf(refused.document).code]).toEqual([403, 'denied']);
    const lines = await stream('select 1000 / (3000 - i) from generate_series(1, 9000) i', { limit: 9000 });
    expect(lines.at(-1)).toMatchObject({ type: 'error', error: { code: 'target_rejected', target_code: '22012' } });
  });

  it('stops at the target when its reader leaves', async () => {
    const leaving = new AbortController();
    const response = await fetch(`${running.url}/v1/exec`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await running.token('engineer')}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        target: 'demo-db',
        text: `select repeat('x', 1000), generate_series(1, 100000000)`,
        stream: true,
        limit: 100_000_000,
        max_bytes: 2 ** 40,
      }),
      signal: leaving.signal,
    });
    const reader = response.body?.getReader();
    await reader?.read();
    expect(await busyHere()).toBe(1);
    leaving.abort();
    await expect.poll(async () => busyHere(), patience).toBe(0);
  });
});

describe('an idempotency key', () => {
  const key = (name: string): More => ({ idempotency_key: name });
  const insert = (mark: string, more: More = {}) => exec(`insert into marks values ('${mark}')`, more);

  it('runs once, however often and however much at once it is sent', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => insert('once', key('k-once'))));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const documents = answers.map(({ document }) => execDocument.parse(document));
    expect(documents.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(documents.map(({ session_id }) => session_id)).size).toBe(1);
    expect(await marks()).toEqual(['once']);
  });

  it('gives the recorded outcome after a restart too, rows and failures alike', async () => {
    const rows = await result('select 7 as seven', key('k-rows'));
    const failed = await exec('select 1/0', key('k-failed'));
    await running.restart();
    const again = await result('select 7 as seven', key('k-rows'));
    expect(again).toEqual({ ...rows, replayed: true });
    const failedAgain = await exec('select 1/0', key('k-failed'));
    expect(errorOf(failedAgain.document)).toMatchObject({ code: 'target_rejected', target_code: '22012' });
    expect(failed.status).toBe(422);
    expect((await insert('once', key('k-once'))).status).toBe(200);
    expect(await marks()).toEqual(['once']);
  });

  it('is a conflict with other input, and another identity’s own', async () => {
    const other = await insert('other', key('k-once'));
    expect([other.status, errorOf(other.document)]).toMatchObject([409, { code: 'conflict', exit_code: 10 }]);
    const theirs = await exec('select 1', key('k-once'), 'reviewer');
    expect(execDocument.parse(theirs.document).replayed).toBe(false);
    expect(await marks()).toEqual(['once']);
  });

  it('stays free where nothing reached the target', async () => {
    expect((await exec('drop table marks', key('k-free'))).status).toBe(403);
    const now = await result('select 1', key('k-free'));
    expect(now.replayed).toBe(false);
  });

  it('does not end with a caller who loses the connection', async () => {
    const leaving = new AbortController();
    const text = `insert into marks select 'slow' from pg_sleep(1)`;
    const lost = running.call('POST', '/v1/exec', {
      as: 'engineer',
      body: { target: 'demo-db', text, ...key('k-lost') },
      signal: leaving.signal,
    });
    await expect.poll(async () => busyHere(), patience).toBe(1);
    leaving.abort();
    await expect(lost).rejects.toThrow();
    const again = await result(text, key('k-lost'));
    expect([again.replayed, again.row_count]).toEqual([true, 1]);
    expect(await marks()).toEqual(['once', 'slow']);
  });

  it('gives no rows again once policy has changed: what was shown then may be masked now', async () => {
    await result(`select 'seen' as word`, key('k-policy'));
    const bundle = new Map(starterBundle({ pgPort: server.port })).set(
      'policies/marks.cedar',
      `${marking}\n@id("more")\nforbid (principal, action == Action::"truncate", resource);`,
    );
    running.gateway.applyBundle(bundle, 'another policy');
    const again = await result(`select 'seen' as word`, key('k-policy'));
    expect([again.replayed, again.rows, again.truncated]).toEqual([true, [], true]);
  });
});

describe('what else goes with a text', () => {
  it('records what the caller labels it with', async () => {
    const { session_id } = await result('select 1', { meta: { build: '17', 'ci.job': 'deploy' }, reason: 'INC-1' });
    expect(await opening(session_id)).toMatchObject({ meta: { build: '17', 'ci.job': 'deploy' }, reason: 'INC-1' });
    const refused = await exec('select 1', { meta: { 'a b': '1' } });
    expect(errorOf(refused.document).code).toBe('usage');
  });

  it.each([
    `insert into marks values ('ro')`,
    `begin read write; insert into marks values ('ro')`,
    `set transaction read write; insert into marks values ('ro')`,
    `set default_transaction_read_only = off; insert into marks values ('ro')`,
    `select set_config('transaction_read_only', 'off', false); insert into marks values ('ro')`,
    `with gone as (delete from marks returning 1) select * from gone`,
    `explain analyze insert into marks values ('ro')`,
    `prepare p as insert into marks values ('ro'); execute p`,
    `select pause()`,
    `do $$ begin insert into marks values ('ro'); end $$`,
    // A function that is declared stable may call one that writes, which only the transaction's own mode prevents.
    `begin read write; select says_stable(); commit`,
    `begin read only, read write; select says_stable(); commit`,
    `set session characteristics as transaction read only, read write; select says_stable()`,
    `begin; set transaction read only, read write; select says_stable(); commit`,
    `begin; reset transaction_read_only; select says_stable(); commit`,
    `begin; set transaction_read_only to default; select says_stable(); commit`,
  ])('read-only lets nothing write, whatever policy permits: %s', async (text) => {
    const before = await marks();
    const answer = await exec(text, { read_only: true });
    expect(errorOf(answer.document).code).toBe('denied');
    expect(await marks()).toEqual(before);
  });

  it('read-only is a READ ONLY transaction at the target too', async () => {
    const shown = await result('show transaction_read_only', { read_only: true });
    expect(shown.rows).toEqual([['on']]);
    const timeout = await result('show statement_timeout', { timeout_ms: 20_000 });
    expect(timeout.rows).toEqual([['25s']]);
  });
});
