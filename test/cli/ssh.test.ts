import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPolicy, startSshLab, type SshLab } from '../support/ssh-lab.js';
import { makeHome, onlyDocument, runCli, type CliRun } from './support/run-cli.js';

let lab: SshLab;
let home: Awaited<ReturnType<typeof makeHome>>;
let env: Readonly<Record<string, string>>;
beforeAll(async () => {
  lab = await startSshLab();
  home = await makeHome();
  env = { SLUICE_GATEWAY: lab.gateway.url, SLUICE_TOKEN: await lab.gateway.token('engineer'), SLUICE_NO_DAEMON: '1' };
}, 60_000);
afterAll(async () => {
  await home.remove();
  await lab.stop();
});
const sluice = (...args: readonly string[]): Promise<CliRun> => runCli(home.dir, args, { env, input: null });

describe('sluice and ssh', () => {
  it('runs ssh against a target without any configuration of the user’s', async () => {
    const run = await sluice('connect', 'web-1', '--', 'ssh', 'web-1', 'echo through; exit 6');
    expect([run.code, run.stdout]).toEqual([6, 'through\n']);
    expect(existsSync(join(home.dir, '.ssh'))).toBe(false);
  });

  it('writes an include file, with which plain ssh works', async () => {
    const document = onlyDocument(await sluice('config', 'ssh', '--json'));
    expect(document).toMatchObject({ schema: 'sluice.config_ssh/v1', targets: ['web-1'], installed: null });
    const config = String(document['config']);
    expect(statSync(config).mode & 0o777).toBe(0o600);
    expect(existsSync(join(home.dir, '.ssh'))).toBe(false);
    const run = await lab.run('ssh', ['-F', config, 'web-1', 'echo plain'], {
      env: {
        ...env,
        HOME: home.dir,
        SLUICE_CONFIG_DIR: join(home.dir, 'config'),
        SLUICE_STATE_DIR: join(home.dir, 'state'),
      },
    });
    expect([run.code, run.stdout]).toEqual([0, 'plain\n']);
    await sluice('config', 'ssh', '--install');
    await sluice('config', 'ssh', '--install');
    expect(readFileSync(join(home.dir, '.ssh', 'config'), 'utf8')).toBe(`Include "${config}"\n`);
  });

  it('gets a certificate with which ssh needs no tunnel', async () => {
    const document = onlyDocument(await sluice('ssh', 'certificate', '--json'));
    expect(document).toMatchObject({ schema: 'sluice.ssh_certificate_file/v1', ok: true });
    const identity = String(document['identity_file']);
    expect(statSync(identity).mode & 0o777).toBe(0o600);
    const options = [`UserKnownHostsFile=${lab.knownHosts}`, 'HostKeyAlias=sluice-gateway', 'IdentitiesOnly=yes'];
    const port = String(lab.gateway.gateway.sshPort);
    const args = ['-F', '/dev/null', ...options.flatMap((option) => ['-o', option]), '-i', identity, '-p', port];
    const run = await lab.run('ssh', [...args, 'web-1@127.0.0.1', 'echo native'], {});
    expect([run.code, run.stdout]).toEqual([0, 'native\n']);
    // The key stays; the certificate is new.
    const key = readFileSync(identity, 'utf8');
    const before = readFileSync(`${identity}-cert.pub`, 'utf8');
    expect((await sluice('ssh', 'certificate')).code).toBe(0);
    expect(readFileSync(identity, 'utf8')).toBe(key);
    expect(readFileSync(`${identity}-cert.pub`, 'utf8')).not.toBe(before);
  });

  it('registers a key with its proof, with which ssh needs nothing else, and takes it back', async () => {
    const key = join(home.dir, 'own');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'ann@laptop', '-f', key]);
    const added = onlyDocument(await sluice('ssh', 'keys', 'add', '--key', key, '--expires', '90d', '--json'));
    expect(added).toMatchObject({ schema: 'sluice.ssh_keys/v1', keys: [{ label: 'ann@laptop', used_at: null }] });
    const options = [`UserKnownHostsFile=${lab.knownHosts}`, 'HostKeyAlias=sluice-gateway', 'IdentitiesOnly=yes'];
    const port = String(lab.gateway.gateway.sshPort);
    const args = ['-F', '/dev/null', ...options.flatMap((option) => ['-o', option]), '-i', key, '-p', port];
    const run = await lab.run('ssh', [...args, 'web-1@127.0.0.1', 'echo by key'], {});
    expect([run.code, run.stdout]).toEqual([0, 'by key\n']);
    const listed = await sluice('ssh', 'keys', 'list');
    expect(listed.stdout).toContain('ann@laptop');
    const [{ fingerprint, expires_at: expires }] = added['keys'] as [{ fingerprint: string; expires_at: string }];
    expect(Date.parse(expires)).toBeGreaterThan(Date.now() + 89 * 86_400_000);
    const removed = await sluice('ssh', 'keys', 'remove', fingerprint, '--json');
    expect(onlyDocument(removed)['keys']).toEqual([]);
    expect((await lab.run('ssh', [...args, '-o', 'BatchMode=yes', 'web-1@127.0.0.1', 'echo no'], {})).code).toBe(255);
    expect((await sluice('ssh', 'keys', 'remove', fingerprint)).code).toBe(9);
  });

  it('says what is missing when it has no key of that name', async () => {
    const run = await sluice('ssh', 'certificate', '--key', join(home.dir, 'none'));
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('ssh-keygen -t ed25519');
  });

  it('runs a command by exec, words quoted, and passes its exit code through', async () => {
    const run = await sluice('exec', 'web-1', '--', 'sh', '-c', 'echo "a  b"; exit 9');
    expect([run.code, run.stdout]).toEqual([9, 'a  b\n']);
  });

  it('explains and asks for a command by the words it is run with', async () => {
    const explained = await sluice('policy', 'explain', 'web-1', '--json', '--', 'cat', '/srv/a b');
    expect(explained.code).toBe(0);
    const [effect] = onlyDocument(explained)['effects'] as [{ facts: Record<string, unknown> }];
    expect(effect.facts).toMatchObject({ program: 'cat', arguments: ['/srv/a b'] });
    lab.apply(
      `${openPolicy}@id("ask") @approval("dba") @message("Ask first.")\n` +
        'forbid (principal, action == Action::"exec", resource) unless { context.approvals.contains("dba") };\n',
    );
    const asked = await sluice('requests', 'create', 'web-1', '--json', '--reason', 'INC-7', '--', 'cat', '/srv/a b');
    expect(asked.code).toBe(0);
    expect(onlyDocument(asked)['request']).toMatchObject({ text: "cat '/srv/a b'", client: { via: 'api' } });
    lab.apply(openPolicy);
  });

  it('keeps its own failures apart from the program’s', async () => {
    lab.apply(`${openPolicy}@id("no") forbid (principal, action == Action::"exec", resource);\n`);
    const run = await sluice('exec', 'web-1', '--json', '--', 'uptime');
    expect(run.code).toBe(205);
    expect(onlyDocument(run)['error']).toMatchObject({ code: 'denied', exit_code: 205, policy: 'no' });
    lab.apply(openPolicy);
  });

  it('needs no port for ssh, and says what to do instead', async () => {
    const run = await sluice('connect', 'web-1');
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('sluice config ssh');
  });

  it('tells ssh why a target cannot be reached', async () => {
    const run = await sluice('connect', 'nothing-here', '--stdio');
    expect(run.code).toBe(9);
    expect(run.stderr).toContain('no target "nothing-here"');
  });
});
