import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { wire } from '../support/raw-postgres.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { openTestTunnel, type TestTunnel } from '../support/tunnel.js';

let gateway: TestGateway;
let engineer: TestTunnel;
beforeAll(async () => {
  gateway = await startTestGateway();
  engineer = await openTestTunnel(gateway, 'engineer');
}, 60_000);
afterAll(async () => {
  await engineer.close();
  await gateway.stop();
});

const errorOf = async (run: Promise<unknown>): Promise<{ code: string; message: string }> =>
  run.then(
    () => ({ code: '', message: 'no error' }),
    (error: unknown) => error as { code: string; message: string },
  );

/** The outcome of a statement that policy holds, once a reviewer has approved it. */
async function onceApproved<T>(run: Promise<T>): Promise<T> {
  const pending = async (): Promise<string | undefined> => {
    const { body } = await gateway.call('reviewer', 'GET', '/v1/requests?state=pending');
    return (body as { requests: readonly { readonly id: string }[] }).requests[0]?.id;
  };
  await expect.poll(pending, { timeout: 20_000 }).toBeDefined();
  await gateway.call('reviewer', 'POST', `/v1/requests/${await pending()}/approve`, { comment: 'ok' });
  return run;
}

const exists = async (table: string): Promise<boolean> =>
  (await gateway.direct(`select to_regclass('public.${table}') is not null as found`))[0]?.['found'] === true;

describe('a session through the gateway', () => {
  it('answers simple and parameterised queries', async () => {
    const client = await engineer.client();
    expect((await client.query('select 1 as one; select 2 as two')) as unknown).toMatchObject([
      { rows: [{ one: 1 }] },
      { rows: [{ two: 2 }] },
    ]);
    expect((await client.query('select $1::int + 1 as n', [41])).rows).toEqual([{ n: 42 }]);
    expect((await client.query({ name: 'named', text: 'select $1::text as t', values: ['x'] })).rows).toEqual([
      { t: 'x' },
    ]);
    expect((await client.query({ name: 'named', text: 'select $1::text as t', values: ['y'] })).rows).toEqual([
      { t: 'y' },
    ]);
  });

  it('masks protected columns under any alias, in text and binary', async () => {
    const client = await engineer.client();
    const [truth] = await gateway.direct('select email, card_number from customers where id = 1');
    const text = 'select email as a, card_number as b, name from customers where id = $1';
    const plain = (await client.query<{ a: string; b: string; name: string }>(text, [1])).rows[0];
    expect(plain?.a).toMatch(/^.\*\*\*@\*\*\*\.\w+$/);
    expect(plain?.b).toBe(`****${String(truth?.['card_number']).slice(-4)}`);
    expect(plain?.name).not.toMatch(/\*/);
    const raw = await engineer.raw();
    raw.send(wire.parse('', text), wire.bind('', '', ['1'], true), wire.execute(''), wire.sync);
    const row = (await raw.until(1)).find(([type]) => type === 'D')?.[1] ?? '';
    expect(row).toContain(plain?.a);
    expect(row).toContain(plain?.b);
    expect(row).not.toContain(String(truth?.['card_number']));
    raw.end();
  });

  it('masks what is computed from a protected column, and leaves the rest clear', async () => {
    const client = await engineer.client();
    expect((await client.query('select count(*)::int as n from customers')).rows[0]).toEqual({
      n: expect.any(Number) as number,
    });
    expect((await client.query('select name || email as x from customers limit 1')).rows).toEqual([{ x: '***' }]);
  });

  it('withholds the text of errors that could quote protected values', async () => {
    const [victim] = await gateway.direct('select email from customers where id = 1');
    const client = await engineer.client();
    const error = await onceApproved(
      errorOf(client.query('insert into customers select * from (select * from customers where id = 1) as again')),
    );
    expect(error.code).toBe('23505');
    expect(JSON.stringify(error)).not.toContain(String(victim?.['email']));
    const [cast] = await gateway.direct('select card_number from customers where id = 2');
    const leak = await onceApproved(
      errorOf(client.query('select card_number::bigint / 0 from customers where id = 2')),
    );
    expect(leak.code).toBe('22012');
    expect(JSON.stringify(leak)).not.toContain(String(cast?.['card_number']));
  });

  it('keeps the words of errors that speak of the statement alone', async () => {
    const client = await engineer.client();
    const missing = await errorOf(client.query('select nothing_here from customers'));
    expect(missing).toMatchObject({ code: '42703', message: expect.stringContaining('nothing_here') as string });
    const syntax = await errorOf(client.query('selec 1'));
    expect(syntax).toMatchObject({ code: '42601', message: 'syntax error at or near "selec"', position: '1' });
  });
});

describe('a denial', () => {
  it('is an error in the protocol: nothing runs, the connection lives on', async () => {
    const client = await engineer.client();
    const denied = await errorOf(client.query('drop table audit_log'));
    expect(denied.code).toBe('42501');
    expect(denied.message).toContain('no-drop');
    expect(await exists('audit_log')).toBe(true);
    expect((await client.query('select 1 as ok')).rows).toEqual([{ ok: 1 }]);
  });

  it('aborts the transaction it stands in, as any error does', async () => {
    const client = await engineer.client();
    await client.query('begin');
    await errorOf(client.query('drop table audit_log'));
    expect((await errorOf(client.query('select 1'))).code).toBe('25P02');
    await client.query('rollback');
    expect((await client.query('select 1 as ok')).rows).toEqual([{ ok: 1 }]);
  });

  it('rolls back what stood before it in the same pipeline', async () => {
    const raw = await engineer.raw();
    const [before] = await gateway.direct('select count(*)::int as n from audit_log');
    raw.send(
      wire.parse('', "insert into audit_log (actor, action, entity) select name, 'x', 'y' from products limit 1"),
      wire.bind('', ''),
      wire.execute(''),
      wire.parse('', 'drop table audit_log'),
      wire.bind('', ''),
      wire.execute(''),
      wire.parse('', 'select 1'),
      wire.sync,
    );
    const seen = await raw.until(1);
    expect(seen.filter(([type]) => type === 'E')).toHaveLength(1);
    expect(seen.at(-1)).toEqual(['Z', 'I']);
    expect((await gateway.direct('select count(*)::int as n from audit_log'))[0]).toEqual(before);
    raw.end();
  });

  it('covers every statement of a multi-statement query', async () => {
    const raw = await engineer.raw();
    raw.send(wire.query('select 1; drop table audit_log; select 2'));
    const seen = await raw.until(1);
    expect(seen.map(([type]) => type)).toEqual(['E', 'Z']);
    expect(await exists('audit_log')).toBe(true);
    raw.end();
  });
});

describe('what the protocol could smuggle', () => {
  it.each([
    ['client_encoding', "set client_encoding = 'SJIS'"],
    ['standard_conforming_strings', 'set standard_conforming_strings = off'],
    ['search_path', 'set search_path = pg_temp, public'],
    ['search_path by function', "select set_config('search_path', 'pg_temp', false)"],
    ['search_path by local', 'begin; set local search_path = x; commit'],
    ['a role', 'set role postgres'],
    ['pg_settings', "update pg_settings set setting = 'off' where name = 'standard_conforming_strings'"],
  ])('refuses to change %s', async (_what, sql) => {
    const client = await engineer.client();
    expect((await errorOf(client.query(sql))).code).toBe('42501');
  });

  it('refuses FunctionCall and goes on', async () => {
    const raw = await engineer.raw();
    const call = Buffer.alloc(5 + 4 + 2 + 2 + 2);
    call[0] = 0x46;
    call.writeInt32BE(call.length - 1, 1);
    raw.send(call, wire.query('select 1'));
    const seen = await raw.until(2);
    expect(seen[0]?.[0]).toBe('E');
    // psql's \lo_import sends it, for people who have never heard of it.
    expect(JSON.stringify(seen[0])).toMatch(/lo_import.*cannot be judged; call it in SQL/);
    expect(seen.at(-1)).toEqual(['Z', 'I']);
    raw.end();
  });

  it('says that a cursor is another by now in words for whoever typed FETCH', async () => {
    const raw = await engineer.raw();
    raw.send(
      wire.query('begin; declare c cursor for select 1'),
      wire.parse('', 'fetch all from c'),
      wire.bind('p', ''),
      wire.parse('x', 'close c'),
      wire.bind('', 'x'),
      wire.execute(''),
      wire.execute('p'),
      wire.sync,
    );
    const seen = await raw.until(2);
    expect(seen).toContainEqual([
      'E',
      'ERROR 55000 a prepared statement or cursor that this names has changed since it was sent',
    ]);
    raw.end();
  });

  it('uses the plan of the statement that was really prepared, even when a pipeline fails', async () => {
    const raw = await engineer.raw();
    raw.send(
      wire.parse('', 'select email from customers where id = 1'),
      wire.sync,
      // The server skips this Parse: a gateway that believed it would treat what follows as "name".
      wire.parse('', 'select 1/0'),
      wire.bind('', ''),
      wire.execute(''),
      wire.parse('', 'select name from customers where id = 1'),
      wire.sync,
      wire.bind('', ''),
      wire.execute(''),
      wire.sync,
    );
    const text = JSON.stringify(await raw.until(3));
    const [truth] = await gateway.direct('select email from customers where id = 1');
    expect(text).not.toContain(String(truth?.['email']));
    raw.end();
  });

  it.each([
    ['length 0', Buffer.from([0x51, 0, 0, 0, 0])],
    ['length 3', Buffer.from([0x51, 0, 0, 0, 3])],
    ['a negative length', Buffer.from([0x51, 0xff, 0xff, 0xff, 0xff])],
    ['2^31 - 1', Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff])],
    ['an unknown type', Buffer.from([0x01, 0, 0, 0, 4])],
    ['no terminator', Buffer.from([0x51, 0, 0, 0, 5, 0x41])],
    ['invalid UTF-8', Buffer.from([0x51, 0, 0, 0, 6, 0xff, 0])],
    ['text behind the terminator', Buffer.from([0x51, 0, 0, 0, 8, 0x41, 0, 0x42, 0])],
  ])('ends the connection with an error on %s', async (_what, bytes) => {
    const raw = await engineer.raw();
    raw.send(bytes);
    const seen = await raw.until(1);
    expect(seen.at(-1)?.[0]).toBe('closed');
    expect(seen.some(([type]) => type === 'E')).toBe(true);
  });
});

describe('COPY', () => {
  it('masks what goes out and judges what comes in', async () => {
    const raw = await engineer.raw();
    raw.send(wire.query('copy (select email, name from customers order by id limit 2) to stdout'));
    const out = (await raw.until(1)).filter(([type]) => type === 'd').map(([, text]) => text);
    expect(out).toHaveLength(2);
    for (const row of out) expect(row).toMatch(/^.\*\*\*@\*\*\*\.\w+\t/);
    raw.send(wire.query("copy customers from program 'true'"));
    expect((await raw.until(1))[0]).toEqual(['E', expect.stringContaining('42501')]);
    raw.end();
  });

  it('takes rows in', async () => {
    const raw = await engineer.raw();
    const [before] = await gateway.direct('select count(*)::int as n from products');
    raw.send(wire.query('copy products from stdin'));
    raw.send(
      wire.copyData('90001\tSKU-T1\tLamp\tHome\t10.50\t3\n'),
      wire.sync,
      wire.copyData('90002\tSKU-T2\tLamp 2\tHome\t11.50\t4\n'),
      wire.copyDone,
    );
    const seen = await raw.until(1);
    expect(seen.map(([type]) => type)).toEqual(['G', 'C', 'Z']);
    const [after] = await gateway.direct('select count(*)::int as n from products');
    expect(Number(after?.['n'])).toBe(Number(before?.['n']) + 2);
    raw.end();
  });
});

describe('many sessions', () => {
  it('serves 200 connections at once and leaves none behind', async () => {
    await gateway.direct('select 1');
    const clients = await Promise.all(Array.from({ length: 200 }, () => engineer.client()));
    const answers = await Promise.all(clients.map((client, i) => client.query('select $1::int as n', [i])));
    expect(answers.map(({ rows }) => rows[0] as unknown)).toEqual(clients.map((_, i) => ({ n: i })));
    await Promise.all(clients.map((client) => client.end()));
  }, 60_000);

  it('ends the session when the client is killed in the middle of a result', async () => {
    const raw = await engineer.raw();
    raw.send(wire.query('select o.id, i.id from orders o, orders i, orders j, orders k'));
    await vi.waitFor(async () =>
      expect(
        await gateway.direct(
          "select 1 from pg_stat_activity where state = 'active' and query like 'select o.id, i.id%'",
        ),
      ).toHaveLength(1),
    );
    raw.end();
    await expect
      .poll(
        async () =>
          (
            await gateway.direct(
              "select count(*)::int as n from pg_stat_activity where state = 'active' and query like 'select o.id, i.id%'",
            )
          )[0]?.['n'],
        { timeout: 10_000 },
      )
      .toBe(0);
  });

  it('tells the client when the target is killed in the middle of a query, and closes the session', async () => {
    const raw = await engineer.raw();
    raw.send(wire.query('select pg_sleep(31)'));
    const running = "from pg_stat_activity where query = 'select pg_sleep(31)' and state = 'active'";
    await vi.waitFor(async () => {
      expect(await gateway.direct(`select pg_terminate_backend(pid) ${running}`)).toHaveLength(1);
    });
    const seen = await raw.until(1);
    expect(seen.at(-1)?.[0]).toBe('closed');
    expect(seen).toContainEqual(['E', expect.stringContaining('57P01')]);
    raw.end();
  });

  it('leaves no session open when its clients have gone', async () => {
    await engineer.close();
    await vi.waitFor(
      async () => expect(await gateway.text('engineer', '/metrics')).toContain('sluice_sessions_live 0'),
      {
        timeout: 15_000,
        interval: 200,
      },
    );
    engineer = await openTestTunnel(gateway, 'engineer');
  }, 30_000);

  it('cancels a running statement by the key it gave out', async () => {
    const raw = await engineer.raw();
    raw.send(wire.query('select pg_sleep(30)'));
    await expect
      .poll(
        async () =>
          (
            await gateway.direct(
              "select count(*)::int as n from pg_stat_activity where query = 'select pg_sleep(30)' and state = 'active'",
            )
          )[0]?.['n'],
        { timeout: 10_000 },
      )
      .toBe(1);
    await raw.cancel();
    expect(await raw.until(1)).toContainEqual(['E', expect.stringContaining('57014')]);
    raw.end();
  });
});
