import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startSshLab, type SshLab } from '../support/ssh-lab.js';
import { startSshd, type TestSshd } from '../support/sshd.js';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const account = { name: 'tester', password: 'correct horse: battery' };
let aheadMs = 0;
let dir: string;
let lab: SshLab;
let trusting: TestSshd;
let asking: TestSshd | null = null;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-ssh-ca-'));
  for (const name of ['ca', 'other-ca'])
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, name)]);
  trusting = await startSshd({
    async lines(own) {
      await copyFile(join(dir, 'ca.pub'), join(own, 'ca.pub'));
      await writeFile(join(own, 'principals'), 'sluice-ops\nsecond\n');
      // No key logs in here: whoever comes in came with a certificate.
      return [
        ...['AuthorizedKeysFile none', `TrustedUserCAKeys ${join(own, 'ca.pub')}`],
        ...[`AuthorizedPrincipalsFile ${join(own, 'principals')}`, 'LogLevel VERBOSE', 'ExposeAuthInfo yes'],
        ...['AllowAgentForwarding yes', 'X11Forwarding yes'],
      ];
    },
  });
  if (isRoot)
    asking = await startSshd({ account, lines: () => ['PasswordAuthentication yes', 'AuthorizedKeysFile none'] });
  const target = (name: string, more: string): string =>
    `  - { name: ${name}, kind: ssh, address: "127.0.0.1:${trusting.port}", username: ${trusting.user}, hostKey: "${trusting.hostKey}", labels: {}, ${more} }\n`;
  const byPassword = (name: string): string =>
    asking === null
      ? ''
      : `  - { name: ${name}, kind: ssh, address: "127.0.0.1:${asking.port}", username: ${account.name}, hostKey: "${asking.hostKey}", labels: {}, secret: "vault:${name}" }\n`;
  lab = await startSshLab({
    clock: () => Date.now() + aheadMs,
    moreTargets: [
      target('certified', 'secret: "vault:ca", certificate: { principals: [sluice-ops] }'),
      target('unnamed', 'secret: "vault:ca", certificate: {}'),
      target('untrusted', 'secret: "vault:other-ca", certificate: { principals: [sluice-ops] }'),
      target('no-authority', 'secret: "vault:no-authority", certificate: { principals: [sluice-ops] }'),
      target('plain', 'secret: "vault:ca"'),
      byPassword('by-password'),
      byPassword('wrong-password'),
    ].join(''),
  });
  const { gateway } = lab.gateway;
  for (const name of ['ca', 'other-ca']) await gateway.setSecret(name, await readFile(join(dir, name), 'utf8'));
  await gateway.setSecret('no-authority', 'hunter2 is no key');
  await gateway.setSecret('by-password', account.password);
  await gateway.setSecret('wrong-password', 'another one');
}, 60_000);
afterAll(async () => {
  await lab.stop();
  await trusting.stop();
  await asking?.stop();
  await rm(dir, { recursive: true, force: true });
});
afterEach(() => (aheadMs = 0));

describe('a target that trusts an authority', () => {
  it('is logged in to with a certificate of the session’s own, which its log and the record both name', async () => {
    const ended = await lab.sshTo(['certified', 'cat "$SSH_USER_AUTH"']);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^publickey ssh-ed25519-cert-v01@openssh\.com /);
    const [session] = await lab.sessions('certified');
    const id = session?.id ?? '';
    const notice = (await lab.events(id)).find((event) => event.type === 'notice' && event.code === 'certificate');
    const told = /certificate (\d+) \(key id "(.+?)"\) of (SHA256:\S+) for sluice-ops,/.exec(
      notice?.type === 'notice' ? notice.message : '',
    );
    expect(told?.[2]).toBe(`${id} engineer@demo.example`);
    expect(trusting.log()).toContain(
      `Accepted certificate ID "${told?.[2]}" (serial ${told?.[1]}) signed by ED25519 CA`,
    );
    expect(trusting.log()).toContain(told?.[3]);
  });

  it('sees another key and another certificate in each session, good for minutes, for a terminal and forwarding alone', async () => {
    const seen: string[] = [];
    for (let session = 0; session < 2; session++) {
      const { stdout } = await lab.sshTo(['certified', 'cat "$SSH_USER_AUTH"']);
      const file = join(dir, `seen-${session}`);
      await writeFile(file, `${stdout.trim().split(' ').slice(1).join(' ')}\n`);
      seen.push((await run('ssh-keygen', ['-L', '-f', file], { env: { ...process.env, TZ: 'UTC' } })).stdout);
    }
    const line = (text: string | undefined, name: string): string =>
      new RegExp(`${name}: *(.*)`).exec(text ?? '')?.[1] ?? '';
    expect(line(seen[0], 'Public key')).not.toBe(line(seen[1], 'Public key'));
    expect(line(seen[0], 'Serial')).not.toBe(line(seen[1], 'Serial'));
    const [from = '', to = ''] = [...line(seen[0], 'Valid').matchAll(/\d{4}-[\d-]+T[\d:]+/g)].map(([time]) => time);
    expect(Date.parse(`${to}Z`) - Date.parse(`${from}Z`)).toBe(6 * 60_000);
    expect(Date.parse(`${to}Z`)).toBeLessThanOrEqual(Date.now() + 5 * 60_000);
    expect(seen[0]?.split('Principals:')[1]?.replaceAll(/\s+/g, ' ').trim()).toBe(
      'sluice-ops Critical Options: (none) Extensions: permit-port-forwarding permit-pty',
    );
  });

  it('serves terminals, files and forwarding over it', async () => {
    expect((await lab.sshTo(['-tt', 'certified', 'tty'])).stdout).toMatch(/\/dev\/pts\/\d+/);
    const file = join(dir, 'moved');
    await writeFile(file, 'moved by certificate\n');
    expect((await lab.run('scp', ['-F', lab.config, file, `certified:${file}.there`])).code).toBe(0);
    expect(await readFile(`${file}.there`, 'utf8')).toBe('moved by certificate\n');
    const forwarded = await lab.sshTo(['-W', `127.0.0.1:${trusting.port}`, 'certified'], 'x\r\n');
    expect(forwarded.stdout).toMatch(/^SSH-2\.0-OpenSSH/);
  });

  it.each([
    ['a principal that may not log in', 'unnamed', () => trusting.user],
    ['an authority that it does not trust', 'untrusted', () => 'sluice-ops'],
  ])('refuses %s, and the person reads what was shown to it', async (_, name, principal) => {
    const ended = await lab.sshTo([name, 'echo never']);
    expect(ended).toMatchObject({ code: 212, stdout: '' });
    expect(ended.stderr).toContain(`sluice: target: ${name} refused the certificate for ${trusting.user}`);
    expect(ended.stderr).toContain(`principal ${principal()}, authority SHA256:`);
    expect(ended.stderr).toContain('trustedusercakeys');
  });

  it('refuses a certificate that has expired by its clock', async () => {
    aheadMs = -60 * 60_000;
    const ended = await lab.sshTo(['certified', 'echo never']);
    expect(ended).toMatchObject({ code: 212, stdout: '' });
    expect(ended.stderr).toContain('have the right time');
    expect(trusting.log()).toContain('Certificate invalid: expired');
  });

  it('is not reached with a secret that is no authority, which is not shown either', async () => {
    const ended = await lab.sshTo(['no-authority', 'echo never']);
    expect(ended).toMatchObject({ code: 202, stdout: '' });
    expect(ended.stderr).toContain('the secret is not the private key of an authority');
    expect(ended.stderr).not.toContain('hunter2');
  });

  it('does not take the authority’s own key for a login', async () => {
    expect((await lab.sshTo(['plain', 'echo never'])).code).toBe(212);
  });
});

// Where the tests are not run by root there is no account with a password that anyone could be.
describe.skipIf(!isRoot)('a target that asks for a password', () => {
  it('is logged in to with the one in the vault', async () => {
    expect(await lab.sshTo(['by-password', 'id -un'])).toEqual({ code: 0, stdout: 'tester\n', stderr: '' });
    expect(asking?.log()).toContain('Accepted password for tester');
  });

  it('refuses another one, and nobody reads either', async () => {
    const ended = await lab.sshTo(['wrong-password', 'echo never']);
    expect(ended).toMatchObject({ code: 212, stdout: '' });
    expect(ended.stderr).toContain('it refused the gateway’s login');
    expect(ended.stderr).not.toContain('another one');
  });
});
