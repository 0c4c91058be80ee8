import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Address, type OpenGateway, pgClient, startOpenGateway } from './open-gateway.js';

let gateway: OpenGateway;
beforeAll(async () => {
  gateway = await startOpenGateway(['shop', 'copy']);
  await gateway.postgres.query(
    `create table people (id serial primary key, name text not null, born date);
     create table orders (id int primary key, person int references people, total money, note text default 'n''one');
     create view names as select id, upper(name) as name from people;
     create type mood as enum ('sad', 'ok'); create table moods (m mood[], at timestamptz default now());
     create function add_one(int) returns int language sql as 'select $1 + 1';
     create function stamp() returns trigger language plpgsql as $$ begin new.name := initcap(new.name); return new; end $$;
     create trigger stamped before insert on people for each row execute function stamp();
     create materialized view totals as select count(*) n from people;
     insert into people (name, born) select 'person ' || n, date '2000-01-01' + n from generate_series(1, 200) n;
     insert into orders select n, n, n * 1.5::numeric::money from generate_series(1, 100) n;
     insert into moods values ('{sad,ok}', '2024-01-01'), (null, null)`,
    'shop',
  );
}, 60_000);
afterAll(() => gateway.stop());

const here = (name: string): string => fileURLToPath(new URL(`./clients/${name}`, import.meta.url));

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a client program to its end. One that is not installed fails the test with its name. */
async function run(command: string, args: readonly string[], address: Address, input = ''): Promise<Ran> {
  const child = spawn(command, args, {
    stdio: 'pipe',
    env: {
      ...process.env,
      PGHOST: '127.0.0.1',
      PGPORT: String(address.port),
      PGUSER: address.user,
      PGPASSWORD: address.password,
      PGDATABASE: address.database,
      PGSSLMODE: 'disable',
      LC_ALL: 'C.UTF-8',
    },
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  child.stdin.on('error', () => undefined).end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out: out.replaceAll(restriction, ''), err: err.replace(banner, '') };
}

/** What the gateway says at the start of each session. */
const banner = /^NOTICE: {2}Sluice records this session.*\nHINT: .*\n/;
/** pg_dump's own random key, new each time. */
const restriction = /^\\(?:un)?restrict .*\n/gm;

/** The same program direct and through the gateway, one after the other, on the same database. */
/** psycopg warns or not, as its answers happen to arrive in one read or in two. */
function told({ code, out, err }: Awaited<ReturnType<typeof run>>): unknown {
  return { code, out, err: err.replaceAll(/^error ignored terminating <psycopg\.Pipeline .*\n?/gm, '') };
}

async function bothWays(command: string, args: (address: Address) => readonly string[], input = ''): Promise<void> {
  const [direct, through] = [gateway.direct('shop'), gateway.through('shop')];
  const expected = await run(command, args(direct), direct, input);
  const got = await run(command, args(through), through, input);
  expect(expected.code, expected.err).toBe(0);
  expect(expected.out.length).toBeGreaterThan(20);
  expect(told(got)).toEqual(told(expected));
}

const asArguments = ({ port, user, password, database }: Address): readonly string[] => [
  String(port),
  user,
  password,
  database,
];
/** Debian's own Python, which Debian's packages belong to; another one on the PATH does not know them. */
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
const jdbcJar = process.env['POSTGRES_JDBC_JAR'] ?? '/usr/share/java/postgresql.jar';

describe('client programs see the same through the gateway as direct', () => {
  it('psql: its describing commands, copies, variables and cursors', { timeout: 60_000 }, async () => {
    const script = [
      '\\dt+',
      '\\d people',
      '\\d+ orders',
      '\\dv',
      '\\df',
      '\\dT',
      '\\dn',
      '\\du sluice_admin',
      '\\di',
      '\\sf add_one',
      '\\sv names',
      '\\dy',
      '\\dx',
      '\\dp people',
      '\\z orders',
      '\\dD',
      '\\ds',
      '\\dm',
      '\\dC money',
      '\\copy (select id, name from people where id < 4) to stdout csv header',
      '\\set FETCH_COUNT 7',
      'select id from people order by id limit 30;',
      '\\unset FETCH_COUNT',
      '\\gdesc',
      'select 1 as a, now() as b \\gdesc',
      "select 'x' as var \\gset",
      "select :'var';",
      "select format('select %s;', n) from generate_series(1, 3) n \\gexec",
      'select id % 2 as r, id % 3 as c, count(*) from people group by 1, 2 \\crosstabview r c',
      '\\errverbose',
      'select bad;',
      'begin; \\echo :VERSION_NUM',
      'select 1/0;',
      'rollback;',
      '\\x on',
      'table totals;',
      'do $$ begin raise notice $n$told$n$; end $$;',
      'select $1 + 1 \\bind 5 \\g',
    ].join('\n');
    await bothWays('psql', () => ['-X', '-a'], script.replace('\\bind', '-- \\bind').replace('now() as b', "'x' as b"));
  });

  it('pgbench: preparing its tables, and TPC-B in every query mode', { timeout: 120_000 }, async () => {
    const address = gateway.through('shop');
    const prepared = await run('pgbench', ['-i', '-q', '-s', '1'], address);
    expect(prepared.code, prepared.err).toBe(0);
    for (const mode of ['simple', 'extended', 'prepared']) {
      for (const more of [[], ['-S']]) {
        const ran = await run('pgbench', ['-n', '-c', '3', '-t', '20', '-M', mode, ...more], address);
        expect(ran.code, ran.err).toBe(0);
        expect(ran.out).toContain('number of transactions actually processed: 60/60');
      }
    }
    const [sums] = await gateway.postgres.query(
      'select (select sum(abalance) from pgbench_accounts) = (select sum(tbalance) from pgbench_tellers) as tellers, (select sum(delta) from pgbench_history) = (select sum(bbalance) from pgbench_branches) as branches, (select count(*)::int from pgbench_history) as n',
      'shop',
    );
    expect(sums).toEqual({ tellers: true, branches: true, n: 180 });
    await gateway.postgres.query(
      'drop table pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers',
      'shop',
    );
  });

  it('pg_dump into psql: what comes out goes in, and is the same database', { timeout: 120_000 }, async ({ skip }) => {
    const [from, to] = [gateway.direct('shop'), gateway.direct('copy')];
    skip((await run('pg_dump', [], from)).err.includes('server version mismatch'), 'pg_dump is older than the server');
    const dumped = await run('pg_dump', [], gateway.through('shop'));
    expect(dumped.code, dumped.err).toBe(0);
    expect(dumped.out).toBe((await run('pg_dump', [], from)).out);
    const restored = await run('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1'], gateway.through('copy'), dumped.out);
    expect(restored.code, restored.err).toBe(0);
    expect((await run('pg_dump', [], to)).out).toBe(dumped.out);
    for (const options of [
      ['--inserts', '--rows-per-insert=10'],
      ['-s', '-C'],
      ['-a', '-t', 'people'],
    ]) {
      const through = await run('pg_dump', options, gateway.through('shop'));
      expect(through).toEqual(await run('pg_dump', options, from));
    }
  });

  it.each(['use-psycopg2.py', 'use-psycopg3.py', 'use-pgcli.py'])('%s', { timeout: 60_000 }, async (script) => {
    await bothWays(python, (address) => [here(script), ...asArguments(address)]);
  });

  it('JDBC in all its query modes', { timeout: 120_000 }, async () => {
    expect(existsSync(jdbcJar), `${jdbcJar} (Debian: libpostgresql-jdbc-java, or POSTGRES_JDBC_JAR)`).toBe(true);
    await bothWays('java', (address) => ['-cp', jdbcJar, here('UseJdbc.java'), ...asArguments(address)]);
  });

  it('node-postgres: parameters, names, types, errors, notices, notifications, row streams', async () => {
    const seen = await Promise.all([useNodePostgres(gateway.direct('shop')), useNodePostgres(gateway.through('shop'))]);
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0].length).toBeGreaterThan(8);
  });
});

async function useNodePostgres(address: Address): Promise<readonly unknown[]> {
  const client = await pgClient(address);
  const seen: unknown[] = [];
  client.on('notice', (notice) => seen.push(notice.message));
  client.on('notification', ({ channel, payload }) => seen.push([channel, payload]));
  const channel = `ears_${address.port}`;
  try {
    const query = async (config: string | pg.QueryConfig): Promise<void> => {
      const result: pg.QueryResult | string = await client.query(config).catch((error: unknown) => {
        if (!(error instanceof pg.DatabaseError)) throw error;
        return `${error.code ?? ''} ${error.message} ${error.detail ?? ''} ${error.position ?? ''}`;
      });
      seen.push(
        typeof result === 'string'
          ? result
          : Array.isArray(result)
            ? result.length
            : [
                result.command,
                result.rowCount,
                result.rows,
                result.fields.map(({ name, dataTypeID }) => [name, dataTypeID]),
              ],
      );
    };
    await query({
      text: 'select $1::int + 1 as n, $2::text as t, $3::jsonb as j, $4::int[] as l',
      values: [1, 'x', { a: 1 }, [1, 2]],
    });
    for (let count = 0; count < 3; count++)
      await query({ name: 'again', text: 'select name from people where id = $1', values: [count + 1] });
    await query('select 1; select 2');
    await query('select nope');
    await query({ text: 'select $1::int / 0', values: [1] });
    await query({ text: 'insert into orders values (1)' });
    await query("do $$ begin raise notice 'told'; end $$");
    await query({
      text: 'select 1::int8, 2.5::numeric, now() is not null, null, true, $$x$$::bytea',
      rowMode: 'array',
    } as pg.QueryArrayConfig);
    await query(`listen ${channel}`);
    await query(`select pg_notify('${channel}', 'heard')`);
    await query('select generate_series(1, 500) as n');
    return JSON.parse(JSON.stringify(seen).replaceAll(channel, 'ears')) as readonly unknown[];
  } finally {
    await client.end();
  }
}
