import { existsSync } from 'node:fs';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exitCodeMeanings, ownFailureBase } from '../../src/cli/exit-codes.js';
import { type GatewayUnderTest, type Role, startTestGateway } from '../integration/gateway-harness.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { startSshd, type TestSshd } from '../support/sshd.js';
import { type CliOptions, type CliRun, makeHome, onlyDocument, runCli } from './support/run-cli.js';

const policies = `
@id("all") permit (principal, action, resource);
@id("no-ddl") forbid (principal, action in Action::"define", resource);
@id("ask") @approval("dba") @message("A DBA decides.")
forbid (principal, action == Action::"delete", resource) unless { context.approvals.contains("dba") };
@id("no-reboot") forbid (principal, action == Action::"exec", resource) when { context.program == "reboot" };
@id("ask-touch") @approval("dba") @message("A DBA decides.")
forbid (principal, action == Action::"exec", resource) when { context.program == "touch" }
unless { context.approvals.contains("dba") };
`;

const execsPerPerson = 2;

let home: Awaited<ReturnType<typeof makeHome>>;
let postgres: TestPostgres;
let sshd: TestSshd;
/** Lets nobody open a session. */
let closed: TestSshd;
let gateway: GatewayUnderTest;
beforeAll(async () => {
  [home, postgres, sshd, closed] = await Promise.all([
    makeHome(),
    startPostgres(),
    startSshd(),
    startSshd({ lines: () => ['MaxSessions 0'] }),
  ]);
  await postgres.query('create table t as select generate_series(1, 500) as id');
  const db = `kind: postgres, database: postgres, username: ${postgres.superuser}, secret: "vault:db", tls: { mode: disable }, labels: {}`;
  const web = `kind: ssh, username: ${sshd.user}, hostKey: "${sshd.hostKey}", labels: {}`;
  gateway = await startTestGateway({
    limits: { execsPerPrincipal: execsPerPerson },
    bundle: new Map([
      [
        'targets.yaml',
        `targets:
  - { name: db, address: "127.0.0.1:${postgres.port}", ${db} }
  - { name: db-offline, address: "127.0.0.1:1", ${db} }
  - { name: web, address: "127.0.0.1:${sshd.port}", secret: "vault:web", ${web} }
  - { name: web-offline, address: "127.0.0.1:1", secret: "vault:web", ${web} }
  - { name: web-closed, address: "127.0.0.1:${closed.port}", secret: "vault:closed", ${web.replace(sshd.hostKey, closed.hostKey)} }
`,
      ],
      ['classification.yaml', 'classes: {}\ncolumns: []\ndetectors: {}\n'],
      ['bindings.yaml', 'groups: { dba: { claims: { groups: [dba] } } }\n'],
      ['policies/p.cedar', policies],
    ]),
  });
  await gateway.gateway.setSecret('db', postgres.password);
  await gateway.gateway.setSecret('web', sshd.privateKey);
  await gateway.gateway.setSecret('closed', closed.privateKey);
}, 120_000);
afterAll(async () => {
  await gateway.stop();
  await Promise.all([sshd.stop(), closed.stop(), postgres.stop(), home.remove()]);
});

/** Flags that every command is given besides. */
let more: readonly string[] = [];
const as = async (role: Role, args: readonly string[], options: CliOptions = {}): Promise<CliRun> =>
  runCli(home.dir, [...args, ...more], {
    input: null,
    ...options,
    env: {
      SLUICE_GATEWAY: gateway.url,
      SLUICE_TOKEN: await gateway.token(role),
      SLUICE_NO_DAEMON: '1',
      ...options.env,
    },
  });
const sluice = (...args: readonly string[]): Promise<CliRun> => as('engineer', args);
const nowhere = { SLUICE_GATEWAY: 'http://127.0.0.1:1' };

/** A request of the engineer's for a text or a program, decided by the reviewer where it says so. */
async function request(decision: 'deny' | null, ...words: readonly string[]): Promise<string> {
  const made = onlyDocument(
    await sluice('requests', 'create', ...(more.length > 0 ? [] : ['--json']), '--reason', 'INC-7', ...words),
  );
  const { id } = made['request'] as { readonly id: string };
  if (decision !== null) {
    const { status } = await gateway.call('POST', `/v1/requests/${id}/${decision}`, {
      as: 'reviewer',
      body: { comment: 'not today' },
    });
    expect(status).toBe(200);
  }
  return id;
}

/** The statement runs at the target: only then something is interrupted. */
const runs = (text: string, times = 1): Promise<void> =>
  vi.waitFor(
    async () => {
      const found = await postgres.query(
        `select 1 from pg_stat_activity where state = 'active' and query like '${text}%' and pid <> pg_backend_pid()`,
      );
      expect(found).toHaveLength(times);
    },
    { timeout: 60_000, interval: 50 },
  );

interface Situation {
  /** What happened, in words. */
  readonly when: string;
  run(): Promise<CliRun>;
}

/** Every exit code with a situation that ends so. */
const situations: Readonly<Record<number, Situation>> = {
  0: { when: 'a statement finds nothing', run: () => sluice('exec', 'db', 'select 1 where false') },
  1: {
    when: 'a recording was changed',
    async run() {
      const done = onlyDocument(await sluice('exec', 'db', 'select 1', '--json'));
      const session = String(done['session_id']);
      const folder = join(gateway.stateDir, 'recordings');
      const [file] = (await readdir(folder, { recursive: true })).filter((name) => name.includes(session));
      const journal = await readFile(join(folder, file ?? ''));
      journal[journal.length >> 1] = (journal[journal.length >> 1] ?? 0) ^ 1;
      await writeFile(join(folder, file ?? ''), journal);
      return sluice('sessions', 'verify', session);
    },
  },
  2: { when: 'a flag is unknown', run: () => sluice('targets', '--nonsense') },
  3: { when: 'the database knows no such table', run: () => sluice('exec', 'db', 'select * from absent') },
  4: {
    when: 'nobody is logged in',
    run: () => runCli(home.dir, ['targets'], { input: null, env: { SLUICE_GATEWAY: gateway.url } }),
  },
  5: { when: 'policy forbids it', run: () => sluice('exec', 'db', 'drop table t') },
  6: {
    when: 'people said no',
    run: async () => sluice('requests', 'wait', await request('deny', 'db', 'delete from t where id = 1')),
  },
  8: {
    when: 'people have to decide first',
    run: () => sluice('exec', 'db', 'delete from t where id = 2', '--no-wait'),
  },
  9: { when: 'there is no such target', run: () => sluice('exec', 'absent', 'select 1') },
  10: {
    when: 'a key was used with other input',
    async run() {
      expect((await sluice('exec', 'db', 'select 1', '--idempotency-key', 'k')).code).toBe(0);
      return sluice('exec', 'db', 'select 2', '--idempotency-key', 'k');
    },
  },
  11: { when: 'no gateway is there', run: () => as('engineer', ['exec', 'db', 'select 1'], { env: nowhere }) },
  12: { when: 'the database is not there', run: () => sluice('exec', 'db-offline', 'select 1') },
  13: {
    when: 'the port is somebody else’s',
    run: () => sluice('connect', 'db', '--foreground', '--port', new URL(gateway.url).port),
  },
  14: {
    when: 'it takes longer than allowed',
    run: () => sluice('exec', 'db', 'select pg_sleep(60)', '--timeout', '1s'),
  },
  15: {
    when: 'the result was cut, and that is a failure',
    run: () => sluice('exec', 'db', 'select id from t', '--limit', '3', '--fail-on-truncate'),
  },
  130: {
    when: 'Ctrl-C ends it',
    run: () =>
      as('engineer', ['exec', 'db', 'select pg_sleep(130)'], {
        interrupt: { signal: 'SIGINT', when: runs('select pg_sleep(130)') },
      }),
  },
  143: {
    when: 'a supervisor ends it',
    run: () =>
      as('engineer', ['exec', 'db', 'select pg_sleep(143)'], {
        interrupt: { signal: 'SIGTERM', when: runs('select pg_sleep(143)') },
      }),
  },
};

/** The same of `exec TARGET -- PROGRAM …`, whose own codes begin at 200; or why there is none. */
const ownFailures: Readonly<Record<number, Situation | string>> = {
  0: 'it is no failure: the code is the program’s',
  1: {
    when: 'too many of this person’s run already',
    async run() {
      const text = 'select pg_sleep(61)';
      const enough = new AbortController();
      const body = { target: 'db', text };
      const running = Array.from({ length: execsPerPerson }, () =>
        gateway.call('POST', '/v1/exec', { as: 'engineer', body, signal: enough.signal }).catch(() => null),
      );
      try {
        await runs(text, execsPerPerson);
        return await sluice('exec', 'web', '--', 'true');
      } finally {
        enough.abort();
        await Promise.all(running);
      }
    },
  },
  2: { when: 'a flag is unknown', run: () => sluice('exec', 'web', '--nonsense', '--', 'true') },
  3: { when: 'the machine takes logins and refuses sessions', run: () => sluice('exec', 'web-closed', '--', 'true') },
  4: {
    when: 'nobody is logged in',
    run: () => runCli(home.dir, ['exec', 'web', '--', 'true'], { input: null, env: { SLUICE_GATEWAY: gateway.url } }),
  },
  5: { when: 'policy forbids it', run: () => sluice('exec', 'web', '--', 'reboot') },
  6: {
    when: 'people said no',
    async run() {
      const file = join(sshd.dir, 'denied');
      const id = await request('deny', 'web', '--', 'touch', file);
      return sluice('exec', 'web', '--request', id, '--', 'touch', file);
    },
  },
  8: {
    when: 'people have to decide first',
    run: () => sluice('exec', 'web', '--no-wait', '--', 'touch', join(sshd.dir, 'held')),
  },
  9: { when: 'there is no such target', run: () => sluice('exec', 'absent', '--', 'true') },
  10: {
    when: 'a key was used with other input',
    async run() {
      expect((await sluice('exec', 'web', '--idempotency-key', 'w', '--', 'true')).code).toBe(0);
      return sluice('exec', 'web', '--idempotency-key', 'w', '--', 'false');
    },
  },
  11: { when: 'no gateway is there', run: () => as('engineer', ['exec', 'web', '--', 'true'], { env: nowhere }) },
  12: { when: 'the machine is not there', run: () => sluice('exec', 'web-offline', '--', 'true') },
  13: 'exec opens no port and needs no local agent',
  14: {
    when: 'it takes longer than allowed',
    run: () => sluice('exec', 'web', '--timeout', '1s', '--', 'sleep', '60'),
  },
  15: {
    when: 'the output was cut, and that is a failure',
    run: () => sluice('exec', 'web', '--max-bytes', '1000', '--fail-on-truncate', '--', 'seq', '100000'),
  },
  130: '200 and 130 do not fit into the byte that an exit code is: it stays 130',
  143: '200 and 143 do not fit into the byte that an exit code is: it stays 143',
};

const codes = exitCodeMeanings.map(([code]) => code);

describe('every exit code', () => {
  it('has a situation', () => {
    expect(Object.keys(situations).map(Number)).toEqual(codes);
    expect(Object.keys(ownFailures).map(Number)).toEqual(codes);
  });

  it.each(Object.entries(situations).map(([code, situation]) => ({ code: Number(code), ...situation })))(
    'ends with $code when $when',
    async ({ code, run }) => {
      const ended = await run();
      expect(ended.code, ended.stdout + ended.stderr).toBe(code);
    },
    120_000,
  );
});

describe('with --json', () => {
  beforeAll(() => {
    more = ['--json'];
  });
  afterAll(() => {
    more = [];
  });
  const failures = [2, 3, 5, 6, 8, 9, 10, 11, 12, 13, 14].map((code) => ({ code, ...situations[code] }));
  it.each(failures)(
    'says $code in one document, and names commands that there are',
    async ({ code, run }) => {
      const document = onlyDocument(await (run?.() ?? Promise.reject(new Error('no situation'))));
      expect(document).toMatchObject({ schema: 'sluice.error/v1', ok: false, error: { exit_code: code } });
      const { next } = document['error'] as { readonly next: readonly { readonly command: string }[] };
      expect(next).not.toEqual([]);
      for (const { command } of next) {
        const [program, first = '', second = ''] = command.split(' ');
        if (program !== 'sluice') continue;
        const exists = [`${first}.ts`, join(first, `${second}.ts`), join(first, 'list.ts')].some((file) =>
          existsSync(join('commands', file)),
        );
        expect(exists, command).toBe(true);
      }
    },
    120_000,
  );
});

describe('behind exec TARGET -- PROGRAM …', () => {
  it('says of a machine, also without --, that the target was not contacted, and of a database that it was not', async () => {
    const machine = await as('engineer', ['exec', 'web', 'reboot']);
    expect(machine.stderr).toContain('✗ Denied by gateway policy "no-reboot"; the target was not contacted.');
    const database = await as('engineer', ['exec', 'db', 'create table refused ()']);
    expect(database.stderr).toContain('✗ Denied by gateway policy "no-ddl"; the database was not contacted.');
  });

  it.each([0, 1, 5, 77, 255])('the program’s own %i is passed on', async (code) => {
    expect((await sluice('exec', 'web', '--', 'sh', '-c', `exit ${code}`)).code).toBe(code);
  });

  const real = Object.entries(ownFailures).flatMap(([code, situation]) =>
    typeof situation === 'string' ? [] : [{ code: ownFailureBase + Number(code), ...situation }],
  );
  it.each(real)(
    'ends with $code when $when',
    async ({ code, run }) => {
      const ended = await run();
      expect(ended.code, ended.stdout + ended.stderr).toBe(code);
    },
    120_000,
  );
});
