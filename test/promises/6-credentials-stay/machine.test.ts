import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPolicy } from '../../support/ssh-lab.js';
import { keptFiles } from '../../support/kept-files.js';
import { openMachine, type Machine } from '../support/machine.js';

// The key with which the gateway logs in to a machine. Permitted is everything: what protects it is not policy.

let machine: Machine;
let forms: readonly string[];
const heard: string[] = [];
beforeAll(async () => {
  machine = await openMachine({
    policies: openPolicy,
    moreTargets:
      '  - { name: wrong-key, kind: ssh, address: "127.0.0.1:1", username: nobody, secret: "vault:web-1", hostKey: "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }\n',
  });
  forms = formsOf(machine.lab.sshd.privateKey);
});
afterAll(() => machine.stop());

/** Every line of a key as it is and reversed, and its middle in hex and as bytes. */
function formsOf(privateKey: string): readonly string[] {
  const lines = privateKey.split('\n').filter((line) => line.length > 30 && !line.includes('-----'));
  const bytes = Buffer.from(lines.join(''), 'base64');
  // The private half; the public one is no secret.
  const middle = bytes.subarray(bytes.length - 120, bytes.length - 60);
  const secretLines = lines.slice(-3);
  return [
    ...secretLines,
    ...secretLines.map((line) => [...line].toReversed().join('')),
    ...[middle.toString('hex'), middle.toString('latin1'), middle.toString('base64').slice(4, 60)],
  ];
}

const keep = (ended: { readonly stdout: string; readonly stderr: string }): void =>
  void heard.push(ended.stdout, ended.stderr);

describe('the key of a machine', () => {
  it('is in nothing that an insider can make the gateway or the machine say', async () => {
    for (const command of [
      'env',
      'set',
      'cat /proc/self/environ | tr "\\0" "\\n"',
      'ps -ef',
      'ssh-add -L',
      'no-such-program',
    ])
      keep(await machine.run('insider', command));
    keep(await machine.ssh('insider', ['-A', 'web-1', 'echo "[$SSH_AUTH_SOCK]"']));
    keep(await machine.ssh('insider', ['-vvv', 'web-1', 'true']));
    keep(await machine.ssh('insider', ['-tt', 'web-1', 'exit 3']));
    keep(await machine.lab.sshTo(['wrong-key', 'true']));
    keep(await machine.lab.run('sftp', ['-F', machine.lab.config, '-b', '-', 'web-1'], { input: 'ls /nowhere\n' }));
    for (const path of [
      '/v1/targets',
      '/v1/targets/web-1',
      '/v1/secrets',
      '/v1/bundle',
      '/v1/sessions',
      '/v1/ssh',
      '/metrics',
      '/openapi.json',
    ])
      for (const as of ['engineer', 'reviewer', 'robot'] as const)
        heard.push((await machine.lab.gateway.call('GET', path, { as })).text);
    expect(heard.join('').length).toBeGreaterThan(10_000);
    for (const form of forms) for (const text of heard) expect(text.includes(form)).toBe(false);
    // The control: these forms are those of the key.
    expect(forms.some((form) => machine.lab.sshd.privateKey.includes(form))).toBe(true);
  });

  it('is in no file of the gateway but sealed', async () => {
    await machine.stopClients();
    await machine.lab.sessions();
    const files = [...keptFiles(machine.lab.gateway.stateDir)];
    expect(files.length).toBeGreaterThan(5);
    for (const { name, bytes } of files)
      for (const form of forms) expect(bytes.toString('latin1').includes(form), name).toBe(false);
  });

  it('is not offered by the gateway for use elsewhere: no agent is there, none is passed on', async () => {
    const socket = join(machine.lab.sshd.dir, 'insiders-agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    const env = { SSH_AUTH_SOCK: socket };
    for (let attempt = 0; (await machine.lab.run('ssh-add', ['-l'], { env })).code === 2; attempt++)
      expect(attempt).toBeLessThan(400);
    const asking = ['-A', 'web-1', 'ssh-add -l; echo "[$SSH_AUTH_SOCK]"'];
    const direct = await machine.lab.run('ssh', ['-F', join(machine.lab.sshd.dir, 'direct_config'), ...asking], {
      env,
    });
    expect(direct.stdout).toMatch(/\[\/.+\]/);
    const through = await machine.lab.run('ssh', ['-F', machine.lab.config, ...asking], { env });
    expect(through.stdout).toBe('[]\n');
    agent.kill();
    await once(agent, 'exit');
  });
});
