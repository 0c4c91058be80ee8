import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { accessDocument, grantListDocument } from '../../src/gateway/schemas/access.js';
import { errorDocument } from '../../src/gateway/schemas/error.js';
import { requestDocument } from '../../src/gateway/schemas/requests.js';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { tryPort } from '../../src/quickstart/ports.js';
import { type GatewayUnderTest, startTestGateway } from '../integration/gateway-harness.js';

const program = fileURLToPath(new URL('../../bin/dev.js', import.meta.url));
const access = '  guests:\naccess:\n  guests: { for: [engineers], approvers: { dba: 2 }, max: 4h }\n';

let dir: string;
let gateway: GatewayUnderTest;
const started: ChildProcess[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-two-'));
  const files = new Map(starterBundle({ pgPort: 1 }));
  files.set('bindings.yaml', `${files.get('bindings.yaml') ?? ''}${access}`);
  // Set up in this process, then served by processes of their own.
  gateway = await startTestGateway({ bundle: files });
  await gateway.gateway.close({ graceMs: 0 });
}, 60_000);
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  await gateway.stop();
  await rm(dir, { recursive: true, force: true });
});

/** A gateway as its operator starts it, on the one state directory; `port` null: where clients look for it. */
async function start(port: number | null) {
  const { url, stateDir } = gateway;
  const config = join(dir, `${port ?? 'first'}.yaml`);
  const bootstrap = {
    listen: { host: '127.0.0.1', port: port ?? Number(new URL(url).port) },
    ...{ publicUrl: url, stateDir, demoIdentity: true },
    issuers: [{ url: `${url}/idp`, audience: url, clientId: 'sluice-cli' }],
  };
  await writeFile(config, JSON.stringify(bootstrap));
  const child = spawn(process.execPath, [program, 'gateway', 'start', '--config', config, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, SLUICE_LOG_LEVEL: 'silent' },
  });
  started.push(child);
  const gone = once(child, 'close') as Promise<[number | null]>;
  let said = '';
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
      if (said.includes('\n')) resolve();
    });
    void gone.then(() => resolve());
  });
  await ready;
  return { child, gone, document: JSON.parse(said) as Readonly<Record<string, unknown>> };
}

const vote = (id: string, as: 'reviewer' | 'reviewer2') =>
  gateway.call('POST', `/v1/requests/${id}/approve`, { as, body: {} });

it('a second process on the same state is told why it may not start, and disturbs nothing of the first', async () => {
  const first = await start(null);
  expect(first.document).toMatchObject({ event: 'ready' });
  const body = { name: 'guests', duration_ms: 600_000, reason: 'INC-7' };
  const asked = await gateway.call('POST', '/v1/access', { as: 'engineer', body });
  const id = accessDocument.parse(asked.document).request?.id ?? '';
  expect((await vote(id, 'reviewer')).status).toBe(200);

  const second = await start(await tryPort(0));
  expect(await second.gone).toEqual([13, null]);
  const { error } = errorDocument.parse(second.document);
  expect(error).toMatchObject({ code: 'local', decider: 'local', next: [{ command: 'sluice gateway init' }] });
  expect(error.message).toContain(join(gateway.stateDir, 'state.db'));
  expect(error.message).toMatch(/ledger belong to the one process .* Stop the other/);
  const read = await gateway.call('GET', `/v1/requests/${id}`, { as: 'engineer' });
  expect(requestDocument.parse(read.document).request).toMatchObject({ state: 'pending', votes: [{}] });

  // A standby starts at once when the first is gone, however it went, and knows what it knew.
  first.child.kill('SIGKILL');
  await first.gone;
  const standby = await start(null);
  expect(standby.document).toMatchObject({ event: 'ready' });
  expect((await vote(id, 'reviewer')).status).toBe(409);
  expect((await vote(id, 'reviewer2')).status).toBe(200);
  expect((await vote(id, 'reviewer2')).status).toBe(409);
  const listed = await gateway.call('GET', '/v1/access', { as: 'reviewer' });
  expect(grantListDocument.parse(listed.document).grants.map(({ request_id: request }) => request)).toEqual([id]);
  standby.child.kill('SIGTERM');
  expect(await standby.gone).toEqual([0, null]);
}, 180_000);
