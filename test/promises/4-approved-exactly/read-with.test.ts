import pg, { type Connection, type Submittable } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApprovalLab, openApprovalLab } from './support.js';

// One text, and yet something else: by what EXECUTE stands for, by the types of parameters, by settings of the session.

const policies = `
@id("notes") @approval("dba") @reuse("30m") @message("Notes need a DBA.")
forbid (principal, action in Action::"write", resource in Label::"env=demo")
when { resource is Table && resource.name == "notes" }
unless { context.approvals.contains("dba") };
@id("settings") permit (principal, action == Action::"setParameter", resource in Label::"env=demo");
`;
const minute = 60_000;

let lab: ApprovalLab;
beforeAll(async () => {
  lab = await openApprovalLab(policies);
  await lab.server.query('create table notes (text text)', 'shop');
  await lab.server.query('grant all on notes to public', 'shop');
}, 120_000);
afterAll(() => lab.stop());

const notes = async (): Promise<readonly unknown[]> =>
  (await lab.server.query('select text from notes order by text', 'shop')).map((row) => row['text']);
const commands = (texts: readonly string[]): readonly string[] => texts.flatMap((text) => ['-c', text]);

/** Runs these in psql, where one is held, and lets that stand for half an hour. */
async function approved(texts: readonly string[]) {
  const psql = await lab.psql('engineer', commands(texts));
  const id = await psql.request();
  await allow(id);
  expect(await psql.ended).toMatchObject({ code: 0 });
  return lab.request(id);
}
async function allow(id: string): Promise<void> {
  const body = { comment: 'looked at it', for_ms: 30 * minute };
  const token = await lab.token('reviewer');
  expect((await lab.running.call('POST', `/v1/requests/${id}/approve`, { token, body })).status).toBe(200);
}
/** Runs these in psql, where one is held for people again, who say no. */
async function askedAnew(texts: readonly string[]) {
  const psql = await lab.psql('engineer', commands(texts));
  const id = await psql.request();
  const request = await lab.request(id);
  await lab.vote(id, 'deny', 'reviewer');
  expect((await psql.ended).code).toBe(1);
  return request;
}
const ran = async (texts: readonly string[]): Promise<void> =>
  expect(await (await lab.psql('engineer', commands(texts))).ended).toMatchObject({ code: 0 });

it('shows what EXECUTE stands for, and an approval is for that and nothing else', async () => {
  const harmless = "prepare p as insert into notes values ('harmless')";
  const { text } = await approved([harmless, 'execute p']);
  expect(text).toBe(`${harmless};\nexecute p`);
  await ran([harmless, 'execute p']);
  const other = "prepare p as insert into notes select 'harm' from generate_series(1, 1000)";
  expect((await askedAnew([other, 'execute p'])).text).toBe(`${other};\nexecute p`);
  expect((await askedAnew([harmless, 'deallocate p', other, 'execute p'])).text).toContain('harm');
  expect(await notes()).toEqual(['harmless', 'harmless']);
});

it('hides of what EXECUTE stands for the values that are not for every reviewer, and nothing else', async () => {
  const secret = 'ann.secret@corp.example';
  const texts = [
    `prepare q(int) as update customers set email = '${secret}', name = 'Ann' where id = $1`,
    `/* two */ prepare r as insert into notes values ('as it is'); select 1`,
    'explain analyze execute q(1)',
    'execute r',
  ];
  const psql = await lab.psql('engineer', commands(texts));
  const first = await psql.request();
  const seen = await lab.request(first);
  expect(seen.text).toContain('prepare q(int) as update customers set email = ');
  expect(seen.text).toContain("name = 'Ann'");
  expect(seen.text).toMatch(/;\nexplain analyze execute q\(1\)$/);
  expect(JSON.stringify(seen)).not.toContain('ann.secret');
  expect((await lab.request(first, 'engineer')).text).toBe(`${texts[0]};\n${texts[2]}`);
  await lab.vote(first, 'approve', 'reviewer');
  const second = await psql.request(first);
  expect((await lab.request(second)).text).toBe(
    "/* two */ prepare r as insert into notes values ('as it is');\nexecute r",
  );
  await lab.vote(second, 'deny', 'reviewer');
  await psql.ended;
});

it.each([
  ['DateStyle', "'01/02/2026'::date", "set datestyle = 'ISO, DMY'", 'datestyle = ISO, DMY'],
  [
    'TimeZone',
    "'2026-01-01 00:00'::timestamptz at time zone 'UTC'",
    "set timezone to 'Asia/Tokyo'",
    'timezone = Asia/Tokyo',
  ],
  [
    'set_config',
    "'2026-01-01 00:00'::timestamptz",
    "select set_config('TimeZone', 'Asia/Tokyo', false)",
    'timezone = Asia/Tokyo',
  ],
  [
    'IntervalStyle',
    "'-1 2:03:04'::interval",
    'begin; set local intervalstyle = sql_standard',
    'intervalstyle = sql_standard',
  ],
])('reads constants by the settings that people were shown: %s', async (_name, constant, set, shown) => {
  const insert = `insert into notes values ((${constant})::text)`;
  expect((await approved([insert])).context).toEqual([]);
  const before = await notes();
  const texts = set.startsWith('begin') ? ['begin', set.slice(7), insert] : [set, insert];
  expect((await askedAnew(texts)).context).toEqual([shown]);
  expect(await notes()).toEqual(before);
  // Set and set back, it reads as before.
  if (set.startsWith('set ')) await ran([set, set.replace(/ (to|=) .*/, ' to default'), insert]);
});

it('marks values that were set from anywhere but the text, and shows none: they may be protected ones', async () => {
  const insert = "insert into notes values (current_setting('app.tenant', true))";
  const mark = (value: unknown) =>
    expect.stringMatching(new RegExp(`^${String(value)} = \\(not shown: [0-9a-f]{16}\\)$`)) as string;
  const of = async (...set: readonly string[]) => (await askedAnew([...set, insert])).context;
  const one = await of("set app.tenant = 'acme'");
  expect(one).toEqual([mark('app.tenant')]);
  expect(await of("set app.tenant = 'acme'")).toEqual(one);
  expect(await of("set app.tenant = 'other'")).not.toEqual(one);
  // What a value is computed to stands in no text, and a zone may have any name.
  const zone =
    "select set_config('timezone', translate(id::text, '0123456789', 'ABCDEFGHIJ') || 'XX0', false) from products where id = 7";
  const seen = await of(zone);
  expect(seen).toEqual([mark('timezone')]);
  expect(JSON.stringify(seen)).not.toContain('HXX');
});

it('has the settings that a client chose at its start, also once they are set again', async () => {
  const insert = 'insert into notes values (current_date::text)';
  expect((await approved([insert])).context).toEqual([]);
  for (const set of [[], ["set timezone to 'Asia/Tokyo'"]]) {
    const port = lab.running.gateway.postgresPort ?? 0;
    const login = { user: 'x', password: await lab.token('engineer'), database: 'demo-db' };
    const settings = { TimeZone: 'Asia/Tokyo' };
    const client = new pg.Client({ host: '127.0.0.1', port, ...login });
    client.on('error', () => undefined);
    // @types/pg does not know how to add to the startup message.
    Object.assign(client, { getStartupConf: () => ({ user: 'x', database: 'demo-db', ...settings }) });
    await client.connect();
    for (const text of set) await client.query(text);
    const held = heldOf(client);
    const answer = client.query(insert).catch((error: Error) => error);
    const id = await held;
    expect((await lab.request(id)).context).toEqual(['timezone = Asia/Tokyo']);
    await lab.vote(id, 'deny', 'reviewer');
    expect(await answer).toBeInstanceOf(Error);
    await client.end();
  }
});

it('reads parameters as what people were shown: another type, or binary, is another operation', async () => {
  const insert = "insert into notes select 'over' where $1 > '9'";
  const before = await notes();
  const client = new pg.Client({
    ...{ host: '127.0.0.1', port: lab.running.gateway.postgresPort ?? 0 },
    ...{ user: 'x', password: await lab.token('engineer'), database: 'demo-db' },
  });
  client.on('error', () => undefined);
  await client.connect();
  const held = heldOf(client);
  const first = submit(client, insert, [25], ['10']);
  const id = await held;
  expect(await lab.request(id)).toMatchObject({ parameters: ['10'], context: ['$1 as text'] });
  await allow(id);
  expect(await first).toBe('INSERT 0 0');
  expect(await submit(client, insert, [25], ['10'])).toBe('INSERT 0 0'); // stands
  for (const [types, value, context] of [
    [[23], '10', ['$1 as int4']],
    [[], '10', []],
    [[23], Buffer.from([0, 0, 0, 10]), ['$1 as int4 in binary']],
    [[25], Buffer.from('10'), ['$1 as text in binary']],
  ] as const) {
    const again = heldOf(client);
    const answer = submit(client, insert, types, [value]);
    const other = await Promise.race([again, answer]);
    expect(await lab.request(other)).toMatchObject({ state: 'pending', context });
    await lab.vote(other, 'deny', 'reviewer');
    expect(await answer).toMatch(/Denied by/);
  }
  await client.end();
  expect(await notes()).toEqual(before);
});

function heldOf(client: pg.Client): Promise<string> {
  return new Promise((resolve) =>
    client.on('notice', ({ message }) => {
      const [, id] = /Request (req_\w+)/.exec(message ?? '') ?? [];
      if (id !== undefined) resolve(id);
    }),
  );
}

/** Parse with these types, Bind, Execute, Sync: the tag, or why there is none. */
function submit(
  client: pg.Client,
  text: string,
  types: readonly number[],
  values: readonly (string | Buffer)[],
): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    const query = {
      submit(
        connection: Connection & Record<'parse' | 'bind' | 'execute', (message: object) => void> & { sync(): void },
      ) {
        connection.parse({ text, types });
        connection.bind({ values });
        connection.execute({});
        connection.sync();
        return null;
      },
      handleError: (error: Error) => resolve(error.message),
      handleCommandComplete: (message: { text: string }) => (said = message.text),
      handleReadyForQuery: () => resolve(said),
    };
    client.query(query as unknown as Submittable);
  });
}
