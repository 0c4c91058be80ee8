import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessDocument } from '../../src/gateway/schemas/access.js';
import { botDecisionDocument } from '../../src/gateway/schemas/bots.js';
import { errorDocument } from '../../src/gateway/schemas/error.js';
import { requestDocument } from '../../src/gateway/schemas/requests.js';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { openStore } from '../../src/store/open.js';
import { type BotSays, ChatBot } from '../support/chat-bot.js';
import { type ApiAnswer, type GatewayUnderTest, type Role, startTestGateway } from './gateway-harness.js';

let running: GatewayUnderTest;
let lateMs = 0;
const bot = new ChatBot('chat', () => running.url);
const teams = new ChatBot('teams', () => running.url);

/** Two groups that take one dba, or one dba and one reviewer; a bot that speaks for the dbas alone. */
function bundle(more = ''): ReadonlyMap<string, string> {
  const files = new Map(starterBundle({ pgPort: 1 }));
  const accounts = 'U-REV: reviewer@demo.example, U-REV2: reviewer2@demo.example, U-ENG: engineer@demo.example';
  const section = `  guests:
  pairs:
  watched:
access:
  guests: { for: [engineers, machines, dba], approvers: { dba: 1 }, max: 4h }
  pairs: { for: [engineers], approvers: { dba: 2 }, max: 4h }
  watched: { for: [engineers], approvers: { reviewers: 1 }, max: 4h }
bots:
  chat:
    keys: ["${bot.publicKey}"]
    issuer: ${running.url}/idp
    accounts: { ${accounts}, U-ROBOT: robot, U-SUB: "${running.url}/idp#reviewer" }
    groups: [dba]
    seenWithin: 5m
    proof: seen
    login: robot
  teams:
    keys: ["${teams.publicKey}"]
    issuer: ${running.url}/idp
    accounts: { ${accounts}, U-ROBOT: robot }
    groups: [dba]
    proof: token
${more}`;
  return files.set('bindings.yaml', `${files.get('bindings.yaml') ?? ''}${section}`);
}

beforeAll(async () => {
  running = await startTestGateway({ clock: () => Date.now() + lateMs });
  running.gateway.applyBundle(bundle(), 'with a bot');
  // The gateway knows whom it has seen; reviewer2 comes later.
  for (const role of ['engineer', 'reviewer', 'robot'] as const) await seen(role);
}, 60_000);
afterAll(() => running.stop());

const seen = (role: Role) => running.call('GET', '/v1/whoami', { as: role });
const errorOf = (answer: ApiAnswer) => errorDocument.parse(answer.document).error;

async function ask(role: Role = 'engineer', name = 'guests'): Promise<string> {
  const body = { name, duration_ms: 60_000, reason: 'INC-7' };
  const asked = await running.call('POST', '/v1/access', { as: role, body });
  return accessDocument.parse(asked.document).request?.id ?? '';
}
async function cancel(id: string, role: Role = 'engineer') {
  return running.call('POST', `/v1/requests/${id}/cancel`, { as: role, body: {} });
}
const send = (decision: string, name = 'chat') =>
  running.call('POST', `/v1/bots/${name}/decisions`, { body: { decision } });
const say = async (says: BotSays) => send(await bot.sign(says));
async function show(id: string) {
  return requestDocument.parse((await running.call('GET', `/v1/requests/${id}`, { as: 'reviewer' })).document).request;
}

describe('a decision that a person made at a chat', () => {
  it('counts as theirs, and the trail names both them and the bot', async () => {
    const id = await ask();
    const answer = botDecisionDocument.parse((await say({ request: id })).document);
    expect(answer).toMatchObject({ state: 'executed', on_behalf_of: 'reviewer@demo.example', bot: 'chat' });
    expect(answer.required).toEqual([{ group: 'dba', count: 1, have: 1 }]);
    expect(await show(id)).toMatchObject({
      state: 'executed',
      votes: [
        { name: 'reviewer@demo.example', comment: 'seen in chat', via: expect.stringContaining('chat') as string },
      ],
    });
    const steps = (await show(id)).history.filter(({ via }) => via !== null);
    expect(steps.map(({ to, by }) => [to, by])).toEqual([['approved', 'reviewer@demo.example']]);
    const grants = await running.call('GET', '/v1/access', { as: 'reviewer' });
    const [grant] = grants.document['grants'] as [{ id: string; request_id: string }];
    expect(grant.request_id).toBe(id);
    await running.call('POST', `/v1/access/${grant.id}/revoke`, { as: 'reviewer', body: {} });
  });

  it('denies with the words that the requester sees', async () => {
    const id = await ask();
    expect(errorOf(await say({ request: id, decision: 'deny', comment: '' })).code).toBe('usage');
    expect((await say({ request: id, decision: 'deny', comment: 'not today' })).status).toBe(200);
    expect(await show(id)).toMatchObject({ state: 'denied', votes: [{ decision: 'deny', comment: 'not today' }] });
  });

  it('is one of the two people that a quorum asks for, however often it is said', async () => {
    const id = await ask('engineer', 'pairs');
    expect(botDecisionDocument.parse((await say({ request: id })).document).state).toBe('pending');
    expect(errorOf(await say({ request: id })).message).toMatch(/approved this request already/);
    const byLogin = await running.call('POST', `/v1/requests/${id}/approve`, { as: 'reviewer', body: {} });
    expect(byLogin.status).toBe(409);
    expect((await show(id)).state).toBe('pending');
    await cancel(id);
  });
});

describe('what nobody signed, or nobody may say', () => {
  it('takes nothing that another key signed, that was changed, or that is meant for something else', async () => {
    const id = await ask();
    const other = generateKeyPairSync('ed25519').privateKey;
    const good = await bot.sign({ request: id, decision: 'deny' });
    const [head = '', payload = '', signature = ''] = good.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const changed = Buffer.from(JSON.stringify({ ...claims, decision: 'approve' })).toString('base64url');
    const none = Buffer.from('{"alg":"none","typ":"sluice-decision+jwt"}').toString('base64url');
    const refusals = [
      await send(await bot.sign({ request: id, key: other })),
      await send(`${head}.${changed}.${signature}`),
      await send(`${none}.${payload}.`),
      await send('not a signature at all'),
      await send(await bot.sign({ request: id, audience: 'https://other.example' })),
      await send(await bot.sign({ request: id, issuer: 'other' })),
      await send(await bot.sign({ request: id, type: 'at+jwt' })),
      await send(good, 'nobody'),
      await send(good, '__proto__'),
    ];
    for (const refusal of refusals) {
      expect(refusal.status).toBe(401);
      expect(errorOf(refusal)).toMatchObject({ code: 'login_required', decider: 'gateway' });
    }
    expect(errorOf(refusals[0] as ApiAnswer).message).toMatch(/not signed by a key of this bot/);
    // A bot's message is no login, either.
    expect((await running.call('GET', '/v1/whoami', { token: good })).status).toBe(401);
    expect(await show(id)).toMatchObject({ state: 'pending', votes: [] });
    // The control: unchanged, the same message counts.
    expect((await send(good)).status).toBe(200);
  });

  it('takes nothing late or from the future', async () => {
    const id = await ask();
    expect(errorOf(await say({ request: id, ageSeconds: 400 })).message).toMatch(/older than 300 seconds/);
    expect((await say({ request: id, ageSeconds: -400 })).status).toBe(401);
    expect((await show(id)).state).toBe('pending');
    await cancel(id);
  });

  it('takes each message once, also after a restart, and whatever came of it', async () => {
    const id = await ask('engineer', 'pairs');
    const message = await bot.sign({ request: id });
    expect((await send(message)).status).toBe(200);
    expect(errorOf(await send(message))).toMatchObject({ code: 'conflict', exit_code: 10 });
    await running.restart();
    expect(errorOf(await send(message)).message).toMatch(/delivered before/);
    expect((await show(id)).votes).toHaveLength(1);
    await cancel(id);
    const refused = await bot.sign({ request: 'req_0000000000000000', id: 'the-same-id-twice-in-a-row' });
    expect(errorOf(await send(refused)).code).toBe('not_found');
    const next = await ask();
    expect(errorOf(await say({ request: next, id: 'the-same-id-twice-in-a-row' })).code).toBe('conflict');
    await cancel(next);
  });

  it('lets nobody decide on their own request, nor through the bot on what the bot asks for', async () => {
    const own = await ask('reviewer');
    expect(errorOf(await say({ request: own })).message).toBe('Nobody decides on their own request.');
    await cancel(own, 'reviewer');
    const ofBot = await ask('robot');
    expect(errorOf(await say({ request: ofBot })).message).toMatch(/what the bot itself asks for/);
    expect((await show(ofBot)).state).toBe('pending');
    await cancel(ofBot, 'robot');
  });

  it('knows nobody but by configuration and by their own token', async () => {
    const id = await ask();
    const messages = async (...accounts: readonly string[]) =>
      Promise.all(accounts.map(async (account) => errorOf(await say({ request: id, account }))));
    const [stranger, proto, unseen, engineer, robot] = await messages(
      ...['U-ELSE', 'constructor', 'U-REV2', 'U-ENG', 'U-ROBOT'],
    );
    expect([stranger?.code, proto?.code]).toEqual(['denied', 'denied']);
    expect(stranger?.message).toMatch(/may not speak for the account "U-ELSE"/);
    expect(unseen?.message).toMatch(/reviewer2@demo.example has not been seen here of late/);
    expect(unseen?.next[0]?.command).toBe('sluice login');
    expect(engineer?.code).toBe('denied'); // no policy lets engineers review
    expect(robot?.message).toMatch(/has not been seen/); // machines are never noted
    expect(await show(id)).toMatchObject({ state: 'pending', votes: [] });
    // The control: once reviewer2 has been here, the same bot speaks for them.
    await seen('reviewer2');
    expect((await say({ request: id, account: 'U-REV2', decision: 'deny' })).status).toBe(200);
  });

  it('where the bot must bring the person’s own token, can do nothing with its key alone', async () => {
    const id = await ask();
    const bring = async (token: string | undefined, account = 'U-REV') =>
      send(await teams.sign({ request: id, account, ...(token === undefined ? {} : { token }) }), 'teams');
    await seen('reviewer');
    expect(errorOf(await bring(undefined)).message).toMatch(/needs reviewer@demo.example’s own token/);
    expect(errorOf(await bring(await running.token('reviewer2'))).message).toMatch(/is not reviewer@demo.example’s/);
    expect(errorOf(await bring(await running.token('engineer'))).code).toBe('denied');
    expect(errorOf(await bring(await running.token('robot'), 'U-ROBOT')).code).toBe('denied');
    expect((await bring(await running.token('reviewer', { expiresInSeconds: -600 }))).status).toBe(401);
    expect((await bring(await running.token('reviewer', { audience: 'https://other.example' }))).status).toBe(401);
    expect(await show(id)).toMatchObject({ state: 'pending', votes: [] });
    const answer = botDecisionDocument.parse((await bring(await running.token('reviewer'))).document);
    expect(answer).toMatchObject({ state: 'executed', bot: 'teams', on_behalf_of: 'reviewer@demo.example' });
    const grants = await running.call('GET', '/v1/access', { as: 'reviewer' });
    const [grant] = grants.document['grants'] as [{ id: string }];
    await running.call('POST', `/v1/access/${grant.id}/revoke`, { as: 'reviewer', body: {} });
  });

  it('forgets what groups somebody had when they have not been seen for a while', async () => {
    const id = await ask();
    lateMs = 2 * 60_000; // the messages stay within their own time
    await seen('engineer');
    lateMs = 0;
    const bindings = bundle().get('bindings.yaml')?.replace('seenWithin: 5m', 'seenWithin: 1m') ?? '';
    running.gateway.applyBundle(new Map(bundle()).set('bindings.yaml', bindings), 'short memory');
    lateMs = 2 * 60_000;
    expect(errorOf(await say({ request: id })).message).toMatch(/reviewer@demo.example has not been seen/);
    await seen('reviewer');
    expect((await say({ request: id, decision: 'deny' })).status).toBe(200);
    lateMs = 0;
    running.gateway.applyBundle(bundle(), 'as before');
  });

  it('brings only the approvals of the groups it was given', async () => {
    await seen('reviewer');
    const id = await ask('engineer', 'watched');
    const error = errorOf(await say({ request: id }));
    expect(error).toMatchObject({
      code: 'denied',
      message: expect.stringMatching(/brings no decisions of reviewers/) as unknown,
    });
    expect((await show(id)).state).toBe('pending');
    await cancel(id);
  });

  it('speaks for nobody by a name that two logins have, and for one by their subject', async () => {
    await seen('reviewer');
    await seen('reviewer2');
    // Another login of the same issuer, whose name has become the reviewer’s.
    const token = await running.token('reviewer2', { email: 'reviewer@demo.example' });
    expect((await running.call('GET', '/v1/whoami', { token })).status).toBe(200);
    const id = await ask();
    const refused = errorOf(await say({ request: id }));
    expect([refused.code, refused.message]).toEqual([
      'denied',
      'reviewer@demo.example is the name of several people; bind the account to issuer#subject.',
    ]);
    // Nor is what they are called now anybody’s whom the bundle names.
    expect(errorOf(await say({ request: id, account: 'U-REV2' })).message).toMatch(/reviewer2@.* has not been seen/);
    expect(await show(id)).toMatchObject({ state: 'pending', votes: [] });
    expect((await say({ request: id, account: 'U-SUB', decision: 'deny' })).status).toBe(200);
    expect((await show(id)).votes).toMatchObject([{ name: 'reviewer@demo.example', via: 'chat' }]);
    await seen('reviewer2'); // under their own name again
  });

  it('takes nothing any more from a bot whose key is gone from the bundle', async () => {
    const id = await ask();
    const message = await bot.sign({ request: id });
    running.gateway.applyBundle(starterBundle({ pgPort: 1 }), 'no bot');
    expect((await send(message)).status).toBe(401);
    running.gateway.applyBundle(bundle(), 'as before');
    await cancel(id);
  });
});

it('writes what was refused into the trail as well', async () => {
  await running.gateway.close();
  const store = openStore(`${running.stateDir}/state.db`);
  const entries = store.audit.list({ limit: 1000 }).filter(({ actor }) => actor === 'bot:chat');
  store.close();
  await running.restart();
  const done = entries.find(({ action, outcome }) => action === 'request.approve' && outcome === 'done');
  expect(done?.detail).toMatchObject({
    name: 'chat',
    on_behalf_of: `${running.url}/idp#reviewer`,
    on_behalf_of_name: 'reviewer@demo.example',
    comment: 'seen in chat',
  });
  const refused = entries.filter(({ outcome }) => outcome === 'refused');
  expect(refused.map(({ detail }) => detail['on_behalf_of'])).toContain('U-ELSE');
});
