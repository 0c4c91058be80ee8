import { connect } from 'node:net';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorDocument } from '../../src/gateway/schemas/error.js';
import { bundleDocument, applyDocument } from '../../src/gateway/schemas/bundle.js';
import { loginDocument, whoamiDocument } from '../../src/gateway/schemas/login.js';
import { policyCheckDocument } from '../../src/gateway/schemas/policy.js';
import { secretListDocument } from '../../src/gateway/schemas/secrets.js';
import { keysDocument, verifyDocument } from '../../src/gateway/schemas/sessions.js';
import { targetDocument, targetListDocument } from '../../src/gateway/schemas/targets.js';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { type GatewayUnderTest, startTestGateway } from './gateway-harness.js';

let running: GatewayUnderTest;
beforeAll(async () => {
  running = await startTestGateway();
});
afterAll(() => running.stop());

/** Sends bytes as they are and gives back all that comes until the gateway hangs up. */
async function raw(text: string): Promise<string> {
  const { port } = new URL(running.url);
  const socket = connect(Number(port), '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(text);
  await new Promise<void>((resolve, reject) => socket.once('close', () => resolve()).once('error', reject));
  return Buffer.concat(chunks).toString();
}

describe('errors', () => {
  it.each([
    ['an unknown route', 'GET', '/v1/nothing', undefined, 404, 'not_found'],
    ['a method that the route has not', 'DELETE', '/v1/whoami', undefined, 404, 'not_found'],
    ['a body that is not JSON', 'POST', '/v1/exec', '{', 400, 'usage'],
    ['an unknown key', 'POST', '/v1/exec', { target: 'a', text: 'b', sudo: true }, 400, 'usage'],
    ['a missing field', 'POST', '/v1/exec', { target: 'a' }, 400, 'usage'],
    ['a NUL in a statement', 'POST', '/v1/exec', { target: 'a', text: 'select\0 1' }, 400, 'usage'],
    [
      'a lone surrogate in a parameter',
      'POST',
      '/v1/exec',
      { target: 'a', text: 'b', parameters: ['\ud800'] },
      400,
      'usage',
    ],
    ['a poisoned object', 'POST', '/v1/exec', '{"__proto__":{"x":1}}', 400, 'usage'],
    ['a limit out of range', 'GET', '/v1/requests?limit=99999', undefined, 400, 'usage'],
    ['a parameter given twice', 'GET', '/v1/requests?limit=1&limit=2', undefined, 400, 'usage'],
    ['an unknown query parameter', 'GET', '/v1/whoami?x=1', undefined, 400, 'usage'],
    ['a hidden or absent target', 'GET', '/v1/targets/nothing', undefined, 404, 'not_found'],
    ['an id of another form', 'GET', '/v1/sessions/..%2F..%2Fetc%2Fpasswd', undefined, 404, 'not_found'],
    ['a path parameter without end', 'GET', `/v1/sessions/${'a'.repeat(5000)}`, undefined, 400, 'usage'],
    ['bad percent-encoding', 'GET', '/v1/targets/%E0%A4%A', undefined, 400, 'usage'],
  ] as const)('answers %s in its own shape', async (_what, method, path, body, status, code) => {
    const answer = await running.call(method, path, { as: 'engineer', body });
    expect([answer.status, errorDocument.parse(answer.document).error.code]).toEqual([status, code]);
  });

  it('refuses a body over the limit before it reads it', async () => {
    const answer = await running.call('POST', '/v1/exec', {
      as: 'engineer',
      body: { target: 'a', text: 'x'.repeat(3_000_000) },
    });
    expect([answer.status, errorDocument.parse(answer.document).error.code]).toEqual([413, 'too_large']);
  });

  it('takes no other content than JSON', async () => {
    const answer = await running.call('POST', '/v1/exec', {
      as: 'engineer',
      body: 'a=b',
      headers: { 'content-type': 'text/plain' },
    });
    expect([answer.status, errorDocument.parse(answer.document).error.code]).toEqual([400, 'usage']);
  });

  it('answers bytes that are no HTTP, and hangs up', async () => {
    const answer = await raw('\x16\x03\x01\x02\x00\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(errorDocument.parse(JSON.parse(answer.slice(answer.indexOf('{')))).error.code).toBe('usage');
  });

  it('refuses a request that could be read in two ways', async () => {
    const answer = await raw(
      'POST /v1/exec HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('does not answer to a rebound name', async () => {
    const { host } = new URL(running.url);
    for (const path of ['/v1/login', '/idp/.well-known/openid-configuration', '/healthz']) {
      const evil = await raw(`GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`);
      expect(evil).toMatch(/^HTTP\/1\.1 400 /);
      const good = await raw(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      expect(good).toMatch(/^HTTP\/1\.1 200 /);
    }
  });

  it('lets no page of another origin read it', async () => {
    const answer = await running.call('GET', '/v1/login', { headers: { origin: 'https://evil.example' } });
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    const preflight = await running.call('OPTIONS', '/v1/exec', { headers: { origin: 'https://evil.example' } });
    expect(preflight.status).toBe(404);
  });

  it('takes a token from the Authorization header alone', async () => {
    const token = await running.token('reviewer');
    expect((await running.call('GET', `/v1/whoami?access_token=${token}`)).status).toBe(401);
    expect((await running.call('GET', '/v1/whoami', { headers: { cookie: `access_token=${token}` } })).status).toBe(
      401,
    );
    expect((await running.call('GET', '/v1/whoami', { headers: { authorization: `Basic ${token}` } })).status).toBe(
      401,
    );
  });
});

describe('login and identity', () => {
  it('says how to log in', async () => {
    const document = loginDocument.parse((await running.call('GET', '/v1/login')).document);
    expect(document).toMatchObject({
      issuer: `${running.url}/idp`,
      audience: running.url,
      client_id: 'sluice-cli',
      demo: true,
    });
  });

  it('says who one is, with groups as the bindings make them', async () => {
    const engineer = whoamiDocument.parse((await running.call('GET', '/v1/whoami', { as: 'engineer' })).document);
    expect(engineer).toMatchObject({ id: `${running.url}/idp#engineer`, kind: 'human', groups: ['engineers'] });
    const robot = whoamiDocument.parse((await running.call('GET', '/v1/whoami', { as: 'robot' })).document);
    expect(robot).toMatchObject({ kind: 'machine', groups: ['machines'] });
  });
});

describe('targets', () => {
  it('lists what one may connect to, filtered, and never where it is', async () => {
    const answer = await running.call('GET', '/v1/targets', { as: 'engineer' });
    const document = targetListDocument.parse(answer.document);
    expect(document.targets).toMatchObject([
      { name: 'demo-db', kind: 'postgres', labels: { env: 'demo' }, recording: 'strict', status: 'offline' },
    ]);
    expect(answer.text).not.toMatch(/127\.0\.0\.1|sluice_gateway|vault:/);
    for (const query of ['label=env%3Dprod', 'kind=ssh', 'search=nothing', 'label=env%3Ddemo&label=team%3Dnone']) {
      const none = await running.call('GET', `/v1/targets?${query}`, { as: 'engineer' });
      expect(targetListDocument.parse(none.document).targets).toEqual([]);
    }
  });

  it('describes what one may do there', async () => {
    const answer = await running.call('GET', '/v1/targets/demo-db', { as: 'engineer' });
    const document = targetDocument.parse(answer.document);
    const verdicts = Object.fromEntries(document.permissions.map(({ action, verdict }) => [action, verdict]));
    expect(verdicts).toMatchObject({ connect: 'allow', select: 'allow', drop: 'deny', reveal: 'deny' });
    expect(document.protected_columns).toContainEqual({
      column: 'public.customers.email',
      class: 'email',
      mask: 'email',
      reveal: 'deny',
    });
    expect(answer.text).not.toMatch(/127\.0\.0\.1|sluice_gateway|vault:/);
  });

  it.each([
    ['demo-bd', true],
    ['DemoDB', true],
    ['demo', true],
    ['production', false],
    ['x'.repeat(100), false],
  ])('says which target %s may have been meant for: %s', async (name, meant) => {
    const answer = await running.call('GET', `/v1/targets/${name}`, { as: 'engineer' });
    const { message } = errorDocument.parse(answer.document).error;
    expect(message).toBe(`no target "${name}"${meant ? '; did you mean "demo-db"?' : ''}`);
  });

  it('hides a target from whom policy does not let connect', async () => {
    const token = await running.token('engineer');
    const files = new Map(starterBundle({ pgPort: 1 }));
    files.set(
      'policies/hide.cedar',
      '@id("hide")\nforbid (principal in Group::"engineers", action == Action::"connect", resource);\n',
    );
    running.gateway.applyBundle(files, 'hide');
    try {
      const list = await running.call('GET', '/v1/targets', { token });
      expect(targetListDocument.parse(list.document).targets).toEqual([]);
      const hidden = await running.call('GET', '/v1/targets/demo-db', { token });
      const absent = await running.call('GET', '/v1/targets/demo-dc', { token });
      expect(hidden.status).toBe(404);
      expect(hidden.text.replaceAll('demo-db', 'X')).toBe(absent.text.replaceAll('demo-dc', 'X'));
      const exec = await running.call('POST', '/v1/exec', { token, body: { target: 'demo-db', text: 'select 1' } });
      expect(exec.status).toBe(404);
      expect(exec.text).not.toContain('did you mean');
    } finally {
      running.gateway.applyBundle(starterBundle({ pgPort: 1 }), 'back');
    }
  });
});

describe('bundles', () => {
  const files = Object.fromEntries(starterBundle({ pgPort: 1 }));
  const broken = { ...files, 'targets.yaml': 'targets:\n  - name: a\n    knid: postgres\n' };

  it('applies, shows and takes back', async () => {
    const before = running.gateway.bundleVersion();
    const changed = {
      ...files,
      'policies/more.cedar': '@id("more")\npermit (principal, action == Action::"connect", resource);\n',
    };
    const dry = await running.call('POST', '/v1/bundle', { as: 'reviewer', body: { files: changed, dry_run: true } });
    expect(applyDocument.parse(dry.document)).toMatchObject({
      applied: false,
      previous_version: before,
      changed: [{ file: 'policies/more.cedar', change: 'added' }],
    });
    expect(running.gateway.bundleVersion()).toBe(before);

    const applied = await running.call('POST', '/v1/bundle', {
      as: 'reviewer',
      body: { files: changed, message: 'more' },
    });
    const { version } = applyDocument.parse(applied.document);
    expect(running.gateway.bundleVersion()).toBe(version);
    const shown = bundleDocument.parse((await running.call('GET', '/v1/bundle', { as: 'reviewer' })).document);
    expect(shown.version).toBe(version);
    expect(shown.files).toEqual(changed);
    expect(shown.versions.at(-1)).toMatchObject({ version, by: 'reviewer@demo.example' });

    const back = await running.call('POST', '/v1/bundle/rollback', { as: 'reviewer', body: { version: before } });
    expect(applyDocument.parse(back.document)).toMatchObject({
      version: before,
      previous_version: version,
      applied: true,
    });
    expect(running.gateway.bundleVersion()).toBe(before);
  });

  it('applies nothing of a bundle with a typo, and says where it is', async () => {
    const before = running.gateway.bundleVersion();
    const answer = await running.call('POST', '/v1/bundle', { as: 'reviewer', body: { files: broken } });
    expect(answer.status).toBe(400);
    const { error } = errorDocument.parse(answer.document);
    expect(error.code).toBe('config_invalid');
    expect(error.message).toMatch(/targets\.yaml:3:5: unknown key "knid" \(did you mean "kind"\?\)/);
    expect(running.gateway.bundleVersion()).toBe(before);
  });

  it('checks without applying', async () => {
    const answer = await running.call('POST', '/v1/policy/check', { as: 'engineer', body: { files: broken } });
    const document = policyCheckDocument.parse(answer.document);
    expect(document.valid).toBe(false);
    expect(document.problems).toContainEqual(expect.objectContaining({ file: 'targets.yaml', line: 3, column: 5 }));
  });

  it('has the same bundle in force after a restart', async () => {
    const changed = new Map(starterBundle({ pgPort: 1 })).set(
      'policies/kept.cedar',
      '@id("kept")\npermit (principal, action == Action::"connect", resource);\n',
    );
    running.gateway.applyBundle(changed, 'kept');
    const version = running.gateway.bundleVersion();
    await running.restart();
    expect(running.gateway.bundleVersion()).toBe(version);
  });
});

describe('secrets', () => {
  it('take values and never give one back, in no answer and no file', async () => {
    const value = 'correct horse battery staple';
    const set = await running.call('PUT', '/v1/secrets/demo-db', { as: 'reviewer', body: { value } });
    expect(secretListDocument.parse(set.document).secrets).toMatchObject([
      { name: 'demo-db', updated_by: 'reviewer@demo.example' },
    ]);
    const texts = [set.text, (await running.call('GET', '/v1/secrets', { as: 'reviewer' })).text];
    for (const entry of await readdir(running.stateDir, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) texts.push(await readFile(join(entry.parentPath, entry.name), 'latin1'));
    }
    expect(texts.filter((text) => text.includes(value))).toEqual([]);
    const removed = await running.call('DELETE', '/v1/secrets/demo-db', { as: 'reviewer' });
    expect(secretListDocument.parse(removed.document).secrets).toEqual([]);
    expect((await running.call('DELETE', '/v1/secrets/demo-db', { as: 'reviewer' })).status).toBe(404);
  });
});

describe('recordings and keys', () => {
  it('verifies an empty archive and names the signing key', async () => {
    const verdict = verifyDocument.parse(
      (await running.call('GET', '/v1/sessions/verify', { as: 'reviewer' })).document,
    );
    expect(verdict).toMatchObject({ valid: true, sessions: [], ledger: { valid: true } });
    const { keys } = keysDocument.parse((await running.call('GET', '/v1/keys', { as: 'robot' })).document);
    expect(keys[0]?.public_key_pem).toContain('BEGIN PUBLIC KEY');
  });
});

describe('the description', () => {
  it('is OpenAPI 3.1 with every route, its access and its schemas', async () => {
    const { document } = await running.call('GET', '/openapi.json');
    expect(document['openapi']).toBe('3.1.0');
    const paths = document['paths'] as Record<
      string,
      Record<string, { responses: unknown; 'x-sluice-access': string; operationId: string }>
    >;
    const ids = new Set<string>();
    for (const { method, path, access } of running.gateway.routes) {
      const operation = paths[path.replaceAll(/:([a-z]+)/g, '{$1}')]?.[method.toLowerCase()];
      expect(operation?.['x-sluice-access']).toBe(access);
      expect(operation?.responses).toHaveProperty('default');
      ids.add(operation?.operationId ?? '');
    }
    expect(ids.size).toBe(running.gateway.routes.length);
    expect(paths).toHaveProperty('/v1/targets/{name}/tunnel');
    // Every reference leads somewhere in the document.
    const text = JSON.stringify(document);
    for (const [, reference = ''] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = reference
        .split('/')
        .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], document);
      expect(found, reference).toBeDefined();
    }
  });
});

describe('health and metrics', () => {
  it('is alive, ready and measured', async () => {
    expect((await running.call('GET', '/healthz')).document).toEqual({ schema: 'sluice.health/v1', ok: true });
    expect((await running.call('GET', '/readyz')).document).toEqual({ schema: 'sluice.ready/v1', ok: true });
    const { text, headers } = await running.call('GET', '/metrics');
    expect(headers.get('content-type')).toContain('text/plain');
    expect(text).toMatch(/^sluice_sessions_live 0$/m);
    expect(text).toMatch(/^sluice_http_request_seconds_count\{.*route="\/healthz".*\} \d+$/m);
  });
});
