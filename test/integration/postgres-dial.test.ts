import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { errorDocumentOf } from '../../src/gateway/http-errors.js';
import type { SluiceError } from '../../src/lib/errors.js';
import { dialPostgres } from '../../src/protocols/postgres/dial.js';
import { frame, int32 } from '../../src/protocols/postgres/frames.js';
import type { TargetConfig } from '../../src/sessions/types.js';
import { serverWords, startPeer } from '../support/postgres-peer.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';

let server: TestPostgres;
let ca: string;
let otherCa: string;

/** Every way a server may ask for a password, and TLS with a certificate for localhost. */
beforeAll(async () => {
  server = await startPostgres();
  const [row] = await server.query('show hba_file');
  const hba = String(row?.['hba_file']);
  const dir = dirname(hba);
  const owner = statSync(hba);
  const make = (name: string): string => {
    const cert = join(dir, `${name}.crt`);
    const key = join(dir, `${name}.key`);
    execFileSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...[
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost,IP:127.0.0.2',
        '-keyout',
        key,
        '-out',
        cert,
      ],
    ]);
    chmodSync(key, 0o600);
    for (const file of [cert, key]) chownSync(file, owner.uid, owner.gid);
    return readFileSync(cert, 'utf8');
  };
  ca = make('server');
  otherCa = make('other');
  const lines = ['md5', 'scram', 'plain'].map(
    (user) => `host all role_${user} 127.0.0.1/32 ${{ md5: 'md5', scram: 'scram-sha-256', plain: 'password' }[user]}`,
  );
  const rest = readFileSync(hba, 'utf8');
  writeFileSync(
    hba,
    `${lines.join('\n')}\nhostssl all role_tls all scram-sha-256\nhost all role_tls all reject\n${rest}`,
  );
  appendFileSync(
    join(dir, 'postgresql.auto.conf'),
    `ssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\n`,
  );
  await server.query("set password_encryption = 'md5'; create role role_md5 login password 'p w'");
  await server.query(
    "create role role_scram login password 'pä'; create role role_plain login password 'plain'; create role role_tls login password 'tls'",
  );
  await server.query(`create role role_few login password '${verifierOf('few', 1)}'`);
  await server.query('select pg_reload_conf()');
  await vi.waitFor(
    async () => {
      if ((await server.query('show ssl'))[0]?.['ssl'] !== 'on') throw new Error('not reloaded yet');
    },
    { timeout: 10_000 },
  );
}, 60_000);
afterAll(() => server.stop());

/** SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey, as PostgreSQL keeps passwords (RFC 5802 3). */
function verifierOf(password: string, iterations: number): string {
  const salt = Buffer.alloc(16, 1);
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const keyed = (name: string): Buffer => createHmac('sha256', salted).update(name).digest();
  const stored = createHash('sha256').update(keyed('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${keyed('Server Key').toString('base64')}`;
}

function target(username: string, secret: string, more: Partial<TargetConfig> = {}): TargetConfig {
  return {
    name: 'db',
    kind: 'postgres',
    labels: {},
    host: '127.0.0.1',
    port: server.port,
    database: 'postgres',
    tls: { mode: 'disable', ca: null },
    username,
    recording: 'strict',
    readSecret: () => Promise.resolve(secret),
    ...more,
  };
}

async function dial(to: TargetConfig): Promise<string> {
  const { socket, parameters } = await dialPostgres(to, { parameters: new Map(), signal: AbortSignal.timeout(10_000) });
  socket.destroy();
  return parameters.get('server_version') ?? '';
}

const failure = async (to: TargetConfig): Promise<string> =>
  dial(to).then(
    () => 'connected',
    (error: unknown) => String(error),
  );

describe('dialling a target', () => {
  it.each([
    ['MD5', 'role_md5', 'p w'],
    ['SCRAM-SHA-256', 'role_scram', 'pä'],
    ['a cleartext password on loopback', 'role_plain', 'plain'],
  ])('authenticates with %s', async (_how, user, secret) => {
    expect(await dial(target(user, secret))).toMatch(/^\d+/);
  });

  it.each(['role_md5', 'role_scram', 'role_plain'])(
    'says that %s’s credentials are wrong, and not what they are',
    async (user) => {
      const said = await failure(target(user, 'wrong-secret-value'));
      expect(said).toContain('28P01');
      expect(said).not.toContain('wrong-secret-value');
      expect(said).not.toContain(user);
    },
  );

  it('verifies the certificate and its name with verify-full', async () => {
    const tls = (host: string, authority: string): TargetConfig =>
      target('role_tls', 'tls', { host, tls: { mode: 'verify-full', ca: authority } });
    expect(await dial(tls('localhost', ca))).toMatch(/^\d+/);
    expect(await failure(tls('localhost', otherCa))).toContain('its certificate is not trusted');
    const other = await failure(tls('127.0.0.1', ca));
    expect(other).toContain('its certificate is for another name');
    for (const told of ['127.0.0.', 'DNS:', 'localhost']) expect(other).not.toContain(told);
  });

  it('takes any certificate with require, and none without TLS', async () => {
    expect(await dial(target('role_tls', 'tls', { tls: { mode: 'require', ca: null } }))).toMatch(/^\d+/);
    expect(await failure(target('role_tls', 'tls'))).toContain('28000');
  });

  it.each([
    ['a cleartext password', 'role_plain', 'plain', 'a cleartext password'],
    ['what an MD5 password is guessed from', 'role_md5', 'p w', 'an MD5 password'],
    ['what a password of few SCRAM iterations is', 'role_few', 'few', 'SCRAM with an iteration count of 1'],
  ])('gives %s to no other machine that has not proved who it is', async (_what, user, secret, said) => {
    // Not loopback as the gateway counts it; and the control: the same server, with its certificate checked.
    const away = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect(server.port, '127.0.0.1');
      pipeline(near, far, () => undefined);
      pipeline(far, near, () => undefined);
    });
    await new Promise<void>((resolve) => away.listen(0, '127.0.0.2', resolve));
    const { port } = away.address() as AddressInfo;
    const to = (host: string, tls: TargetConfig['tls']): TargetConfig => target(user, secret, { host, port, tls });
    try {
      const asked = new RegExp(`the server asks for ${said}.*: that needs tls mode verify-full`);
      expect(await failure(to('127.0.0.2', { mode: 'require', ca: null }))).toMatch(asked);
      expect(await failure(to('127.0.0.2', { mode: 'disable', ca: null }))).toMatch(asked);
      expect(await failure(to('127.0.0.2', { mode: 'verify-full', ca }))).toBe('connected');
    } finally {
      away.close();
    }
  });

  it('repeats nothing of what a server says instead of a SQLSTATE', async () => {
    let secret = '';
    const liar = await startPeer({
      greet: (socket) => void socket.write(frame('R', int32(3))),
      answer: ({ payload }, socket) => {
        secret = payload.toString('utf8', 0, payload.length - 1);
        socket.end(serverWords.fields('E', { S: 'FATAL', C: secret, M: secret, D: secret }));
      },
    });
    try {
      const error: unknown = await dial(target('x', 'a-secret-value', { port: liar.port })).catch((e: unknown) => e);
      expect(secret).toBe('a-secret-value');
      expect(JSON.stringify(error) + String(error)).toContain('no SQLSTATE');
      expect(JSON.stringify(errorDocumentOf(error as SluiceError)) + String(error)).not.toContain(secret);
    } finally {
      await liar.stop();
    }
  });

  it('names the network when nothing listens', async () => {
    expect(await failure(target('role_md5', 'x', { port: 1 }))).toContain('ECONNREFUSED');
  });
});
