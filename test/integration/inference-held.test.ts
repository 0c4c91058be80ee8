import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { openTestTunnel, type TestTunnel } from '../support/tunnel.js';

let gateway: TestGateway;
let engineer: TestTunnel;
let robot: TestTunnel;
beforeAll(async () => {
  gateway = await startTestGateway();
  engineer = await openTestTunnel(gateway, 'engineer');
  robot = await openTestTunnel(gateway, 'robot');
}, 60_000);
afterAll(async () => {
  await robot.close();
  await engineer.close();
  await gateway.stop();
});

interface Request {
  readonly id: string;
  readonly text: string;
  readonly effects: readonly string[];
  readonly policies: readonly string[];
}

/** The open request for this statement, once it is there; a reviewer does not see the value that it asks about. */
async function requestFor(sql: string): Promise<Request> {
  const text = sql.replace(/'[^']+'/, "'***'");
  const find = async (): Promise<Request | undefined> => {
    const { body } = await gateway.call('reviewer', 'GET', '/v1/requests?state=pending');
    return (body as { requests: readonly Request[] }).requests.find((request) => request.text === text);
  };
  await expect.poll(find, { timeout: 20_000 }).toBeDefined();
  return (await find()) as Request;
}
const decide = (id: string, verb: 'approve' | 'deny'): Promise<unknown> =>
  gateway.call('reviewer', 'POST', `/v1/requests/${id}/${verb}`, { comment: 'looked at it' });

async function email(): Promise<string> {
  return String((await gateway.direct('select email from customers where id = 2'))[0]?.['email']);
}

describe('a question about a protected value', () => {
  it('waits in psql until a reviewer approves it, and answers masked as ever', async () => {
    const text = `select id, email from customers where email = '${await email()}'`;
    const child = spawn('psql', [engineer.uri, '-X', '-A', '-t', '-c', text], { stdio: 'pipe' });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const closed = once(child, 'close');
    const request = await requestFor(text);
    expect(request.policies).toEqual(['inference-by-people']);
    expect(request.effects.join()).toContain('infer');
    expect(out).toBe('');
    await decide(request.id, 'approve');
    expect(await closed).toEqual([0, null]);
    expect(out).toMatch(/^2\|.\*\*\*@\*\*\*\.\w+\n$/);
    expect(err).toContain(`held for approval`);
    expect(err).toContain(`sluice requests approve ${request.id}`);
  }, 60_000);

  it('is refused in psql when a reviewer denies it', async () => {
    const text = `select count(*) from customers where email < '${await email()}'`;
    const client = await engineer.client();
    const asked = client.query(text).then(
      () => null,
      (error: unknown) => error as { readonly code: string; readonly message: string },
    );
    await decide((await requestFor(text)).id, 'deny');
    expect(await asked).toMatchObject({ code: '42501', message: expect.stringContaining('looked at it') as string });
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  it('is refused although it was approved when the database changed meanwhile past the gateway', async () => {
    const view = (columns: string): string =>
      `create or replace view held_view as select ${columns} from customers; grant select on held_view to public`;
    await gateway.direct(view('id, name as tag, email'));
    const text = 'select tag from held_view where email is not null order by id limit 1';
    const client = await engineer.client();
    const ask = (): Promise<unknown> =>
      client.query<{ tag: string }>(text).then(
        ({ rows }) => rows,
        (error: unknown) => error as { readonly code: string; readonly message: string },
      );
    const changed = ask();
    const { id } = await requestFor(text);
    await gateway.direct('drop view held_view');
    await gateway.direct(view('id, email::text as tag, name as email'));
    await decide(id, 'approve');
    expect(await changed).toMatchObject({
      code: '42501',
      message: expect.stringContaining('the database changed while this waited') as string,
    });
  });

  it('is asked for by exec, and run once with the approval', async () => {
    const text = 'select id from customers order by email limit 1';
    const held = await gateway.call('engineer', 'POST', '/v1/exec', { target: 'demo-db', text });
    expect(held.status).toBe(202);
    const request = await requestFor(text);
    await decide(request.id, 'approve');
    const answer = await gateway.call('engineer', 'POST', '/v1/exec', { request_id: request.id });
    expect(answer).toMatchObject({ status: 200, body: { row_count: 1 } });
    expect((await gateway.call('engineer', 'POST', '/v1/exec', { request_id: request.id })).status).toBe(409);
  });

  it('is refused to a machine, on the wire and in exec, and nobody is asked', async () => {
    const text = "select id from customers where email like 'a%'";
    const error = await (await robot.client()).query(text).then(
      () => null,
      (refused: unknown) => refused as { readonly code: string; readonly message: string },
    );
    expect(error).toMatchObject({ code: '42501', message: expect.stringContaining('no-inference') as string });
    const answer = await gateway.call('robot', 'POST', '/v1/exec', { target: 'demo-db', text });
    expect(answer).toMatchObject({ status: 403, body: { error: { policy: 'no-inference' } } });
    const { body } = await gateway.call('reviewer', 'GET', '/v1/requests?state=pending');
    expect(JSON.stringify(body)).not.toContain("like 'a%'");
  });
});
