import { afterAll, beforeAll, expect, it } from 'vitest';
import { accessDocument } from '../../src/gateway/schemas/access.js';
import { errorDocument } from '../../src/gateway/schemas/error.js';
import { requestListDocument } from '../../src/gateway/schemas/requests.js';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { type GatewayUnderTest, startTestGateway } from '../integration/gateway-harness.js';
import { makeHome, onlyDocument, runCli } from './support/run-cli.js';

const patience = { timeout: 30_000, interval: 50 };
const access = '  guests:\naccess:\n  guests: { for: [engineers], approvers: { dba: 1 }, max: 4h }\n';
let gateway: GatewayUnderTest;
let home: Awaited<ReturnType<typeof makeHome>>;

beforeAll(async () => {
  home = await makeHome();
  const files = new Map(starterBundle({ pgPort: 1 }));
  files.set('bindings.yaml', `${files.get('bindings.yaml') ?? ''}${access}`);
  gateway = await startTestGateway({ bundle: files });
}, 60_000);
afterAll(async () => {
  await gateway.stop();
  await home.remove();
});

async function ask(minutes: number, ...more: readonly string[]) {
  const env = { SLUICE_GATEWAY: gateway.url, SLUICE_TOKEN: await gateway.token('engineer') };
  const args = ['access', 'request', 'guests', '--for', `${minutes}m`, '--reason', 'INC-7', '--json', ...more];
  return runCli(home.dir, args, { env, input: null });
}
/** Decides as a reviewer, once the request for so many minutes is there. */
async function decide(minutes: number, decision: 'approve' | 'deny'): Promise<string> {
  const find = async () => {
    const answer = await gateway.call('GET', '/v1/requests?state=pending', { as: 'reviewer' });
    const { requests } = requestListDocument.parse(answer.document);
    return requests.find((request) => request.access?.duration_ms === minutes * 60_000)?.id ?? '';
  };
  await expect.poll(find, patience).not.toBe('');
  const id = await find();
  const body = { comment: 'not now' };
  expect((await gateway.call('POST', `/v1/requests/${id}/${decision}`, { as: 'reviewer', body })).status).toBe(200);
  return id;
}

it('access request --wait ends when the grant has begun, and shows it', async () => {
  const [run, id] = await Promise.all([ask(11, '--wait'), decide(11, 'approve')]);
  expect(run.code, run.stderr).toBe(0);
  const { grant, request } = accessDocument.parse(onlyDocument(run));
  expect(grant).toMatchObject({ group: 'guests', state: 'active', request_id: id });
  expect(request).toMatchObject({ id, state: 'executed' });
  expect(run.stderr).toContain('Approved by reviewer@demo.example ("not now")');
  await gateway.call('POST', `/v1/access/${grant?.id ?? ''}/revoke`, { as: 'reviewer', body: {} });
});

it('ends with 6 when people say no, and with 14 when nobody says anything, the request staying open', async () => {
  const [denied] = await Promise.all([ask(12, '--wait'), decide(12, 'deny')]);
  expect(denied.code, denied.stderr).toBe(6);
  expect(errorDocument.parse(onlyDocument(denied)).error.message).toMatch(
    /denied by reviewer@demo\.example \("not now"\)/,
  );
  const late = await ask(13, '--wait', '--timeout', '1s');
  expect(late.code, late.stderr).toBe(14);
  const { error } = errorDocument.parse(onlyDocument(late));
  expect(error.next.map(({ command }) => command)).toEqual([
    `sluice requests wait ${error.request_id} --timeout 10m --json`,
    'sluice access list --mine',
  ]);
  await decide(13, 'deny');
});

it('without --wait ends at once, the request being open', async () => {
  const run = await ask(14);
  expect(run.code, run.stderr).toBe(0);
  expect(accessDocument.parse(onlyDocument(run))).toMatchObject({ grant: null, request: { state: 'pending' } });
  expect(run.stderr).toContain('Next: sluice requests wait req_');
});
