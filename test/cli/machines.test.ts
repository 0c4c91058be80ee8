import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { workloadsSchema } from '../../src/gateway/workloads-config.js';
import { type GatewayUnderTest, startTestGateway } from '../integration/gateway-harness.js';
import { startIdentityServer, type IdentityServer } from '../support/identity-server.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { makeHome, onlyDocument, runCli, type CliRun } from './support/run-cli.js';

const audience = 'https://sluice.test';
let platform: IdentityServer;
let postgres: TestPostgres;
let running: GatewayUnderTest;
let home: Awaited<ReturnType<typeof makeHome>>;

beforeAll(async () => {
  [platform, postgres, home] = await Promise.all([startIdentityServer(), startPostgres(), makeHome()]);
  const rules = [{ claims: { repository: 'corp/*' }, name: '{repository}', groups: ['ci'], onBehalfOf: 'actor' }];
  running = await startTestGateway({
    bundle: new Map([
      [
        'targets.yaml',
        `targets:\n  - { name: db, kind: postgres, address: "127.0.0.1:${postgres.port}", database: postgres, username: ${postgres.superuser}, secret: "vault:db", tls: { mode: disable }, labels: {} }\n`,
      ],
      ['classification.yaml', 'classes: {}\ncolumns: []\ndetectors: {}\n'],
      ['bindings.yaml', 'groups:\n  reviewers: { claims: { groups: [reviewers] } }\n'],
      [
        'policies/p.cedar',
        `@id("read") permit (principal, action in [Action::"session", Action::"read"], resource);
         @id("audit") permit (principal in Group::"reviewers", action == Action::"readSession", resource);`,
      ],
    ]),
    bootstrap: { workloads: workloadsSchema.parse({ issuers: [{ url: platform.url, audience, rules }] }) },
  });
  await running.gateway.setSecret('db', postgres.password);
}, 120_000);
afterAll(async () => {
  await running.stop();
  await Promise.all([platform.close(), postgres.stop(), home.remove()]);
});

const asReviewer = async (...args: readonly string[]): Promise<CliRun> => {
  const env = { SLUICE_GATEWAY: running.url, SLUICE_TOKEN: await running.token('reviewer') };
  return runCli(home.dir, args, { input: null, env });
};

/** Runs a statement as a job of the platform's that somebody set off; the session. */
async function job(repository: string, actor: string | null, text: string): Promise<string> {
  const file = join(home.dir, 'identity');
  writeFileSync(file, await platform.sign({ aud: audience, sub: repository, repository, ...(actor && { actor }) }));
  const env = { SLUICE_GATEWAY: running.url, SLUICE_IDENTITY_TOKEN_FILE: file };
  const run = await runCli(home.dir, ['exec', 'db', text, '--json'], { input: null, env });
  expect([run.code, run.stderr]).toEqual([0, '']);
  return String(onlyDocument(run)['session_id']);
}

it('shows and finds who acted and on whose behalf, in lists, searches and single sessions', async () => {
  const forAnn = await job('corp/deploy', 'ann', 'select 1 as one');
  const forBob = await job('corp/deploy', 'bob', 'select 1 as one');
  const own = await job('corp/nightly', null, 'select 1 as one');

  const machine = (name: string): object => ({ id: `${running.url}#${platform.url}#${name}`, name, kind: 'machine' });
  const ann = { id: `${platform.url}#ann`, name: 'ann' };
  const listed = onlyDocument(await asReviewer('sessions', 'list', '--json'))['sessions'];
  expect(listed).toMatchObject([
    { id: own, user: 'corp/nightly', actor: machine('corp/nightly'), on_behalf_of: null },
    { id: forBob, user: 'corp/deploy', actor: machine('corp/deploy'), on_behalf_of: { name: 'bob' } },
    { id: forAnn, user: 'corp/deploy', actor: machine('corp/deploy'), on_behalf_of: ann },
  ]);
  const filtered = await asReviewer('sessions', 'list', '--json', '--on-behalf-of', 'ann');
  expect(onlyDocument(filtered)['sessions']).toMatchObject([{ id: forAnn, on_behalf_of: ann }]);
  const table = await asReviewer('sessions', 'list', '--on-behalf-of', 'ann');
  expect(table.stdout.split('\n')[1]).toContain('\tcorp/deploy\tann\tdb\t');

  const found = async (...query: readonly string[]): Promise<readonly string[]> => {
    const document = onlyDocument(await asReviewer('sessions', 'search', '--json', ...query));
    return (document['sessions'] as readonly { readonly id: string }[]).map(({ id }) => id);
  };
  expect(await found('for:ann')).toEqual([forAnn]);
  expect(await found('for:ann', 'one')).toEqual([forAnn]);
  expect(await found('actor:corp/deploy')).toEqual([forBob, forAnn]);
  expect(await found('actor:ann')).toEqual([]);
  expect(await found('user:ann')).toEqual([forAnn]);
  expect(await found('one', '--on-behalf-of', 'bob')).toEqual([forBob]);
  const searched = await asReviewer('sessions', 'search', 'for:ann');
  expect(searched.stdout).toContain('\tcorp/deploy\tann\tdb\t');

  const one = onlyDocument(await asReviewer('sessions', 'show', forAnn, '--json'));
  expect(one['session']).toMatchObject({ id: forAnn, actor: machine('corp/deploy'), on_behalf_of: ann });
  const shown = await asReviewer('sessions', 'show', forAnn);
  expect(shown.stdout).toContain('corp/deploy (machine) for ann on db via exec');
}, 240_000);
