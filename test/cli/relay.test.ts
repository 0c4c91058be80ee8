import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GatewayUnderTest, startTestGateway } from '../integration/gateway-harness.js';
import { startSshd, type TestSshd } from '../support/sshd.js';
import { makeHome, onlyDocument, runCli, type CliRun } from './support/run-cli.js';

let sshd: TestSshd;
let gateway: GatewayUnderTest;
let home: Awaited<ReturnType<typeof makeHome>>;
const envOf = async (role: 'engineer' | 'robot'): Promise<Readonly<Record<string, string>>> => ({
  SLUICE_GATEWAY: gateway.url,
  SLUICE_TOKEN: await gateway.token(role),
  SLUICE_NO_DAEMON: '1',
});
beforeAll(async () => {
  sshd = await startSshd();
  gateway = await startTestGateway({
    bundle: new Map([
      [
        'targets.yaml',
        `relays: { office: { groups: [relays] } }\ntargets:\n  - { name: web-1, kind: ssh, address: "127.0.0.1:${sshd.port}", username: ${sshd.user}, secret: "vault:web-1", hostKey: "${sshd.hostKey}", relay: office }\n`,
      ],
      ['classification.yaml', 'classes: {}\ncolumns: []\ndetectors: {}\n'],
      ['bindings.yaml', 'groups: { relays: { machines: [robot] } }\n'],
      ['policies/test.cedar', '@id("everything")\npermit (principal, action, resource);\n'],
    ]),
  });
  await gateway.gateway.setSecret('web-1', sshd.privateKey);
  home = await makeHome();
}, 60_000);
afterAll(async () => {
  await home.remove();
  await gateway.stop();
  await sshd.stop();
});
const sluice = async (role: 'engineer' | 'robot', ...args: readonly string[]): Promise<CliRun> =>
  runCli(home.dir, args, { env: await envOf(role), input: null });

async function untilListed(connections: number): Promise<void> {
  for (;;) {
    const { document } = await gateway.call('GET', '/v1/relays', { as: 'engineer' });
    const [relay] = document['relays'] as { readonly connections: readonly unknown[] }[];
    if (relay?.connections.length === connections) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('sluice relay', () => {
  it('serves a machine, says in NDJSON what happens, and stops when it is told to', async () => {
    const allow = join(home.dir, 'allow');
    await writeFile(allow, `# the machine\n127.0.0.1:${sshd.port}\n`);
    let interrupt = (): void => undefined;
    const interrupted = new Promise<void>((resolve) => (interrupt = resolve));
    const running = runCli(home.dir, ['relay', 'office', '--allow-file', allow, '--json'], {
      env: await envOf('robot'),
      input: null,
      interrupt: interrupted,
    });
    await untilListed(1);
    const exec = await sluice('engineer', 'exec', 'web-1', '--', 'echo', 'by relay');
    expect([exec.code, exec.stdout]).toEqual([0, 'by relay\n']);
    const list = await sluice('engineer', 'relays', 'list');
    expect(list.stdout).toMatch(/^office\tserving\trobot\t127\.0\.0\.1\t\S+\t\d+\tweb-1$/m);
    interrupt();
    const run = await running;
    expect(run.code).toBe(0);
    const events = run.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.every(({ schema, relay }) => schema === 'sluice.relay/v1' && relay === 'office')).toBe(true);
    const names = events.map(({ event }) => event);
    expect([names[0], names.at(-1)]).toEqual(['connected', 'stopped']);
    expect(events).toContainEqual(expect.objectContaining({ event: 'opened', destination: `127.0.0.1:${sshd.port}` }));
    await untilListed(0);
    const away = await sluice('engineer', 'exec', 'web-1', '--', 'true');
    expect(away.code).toBeGreaterThan(200);
    expect(away.stderr).toContain('relay "office", by which web-1 is reached, is not connected');
    expect((await sluice('engineer', 'relays')).stdout).toMatch(/^office\taway\t/m);
  }, 90_000);

  it('does not start without anything to connect to, nor with a line it cannot read', async () => {
    const none = await sluice('robot', 'relay', 'office');
    expect([none.code, none.stderr.includes('--allow HOST:PORT')]).toEqual([2, true]);
    const wrong = await sluice('robot', 'relay', 'office', '--allow', '*:22');
    expect([wrong.code, wrong.stderr.includes('does not say what the relay may connect to')]).toEqual([2, true]);
    const absent = await sluice('robot', 'relay', 'office', '--allow-file', join(home.dir, 'none'));
    expect(absent.code).toBe(2);
  });

  it('ends with the reason where its login may not serve', async () => {
    const run = await sluice('engineer', 'relay', 'office', '--allow', '127.0.0.1:22', '--json');
    expect(run.code).toBe(5);
    expect(onlyDocument(run)).toMatchObject({
      schema: 'sluice.error/v1',
      error: { code: 'denied', decider: 'gateway' },
    });
  });
});
