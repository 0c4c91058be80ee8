import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { SluiceClient } from '../../src/client/api.js';
import type { TokenSource } from '../../src/client/tokens.js';
import { Transport } from '../../src/client/transport.js';
import { tryPort } from '../../src/quickstart/ports.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { startRelay, type TestRelay } from '../support/relay.js';
import { type GatewayUnderTest, type Role, startTestGateway } from './gateway-harness.js';
import { pgClient } from './open-gateway.js';

let postgres: TestPostgres;
let gateway: GatewayUnderTest;
let relay: TestRelay;
let url: string;
let dir: string;

/** A certificate for localhost and its key, in files that belong to whoever owns the folder. */
function makeCertificate(folder: string, name: string): { readonly cert: string; readonly key: string } {
  const cert = join(folder, `${name}.crt`);
  const key = join(folder, `${name}.key`);
  execFileSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert],
  ]);
  const { uid, gid } = statSync(folder);
  chmodSync(key, 0o600);
  for (const file of [cert, key]) chownSync(file, uid, gid);
  return { cert, key };
}

const tokensOf = (role: Role): TokenSource => ({
  get: () => gateway.token(role),
  renew: () => Promise.resolve(null),
});

/** PostgreSQL with TLS, a gateway with TLS, and between them a relay whose connection is TLS as well. */
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-relay-tls-'));
  postgres = await startPostgres();
  const [row] = await postgres.query('show data_directory');
  const data = String(row?.['data_directory']);
  const ofServer = makeCertificate(data, 'server');
  const other = makeCertificate(dir, 'other');
  appendFileSync(
    join(dirname(ofServer.cert), 'postgresql.auto.conf'),
    "ssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\n",
  );
  await postgres.query('select pg_reload_conf()');
  await vi.waitFor(
    async () => {
      if ((await postgres.query('show ssl'))[0]?.['ssl'] !== 'on') throw new Error('not reloaded yet');
    },
    { timeout: 20_000 },
  );
  const port = await tryPort(0);
  if (port === null) throw new Error('no free port');
  url = `https://localhost:${port}`;
  const ofGateway = makeCertificate(dir, 'gateway');
  const target = (name: string, ca: string): string =>
    `  - { name: ${name}, kind: postgres, address: "localhost:${postgres.port}", database: postgres, username: ${postgres.superuser}, secret: "vault:db", tls: { ca: "file:${ca}" }, relay: office }`;
  gateway = await startTestGateway({
    bundle: new Map([
      [
        'targets.yaml',
        `relays: { office: { groups: [relays] } }\ntargets:\n${target('db', 'ca.pem')}\n${target('db-other', 'other.pem')}\n`,
      ],
      ['ca.pem', readFileSync(ofServer.cert, 'utf8')],
      ['other.pem', readFileSync(other.cert, 'utf8')],
      ['classification.yaml', 'classes: {}\ncolumns: []\ndetectors: {}\n'],
      ['bindings.yaml', 'groups: { relays: { machines: [robot] } }\n'],
      ['policies/test.cedar', '@id("everything")\npermit (principal, action, resource);\n'],
    ]),
    bootstrap: {
      listen: { host: 'localhost', port, tls: ofGateway },
      publicUrl: url,
      listeners: { postgres: { host: '127.0.0.1', port: 0, tls: null }, ssh: null },
    },
  });
  await gateway.gateway.setSecret('db', postgres.password);
  relay = startRelay(url, 'office', { tokens: tokensOf('robot'), allow: ['localhost:*'], caFile: ofGateway.cert });
  await relay.heard('connected');
}, 90_000);
afterAll(async () => {
  await relay.stop();
  await gateway.stop();
  await postgres.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function client(database: string): Promise<pg.Client> {
  const port = gateway.gateway.postgresPort ?? 0;
  return pgClient({ port, user: 'x', password: await gateway.token('engineer'), database });
}

it('TLS to the target is between the gateway and the target', async () => {
  const one = await client('db');
  const { rows } = await one.query('select ssl, version from pg_stat_ssl where pid = pg_backend_pid()');
  expect(rows).toMatchObject([{ ssl: true, version: 'TLSv1.3' }]);
  await one.end();
});

it('a relay that leads elsewhere is found out by the certificate', async () => {
  await expect(client('db-other')).rejects.toMatchObject({ message: expect.stringMatching(/self-signed|certificate/) });
});

it('a cancel goes the same way', async () => {
  const one = await client('db');
  const failed = one.query('select pg_sleep(60)').then(
    () => null,
    (error: unknown) => error,
  );
  await vi.waitFor(
    async () => {
      const found = await postgres.query(
        "select 1 from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'",
      );
      if (found.length === 0) throw new Error('it does not run yet');
    },
    { timeout: 20_000 },
  );
  const { processID, secretKey } = one as unknown as { readonly processID: number; readonly secretKey: number };
  const request = Buffer.alloc(16);
  for (const [index, word] of [16, 80877102, processID, secretKey].entries()) request.writeInt32BE(word, 4 * index);
  connect(gateway.gateway.postgresPort ?? 0, '127.0.0.1').end(request);
  expect(await failed).toMatchObject({ code: '57014' });
  await one.end();
}, 60_000);

it('doctor and the list of targets look through it', async () => {
  const caFile = join(dir, 'gateway.crt');
  const transport = new Transport({ caFile, proxy: null });
  const api = new SluiceClient({ gateway: url, transport, tokens: tokensOf('engineer') });
  const found = await transport.send({
    method: 'GET',
    url: `${url}/v1/targets/db/doctor`,
    headers: { authorization: `Bearer ${await gateway.token('engineer')}` },
  });
  expect([found.status, found.body.toString()]).toEqual([200, expect.stringContaining('SUPERUSER')]);
  await vi.waitFor(
    async () => {
      const { targets } = await api.targets({});
      expect(targets.map(({ name, status }) => [name, status])).toEqual([
        ['db', 'online'],
        ['db-other', 'online'],
      ]);
    },
    { timeout: 20_000 },
  );
  transport.close();
}, 60_000);
