import { execFile } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ssh2, { type Connection, type ParsedKey } from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { string } from '../../../src/protocols/ssh/sftp/codec.js';
import { opensshPrivateKey, sealParts } from '../../support/ssh-certificates.js';
import { startSshLab, type SshLab } from '../../support/ssh-lab.js';
import { startSshd, type TestSshd } from '../../support/sshd.js';

// Machines that show certificates of their host keys. The gateway asks for none: it knows a machine by the key that is
// pinned, and an authority that others trust opens no way to its secret.

const run = promisify(execFile);
const patience = { timeout: 60_000 };
let dir: string;
let lab: SshLab;
/** Real machines: each has a host certificate beside its key. */
let machine: TestSshd;
let impostor: TestSshd;
/** Shows a certificate in the place of the key that was agreed on, and writes down every login that it is shown. */
let liar: ssh2.Server;
const shown: string[] = [];
let lies = true;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-host-certificates-'));
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, 'ca')]);
  const certified = () =>
    startSshd({
      lines: async (own) => {
        const names = ['-h', '-I', 'machine', '-n', '127.0.0.1,web-1,*', '-V', '-1d:+1d'];
        await run('ssh-keygen', ['-q', '-s', join(dir, 'ca'), ...names, join(own, 'host_key.pub')]);
        return [`HostCertificate ${join(own, 'host_key-cert.pub')}`, 'LogLevel VERBOSE'];
      },
    });
  [machine, impostor] = [await certified(), await certified()];
  await copyFile(join(machine.dir, 'authorized_keys'), join(impostor.dir, 'authorized_keys'));
  const hostKey = generateKeyPairSync('ed25519').privateKey;
  liar = new ssh2.Server({ hostKeys: [opensshPrivateKey(hostKey)] }, (client: Connection) => {
    client.on('error', () => undefined);
    const protocol: unknown = Reflect.get(client, '_protocol');
    if (lies) Reflect.set(protocol as object, '_hostKeys', { 'ssh-ed25519': showing(hostKey) });
    client.on('authentication', (context) => {
      shown.push(context.method);
      context.accept();
    });
  });
  await new Promise<void>((resolve) => liar.listen(0, '127.0.0.1', resolve));
  const line = async (file: string): Promise<string> => (await readFile(file, 'utf8')).split(' ').slice(0, 2).join(' ');
  const target = (name: string, port: number, key: string): string =>
    `  - { name: ${name}, kind: ssh, address: "127.0.0.1:${port}", username: ${machine.user}, hostKey: "${key}", labels: {}, secret: "vault:machine" }\n`;
  lab = await startSshLab({
    moreTargets: [
      target('certified', machine.port, machine.hostKey),
      target('impostor', impostor.port, machine.hostKey),
      target('by-authority', machine.port, await line(join(dir, 'ca.pub'))),
      target('liar', (liar.address() as AddressInfo).port, publicLine(hostKey)),
    ].join(''),
  });
  await lab.gateway.gateway.setSecret('machine', machine.privateKey);
});
afterAll(async () => {
  await lab.stop();
  liar.close();
  await machine.stop();
  await impostor.stop();
  await rm(dir, { recursive: true, force: true });
});

function publicLine(key: KeyObject): string {
  const parsed = ssh2.utils.parseKey(opensshPrivateKey(key));
  if (parsed instanceof Error) throw parsed;
  return `${parsed.type} ${parsed.getPublicSSH().toString('base64')}`;
}

/** A host key as a server has it, which shows a certificate of itself instead. */
function showing(key: KeyObject): ParsedKey {
  const parsed = ssh2.utils.parseKey(opensshPrivateKey(key));
  if (parsed instanceof Error) throw parsed;
  const now = BigInt(Math.floor(Date.now() / 1000));
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  const certificate = sealParts({
    ...{ type: 'ssh-ed25519-cert-v01@openssh.com', publicKey: Buffer.from(x, 'base64url'), kind: 2, keyId: 'liar' },
    ...{ principals: string('127.0.0.1'), after: now - 60n, before: now + 600n, critical: Buffer.alloc(0) },
    ...{ extensions: Buffer.alloc(0), reserved: '', signer: key, signatureKey: null, signatureType: 'ssh-ed25519' },
    tail: Buffer.alloc(0),
  });
  return Object.create(parsed, { getPublicSSH: { value: () => certificate } }) as ParsedKey;
}

/** What OpenSSH's own client says of a machine that it knows by the authority alone. */
async function byAuthority(to: TestSshd): Promise<number | null> {
  const known = join(dir, 'known_hosts');
  await writeFile(known, `@cert-authority * ${await readFile(join(dir, 'ca.pub'), 'utf8')}`);
  const options = [`UserKnownHostsFile=${known}`, 'StrictHostKeyChecking=yes', 'BatchMode=yes', 'LogLevel=ERROR'];
  const words = [...options, 'IdentitiesOnly=yes', 'IdentityAgent=none'].flatMap((each) => ['-o', each]);
  const where = ['-i', join(machine.dir, 'user_key'), '-p', String(to.port), '-l', to.user, '127.0.0.1', 'true'];
  return (await lab.run('ssh', ['-F', '/dev/null', ...words, ...where])).code;
}

describe('a machine with a host certificate', () => {
  it('is known by the key that is pinned', async () => {
    expect(await lab.sshTo(['certified', 'echo in'])).toMatchObject({ code: 0, stdout: 'in\n' });
  });

  it('is another one when its key is another, whoever has certified that', async () => {
    // The control: who trusts the authority lets both of them in.
    expect(await byAuthority(machine)).toBe(0);
    expect(await byAuthority(impostor)).toBe(0);
    const accepted = (): number => impostor.log().split('Accepted publickey').length - 1;
    await expect.poll(accepted, patience).toBe(1);
    const ended = await lab.sshTo(['impostor', 'echo never']);
    expect(ended).toMatchObject({ code: 212, stdout: '' });
    expect(ended.stderr).toContain('HOST KEY MISMATCH');
    // The next one that is let in is the second: what its log says comes in its time, but in order.
    expect(await byAuthority(impostor)).toBe(0);
    await expect.poll(accepted, patience).toBeGreaterThan(1);
    expect(accepted()).toBe(2);
  });

  it('is not let in for its authority, though that is what is pinned', async () => {
    const ended = await lab.sshTo(['by-authority', 'echo never']);
    expect(ended).toMatchObject({ code: 212, stdout: '' });
    expect(ended.stderr).toContain('HOST KEY MISMATCH');
  });

  it('sees no login when it shows a certificate where its key belongs, though that key is pinned and signs', async () => {
    const ended = await lab.sshTo(['liar', 'echo never']);
    expect(ended).toMatchObject({ code: 212, stdout: '' });
    expect(ended.stderr).toContain('sluice: ');
    expect(shown).toEqual([]);
    // The control: the same server with its key.
    lies = false;
    await lab.sshTo(['liar', 'echo never']);
    expect(shown).not.toEqual([]);
  });
});
