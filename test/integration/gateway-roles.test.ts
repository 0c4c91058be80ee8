import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorDocument } from '../../src/gateway/schemas/error.js';
import type { ServedRoute } from '../../src/gateway/app.js';
import { type ApiAnswer, type GatewayUnderTest, type Role, startTestGateway } from './gateway-harness.js';

/** A plausible call of every route; nothing that it names exists, so what is permitted answers 2xx, 4xx or 5xx by the handler. */
const samples: Readonly<Record<string, { readonly path: string; readonly body?: unknown }>> = {
  'GET /healthz': { path: '/healthz' },
  'GET /readyz': { path: '/readyz' },
  'GET /metrics': { path: '/metrics' },
  'GET /openapi.json': { path: '/openapi.json' },
  'GET /.well-known/oauth-protected-resource': { path: '/.well-known/oauth-protected-resource' },
  'GET /.well-known/oauth-protected-resource/mcp': { path: '/.well-known/oauth-protected-resource/mcp' },
  'GET /v1/login': { path: '/v1/login' },
  'GET /v1/whoami': { path: '/v1/whoami' },
  'GET /oauth/jwks': { path: '/oauth/jwks' },
  'POST /oauth/token': { path: '/oauth/token', body: {} },
  'GET /v1/ssh': { path: '/v1/ssh' },
  'GET /v1/relays': { path: '/v1/relays' },
  'POST /v1/ssh/certificate': { path: '/v1/ssh/certificate', body: { public_key: 'none' } },
  'GET /v1/ssh/keys': { path: '/v1/ssh/keys' },
  'POST /v1/ssh/keys': { path: '/v1/ssh/keys', body: { public_key: 'none', proof: 'none' } },
  'DELETE /v1/ssh/keys/:id': { path: '/v1/ssh/keys/ssk_0000000000000000' },
  'GET /v1/targets': { path: '/v1/targets?label=env%3Ddemo&kind=postgres' },
  'GET /v1/targets/:name': { path: '/v1/targets/demo-db' },
  'GET /v1/targets/:name/doctor': { path: '/v1/targets/none/doctor' },
  'GET /v1/targets/:name/copies': { path: '/v1/targets/none/copies' },
  'POST /v1/targets/:name/copies/:id/end': {
    path: '/v1/targets/none/copies/cpy_0000000000000000/end',
    body: { reason: 'x' },
  },
  'POST /v1/exec': { path: '/v1/exec', body: { target: 'none', text: 'select 1' } },
  'POST /v1/exec/fetch': { path: '/v1/exec/fetch', body: { cursor: 'cur_0000000000000000' } },
  'GET /v1/requests': { path: '/v1/requests?state=pending&mine=true' },
  'POST /v1/requests': { path: '/v1/requests', body: { target: 'none', text: 'select 1' } },
  'GET /v1/requests/:id': { path: '/v1/requests/req_0000000000000000' },
  'GET /v1/requests/:id/wait': { path: '/v1/requests/req_0000000000000000/wait?timeout_ms=10' },
  'POST /v1/requests/:id/approve': { path: '/v1/requests/req_0000000000000000/approve', body: { comment: 'ok' } },
  'POST /v1/requests/:id/deny': { path: '/v1/requests/req_0000000000000000/deny', body: { comment: 'no' } },
  'POST /v1/requests/:id/cancel': { path: '/v1/requests/req_0000000000000000/cancel', body: {} },
  'POST /v1/requests/:id/revoke': { path: '/v1/requests/req_0000000000000000/revoke', body: {} },
  'POST /v1/access': { path: '/v1/access', body: { name: 'none', duration_ms: 60000, reason: 'x' } },
  'GET /v1/access': { path: '/v1/access?all=true&review_due=true' },
  'POST /v1/access/:id/revoke': { path: '/v1/access/grt_0000000000000000/revoke', body: { comment: 'no' } },
  'POST /v1/access/:id/review': { path: '/v1/access/grt_0000000000000000/review', body: { comment: 'fine' } },
  'POST /v1/bots/:name/decisions': { path: '/v1/bots/none/decisions', body: {} },
  'GET /v1/sessions': { path: '/v1/sessions?limit=5' },
  'GET /v1/sessions/search': { path: '/v1/sessions/search?q=orders' },
  'GET /v1/sessions/verify': { path: '/v1/sessions/verify' },
  'GET /v1/sessions/:id': { path: '/v1/sessions/ses_0000000000000000' },
  'GET /v1/sessions/:id/journal': { path: '/v1/sessions/ses_0000000000000000/journal' },
  'GET /v1/sessions/:id/key': { path: '/v1/sessions/ses_0000000000000000/key' },
  'GET /v1/sessions/:id/bundle': { path: '/v1/sessions/ses_0000000000000000/bundle' },
  'POST /v1/sessions/:id/hold': { path: '/v1/sessions/ses_0000000000000000/hold', body: { reason: 'case' } },
  'POST /v1/sessions/:id/release': { path: '/v1/sessions/ses_0000000000000000/release', body: { reason: 'over' } },
  'GET /v1/sessions/:id/verify': { path: '/v1/sessions/ses_0000000000000000/verify' },
  'GET /v1/sessions/watch': { path: '/v1/sessions/watch?session=ses_0000000000000000' },
  'GET /v1/sessions/:id/follow': { path: '/v1/sessions/ses_0000000000000000/follow' },
  'POST /v1/sessions/:id/end': { path: '/v1/sessions/ses_0000000000000000/end', body: { reason: 'no' } },
  'GET /v1/keys': { path: '/v1/keys' },
  'POST /v1/keys/rotate': { path: '/v1/keys/rotate', body: {} },
  'POST /v1/policy/check': { path: '/v1/policy/check', body: { files: {} } },
  'POST /v1/policy/explain': { path: '/v1/policy/explain', body: { target: 'none', text: 'select 1' } },
  'POST /v1/policy/replay': { path: '/v1/policy/replay', body: { files: {}, since: '2026-01-01T00:00:00Z' } },
  'GET /v1/sessions/:id/explain': { path: '/v1/sessions/ses_0000000000000000/explain?op=1' },
  'GET /v1/signals': { path: '/v1/signals?kind=quiet-session' },
  'GET /v1/signals/watch': { path: '/v1/signals/watch?timeout_ms=100' },
  'GET /v1/bundle': { path: '/v1/bundle' },
  'GET /v1/bundle/versions': { path: '/v1/bundle/versions?limit=5' },
  'POST /v1/bundle': { path: '/v1/bundle', body: { files: {}, dry_run: true } },
  'POST /v1/bundle/rollback': { path: '/v1/bundle/rollback', body: { version: 'none' } },
  'GET /v1/secrets': { path: '/v1/secrets' },
  'PUT /v1/secrets/:name': { path: '/v1/secrets/some-secret', body: { value: 'x' } },
  'DELETE /v1/secrets/:name': { path: '/v1/secrets/other-secret' },
};

/** What the starter bundle permits on the gateway itself. */
const permitted: Readonly<Record<'engineer' | 'reviewer' | 'robot', readonly string[]>> = {
  engineer: [],
  robot: [],
  reviewer: ['review', 'readSession', 'holdSession', 'readPolicy', 'apply', 'manageSecrets'],
};

let running: GatewayUnderTest;
beforeAll(async () => {
  running = await startTestGateway();
});
afterAll(() => running.stop());

const key = (route: ServedRoute): string => `${route.method} ${route.path}`;

async function callSample(
  route: ServedRoute,
  options: { readonly as?: Role; readonly token?: string },
): Promise<ApiAnswer> {
  const sample = samples[key(route)];
  if (sample === undefined) throw new Error(`no sample of ${key(route)}`);
  return running.call(route.method, sample.path, {
    ...options,
    ...(sample.body === undefined ? {} : { body: sample.body }),
  });
}

function expectError(answer: ApiAnswer, status: number, code: string): void {
  expect(answer.status).toBe(status);
  expect(errorDocument.parse(answer.document).error.code).toBe(code);
  expect(answer.headers.get('x-request-id')).toMatch(/^evt_/);
}

it('has a sample of every route that is served, and of no other', () => {
  expect(running.gateway.routes.map(key).sort()).toEqual(Object.keys(samples).sort());
});

// The table is known without a gateway: it is the list above, which the test before holds against the real one.
const routeKeys = Object.keys(samples);
const find = (name: string): ServedRoute => {
  const route = running.gateway.routes.find((candidate) => key(candidate) === name);
  if (route === undefined) throw new Error(`no route ${name}`);
  return route;
};

describe.each(routeKeys)('%s', (name) => {
  it('refuses a call without a token, unless it is for anyone', async () => {
    const route = find(name);
    const answer = await callSample(route, {});
    // Anyone may call these two, whose bodies carry their own proof; the samples bring none.
    const wantsProof = ['/oauth/token', '/v1/bots/:name/decisions'].includes(route.path);
    if (route.access === 'none') expect(answer.status).toBe(wantsProof ? 400 : 200);
    else {
      expectError(answer, 401, 'login_required');
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    }
  });

  it('refuses a token for another audience, of another issuer, expired or made up', async () => {
    const route = find(name);
    if (route.access === 'none') return;
    const tokens = [
      await running.token('reviewer', { audience: 'https://other.example' }),
      await running.token('reviewer', { issuer: 'https://other.example' }),
      await running.token('reviewer', { expiresInSeconds: -600 }),
      `${(await running.token('reviewer')).split('.').slice(0, 2).join('.')}.AAAA`,
      'e30.e30.',
      'x',
    ];
    for (const token of tokens) expectError(await callSample(route, { token }), 401, 'login_required');
  });

  it.each(['engineer', 'reviewer', 'robot'] as const)('serves %s exactly as policy permits', async (role) => {
    const route = find(name);
    const answer = await callSample(route, { as: role });
    const open = route.access === 'none' || route.access === 'authenticated' || route.access.startsWith('own or ');
    if (open || permitted[role].includes(route.access)) {
      expect([401, 403, 500]).not.toContain(answer.status);
    } else expectError(answer, 403, 'denied');
    if (answer.status >= 400) errorDocument.parse(answer.document);
  });
});
