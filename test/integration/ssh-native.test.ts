import { execFile } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { connect } from 'node:net';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openPolicy, startSshLab, type Ended, type SshLab } from '../support/ssh-lab.js';

const run = promisify(execFile);
let lab: SshLab;
let key: string;
beforeAll(async () => {
  lab = await startSshLab();
  key = join(lab.sshd.dir, 'mine');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
}, 60_000);
afterAll(() => lab.stop());
beforeEach(() => lab.apply(openPolicy));

async function certify(file = key, as: 'engineer' | 'robot' = 'engineer'): Promise<void> {
  const publicKey = await readFile(`${file}.pub`, 'utf8');
  const { status, document } = await lab.gateway.call('POST', '/v1/ssh/certificate', {
    as,
    body: { public_key: publicKey },
  });
  expect(status).toBe(200);
  await writeFile(`${file}-cert.pub`, `${String(document['certificate'])}\n`);
}

function native(login: string, command: string, identity = key): Promise<Ended> {
  const options = [
    ...['HostKeyAlias=sluice-gateway', `UserKnownHostsFile=${lab.knownHosts}`, 'StrictHostKeyChecking=yes'],
    ...['BatchMode=yes', 'LogLevel=ERROR', 'IdentitiesOnly=yes', 'IdentityAgent=none'],
  ].flatMap((option) => ['-o', option]);
  const port = String(lab.gateway.gateway.sshPort);
  return lab.run('ssh', ['-F', '/dev/null', ...options, '-i', identity, '-p', port, '-l', login, '127.0.0.1', command]);
}

describe('the native listener', () => {
  it('serves OpenSSH with a certificate, as who asked for it, and records where it came from', async () => {
    await certify();
    expect(await native('web-1', 'echo native')).toEqual({ code: 0, stdout: 'native\n', stderr: '' });
    expect((await native('engineer@web-1', 'echo by name')).stdout).toBe('by name\n');
    const [session] = await lab.sessions();
    const [open] = await lab.events(session?.id ?? '');
    expect(open).toMatchObject({ identity: { name: 'engineer@demo.example' }, client: { via: 'listener' } });
  });

  it('judges what comes that way like everything else', async () => {
    await certify();
    lab.apply(`${openPolicy}@id("no") forbid (principal, action == Action::"exec", resource);\n`);
    const ended = await native('web-1', 'echo never');
    expect(ended).toMatchObject({ code: 205, stdout: '' });
  });

  it('serves no key without a certificate, and no certificate of another authority', async () => {
    const bare = join(lab.sshd.dir, 'bare');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', bare]);
    expect(await native('web-1', 'echo no', bare)).toMatchObject({ code: 255, stdout: '' });
    const authority = join(lab.sshd.dir, 'authority');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', authority]);
    await run('ssh-keygen', ['-q', '-s', authority, '-I', 'engineer', '-n', 'web-1', `${bare}.pub`]);
    expect(await native('web-1', 'echo no', bare)).toMatchObject({ code: 255, stdout: '' });
  });

  it('serves nobody who has the certificate and not its key', async () => {
    await certify();
    const thief = join(lab.sshd.dir, 'thief');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', thief]);
    await writeFile(`${thief}-cert.pub`, await readFile(`${key}-cert.pub`, 'utf8'));
    expect(await native('web-1', 'echo no', thief)).toMatchObject({ code: 255, stdout: '' });
  });

  it('takes an offered certificate for nothing, and a proof made over something else neither', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const x = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
    const text = (value: string | Buffer): Buffer => {
      const bytes = Buffer.from(value);
      const head = Buffer.alloc(4);
      head.writeUInt32BE(bytes.length);
      return Buffer.concat([head, bytes]);
    };
    const line = `ssh-ed25519 ${Buffer.concat([text('ssh-ed25519'), text(x)]).toString('base64')}`;
    const { document } = await lab.gateway.call('POST', '/v1/ssh/certificate', {
      as: 'engineer',
      body: { public_key: line },
    });
    const blob = Buffer.from(String(document['certificate']).split(' ')[1] ?? '', 'base64');
    const proofOver = (data: Buffer) => text(Buffer.concat([text('ssh-ed25519'), text(sign(null, data, privateKey))]));
    const answersTo = (proof: Proof | null) => handshake(lab.gateway.gateway.sshPort ?? 0, blob, proof);
    // An offer, and then a session as if it had been taken.
    expect(await answersTo(null)).toEqual(['pk ok', 'refused']);
    expect(await answersTo((data) => proofOver(Buffer.concat([data, Buffer.from('x')])))).toEqual(['refused']);
    // The control: the same with the right proof.
    expect(await answersTo(proofOver)).toEqual(['in']);
  });

  it.each(['nobody', '', 'web-1 ', 'web-1@other'])(
    'says the same of every target that is not there: %j',
    async (name) => {
      await certify();
      expect(await native(name === '' ? 'x@' : name, 'echo no')).toMatchObject({ code: 255, stdout: '' });
    },
  );

  it('hides a target from whom policy hides it, and lets go of who is in it', async () => {
    await certify();
    const running = native('web-1', 'echo in; sleep 30');
    for (;;) {
      const { document } = await lab.gateway.call('GET', '/v1/sessions?target=web-1&state=live', { as: 'engineer' });
      if ((document['sessions'] as readonly { operations: number }[]).some(({ operations }) => operations > 0)) break;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    lab.apply(`${openPolicy}@id("out") forbid (principal, action == Action::"connect", resource);\n`);
    expect((await running).code).toBe(230);
    expect((await native('web-1', 'echo no')).code).toBe(255);
  });

  it('closes on who says nothing, and on what is not SSH', async () => {
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(lab.gateway.gateway.sshPort ?? 0, '127.0.0.1');
      let text = '';
      socket.on('data', (piece: Buffer) => (text += piece.toString('latin1')));
      socket.on('error', () => undefined);
      socket.once('close', () => resolve(text));
      socket.write(`GET / HTTP/1.1\r\n${'x'.repeat(70_000)}\r\n\r\n`);
    });
    expect(answer.startsWith('SSH-2.0-sluice')).toBe(true);
  });
});

/** Signs what proves a login. */
type Proof = (data: Buffer) => Buffer;

/** Logs in by hand: an offer of this certificate, or it with this signature; what the gateway answers. */
function handshake(port: number, blob: Buffer, proof: Proof | null): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const answers: string[] = [];
    const client = new ssh2.Client();
    client.on('error', () => resolve(answers));
    client.once('handshake', () => {
      // ssh2 has no certificates: its own packets are used where it would send a login.
      const protocol: unknown = Reflect.get(client, '_protocol');
      if (typeof protocol !== 'object' || protocol === null) return reject(new Error('ssh2 changed'));
      const handlers: unknown = Reflect.get(protocol, '_handlers');
      if (typeof handlers !== 'object' || handlers === null) return reject(new Error('ssh2 changed'));
      const send = (): void => {
        const asked = Buffer.concat([
          Buffer.from([50]),
          ...[field('web-1'), field('ssh-connection'), field('publickey'), Buffer.from([proof === null ? 0 : 1])],
          ...[field('ssh-ed25519-cert-v01@openssh.com'), field(blob)],
        ]);
        const { sessionID } = Reflect.get(protocol, '_kex') as { sessionID: Buffer };
        const request =
          proof === null ? asked : Buffer.concat([asked, proof(Buffer.concat([field(sessionID), asked]))]);
        const rw = Reflect.get(protocol, '_packetRW') as {
          write: { alloc(n: number): Buffer; finalize(b: Buffer): Buffer; allocStart: number };
        };
        const packet = rw.write.alloc(request.length);
        packet.set(request, rw.write.allocStart);
        const queue = Reflect.get(protocol, '_authsQueue') as string[];
        queue.push('publickey');
        (Reflect.get(protocol, '_cipher') as { encrypt(b: Buffer): void }).encrypt(rw.write.finalize(packet));
      };
      Object.assign(handlers, {
        SERVICE_ACCEPT: send,
        USERAUTH_PK_OK: () => {
          answers.push('pk ok');
          // As if that had been a login.
          client.exec('echo no', (error) => {
            answers.push(error === undefined ? 'opened' : 'refused');
            client.end();
            resolve(answers);
          });
        },
        USERAUTH_FAILURE: () => {
          answers.push('refused');
          client.end();
          resolve(answers);
        },
        USERAUTH_SUCCESS: () => {
          answers.push('in');
          client.end();
          resolve(answers);
        },
      });
    });
    client.once('close', () => {
      if (answers.length === 1 && answers[0] === 'pk ok') answers.push('refused');
      resolve(answers);
    });
    client.connect({ host: '127.0.0.1', port, username: 'web-1', password: 'x' });
  });
}

function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}
