import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GatewayUnderTest, startTestGateway } from '../integration/gateway-harness.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { startSshd, type TestSshd } from '../support/sshd.js';
import { type CliRun, makeHome, onlyDocument, runCli } from './support/run-cli.js';

let home: Awaited<ReturnType<typeof makeHome>>;
let postgres: TestPostgres;
let sshd: TestSshd;
let gateway: GatewayUnderTest;
beforeAll(async () => {
  [home, postgres, sshd] = await Promise.all([makeHome(), startPostgres(), startSshd()]);
  const web = `kind: ssh, address: "127.0.0.1:${sshd.port}", username: ${sshd.user}, hostKey: "${sshd.hostKey}", secret: "vault:web"`;
  gateway = await startTestGateway({
    bundle: new Map([
      [
        'targets.yaml',
        `targets:
  - { name: web-1, ${web}, labels: { tier: web, all: yes } }
  - { name: web-2, ${web}, labels: { tier: web, all: yes } }
  - { name: web-away, ${web.replace(String(sshd.port), '1')}, labels: { tier: away } }
  - { name: db, kind: postgres, address: "127.0.0.1:${postgres.port}", database: postgres, username: ${postgres.superuser}, secret: "vault:db", tls: { mode: disable }, labels: { all: yes } }
`,
      ],
      ['classification.yaml', 'classes: {}\ncolumns: []\ndetectors: {}\n'],
      ['bindings.yaml', 'groups: {}\n'],
      ['policies/p.cedar', '@id("all") permit (principal, action, resource);\n'],
    ]),
  });
  await gateway.gateway.setSecret('db', postgres.password);
  await gateway.gateway.setSecret('web', sshd.privateKey);
}, 120_000);
afterAll(async () => {
  await gateway.stop();
  await Promise.all([sshd.stop(), postgres.stop(), home.remove()]);
});

const exec = async (...args: readonly string[]): Promise<CliRun> =>
  runCli(home.dir, ['exec', ...args], {
    input: null,
    env: { SLUICE_GATEWAY: gateway.url, SLUICE_TOKEN: await gateway.token('engineer'), SLUICE_NO_DAEMON: '1' },
  });

describe('a command on several targets', () => {
  it('is given as one text or as words, and each line that it says has its target in front', async () => {
    for (const command of [['echo one; echo two >&2'], ['--', 'sh', '-c', 'echo one; echo two >&2']]) {
      const run = await exec('--label', 'tier=web', ...command);
      expect([run.code, run.stdout]).toEqual([0, 'web-1: one\nweb-2: one\n']);
      expect(run.stderr).toContain('web-1: two\nweb-2: two\n');
      expect(run.stderr).toMatch(/web-2 {3}exit 0 /);
      expect(run.stderr).toContain('2 of 2 targets');
    }
  });

  it('ends with the code that all that failed have, and is no success in the document', async () => {
    const run = await exec('--label', 'tier=web', 'echo no; exit 7');
    expect([run.code, run.stdout]).toEqual([7, 'web-1: no\nweb-2: no\n']);
    expect(run.stderr).toMatch(/✗ web-1 {3}exit 7/);
    expect(run.stderr).toContain('0 of 2 targets; 2 failed');
    const told = await exec('--label', 'tier=web', '--json', 'exit 7');
    expect([told.code, onlyDocument(told)]).toMatchObject([
      7,
      { ok: false, succeeded: 0, failed: 2, targets: [{ result: { exit_code: 7 }, error: null }, {}] },
    ]);
    const away = await exec('--label', 'tier=away', 'true', '--json');
    expect([away.code, onlyDocument(away)]).toMatchObject([12, { failed: 1 }]);
  });

  it('is not guessed where words are a command for some and no text for others', async () => {
    const run = await exec('--label', 'all=yes', '--', 'echo', 'one');
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('Words behind --');
  });
});
