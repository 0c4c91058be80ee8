import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { postNotices, webhookSchema } from '../../../src/signals/webhook.js';

let dir: string;
let url: string;
let receiver: Server;
let status = 204;
const received: { readonly body: string; readonly signature: string }[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-webhook-'));
  await writeFile(join(dir, 'secret'), 'shared\n');
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    request.on('end', () => {
      received.push({ body, signature: String(request.headers['sluice-signature']) });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
});
afterAll(async () => {
  receiver.close();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => {
  received.length = 0;
  status = 204;
});

const held = {
  ...{
    schema: 'sluice.audit/v1',
    sequence: 7,
    event: 'operation.held',
    at: '2026-01-07T12:00:00Z',
    severity: 'notice',
  },
  ...{
    outcome: 'held',
    actor: { id: 'idp#ann', name: 'ann <!channel>', kind: 'human' },
    session: 'ses_1',
    target: 'db',
  },
  ...{ object: null, op: 3 },
  detail: {
    text: "delete from people where ssn = '123-45-6789'",
    effects: ['delete on table db/shop/public/people', 'exec on target db (curl -H hunter2)'],
    policies: ['prod-writes'],
    message: "value '123-45-6789' is wrong",
    reason: 'hunter2',
    request_id: 'req_1',
  },
};
type Event = Readonly<Record<string, unknown>> & { readonly sequence: number };
const lines = (...events: readonly Event[]) =>
  events.map((event) => ({ sequence: event.sequence, line: JSON.stringify(event) }));
const telling = {
  gateway: 'https://sluice.example',
  mask: (text: string) => text.replaceAll('people', 'p*****'),
  readSecret: () => Promise.reject(new Error('none is asked for')),
  onProblem: () => undefined,
};
const post = (config: object, ...events: readonly Event[]) => {
  const parsed = webhookSchema.parse({ type: 'webhook', url, ...config });
  return postNotices(parsed, lines(...events), telling, new AbortController().signal);
};

it('signs time and body, and tells who, what and where to look', async () => {
  await post({ secretFile: join(dir, 'secret') }, held);
  const [{ body, signature } = { body: '', signature: '' }] = received;
  const [, seconds = '', mac = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
  expect(mac).toBe(createHmac('sha256', 'shared').update(`${seconds}.${body}`).digest('hex'));
  expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(60);
  expect(JSON.parse(body)).toMatchObject({
    schema: 'sluice.notices/v1',
    notices: [
      {
        ...{ sequence: 7, event: 'operation.held', target: 'db', policies: ['prod-writes'], request_id: 'req_1' },
        summary: 'ann <!channel> on db waits for approval: delete on table db/shop/public/people and 1 more',
        look: 'sluice requests show req_1',
      },
    ],
  });
});

it.each(['json', 'slack'])('holds no statement, no value and no reason, as %s', async (format) => {
  await post({ format }, held);
  expect(received).toHaveLength(1);
  for (const secret of ['123-45-6789', 'ssn', 'hunter2']) expect(received[0]?.body).not.toContain(secret);
});

it('lets nobody’s name speak to a whole channel', async () => {
  await post({ format: 'slack' }, held);
  expect(received[0]?.body).toContain('ann &lt;!channel&gt; on db waits for approval');
  expect(received[0]?.body).not.toContain('<!channel>');
  await post({ format: 'slack' }, { ...held, actor: { ...held.actor, name: 'ann\u202e (DBA)' } });
  expect(received[1]?.body).toContain('ann  (DBA) on db');
});

it('tells only the events that are asked for, together, and posts nothing for others', async () => {
  const other = { ...held, sequence: 8, event: 'operation.allowed' };
  await post({}, other);
  expect(received).toEqual([]);
  await post({ events: ['approval.*', 'operation.held'] }, held, other, {
    ...held,
    sequence: 9,
    event: 'approval.denied',
  });
  const { notices } = JSON.parse(received[0]?.body ?? '{}') as { notices: { sequence: number }[] };
  expect(notices.map(({ sequence }) => sequence)).toEqual([7, 9]);
});

it('fails when the receiver does not take it, so that it is brought again', async () => {
  status = 503;
  await expect(post({}, held)).rejects.toThrow('the receiver answered 503');
});

it('does not send unsigned what should be signed', async () => {
  await expect(post({ secretFile: join(dir, 'absent') }, held)).rejects.toThrow('ENOENT');
  expect(received).toEqual([]);
});

it('tells statements where that is asked for: without literals, masked, and only such as are sure', async () => {
  const sql = { ...held, detail: { ...held.detail, kind: 'query', text_truncated: false } };
  const cut = { ...sql, detail: { ...sql.detail, text_truncated: true } };
  const shell = { ...sql, detail: { ...sql.detail, kind: 'exec', text: 'curl -H hunter2' } };
  await post({ statements: true }, sql, cut, shell);
  const { notices } = JSON.parse(received[0]?.body ?? '{}') as { notices: { statement: string | null }[] };
  expect(notices.map(({ statement }) => statement)).toEqual(['delete from p***** where ssn = ?', null, null]);
  await post({ format: 'slack', statements: true }, sql);
  expect(received[1]?.body).toContain('`delete from p***** where ssn = ?`');
});

it('fills a template in one pass, leaves out lines that got nothing, and links', async () => {
  const config = {
    ...{ format: 'slack', link: 'https://sluice.example/r/{request_id}/{op}' },
    template: '*{target}* {user}\n<{link}|look>\nstatement: {statement}\nalways',
  };
  await post(config, { ...held, actor: { ...held.actor, name: '{look} & <b>' } });
  expect(JSON.parse(received[0]?.body ?? '')).toEqual({
    text: '*db* {look} &amp; &lt;b&gt;\n<https://sluice.example/r/req_1/3|look>\nalways',
  });
});

it('tells of a request that waits in a session once, and of one that does not by the trail', async () => {
  const trail = {
    ...held,
    sequence: 8,
    event: 'request.create',
    session: null,
    target: null,
    object: 'req_1',
    op: null,
  };
  const inSession = { ...trail, detail: { target: 'db', state: 'pending', session: 'ses_1' } };
  const asked = { ...trail, sequence: 9, detail: { target: 'callers', state: 'pending', policies: 'access:callers' } };
  const approved = {
    ...trail,
    sequence: 10,
    event: 'request.approve',
    detail: { target: 'callers', on_behalf_of_name: 'bo' },
  };
  const glass = {
    ...trail,
    sequence: 11,
    event: 'access.emergency',
    object: 'grt_1',
    detail: { group: 'callers', until: '13:00' },
  };
  await post({}, held, inSession, asked, approved, glass);
  const { notices } = JSON.parse(received[0]?.body ?? '{}') as { notices: { sequence: number; summary: string }[] };
  expect(notices.map(({ sequence }) => sequence)).toEqual([7, 9, 10, 11]);
  expect(notices.slice(1).map(({ summary }) => summary)).toEqual([
    'ann <!channel> asks for membership in callers',
    'bo (through the bot ann <!channel>) approved req_1 for callers',
    'ann <!channel> BROKE THE GLASS: in callers until 13:00; to be reviewed by someone else',
  ]);
  await post({ events: ['request.*'] }, inSession);
  expect(received).toHaveLength(2);
});
