import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type GatewayUnderTest, startTestGateway } from './gateway-harness.js';

let running: GatewayUnderTest;
const logged: Record<string, unknown>[] = [];
beforeAll(async () => {
  const lines = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged.push(JSON.parse(String(chunk)) as Record<string, unknown>);
      done();
    },
  });
  running = await startTestGateway({ log: pino({ level: 'info' }, lines) });
});
afterAll(() => running.stop());

const broken = {
  'a byte that begins nothing': [0xff],
  // One replacement character is as long as this, so that Content-Length would not tell.
  'a character that is cut off': [0xf0, 0x9f, 0x98],
  'a surrogate': [0xed, 0xa0, 0x80],
  'a longer form than needed': [0xc0, 0xaf],
};
const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
const around: Readonly<Record<string, string>> = {
  '/v1/exec': JSON.stringify({ target: 'demo-db', text: "select '?'" }),
  '/v1/requests': JSON.stringify({ target: 'demo-db', text: "select '?'" }),
  '/mcp': JSON.stringify({ ...list, params: { _meta: { note: '?' } } }),
};

async function post(path: string, body: Uint8Array<ArrayBuffer>) {
  const headers = {
    authorization: `Bearer ${await running.token('engineer')}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const response = await fetch(`${running.url}${path}`, { method: 'POST', headers, body });
  return { status: response.status, id: response.headers.get('x-request-id'), text: await response.text() };
}

it.each(Object.keys(around))(
  '%s takes no body that is not UTF-8: it would stand for other characters',
  async (path) => {
    const [before = '', after = ''] = (around[path] ?? '').split('?');
    for (const [what, bytes] of Object.entries(broken)) {
      const body = Uint8Array.from([...Buffer.from(before), ...bytes, ...Buffer.from(after)]);
      const { status, text } = await post(path, body);
      expect([status, text], what).toEqual([400, expect.stringContaining('the body is not UTF-8')]);
    }
    const { text } = await post(path, Uint8Array.from(Buffer.from(`${before}ü 😀${after}`)));
    expect(text).not.toContain('UTF-8');
  },
);

it('/mcp refuses what is too large in the words of the API', async () => {
  const body = Uint8Array.from(Buffer.from(JSON.stringify({ ...list, params: { x: 'x'.repeat(3_000_000) } })));
  const { status, text } = await post('/mcp', body);
  expect([status, JSON.parse(text)]).toMatchObject([413, { error: { code: 'too_large' } }]);
});

it('/mcp is in the log and the metrics like every route, under the id that its answer names', async () => {
  const { status, id } = await post('/mcp', Uint8Array.from(Buffer.from(JSON.stringify(list))));
  expect(status).toBe(200);
  const found = () => logged.find(({ request }) => request === id);
  await expect.poll(found).toMatchObject({ msg: 'request', method: 'POST', route: '/mcp', status: 200 });
  const { text } = await running.call('GET', '/metrics', { as: 'reviewer' });
  expect(text).toMatch(/route="\/mcp"/);
});
