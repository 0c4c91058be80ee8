import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEvents } from '../../src/recording/read.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { openTestTunnel, type TestTunnel } from '../support/tunnel.js';

let gateway: TestGateway;
let tunnel: TestTunnel;
beforeAll(async () => {
  gateway = await startTestGateway();
  tunnel = await openTestTunnel(gateway, 'engineer');
}, 120_000);
afterAll(async () => {
  await tunnel.close();
  await gateway.stop();
});

type Event = Readonly<Record<string, unknown>> & { readonly event: string; readonly session: string };

/** The NDJSON stream as a watcher reads it. */
async function watch(user: 'engineer' | 'reviewer' | 'robot', query = '') {
  const leave = new AbortController();
  const response = await fetch(new URL(`/v1/sessions/watch${query}`, gateway.url), {
    headers: { authorization: `Bearer ${await gateway.token(user)}` },
    signal: leave.signal,
  });
  expect(response.headers.get('content-type')).toContain('application/x-ndjson');
  const seen: Event[] = [];
  const done = (async () => {
    let rest = '';
    for await (const chunk of response.body ?? []) {
      const lines = (rest + Buffer.from(chunk as Uint8Array).toString('utf8')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) seen.push(JSON.parse(line) as Event);
    }
  })().catch(() => undefined);
  return {
    seen,
    done,
    until: (check: (events: readonly Event[]) => boolean) =>
      expect.poll(() => check(seen), { timeout: 10_000, interval: 20 }).toBe(true),
    leave: () => leave.abort(),
  };
}

async function sessionOf(application: string): Promise<string> {
  const find = async (): Promise<string | undefined> => {
    const { body } = await gateway.call('reviewer', 'GET', '/v1/sessions?state=live');
    const { sessions } = body as { sessions: readonly { id: string; client: string }[] };
    return sessions.find(({ client }) => client.startsWith(application))?.id;
  };
  await expect.poll(find, { timeout: 10_000, interval: 20 }).toBeDefined();
  return (await find()) ?? '';
}

describe('watching live sessions', () => {
  it('tells what runs, what is refused and how it ends, to whom policy lets read sessions', async () => {
    const before = await tunnel.client({ application_name: 'before' });
    const watcher = await watch('reviewer');
    const client = await tunnel.client({ application_name: 'watched' });
    const id = await sessionOf('watched');
    await client.query('select count(*) from orders where id < $1', [10]);
    await client.query('drop table orders').catch(() => undefined);
    await client.query('select nothing from nowhere').catch(() => undefined);
    await client.end();
    await watcher.until((events) => events.some(({ event, session }) => event === 'session.ended' && session === id));
    const mine = watcher.seen.filter(({ session }) => session === id);
    expect(mine.map(({ event }) => event)).toEqual([
      'session.opened',
      'operation.allowed',
      'operation.completed',
      'operation.denied',
      'operation.allowed',
      'operation.failed',
      'session.ended',
    ]);
    expect(mine[1]).toMatchObject({
      schema: 'sluice.audit/v1',
      actor: { name: 'engineer', kind: 'human' },
      target: 'demo-db',
      detail: { kind: 'execute', text: 'select count(*) from orders where id < $1' },
    });
    expect(mine[3]).toMatchObject({ severity: 'warning', detail: { policies: ['no-drop'] } });
    expect(watcher.seen.filter(({ event }) => event === 'session.live')).not.toHaveLength(0);
    watcher.leave();
    await watcher.done;
    await before.end();
  });

  it('shows others only what is their own', async () => {
    const watcher = await watch('robot');
    const own = await watch('engineer');
    const client = await tunnel.client({ application_name: 'private' });
    await client.query('select 1');
    await client.end();
    await own.until((events) => events.some(({ event }) => event === 'session.ended'));
    expect(watcher.seen).toMatchObject([{ event: 'watching' }]);
    watcher.leave();
    own.leave();
    await Promise.all([watcher.done, own.done]);
  });
});

describe('following a live session', () => {
  it('gives its journal as it grows, until the session ends', async () => {
    const client = await tunnel.client({ application_name: 'followed' });
    const id = await sessionOf('followed');
    const response = await fetch(new URL(`/v1/sessions/${id}/follow`, gateway.url), {
      headers: { authorization: `Bearer ${await gateway.token('reviewer')}` },
    });
    expect(response.status).toBe(200);
    const texts: string[] = [];
    const read = (async () => {
      const bytes = response.body as unknown as AsyncIterable<Uint8Array>;
      for await (const event of readEvents(bytes)) {
        if (event.type === 'operation') texts.push(event.text);
        if (event.type === 'end') texts.push(`end: ${event.reason}`);
      }
    })();
    await client.query('select 1 as one');
    await expect.poll(() => texts, { timeout: 5_000, interval: 20 }).toContain('select 1 as one');
    await client.query('select 2 as two');
    await client.end();
    await read;
    expect(texts).toEqual(['select 1 as one', 'select 2 as two', 'end: client closed']);
    const refused = await gateway.call('robot', 'GET', `/v1/sessions/${id}/follow`);
    expect(refused.status).toBe(404);
  });
});

describe('ending a live session', () => {
  it('tells exec who ended it, whatever it waited for', async () => {
    const text = 'select pg_sleep(61)';
    const running = gateway.call('engineer', 'POST', '/v1/exec', { target: 'demo-db', text, timeout_ms: 600_000 });
    const sessions = async () => {
      const { body } = await gateway.call('reviewer', 'GET', '/v1/sessions?state=live');
      return (body as { sessions: { id: string; via: string }[] }).sessions.filter(({ via }) => via === 'exec');
    };
    const asleep = async () =>
      (await gateway.direct(`select 1 from pg_stat_activity where state = 'active' and query = '${text}'`)).length;
    await expect.poll(asleep, { timeout: 20_000, interval: 20 }).toBe(1);
    const [session] = await sessions();
    await gateway.call('reviewer', 'POST', `/v1/sessions/${session?.id ?? ''}/end`, { reason: 'INC-43' });
    expect(await running).toMatchObject({
      status: 403,
      body: {
        error: {
          ...{ code: 'denied', decider: 'gateway', exit_code: 5 },
          message: 'The session was ended by reviewer: INC-43.',
          next: [{ command: `sluice sessions show ${session?.id ?? ''}` }],
        },
      },
    });
  });

  it('ends client and target within a second and says why in both', async () => {
    const client = await tunnel.client({ application_name: 'killed' });
    const id = await sessionOf('killed');
    const watcher = await watch('reviewer', `?session=${id}`);
    const running = client.query('select pg_sleep(60)').then(
      () => 'finished',
      (error: unknown) => (error as Error).message,
    );
    const asleep = async () =>
      (
        await gateway.direct(
          `select 1 from pg_stat_activity where application_name = 'sluice ${id}' and state = 'active'`,
        )
      ).length;
    await expect.poll(asleep, { timeout: 10_000, interval: 20 }).toBe(1);
    const started = performance.now();
    const answer = await gateway.call('reviewer', 'POST', `/v1/sessions/${id}/end`, { reason: 'INC-42' });
    expect(answer).toMatchObject({
      status: 200,
      body: { schema: 'sluice.session_end/v1', session_id: id, ended: true },
    });
    expect(await running).toBe('gateway: ended by reviewer: INC-42');
    const there = async () =>
      (await gateway.direct(`select 1 from pg_stat_activity where application_name = 'sluice ${id}'`)).length;
    await expect.poll(there, { timeout: 5_000, interval: 20 }).toBe(0);
    expect(performance.now() - started).toBeLessThan(1000);
    await watcher.done; // ends by itself, with the session
    expect(watcher.seen.at(-1)).toMatchObject({
      event: 'session.ended',
      detail: { reason: 'ended by gateway', message: 'ended by reviewer: INC-42' },
    });
    const { body } = await gateway.call('reviewer', 'GET', `/v1/sessions/${id}`);
    expect(body).toMatchObject({ session: { state: 'closed', end_reason: 'ended by gateway' } });
    const again = await gateway.call('reviewer', 'POST', `/v1/sessions/${id}/end`, { reason: 'again' });
    expect(again).toMatchObject({ status: 409, body: { error: { code: 'conflict' } } });
  });

  it('lets people end their own, and nobody else’s without endSession', async () => {
    const client = await tunnel.client({ application_name: 'mine' });
    const id = await sessionOf('mine');
    const refused = await gateway.call('robot', 'POST', `/v1/sessions/${id}/end`, { reason: 'no' });
    expect(refused).toMatchObject({ status: 404 });
    await client.query('select 1');
    expect(await gateway.call('engineer', 'POST', `/v1/sessions/${id}/end`, { reason: 'done' })).toMatchObject({
      status: 200,
    });
    await expect(client.query('select 1')).rejects.toThrow();
  });
});
