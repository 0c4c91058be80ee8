import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { message, openSession, payload, RawSsh, text } from '../support/raw-ssh.js';
import { newSecurityKey, type SecurityKey, type SigningOptions } from '../support/security-key.js';
import { openPolicy, startSshLab, type SshLab } from '../support/ssh-lab.js';

// Keys of security tokens, held by a token in software. OpenSSH's own server and ssh-keygen say what a right signature is.

let lab: SshLab;
let dir: string;
beforeAll(async () => {
  lab = await startSshLab();
  dir = await mkdtemp(join(tmpdir(), 'sluice-security-keys-'));
  lab.apply(openPolicy);
}, 60_000);
afterAll(async () => {
  await lab.stop();
  await rm(dir, { recursive: true, force: true });
});

async function register(key: SecurityKey, proof?: string): Promise<number> {
  const { statement, namespace } = (await lab.gateway.call('GET', '/v1/ssh/keys', { as: 'engineer' })).document;
  const made = proof ?? key.signText(String(statement), String(namespace));
  const body = { public_key: `${key.line} token@laptop`, proof: made, label: 'token' };
  return (await lab.gateway.call('POST', '/v1/ssh/keys', { as: 'engineer', body })).status;
}

type Proof = (data: Buffer) => Buffer;

/** A login over TCP with what `proof` makes of the data to be signed: at the gateway, or at OpenSSH's own server. */
async function login(key: SecurityKey, proof: Proof, at: 'gateway' | 'openssh' = 'gateway'): Promise<string> {
  const client = await RawSsh.connect(at === 'gateway' ? (lab.gateway.gateway.sshPort ?? 0) : lab.sshd.port);
  try {
    client.send(payload(message.serviceRequest, text('ssh-userauth')));
    const user = at === 'gateway' ? 'web-1' : lab.sshd.user;
    const asked = payload(
      ...([message.userauthRequest, text(user), text('ssh-connection'), text('publickey'), Buffer.from([1])] as const),
      ...[text(key.type), text(key.blob)],
    );
    const signature = proof(Buffer.concat([text(client.sessionId), asked]));
    client.send(Buffer.concat([asked, text(signature)]), openSession(1));
    const found = await client.until(message.userauthSuccess, message.userauthFailure);
    return found?.[0] === message.userauthSuccess ? 'in' : 'refused';
  } finally {
    client.end();
  }
}

describe.each(['sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com'] as const)(
  'a key of type %s',
  (type) => {
    const key = newSecurityKey(type);
    const other = newSecurityKey(type);
    const proving =
      (options?: SigningOptions, by = key): Proof =>
      (data) =>
        by.sign(data, options);

    it('signs as OpenSSH reads it: the controls', async () => {
      await appendFile(join(lab.sshd.dir, 'authorized_keys'), `${key.line}\n`);
      expect(await login(key, proving(), 'openssh')).toBe('in');
      expect(await login(key, proving({ flags: 0 }), 'openssh')).toBe('refused');
      await writeFile(join(dir, 'signers'), `me ${key.line}\n`);
      const verify = async (options?: SigningOptions): Promise<number | null> => {
        await writeFile(join(dir, 'signature'), key.signText('a text', 'ns', options));
        const words = [
          '-Y',
          'verify',
          '-f',
          join(dir, 'signers'),
          '-I',
          'me',
          '-n',
          'ns',
          '-s',
          join(dir, 'signature'),
        ];
        return (await lab.run('ssh-keygen', words, { input: 'a text' })).code;
      };
      expect(await verify()).toBe(0);
      expect(await verify({ claimed: { flags: 1, counter: 8 } })).not.toBe(0);
    });

    it('opens nothing before it is registered, and is registered with its own proof alone', async () => {
      expect(await login(key, proving())).toBe('refused');
      const { statement, namespace } = (await lab.gateway.call('GET', '/v1/ssh/keys', { as: 'engineer' })).document;
      const wrong = [
        '',
        other.signText(String(statement), String(namespace)),
        key.signText(`${String(statement)} `, String(namespace)),
        key.signText(String(statement), 'file'),
        key.signText(String(statement), String(namespace), { flags: 0 }),
        key.signText(String(statement), String(namespace), { claimed: { flags: 1, counter: 8 } }),
        key.signText(String(statement), String(namespace), { flags: 0, claimed: { flags: 1, counter: 7 } }),
        key.signText(String(statement), String(namespace), { application: 'ssh:other' }),
      ];
      for (const proof of wrong) expect(await register(key, proof)).toBe(400);
      expect(await register(key)).toBe(200);
      expect(await register(key)).toBe(409);
    });

    it('is a login with a right signature, whatever its counter, and with a PIN too', async () => {
      for (const options of [{}, { counter: 0 }, { counter: 0xffff_ffff }, { flags: 5 }])
        expect(await login(key, proving(options))).toBe('in');
    });

    it.each<[string, SigningOptions]>([
      ['nobody touched the token', { flags: 0 }],
      ['a PIN was given and nobody touched it', { flags: 4 }],
      ['it says that somebody touched it, and nobody did', { flags: 0, claimed: { flags: 1, counter: 7 } }],
      ['it says another counter', { claimed: { flags: 1, counter: 8 } }],
      ['it says other flags', { claimed: { flags: 5, counter: 7 } }],
      ['it is for another application', { application: 'ssh:other' }],
    ])('opens nothing when %s', async (_, options) => {
      expect(await login(key, proving(options))).toBe('refused');
    });

    it('opens nothing with the signature of another key, over something else, cut, longer or of another form', async () => {
      const wrong: readonly Proof[] = [
        proving({}, other),
        (data) => key.sign(Buffer.concat([data, Buffer.from('x')])),
        (data) => key.sign(data).subarray(0, -1),
        (data) => key.sign(data).subarray(0, -5),
        (data) => Buffer.concat([key.sign(data), Buffer.from([0])]),
        (data) => Buffer.concat([key.sign(data), key.sign(data).subarray(-5)]),
        (data) =>
          newSecurityKey(
            type === 'sk-ssh-ed25519@openssh.com' ? 'sk-ecdsa-sha2-nistp256@openssh.com' : 'sk-ssh-ed25519@openssh.com',
          ).sign(data),
        () => text(type),
        () => Buffer.alloc(0),
        () => Buffer.alloc(200),
      ];
      for (const proof of wrong) expect(await login(key, proof)).toBe('refused');
      // The control once more, after all of these.
      expect(await login(key, proving())).toBe('in');
    });

    it('is not registered for what is no SSH login', async () => {
      const web = newSecurityKey(type, 'https://example.com');
      expect(await register(web)).toBe(400);
    });
  },
);

describe('keys of other types', () => {
  it.each(['rsa', 'ecdsa'])('are refused by name: %s', async (type) => {
    const file = join(dir, type);
    await lab.run('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', file]);
    const { stdout } = await lab.run('cat', [`${file}.pub`]);
    const body = { public_key: stdout.trim(), proof: '', label: '' };
    const { status, text: said } = await lab.gateway.call('POST', '/v1/ssh/keys', { as: 'engineer', body });
    expect(status).toBe(400);
    expect(said).toContain('sk-ssh-ed25519@openssh.com');
  });
});
